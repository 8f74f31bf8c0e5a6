/*
 * refusal.c - writes refusals, as problem details or as the original API did.
 *
 * Neither shape has a member named like a token: Android's client looks for one whatever the status
 * (reference livekit-tokens.md s.4.3). May touch: its arguments and the error table.
 */
#include "api/refusal.h"

#include "core/time.h"

enum { PATH_SHOWN = 1024 }; /* bytes of the request path told in a 401 of the original contract */

/* rkd_plain: before routing, 404, and routes without a contract. */
const struct rkd_contract rkd_plain = {.name = RK_STR_INIT("none"), RKD_PROBLEM_SHAPE};

unsigned rkd_status_problem(enum rkd_err err)
{
    return rkd_error_row(err)->status;
}

void rkd_write_problem(struct rki_buf *body, const struct rkd_error_view *view)
{
    const struct rkd_error_row *row = rkd_error_row(view->problem->err);

    rki_buf_lit(body, "{\"type\":\"about:blank\",\"title\":\"");
    rki_buf_put(body, row->title);
    rki_buf_lit(body, "\",\"status\":");
    rki_buf_int(body, row->status);
    rki_buf_lit(body, ",\"code\":\"");
    rki_buf_put(body, row->code);
    rki_buf_lit(body, "\",\"detail\":\"");
    rki_buf_put(body, row->detail);
    if (view->problem->field.len != 0) {
        rki_buf_lit(body, "\",\"field\":");
        rki_buf_json(body, view->problem->field);
        rki_buf_lit(body, ",\"request_id\":\"");
    } else {
        rki_buf_lit(body, "\",\"request_id\":\"");
    }
    rki_buf_put(body, view->request_id); /* ours: base64url */
    rki_buf_lit(body, "\"}");
}

/* ---- the original's shapes ---- */

unsigned rkd_status_original(enum rkd_err err)
{
    return err == RKD_E_MISSING_CREDENTIALS ? 500 : rkd_error_row(err)->status;
}

/* "rate_limited" -> "RATE_LIMITED"; two statuses and the 500 have names of their own (D34). */
static void put_original_code(struct rki_buf *body, const struct rkd_error_row *row)
{
    if (row->status == 400 || row->status == 413) {
        rki_buf_lit(body, "VALIDATION_ERROR");
        return;
    }
    if (row->status == 500) {
        rki_buf_lit(body, "INTERNAL_ERROR");
        return;
    }
    for (size_t i = 0; i < row->code.len; i++) {
        char c = row->code.ptr[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        rki_buf_char(body, c);
    }
}

static void put_field_errors(struct rki_buf *body, const struct rkd_problem *problem)
{
    rki_buf_lit(body, "\"validationErrors\":[");
    for (size_t i = 0; i < problem->field_error_count; i++) {
        const struct rkd_field_error *error = &problem->field_errors[i];

        rki_buf_put(body, i == 0 ? RK_STR("{\"field\":") : RK_STR(",{\"field\":"));
        rki_buf_json(body, rki_cstr(error->field));
        rki_buf_lit(body, ",\"message\":");
        rki_buf_json(body, rki_cstr(error->message));
        rki_buf_char(body, '}');
    }
    rki_buf_lit(body, "],");
}

static void write_stage_002(struct rki_buf *body, const struct rkd_error_view *view)
{
    const struct rkd_problem *problem = view->problem;
    const struct rkd_error_row *row = rkd_error_row(problem->err);

    rki_buf_lit(body, "{\"statusCode\":");
    rki_buf_int(body, rkd_status_original(problem->err));
    rki_buf_lit(body, ",\"errorCode\":\"");
    put_original_code(body, row);
    rki_buf_lit(body, "\",\"message\":\"");
    rki_buf_put(body, problem->field_error_count != 0 ? RK_STR("Request validation failed")
                                                      : row->detail);
    rki_buf_lit(body, "\",");
    if (problem->field_error_count != 0)
        put_field_errors(body, problem);
    rki_buf_lit(body, "\"timestamp\":\"");
    rki_buf_iso_ms(body, view->now_ms);
    rki_buf_lit(body, "\"}");
}

static void write_stage_004(struct rki_buf *body, const struct rkd_error_view *view)
{
    const struct rkd_problem *problem = view->problem;

    if (problem->err == RKD_E_UNAUTHENTICATED) {
        rki_buf_lit(body,
                    "{\"error\":{\"code\":\"missing_token\",\"message\":\"Authorization header "
                    "is missing\"");
    } else if (problem->entra_code != NULL && problem->entra_message != NULL) {
        rki_buf_lit(body, "{\"error\":{\"code\":");
        rki_buf_json(body, rki_cstr(problem->entra_code));
        rki_buf_lit(body, ",\"message\":");
        rki_buf_json(body, rki_cstr(problem->entra_message));
    } else /* one text for all reasons */
        rki_buf_lit(body, "{\"error\":{\"code\":\"invalid_token\",\"message\":\"The credential was "
                          "not accepted.\"");
    rki_buf_lit(body, ",\"statusCode\":401},\"timestamp\":\"");
    rki_buf_iso_ms(body, view->now_ms);
    rki_buf_lit(body, "\",\"path\":");
    rki_buf_json_untrusted(body, view->path, PATH_SHOWN);
    rki_buf_char(body, '}');
}

void rkd_write_original_error(struct rki_buf *body, const struct rkd_error_view *view)
{
    if (rkd_error_row(view->problem->err)->status == 401)
        write_stage_004(body, view);
    else
        write_stage_002(body, view);
}
