/*
 * room_config_schema.h - livekit.RoomConfiguration and everything below it, as tables.
 */
#ifndef RKI_ROOM_CONFIG_SCHEMA_H
#define RKI_ROOM_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum { RKI_RC_DEPTH = 6 }; /* messages inside one another, the outermost included */

enum rki_rc_type {
    RKI_RC_TYPE_STRING,
    RKI_RC_TYPE_BOOL,
    RKI_RC_TYPE_UINT32,
    RKI_RC_TYPE_INT32,
    RKI_RC_TYPE_DOUBLE,
    RKI_RC_TYPE_ENUM,
    RKI_RC_TYPE_MESSAGE,
    RKI_RC_TYPE_MAP, /* of string to string */
};

enum rki_rc_secrecy {
    RKI_RC_PUBLIC,
    RKI_RC_SECRET,     /* any value but an empty one is a credential */
    RKI_RC_SECRET_URL, /* a URL; user information in it is a credential */
};

struct rki_rc_enum {
    const char *const *names; /* by number, from 0 without a gap */
    size_t count;
};

struct rki_rc_message;

struct rki_rc_field {
    const char *name; /* camelCase */
    enum rki_rc_type type;
    unsigned number; /* the proto field number */
    unsigned oneof;  /* 0: in none; else which one of its message */
    bool repeated;
    bool one_spelling; /* its proto name is its JSON name */
    enum rki_rc_secrecy secrecy;
    const struct rki_rc_enum *names;      /* RKI_RC_TYPE_ENUM */
    const struct rki_rc_message *message; /* RKI_RC_TYPE_MESSAGE */
};

struct rki_rc_message {
    const struct rki_rc_field *fields; /* in declaration order */
    size_t count;
};

/* RoomConfiguration; its fields are in the order of enum rki_rc_members. */
extern const struct rki_rc_message rki_rc_schema;

#endif
