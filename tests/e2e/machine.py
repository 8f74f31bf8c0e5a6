"""machine.py - time as roomkey can answer for it: what a busy machine keeps everybody waiting is taken off.

A bound on a time proves that something was not waited for. On a machine that does other things the bound would break by chance, so a
thread that wants to run every ten milliseconds writes down how much later it ran, and `took` is the time less that.
May touch: its own thread, the clock.
"""

import threading
import time

BEAT_S = 0.01
KEPT = 12_000  # beats: nothing is measured for longer than a minute


class _Pulse:
    """When each beat came, and how late all beats together had been by then."""

    def __init__(self):
        self.beats = [(time.monotonic(), 0.0)]
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self):
        late = 0.0
        while True:
            due = time.monotonic() + BEAT_S
            time.sleep(BEAT_S)
            now = time.monotonic()
            late += max(0.0, now - due - 0.001)
            self.beats.append((now, late))
            if len(self.beats) > KEPT:
                self.beats = self.beats[KEPT // 2:]

    def late_since(self, begun):
        beats = self.beats
        last, late = beats[-1]
        before = next((late for at, late in reversed(beats) if at <= begun), 0.0)
        overdue = max(0.0, time.monotonic() - last - BEAT_S)  # a beat that is late just now
        return late - before + overdue


_PULSE = _Pulse()


def took(begun):
    """Seconds since time.monotonic() was `begun`, less what the machine kept everybody waiting."""
    return max(0.0, time.monotonic() - begun - _PULSE.late_since(begun))


def least(measure, bound, tries=5):
    """The least of a few measurements, the first under the bound ends them: what others do can only add to a time of ours."""
    got = []
    while len(got) < tries and (not got or min(got) >= bound):
        got.append(measure())
    return min(got)
