/*
 * error.h - every refusal a client can get. One table in src/api/errors.c maps each to status, code
 * and text.
 */
#ifndef RKD_MODEL_ERROR_H
#define RKD_MODEL_ERROR_H

#include <roomkey/base.h>

enum rkd_err {
    RKD_OK = 0,
    RKD_E_INVALID_REQUEST,     /* 400 */
    RKD_E_ROOM_REQUIRED,       /* 400 */
    RKD_E_INVALID_ROOM,        /* 400 */
    RKD_E_INVALID_IDENTITY,    /* 400 */
    RKD_E_TOO_LARGE,           /* 400 */
    RKD_E_UNAUTHENTICATED,     /* 401 */
    RKD_E_INVALID_TOKEN,       /* 401 */
    RKD_E_NO_RULE,             /* 403 */
    RKD_E_NO_IDENTITY,         /* 403 */
    RKD_E_IDENTITY_MISMATCH,   /* 403 */
    RKD_E_FIELD_NOT_ALLOWED,   /* 403 */
    RKD_E_PROFILE_NOT_ALLOWED, /* 403 */
    RKD_E_REFUSED_BY_HOOK,     /* 403 */
    RKD_E_CROSS_SITE,          /* 403 invalid_request-like: see src/api/errors.c */
    RKD_E_NOT_FOUND,           /* 404 */
    RKD_E_METHOD_NOT_ALLOWED,  /* 405 */
    RKD_E_TIMEOUT,             /* 408 */
    RKD_E_BODY_TOO_LARGE,      /* 413 */
    RKD_E_URI_TOO_LONG,        /* 414 */
    RKD_E_MEDIA_TYPE,          /* 415 */
    RKD_E_EXPECTATION,         /* 417 */
    RKD_E_RATE_LIMITED,        /* 429 */
    RKD_E_HEADERS_TOO_LARGE,   /* 431 */
    RKD_E_INTERNAL,            /* 500 */
    RKD_E_MISSING_CREDENTIALS, /* 503; 500 on the original contract */
    RKD_E_MISSING_SERVER_URL,  /* 503 */
    RKD_E_UNAVAILABLE,         /* 503 */
    RKD_E_DRAINING,            /* 503 */
    RKD_E_HTTP_VERSION,        /* 505 */
    RKD_ERR_COUNT
};

enum { RKD_FIELD_ERRORS_MAX = 16 };

/* One entry of the original contract's validationErrors; both texts are constants of src/api. */
struct rkd_field_error {
    const char *field;
    const char *message;
};

/* A refusal, filled where it is decided, written once after the last stage. */
struct rkd_problem {
    enum rkd_err err;
    struct rk_str field; /* snake_case with dots, "" or absent when no field is to blame; borrowed
                            from the arena or constant */
    const char *reason;  /* for the log only: a short constant slug, e.g. "json", "attribute-name";
                            may be NULL */
    struct rk_str rule;  /* for the log only: which rule said no; absent: none */
    /* The 401 of stage 004 under ENTRA_*, constants; NULL: the general one. */
    const char *entra_code, *entra_message;
    const char *layer;      /* for the log only: which limit said no; may be NULL */
    uint32_t retry_after_s; /* 429 and 503: >= 1 */
    size_t field_error_count;
    struct rkd_field_error field_errors[RKD_FIELD_ERRORS_MAX];
};

#endif
