/*
 * explain.c - writes a verdict for the operator: what was decided, and what each stage said.
 *
 * Everything written is ours, the operator's or the decision itself. May touch: its arguments.
 */
#include "serve/explain.h"

#include "api/api.h"
#include "core/grants.h"

const char *rkd_caller_kind_name(enum rkd_caller_kind kind)
{
    static const char *const names[] = {
        [RKD_CALLER_NONE] = "none",           [RKD_CALLER_ANONYMOUS] = "anonymous",
        [RKD_CALLER_OIDC] = "oidc",           [RKD_CALLER_API_KEY] = "api-key",
        [RKD_CALLER_EASY_AUTH] = "easy-auth", [RKD_CALLER_ENTRA] = "entra",
    };

    return (size_t)kind < ARRAY_LEN(names) ? names[kind] : names[RKD_CALLER_NONE];
}

/* ,"name": before a value, without the comma after an opening brace */
static void put_name(struct rki_buf *out, struct rk_str name)
{
    if (!out->overflow && out->len != 0 && out->ptr[out->len - 1] != '{')
        rki_buf_char(out, ',');
    rki_buf_json(out, name);
    rki_buf_char(out, ':');
}

/* Bidi and control characters are escaped: the answer may end on a terminal. */
static void put_text(struct rki_buf *out, struct rk_str name, struct rk_str text)
{
    if (text.ptr == NULL)
        return;
    put_name(out, name);
    rki_buf_json_untrusted(out, text, SIZE_MAX);
}

static void put_sources(struct rki_buf *out, uint32_t bits)
{
    bool has_any = false;

    if (bits == 0)
        return;
    put_name(out, RK_STR("canPublishSources"));
    rki_buf_char(out, '[');
    for (unsigned source = RK_SOURCE_CAMERA; source <= RK_SOURCE_SCREEN_SHARE_AUDIO; source++) {
        if ((bits & RKD_SOURCE_BIT(source)) == 0)
            continue;
        if (has_any)
            rki_buf_char(out, ',');
        has_any = true;
        rki_buf_json(out, rk_source_name((enum rk_source)source));
    }
    rki_buf_char(out, ']');
}

/* As the token would have them: what is written false is told too (an absent canPublish is true).
 */
static void put_grants(struct rki_buf *out, const struct rkd_decision *decision)
{
    put_name(out, RK_STR("grants"));
    rki_buf_char(out, '{');
    for (unsigned grant = RK_GRANT_NONE + 1; grant < RKI_GRANT_COUNT; grant++) {
        if ((decision->written & RKD_GRANT_BIT(grant)) == 0)
            continue;
        put_name(out, rk_grant_name((enum rk_grant)grant));
        rki_buf_put(out, (decision->grants & RKD_GRANT_BIT(grant)) != 0 ? RK_STR("true")
                                                                        : RK_STR("false"));
    }
    put_sources(out, decision->sources);
    rki_buf_char(out, '}');
}

static void put_attributes(struct rki_buf *out, const struct rkd_decision *decision)
{
    if (decision->attribute_count == 0)
        return;
    put_name(out, RK_STR("attributes"));
    rki_buf_char(out, '{');
    for (size_t i = 0; i < decision->attribute_count; i++)
        put_text(out, decision->attributes[i].key, decision->attributes[i].value);
    rki_buf_char(out, '}');
}

static void put_decision(struct rki_buf *out, const struct rkd_decision *decision)
{
    put_text(out, RK_STR("room"), decision->room);
    put_text(out, RK_STR("identity"), decision->identity);
    put_text(out, RK_STR("name"), decision->name);
    put_text(out, RK_STR("profile"), decision->profile);
    put_name(out, RK_STR("ttl_s"));
    rki_buf_int(out, decision->ttl_s);
    put_grants(out, decision);
    if (decision->kind != RK_KIND_UNSET)
        put_text(out, RK_STR("participant_kind"), rk_kind_name(decision->kind));
    put_text(out, RK_STR("metadata"), decision->metadata);
    put_attributes(out, decision);
    if (decision->room_config.len != 0) {
        put_name(out, RK_STR("room_config"));
        rki_buf_put(out, decision->room_config); /* JSON already */
    }
    if (decision->hook != NULL) {
        put_name(out, RK_STR("hook"));
        rki_buf_lit(out, "true");
    }
}

static void put_problem(struct rki_buf *out, const struct rkd_problem *problem)
{
    const struct rkd_error_row *row = rkd_error_row(problem->err);

    put_name(out, RK_STR("status"));
    rki_buf_int(out, row->status);
    put_text(out, RK_STR("code"), row->code);
    if (problem->field.len != 0)
        put_text(out, RK_STR("field"), problem->field);
    put_text(out, RK_STR("reason"), rki_cstr(problem->reason));
}

static void put_row(struct rki_buf *out, const struct rkd_trace_row *row)
{
    rki_buf_put(out, out->len != 0 && out->ptr[out->len - 1] == '[' ? RK_STR("{") : RK_STR(",{"));
    put_text(out, RK_STR("stage"), rki_cstr(row->stage));
    put_text(out, RK_STR("rule"), row->rule);
    put_text(out, RK_STR("outcome"), rki_cstr(row->outcome));
    put_text(out, RK_STR("detail"), row->detail);
    rki_buf_char(out, '}');
}

static bool has_stage(const struct rkd_trace *trace, const char *stage)
{
    for (size_t i = 0; trace != NULL && i < trace->count; i++)
        if (trace->rows[i].stage != NULL && strcmp(trace->rows[i].stage, stage) == 0)
            return true;
    return false;
}

static void put_stages(struct rki_buf *out, const struct rkd_trace *trace,
                       const struct rkd_hook *hook)
{
    put_name(out, RK_STR("stages"));
    rki_buf_char(out, '[');
    for (size_t i = 0; trace != NULL && i < trace->count; i++)
        put_row(out, &trace->rows[i]);
    if (hook != NULL && !has_stage(trace, "hook"))
        put_row(out, &(struct rkd_trace_row){.stage = "hook", .outcome = "to-be-asked"});
    rki_buf_char(out, ']');
}

struct rk_str rkd_explain_rule(const struct rkd_trace *trace, const struct rkd_decision *decision)
{
    if (decision != NULL && decision->rule.ptr != NULL)
        return decision->rule;
    for (size_t i = 0; trace != NULL && i < trace->count; i++)
        if (trace->rows[i].outcome != NULL && strcmp(trace->rows[i].outcome, "matches") == 0)
            return trace->rows[i].rule;
    return rki_str(NULL, 0);
}

void rkd_explain_write(struct rki_buf *out, const struct rkd_trace *trace,
                       const struct rkd_caller *caller, const struct rkd_decision *decision,
                       const struct rkd_problem *problem)
{
    const bool is_allowed = problem->err == RKD_OK;

    rki_buf_char(out, '{');
    put_text(out, RK_STR("verdict"), is_allowed ? RK_STR("allowed") : RK_STR("refused"));
    put_text(out, RK_STR("caller"), caller->name);
    put_text(out, RK_STR("kind"), rki_cstr(rkd_caller_kind_name(caller->kind)));
    if (!is_allowed)
        put_problem(out, problem);
    put_text(out, RK_STR("rule"), rkd_explain_rule(trace, is_allowed ? decision : NULL));
    if (is_allowed)
        put_decision(out, decision);
    put_stages(out, trace, is_allowed ? decision->hook : NULL);
    rki_buf_char(out, '}');
}
