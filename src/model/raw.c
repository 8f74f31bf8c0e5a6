/*
 * raw.c - what is said of a configuration that cannot be understood. May touch: its arguments.
 */
#include "model/raw.h"

#include <stdio.h>

enum rk_err rkd_raw_refuse(struct rkd_raw_error *error, struct rkd_pos at, const char *key,
                           const char *text)
{
    *error = (struct rkd_raw_error){.at = at};
    (void)snprintf(error->key, sizeof(error->key), "%s", key);
    (void)snprintf(error->text, sizeof(error->text), "%s", text);
    return RK_E_INVAL;
}
