/*
 * explain_text.c - a verdict for people: one line a stage, then the decision or the refusal.
 *
 * May touch: its arguments.
 */
#include "cli/explain_text.h"

#include "api/api.h"
#include "core/grants.h"
#include "serve/explain.h"

enum { STAGE_WIDTH = 10, RULE_WIDTH = 18, OUTCOME_WIDTH = 20 };

/* Rule ids and details are the operator's own, yet nothing but printable ASCII goes to a terminal
 * as it is. */
static void put_plain(struct rki_buf *out, struct rk_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const bool is_plain = text.ptr[i] >= ' ' && text.ptr[i] <= '~';

        rki_buf_put(out, is_plain ? rki_str(text.ptr + i, 1) : RK_STR("?"));
    }
}

/* At least one blank behind it. */
static void put_column(struct rki_buf *out, struct rk_str text, size_t width)
{
    put_plain(out, text);
    do
        rki_buf_char(out, ' ');
    while (!out->overflow && ++text.len < width);
}

static void put_stage(struct rki_buf *out, const struct rkd_trace_row *row)
{
    const size_t before = out->len;

    put_column(out, rki_cstr(row->stage), STAGE_WIDTH);
    put_column(out, row->rule, RULE_WIDTH);
    put_column(out, rki_cstr(row->outcome), OUTCOME_WIDTH);
    put_plain(out, row->detail);
    while (out->len > before && out->ptr[out->len - 1] == ' ')
        out->len--;
    rki_buf_char(out, '\n');
}

static void put_name(struct rki_buf *out, const char *name)
{
    rki_buf_lit(out, "  ");
    put_column(out, rki_cstr(name), 11);
}

static void put_text(struct rki_buf *out, const char *name, struct rk_str text)
{
    if (text.ptr == NULL)
        return;
    put_name(out, name);
    rki_buf_json_untrusted(out, text, SIZE_MAX);
    rki_buf_char(out, '\n');
}

static void put_grants(struct rki_buf *out, const struct rkd_decision *decision)
{
    bool has_any = false;

    put_name(out, "may");
    for (unsigned grant = RK_GRANT_NONE + 1; grant < RKI_GRANT_COUNT; grant++) {
        if ((decision->grants & RKD_GRANT_BIT(grant)) == 0)
            continue;
        if (has_any)
            rki_buf_char(out, ' ');
        has_any = true;
        rki_buf_put(out, rk_grant_name((enum rk_grant)grant));
    }
    if (decision->sources != 0) {
        rki_buf_lit(out, " (publish only:");
        for (unsigned source = RK_SOURCE_CAMERA; source <= RK_SOURCE_SCREEN_SHARE_AUDIO; source++)
            if ((decision->sources & RKD_SOURCE_BIT(source)) != 0) {
                rki_buf_char(out, ' ');
                rki_buf_put(out, rk_source_name((enum rk_source)source));
            }
        rki_buf_char(out, ')');
    }
    rki_buf_char(out, '\n');
}

static void put_decision(struct rki_buf *out, const struct rkd_decision *decision)
{
    put_text(out, "room", decision->room);
    put_text(out, "identity", decision->identity);
    put_text(out, "name", decision->name);
    put_text(out, "profile", decision->profile);
    put_grants(out, decision);
    put_name(out, "for");
    rki_buf_int(out, decision->ttl_s);
    rki_buf_lit(out, " s\n");
    put_text(out, "metadata", decision->metadata);
    for (size_t i = 0; i < decision->attribute_count; i++) {
        put_name(out, i == 0 ? "attributes" : "");
        rki_buf_json_untrusted(out, decision->attributes[i].key, SIZE_MAX);
        rki_buf_lit(out, ": ");
        rki_buf_json_untrusted(out, decision->attributes[i].value, SIZE_MAX);
        rki_buf_char(out, '\n');
    }
    if (decision->room_config.ptr != NULL)
        put_text(out, "roomConfig", decision->room_config);
    if (decision->hook != NULL)
        rki_buf_lit(out, "  and only if the hook of the rule agrees, which was not asked\n");
}

/* "no-rule" says no more than no_rule. */
static bool is_same_word(struct rk_str code, struct rk_str reason)
{
    for (size_t i = 0; i < code.len && code.len == reason.len; i++)
        if (code.ptr[i] != reason.ptr[i] && !(code.ptr[i] == '_' && reason.ptr[i] == '-'))
            return false;
    return code.len == reason.len;
}

static void put_refusal(struct rki_buf *out, const struct rkd_problem *problem)
{
    const struct rkd_error_row *row = rkd_error_row(problem->err);

    rki_buf_lit(out, ": ");
    rki_buf_int(out, row->status);
    rki_buf_char(out, ' ');
    rki_buf_put(out, row->code);
    if (problem->field.len != 0) {
        rki_buf_lit(out, ", ");
        put_plain(out, problem->field);
    }
    if (problem->reason != NULL && !is_same_word(row->code, rki_cstr(problem->reason))) {
        rki_buf_lit(out, " (");
        rki_buf_put(out, rki_cstr(problem->reason));
        rki_buf_char(out, ')');
    }
    rki_buf_char(out, '\n');
}

void rkd_explain_put_text(struct rki_buf *out, const struct rkd_trace *trace,
                          const struct rkd_caller *caller, const struct rkd_decision *decision,
                          const struct rkd_problem *problem)
{
    const bool is_allowed = problem->err == RKD_OK;
    const struct rk_str rule = rkd_explain_rule(trace, is_allowed ? decision : NULL);

    rki_buf_lit(out, "caller    ");
    put_plain(out, caller->name.ptr == NULL ? RK_STR("nobody") : caller->name);
    rki_buf_lit(out, " (");
    rki_buf_put(out, rki_cstr(rkd_caller_kind_name(caller->kind)));
    rki_buf_lit(out, ")\n");
    for (size_t i = 0; i < trace->count; i++)
        put_stage(out, &trace->rows[i]);
    rki_buf_put(out, is_allowed ? RK_STR("\nallowed") : RK_STR("\nrefused"));
    if (rule.ptr != NULL) {
        rki_buf_lit(out, " by rule ");
        put_plain(out, rule);
    }
    if (!is_allowed) {
        put_refusal(out, problem);
        return;
    }
    rki_buf_char(out, '\n');
    put_decision(out, decision);
}
