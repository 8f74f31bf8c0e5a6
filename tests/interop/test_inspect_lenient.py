"""Where a LiveKit server is lenient, and where it is not: `roomkey inspect` must see each token as the real server
does. Names in any case, the last duplicate, merged sections, quoted times, protojson's own rules inside roomConfig.

The rows of test_inspect_rows.py say which refusal; these only say that both agree. In a payload `%(times)s` stands for
iss, nbf and exp, `%(head)s` for iss and nbf, `%(exp)d` for the expiry, `%(join)s` for sub and a video grant.
"""

import base64
import json
import time

import jwt
import pytest
import requests

import world

NOW = int(time.time())
HS256 = b'{"alg":"HS256","typ":"JWT"}'
JOIN = '"sub":"a","video":{"roomJoin":true,"room":"r"}'

PAYLOADS = (
    '{%(times)s,%(join)s,"aud":7}',
    '{%(times)s,%(join)s,"aud":["a",7]}',
    '{%(times)s,%(join)s,"aud":["a"]}',
    '{%(times)s,%(join)s,"aud":[null]}',
    '{%(times)s,%(join)s,"jti":7}',
    '{%(head)s,"exp":"%(exp)d",%(join)s}',
    '{%(head)s,"exp":" %(exp)d",%(join)s}',
    '{%(head)s,"exp":"",%(join)s}',
    '{%(head)s,"exp":1e400,%(join)s}',
    '{%(head)s,"exp":1e300,%(join)s}',
    '{%(head)s,"exp":%(exp)d.9,%(join)s}',
    '{%(head)s,"exp":true,%(join)s}',
    '{%(times)s,%(join)s,"kindDetails":[1]}',
    '{%(times)s,%(join)s,"kindDetails":[null]}',
    '{%(times)s,%(join)s,"attributes":{"a":null}}',
    '{%(times)s,%(join)s,"attributes":null}',
    '{%(times)s,%(join)s,"agent":true}',
    '{%(times)s,%(join)s,"inference":{"perform":1}}',
    '{%(times)s,%(join)s,"observability":""}',
    '{%(times)s,%(join)s,"identity":7}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":1,"empty_timeout":1}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":1,"empty_timeout":null}}',
    '{%(times)s,%(join)s,"roomConfig":{"agents":[null]}}',
    '{%(times)s,%(join)s,"roomConfig":{"agents":[{"restartPolicy":"JRP_NEW"}]}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":"5"}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":"5.0"}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":" 5"}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":"5 "}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":"05"}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":-0}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":""}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":5e2}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":4294967296}}',
    '{%(times)s,%(join)s,"roomConfig":{"emptyTimeout":4294967295.0}}',
    '{%(times)s,%(join)s,"roomConfig":{"tags":{"a":null}}}',
    '{%(times)s,%(join)s,"roomConfig":{"tags":{"a":1}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"room":{"preset":0,"advanced":{}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"room":{"preset":null,"advanced":{}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"tracks":{"s3":{},"gcp":{}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"participant":{"advanced":{"keyFrameInterval":"NaN"}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"participant":{"advanced":{"keyFrameInterval":"2.5"}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"participant":{"advanced":{"width":2147483648}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"syncStreams":1}}',
    '{%(times)s,%(join)s,"roomConfig":{"agents":[{"restartPolicy":"1"}]}}',
    '{%(times)s,%(join)s,"roomConfig":{"agents":[{"restartPolicy":1.0}]}}',
    '{%(times)s,%(join)s,"roomConfig":{"agents":[{"restartPolicy":1.5}]}}',
    '{%(times)s,%(join)s,"roomConfig":{"agents":[{"restartPolicy":9}]}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"tracks":{"ali_oss":5}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"tracks":{"aliOss":5}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"EmptyTimeout":"x"}}',
    '{%(times)s,%(join)s,"roomConfig":{"name":"a","name":"b"}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"tracks":{"s3":{"secret":"x"}}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"room":{"streamOutputs":[{"urls":["rtmp://a/b"]}]}}}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":null,"agents":null,"tags":null,"name":null}}',
    '{%(times)s,%(join)s,"roomConfig":{"egress":{"room":{"webhooks":[{"filterParams":{"includeEvents":[null]}}]}}}}',
    '{%(times)s,"sub":"a","Video":{"RoomJoin":true,"ROOM":"r"}}',
    '{%(times)s,"\u017fub":"a","video":{"roomJoin":true,"room":"r"}}',
    '{%(times)s,"sub":"a","video":{"roomJoin":true,"room":"r"},"\u212aind":7}',
    '{%(times)s,%(join)s,"name":"x","name":"y"}',
    '{%(times)s,%(join)s,"name":"x\\ud800y"}',
    '{%(times)s,%(join)s,"name":7,"name":"y"}',
    '{%(times)s,%(join)s,"x":1e400}',
    '{%(times)s,%(join)s,"a\\u0000b":1}',
    '{%(times)s,%(join)s,"video":null}',
    '{%(times)s,%(join)s,"sub":null}',
    '\ufeff{%(times)s,%(join)s}',
    '{%(times)s,%(join)s}{}',
    '{%(times)s,%(join)s} ',
    '',
    '[]',
    'null',
    '{%(times)s,%(join)s,"kind":"robot"}',
    '{%(times)s,"sub":"a","video":{"roomJoin":true,"room":"r","canPublish":null}}',
    '{%(times)s,"sub":"a","video":{"roomJoin":true,"room":"r","canPublishSources":[null,"Camera"]}}',
)

HEADERS = (
    b'{"alg":"HS256"}',
    b'{"alg":"HS256","kid":7,"crit":["x"]}',
    b'{"ALG":"HS256"}',
    b'{"alg":"HS256","alg":"none"}',
    b'{"alg":"none","alg":"HS256"}',
    b'{"alg":"RS256"}',
    b'{"alg":"ES256"}',
    b'{"alg":"EdDSA"}',
    b'{"alg":"HS256","typ":5}',
    b'{"alg":"HS256","typ":"x"}',
    b'null',
    b'{"alg":"HS256"}x',
    b' {"alg":"HS256"} ',
    b'{"alg":"HS256","x":1e400}',
    b'{"alg":"HS256","b64":false}',
    b'{"alg":"HS256","x":"\xff"}',
)

TEXTS = {
    "cut short": lambda token: token[:-1],
    "a line break inside": lambda token: token[:20] + "\r\n" + token[20:],
    "padded": lambda token: token + "=",
}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(server, header, payload):
    """Any two byte strings with an honest HS256 signature."""
    head = f"{encode(header)}.{encode(payload)}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{head}.{encode(mac.sign(head.encode(), server.secret.encode()))}"


def written(server, payload):
    head = f'"iss":"{server.key}","nbf":{NOW}'
    return (payload % {"times": f'{head},"exp":{NOW + 600}', "head": head, "exp": NOW + 600, "join": JOIN}).encode()


def agree(server, token):
    """The query, not the header: a header cannot carry a line break."""
    status = requests.get(f"{server.http}/rtc/validate", params={"access_token": token}, timeout=10).status_code
    said = json.loads(world.run_roomkey(server, "inspect", "--json", token).stdout)
    assert (status == 200) == (not said["refusals"]), (status, said["refusals"])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload(livekit, payload):
    agree(livekit, signed(livekit, HS256, written(livekit, payload)))


def test_payload_that_is_not_utf8(livekit):
    agree(livekit, signed(livekit, HS256, written(livekit, '{%(times)s,%(join)s,"name":"')+ b'\xff\xc3"}'))


@pytest.mark.parametrize("header", HEADERS)
def test_header(livekit, header):
    agree(livekit, signed(livekit, header, written(livekit, "{%(times)s,%(join)s}")))


@pytest.mark.parametrize("change", TEXTS.values(), ids=TEXTS.keys())
def test_text(livekit, change):
    agree(livekit, change(signed(livekit, HS256, written(livekit, "{%(times)s,%(join)s}"))))
