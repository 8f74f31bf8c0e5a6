/*
 * test_trust.c - which bundle of CA certificates holds: SSL_CERT_FILE, libcurl's own, or a place.
 *
 * That the places are found is seen where there are systems to look at: tests/package.
 */
#include "check.h"
#include "net/trust.h"

#include <stdlib.h>

static const char here[] = "/proc/self/exe", nowhere[] = "/proc/self/nowhere";

static void test_what_was_named_holds(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", nowhere, 1), 0);
    assert_string_equal(rkd_trust_bundle(here), nowhere); /* there or not: somebody meant it */
    assert_string_equal(rkd_trust_bundle(NULL), nowhere);
}

static void test_libcurls_own(void **state)
{
    const char *found;

    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", "", 1), 0); /* empty is not set */
    assert_string_equal(rkd_trust_bundle(here), here);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    assert_string_equal(rkd_trust_bundle(here), here);
    found = rkd_trust_bundle(nowhere); /* this machine's, or none */
    assert_true(found == NULL || strcmp(found, nowhere) != 0);
    assert_ptr_equal(rkd_trust_bundle(NULL), found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_named_holds),
        cmocka_unit_test(test_libcurls_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
