"""conftest.py - what ./dev package writes, installed and started where others would."""

pytest_plugins = ["services"]
