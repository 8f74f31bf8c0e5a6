/*
 * request.c - a request out of the text of its head, where no socket brought it.
 *
 * May touch: its arguments. Nothing else.
 */
#include "net/head.h"

bool rkd_request_scan(struct rk_str head, uint32_t headers_bytes, struct rkd_request *out,
                      enum rkd_fault *out_fault)
{
    struct rkd_head_state state = {0};

    *out_fault = RKD_FAULT_BAD_REQUEST;
    return rkd_head_scan(&state, head.ptr, head.len, headers_bytes, out, out_fault) ==
               RKD_SCAN_DONE &&
           state.pos == head.len;
}
