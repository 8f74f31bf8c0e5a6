/*
 * grants.h - the one table of boolean grants: names, where they stand, how they are written.
 */
#ifndef RKI_GRANTS_H
#define RKI_GRANTS_H

#include "core/str.h"
#include <roomkey/claims.h>

enum {
    RKI_GRANT_COUNT = RK_GRANT_OBSERVABILITY_WRITE + 1,
    RKI_SECTION_COUNT = RK_SECTION_OBSERVABILITY + 1,
};

struct rki_grant {
    struct rk_str name;    /* as rk_grant_name gives it: "canPublish", "sip.admin" */
    struct rk_str key;     /* inside its object: "admin" */
    struct rk_str json[2]; /* by value, with the comma: `"admin":true,` */
    enum rk_section section;
};

struct rki_section {
    struct rk_str key;         /* "video" */
    struct rk_str json;        /* `"video":{` */
    enum rk_grant first, last; /* its grants lie together */
};

extern const struct rki_grant rki_grants[RKI_GRANT_COUNT];       /* [0] is empty */
extern const struct rki_section rki_sections[RKI_SECTION_COUNT]; /* [0] is empty */

static inline uint32_t rki_grant_bit(enum rk_grant grant)
{
    return UINT32_C(1) << (unsigned)grant;
}

#endif
