"""conftest.py - the suite's own rules: there is a roomkey, and long inputs get short names."""

import os

import pytest

from process import BIN

pytest_plugins = ["services"]


def pytest_configure(config):
    if not os.access(BIN, os.X_OK):
        raise pytest.UsageError(f"no roomkey at {BIN}: build the release preset or set ROOMKEY_BIN")


# Files whose tests wait and start services of their own: any worker may take any of them, and they are the first to be taken. Of all
# others a file stays on one worker, so that a module's service starts once.
ALONE = ("test_keysets", "test_waiting", "test_drain", "test_attacks", "test_faults", "test_reload", "test_hook", "test_shared_limits")
# Those that take longest go next: one that begins last would keep the other workers waiting.
LONG = ("test_policies", "test_rules", "test_cli", "test_config", "test_config_file", "test_security_cases", "test_time_limits", "test_openapi",
        "test_limits", "test_logs", "test_api_keys", "test_http_bodies")


def pytest_collection_modifyitems(items):
    order = {name: at for at, name in enumerate(ALONE + LONG)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    for item in items:
        if item.path.stem not in ALONE:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_make_parametrize_id(val):
    """Long inputs get a short name in the report."""
    if isinstance(val, (str, bytes)) and len(val) > 60:
        return f"{val[:40]!r} and {len(val) - 40} more"
    return None
