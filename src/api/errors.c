/*
 * errors.c - the one table from a refusal to its status, code and public text.
 *
 * The texts are for the developer at the other end: they say what to do, never which rule said no
 * or why. RKD_E_CROSS_SITE has no code of its own in the list of design s.5; it is `no_rule`,
 * because that is what it says: nothing permits this page's request. (Not invalid_request, which is
 * 400 everywhere and would tell clients to mend the request; not field_not_allowed, as no field is
 * to blame.) May touch: nothing but its table.
 */
#include "api/api.h"

/* clang-format off */
#define ROW(err, status, code, title, detail) \
    [err] = {status, RK_STR_INIT(code), RK_STR_INIT(title), RK_STR_INIT(detail)}

static const struct rkd_error_row rows[RKD_ERR_COUNT] = {
    ROW(RKD_E_INVALID_REQUEST, 400, "invalid_request", "Bad Request", "The request is malformed, or a value in it has the wrong type or form."),
    ROW(RKD_E_ROOM_REQUIRED, 400, "room_required", "Bad Request", "The request must name a room."),
    ROW(RKD_E_INVALID_ROOM, 400, "invalid_room", "Bad Request", "Not a valid room name: 1 to 256 bytes of UTF-8 in NFC, no control characters, no white space at either end."),
    ROW(RKD_E_INVALID_IDENTITY, 400, "invalid_identity", "Bad Request", "Not a valid identity: 1 to 256 bytes of UTF-8 in NFC, no control characters, no white space at either end."),
    ROW(RKD_E_TOO_LARGE, 400, "too_large", "Bad Request", "The request asks for more than a token or an answer may hold."),
    ROW(RKD_E_UNAUTHENTICATED, 401, "unauthenticated", "Unauthorized", "A credential is required."),
    ROW(RKD_E_INVALID_TOKEN, 401, "invalid_token", "Unauthorized", "The credential was not accepted."),
    ROW(RKD_E_NO_RULE, 403, "no_rule", "Forbidden", "Nothing permits this request."),
    ROW(RKD_E_NO_IDENTITY, 403, "no_identity", "Forbidden", "No identity can be given to this caller."),
    ROW(RKD_E_IDENTITY_MISMATCH, 403, "identity_mismatch", "Forbidden", "This caller may not use that identity."),
    ROW(RKD_E_FIELD_NOT_ALLOWED, 403, "field_not_allowed", "Forbidden", "This field may not be set by a request."),
    ROW(RKD_E_PROFILE_NOT_ALLOWED, 403, "profile_not_allowed", "Forbidden", "This profile may not be asked for."),
    ROW(RKD_E_REFUSED_BY_HOOK, 403, "refused_by_hook", "Forbidden", "The request was refused."),
    ROW(RKD_E_CROSS_SITE, 403, "no_rule", "Forbidden", "Nothing permits a request from this page's origin."),
    ROW(RKD_E_NOT_FOUND, 404, "not_found", "Not Found", "There is nothing at this path."),
    ROW(RKD_E_METHOD_NOT_ALLOWED, 405, "method_not_allowed", "Method Not Allowed", "This path does not take that method; see the Allow header."),
    ROW(RKD_E_TIMEOUT, 408, "timeout", "Request Timeout", "The request did not arrive in time."),
    ROW(RKD_E_BODY_TOO_LARGE, 413, "body_too_large", "Content Too Large", "Request body too large"),
    ROW(RKD_E_URI_TOO_LONG, 414, "uri_too_long", "URI Too Long", "The request line is too long."),
    ROW(RKD_E_MEDIA_TYPE, 415, "media_type", "Unsupported Media Type", "Send the body as application/json, without content encoding."),
    ROW(RKD_E_EXPECTATION, 417, "expectation", "Expectation Failed", "The only expectation known here is 100-continue."),
    ROW(RKD_E_RATE_LIMITED, 429, "rate_limited", "Too Many Requests", "Too many requests; see the Retry-After header."),
    ROW(RKD_E_HEADERS_TOO_LARGE, 431, "headers_too_large", "Request Header Fields Too Large", "The request's header fields are too large."),
    ROW(RKD_E_INTERNAL, 500, "internal", "Internal Server Error", "An unexpected error occurred"),
    ROW(RKD_E_MISSING_CREDENTIALS, 503, "missing_credentials", "Service Unavailable", "LiveKit API credentials are not configured. Please set LIVEKIT_API_KEY and LIVEKIT_API_SECRET environment variables."),
    ROW(RKD_E_MISSING_SERVER_URL, 503, "missing_server_url", "Service Unavailable", "The LiveKit server's URL is not configured. Please set the LIVEKIT_URL environment variable."),
    ROW(RKD_E_UNAVAILABLE, 503, "unavailable", "Service Unavailable", "The service cannot answer right now; try again."),
    ROW(RKD_E_DRAINING, 503, "draining", "Service Unavailable", "The service is shutting down; try again."),
    ROW(RKD_E_HTTP_VERSION, 505, "http_version", "HTTP Version Not Supported", "Use HTTP/1.1."),
};
/* clang-format on */

const struct rkd_error_row *rkd_error_row(enum rkd_err err)
{
    if ((unsigned)err >= RKD_ERR_COUNT || rows[err].status == 0)
        return &rows[RKD_E_INTERNAL];
    return &rows[err];
}
