"""What the travelling binary is compiled from is what is pinned, or newer and said so: scripts/static/fetch.py. Issue 5, part 1."""

import hashlib
import importlib.util
import os

import pytest

from process import ROOT


@pytest.fixture
def fetch():
    spec = importlib.util.spec_from_file_location("fetch", os.path.join(ROOT, "scripts", "static", "fetch.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Mirror:
    """An apt that has these versions of everything."""

    def __init__(self, *versions):
        self.has = versions

    def update(self):
        pass

    def versions(self, _pin):
        return self.has

    def download(self, _pin, version, folder):
        if version not in self.has:
            return None
        (folder / "x.dsc").write_text(version)
        return folder / "x.dsc"


def pin(version):
    return {"package": "x", "version": version, "suite": "bookworm", "kind": "source", "sha256": hashlib.sha256(version.encode()).hexdigest(), "licence": "MIT"}


def test_a_file_that_is_not_the_pinned_one_ends_it(fetch, tmp_path, monkeypatch):
    """Signed or not: the hash is looked at before anything is unpacked."""
    unpacked = []
    monkeypatch.setattr(fetch, "unpack", lambda *words: unpacked.append(words))
    monkeypatch.setattr(fetch, "pins", lambda: [pin("1-1")])
    fetch.fetch(tmp_path, Mirror("1-1"))
    assert len(unpacked) == 1 and (tmp_path / "got.json").exists()
    monkeypatch.setattr(fetch, "pins", lambda: [{**pin("1-1"), "sha256": "0" * 64}])
    with pytest.raises(SystemExit, match="is not the file"):
        fetch.fetch(tmp_path, Mirror("1-1"))
    assert len(unpacked) == 1


def test_what_is_gone_is_replaced_by_newer_only(fetch, tmp_path, capsys):
    """Debian removes what it has mended; a mirror that offers less than the pin wants the old holes back."""
    assert fetch.take(Mirror("1-3", "1-2"), pin("1-1"), tmp_path / "files")[0] == "1-3"
    assert "WARNING" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="older"):
        fetch.take(Mirror("1-0"), pin("1-1"), tmp_path / "files")
    with pytest.raises(SystemExit, match="older"):
        fetch.take(Mirror("1-1~deb12u1"), pin("1-1"), tmp_path / "files")
