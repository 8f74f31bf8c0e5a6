/*
 * init_idp.h - what `roomkey init` knows of each login provider, as pieces of roomkey.yaml.
 */
#ifndef RKD_CLI_INIT_IDP_H
#define RKD_CLI_INIT_IDP_H

#include <stddef.h>

/* What stands in front of a value only the operator knows. A YAML tag: configuration files have
 * none, so `roomkey check` and `serve` refuse the file, at that place, until it is gone. */
#define RKD_INIT_MARK "!FILL_IN"

struct rkd_idp {
    const char *name;   /* --idp NAME */
    const char *title;  /* for people */
    const char *caller; /* the lines below `- name: users`, four blanks in front */
    const char *rule; /* what a rule asks of its caller: `when` and `room`, four blanks in front */
};

/* NULL past the end. */
const struct rkd_idp *rkd_idp_at(size_t index);

#endif
