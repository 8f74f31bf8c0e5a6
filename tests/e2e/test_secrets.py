"""LOG-01 with everything switched on: planted secrets are searched in every byte that leaves the service but the minted tokens themselves."""

import re
import signal
import time

import pytest

from conf import LOCAL, LOCAL_FILES, LOCAL_SECRET, allowed, api_key, as_local, base, everything, local, local_token, running, want
from idp import Provider, Reply, Server, bearer, main_key, signed
from process import SECRET, as_root, free_port
from scrape import get
from wire import Wire, ask, post, request

API_KEY = re.compile("rk_[A-Za-z0-9_-]{23,}")  # longer than a request id, 22 random characters of the same alphabet, in which "rk_" does turn up
PLANTED = {
    "hook secret": "planted-hook-secret-0123456789abcdef", "audit key": "planted-audit-key-0123456789abcdefgh", "claim": "planted-claim-4711", "provider answer": "planted-provider-answer", "hook answer": "planted-hook-answer",
    "body": "planted-body-value", "query": "planted-query-value", "cookie": "planted-cookie-value", "kid": "planted-kid-value", "issuer": "planted-issuer-value", "redis": "planted-redis-password",
}


@pytest.mark.parametrize("level", ["info", "debug"])
def test_log_01_planted_secrets(tmp_path, level):
    """LiveKit secret, HS256 secret, API keys and hashes, bearer tokens, hook secret and signature, claims, provider's answers."""
    key, digest = api_key()
    admin = free_port()
    with Provider({"RS256": main_key()}) as idp, Server() as hook:
        hook.table["/may"] = Reply({"allow": True, "reason": PLANTED["hook answer"]})
        callers = [local("own", identity="local:{sub}", explain=True), {"name": "backend", "api_keys_file": "k.yaml", "identity": "key:{sub}"}]
        inside = {"issuer": idp.issuer, "audience": "roomkey", "jwks_uri": idp.jwks_uri, "allow_http": ["127.0.0.1"], "jwks": {"fresh": "1h", "cooldown": "100ms", "timeout": "500ms"}}
        callers.append({"name": "staff", "oidc": inside, "identity": "staff:{sub}"})
        rules = [{"id": "asked", "room": "asked", "ask": {"url": hook.url + "/may", "secret_file": "hook.key"}}, everything()]
        doc = base(callers=callers, rules=rules, log={"level": level}, audit={"file": "audit.jsonl", "hash_key_file": "audit.key"}, admin_listen=f"127.0.0.1:{admin}",
                   redis={"url": "redis://127.0.0.1:1", "password_file": "redis.key", "timeout": "10ms"} if level == "info" else {"url": f"redis://:{PLANTED['redis']}@127.0.0.1:1", "timeout": "10ms"})
        files = {**LOCAL_FILES, "redis.key": PLANTED["redis"], "k.yaml": {"acme": {"sha256": digest, "claims": {"secret": PLANTED["claim"]}}}, "hook.key": PLANTED["hook secret"], "audit.key": PLANTED["audit key"]}
        with running(tmp_path, doc, files, env={"ROOMKEY_LOG_LEVEL": level}) as one:
            told, tokens, sent = [], [], [key, digest]
            claims = {"secret": PLANTED["claim"], "email": PLANTED["claim"] + "@example.org"}
            local_one = local_token("alice", LOCAL, **claims)
            rsa_one = idp.token(**claims)
            sent += [part for token in (local_one, rsa_one) for part in token.split(".")[1:]]
            asks = [bearer(local_one), bearer(rsa_one), {"X-API-Key": key}, bearer(key), bearer(rsa_one[:-9]), bearer(local_one + "x"), {"X-API-Key": key[:-1]}, {"Authorization": "Basic " + key}, {"Cookie": PLANTED["cookie"]},
                    bearer(idp.token(exp=1, **claims)), bearer(signed(idp.main, idp.header(kid=PLANTED["kid"]), idp.claims(**claims))), bearer(idp.token(iss="https://" + PLANTED["issuer"], **claims)),
                    {**bearer(local_one), "X-Roomkey-Explain": "1"}, {**bearer(rsa_one), "X-API-Key": key}, {**as_local(**claims), "Roomkey-Profile": "moderator"}]
            for headers in asks:
                for body in ({}, {"room_name": "asked"}, {"participant_metadata": PLANTED["body"]}, {"participant_identity": PLANTED["body"]}):
                    answer = want(one, body, headers)
                    if answer.status == 200 and b"participant_token" in answer.body:
                        tokens.append(answer.json()["participant_token"])
                    else:
                        told.append(answer.body.decode() + repr(answer.headers))
            for reply in (Reply(PLANTED["provider answer"].encode(), 500), Reply(PLANTED["provider answer"].encode()), Reply({"keys": [], "x": PLANTED["provider answer"]})):
                idp.misbehave(reply)
                time.sleep(0.15)
                told.append(want(one, headers=bearer(signed(idp.main, idp.header(kid=PLANTED["kid"]), idp.claims()))).body.decode())
            for reply in (Reply({"allow": False, "reason": PLANTED["hook answer"]}), Reply(PLANTED["hook answer"].encode(), 500)):
                hook.table["/may"] = reply
                told.append(want(one, {"room_name": "asked"}, bearer(local_one)).body.decode())
            told.append(ask(one.address, post(f"/v1/token?token={PLANTED['query']}")).body.decode())
            for path in ("/metrics", "/readyz", "/healthz", "/livez"):
                told.append(ask(one.address, request("GET", path)).body.decode())
                told.append(get(("127.0.0.1", admin), path)[2])
            assert any("roomkey_tokens_issued_total" in text for text in told), "the metrics were looked at"
            with Wire(one.address) as wire:
                wire.send(b"POST /v1/token HTTP/1.1\r\nAuthorization: Bearer " + local_one.encode())
                one.send_signal(signal.SIGHUP)
                time.sleep(0.2)
            one.stop()
            with open(tmp_path / "audit.jsonl", encoding="utf-8") as audit:
                records = audit.read()
            assert records.count("\n") >= 10 and tokens
            sent += [token.split(".")[at] for token in tokens for at in (1, 2)]
            sent += [seen.headers["roomkey-signature"][3:] for seen in hook.seen]
            everywhere = one.all_output() + records + "\n".join(told)
            for value in (SECRET, LOCAL_SECRET.decode(), *PLANTED.values(), *sent):
                if value == PLANTED["body"]:
                    assert value not in one.all_output() + "\n".join(told)
                else:
                    assert value not in everywhere, value[:60]
            assert "-----BEGIN" not in everywhere
            assert not API_KEY.search(one.all_output() + records)


def test_log_01_the_process_table(tmp_path):
    """Nothing of a file's secrets is in the command line or the environment of the running process."""
    with running(tmp_path, base(callers=[local()], rules=[everything()]), LOCAL_FILES) as one:
        allowed(want(one, headers=as_local()), "lobby")
        for name in ("cmdline", "environ"):
            shown = as_root("cat", f"/proc/{one.pid}/{name}")
            assert SECRET.encode() not in shown and LOCAL_SECRET not in shown


def test_log_02_hostile_claims(tmp_path):
    """Claims, kids and issuers are attacker text: one valid JSON line each, escaped and bounded."""
    with running(tmp_path, base(callers=[local(identity="a:{sub}")], rules=[everything()]), LOCAL_FILES) as one:
        for text in ('"},{"event":"forged"', "%n%s%n", "\u2028\u2029", "a" * 200, "back\\slash", "\u200b", "😀"):
            for headers in (as_local(text), as_local("alice", "https://" + text), as_local(aud=text), as_local(name=text)):
                answer = want(one, headers=headers)
                line = one.access(answer.request_id)
                raw = next(line for line in one.lines if answer.request_id in line)
                assert line["status"] == answer.status and raw.isascii() and raw.isprintable() and len(raw) < 4096
        assert not one.bad_lines and not [event for event in one.events if event["event"] == "forged"]
