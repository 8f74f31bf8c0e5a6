/*
 * explain_text.h - what `roomkey explain` prints without --json.
 */
#ifndef RKD_CLI_EXPLAIN_TEXT_H
#define RKD_CLI_EXPLAIN_TEXT_H

#include "core/buf.h"
#include "model/ask.h"
#include "model/error.h"
#include "policy/policy.h"

/* As rkd_explain_write (serve/explain.h), for a terminal: whatever names hold, nothing but
 * printable text comes out. */
void rkd_explain_put_text(struct rki_buf *out, const struct rkd_trace *trace,
                          const struct rkd_caller *caller, const struct rkd_decision *decision,
                          const struct rkd_problem *problem);

#endif
