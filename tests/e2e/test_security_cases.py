"""tests/SECURITY-CASES.md lists every case id it has to, and each test it names is there."""

import ast
import os
import re

import pytest

from process import ROOT

PATH = os.path.join(ROOT, "tests", "SECURITY-CASES.md")
WANTED = ([f"HTP-{n:02}" for n in range(1, 25)] + [f"HDR-{n:02}" for n in range(1, 7)] + [f"EZA-{n:02}" for n in range(1, 4)]
          + [f"JSN-{n:02}" for n in range(1, 6)] + [f"COR-{n:02}" for n in range(1, 7)] + [f"RTL-{n:02}" for n in (1, 2, 3, 4, 5, 8)]
          + [f"CLI-{n:02}" for n in range(1, 6)] + ["FIL-03"] + [f"LOG-{n:02}" for n in range(1, 4)])
LATER = {"HDR-03", "HDR-04", "HDR-05", "HDR-06", "EZA-01", "EZA-02", "EZA-03"}

with open(PATH, encoding="utf-8") as file:
    ROWS = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in file if re.match(r"\| [A-Z]{3}-\d\d ", line)]


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
    assert named or row[0] in LATER, f"{row[0]} names no test"
    assert row[0] not in LATER or row[3], f"{row[0]} comes later: say why"
    for name, function in named:
        path = os.path.join(ROOT, "tests", "e2e", name)
        assert os.path.exists(path), path
        assert function.startswith("test_") and function in functions(path), (name, function)
