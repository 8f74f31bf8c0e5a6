# shellcheck shell=sh
# packages.sh - which distribution packages each part of the work needs, and how they get here.
#
# need_packages GROUP… installs what is missing with apt. Where there is no apt it looks whether the tools are there
# anyway, and if not, names the packages for dnf, apk, pacman and brew and stops. `a|b` is "a, or b where a is unknown".

packages_of()
{
    case $1 in
        build) echo "cmake ninja-build gcc libc6-dev pkg-config libllhttp-dev|node-llhttp libuv1-dev libjansson-dev
                     libssl-dev libutf8proc-dev libyaml-dev libcurl4-openssl-dev libhiredis-dev
                     libseccomp-dev libcmocka-dev" ;;
        run) echo "curl" ;; # the lines that `roomkey dev` prints
        redis) echo "redis-server|valkey-server" ;;
        checks) echo "python3 clang-format-14|clang-format" ;;
        lint) echo "clang-tidy-14|clang-tidy clang-14|clang shellcheck" ;;
        fuzz) echo "python3 clang-14|clang libclang-rt-14-dev|libclang-rt-dev llvm-14|llvm" ;;
        abi) echo "g++ binutils libjson-c-dev python3" ;;
        python) echo "python3 python3-venv ca-certificates" ;;
        livekit) echo "python3 python3-venv ca-certificates" ;;
        interop) echo "chromium|chromium-browser curl" ;;
        keycloak) echo "maven openjdk-21-jre-headless|openjdk-17-jre-headless" ;;
        hosting) echo "python3 buildah bubblewrap strace systemd" ;;
        package) echo "python3 python3-venv ca-certificates debian-archive-keyring dpkg-dev linux-libc-dev make perl gperf binutils
                       xz-utils libseccomp-dev debhelper fakeroot lintian debootstrap" ;;
        bench) echo "python3 python3-venv ca-certificates wrk nginx-light|nginx nettle-dev libcjson-dev" ;;
        cargo) echo "cargo-web|cargo rustc-web|rustc" ;;
    esac
}

# A command or a pkg-config module that shows, without asking a package manager, that a group is there.
tools_of()
{
    case $1 in
        build) echo "cmake ninja cc pkg-config @libuv @jansson @libcrypto @libutf8proc @yaml-0.1 @libcurl @hiredis @libseccomp @cmocka" ;;
        run) echo "curl" ;;
        redis) echo "redis-server" ;;
        checks) echo "python3 clang-format" ;;
        lint) echo "clang-tidy shellcheck" ;;
        fuzz) echo "python3 clang llvm-cov" ;;
        abi) echo "c++ nm @json-c python3" ;;
        python | livekit | package) echo "python3" ;;
        hosting) echo "python3 buildah bwrap strace systemd-analyze systemd-socket-activate" ;;
        interop) echo "chromium curl" ;;
        keycloak) echo "mvn java" ;;
        bench) echo "wrk nginx @nettle @libcjson" ;;
        cargo) echo "cargo rustc" ;;
    esac
}

names_elsewhere()
{
    cat >&2 <<'NAMES'
dev: there is no apt here and something is missing (see the line above). Install with one of these; the first line of
each is enough for ./dev run, the second is for ./dev test, the third for ./dev lint and bench:
  dnf install curl cmake ninja-build gcc pkgconf-pkg-config libuv-devel llhttp-devel jansson-devel openssl-devel utf8proc-devel libyaml-devel libcurl-devel hiredis-devel libseccomp-devel libcmocka-devel \
      python3 valkey golang-github-prometheus gcc-c++ json-c-devel clang clang-tools-extra compiler-rt llvm chromium golang nodejs npm maven java-21-openjdk-headless buildah bubblewrap \
      ShellCheck cargo wrk nginx nettle-devel cjson-devel strace systemd
  apk add curl cmake samurai gcc musl-dev pkgconf libuv-dev llhttp-dev jansson-dev openssl-dev utf8proc-dev yaml-dev curl-dev hiredis-dev libseccomp-dev cmocka-dev \
      python3 redis prometheus g++ json-c-dev clang clang-extra-tools compiler-rt llvm chromium go nodejs npm maven openjdk21-jre-headless buildah bubblewrap \
      shellcheck cargo wrk nginx nettle-dev cjson-dev strace
  pacman -S cmake ninja gcc pkgconf libuv llhttp jansson openssl libutf8proc libyaml curl hiredis libseccomp cmocka \
      python valkey prometheus json-c clang compiler-rt llvm chromium go nodejs npm maven jre21-openjdk-headless buildah bubblewrap \
      shellcheck rust wrk nginx nettle cjson strace systemd
  brew install cmake ninja pkgconf libuv llhttp jansson openssl@3 utf8proc libyaml curl hiredis cmocka \
      python redis prometheus json-c llvm go node maven openjdk@21 && brew install --cask chromium && brew install \
      shellcheck rust wrk nginx nettle cjson
Then run this again: where the tools are found nothing is installed.
NAMES
    exit 1
}

tool_is_there()
{
    case $1 in
        @*) pkg-config --exists "${1#@}" 2>/dev/null ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

is_installed()
{
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

is_known()
{
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

# Sets `missing` to the packages of the groups that are not installed.
find_missing()
{
    missing=
    for group in "$@"; do
        for choice in $(packages_of "$group"); do
            found=
            for name in $(echo "$choice" | tr '|' ' '); do
                is_installed "$name" && found=yes && break
            done
            case "$found $missing " in
                yes* | *" $choice "*) ;;
                *) missing="$missing $choice" ;;
            esac
        done
    done
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}

APT_UPDATED=
apt_install()
{
    may_install=yes # found out before anything runs quietly, which would keep the words back
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 || may_install=
    if [ -n "$may_install" ] && [ -z "$APT_UPDATED" ]; then
        say "reading Debian's package lists (some seconds)"
        quietly as_root apt-get -q update || die "apt-get update failed"
        APT_UPDATED=yes
    fi
    chosen=
    for choice in "$@"; do
        pick=
        for name in $(echo "$choice" | tr '|' ' '); do
            if is_known "$name"; then
                pick=$name
                break
            fi
        done
        if [ -z "$pick" ] && [ -z "$may_install" ]; then
            die "not root, and there is no sudo; as root: apt-get update, then run this again"
        fi
        [ -n "$pick" ] || die "this system's package lists do not know $choice"
        chosen="$chosen $pick"
    done
    [ -n "$may_install" ] || die "not root, and there is no sudo; as root: apt-get install --no-install-recommends$chosen"
    say "installing (half a minute to three):$chosen"
    # shellcheck disable=SC2086 # a list of words on purpose
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $chosen ||
        die "apt-get install failed"
}

need_packages()
{
    if command -v apt-get >/dev/null 2>&1; then
        find_missing "$@"
        # shellcheck disable=SC2086
        [ -z "$missing" ] || apt_install $missing
    else
        for group in "$@"; do
            for tool in $(tools_of "$group"); do
                tool_is_there "$tool" || {
                    say "missing: ${tool#@}"
                    names_elsewhere
                }
            done
        done
    fi
    DEV_PYTHON=/usr/bin/python3
    [ -x "$DEV_PYTHON" ] || DEV_PYTHON=python3
    export DEV_PYTHON
}
