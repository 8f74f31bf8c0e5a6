/*
 * fetch_why.c - why there is no answer: a slug for logs and metrics, a finer cause for people.
 *
 * May touch: its fetch.
 */
#include "net/fetch_impl.h"

#include <errno.h>

static const struct {
    const char *slug;
    CURLcode code;
    enum rkd_fetch_cause cause;
} reasons[] = {
    {"connect", CURLE_COULDNT_RESOLVE_HOST, RKD_CAUSE_LOOKUP},
    {"connect", CURLE_COULDNT_CONNECT, RKD_CAUSE_UNREACHABLE},
    {"timeout", CURLE_OPERATION_TIMEDOUT, RKD_CAUSE_SLOW_ANSWER},
    {"too-large", CURLE_FILESIZE_EXCEEDED, RKD_CAUSE_OTHER},
    {"memory", CURLE_OUT_OF_MEMORY, RKD_CAUSE_OTHER},
    {"tls", CURLE_SSL_CONNECT_ERROR, RKD_CAUSE_HANDSHAKE},
    {"tls", CURLE_PEER_FAILED_VERIFICATION, RKD_CAUSE_CERTIFICATE},
    {"tls", CURLE_SSL_CACERT_BADFILE, RKD_CAUSE_CERTIFICATE},
    {"tls", CURLE_SSL_CERTPROBLEM, RKD_CAUSE_HANDSHAKE},
    {"tls", CURLE_SSL_CIPHER, RKD_CAUSE_HANDSHAKE},
    {"tls", CURLE_SSL_ISSUER_ERROR, RKD_CAUSE_CERTIFICATE},
    {"tls", CURLE_SSL_ENGINE_INITFAILED, RKD_CAUSE_HANDSHAKE},
    {"protocol", CURLE_GOT_NOTHING, RKD_CAUSE_CLOSED},
    {"protocol", CURLE_RECV_ERROR, RKD_CAUSE_CLOSED},
    {"protocol", CURLE_SEND_ERROR, RKD_CAUSE_CLOSED},
};

const char *rkd_fetch_slug(const struct rkd_fetch *fetch, CURLcode code)
{
    if (fetch->fault != NULL)
        return fetch->fault;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].slug;
    return "protocol";
}

static bool has_taken_time(const struct rkd_fetch *fetch, CURLINFO phase)
{
    curl_off_t took_us = 0;

    return fetch->fetcher->curl.easy_getinfo(fetch->easy, phase, &took_us) == CURLE_OK &&
           took_us != 0;
}

/* What it was doing when its time was up. */
static enum rkd_fetch_cause slow_phase(const struct rkd_fetch *fetch)
{
    if (!fetch->is_numeric && !has_taken_time(fetch, CURLINFO_NAMELOOKUP_TIME_T))
        return RKD_CAUSE_SLOW_LOOKUP;
    return has_taken_time(fetch, CURLINFO_PRETRANSFER_TIME_T) ? RKD_CAUSE_SLOW_ANSWER
                                                              : RKD_CAUSE_SLOW_CONNECT;
}

static enum rkd_fetch_cause unreached(const struct rkd_fetch *fetch)
{
    long error = 0;

    (void)fetch->fetcher->curl.easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &error);
    if (error == ETIMEDOUT)
        return RKD_CAUSE_SLOW_CONNECT;
    return error == ECONNREFUSED ? RKD_CAUSE_REFUSED : RKD_CAUSE_UNREACHABLE;
}

enum rkd_fetch_cause rkd_fetch_why(const struct rkd_fetch *fetch, CURLcode code)
{
    if (fetch->fault != NULL) /* we ended it; "connect" is a lookup that was not even begun */
        return strcmp(fetch->fault, "connect") == 0 ? RKD_CAUSE_SLOW_LOOKUP : RKD_CAUSE_OTHER;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return slow_phase(fetch);
    if (code == CURLE_COULDNT_CONNECT)
        return unreached(fetch);
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].cause;
    return RKD_CAUSE_OTHER;
}
