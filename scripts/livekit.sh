#!/bin/sh
# livekit.sh LIVEKIT-SERVER - a livekit-server for a developer: loopback only, LiveKit's own dev keys, Ctrl-C ends it.
set -eu

server=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 0' INT TERM

# Each line keeps a socket off the other interfaces: bind_addresses covers HTTP only, rtc.interfaces and the loopback
# candidate cover media, and tcp_port 0 closes the one port that would listen everywhere.
cat >"$dir/livekit.yaml" <<'CONFIG'
port: 7880
bind_addresses: [127.0.0.1]
development: true
keys:
  devkey: "secret"
rtc:
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces:
    includes: [lo]
  udp_port: 7882
  tcp_port: 0
logging:
  level: warn
CONFIG

"$server" --config "$dir/livekit.yaml" &
child=$!
trap 'kill "$child" 2>/dev/null || :; wait "$child" || :; exit 0' INT TERM
sleep 1 # it answers after a quarter of a second; a taken port ends it sooner
if ! kill -0 "$child" 2>/dev/null; then
    echo "dev: livekit-server did not start; is port 7880 or 7882 taken?" >&2
    exit 1
fi
cat >&2 <<'NEXT'
dev: livekit-server listens on ws://127.0.0.1:7880 (key devkey, secret secret; loopback only). Ctrl-C ends it.
dev: next, in another terminal:
       ./dev run          starts roomkey on http://127.0.0.1:7071 and prints a join link
       open that link; it is one guest's, and a second window with it ends the first
NEXT
wait "$child"
