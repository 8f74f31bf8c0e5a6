/*
 * config.h - room_config: its members by name, and writing it into a decision (semantics D31, D32).
 * Not for other rooms.
 */
#ifndef RKD_POLICY_CONFIG_H
#define RKD_POLICY_CONFIG_H

#include "policy/compiled.h"

struct rkd_config_member {
    struct rk_str camel, snake;
    const char *field; /* "room_config.max_participants" */
    bool is_number;
};

/* In the order of enum rki_rc_members, which is the order they are written in. */
extern const struct rkd_config_member rkd_config_members[RKD_CONFIG_MEMBERS];

/* An agent of the token. metadata absent: none. */
struct rkd_agent {
    struct rk_str name, metadata;
};

/* The object with everything that is present; nothing at all when there is nothing in it. */
void rkd_config_write(struct rki_buf *out, const struct rk_str members[RKD_CONFIG_MEMBERS],
                      const struct rkd_agent *agents, size_t agent_count);

#endif
