"""`./dev livekit` and `roomkey dev`, as a newcomer meets them: each printed line works when pasted.

These use the fixed ports a newcomer sees (7880 and 7071); a port in use is an error of the run that says so.
"""

import json
import os
import re
import socket
import subprocess
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

import joins
import world

# LiveKit's development secret is short on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")

SERVER = world.LiveKit("127.0.0.1:7880", "devkey", "secret")
BASE = "http://127.0.0.1:7071"


@pytest.fixture(scope="module")
def dev_livekit():
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 7880)), "something listens on port 7880 already"
    script = os.path.join(world.ROOT, "scripts", "livekit.sh")
    process = world.Process(["sh", script, world.peer("RKT_LIVEKIT_SERVER")])
    world.wait_for_http(f"{SERVER.http}/", process)
    yield process
    assert process.stop() == 0


def start_dev():
    """roomkey dev, and everything it had printed once it listened."""
    process = world.Process([world.roomkey_binary(), "dev"])
    try:
        world.wait_for_http(f"{BASE}/healthz", process)
        # The log line may come before or after what is printed for people: all of it is there when the link is.
        process.wait_for(lambda line: "token=" in line)
        time.sleep(0.5)  # what is printed after the link
    except BaseException:
        process.stop()
        raise
    return process


@pytest.fixture(scope="module")
def printed(dev_livekit):
    process = start_dev()
    yield list(process.lines)
    assert process.stop() == 0


def line_with(lines, pattern):
    found = [match for match in (re.search(pattern, line) for line in lines) if match]
    assert len(found) == 1, (pattern, lines)
    return found[0].group(0)


def link_of(lines):
    """(link, server URL, token) of the printed join link."""
    link = line_with(lines, r"^https://\S*token=\S+$")
    parts = urlsplit(link)
    values = {name.lower(): value[0] for name, value in parse_qs(parts.query or parts.fragment).items()}
    return link, values["livekiturl"], values["token"]


def test_says_how_to_get_a_server_when_none_answers():
    """The first test of this file: afterwards a server answers."""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 7880)), "something listens on port 7880 already"
    process = start_dev()
    try:
        assert "./dev livekit" in process.lines
    finally:
        assert process.stop() == 0


def listening():
    """{port: {addresses}} of the TCP sockets that listen here, in the kernel's own notation."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as rows:
            for row in list(rows)[1:]:
                local, state = row.split()[1], row.split()[3]
                if state == "0A":
                    found.setdefault(int(local.split(":")[1], 16), set()).add(local.split(":")[0])
    return found


def test_only_loopback_listens(printed):
    found = listening()
    loopback = {"0100007F", "00000000000000000000000001000000"}
    assert found[7071] and found[7071] <= loopback
    assert found[7880] == {"0100007F"}
    assert 7881 not in found  # LiveKit's media over TCP would listen on every address


def test_answers_are_marked_unsafe(printed):
    assert requests.post(f"{BASE}/v1/token", json={}, timeout=10).headers["X-Roomkey-Dev"] == "unsafe"


@pytest.mark.parametrize("join", joins.ALL)
def test_join_link_joins(printed, nodes, join):
    _, url, token = link_of(printed)
    assert urlsplit(url).scheme == "ws" and urlsplit(url).hostname in ("localhost", "127.0.0.1")
    assert join(world.LiveKit(urlsplit(url).netloc, SERVER.key, SERVER.secret), nodes, token)["joined"] is True


def test_curl_line_gives_a_token_that_joins(printed, nodes):
    line = line_with(printed, r"^curl .*$")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20, check=True)
    answer = json.loads(done.stdout)
    token = answer.get("participant_token") or answer["token"]
    assert joins.with_signal(SERVER, nodes, token)["joined"] is True


def test_token_source_line_works_in_a_browser(printed, browser, page_port):
    """Pasted as it is, after an import; any loopback origin may ask."""
    line = line_with(printed, r"^const tokenSource = .*;$")
    source = f"(() => {{ {line} return tokenSource; }})()"
    room = world.fresh("room")
    said = joins.browser_heard(SERVER, browser, f"http://localhost:{page_port}", room, source, {"roomName": room})
    assert (said["room"], said["tracks"]) == (room, 1)


def test_no_hint_when_a_server_answers(printed):
    assert "./dev livekit" not in printed


def test_every_other_line_is_a_remark(printed):
    """What is not pasted by the tests above begins with #, so that a pasted block does no harm."""
    pasted = r"(curl |const tokenSource = |https://|#|\{|$)"
    assert [line for line in printed if not re.match(pasted, line)] == []
