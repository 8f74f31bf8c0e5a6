"""docs/SECURITY-MODEL.md: what it says backs a claim is there, and what it must own up to is in it (issue: done when)."""

import pathlib
import re

import pytest

from process import ROOT

TEXT = pathlib.Path(ROOT, "docs", "SECURITY-MODEL.md").read_text(encoding="utf-8")
CASES = pathlib.Path(ROOT, "tests", "SECURITY-CASES.md").read_text(encoding="utf-8")


def test_named_files_are_there():
    """Every path in backquotes, and every test file beside one."""
    names = set(re.findall(r"`((?:tests|fuzz|docs)/[\w./*-]+)`", TEXT)) | {f"tests/e2e/{name}" for name in re.findall(r"`(test_[\w*]+\.py)`", TEXT)}
    assert len(names) > 12
    for name in names:
        assert list(pathlib.Path(ROOT).glob(name)), name


def test_named_cases_are_listed():
    """Each id of an attack has its row in SECURITY-CASES.md."""
    ids = set(re.findall(r"\b([A-Z]{3}-\d\d)\b", TEXT))
    assert len(ids) > 25
    missing = sorted(one for one in ids if f"| {one} |" not in CASES)
    assert not missing, missing


@pytest.mark.parametrize("words", ["keeps no list of revoked tokens", "Bind agents", "auto_create: false", "is root"])
def test_what_it_cannot_do_is_said(words):
    """The four the issue names."""
    assert words in TEXT
