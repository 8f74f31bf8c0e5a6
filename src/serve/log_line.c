/*
 * log_line.c - formats one line of the log.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/clock.h"
#include "serve/log.h"

static const struct rk_str cut_end = RK_STR_INIT(",\"cut\":true}\n"); /* the longer of the two */

static void begin_json(struct rki_buf *buf, struct rk_str level, struct rk_str event,
                       int64_t now_ms)
{
    rki_buf_lit(buf, "{\"event\":\"");
    rki_buf_put(buf, event);
    rki_buf_lit(buf, "\",\"ts\":\"");
    rkd_clock_iso_ms(buf, now_ms);
    rki_buf_lit(buf, "\",\"level\":\"");
    rki_buf_put(buf, level);
    rki_buf_char(buf, '"');
}

static void begin_text(struct rki_buf *buf, struct rk_str level, struct rk_str event,
                       int64_t now_ms)
{
    rki_buf_lit(buf, "ts=");
    rkd_clock_iso_ms(buf, now_ms);
    rki_buf_lit(buf, " level=");
    rki_buf_put(buf, level);
    rki_buf_lit(buf, " event=");
    rki_buf_put(buf, event);
}

void rkd_log_begin(struct rkd_log_line *line, enum rkd_log_format format, enum rkd_log_level level,
                   struct rk_str event, int64_t now_ms)
{
    static const struct rk_str levels[] = {
        [RKD_LOG_ERROR] = RK_STR_INIT("error"),
        [RKD_LOG_WARN] = RK_STR_INIT("warn"),
        [RKD_LOG_INFO] = RK_STR_INIT("info"),
        [RKD_LOG_DEBUG] = RK_STR_INIT("debug"),
    };

    /* What ends a line always has its place. */
    line->buf = rki_buf_over(line->text, sizeof(line->text) - cut_end.len);
    line->is_cut = false;
    line->format = format;
    if (format == RKD_LOG_TEXT)
        begin_text(&line->buf, levels[level], event, now_ms);
    else
        begin_json(&line->buf, levels[level], event, now_ms);
}

/* Returns where the field begins, for close_field. */
static size_t open_field(struct rkd_log_line *line, struct rk_str name)
{
    const size_t at = line->buf.len;

    if (line->format == RKD_LOG_TEXT) {
        rki_buf_char(&line->buf, ' ');
        rki_buf_put(&line->buf, name);
        rki_buf_char(&line->buf, '=');
    } else {
        rki_buf_lit(&line->buf, ",\"");
        rki_buf_put(&line->buf, name);
        rki_buf_lit(&line->buf, "\":");
    }
    return at;
}

/* Half a field is taken back whole. */
static void close_field(struct rkd_log_line *line, size_t at)
{
    if (!line->buf.overflow)
        return;
    line->buf.len = at;
    line->buf.overflow = false;
    line->is_cut = true;
}

/* Printable ASCII that needs no escape: nearly every value there is, and quickly copied. */
static bool is_plain(struct rk_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
    return true;
}

/* A string that text shows without quotes: see log.h. */
static bool is_bare(struct rk_str s)
{
    bool is_number = true;

    if (s.len == 0 || rki_str_equal(s, RK_STR("yes")) || rki_str_equal(s, RK_STR("no")) ||
        rki_str_equal(s, RK_STR("null")))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == ' ' || s.ptr[i] == '=')
            return false;
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(i == 0 && s.ptr[i] == '-'))
            is_number = false;
    }
    return !is_number;
}

void rkd_log_str(struct rkd_log_line *line, struct rk_str name, struct rk_str value)
{
    const size_t at = open_field(line, name);

    if (value.ptr == NULL) {
        rki_buf_lit(&line->buf, "null");
    } else if (value.len > RKD_LOG_FIELD_MAX || !is_plain(value)) {
        rki_buf_json_untrusted(&line->buf, value, RKD_LOG_FIELD_MAX);
    } else if (line->format == RKD_LOG_TEXT && is_bare(value)) {
        rki_buf_put(&line->buf, value);
    } else {
        rki_buf_char(&line->buf, '"');
        rki_buf_put(&line->buf, value);
        rki_buf_char(&line->buf, '"');
    }
    close_field(line, at);
}

void rkd_log_word(struct rkd_log_line *line, struct rk_str name, const char *value)
{
    rkd_log_str(line, name, rki_cstr(value));
}

void rkd_log_int(struct rkd_log_line *line, struct rk_str name, int64_t value)
{
    const size_t at = open_field(line, name);

    rki_buf_int(&line->buf, value);
    close_field(line, at);
}

void rkd_log_bool(struct rkd_log_line *line, struct rk_str name, bool value)
{
    const size_t at = open_field(line, name);

    if (line->format == RKD_LOG_TEXT)
        rki_buf_put(&line->buf, value ? RK_STR("yes") : RK_STR("no"));
    else
        rki_buf_put(&line->buf, value ? RK_STR("true") : RK_STR("false"));
    close_field(line, at);
}

struct rk_str rkd_log_end(struct rkd_log_line *line)
{
    line->buf.cap = sizeof(line->text);
    if (line->format == RKD_LOG_TEXT)
        rki_buf_put(&line->buf, line->is_cut ? RK_STR(" cut=yes\n") : RK_STR("\n"));
    else
        rki_buf_put(&line->buf, line->is_cut ? cut_end : RK_STR("}\n"));
    return rki_buf_str(&line->buf);
}
