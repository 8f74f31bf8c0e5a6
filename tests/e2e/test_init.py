"""roomkey init: what it writes is refused until every blank is filled, and then `roomkey check` takes it (issue: item 7)."""

import re
import stat

import pytest

from process import KEY, SECRET, run

IDPS = ["entra", "auth0", "okta", "keycloak", "supabase", "clerk", "firebase", "cognito", "google", "generic"]
MARK = re.compile(r"!FILL_IN (?=[\"\[])")
# What an operator would write for the words in capitals.
REAL = {
    "TENANT-ID": "8f7a2a4e-3f0c-4a57-9d0a-7f1c2b3d4e5f", "APPLICATION-CLIENT-ID": "0b1f2e3d-4c5b-6a79-8897-a6b5c4d3e2f1",
    "TENANT.eu": "acme.eu", "ORG.okta": "acme.okta", "KEYCLOAK-HOST": "login.acme.example", "/REALM\"": "/acme\"",
    "PROJECT-REF": "abcdefghijklmnopqrst", "clerk.DOMAIN": "clerk.acme.example", "PROJECT-ID": "acme-prod", "REGION": "eu-central-1",
    "USER-POOL-ID": "eu-central-1_AbCdEfGhI", "\"APP-CLIENT-ID\"": "\"5h1c2k3d4e5f6g7h8i9j0k1l2m\"", "CLIENT-ID.apps": "1234-abcd.apps",
}
ENV = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


def init(path, *words):
    return run("init", *words, "--out", str(path))


def check(path):
    return run("check", "--config", str(path), env=ENV)


def fill(text):
    """The words in capitals replaced, comments included; marks stay."""
    for word, real in REAL.items():
        text = text.replace(word, real)
    return text


def marks(text):
    """Positions of the marks, those of comments left out."""
    return [found.start() for found in MARK.finditer(text) if "#" not in text[text.rfind("\n", 0, found.start()) + 1:found.start()]]


@pytest.mark.parametrize("idp", IDPS)
def test_filled_it_passes_check(tmp_path, idp):
    """The yes: every blank filled, nothing else touched."""
    path = tmp_path / "roomkey.yaml"
    assert init(path, "--idp", idp).returncode == 0
    path.write_text(MARK.sub("", fill(path.read_text())))
    done = check(path)
    assert done.returncode == 0, done.stderr.decode()
    assert b"never match" not in done.stdout + done.stderr, done


@pytest.mark.parametrize("idp", IDPS)
def test_one_blank_left_is_refused(tmp_path, idp):
    """The no: whichever blank is forgotten, `check` and `serve` refuse, at its line and column."""
    path = tmp_path / "roomkey.yaml"
    assert init(path, "--idp", idp).returncode == 0
    whole = fill(path.read_text())
    assert len(marks(whole)) >= 4
    for keep in marks(whole):
        text = MARK.sub("", whole[:keep]) + "!FILL_IN " + MARK.sub("", whole[keep + len("!FILL_IN "):])
        path.write_text(text)
        at = text.index("!FILL_IN \"") if "!FILL_IN \"" in text else text.index("!FILL_IN [")
        where = f":{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}: "
        for verb in ("check", "serve"):
            done = run(verb, "--config", str(path), env=ENV)
            assert done.returncode in (1, 2) and where in done.stderr.decode(), (where, done)


@pytest.mark.parametrize("idp", IDPS)
def test_what_is_left_to_fill_is_said(tmp_path, idp):
    """stderr names line and key of every blank, and no other line."""
    path = tmp_path / "roomkey.yaml"
    done = init(path, "--idp", idp)
    assert done.stdout == b""
    text = path.read_text()
    said = [int(line) for line in re.findall(r"^roomkey: line (\d+): \S+$", done.stderr.decode(), re.M)]
    assert said == [text.count("\n", 0, at) + 1 for at in marks(text)]


def test_never_overwrites(tmp_path):
    """A file, an empty one and a dangling link stay what they are."""
    path, link = tmp_path / "a.yaml", tmp_path / "b.yaml"
    path.write_text("mine\n")
    link.symlink_to(tmp_path / "target")
    for there in (path, link):
        done = init(there)
        assert done.returncode == 1 and done.stdout == b"" and b"there already" in done.stderr
    assert path.read_text() == "mine\n" and not (tmp_path / "target").exists()


def test_the_default_file(tmp_path):
    """Without --out: roomkey.yaml here, not writable by others."""
    assert run("init", "--url", "wss://acme.livekit.cloud", cwd=tmp_path).returncode == 0
    path = tmp_path / "roomkey.yaml"
    assert not stat.S_IMODE(path.stat().st_mode) & 0o133
    assert 'url: "wss://acme.livekit.cloud"' in path.read_text()


def test_unknown_provider(tmp_path):
    """Exit 2, the names listed, nothing made."""
    done = init(tmp_path / "x.yaml", "--idp", "myspace")
    assert done.returncode == 2 and all(idp.encode() in done.stderr for idp in IDPS)
    assert not list(tmp_path.iterdir())
