/*
 * client.h - whose request is this: the address that limits and the log go by.
 *
 * The peer's address, unless the peer is a trusted proxy; then what the one configured header says
 * (X-Forwarded-For or Forwarded), read from the right, because only what trusted proxies appended
 * can be believed. Threads: safe, there is no state. Source: reference security s.6.3.
 */
#ifndef RKD_SERVE_CLIENT_H
#define RKD_SERVE_CLIENT_H

#include "model/settings.h"
#include "net/net.h"

enum { RKD_FORWARD_ENTRIES_MAX = 30 };

/*
 * Is this address one of the trusted proxies? Its own requests are not limited. A Unix socket's
 * peer has no address; it counts as one as soon as any proxy is trusted, since whoever may open
 * that socket (mode 0660) was let in by the operator.
 */
bool rkd_client_is_trusted(const struct rkd_settings *settings, const struct rkd_addr *addr);

/*
 * All lines of the header are taken in order as one list and walked from the right: trusted
 * addresses are skipped, the first other one is the client. An entry that is not an address
 * ("unknown", "_x", a host name, a zone, ...) or the 31st ends the walk, and the last good address
 * to its right is the client; with none that is the peer.
 */
struct rkd_addr rkd_client_address(const struct rkd_settings *settings,
                                   const struct rkd_request *request, const struct rkd_addr *peer);

#endif
