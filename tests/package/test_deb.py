"""The Debian packages in a Debian 12 of their own: installed, run, upgraded, removed and purged. Issue 5, part 1.

No systemd runs there (test_boot.py has one). What it would do is asked of its own tools (systemctl is-enabled, systemd-analyze condition), and the
service is started as the unit's ExecStart says.
"""

import os
import re
import subprocess

import pytest

from conf import want
from process import ROOT, Roomkey

CHANGED_BY_DPKG = re.compile(r"^/(var/(lib/(dpkg|systemd)|log|cache)|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|run|tmp|"
                             r"proc|sys|dev|etc/ld\.so\.cache)")


def call(root, *words, code=0):
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                           'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', root, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
    assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def files(root):
    found = set()
    for where, below, names in os.walk(root):
        for name in (*below, *names):
            path = os.path.join(where, name)[len(root):]
            if not CHANGED_BY_DPKG.match(path):
                found.add(path)
    return found


def bring(root, debs):
    """The packages in the root's /debs, for dpkg; what they depend on is there already."""
    os.makedirs(root + "/debs", exist_ok=True)
    names = [name for name in os.listdir(debs) if name.endswith(".deb")]
    for name in names:
        subprocess.run(["cp", os.path.join(debs, name), root + "/debs/"], check=True)
    return [f"/debs/{name}" for name in sorted(names) if name.startswith(("roomkey_", "libroomkey1_"))]


@pytest.fixture
def system(room, debs):
    """A Debian 12 that has not yet seen the packages."""
    return room("bookworm")


def newer(root, deb):
    """The same package under a later version, with a conffile-free change: what an upgrade is to dpkg."""
    folder = root + "/debs/x"
    subprocess.run(["dpkg-deb", "-R", root + deb, folder], check=True)
    with open(folder + "/DEBIAN/control", encoding="utf-8") as file:
        control = file.read()
    with open(folder + "/DEBIAN/control", "w", encoding="utf-8") as file:
        file.write(re.sub(r"^Version: .*", "Version: 99", control, flags=re.M))
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", "-Znone", folder, root + "/debs/newer.deb"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["rm", "-r", folder], check=True)
    return "/debs/newer.deb"


def test_install_upgrade_remove_purge(system, debs):
    """It waits for a configuration, keeps it through an upgrade and a removal, and a purge leaves nothing behind."""
    mine = bring(system, debs)
    before = files(system)
    call(system, "dpkg", "-i", *mine)
    assert call(system, "roomkey", "version").startswith("roomkey ")
    for unit in ("roomkey.service", "roomkey.socket"):
        assert call(system, "systemctl", "is-enabled", unit).strip() == "enabled"
        call(system, "systemd-analyze", "condition", f"--unit={unit}", code=1)  # nobody has configured it: it would not start
    call(system, "getent", "passwd", "roomkey")
    where = os.stat(system + "/etc/roomkey")
    assert where.st_mode & 0o777 == 0o750 and where.st_uid == 0

    for path, mode in (("/etc/roomkey/environment", 0o644), ("/etc/roomkey/roomkey.yaml", 0o640), ("/etc/roomkey/livekit/keys", 0o600)):
        os.makedirs(os.path.dirname(system + path), exist_ok=True)
        with open(system + path, "w", encoding="ascii") as file:
            file.write("# mine\n")
        os.chmod(system + path, mode)
    for unit in ("roomkey.service", "roomkey.socket"):
        call(system, "systemd-analyze", "condition", f"--unit={unit}")
    call(system, "dpkg", "-i", newer(system, mine[1]))
    assert call(system, "dpkg-query", "-W", "-f", "${Version}", "roomkey") == "99"
    with open(system + "/etc/roomkey/roomkey.yaml", encoding="ascii") as file:
        assert file.read() == "# mine\n"

    call(system, "dpkg", "--remove", "roomkey")
    assert not os.path.exists(system + "/usr/bin/roomkey") and os.path.exists(system + "/etc/roomkey/livekit/keys")
    call(system, "dpkg", "--purge", "roomkey", "libroomkey1")
    os.remove(system + "/debs/newer.deb")
    left = files(system) - before
    assert not left, sorted(left)


def test_the_service_of_the_package_answers(system, debs):
    """The installed program, linked against Debian 12's libraries, with the configuration where the unit says."""
    call(system, "dpkg", "-i", *bring(system, debs))
    with open(system + "/lib/systemd/system/roomkey.service", encoding="utf-8") as file:
        unit = file.read()
    start = re.search(r"^ExecStart=(\S+) (serve.*)$", unit, re.M)
    one = Roomkey(words=start[2].split(), launcher=("sh", "-c", f'root=$0; shift; exec chroot "$root" {start[1]} "$@"', system))
    try:
        assert want(one, {"room_name": "demo"}).status == 200
        one.stop()
    finally:
        one.kill()


def test_the_library_of_the_package(system, debs, tmp_path):
    """A program made against libroomkey-dev runs with libroomkey1, and the header, archive and pkg-config file are there."""
    folder = str(tmp_path / "dev")
    for name in os.listdir(debs):
        if name.startswith("libroomkey"):
            subprocess.run(["dpkg-deb", "-x", os.path.join(debs, name), folder], check=True)
    lib = folder + "/usr/lib/x86_64-linux-gnu"
    program = str(tmp_path / "mint")
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "roomkey"], text=True,
                                    env={**os.environ, "PKG_CONFIG_LIBDIR": lib + "/pkgconfig"}).split()
    assert [os.path.normpath(flag) for flag in flags] == [f"-I{folder}/usr/include", f"-L{lib}", "-lroomkey"]
    subprocess.run(["cc", os.path.join(ROOT, "examples", "mint.c"), *flags, "-o", program], check=True)
    call(system, "dpkg", "-i", *bring(system, debs)[:1])
    subprocess.run(["cp", program, system + "/usr/bin/mint"], check=True)
    assert "libroomkey.so.1 => /" in call(system, "ldd", "/usr/bin/mint")
    for path in ("libroomkey.a", "pkgconfig/roomkey.pc", "cmake/roomkey/roomkey-config.cmake"):
        assert os.path.exists(os.path.join(lib, path))


def test_systemd_is_asked_to_start_it(system, debs):
    """Where systemd is the first process the installation starts both units, whose condition then says wait or go."""
    call(system, "dpkg", "-i", *bring(system, debs))
    with open(system + "/var/lib/dpkg/info/roomkey.postinst", encoding="ascii") as file:
        script = file.read()
    assert re.search(r"deb-systemd-invoke \S+ .*roomkey\.service", script), script
    assert script.index("systemd-sysusers") < script.index("systemd-tmpfiles") < script.index("deb-systemd-invoke")
