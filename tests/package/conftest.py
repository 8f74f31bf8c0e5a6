"""conftest.py - what ./dev package writes, installed and started where others would.

May touch: dist/, build/, the cache of small systems (ROOMKEY_CACHE), chroots under the tests' own directory. Needs root.
"""

import fcntl
import os
import shutil
import subprocess

import pytest

from process import ROOT

pytest_plugins = ["services"]
DIST = os.path.join(ROOT, "dist")


def packaged(what):
    """dist/, after `./dev package WHAT`, which does nothing where nothing changed. One at a time."""
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "package.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([os.path.join(ROOT, "dev"), "package", what], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return DIST


@pytest.fixture(scope="session")
def binary():
    """The travelling binary."""
    return os.path.join(packaged("binary"), "bin", "roomkey")


@pytest.fixture(scope="session")
def debs():
    """The directory with the Debian packages."""
    return packaged("deb")


@pytest.fixture(scope="session")
def debian():
    """debian(SUITE): the directory of a small Debian of that release. Not to be changed."""
    assert os.geteuid() == 0, "chroots need root: sudo ./dev test package"
    return lambda suite: subprocess.run([os.path.join(ROOT, "scripts", "static", "root"), suite], stdout=subprocess.PIPE,
                                        text=True, check=True).stdout.strip()


@pytest.fixture
def room(tmp_path, debian):
    """room(SUITE): a copy of such a system, to be changed; room(None): an empty directory."""
    made = []

    def make(suite):
        root = str(tmp_path / f"root{len(made)}")
        if suite:
            subprocess.run(["cp", "-a", "--reflink=auto", debian(suite), root], check=True)
        else:
            os.mkdir(root)
        made.append(root)
        return root

    yield make
    for root in made:
        shutil.rmtree(root, ignore_errors=True)
