# shellcheck shell=sh
# static.sh - the libraries of the travelling binary, compiled once a set of pins into the cache.
# shellcheck disable=SC2154 # made is what once sets, in peers.sh
# Sourced after say.sh, packages.sh and peers.sh. Sets and exports RKT_STATIC.

make_static()
{
    say "making the libraries of the travelling binary, once (three to eight minutes on two cores)"
    sh "$ROOT/scripts/static/build" "$1" || die "the libraries cannot be made"
}

need_static()
{
    once static "$(hash_of "$ROOT/packaging/sources.txt" "$ROOT/scripts/static/build" "$ROOT/scripts/static/fetch.py")" \
        make_static
    RKT_STATIC=$made
    export RKT_STATIC
}

# When the tree was last changed: the date in everything we pack, so that the same tree gives the same bytes.
source_date()
{
    [ -n "${SOURCE_DATE_EPOCH-}" ] || SOURCE_DATE_EPOCH=$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null) ||
        SOURCE_DATE_EPOCH=1700000000 # not from git: any, as long as it stays
    export SOURCE_DATE_EPOCH
}

roomkey_version()
{
    sed -n 's/^project(roomkey VERSION \([0-9.]*\).*/\1/p' "$ROOT/CMakeLists.txt"
}

# pack FOLDER NAME FILE.tar.gz: FOLDER/NAME, the same bytes whoever packs it and whenever.
pack()
{
    find "$1/$2" -type d -exec chmod 755 {} +
    tar -C "$1" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=ustar -cf "$3.tar" "$2"
    gzip -n -9 <"$3.tar" >"$3.part"
    rm "$3.tar"
    mv "$3.part" "$3"
}
