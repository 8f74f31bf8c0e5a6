/*
 * fetch_head.c - reads the head of an answer: how long it may be kept, and whether it is coded.
 *
 * May touch: its arguments.
 */
#include "net/fetch_part.h"

enum { MAX_AGE_MOST = 366 * 86400 }; /* more is the same to everybody */

void rkd_fetch_head_init(struct rkd_fetch_head *head)
{
    *head = (struct rkd_fetch_head){.max_age_s = -1, .date_s = -1};
}

/* Takes what stands before the next comma off *list. */
static struct rk_str next_item(struct rk_str *list)
{
    size_t at = 0;
    struct rk_str item;

    while (at < list->len && list->ptr[at] != ',')
        at++;
    item = rki_str_trim(rki_str(list->ptr, at));
    at += at < list->len;
    *list = rki_str(list->ptr + at, list->len - at);
    return item;
}

/* Decimal digits only; -1 when it is anything else. */
static int64_t read_seconds(struct rk_str s)
{
    int64_t value = 0;

    if (s.len == 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        if (value < MAX_AGE_MOST)
            value = value * 10 + (s.ptr[i] - '0');
    }
    return value < MAX_AGE_MOST ? value : MAX_AGE_MOST;
}

/* RFC 9111 s.5.2.2. Of several the shortest; one that cannot be read is none. */
static void read_cache_control(struct rkd_fetch_head *head, struct rk_str value)
{
    while (value.len != 0) {
        struct rk_str item = next_item(&value), name = RK_STR("max-age=");

        if (rki_str_equal_nocase(item, RK_STR("no-store"))) {
            head->is_no_store = true;
        } else if (item.len != name.len && rki_str_starts_with_nocase(item, name)) {
            int64_t age_s = read_seconds(rki_str(item.ptr + name.len, item.len - name.len));

            if (age_s >= 0 && (head->max_age_s < 0 || age_s < head->max_age_s))
                head->max_age_s = age_s;
        }
    }
}

/* Is everything in the list this one word? */
static bool is_only(struct rk_str list, struct rk_str word)
{
    while (list.len != 0) {
        struct rk_str item = next_item(&list);

        if (item.len != 0 && !rki_str_equal_nocase(item, word))
            return false;
    }
    return true;
}

const char *rkd_fetch_head_line(struct rkd_fetch_head *head, struct rk_str line)
{
    struct rk_str name, value;
    size_t colon = 0;

    if (line.len > RKD_FETCH_HEAD_MAX - head->bytes)
        return "too-large";
    head->bytes += line.len;
    if (rki_str_starts_with(line, RK_STR("HTTP/"))) { /* an answer begins: not what 100 said */
        size_t bytes = head->bytes;

        rkd_fetch_head_init(head);
        head->bytes = bytes;
        return NULL;
    }
    while (colon < line.len && line.ptr[colon] != ':')
        colon++;
    if (colon == line.len)
        return NULL;
    name = rki_str_trim(rki_str(line.ptr, colon));
    value = rki_str_trim(rki_str(line.ptr + colon + 1, line.len - colon - 1));
    if (rki_str_equal_nocase(name, RK_STR("Cache-Control")))
        read_cache_control(head, value);
    if (rki_str_equal_nocase(name, RK_STR("Date")))
        head->date_s = rkd_fetch_date(value);
    /* libcurl decodes a transfer coding without being asked, and a content coding never here. */
    if (rki_str_equal_nocase(name, RK_STR("Content-Encoding")))
        head->is_coded |= !is_only(value, RK_STR("identity"));
    if (rki_str_equal_nocase(name, RK_STR("Transfer-Encoding")))
        head->is_coded |= !is_only(value, RK_STR("chunked"));
    return head->is_coded ? "coding" : NULL;
}

int64_t rkd_fetch_head_max_age(const struct rkd_fetch_head *head)
{
    return head->is_no_store ? -1 : head->max_age_s;
}
