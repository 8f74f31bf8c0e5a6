"""conftest.py - the suite's own rules: there is a roomkey, and long inputs get short names."""

import os

import pytest

from process import BIN

pytest_plugins = ["services"]


def pytest_configure(config):
    if not os.access(BIN, os.X_OK):
        raise pytest.UsageError(f"no roomkey at {BIN}: build the release preset or set ROOMKEY_BIN")


def pytest_make_parametrize_id(val):
    """Long inputs get a short name in the report."""
    if isinstance(val, (str, bytes)) and len(val) > 60:
        return f"{val[:40]!r} and {len(val) - 40} more"
    return None
