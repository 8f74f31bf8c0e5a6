"""run_suites.py - runs the suites of `./dev test` and adds up what they counted.

A suite is a row of SUITES: the presets it needs built, a command, and how its count is read. `junit` commands write a
JUnit file (ctest and pytest can); `line` commands end with a line `N passed, N failed`. A suite that yields no count,
counts nothing, skips anything or outlives its limit is a failure: nothing here may pass by not running.

May touch: build/. Reads the environment that ./dev sets (RKT_*). Standard library only.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
LOGS = os.path.join(BUILD, "test-logs")
COUNT = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
SHOWN_LINES = 120  # of each failing test
ME = sys.executable
PYTEST = [os.environ.get("RKT_PYTHON", ""), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml={junit}"]


@dataclass(frozen=True)
class Suite:
    name: str
    usual: str  # how long it takes on two cores, said before it starts
    limit_s: int
    presets: tuple
    command: list
    count: str  # junit or line
    env: tuple = ()
    shown_lines: int = 0  # of its output, when all went well


def ctest(preset):
    return ["ctest", "--preset", preset, "--output-junit", "{junit}"]


# Threads are in what waits, is handed over, is reloaded or ends: those files the thread sanitizer is for. What a request says and what it
# is answered is decided by one thread alone, and the address sanitizer has seen that; a few of the files that ask for much of it at once
# stay, and the configuration file that is read while workers run.
THREADED = ["tests/e2e/test_%s.py" % name for name in (
    "api_keys answers attacks audit contract credentials drain entra explain faults hook keysets limits listen logs reload secrets "
    "shared_limits standard time_limits waiting").split()]
# What a sanitizer's own memory or its runtime's place in the process would decide, not roomkey.
SANITIZED = ("not (a_million_addresses or ten_thousand_rounds or in_a_core_made_on_purpose or test_clocks or "
            "clock_jumps or resolver_that_never or name_for_a_forbidden or stalled_loop)")
ASAN = (("ROOMKEY_BIN", os.path.join(BUILD, "asan", "roomkey")),
        ("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=1"), ("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1"))
# A signal ends the process with its threads as they are. Signals that gcc 12's tsan loses: see process.py.
TSAN = (("ROOMKEY_BIN", os.path.join(BUILD, "tsan", "roomkey")),
        ("TSAN_OPTIONS", "halt_on_error=1:report_thread_leaks=0:suppressions=" + os.path.join(ROOT, "tests", "tsan.supp")))

# Of each target, from one seed: enough to see that it runs and reaches what it is about. To find things, which may come of any change or
# of none, is for ./dev fuzz, whose seed is another each time.
FUZZ_S = "10"

SUITES = (
    Suite("checks", "5 s", 300, (), [ME, "scripts/check_source.py"], "line"),
    Suite("unit", "1 min", 900, ("asan",), ctest("asan"), "junit"),
    Suite("tsan", "1 min", 900, ("tsan",), ctest("tsan"), "junit"),
    Suite("abi", "1 min", 900, ("release",), ["tests/abi/run"], "line"),
    Suite("e2e", "2 min", 1200, ("release",), PYTEST + ["tests/e2e"], "junit"),
    Suite("e2e-asan", "2 min", 1200, ("asan",), PYTEST + ["-k", SANITIZED, "tests/e2e"], "junit", ASAN),
    Suite("e2e-tsan", "2 min", 1200, ("tsan",), PYTEST + ["-k", SANITIZED, *THREADED], "junit", TSAN),
    Suite("interop", "3 min", 1200, ("release",), PYTEST + ["tests/interop"], "junit", shown_lines=12),
    Suite("hosting", "1 min", 900, ("release",), PYTEST + ["tests/hosting"], "junit", shown_lines=8),
    Suite("package", "2 min, and five once", 1800, (), PYTEST + ["tests/package"], "junit", shown_lines=8),
    Suite("fuzz", "2 min", 1200, (), ["fuzz/run", FUZZ_S], "line", (("ROOMKEY_FUZZ_SEED", "1"),), shown_lines=16),
    Suite("coverage", "2 min", 1500, ("coverage",), [ME, "scripts/coverage.py"], "line",
          shown_lines=14),
)


def say(text):
    print(text, flush=True)


def run(command, log_path, limit_s, env=None):
    """Run to a log file; a line a minute shows that it lives. Returns (exit code or None on time-out, text)."""
    started = time.monotonic()
    with open(log_path, "w", encoding="utf-8", errors="replace") as log:
        try:
            child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, env=env, start_new_session=True)
        except OSError as error:
            return 127, f"cannot start {command[0] or 'python (RKT_PYTHON is not set: use ./dev test)'}: {error}"
        code, told = None, 60
        while code is None:
            try:
                code = child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                took = time.monotonic() - started
                if took > limit_s:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
                    break
                if took > told:
                    told += 60
                    say(f"   … {took:.0f} s")
    with open(log_path, encoding="utf-8", errors="replace") as log:
        return code, log.read()


def build(preset):
    """Configure when new, build when stale. Returns the output of a failure, or None."""
    tree = os.path.join(BUILD, preset)
    steps = []
    if not os.path.exists(os.path.join(tree, "build.ninja")):
        steps.append(["cmake", "--preset", preset])
        compiler = shutil.which("clang-14") or shutil.which("clang")
        if preset == "fuzz" and compiler:
            steps[-1].append(f"-DCMAKE_C_COMPILER={compiler}")
    steps.append(["cmake", "--build", tree])
    for step in steps:
        code, text = run(step, os.path.join(LOGS, f"build-{preset}.log"), 1800)
        if code != 0:
            return re.sub(r"^\[\d+/\d+\] .*\n", "", text, flags=re.M)  # the steps that went well
    return None


def tail(text, lines=SHOWN_LINES):
    rows = text.strip().splitlines()
    cut = [f"[… {len(rows) - lines} lines before this]"] if len(rows) > lines else []
    return "\n".join(cut + rows[-lines:])


def read_junit(path):
    """(passed, [(name, text) of what failed]); a skipped or disabled test is a failed one."""
    passed, failed = 0, []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        bad = [part for part in case if part.tag in ("failure", "error", "skipped")]
        if bad or case.get("status") in ("fail", "notrun", "disabled"):
            text = [f"{part.tag}: {part.get('message') or ''}\n{part.text or ''}" for part in bad]
            text += [part.text or "" for part in case if part.tag in ("system-out", "system-err")]
            failed.append((name, "\n".join(text)))
        else:
            passed += 1
    return passed, failed


def outcome(suite, code, text, junit):
    """(passed, [(name, text)]) of a suite that ran."""
    passed, failed = 0, []
    if suite.count == "junit" and os.path.exists(junit):
        passed, failed = read_junit(junit)
    elif suite.count == "line" and COUNT.search(text):
        good, bad = COUNT.findall(text)[-1]
        passed, failed = int(good), [(f"{suite.name} ({bad})", text)] * int(bad)
    if not failed and (code != 0 or passed == 0):
        why = "outlived its limit" if code is None else f"exit {code}, {passed} tests counted"
        failed = [(f"{suite.name}: {why}", text)]
    return passed, failed


def run_suite(suite, extra):
    started = time.monotonic()
    say(f"== {suite.name} (usually {suite.usual}{', and building ' + ', '.join(suite.presets) if suite.presets else ''})")
    for preset in suite.presets:
        broken = build(preset)
        if broken is not None:
            say(tail(broken))
            say(f"-- {suite.name}: the build of {preset} failed")
            return 0, 1
    junit = os.path.join(LOGS, f"{suite.name}.xml")
    if os.path.exists(junit):
        os.remove(junit)
    command = [word.replace("{junit}", junit) for word in suite.command] + extra
    env = {"ROOMKEY_BIN": os.path.join(BUILD, "release", "roomkey"), **os.environ, **dict(suite.env)}
    code, text = run(command, os.path.join(LOGS, f"{suite.name}.log"), suite.limit_s, env)
    passed, failed = outcome(suite, code, text, junit)
    shown = set()
    for name, why in failed:
        if name not in shown:
            say(f"-- failed: {name}\n{tail(why)}")
        shown.add(name)
    if suite.shown_lines and not failed:
        say(tail(text, suite.shown_lines))
    say(f"-- {suite.name}: {passed} passed, {len(failed)} failed in {time.monotonic() - started:.0f} s")
    return passed, len(failed)


def main(words):
    if "--list" in words:
        for suite in SUITES:
            say(f"{suite.name:10} usually {suite.usual}")
        return 0
    extra = words[words.index("--") + 1:] if "--" in words else []
    names = words[:words.index("--")] if "--" in words else words
    table = {suite.name: suite for suite in SUITES}
    for name in names:
        if name not in table:
            say(f"unknown suite '{name}'; there are: {' '.join(table)}")
            return 2
    os.makedirs(LOGS, exist_ok=True)
    started, rows = time.monotonic(), []
    for suite in (table[name] for name in names) if names else SUITES:
        rows.append((suite.name, *run_suite(suite, extra)))
    say(f"== all, {time.monotonic() - started:.0f} s; logs in build/test-logs")
    for name, passed, failed in rows:
        say(f"{name}: {passed} passed, {failed} failed")
    passed, failed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    say(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
