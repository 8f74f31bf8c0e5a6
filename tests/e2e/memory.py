"""memory.py PID TEXT - searches what a core of that process would hold: every mapping it can write and has not marked
MADV_DONTDUMP. Prints how many bytes were searched and how often the text was found. Runs as root: test_logs.py asks for it.

May touch: /proc/PID/smaps, /proc/PID/mem, for reading.
"""

import contextlib
import re
import sys


def mappings(pid):
    """(first, last) of each mapping that a core holds."""
    with open(f"/proc/{pid}/smaps", encoding="ascii") as smaps:
        entries = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", smaps.read())
    for entry in entries:
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", entry)
        if head and "w" in head.group(3) and "dd" not in re.search(r"(?m)^VmFlags: (.*)$", entry).group(1).split():
            yield int(head.group(1), 16), int(head.group(2), 16)


def main(pid, text):
    needle, searched, found = text.encode(), 0, 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last in mappings(pid):
            with contextlib.suppress(OSError):  # [vvar] and the like cannot be read
                memory.seek(first)
                tail = b""
                while first < last:
                    piece = memory.read(min(last - first, 1 << 24))
                    if not piece:
                        break
                    first += len(piece)
                    searched += len(piece)
                    found += (tail + piece).count(needle)
                    tail = piece[1 - len(needle):]
    print(searched, found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
