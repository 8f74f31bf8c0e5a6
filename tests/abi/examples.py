"""examples.py DIR - runs the example programs in DIR together: what mint prints, verify accepts; a webhook signed here
(by Python, in the LiveKit server's stead) is genuine, a changed one is not. Silent and 0 when all is well.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time

SECRET = "secret-of-these-tests-with-32-bytes"
ENV = dict(os.environ, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=SECRET)


def run(want, name, *args, body=b"", **env):
    """The output of an example that must end with exit status `want`: a crash is not a refusal."""
    done = subprocess.run([os.path.join(sys.argv[1], "example_" + name), *args], input=body, capture_output=True,
                          env=dict(ENV, **env), timeout=20, check=False)
    if done.returncode != want:
        sys.exit(f"examples: {name} {args}: exit {done.returncode} instead of {want}: {done.stderr.decode()}")
    return done.stdout.decode().strip()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def webhook_token(body):
    now = int(time.time())
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": "devkey", "exp": now + 300, "nbf": now, "sha256": digest}
    text = b64url(b'{"alg":"HS256","typ":"JWT"}') + "." + b64url(json.dumps(claims).encode())
    return text + "." + b64url(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest())


def main():
    token = run(0, "mint", "daily", "alice")
    claims = json.loads(run(0, "verify", token))
    assert claims["iss"] == "devkey" and claims["sub"] == "alice", claims
    assert claims["exp"] - claims["nbf"] == 600, claims
    assert claims["video"] == {"room": "daily", "roomJoin": True, "canPublish": True, "canSubscribe": True}, claims
    run(1, "verify", token + "A")
    run(1, "verify", token, LIVEKIT_API_SECRET="another")
    run(1, "mint", "a\nb", "alice")
    run(1, "mint", "daily", "")
    run(1, "mint", "daily", "alice", LIVEKIT_API_SECRET="")
    for name in "mint", "verify", "webhook":
        run(2, name)

    body = b'{"event":"room_started","id":"EV_1"}'
    assert run(0, "webhook", webhook_token(body), body=body) == "genuine"
    run(1, "webhook", webhook_token(body), body=body + b" ")
    run(1, "webhook", token, body=body)  # a participant's token must not pass for a webhook's


if __name__ == "__main__":
    main()
