"""conftest.py - fixtures: services that end cleanly or fail the test.

`start` gives a test services of its own; `service` is one default service per file, for tests that need no other.
"""

import os

import pytest

from conf import Given
from process import BIN, Roomkey
from wire import Wire


def pytest_configure(config):
    if not os.access(BIN, os.X_OK):
        raise pytest.UsageError(f"no roomkey at {BIN}: build the release preset or set ROOMKEY_BIN")


def pytest_make_parametrize_id(val):
    """Long inputs get a short name in the report."""
    if isinstance(val, (str, bytes)) and len(val) > 60:
        return f"{val[:40]!r} and {len(val) - 40} more"
    return None


@pytest.fixture
def start():
    """start(env, **more) -> Roomkey. Stopped with SIGTERM at the end, which must give exit 0 and clean log lines."""
    made = []

    def begin(env=None, **more):
        made.append(Roomkey(env, **more))
        return made[-1]

    yield begin
    errors = []
    for one in made:
        try:
            one.stop()
        except AssertionError as error:
            errors.append(error)
            one.kill()
    if errors:
        raise errors[0]


@pytest.fixture(scope="module")
def service():
    """A default service, shared by the tests of a file."""
    one = Roomkey()
    yield one
    try:
        one.stop()
    except AssertionError:
        one.kill()
        raise


@pytest.fixture
def wire(service):
    """A connection to the shared service."""
    with Wire(service.address) as one:
        yield one


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Services by policy, shared by the tests of a file; see conf.Given."""
    every = Given(tmp_path_factory.mktemp("given"))
    yield every
    every.close()
