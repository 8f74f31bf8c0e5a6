"""check_source.py - what a script can see of the style guide: format, arrows between rooms, banned functions, shell.

Prints what breaks a rule and ends with `N passed, N failed`, one count a rule. With --tidy DIR also clang-tidy over
that build's compile commands, and shellcheck. Reads the tree, changes nothing. Standard library only.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
C_DIRS = ("src", "include", "tests", "fuzz", "examples", "bench")

# cli -> serve -> {api, policy, auth, config, net} -> {model, core}; the rooms in the braces do not know one another.
BELOW = {
    "core": set(),
    "model": {"core"},
    "auth": {"model", "core"},
    "policy": {"model", "core"},
    "api": {"model", "core"},
    "config": {"model", "core"},
    "net": {"model", "core"},
    "serve": {"api", "policy", "auth", "config", "net", "model", "core"},
    "cli": {"serve", "api", "policy", "auth", "config", "net", "model", "core"},
}
# A library's header, and the rooms that may know it.
LIBRARY_ROOMS = {
    "uv.h": {"net"},
    "llhttp.h": {"net"},
    "curl/": {"net"},
    "hiredis": {"net"},
    "yaml.h": {"config"},
    "seccomp.h": {"serve"},
    "sys/socket.h": {"net", "config", "serve", "cli"},
}
BANNED = ("strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol atoll strtol strtoul strtoll strtoull "
          "sscanf gets gmtime localtime rand srand system popen alloca").split()


def files(dirs, ends):
    for top in dirs:
        for where, below, names in os.walk(os.path.join(ROOT, top)):
            below[:] = [name for name in below if name not in ("node_modules", "target", "corpus", "__pycache__")]
            yield from (os.path.relpath(os.path.join(where, name), ROOT) for name in sorted(names)
                        if name.endswith(ends))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


def code_of(text):
    """The text with comments and literals blanked, line numbers kept."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda m: "\n" * m.group().count("\n") or " ", text)


def first_tool(*names):
    return next((path for path in map(shutil.which, names) if path), None)


def check_format():
    tool = first_tool("clang-format-14", "clang-format")
    if not tool:
        return ["clang-format is not there"]
    names = list(files(C_DIRS, (".c", ".h")))
    done = subprocess.run([tool, "--dry-run", "-Werror", *names], cwd=ROOT, capture_output=True, text=True)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
    return [f"{name}: not formatted (clang-format -i {name})" for name in wrong] or \
        ([done.stderr] if done.returncode else [])


def includes(path):
    for number, line in enumerate(read(path).splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def room_of_include(path, name):
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    if os.path.exists(os.path.join(ROOT, beside)):
        parts = beside.split(os.sep)
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None
    return name.split("/")[0] if "/" in name else None


def check_arrows():
    wrong = []
    for path in files(("src",), (".c", ".h")):
        room = path.split(os.sep)[1]
        if room not in BELOW:
            wrong.append(f"{path}: there is no room '{room}'")
            continue
        for number, quoted, name in includes(path):
            target = room_of_include(path, name) if quoted else None
            if target in BELOW and target != room and target not in BELOW[room]:
                wrong.append(f"{path}:{number}: {room} may not know {target}")
            for header, rooms in LIBRARY_ROOMS.items():
                if name.startswith(header) and room not in rooms:
                    wrong.append(f"{path}:{number}: {room} may not know {header}")
    return wrong


def check_public_headers():
    return [f"{path}:{number}: a public header may not include {name}"
            for path in files(("include",), (".h",)) for number, _, name in includes(path)
            if name.startswith(("openssl", "jansson", "uv.h", "utf8proc"))]


def check_banned():
    banned = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    leave = re.compile(r"(?<![\w.>])(exit|abort)\s*\(")
    wrong = []
    for path in files(("src", "include", "examples"), (".c", ".h")):
        for number, line in enumerate(code_of(read(path)).splitlines(), 1):
            found = banned.search(line)
            if not found and path.startswith("src") and os.path.basename(path) != "main.c":
                found = leave.search(line)
            if found:
                wrong.append(f"{path}:{number}: {found.group(1)}() is kept out")
    return wrong


def check_opening():
    """Every file of ours says what it is for before it does anything."""
    return [path for path in files(("src", "include", "fuzz", "examples"), (".c", ".h"))
            if not read(path).lstrip().startswith("/*")]


def shell_scripts():
    return ["dev", ".ci/run", *files(("scripts",), (".sh",))]


def check_shell():
    wrong = []
    for path in shell_scripts():
        shell = "bash" if "bash" in read(path).splitlines()[0] else "sh"
        done = subprocess.run([shell, "-n", path], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            wrong.append(done.stderr)
    return wrong


def check_shellcheck():
    done = subprocess.run(["shellcheck", "-x", "-P", ".", *shell_scripts()], cwd=ROOT, capture_output=True, text=True)
    return [done.stdout] if done.returncode else []


def check_tidy(tree):
    tool = first_tool("clang-tidy-14", "clang-tidy")
    with open(os.path.join(tree, "compile_commands.json"), encoding="utf-8") as commands:
        sources = sorted({row["file"] for row in json.load(commands)
                          if row["file"].startswith(os.path.join(ROOT, "src"))})

    def tidy(source):
        # gcc wrote the commands: its own warnings are no error of ours
        return subprocess.run([tool, "-quiet", "-p", tree, "--extra-arg=-Wno-unknown-warning-option", source], cwd=ROOT,
                              capture_output=True, text=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [done.stdout + done.stderr for done in pool.map(tidy, sources) if done.returncode]


def main(words):
    rules = [("format", check_format), ("arrows between rooms", check_arrows),
             ("public headers", check_public_headers), ("banned functions", check_banned),
             ("every file opens with what it is for", check_opening), ("shell syntax", check_shell)]
    if words[:1] == ["--tidy"]:
        rules += [("shellcheck", check_shellcheck), ("clang-tidy", lambda: check_tidy(words[1]))]
    failed = 0
    for name, rule in rules:
        wrong = rule()
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok    '} {name}", *wrong, sep="\n  ", flush=True)
    print(f"{len(rules) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
