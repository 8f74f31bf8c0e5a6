"""conftest.py - the platforms roomkey runs on: real ones, or played by their contract."""

pytest_plugins = ["services"]
