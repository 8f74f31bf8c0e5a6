"""What an operator sees: /metrics on admin_listen, readiness on both listeners, trace context. hosting §6.1–6.4, issue 5 point 5."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conf import LOCAL_FILES, Conf, api_key, as_local, base, everything, local, oidc, running, want
from idp import Provider, Reply, Server
from scrape import SLOW_S, admin_of, get, names, scrape, until, value
from wire import Wire, ask, post, request

OPEN = {"anonymous": "allow", "admin_listen": "127.0.0.1:0"}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def detail(admin):
    """(status, body, {check: list}) of the admin listener's /readyz"""
    status, headers, text = get(admin, "/readyz")
    assert headers["Content-Type"] == "application/health+json"
    body = json.loads(text)
    assert (status == 503) == (body["status"] == "fail"), body
    return status, body, body["checks"]


def ready(one):
    answer = ask(one.address, request("GET", "/readyz"))
    assert (answer.status == 503) == (answer.json()["status"] == "fail"), answer
    return answer


# -- metrics


def test_counts(tmp_path):
    """Tokens by contract, refusals by code, limits by layer, requests by path, method and status; both formats say the same."""
    doc = base(**OPEN, livekit={"url": "wss://m.example"})
    doc["limits"].update(per_address="1/h burst 9")
    with running(tmp_path, doc) as one:
        admin = admin_of(one)
        before = scrape(admin)
        assert value(before, "roomkey_tokens_issued_total", contract="standard") == 0
        assert value(before, "roomkey_requests_refused_total", reason="invalid_room") == 0, "a series is there before its first event"
        for _ in range(5):
            assert want(one).status == 200
        assert want(one, b"{").status == 400
        assert want(one, {"room_name": " "}).status == 400
        assert ask(one.address, request("GET", "/planted-path?planted-query")).status == 404
        assert ask(one.address, request("PLANTED", "/v1/token")).status == 405
        assert want(one).status == 429
        until(lambda: value(scrape(admin), "roomkey_connections") == 0)
        after = scrape(admin)
        assert value(after, "roomkey_tokens_issued_total", contract="standard") == 5
        assert value(after, "roomkey_requests_refused_total", reason="invalid_request") == 1
        assert value(after, "roomkey_requests_refused_total", reason="invalid_room") == 1
        assert value(after, "roomkey_requests_refused_total", reason="not_found") == 1
        assert value(after, "roomkey_rate_limited_total", layer="per_address") == 1
        assert value(after, "roomkey_rate_limited_total", layer="per_caller") == 0
        assert value(after, "roomkey_http_requests_total", route="/v1/token", method="POST", status="200") == 5
        assert value(after, "roomkey_http_requests_total", route="_OTHER", method="GET", status="404") == 1
        assert value(after, "roomkey_http_requests_total", route="/v1/token", method="_OTHER", status="405") == 1
        assert value(after, "http_server_request_duration_seconds_count", route="/v1/token", status="2xx") == 5
        assert value(after, "http_server_request_duration_seconds_bucket", route="/v1/token", status="4xx", le="+Inf") == 4
        assert value(after, "roomkey_stage_duration_seconds_count", stage="admit") == 9, "all but the path nobody serves"
        assert value(after, "roomkey_stage_duration_seconds_count", stage="mint") == 5
        assert value(after, "roomkey_connections_accepted_total") == 10
        assert value(after, "roomkey_build_info", version=re.search(r"version=\"([^\"]+)\"", get(admin, "/metrics")[2])[1]) == 1
        assert value(after, "roomkey_signing_key_info", key_id="APItest123") == 1
        assert value(after, "roomkey_ready") == 1
        assert abs(value(after, "process_start_time_seconds") - time.time()) < 600 and value(after, "process_resident_memory_bytes") > 1e6
        assert abs(value(after, "process_open_fds") - one.descriptors()) <= 4
        counted = scrape(admin, open_metrics=True)
        assert names(counted) == names(after)
        for key, number in counted.items():
            assert key[0].startswith("process_") or number == after[key], key


def test_nothing_a_client_says_names_a_series(tmp_path):
    """Low cardinality: paths, methods, headers, names and hosts of clients are nowhere, and more of them add no series."""
    with running(tmp_path, base(**OPEN)) as one:
        admin = admin_of(one)
        planted = "pl4nt3d"
        for n in range(20):
            ask(one.address, request("GET", f"/{planted}{n}?{planted}", headers={"User-Agent": planted, "X-Forwarded-For": "203.0.113.9"}))
            want(one, {"room_name": f"{planted}{n}", "participant_identity": planted}, {"Origin": f"https://{planted}.example", "traceparent": f"00-{TRACE}-{SPAN}-01"})
            if n == 9:
                first = scrape(admin)
        assert set(scrape(admin)) == set(first)
        text = get(admin, "/metrics")[2]
        assert planted not in text and "203.0.113" not in text and TRACE not in text


def test_pages(tmp_path):
    """GET and HEAD of four paths; 405, 404 and 400 for the rest; a public listener has none of it."""
    with running(tmp_path, base(**OPEN)) as one:
        admin = admin_of(one)
        assert [get(admin, path)[0] for path in ("/healthz", "/livez", "/readyz", "/metrics")] == [200] * 4
        assert json.loads(get(admin, "/livez")[2]) == {"status": "pass"}
        status, headers, text = get(admin, "/metrics", method="HEAD")
        assert status == 200 and text == "" and int(headers["Content-Length"]) > 1000
        status, headers, _ = get(admin, "/metrics", method="POST")
        assert status == 405 and headers["Allow"] == "GET, HEAD"
        assert [get(admin, path)[0] for path in ("/", "/v1/token", "/api/token", "/metrics/", "/config")] == [404] * 5
        with socket.create_connection(admin, 5) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 400"
        assert ask(one.address, request("GET", "/metrics")).status == 404


def test_no_page_of_a_browser_reads_it(tmp_path):
    """DNS rebinding: a page whose own name was made to point to loopback reads nothing of the admin listener there."""
    with running(tmp_path, base(**OPEN)) as one:
        for host in ("127.0.0.1", "127.0.0.1:9464", "[::1]:9464", "localhost", "LocalHost:9464", ""):
            assert get(admin_of(one), "/metrics", {"Host": host})[0] == 200, host
        for host in ("attacker.example", "attacker.example:9464", "localhost.attacker.example", "127.0.0.1.attacker.example", "local"):
            for path in ("/metrics", "/readyz"):
                status, _, text = get(admin_of(one), path, {"Host": host})
                assert status == 421 and "roomkey" not in text, host


def test_neither_holds_up_the_other(tmp_path):
    """Public connections used up: the scraper still gets its answer. Admin connections used up: clients still get their tokens."""
    doc = base(**OPEN)
    doc["limits"].update(connections=4)
    with running(tmp_path, doc) as one:
        admin = admin_of(one)
        held = [Wire(one.address) for _ in range(4)]
        until(lambda: value(scrape(admin), "roomkey_connections") == 4)
        with socket.create_connection(one.address, 5) as refused:
            assert refused.recv(1) == b""
        until(lambda: value(scrape(admin), "roomkey_connections_refused_total") >= 1)
        for wire in held:
            wire.close()
        idle = [socket.create_connection(admin, 5) for _ in range(16)]
        until(lambda: want(one).status == 200)
        for sock in idle:
            sock.close()


def test_silence_keeps_no_scraper_out(tmp_path):
    """40 connections that say nothing, or half a head, and stay: every scrape is answered at once, also on the connection a scraper keeps."""
    with running(tmp_path, base(**OPEN)) as one:
        admin = admin_of(one)
        kept = http.client.HTTPConnection(*admin, timeout=SLOW_S)
        kept.request("GET", "/metrics")
        kept.getresponse().read()
        mine = kept.sock
        held = [socket.create_connection(admin, 5) for _ in range(40)]
        assert get(admin, "/healthz", timeout=SLOW_S)[0] == 200
        for sock in held[-15:]:
            sock.sendall(b"GET /metrics HT")
        for _ in range(20):  # each may have to make room once more
            held.append(socket.create_connection(admin, 5))
            assert scrape(admin)
        kept.request("GET", "/metrics")
        assert kept.getresponse().read() and kept.sock is mine
        ended = 0
        for sock in held:
            sock.settimeout(0.01)
            try:
                sock.recv(1)  # the end; or 408, on a machine so slow
            except TimeoutError:
                continue
            except ConnectionResetError:
                pass
            ended += 1
        assert ended >= len(held) - 15, "of 16 places one was the scraper's"
        for sock in [*held, kept]:
            sock.close()


def test_on_a_unix_socket(tmp_path):
    """admin_listen takes what listen takes."""
    path = str(tmp_path / "admin.sock")
    with running(tmp_path, base(**{**OPEN, "admin_listen": f"unix:{path}"})) as one:
        assert admin_of(one) == path and os.stat(path).st_mode & 0o777 == 0o660
        assert value(scrape(path), "roomkey_ready") == 1
    assert not os.path.exists(path)


def test_an_address_in_use(tmp_path):
    """Refused at start, with the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AssertionError, match=f"roomkey: {address}: address already in use"), running(tmp_path, base(**{**OPEN, "admin_listen": address})):
            pass


def test_reloads(tmp_path):
    """By how they went, and when the configuration in use was taken; the key that signs follows."""
    doc = base(callers=[local()], rules=[everything()], admin_listen="127.0.0.1:0")
    with running(tmp_path, doc, LOCAL_FILES) as one:
        admin = admin_of(one)
        taken = value(scrape(admin), "roomkey_config_last_reload_success_timestamp_seconds")
        one.conf.write("nonsense: true\n")
        one.send_signal(signal.SIGHUP)
        one.wait_event("reload_failed")
        until(lambda: value(scrape(admin), "roomkey_config_reloads_total", result="failed") == 1)
        assert value(scrape(admin), "roomkey_config_last_reload_success_timestamp_seconds") == taken
        one.conf.write(doc)
        one.send_signal(signal.SIGHUP)
        one.wait_event("reloaded")
        until(lambda: value(scrape(admin), "roomkey_config_reloads_total", result="ok") == 1)
        assert value(scrape(admin), "roomkey_config_last_reload_success_timestamp_seconds") > taken


def test_lost_log_lines(tmp_path):
    """A log that nobody takes costs lines, and they are counted."""
    path = str(tmp_path / "admin.sock")
    with running(tmp_path, base(**{**OPEN, "admin_listen": f"unix:{path}"}), quiet=True, launcher=("sh", "-c", 'exec "$@" 2>&-', "sh")) as one:
        assert want(one).status == 200
        until(lambda: value(scrape(path), "roomkey_log_dropped_lines_total") >= 1)


def test_hooks_are_counted(tmp_path):
    """Answered, failed, not asked while the breaker is open."""
    with Server() as hook:
        hook.table["/may"] = Reply({"allow": True})
        doc = base(callers=[local()], rules=[everything(ask={"url": hook.url + "/may", "secret_file": "hook.key"})], admin_listen="127.0.0.1:0")
        with running(tmp_path, doc, {**LOCAL_FILES, "hook.key": b"h" * 40}) as one:
            admin = admin_of(one)
            assert want(one, headers=as_local()).status == 200
            hook.table["/may"] = Reply(b"", 500)
            for _ in range(6):
                assert want(one, headers=as_local()).status == 503
            counted = until(lambda: (lambda s: s if value(s, "roomkey_hook_requests_total", result="not_asked") else None)(scrape(admin)))
            assert value(counted, "roomkey_hook_requests_total", result="answered") == 1
            assert value(counted, "roomkey_hook_requests_total", result="failed") == 5
            assert value(counted, "roomkey_hooks_open") == 1


# -- readiness


def test_no_signing_key(tmp_path):
    """No usable key: 503, and which check fails."""
    with running(tmp_path, base(**OPEN), env={"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None}) as one:
        assert ready(one).json() == {"status": "fail", "missing": ["credentials"]}
        status, _, checks = detail(admin_of(one))
        assert status == 503 and checks["signing_key"] == [{"status": "fail"}] and checks["callers"] == [{"status": "pass"}]
        samples = scrape(admin_of(one))
        assert value(samples, "roomkey_ready") == 0 and value(samples, "roomkey_ready_check", check="signing_key") == 0
        assert "roomkey_signing_key_info" not in names(samples)


def test_key_sets(tmp_path):
    """No configured kind of caller can be verified: 503. One issuer of two without keys is 200, shown in the metric, the log and the detail."""
    with Provider() as good, Provider() as bad:
        bad.misbehave(Reply(b"", 500))
        good.misbehave(Reply(b"", 500))
        fast = {"fresh": "1h", "cooldown": "100ms", "timeout": "1s"}
        doc = base(callers=[oidc(good, "staff", jwks=fast, identity="s:{sub}"), oidc(bad, "guests", jwks=fast, identity="g:{sub}")], rules=[everything()], admin_listen="127.0.0.1:0")
        with running(tmp_path, doc) as one:
            admin = admin_of(one)
            one.wait_event("keyset_failed", issuer=good.issuer)
            assert ready(one).json() == {"status": "fail", "missing": ["key_sets"]}
            status, _, checks = until(lambda: (lambda d: d if all("output" in row for row in d[2]["key_set:age"]) else None)(detail(admin)))
            assert status == 503 and checks["callers"] == [{"status": "fail"}]
            good.misbehave(None)
            until(lambda: ready(one).status == 200)
            status, body, checks = until(lambda: (lambda d: d if d[0] == 200 else None)(detail(admin)))
            rows = {row["componentId"]: row for row in checks["key_set:age"]}
            assert status == 200 and body["status"] == "warn"
            assert rows[good.issuer]["status"] == "pass" and rows[good.issuer]["keys"] >= 1 and 0 <= rows[good.issuer]["observedValue"] < 600
            assert rows[bad.issuer]["status"] == "warn" and rows[bad.issuer]["keys"] == 0 and rows[bad.issuer]["output"] and "observedValue" not in rows[bad.issuer]
            samples = scrape(admin)
            assert value(samples, "roomkey_keyset_keys", caller="staff", issuer=good.issuer) >= 1
            assert value(samples, "roomkey_keyset_keys", caller="guests", issuer=bad.issuer) == 0
            assert value(samples, "roomkey_keyset_last_refresh_success", caller="guests", issuer=bad.issuer) == 0
            assert value(samples, "roomkey_jwks_refresh_total", caller="staff", issuer=good.issuer, result="ok") == 1
            assert value(samples, "roomkey_jwks_refresh_total", caller="guests", issuer=bad.issuer, result="failed") >= 1
            assert value(samples, "roomkey_keyset_age_seconds", caller="guests", issuer=bad.issuer) is None
            one.wait_event("keyset_failed", issuer=bad.issuer)


def test_nobody_who_could_be_verified(tmp_path):
    """The only kind of caller has no key that has not expired, or is off: 503, and what is missing by its name. `check` says it before."""
    def keys(expires):
        return {"gone": {"sha256": api_key(0)[1], "expires": "2020-01-01"}, "other": {"sha256": api_key(1)[1], "expires": expires}}

    doc = base(callers=[{"name": "apps", "api_keys_file": "keys.yaml"}], rules=[everything()], admin_listen="127.0.0.1:0")
    with running(tmp_path, doc, {"keys.yaml": keys("2099-01-01")}) as one:
        admin = admin_of(one)
        assert ready(one).status == 200
        until(lambda: detail(admin)[0] == 200)
        one.conf.file("keys.yaml", keys("2020-01-02"))
        one.send_signal(signal.SIGHUP)
        until(lambda: ready(one).status == 503)
        assert ready(one).json() == {"status": "fail", "missing": ["api_keys"]}
        until(lambda: detail(admin)[0] == 503)
        said = one.conf.run("check")
        assert said.returncode == 0 and said.stderr.count(b"this API key has expired") == 2 and b"gone" in said.stderr, said.stderr
    (tmp_path / "off").mkdir()
    doc = base(callers=[{"name": "portal", "easy_auth": {"providers": ["aad"]}}], rules=[everything()])
    with running(tmp_path / "off", doc) as one:
        assert ready(one).json() == {"status": "fail", "missing": ["easy_auth"]}


def test_draining(tmp_path):
    """It drains: 503 on the connections that are left, and on the admin listener for as long as the drain lasts."""
    with running(tmp_path, base(**OPEN)) as one:
        admin = admin_of(one)
        whole = request("GET", "/readyz")
        with Wire(one.address) as wire:
            wire.send(whole[:10])
            until(lambda: value(scrape(admin), "roomkey_connections") == 1)
            one.send_signal(signal.SIGTERM)
            one.wait_event("draining")
            status, _, checks = detail(admin)
            assert status == 503 and checks["drain"] == [{"status": "fail"}] and checks["signing_key"][0]["status"] == "pass"
            assert value(scrape(admin), "roomkey_ready_check", check="drain") == 0
            wire.send(whole[10:])
            answer = wire.answer()
            assert answer.status == 503 and answer.json() == {"status": "fail", "failing": ["draining"]}
        assert one.wait() == 0


def test_a_stalled_loop(tmp_path):
    """A loop lags over a second: 503 with its name in the detail; when it goes on, 200. The other worker answers all the time. (A signal would stop all threads.)"""
    shim, stall = tmp_path / "shim.so", tmp_path / "stall"
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", "-O1", "-o", shim, f"{here}/shim_stall.c"], check=True)
    stall.write_bytes(b"")
    with running(tmp_path, base(**OPEN), env={"LD_PRELOAD": str(shim), "RK_TEST_STALL_FILE": str(stall), "ROOMKEY_WORKERS": "2"}) as one:
        admin = admin_of(one)
        assert ready(one).status == 200
        with Wire(one.address) as wire:
            wire.send(request("GET", "/RK_TEST_STALL"))
            _, _, checks = until(lambda: (lambda d: d if d[0] == 503 else None)(detail(admin)))
            late = [row for row in checks["loop:lag"] if row["status"] == "fail"]
            assert len(late) == 1 and late[0]["componentId"].startswith("worker-") and late[0]["observedValue"] > 1000, checks
            # only now is it certain that the stuck worker takes no connection any more
            answer = until(lambda: (lambda a: a if a.status == 503 else None)(ready(one)))
            assert answer.json() == {"status": "fail", "failing": ["loop_lag"]}
            samples = scrape(admin)
            assert value(samples, "roomkey_loop_lag_seconds", loop=late[0]["componentId"]) > 1 and value(samples, "roomkey_loop_lag_seconds", loop="keeper") < 1
            assert want(one).status == 200
            assert one.wait_event("loop_lags", loop=late[0]["componentId"], timeout=SLOW_S)["late_ms"] > 1000
            stall.unlink()
            assert wire.answer(within=SLOW_S).status == 404
            until(lambda: ready(one).status == 200)
            until(lambda: detail(admin)[0] == 200)
            one.wait_event("loops_turn", timeout=SLOW_S)


def test_a_stalled_loop_of_the_keeper(tmp_path):
    """The keeper hangs in a reload: 503, and a line as for a worker's, which a worker writes; then it goes on."""
    shim, stall = tmp_path / "shim.so", tmp_path / "stall"
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", "-O1", "-o", shim, f"{here}/shim_stall.c"], check=True)
    conf = Conf(tmp_path, base(**OPEN))
    with running(conf, env={"LD_PRELOAD": str(shim), "RK_TEST_STALL_FILE": str(stall), "RK_TEST_STALL_OPEN": conf.path}) as one:
        assert ready(one).status == 200
        stall.write_bytes(b"")
        one.send_signal(signal.SIGHUP)
        assert one.wait_event("loop_lags", loop="keeper", timeout=SLOW_S)["late_ms"] > 1000
        until(lambda: ready(one).status == 503)
        assert want(one).status == 200
        stall.unlink()
        one.wait_event("loops_turn", timeout=SLOW_S)
        one.wait_event("reloaded", timeout=SLOW_S)
        until(lambda: ready(one).status == 200)


def test_a_pause_of_all_is_no_lag(tmp_path):
    """A machine that sleeps, a frozen container, a stopped process: nobody lags when it goes on."""
    with running(tmp_path, base(**OPEN)) as one:
        admin = admin_of(one)
        assert ready(one).status == 200
        one.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        one.send_signal(signal.SIGCONT)
        for _ in range(5):
            assert ready(one).status == 200 and detail(admin)[0] == 200


# -- trace context


def traced(one, *values):
    """The answer and its access line, for a request with these traceparent lines."""
    answer = ask(one.address, post(headers=[("traceparent", text) for text in values]))
    return answer, one.access(answer.request_id)


@pytest.mark.parametrize("text, flags", [(f"00-{TRACE}-{SPAN}-01", "01"), (f"00-{TRACE}-{SPAN}-00", "00"), (f"cc-{TRACE}-{SPAN}-03-later", "03")])
def test_a_trace_is_carried(service, text, flags):
    """hosting §6.1: the same trace, a span of our own, in the log and in the answer."""
    answer, line = traced(service, text)
    version, trace, span, said = answer.get("traceparent").split("-")
    assert (version, trace, said) == ("00", TRACE, flags) and re.fullmatch("[0-9a-f]{16}", span) and span != SPAN and int(span, 16)
    assert (line["trace_id"], line["span_id"]) == (TRACE, span)


@pytest.mark.parametrize("lines", [(), ("",), ("planted",), (f"ff-{TRACE}-{SPAN}-01",), (f"00-{'0' * 32}-{SPAN}-01",), (f"00-{TRACE.upper()}-{SPAN}-01",), (f"00-{TRACE}-{SPAN}-01-x",),
                                   (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01")])
def test_what_is_no_trace_is_ignored(service, lines):
    """Not valid, or more than one line: nothing comes back and nothing is logged; the request is served as without it."""
    answer, line = traced(service, *lines)
    assert answer.status == 200 and answer.get("traceparent") is None
    assert "trace_id" not in line and "span_id" not in line and TRACE not in json.dumps(line)


def test_a_trace_reaches_the_hook(tmp_path):
    """The question to a hook is a span below ours; without a trace it has no header."""
    with Server() as hook:
        hook.table["/may"] = Reply({"allow": True})
        doc = base(callers=[local()], rules=[everything(ask={"url": hook.url + "/may", "secret_file": "hook.key"})])
        with running(tmp_path, doc, {**LOCAL_FILES, "hook.key": b"h" * 40}) as one:
            assert want(one, headers=as_local()).status == 200
            assert "traceparent" not in hook.seen[-1].headers
            answer = want(one, headers={**as_local(), "traceparent": f"00-{TRACE}-{SPAN}-01"})
            ours, theirs = answer.get("traceparent").split("-"), hook.seen[-1].headers["traceparent"].split("-")
            assert theirs[1] == ours[1] == TRACE and theirs[3] == "01" and len({theirs[2], ours[2], SPAN}) == 3


def test_text_lines_too(tmp_path):
    """log.format text: the new lines and fields in the other format."""
    with running(tmp_path, base(**{**OPEN, "log": {"format": "text"}}, cors={"origins": ["https://app.example"]}), quiet=True) as one:
        answer = want(one, headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "Origin": "https://app.example"})
        assert "traceparent" in answer.get("access-control-expose-headers")
        line = until(lambda: next((line for line in one.lines if "event=request" in line), None))
        assert f" trace_id={TRACE} " in line and f" span_id={answer.get('traceparent').split('-')[2]} " in line.replace('"', "")
        until(lambda: re.search(r"event=admin_listening address=127\.0\.0\.1:\d+", one.all_output()))
        one.send_signal(signal.SIGTERM)
        assert one.wait() == 0
