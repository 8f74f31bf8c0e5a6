/*
 * room_config_value.h - the single values of a RoomConfiguration: numbers, enums, texts, flags.
 */
#ifndef RKI_ROOM_CONFIG_VALUE_H
#define RKI_ROOM_CONFIG_VALUE_H

#include <jansson.h>

#include "core/buf.h"
#include "core/room_config_schema.h"

struct rki_rc_scalar {
    struct rk_str text; /* strings and enum names */
    int64_t integer;
    double real;
    bool is_default;
};

/*
 * `value` (not null) as a field of any type but message and map; for a list, one element. `flags`
 * are those of rki_room_config_write. On failure *out_expected is a constant sentence.
 * RK_E_TYPE, RK_E_UNKNOWN, RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rki_rc_read(const struct rki_rc_field *field, const json_t *value,
                                     unsigned flags, struct rki_rc_scalar *out,
                                     const char **out_expected);

/* RK_E_NOMEM, for doubles only. */
RK_NODISCARD enum rk_err rki_rc_put(struct rki_buf *out, enum rki_rc_type type,
                                    const struct rki_rc_scalar *value);

#endif
