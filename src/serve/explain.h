/*
 * explain.h - the verdict on a request, stage by stage, as JSON: for X-Roomkey-Explain: 1 and for
 * `roomkey explain --json`.
 */
#ifndef RKD_EXPLAIN_H
#define RKD_EXPLAIN_H

#include "core/buf.h"
#include "model/ask.h"
#include "model/error.h"
#include "policy/policy.h"

/*
 * Appends one JSON object:
 *
 *   {"verdict":"allowed","caller":"staff","kind":"oidc","rule":"own-team","room":"...",
 *    "identity":"...","name":"...","profile":"speaker","ttl_s":600,
 *    "grants":{"roomJoin":true,...,"canPublishSources":["microphone"]},"participant_kind":"agent",
 *    "metadata":"...","attributes":{...},"room_config":{...},"hook":true,
 *    "stages":[{"stage":"rule","rule":"guests","outcome":"caller-differs"},...]}
 *   {"verdict":"refused","caller":"staff","kind":"oidc","status":403,"code":"no_rule",
 *    "field":"...","reason":"...","rule":"...","stages":[...]}
 *
 * Members that do not apply are left out, but for verdict, kind and stages. problem->err tells
 * which of the two it is; `decision` is looked at only when it is RKD_OK. `status` and `code` are
 * those of problem details (the original contract spells them its own way). A decision that a hook
 * must agree to is "allowed" with "hook":true and a last stage {"stage":"hook","outcome":
 * "to-be-asked"} where the trace has none of its own; nobody is asked here.
 *
 * Of the caller only its configured name and kind are written: no subject, no claim, no credential.
 * `trace` may be NULL; `caller` may be of kind NONE. On too small a buffer out->overflow is set, as
 * with everything that writes there. RKD_EXPLAIN_BYTES holds every verdict whose rule ids, caller
 * name and profile stay within 256 bytes each and whose room_config is not longer than the 8 KiB of
 * a token; it is sized for texts that need no escaping but metadata and attributes, which may.
 * Threads: safe.
 */
enum { RKD_EXPLAIN_BYTES = 128 * 1024 };
void rkd_explain_write(struct rki_buf *out, const struct rkd_trace *trace,
                       const struct rkd_caller *caller, const struct rkd_decision *decision,
                       const struct rkd_problem *problem);

/* "oidc", "api-key", "easy-auth", "entra", "anonymous"; "none" for anything else. */
const char *rkd_caller_kind_name(enum rkd_caller_kind kind);

/* The rule a verdict is about: the decision's, or the one the trace says matched; absent: none. */
struct rk_str rkd_explain_rule(const struct rkd_trace *trace, const struct rkd_decision *decision);

#endif
