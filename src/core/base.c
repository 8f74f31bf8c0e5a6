/*
 * base.c - wiping, constant-time comparison, the texts of the errors, the version.
 *
 * May touch: its arguments, libcrypto's memory helpers. Nothing else.
 */
#include "core/str.h"

#include <openssl/crypto.h>

void rk_wipe(void *ptr, size_t len)
{
    if (len != 0)
        OPENSSL_cleanse(ptr, len);
}

bool rk_ct_equal(struct rk_str a, struct rk_str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

const char *rk_version(void)
{
    return RK_VERSION;
}

const char *rk_err_text(enum rk_err err)
{
    static const char *const texts[] = {
        [RK_OK] = "success",
        [RK_E_INVAL] = "a value holds what its rule forbids",
        [RK_E_TOO_LONG] = "a value is over its limit",
        [RK_E_STATE] = "something required was not set, or two settings exclude each other",
        [RK_E_KEY] =
            "the secret is missing or empty, or its file is unreadable or writable by others",
        [RK_E_NOMEM] = "out of memory",
        [RK_E_CRYPTO] = "libcrypto refused",
        [RK_E_TYPE] = "a value has the wrong type",
        [RK_E_UNKNOWN] = "no grant, source or kind has this name",
        [RK_E_CREDENTIALS] = "the room configuration holds credentials",
        [RK_E_MALFORMED] = "not a well-formed token",
        [RK_E_ALGORITHM] = "the token is not signed with HS256",
        [RK_E_ISSUER] = "no key of this name is known",
        [RK_E_SIGNATURE] = "the signature does not match",
        [RK_E_EXPIRED] = "the token has expired",
        [RK_E_NOT_YET] = "the token is not valid yet",
        [RK_E_DIGEST] = "the body is not the one that was signed",
        [RK_E_IO] = "a file could not be read",
    };

    return (size_t)err < ARRAY_LEN(texts) ? texts[err] : "unknown error";
}
