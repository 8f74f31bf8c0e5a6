/*
 * doctor_report.c - what was found, as lines for people or as JSON for scripts.
 *
 * May touch: its arguments.
 */
#include "cli/doctor.h"

static const char *const words[] = {
    [RKD_FOUND_SKIP] = "skip",
    [RKD_FOUND_OK] = "ok",
    [RKD_FOUND_WARN] = "warn",
    [RKD_FOUND_FAIL] = "fail",
};

struct rki_buf *rkd_doctor_find(struct rkd_doctor *doctor, enum rkd_found found, enum rkd_code code,
                                const char *todo)
{
    /* the last place is written again and again, should there ever be more */
    const size_t at =
        doctor->finding_count < RKD_FINDINGS_MAX ? doctor->finding_count++ : RKD_FINDINGS_MAX - 1;
    struct rkd_finding *finding = &doctor->findings[at];

    if (found == RKD_FOUND_FAIL && code < RKD_CODES_BAD && doctor->is_accepted[code])
        found = RKD_FOUND_WARN; /* known, and wanted so */
    finding->found = found;
    finding->probe = doctor->probe;
    finding->code = code;
    finding->todo = todo;
    finding->text = rki_buf_over(finding->bytes, sizeof(finding->bytes));
    return &finding->text;
}

void rkd_doctor_say(struct rkd_doctor *doctor, enum rkd_found found, enum rkd_code code,
                    const char *text, const char *todo)
{
    rki_buf_put(rkd_doctor_find(doctor, found, code, todo), rki_cstr(text));
}

/* ---- for people ---- */

static void put_padded(struct rki_buf *out, const char *text, size_t width)
{
    rki_buf_put(out, rki_cstr(text));
    for (size_t i = strlen(text); i < width; i++)
        rki_buf_char(out, ' ');
}

/* A server's bytes do not command a terminal. */
static void put_plain(struct rki_buf *out, struct rk_str text)
{
    for (size_t i = 0; i < text.len; i++)
        rki_buf_put(out, text.ptr[i] >= ' ' && text.ptr[i] < 0x7f ? rki_str(text.ptr + i, 1)
                                                                  : RK_STR("?"));
}

static void put_line(struct rki_buf *out, const struct rkd_finding *finding)
{
    enum { WORD = 6, PROBE = 13 };

    put_padded(out, words[finding->found], WORD);
    put_padded(out, finding->probe, PROBE);
    put_plain(out, rki_buf_str(&finding->text));
    if (finding->found != RKD_FOUND_OK && finding->found != RKD_FOUND_SKIP) {
        rki_buf_lit(out, " [");
        rki_buf_put(out, rki_cstr(rkd_code_name(finding->code)));
        rki_buf_lit(out, "]");
    }
    rki_buf_lit(out, "\n");
    if (finding->todo == NULL)
        return;
    put_padded(out, "", WORD + PROBE);
    rki_buf_lit(out, "-> ");
    rki_buf_put(out, rki_cstr(finding->todo));
    rki_buf_lit(out, "\n");
}

static void put_sum(struct rki_buf *out, size_t failed, size_t warned)
{
    if (failed == 0 && warned == 0) {
        rki_buf_lit(out, "all good\n");
        return;
    }
    rki_buf_int(out, (int64_t)failed);
    rki_buf_lit(out, " failed, ");
    rki_buf_int(out, (int64_t)warned);
    rki_buf_put(out, warned == 1 ? RK_STR(" warning\n") : RK_STR(" warnings\n"));
}

/* ---- for scripts ---- */

static void put_member(struct rki_buf *out, const char *name, struct rk_str value)
{
    rki_buf_lit(out, ",\"");
    rki_buf_put(out, rki_cstr(name));
    rki_buf_lit(out, "\":");
    if (value.ptr == NULL)
        rki_buf_lit(out, "null");
    else
        rki_buf_json_untrusted(out, value, SIZE_MAX);
}

static void put_json(struct rki_buf *out, const struct rkd_doctor *doctor, size_t failed)
{
    rki_buf_put(out, failed == 0 ? RK_STR("{\"ok\":true") : RK_STR("{\"ok\":false"));
    put_member(out, "url", doctor->url);
    put_member(out, "api_url", doctor->api_url);
    rki_buf_lit(out, ",\"findings\":[");
    for (size_t i = 0; i < doctor->finding_count; i++) {
        const struct rkd_finding *finding = &doctor->findings[i];

        rki_buf_put(out, i == 0 ? RK_STR("{\"probe\":") : RK_STR(",{\"probe\":"));
        rki_buf_json(out, rki_cstr(finding->probe));
        put_member(out, "status", rki_cstr(words[finding->found]));
        put_member(out, "code", rki_cstr(rkd_code_name(finding->code)));
        put_member(out, "text", rki_buf_str(&finding->text));
        put_member(out, "todo", rki_cstr(finding->todo));
        rki_buf_lit(out, "}");
    }
    rki_buf_lit(out, "]}\n");
}

int rkd_doctor_report(struct rkd_doctor *doctor, bool is_json)
{
    struct rki_buf *out = &doctor->cli->out;
    size_t failed = 0, warned = 0;

    for (size_t i = 0; i < doctor->finding_count; i++) {
        failed += doctor->findings[i].found == RKD_FOUND_FAIL;
        warned += doctor->findings[i].found == RKD_FOUND_WARN;
    }
    if (is_json) {
        put_json(out, doctor, failed);
    } else {
        for (size_t i = 0; i < doctor->finding_count; i++)
            put_line(out, &doctor->findings[i]);
        put_sum(out, failed, warned);
    }
    return failed == 0 ? RKD_EXIT_OK : RKD_EXIT_REFUSED;
}
