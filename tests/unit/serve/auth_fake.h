/*
 * auth_fake.h - auth's readers of key sets and discovery documents, for tests of who fetches them
 * when. Documents are words:
 *
 *   keys:LABEL        a set of two keys          skips:LABEL      one usable, two skipped
 *   empty             no usable key              3000             too many
 *   discovery:URL     where the keys are         foreign          another issuer
 *   elsewhere         an address of no allowed origin
 * Anything else is malformed.
 */
#ifndef RK_TEST_AUTH_FAKE_H
#define RK_TEST_AUTH_FAKE_H

#include "auth/auth.h"

/* NULL: "". Borrowed from the set. */
const char *auth_fake_label(const struct rkd_keyset *keyset);
/* Sets that have not been given back. */
unsigned auth_fake_alive(void);

#endif
