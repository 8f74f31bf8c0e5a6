#!/usr/bin/env python3
"""fetch.py DIR - downloads and unpacks what packaging/sources.txt pins, into DIR/<package>; DIR/got.json says what came.
fetch.py --update - pins what Debian has now.

apt does the downloading, with lists of its own beside the cache, and checks Debian's signatures; we compare the hash. A
version that Debian has withdrawn from its pool is replaced by the newest it has, loudly, and never by an older one: Debian
removes what it has mended, and a release with the mended one is better than none. The SBOM then names what was really taken.

May touch: DIR, CACHE/apt, packaging/sources.txt with --update. Standard library only.
"""

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PINS = ROOT / "packaging" / "sources.txt"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHIVES = (("http://deb.debian.org/debian", "bookworm bookworm-updates trixie trixie-updates"),
            ("http://deb.debian.org/debian-security", "bookworm-security trixie-security"))
RELEASE_MARK = {"bookworm": "deb12", "trixie": "deb13"}  # in the versions of what was mended after a release
FIELDS = ("package", "version", "suite", "kind", "sha256", "licence")


def say(text):
    print(f"dev: {text}", file=sys.stderr, flush=True)


def pins():
    rows = (line.split() for line in PINS.read_text().splitlines() if line and not line.startswith("#"))
    return [dict(zip(FIELDS, row, strict=True)) for row in rows]


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def is_older(one, other):
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0


class Apt:
    """apt with sources and lists of its own: the system's are neither read nor written."""

    def __init__(self, home):
        for name in ("lists/partial", "archives/partial", "parts", "none"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "parts" / "debian.sources").write_text("\n".join(
            f"Types: deb deb-src\nURIs: {uri}\nSuites: {suites}\nComponents: main\nArchitectures: amd64\n"
            f"Signed-By: {KEYRING}\n" for uri, suites in ARCHIVES))
        self.options = [f"-oDir::Etc::sourcelist={home}/none/list", f"-oDir::Etc::sourceparts={home}/parts",
                        f"-oDir::Etc::preferencesparts={home}/none", f"-oDir::State::lists={home}/lists",
                        f"-oDir::Cache={home}", "-oAPT::Sandbox::User=", "-oAcquire::Retries=3",
                        "-oAcquire::Languages=none",
                        # whatever the machine's own apt.conf allows
                        "-oAPT::Get::AllowUnauthenticated=false", "-oAcquire::AllowInsecureRepositories=false",
                        "-oAcquire::AllowWeakRepositories=false", "-oAcquire::AllowDowngradeToInsecureRepositories=false"]

    def run(self, tool, *words, cwd=None):
        """(exit code, stdout, both streams)"""
        done = subprocess.run([tool, *self.options, *words], cwd=cwd, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stdout + done.stderr

    def update(self):
        if not Path(KEYRING).exists():
            raise SystemExit("dev: install debian-archive-keyring: Debian's signatures are checked with it")
        code, _, text = self.run("apt-get", "-q", "update")
        if code != 0:
            raise SystemExit(f"dev: apt-get update failed\n{text}")

    def versions(self, pin):
        """The versions of the pin's release that apt knows, newest first."""
        _, text, _ = self.run("apt-cache", "showsrc" if pin["kind"] == "source" else "show", pin["package"])
        found = set()
        for paragraph in text.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version): (\S+)", paragraph, re.M))
            if fields.get("Package") == pin["package"] and self.is_of_release(pin, fields["Version"]):
                found.add(fields["Version"])
        return sorted(found, key=functools.cmp_to_key(lambda a, b: -1 if is_older(a, b) else 1), reverse=True)

    def is_of_release(self, pin, version):
        """A package stays in its release: by the mark in its version, or by the list it is in."""
        marks = re.findall(r"deb1[23](?=u)", version)
        if marks:
            return marks[-1] == RELEASE_MARK[pin["suite"]]
        _, text, _ = self.run("apt-cache", "madison", pin["package"])
        rows = (row.split("|") for row in text.splitlines() if row.count("|") == 2)
        return any(row[1].strip() == version and f" {pin['suite']}" in row[2] for row in rows)

    def download(self, pin, version, folder):
        """The .dsc or .deb in the folder; None: Debian no longer has it."""
        words = ["source", "--download-only"] if pin["kind"] == "source" else ["download"]
        code, _, _ = self.run("apt-get", "-q", *words, f"{pin['package']}={version}", cwd=folder)
        named = sorted(Path(folder).glob("*.dsc" if pin["kind"] == "source" else "*.deb"))
        return named[0] if code == 0 and named else None


def take(apt, pin, folder):
    """(version, file) of what is pinned or else of the newest there is."""
    def attempt(version):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return version, apt.download(pin, version, folder)

    version, file = attempt(pin["version"])
    if file is not None:
        return version, file
    for other in apt.versions(pin):
        if is_older(other, pin["version"]):  # a mirror that stands still, or one that wants the old holes back
            raise SystemExit(f"dev: Debian has {pin['package']} {other} only, which is older than packaging/sources.txt pins")
        version, file = attempt(other)
        if file is not None:
            say(f"WARNING: {pin['package']} {pin['version']}, which packaging/sources.txt pins, is gone from Debian; taking "
                f"{version}. To pin what Debian has now: python3 scripts/static/fetch.py --update")
            return version, file
    raise SystemExit(f"dev: Debian has no {pin['package']} that can be downloaded")


def unpack(pin, file, target):
    tool = ["dpkg-source", "-x"] if pin["kind"] == "source" else ["dpkg-deb", "-x"]  # the first looks at the parts' hashes
    done = subprocess.run([*tool, str(file), str(target)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"dev: cannot unpack {file.name}\n{done.stdout}{done.stderr}")


def fetch(target, apt):
    apt.update()
    got = []
    for pin in pins():
        version, file = take(apt, pin, target / "files" / pin["package"])
        pinned = version == pin["version"]
        if pinned and digest(file) != pin["sha256"]:
            raise SystemExit(f"dev: {file.name} is not the file that packaging/sources.txt pins")
        unpack(pin, file, target / pin["package"])
        got.append({**pin, "version": version, "sha256": digest(file), "pinned": pinned})
    (target / "got.json").write_text(json.dumps(got, indent=1) + "\n")


def update(apt):
    apt.update()
    text = PINS.read_text()
    with tempfile.TemporaryDirectory() as folder:
        for pin in pins():
            for version in [*apt.versions(pin), pin["version"]]:
                file = apt.download(pin, version, tempfile.mkdtemp(dir=folder))
                if file is not None:
                    break
                say(f"{pin['package']} {version} is in Debian's lists and not in its pool")
            else:
                raise SystemExit(f"dev: Debian has no {pin['package']}")
            now = {**pin, "version": version, "sha256": digest(file)}
            if now != pin:
                say(f"{pin['package']}: {pin['version']} -> {version}")
            text = text.replace(" ".join(pin[f] for f in FIELDS), " ".join(now[f] for f in FIELDS))
    PINS.write_text(text)


if __name__ == "__main__":
    CACHE = Path(os.environ.get("CACHE") or os.environ.get("ROOMKEY_CACHE") or Path.home() / ".cache" / "roomkey")
    if sys.argv[1:] == ["--update"]:
        update(Apt(CACHE / "apt"))
    elif len(sys.argv) == 2:
        fetch(Path(sys.argv[1]), Apt(CACHE / "apt"))
    else:
        raise SystemExit("usage: fetch.py DIR | --update")
