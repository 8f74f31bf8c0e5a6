"""The travelling binary, started on systems it was not built on: issue 5, part 1.

The systems are directories: an old Debian, Debian 12, and one that holds nothing but the binary.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from conf import allowed, base, bearer, everything, oidc, wait_until, want
from idp import Provider, main_key
from places import NAME, Names, authority
from process import ROOT, Roomkey

PLACES = {"Debian": "/etc/ssl/certs/ca-certificates.crt", "Fedora": "/etc/pki/tls/certs/ca-bundle.crt",
          "SUSE": "/etc/ssl/ca-bundle.pem", "RHEL": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
          "Alpine": "/etc/ssl/cert.pem", "SSL_CERT_FILE": "/anywhere/ca.pem"}


def put(root, path, content, mode=0o644):
    whole = root + path
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    if os.path.islink(whole):
        os.remove(whole)
    with open(whole, "wb") as file:
        file.write(content)
    os.chmod(whole, mode)


def inside(root, env=None, words=("serve",), **more):
    """The binary of that system, running in it."""
    return Roomkey(env, words, launcher=("sh", "-c", 'root=$0; shift; exec chroot "$root" /usr/bin/roomkey "$@"', root), **more)


def install(root, binary):
    os.makedirs(root + "/usr/bin", exist_ok=True)
    shutil.copy(binary, root + "/usr/bin/roomkey")


@pytest.fixture
def login(tmp_path):
    """A login provider under a name that only our name server knows, with a certificate only our authority vouches for."""
    context, ca = authority(str(tmp_path))
    with Names() as names, Provider({"RS256": main_key()}, tls=context) as provider:
        provider.issuer = f"https://{NAME}:{provider.port}"
        provider.jwks_uri = provider.issuer + "/jwks"
        provider.names, provider.ca = names, ca
        yield provider


def logs_in(root, login, env=None):
    """A key set fetched over HTTPS by a name: a token of the provider's becomes one of LiveKit's. True as soon as it did."""
    put(root, "/etc/resolv.conf", f"nameserver {login.names.address}\n".encode())
    doc = base(callers=[oidc(login, oidc={"allow_http": None}, identity="{sub}")], rules=[everything()])
    put(root, "/etc/roomkey/roomkey.yaml", json.dumps(doc).encode(), 0o600)
    one = inside(root, {"ROOMKEY_ANONYMOUS": None, "ROOMKEY_LIMITS": None, "LIVEKIT_URL": None, **(env or {})},
                 ("serve", "--config", "/etc/roomkey/roomkey.yaml"))
    try:
        wait_until(lambda: want(one, headers=bearer(login.token())).status != 503 or
                   any(event["event"] == "keyset_failed" for event in one.events), timeout=60)
        answer = want(one, headers=bearer(login.token()))
        if answer.status == 200:
            allowed(answer, "lobby", "alice")
        one.stop()
        return answer.status == 200
    finally:
        one.kill()


@pytest.mark.parametrize("suite", ["bookworm", "bullseye", None], ids=["debian-12", "debian-11", "nothing-but-the-binary"])
def test_it_runs_and_logs_in(suite, room, binary, login):
    """Started there it answers with tokens; and a key set comes over HTTPS, by DNS whose answer was too long for UDP."""
    root = room(suite)
    install(root, binary)
    one = inside(root)
    try:
        answer = want(one, {"room_name": "demo"})
        assert answer.status == 200 and answer.json()["participant_token"]
        one.stop()
    finally:
        one.kill()
    put(root, PLACES["Debian"], login.ca)
    assert logs_in(root, login)
    assert login.names.asked["tcp"] >= 1, "a cut off answer was asked for again"


@pytest.mark.parametrize("system", list(PLACES))
def test_it_finds_the_certificates(system, room, binary, login):
    """Where each family of systems keeps its bundle; nobody is trusted where there is none."""
    root = room(None)
    install(root, binary)
    assert not logs_in(root, login), "trust came from nowhere"
    put(root, PLACES[system], login.ca)
    assert logs_in(root, login, {"SSL_CERT_FILE": PLACES[system]} if system == "SSL_CERT_FILE" else {})


def test_a_named_bundle_is_the_only_one(room, binary, login):
    """SSL_CERT_FILE that names nothing is no reason to trust another file."""
    root = room(None)
    install(root, binary)
    put(root, PLACES["Debian"], login.ca)
    assert not logs_in(root, login, {"SSL_CERT_FILE": "/not/there.pem"})


def test_what_kind_of_program(binary):
    """Static, at a random address, read-only after relocation, no executable stack; threads get more than musl's 128 KiB."""
    text = subprocess.run(["readelf", "-lWd", binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "INTERP" not in text and "NEEDED" not in text and "DYN (Position-Independent" in text
    assert "GNU_RELRO" in text and "BIND_NOW" in text
    stack = next(line.split() for line in text.splitlines() if "GNU_STACK" in line)
    assert int(stack[5], 16) >= 1 << 20 and stack[6] == "RW"
    with open(binary, "rb") as file:
        content = file.read()
    assert ROOT.encode() not in content and b"/static-" not in content, "paths of the build are in it"
    assert len(content) < 8 << 20


def test_the_same_inputs_give_the_same_bytes(binary, tmp_path):
    """Another directory, another build tree, from nothing: the same program, tarball and bill of materials."""
    tree = tmp_path / "another" / "tree"
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            stdout=subprocess.PIPE, check=False).stdout.decode().split("\0")
    for name in filter(None, listed):
        if os.path.isfile(os.path.join(ROOT, name)) and not name.startswith(("tests/", "fuzz/")):
            os.makedirs(os.path.dirname(tree / name), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), tree / name)
    epoch = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], stdout=subprocess.PIPE, text=True, check=True)
    env = {name: value for name, value in os.environ.items() if name not in ("ROOT", "CACHE")}
    env |= {"SOURCE_DATE_EPOCH": epoch.stdout.strip(), "ROOMKEY_STATIC_BUILD": str(tmp_path / "elsewhere")}
    dist = str(tmp_path / "dist")
    done = subprocess.run([str(tree / "scripts/package/binary"), dist], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sums = [{line.split()[1]: line.split()[0] for line in open(os.path.join(where, "SHA256SUMS"), encoding="ascii")}
            for where in (os.path.dirname(os.path.dirname(binary)), dist)]
    assert len(sums[1]) == 3 and {name: sums[0].get(name) for name in sums[1]} == sums[1], "beside it there may be packages and zips"


def test_sums_cover_what_is_there(tmp_path):
    """SHA256SUMS has whatever was made, each time anew, and nothing that is not for taking away."""
    (tmp_path / "bin").mkdir()
    for name in ("bin/roomkey", "a.tar.gz", "a.cdx.json", "b.deb", "c.zip", "c.zip.new", "notes.txt"):
        (tmp_path / name).write_text(name)
    for gone in (None, "b.deb"):
        if gone:
            (tmp_path / gone).unlink()
        subprocess.run([os.path.join(ROOT, "scripts", "sums"), str(tmp_path)], check=True)
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
        names = {line.split()[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()}
        assert names == {"bin/roomkey", "a.tar.gz", "a.cdx.json", "b.deb", "c.zip"} - {gone}


def test_the_tarball(binary):
    """Checksums hold; it has the program, its pages, units, licences of everything inside, and a bill that names them."""
    dist = os.path.dirname(os.path.dirname(binary))
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True)
    name = next(file for file in os.listdir(dist) if file.endswith("-linux-x86_64.tar.gz"))
    with tarfile.open(os.path.join(dist, name)) as tar:
        members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
        assert all(member.uid == member.gid == 0 for member in members.values())
        bill = json.load(tar.extractfile(members["sbom.cdx.json"]))
        program = tar.extractfile(members["roomkey"]).read()
    assert members["roomkey"].mode == 0o755
    assert {"LICENSE", "README.md", "HOSTING.md", "man/man1/roomkey.1", "man/man5/roomkey.yaml.5", "licences/openssl",
            "licences/musl", "MIGRATING.md", "watching/roomkey.json", "watching/roomkey-alerts.yaml"} <= set(members)
    assert {f"systemd/{unit}" for unit in os.listdir(os.path.join(ROOT, "packaging", "systemd"))} <= set(members)
    assert members["roomkey-handover"].mode == 0o755
    names = {part["name"] for part in bill["components"]}
    assert {"musl", "openssl", "libuv1", "node-llhttp", "jansson", "utf8proc", "libyaml", "curl", "hiredis"} <= names
    assert all(part["hashes"][0]["content"] and part["licenses"] for part in bill["components"])
    assert bill["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(program).hexdigest()


def test_the_bill_is_cyclonedx(binary):
    """It is valid under CycloneDX's own schema, and would not be with a member the standard does not have."""
    schemas = {}
    for name in ("bom-1.5", "spdx", "jsf-0.82"):
        with open(os.path.join(os.environ["RKT_CYCLONEDX"], f"{name}.SNAPSHOT.schema.json"), encoding="utf-8") as file:
            schemas[name] = json.load(file)
    registry = Registry().with_resources([(f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json",
                                           Resource.from_contents(schema)) for name, schema in schemas.items()])
    validator = Draft7Validator(schemas["bom-1.5"], registry=registry)
    dist = os.path.dirname(os.path.dirname(binary))
    path = next(os.path.join(dist, file) for file in os.listdir(dist) if file.endswith(".cdx.json"))
    with open(path, encoding="utf-8") as file:
        bill = json.load(file)
    validator.validate(bill)
    assert not validator.is_valid({**bill, "componets": []})
