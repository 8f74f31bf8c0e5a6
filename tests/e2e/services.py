"""services.py - services that end cleanly or fail the test; for every suite that drives the real binary.

`start` gives a test services of its own; `service` is one default service per file, for tests that need no other.
"""

import pytest

from conf import Given
from process import Roomkey, stop_all
from wire import Wire


@pytest.fixture
def start():
    """start(env, **more) -> Roomkey. Stopped with SIGTERM at the end, which must give exit 0 and clean log lines."""
    made = []

    def begin(env=None, **more):
        made.append(Roomkey(env, **more))
        return made[-1]

    yield begin
    stop_all(made)


@pytest.fixture(scope="module")
def service():
    """A default service, shared by the tests of a file."""
    one = Roomkey()
    yield one
    stop_all([one])


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
