/*
 * fuzz_fetch_head.c - the head of a provider's answer, line by line, and the host in an address.
 */
#include "fuzz.h"
#include "net/fetch_part.h"

#include <stdlib.h>

static struct rk_str take_line(struct rk_str *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr) + 1;
    struct rk_str line = rki_str(rest->ptr, len);

    *rest = rki_str(rest->ptr + len, rest->len - len);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_str rest = fuzz_str(data, size);
    struct rkd_fetch_head head;
    const char *fault = NULL;
    size_t bytes = 0;

    (void)rkd_fetch_url_is_numeric(rest);
    rkd_fetch_head_init(&head);
    while (rest.len != 0 && fault == NULL) {
        struct rk_str line = take_line(&rest);
        char *copy = malloc(line.len); /* so that a byte too far is seen */

        if (copy == NULL)
            abort();
        memcpy(copy, line.ptr, line.len);
        fault = rkd_fetch_head_line(&head, rki_str(copy, line.len));
        free(copy);
        bytes += line.len;
        FUZZ_CHECK(head.bytes <= RKD_FETCH_HEAD_MAX);
        FUZZ_CHECK(head.bytes == bytes || fault != NULL);
        FUZZ_CHECK((fault == NULL) || head.is_coded || bytes > RKD_FETCH_HEAD_MAX);
    }
    FUZZ_CHECK(rkd_fetch_head_max_age(&head) >= -1);
    FUZZ_CHECK(rkd_fetch_head_max_age(&head) <= 366 * 86400);
    FUZZ_CHECK(!head.is_no_store || rkd_fetch_head_max_age(&head) == -1);
    if (fault == NULL && rkd_fetch_head_max_age(&head) >= 0)
        fuzz_reach();
    return 0;
}
