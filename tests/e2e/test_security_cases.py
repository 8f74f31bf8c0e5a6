"""tests/SECURITY-CASES.md lists every case id it has to, and each test it names is there."""

import ast
import functools
import os
import re

import pytest

from process import ROOT

PATH = os.path.join(ROOT, "tests", "SECURITY-CASES.md")
COUNTS = {"JWT": 38, "CLM": 23, "JWK": 21, "HTP": 24, "HDR": 6, "EZA": 3, "JSN": 5, "IDN": 10, "COR": 6, "RTL": 10, "WHK": 5, "KEY": 3, "CFG": 5, "CLI": 5,
          "FIL": 3, "LOG": 3}
WANTED = [f"{kind}-{n:02}" for kind, count in COUNTS.items() for n in range(1, count + 1)]

with open(PATH, encoding="utf-8") as file:
    ROWS = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in file if re.match(r"\| [A-Z]{3}-\d\d ", line)]


@functools.lru_cache(None)
def functions(path):
    with open(path, encoding="utf-8") as source:
        return {node.name for node in ast.walk(ast.parse(source.read())) if isinstance(node, ast.FunctionDef)}


def test_every_id_is_there_once():
    """issue: every case id, with its test, or its deviation and why."""
    assert [row[0] for row in ROWS] == WANTED


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_its_tests_exist(row):
    """Each named test is a function in that file."""
    assert len(row) == 4, row
    named = re.findall(r"`([\w/.]+\.py)::(\w+)`", row[2])
    assert named, f"{row[0]} names no test"
    for name, function in named:
        path = os.path.join(ROOT, "tests", "e2e", name)
        assert os.path.exists(path), path
        assert function.startswith("test_") and function in functions(path), (name, function)
