"""coverage.py - runs unit and e2e tests on the coverage build and sums up what of src/ they reached.

Prints lines and branches per file and in all, and ends with `N passed, N failed`: the two runs, and the floor below.
gcov's own JSON is added up here: a line counts as reached when any of the objects that hold it ran it.
Standard library only.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TREE = os.path.join(ROOT, "build", "coverage")
FLOOR = 90.0  # per cent of lines
# Black-box files that wait much, for what the unit tests of net and serve reach, too; they run on the release and the sanitized builds.
UNHELPFUL = "not (test_keysets or test_faults or test_time_limits or test_attacks or test_shared_limits)"
SHOWN_LINES = 80  # of a run that failed


def walk(end):
    for where, _, names in os.walk(TREE):
        yield from (os.path.join(where, name) for name in names if name.endswith(end))


def run_tests():
    """{name: output of a run that was not green, else None}."""
    env = dict(os.environ, ROOMKEY_BIN=os.path.join(TREE, "roomkey"))
    runs = {
        "unit": ["ctest", "--preset", "coverage"],
        "e2e": [os.environ.get("RKT_PYTHON", "python3"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", UNHELPFUL, "tests/e2e"],
    }
    broken = {}
    for name, command in runs.items():
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        broken[name] = done.stdout if done.returncode else None
    return broken


def gather():
    """{file: {line: [count, {branch index: count}]}} for our sources."""
    reached = defaultdict(lambda: defaultdict(lambda: [0, defaultdict(int)]))
    for notes in walk(".gcno"):
        done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", notes],
                              cwd=os.path.dirname(notes), capture_output=True, text=True, check=True)
        for document in filter(None, done.stdout.splitlines()):
            for source in json.loads(document)["files"]:
                path = os.path.relpath(os.path.join(TREE, source["file"]), ROOT)
                if not path.startswith("src" + os.sep):
                    continue
                for line in source["lines"]:
                    row = reached[path][line["line_number"]]
                    row[0] += line["count"]
                    for index, branch in enumerate(line["branches"]):
                        row[1][index] += branch["count"]
    return reached


def share(hit, of):
    return 100.0 * hit / of if of else 100.0


def sums(lines):
    branches = [count for row in lines.values() for count in row[1].values()]
    return (sum(row[0] > 0 for row in lines.values()), len(lines), sum(count > 0 for count in branches), len(branches))


def show(name, row, remark=""):
    print(f"{name:44} {share(*row[:2]):5.1f} % {share(*row[2:]):5.1f} %  {remark}")


def main():
    for stale in list(walk(".gcda")):
        os.remove(stale)
    broken = run_tests()
    reached = gather()
    rooms = defaultdict(lambda: [0, 0, 0, 0])
    for path in sorted(reached):
        row = sums(reached[path])
        missed = [str(number) for number, (count, _) in sorted(reached[path].items()) if not count]
        show(path, row, " ".join(missed[:12]) + (" …" if len(missed) > 12 else ""))
        for room in (os.path.dirname(path), "all of src"):
            rooms[room] = [a + b for a, b in zip(rooms[room], row)]
    for name, output in broken.items():
        if output:
            print(f"--- {name}, on the coverage build", *output.splitlines()[-SHOWN_LINES:], sep="\n")
    print(f"{'coverage by unit and e2e tests':44}  lines branches")
    for room in sorted(rooms, key=lambda room: (room == "all of src", room)):
        show(room, rooms[room], f"{rooms[room][0]} of {rooms[room][1]} lines")
    lines = share(*rooms["all of src"][:2]) if reached else 0.0
    checks = {f"{name} tests on the coverage build": output is None for name, output in broken.items()}
    checks[f"at least {FLOOR:.0f} % of lines"] = lines >= FLOOR
    for name, good in checks.items():
        print(f"{'ok    ' if good else 'FAILED'} {name}")
    failed = sum(not good for good in checks.values())
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
