/*
 * policy.h - what a caller may have: room, identity, profile, lifetime. Pure functions, no sockets,
 * no clock, no randomness of its own.
 */
#ifndef RKD_POLICY_H
#define RKD_POLICY_H

#include "core/arena.h"
#include "model/ask.h"
#include "model/error.h"

enum { RKD_RANDOM_CHARS = 16 }; /* {random}: lower-case base32, one value a request (D8) */

/*
 * The decision where there are no rules: `anonymous: allow` and `roomkey dev`.
 *
 * The room asked for, or room-{random}; the identity asked for, or guest-{random}, or
 * {participantName}__{random} where the contract wants that; always the profile `speaker`; the
 * lifetime asked for (only the original contract lets one be asked) or the contract's own.
 * `terms` are those of the contract that writes the answer.
 * `random` may be absent when both room and identity are in the ask. `out` is written whole on
 * success, all zero otherwise; its texts are borrowed from the ask and the arena.
 *
 * RKD_E_UNAUTHENTICATED     the caller is not known: zero is deny
 * RKD_E_ROOM_REQUIRED       no room, and the contract invents none
 * RKD_E_INVALID_IDENTITY    no identity, and the contract invents none; or {participantName}__
 *                           grows over 256 bytes
 * RKD_E_PROFILE_NOT_ALLOWED any profile but `speaker`
 * RKD_E_FIELD_NOT_ALLOWED   a member of room_config that nobody may set here
 * RKD_E_TOO_LARGE           a field over its limit
 * RKD_E_UNAVAILABLE         the arena is full
 * RKD_E_INTERNAL            no `random`, or terms without a lifetime
 *
 * Threads: safe. Source: semantics D18, D23, D25, D26, D33, D35, D36.
 */
RK_NODISCARD enum rkd_err rkd_policy_decide_open(const struct rkd_terms *terms,
                                                 const struct rkd_caller *caller,
                                                 const struct rkd_ask *ask, struct rk_str random,
                                                 struct rki_arena *arena, struct rkd_decision *out,
                                                 struct rkd_problem *problem);

#endif
