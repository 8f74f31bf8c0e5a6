/*
 * trust.c - finds the system's bundle of CA certificates.
 *
 * A libcurl of a distribution knows its place. The one in the travelling binary cannot, so the
 * places of all of them are tried, as Go's crypto/x509 does. May touch: SSL_CERT_FILE, and whether
 * files can be read.
 */
#include "net/trust.h"

#include <stdlib.h>
#include <unistd.h>

const char *const rkd_trust_places[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Arch, Gentoo, NixOS */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL, Amazon Linux */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL 7 and later, Fedora 43 and later */
    "/etc/ssl/cert.pem",                                 /* Alpine */
    NULL,
};

const char *rkd_trust_bundle(const char *built_in)
{
    const char *named = secure_getenv("SSL_CERT_FILE");

    if (named != NULL && named[0] != '\0')
        return named;
    if (built_in != NULL && access(built_in, R_OK) == 0)
        return built_in;
    for (const char *const *place = rkd_trust_places; *place != NULL; place++)
        if (access(*place, R_OK) == 0)
            return *place;
    return NULL;
}
