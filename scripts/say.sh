# shellcheck shell=sh
# say.sh - how ./dev talks: progress on stderr, the output of a step only when it fails.

step=
say()
{
    step=$*
    printf 'dev: %s\n' "$step" >&2
}

die()
{
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# Run a command and keep its output back; show it when the command fails. Says every half minute that the step goes on.
quietly()
{
    log=$(mktemp)
    # An interrupted script cannot stop it, so it looks whether anybody still waits for the step.
    (while sleep 30 >/dev/null 2>&1 9>&- && kill -0 $$ 2>/dev/null; do printf 'dev:   … still %s\n' "$step" >&2; done) &
    ticker=$!
    status=0
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null || :
    wait "$ticker" 2>/dev/null || :
    [ "$status" -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# One hash over the content of files: the key of what is built from them.
hash_of()
{
    cat -- "$@" | sha256sum | cut -c1-12
}
