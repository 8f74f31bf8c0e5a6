"""The image: its Containerfile checked by hadolint, its last stage built by buildah, its file system run by bubblewrap.

Bubblewrap plays the container runtime: the image's own user, entry point and variables, PID 1, read-only root, no
capabilities, no shell. The binary is dist/bin/roomkey where ./dev package has made it; else this build's, with its libraries.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile

import pytest

import process
from process import BIN, ROOT, free_port, wait_connect
from wire import GOOD, ask, post, request

CONTAINERFILE = os.path.join(ROOT, "packaging", "container", "Containerfile")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def last_stage():
    with open(CONTAINERFILE, encoding="utf-8") as file:
        return "FROM scratch" + file.read().split("\nFROM scratch", 1)[1]


def libraries(binary):
    """Absolute paths of what the loader would open; none of a static file."""
    done = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", done.stdout) if done.returncode == 0 else []


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """(root directory, configuration) of the image that buildah made."""
    where = tmp_path_factory.mktemp("image")
    context = where / "context"
    packaged = os.path.join(ROOT, "dist", "bin", "roomkey")
    binary = packaged if os.path.exists(packaged) else BIN
    (context / "image").mkdir(parents=True)
    shutil.copy(binary, context / "image" / "roomkey")
    (context / "certs").mkdir()
    shutil.copy(CERTIFICATES, context / "certs" / "ca-certificates.crt")
    (context / "libraries").mkdir()
    for path in libraries(binary):
        target = context / "libraries" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    stage, extra = last_stage(), "COPY --from=build /libraries /\n" if libraries(binary) else ""
    (context / "Containerfile").write_text("FROM scratch AS build\nCOPY image /image\nCOPY certs /etc/ssl/certs\nCOPY libraries /libraries\n\n" + stage.replace("ENV PORT", extra + "ENV PORT", 1))
    buildah = ["buildah", "--root", str(where / "store"), "--runroot", str(where / "run"), "--storage-driver", "vfs"]
    archive = where / "image.tar"
    for words in (["build", "--isolation", "chroot", "--format", "docker", "-t", "roomkey", "-f", str(context / "Containerfile"), str(context)],
                  ["push", "localhost/roomkey", f"docker-archive:{archive}"]):
        done = subprocess.run([*buildah, *words], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    root = where / "root"
    root.mkdir()
    with tarfile.open(archive) as outer:
        manifest, = json.load(outer.extractfile("manifest.json"))
        config = json.load(outer.extractfile(manifest["Config"]))["config"]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                inner.extractall(root)
    files = [os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names]
    if not extra:
        assert sorted(files) == ["etc/ssl/certs/ca-certificates.crt", "roomkey"], "nothing else is in it"
    for name in ("proc", "dev", "secrets"):
        (root / name).mkdir()
    return root, config


class Container:
    """A process in the image, as a runtime would start it."""

    def __init__(self, image, words=None, env=(), secrets=None):
        root, config = image
        uid, gid = config["User"].split(":")
        variables = dict(line.split("=", 1) for line in config["Env"]) | dict(env)
        mounts = ["--ro-bind", str(secrets), "/secrets"] if secrets else []
        receive, send = os.pipe()
        self.child = subprocess.Popen(
            ["bwrap", "--ro-bind", str(root), "/", *mounts, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
             "--unshare-cgroup-try", "--uid", uid, "--gid", gid, "--as-pid-1", "--cap-drop", "ALL", "--die-with-parent", "--info-fd", str(send), "--clearenv",
             *(word for name, value in variables.items() for word in ("--setenv", name, value)), *config["Entrypoint"], *(words or config["Cmd"])],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[send])
        os.close(send)
        with os.fdopen(receive) as info:
            text = info.read()
        self.pid = json.loads(text)["child-pid"] if text else None

    def end(self, number=signal.SIGTERM, timeout=20):
        """Sends the signal to PID 1. (exit code, what it said)."""
        os.kill(self.pid, number)
        out, _ = self.child.communicate(timeout=timeout)
        return self.child.returncode, out.decode()

    def wait(self, timeout=20):
        out, _ = self.child.communicate(timeout=timeout)
        return self.child.returncode, out.decode()


def test_the_containerfile_passes_hadolint():
    """Issue 5 point 3. hadolint must see something wrong first, or its silence says nothing."""
    tool = os.environ.get("RKT_HADOLINT") or "hadolint"
    bad = subprocess.run([tool, "-"], input=b"FROM debian\nRUN sudo apt-get install curl\n", capture_output=True, timeout=60, check=False)
    assert bad.returncode != 0 and b"DL3004" in bad.stdout, bad
    done = subprocess.run([tool, CONTAINERFILE], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout == b"", done
    with open(CONTAINERFILE, encoding="utf-8") as file:
        froms = re.findall(r"^FROM (.*)$", file.read(), re.M)
    assert froms == ["${BASE} AS build", "scratch"], "multi-stage, and nothing below ours"


def test_the_recipe_around_a_binary(tmp_path):
    """docs/HOSTING.md: the Containerfile that the guide's line makes is the last stage with what lies beside it."""
    with open(os.path.join(ROOT, "docs", "HOSTING.md"), encoding="utf-8") as file:
        line, = re.findall(r"^(sed -n .*) >image/Containerfile$", file.read(), re.M)
    made = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    copies = re.findall(r"^COPY (.*)$", made, re.M)
    assert copies == ["ca-certificates.crt /etc/ssl/certs/ca-certificates.crt", "roomkey /roomkey"]
    assert made == re.sub(r"^COPY --from=build \S*/", "COPY ", last_stage(), flags=re.M)


def test_what_is_not_sent_to_the_builder():
    """Neither history nor keys: for buildah and podman, and for docker."""
    with open(os.path.join(ROOT, ".containerignore"), encoding="utf-8") as file:
        lines = set(file.read().splitlines())
    assert {".git", "build", "roomkey.yaml", "*.env"} <= lines
    assert os.path.realpath(os.path.join(ROOT, ".dockerignore")) == os.path.join(ROOT, ".containerignore")


def test_the_image_serves_without_a_shell_or_root(image, tmp_path):
    """Non-root by number, read-only root, no capabilities, secrets from files; `roomkey health` is its health check; PID 1 ends on SIGTERM with 0."""
    config = image[1]
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/roomkey"] and config["Cmd"] == ["serve"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/roomkey", "health"] and "PORT=8080" in config["Env"] and config["ExposedPorts"] == {"8080/tcp": {}}
    port = free_port()
    for name, text in (("key", process.KEY), ("secret", process.SECRET)):
        (tmp_path / name).write_text(text)
        os.chmod(tmp_path / name, 0o644)
    os.chmod(tmp_path, 0o755)
    env = {"PORT": str(port), "LIVEKIT_API_KEY_FILE": "/secrets/key", "LIVEKIT_API_SECRET_FILE": "/secrets/secret", "LIVEKIT_URL": process.URL, "ROOMKEY_ANONYMOUS": "allow"}
    box = Container(image, env=env, secrets=tmp_path)
    try:
        wait_connect(("127.0.0.1", port))
        with open(f"/proc/{box.pid}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        assert status["CapEff"].strip("0") == "" and status["CapPrm"].strip("0") == "", "no capabilities"
        assert status["NSpid"].split()[-1] == "1", "it is PID 1"
        assert ask(("127.0.0.1", port), post("/api/token", GOOD)).status == 200
        assert ask(("127.0.0.1", port), request("GET", "/readyz")).status == 200
        check = config["Healthcheck"]["Test"][2:]
        code, said = Container(image, check, {"PORT": str(port)}).wait()
        assert code == 0, said
        code, said = Container(image, check, {"PORT": str(free_port())}).wait()
        assert code == 1 and "nothing answers" in said, said
    finally:
        code, said = box.end()
    assert code == 0 and '"event":"stopped"' in said, said


def test_the_image_listens_for_others(image):
    """A container that listens on its own loopback answers nobody: PORT is in the image, so 0.0.0.0 it is."""
    port = free_port()
    box = Container(image, env={"PORT": str(port), "ROOMKEY_ANONYMOUS": "allow", "LIVEKIT_URL": process.URL})
    try:
        wait_connect(("127.0.0.1", port))
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("127.0.0.2", port))
        assert ask(("127.0.0.2", port), request("GET", "/readyz")).status == 503, "no key: alive, but not ready"
        assert ask(("127.0.0.2", port), request("GET", "/livez")).status == 200
    finally:
        code, said = box.end()
    assert code == 0, said
