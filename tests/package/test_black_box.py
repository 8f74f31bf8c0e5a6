"""The travelling binary under a share of the suites that the release build passes whole: what another libc, its malloc and its resolver, a
libcurl that is linked and an OpenSSL of our own could do differently. The share is chosen so that it takes seconds.

What it cannot pass: tests that put a library into the process (LD_PRELOAD); a static program takes none. Of all 4,763 of tests/e2e, run by
hand, three failed, for that.
"""

import os
import re
import subprocess
import sys

import pytest

from process import ROOT

# Contracts, tokens of every algorithm, key sets (TLS, hostile providers), Redis, reload, drain, secrets and memory.
END_TO_END = ["test_contract.py", "test_standard.py", "test_bearer.py", "test_keysets.py", "test_shared_limits.py", "test_attacks.py", "test_reload.py",
              "test_drain.py", "test_secrets.py", "test_logs.py::test_planted_secret_in_a_core_made_on_purpose"]
# They wait for seconds, or for the same again and again.
LONG = ["a_thousand_reloads", "many_starts_and_ends", "somebody_dribbles", "drain_is_nearly_over", "everything_at_once", "jwk_03", "jwk_04",
        "jwk_06", "jwk_07", "drain_ends_waits", "at_most_256", "withdrawn_rules"]
SHARES = {  # files, what is left out of them, how many tests are left at least, and how many at a time
    "e2e": (END_TO_END, ["clock_jumps", "forbidden_address", *LONG], 500, "2"),
    # The sandbox; names, TLS, a hook and Redis within it.
    "hosting": (["test_locked_in.py"], ["what_no_thread_may", "name_of_the_root", "nothing_is_forbidden", "root_reads_no_secret"], 13, "0"),
}


@pytest.mark.parametrize("suite", SHARES)
def test_a_share_of(suite, binary):
    """Every test of the share passes, none is skipped, and so many there are at least."""
    names, left_out, least, workers = SHARES[suite]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"ROOMKEY_BIN": binary}
    without = "not (" + " or ".join(left_out) + ")"
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers, "-k", without, *names], env=env,
                          cwd=os.path.join(ROOT, "tests", suite), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    last = re.search(r"(?m)^(\d+) passed(?:, \d+ deselected)? in ", done.stdout)
    assert done.returncode == 0 and last and int(last[1]) >= least, done.stdout[-20_000:]
