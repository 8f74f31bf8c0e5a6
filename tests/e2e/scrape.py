"""scrape.py - asks the admin listener, as Prometheus and probes do, and reads what it says with Prometheus' own parsers.

Knows nothing of roomkey's HTTP harness: http.client speaks here. May touch: the address it is given.
"""

import http.client
import socket
import time

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_text

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
SLOW_S = 30  # a loaded machine; nothing waits for it when all is well
# What Prometheus 2.5 to 3 sends.
PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def admin_of(one):
    """The admin listener's address, from the log."""
    text = one.wait_event("admin_listening")["address"]
    if text.startswith("unix:"):
        return text[5:]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def get(address, path, headers=None, method="GET", timeout=10):
    """(status, headers, body as text)"""
    if isinstance(address, str):
        connection = UnixConnection(address, timeout=timeout)
    else:
        connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request(method, path, headers={"Host": "localhost", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf-8")
    finally:
        connection.close()


def scrape(address, open_metrics=False):
    """{(sample name, sorted labels): value}, after Prometheus' own parser has read it; twice the same series is a failure."""
    status, headers, text = get(address, "/metrics", {"Accept": PROMETHEUS if open_metrics else "text/plain"})
    assert status == 200 and headers["Content-Type"] == (OPEN_METRICS if open_metrics else TEXT), (status, headers.items())
    samples, families = {}, set()
    for family in (read_open_metrics if open_metrics else read_text)(text):
        assert family.name not in families and family.documentation and family.type != "unknown", family
        families.add(family.name)
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def until(condition, timeout=SLOW_S):
    """The condition's first true value. What the keeper knows is half a second old, at least."""
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {timeout} s"
        time.sleep(0.05)


def value(samples, name, **labels):
    """One series; None: there is none."""
    return samples.get((name, tuple(sorted(labels.items()))))


def names(samples):
    return {name for name, _ in samples}
