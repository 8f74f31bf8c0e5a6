/*
 * expo.c - the two formats of metrics, and which of them a client wants.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/expo.h"

static const char *const type_words[] = {[RKD_EXPO_GAUGE] = "gauge",
                                         [RKD_EXPO_COUNTER] = "counter",
                                         [RKD_EXPO_HISTOGRAM] = "histogram",
                                         [RKD_EXPO_INFO] = "info"};

static const char *suffix_of(enum rkd_expo_type type)
{
    return type == RKD_EXPO_COUNTER ? "_total" : type == RKD_EXPO_INFO ? "_info" : "";
}

/* OpenMetrics describes the family, text its one sample. */
static void begin_line(struct rkd_expo *expo, const char *what)
{
    rki_buf_lit(expo->out, "# ");
    rki_buf_put(expo->out, rki_cstr(what));
    rki_buf_char(expo->out, ' ');
    rki_buf_put(expo->out, rki_cstr(expo->name));
    if (!expo->is_open_metrics)
        rki_buf_put(expo->out, rki_cstr(suffix_of(expo->type)));
    rki_buf_char(expo->out, ' ');
}

static bool ends_with(struct rk_str s, struct rk_str end)
{
    return s.len >= end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

void rkd_expo_family(struct rkd_expo *expo, enum rkd_expo_type type, const char *name,
                     const char *help)
{
    const char *word = type_words[type];

    expo->type = type;
    expo->name = name;
    begin_line(expo, "HELP");
    rki_buf_put(expo->out, rki_cstr(help));
    rki_buf_char(expo->out, '\n');
    if (type == RKD_EXPO_INFO && !expo->is_open_metrics)
        word = type_words[RKD_EXPO_GAUGE];
    begin_line(expo, "TYPE");
    rki_buf_put(expo->out, rki_cstr(word));
    rki_buf_char(expo->out, '\n');
    if (!expo->is_open_metrics)
        return;
    if (ends_with(rki_cstr(name), RK_STR("_seconds"))) {
        begin_line(expo, "UNIT");
        rki_buf_lit(expo->out, "seconds\n");
    } else if (ends_with(rki_cstr(name), RK_STR("_bytes"))) {
        begin_line(expo, "UNIT");
        rki_buf_lit(expo->out, "bytes\n");
    }
}

void rkd_expo_sample(struct rkd_expo *expo, const char *suffix)
{
    rki_buf_put(expo->out, rki_cstr(expo->name));
    rki_buf_put(expo->out, rki_cstr(suffix != NULL ? suffix : suffix_of(expo->type)));
    expo->has_labels = false;
}

void rkd_expo_label(struct rkd_expo *expo, const char *name, struct rk_str value)
{
    rki_buf_char(expo->out, expo->has_labels ? ',' : '{');
    rki_buf_put(expo->out, rki_cstr(name));
    rki_buf_lit(expo->out, "=\"");
    for (size_t i = 0; i < value.len; i++) {
        const char c = value.ptr[i];

        if (c == '\\' || c == '"')
            rki_buf_char(expo->out, '\\');
        if (c == '\n')
            rki_buf_lit(expo->out, "\\n");
        else
            rki_buf_char(expo->out, c);
    }
    rki_buf_char(expo->out, '"');
    expo->has_labels = true;
}

static void put_uint(struct rki_buf *out, uint64_t value)
{
    if (value > INT64_MAX) { /* one digit more than rki_buf_int has */
        rki_buf_int(out, (int64_t)(value / 10));
        value %= 10;
    }
    rki_buf_int(out, (int64_t)value);
}

static void begin_value(struct rkd_expo *expo)
{
    rki_buf_put(expo->out, expo->has_labels ? RK_STR("} ") : RK_STR(" "));
}

void rkd_expo_uint(struct rkd_expo *expo, uint64_t value)
{
    begin_value(expo);
    put_uint(expo->out, value);
    rki_buf_char(expo->out, '\n');
}

void rkd_expo_ns(struct rkd_expo *expo, uint64_t ns)
{
    uint64_t rest = ns % 1000000000;

    begin_value(expo);
    put_uint(expo->out, ns / 1000000000);
    if (rest != 0)
        rki_buf_char(expo->out, '.');
    for (uint64_t digit = 100000000; rest != 0; digit /= 10) {
        rki_buf_char(expo->out, (char)('0' + rest / digit));
        rest %= digit;
    }
    rki_buf_char(expo->out, '\n');
}

void rkd_expo_end(struct rkd_expo *expo)
{
    if (expo->is_open_metrics)
        rki_buf_lit(expo->out, "# EOF\n");
}

void rkd_expo_one(struct rkd_expo *expo, enum rkd_expo_type type, const char *name,
                  const char *help, uint64_t value)
{
    rkd_expo_family(expo, type, name, help);
    rkd_expo_sample(expo, NULL);
    rkd_expo_uint(expo, value);
}

/* ---- which format ---- */

/* What stands in front of `at`, which moves behind it. */
static struct rk_str cut(struct rk_str *rest, char at)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, at, rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    const struct rk_str piece = rki_str(rest->ptr, len);

    *rest = end == NULL ? rki_str(NULL, 0) : rki_str(end + 1, rest->len - len - 1);
    return rki_str_trim(piece);
}

/* "0.5" in thousandths; what is no qvalue is 0: it is not wanted. */
static unsigned read_q(struct rk_str text)
{
    unsigned value = 0, weight = 1000;

    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.'))
        return 0;
    value = (unsigned)(text.ptr[0] - '0') * 1000;
    for (size_t i = 2; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        weight /= 10;
        value += (unsigned)(text.ptr[i] - '0') * weight;
    }
    return value > 1000 ? 0 : value;
}

bool rkd_expo_wants_open_metrics(struct rk_str accept)
{
    unsigned open = 0, text = 0;

    while (accept.len != 0) {
        struct rk_str range = cut(&accept, ',');
        const struct rk_str type = cut(&range, ';');
        unsigned q = 1000;
        bool is_ours = true; /* version=1.0.0 or none */

        while (range.len != 0) {
            const struct rk_str parameter = cut(&range, ';');

            if (rki_str_starts_with(parameter, RK_STR("q=")))
                q = read_q(rki_str(parameter.ptr + 2, parameter.len - 2));
            else if (rki_str_starts_with(parameter, RK_STR("version=")))
                is_ours = rki_str_equal(parameter, RK_STR("version=1.0.0"));
        }
        if (rki_str_equal(type, RK_STR("application/openmetrics-text")) && is_ours && q > open)
            open = q;
        if ((rki_str_equal(type, RK_STR("text/plain")) || rki_str_equal(type, RK_STR("text/*")) ||
             rki_str_equal(type, RK_STR("*/*"))) &&
            q > text)
            text = q;
    }
    return open > 0 && open >= text;
}

struct rk_str rkd_expo_content_type(bool is_open_metrics)
{
    return is_open_metrics ? RK_STR("application/openmetrics-text; version=1.0.0; charset=utf-8")
                           : RK_STR("text/plain; version=0.0.4; charset=utf-8");
}
