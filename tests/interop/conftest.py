"""Fixtures of the interop tests. One livekit-server and one roomkey serve all tests of a worker; names are fresh in each test."""

import os
import subprocess

import pytest
import requests

import guarded
import world


MEASURED = []  # by the workers; in the process that prints


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ("test_keycloak", item.path.stem).index(item.path.stem))
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(240))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["measured"] = guarded.MEASURED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    MEASURED.extend(getattr(node, "workeroutput", {}).get("measured", ()))


def pytest_terminal_summary(terminalreporter):
    """What was measured, also when all went well."""
    for line in MEASURED or guarded.MEASURED:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return str(tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="session")
def webhooks():
    return world.Webhooks()


@pytest.fixture(scope="session")
def livekit(directory, webhooks):
    yield from world.start_livekit(directory, webhooks.url)


@pytest.fixture(scope="session")
def nodes(directory):
    return world.NodePeers(directory)


@pytest.fixture(scope="session")
def page_port():
    return world.free_port()


@pytest.fixture(scope="session")
def browser(nodes, page_port):
    browser = world.Browser(nodes, page_port)
    yield browser
    browser.stop()


class Roomkey:
    """A running service."""

    def __init__(self, address, process):
        self.base, self.process = f"http://{address}", process

    def original(self, **body):
        answer = requests.post(f"{self.base}/api/token", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    def standard(self, **body):
        answer = requests.post(f"{self.base}/v1/token", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def roomkey(livekit, page_port):
    env = world.bare_env(LIVEKIT_URL=livekit.url, LIVEKIT_API_KEY=livekit.key, LIVEKIT_API_SECRET=livekit.secret,
                         ROOMKEY_ANONYMOUS="allow", ROOMKEY_LISTEN="127.0.0.1:0",
                         ROOMKEY_CORS_ORIGINS=f"http://localhost:{page_port}")
    process = world.Process([world.roomkey_binary(), "serve"], env=env)
    try:
        yield Roomkey(process.wait_for(world.listening_address), process)
    finally:
        code = process.stop()
    assert code == 0, f"roomkey ended with {code}"


@pytest.fixture
def run_example(livekit):
    """run_example(NAME, words…): an example program of ours, with the server's key in its environment."""

    def run(name, *words, stdin=b"", livekit=livekit):
        path = os.path.join(os.path.dirname(world.roomkey_binary()), f"example_{name}")
        env = world.bare_env(LIVEKIT_API_KEY=livekit.key, LIVEKIT_API_SECRET=livekit.secret)
        return subprocess.run([path, *words], env=env, input=stdin, capture_output=True, timeout=20, check=False)

    return run
