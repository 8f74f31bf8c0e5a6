"""portable_zip.py - what the zips of scripts/package have in common: which binary goes in, and the same bytes each time.

May touch: the directory it is given, where scripts/package/binary writes. Standard library only.
"""

import os
import stat
import subprocess
import sys
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIME = (1980, 1, 1, 0, 0, 0)  # the first a zip can say


def binary(directory, where):
    """The path of the roomkey to ship to `where`: the portable one, made where it is not there; failing that, loudly, this machine's."""
    path = os.path.join(directory, "bin", "roomkey")
    maker = os.path.join(ROOT, "scripts", "package", "binary")
    if not os.path.exists(path) and os.access(maker, os.X_OK):
        subprocess.run([maker, directory], check=True)
    if os.path.exists(path):
        return path
    path = os.path.join(ROOT, "build", "release", "roomkey")
    print("package: WARNING: there is no portable binary (dist/bin/roomkey); build/release/roomkey goes into the zip, which "
          f"needs this machine's libraries and will hardly start {where}", file=sys.stderr)
    if not os.path.exists(path):
        sys.exit("package: no build/release/roomkey either; run ./dev build")
    return path


def sums(directory):
    """Writes SHA256SUMS anew, over all that is there by now."""
    subprocess.run([os.path.join(ROOT, "scripts", "sums"), directory], check=True)


def add(archive, name, path, mode):
    """The file at `path` as NAME; times are fixed and modes set here, not taken from the file system."""
    info = zipfile.ZipInfo(name, TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix: the modes mean something
    info.external_attr = (stat.S_IFREG | mode) << 16
    with open(path, "rb") as file:
        archive.writestr(info, file.read(), compresslevel=9)
