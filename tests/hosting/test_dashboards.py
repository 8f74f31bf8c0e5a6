"""Dashboard and alert rules: Prometheus' own checker reads every expression, and every metric they name is in a scrape. issue 5 point 5."""

import json
import os
import re
import subprocess
import time

import pytest

from conf import LOCAL_FILES, as_local, base, everything, local, oidc, running, want
from idp import Provider
from process import ROOT, free_port
from scrape import admin_of, get, names, scrape, until

ALERTS = os.path.join(ROOT, "packaging", "prometheus", "roomkey-alerts.yaml")
DASHBOARD = os.path.join(ROOT, "packaging", "grafana", "roomkey.json")
NAME = re.compile(r"\b(?:roomkey|http_server|process)_[a-z0-9_]+\b")


def promtool(*words, stdin=None):
    done = subprocess.run([os.environ["RKT_PROMTOOL"], *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def expressions():
    """Of every panel and annotation, with Grafana's variables filled in."""
    with open(DASHBOARD, encoding="utf-8") as file:
        board = json.load(file)
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]] + [one["expr"] for one in board["annotations"]["list"]]
    return [text.replace("$__rate_interval", "5m").replace("$job", ".*").replace("$instance", ".*") for text in found]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory):
    """The text of a scrape of a service that has everything: callers, a hook, Redis (away), an audit log. And its names."""
    with Provider() as idp:
        doc = base(callers=[local(identity="l:{sub}"), oidc(idp, "guests", identity="o:{sub}")], rules=[everything()], admin_listen="127.0.0.1:0", audit={"file": "audit.jsonl"},
                   redis={"url": f"redis://127.0.0.1:{free_port()}", "timeout": "10ms"})
        with running(tmp_path_factory.mktemp("all"), doc, LOCAL_FILES) as one:
            assert want(one, headers=as_local()).status == 200
            one.wait_event("keyset_refreshed", issuer=idp.issuer, timeout=30)
            until(lambda: "roomkey_keyset_age_seconds" in names(scrape(admin_of(one))))
            yield get(admin_of(one), "/metrics")[2], names(scrape(admin_of(one)))


def test_metrics_are_as_they_should_be(scraped):
    """`promtool check metrics`: names, types, help, units."""
    assert promtool("check", "metrics", stdin=scraped[0]) == ""


def test_alert_rules(scraped):
    """They parse, each fires when it should and only then, and all metrics they name are there."""
    assert "14 rules found" in promtool("check", "rules", ALERTS)
    assert "SUCCESS" in promtool("test", "rules", ALERTS.replace(".yaml", ".test.yaml"))
    with open(ALERTS, encoding="utf-8") as file:
        named = {name for line in file if not line.lstrip().startswith(("#", "description:", "summary:")) for name in NAME.findall(line)}
    assert len(named) > 12 and named <= scraped[1], named - scraped[1]


def test_the_dashboard(scraped, tmp_path):
    """Every expression parses as PromQL, every metric is there, and no two panels share a place or an id."""
    found = expressions()
    rules = {"groups": [{"name": "dashboard", "rules": [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(found)]}]}
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps(rules), encoding="utf-8")
    assert f"{len(found)} rules found" in promtool("check", "rules", str(path))
    named = {name for text in found for name in NAME.findall(text)}
    assert len(named) > 20 and named <= scraped[1], named - scraped[1]
    with open(DASHBOARD, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    assert len({panel["id"] for panel in panels}) == len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def test_every_metric_is_documented(scraped):
    """docs/HOSTING.md, "Watching it", has each family of a scrape and no other."""
    with open(os.path.join(ROOT, "docs", "HOSTING.md"), encoding="utf-8") as file:
        table = re.search(r"\| metric \| what \|\n(.*?)\n\n", file.read(), re.S)[1]
    documented = {name for line in table.splitlines() for name in NAME.findall(line)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) if name.endswith(("_bucket", "_sum", "_count")) else name for name in scraped[1]}
    assert documented == families, documented ^ families
