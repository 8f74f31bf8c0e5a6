"""Which refusal wins when a request deserves several: semantics H13."""

import pytest

from wire import Wire, post, request

BOTH = {"Authorization": "Bearer x", "X-API-Key": "y"}
BEARER = {"Authorization": "Bearer x"}
LONG = {"Content-Length": "70000"}
TEXT = {"Content-Type": "text/plain"}
TWICE = [("Roomkey-Profile", "speaker"), ("Roomkey-Profile", "speaker")]


def first_answer(service, data):
    with Wire(service.address) as wire:
        wire.send(data)
        return wire.answer()


def pairs(*parts):
    found = []
    for part in parts:
        found += part.items() if isinstance(part, dict) else part
    return found


ORDER = [
    # framing and syntax before all
    ("400 over 505: a bad method token", b"G@T /healthz HTTP/1.2\r\n\r\n", 400),
    ("505 over a bad header", b"GET /healthz HTTP/1.2\r\nbad\r\n\r\n", 505),
    ("505 over 404", request("GET", "/nope", version="HTTP/1.2"), 505),
    ("505 over 405", request("PUT", "/v1/token", version="HTTP/1.2"), 505),
    ("400 over 404: no Host", request("GET", "/nope", host=None), 400),
    ("400 over 404: two lengths", request("POST", "/nope", b"{}", [("Content-Length", "2"), ("Content-Length", "2")]), 400),
    ("400 over 405", request("PUT", "/v1/token", host="a b"), 400),
    ("400 over 417: two Expects", post(headers=[("Expect", "x"), ("Expect", "x")]), 400),
    ("400 over 413: TE and CL", post(body=b"", headers={"Transfer-Encoding": "chunked", **LONG}), 400),
    ("400 over 401: two Authorizations", post(headers=pairs(BEARER, BEARER)), 400),
    # routing
    ("404 over 417", post("/nope", b"{}", {"Expect": "x"}), 404),
    ("404 over 413", post("/nope", b"", LONG), 404),
    ("404 over 401", post("/nope", b"{}", BEARER), 404),
    ("404 over 400 of D1", post("/nope", b"{}", BOTH), 404),
    ("405 over 417", request("PUT", "/v1/token", b"{}", {"Expect": "x"}), 405),
    ("405 over 413", request("PUT", "/v1/token", b"", LONG), 405),
    ("405 over 401", request("PUT", "/v1/token", b"{}", BEARER), 405),
    ("405 over 415", request("PUT", "/v1/token", b"{}", TEXT), 405),
    # from the head
    ("417 over 413", post(body=b"", headers={"Expect": "x", **LONG}), 417),
    ("417 over 401", post(headers={"Expect": "x", **BEARER}), 417),
    ("413 over 401", post(body=b"", headers={**LONG, **BEARER}), 413),
    ("413 over 400 of D1", post(body=b"", headers={**LONG, **BOTH}), 413),
    ("413 over 403", post(body=b"", headers={**LONG, "Roomkey-Profile": "x"}), 413),
    ("413 over 415", post(body=b"", headers={**LONG, **TEXT}), 413),
    ("400 of D1 over 401", post(headers=BOTH), 400),
    ("400 of D26 over 401", post(headers=pairs(TWICE, BEARER)), 400),
    ("400 of D26 over 415", post(headers=pairs(TWICE, TEXT)), 400),
    ("401 over 403", post(headers={**BEARER, "Roomkey-Profile": "x"}), 401),
    ("401 over 415", post(headers={**BEARER, **TEXT}), 401),
    ("401 over the body", post(body=b"{", headers=BEARER), 401),
    ("403 over 415", post(headers={"Roomkey-Profile": "x", **TEXT}), 403),
    ("403 over the body", post(body=b"{", headers={"Roomkey-Profile": "x"}), 403),
    ("415 over the body", post(body=b"{", headers=TEXT), 415),
    ("415 of the encoding over the body", post(body=b"{", headers={"Content-Encoding": "gzip"}), 415),
]


@pytest.mark.parametrize("data, status", [row[1:] for row in ORDER], ids=[row[0] for row in ORDER])
def test_order(service, data, status):
    """semantics H13."""
    answer = first_answer(service, data)
    assert answer.status == status, answer


LIMITED = [
    ("404 is not limited away", post("/nope"), 404),
    ("405 is not limited away", request("PUT", "/v1/token", b"{}"), 405),
    ("417 over 429", post(headers={"Expect": "x"}), 417),
    ("413 over 429", post(body=b"", headers=LONG), 413),
    ("505 over 429", request("GET", "/x", version="HTTP/1.2"), 505),
    ("400 over 429", request("POST", "/v1/token", b"{}", host="a b"), 400),
    ("429 over 400 of D26", post(headers=TWICE), 429),
    ("429 over 403", post(headers={"Roomkey-Profile": "x"}), 429),
    ("429 over 415", post(headers=TEXT), 429),
    ("429 over the body", post(body=b"{"), 429),
]


@pytest.fixture(scope="module")
def limited():
    """A service whose address limit is used up."""
    from process import Roomkey
    one = Roomkey({"ROOMKEY_LIMITS": "per_address=1/h burst 1,failures_per_address=1/h burst 1"})
    assert first_answer(one, post()).status == 200
    assert first_answer(one, post(headers=BEARER)).status == 401
    yield one
    one.stop()


@pytest.mark.parametrize("data, status", [row[1:] for row in LIMITED], ids=[row[0] for row in LIMITED])
def test_order_over_the_limit(limited, data, status):
    """semantics H13: 429 (address) comes after 404, 405, 417, 413 and before the rest."""
    answer = first_answer(limited, data)
    assert answer.status == status, answer


@pytest.mark.parametrize("headers", [BEARER, BOTH, {**BEARER, **TEXT}, {**BEARER, "Roomkey-Profile": "x"}, pairs(TWICE, BEARER)])
def test_failures_over_the_limit(limited, headers):
    """semantics H13, H19: 429 (failures) before 400 of D1 and D26 and before 401."""
    assert first_answer(limited, post(headers=headers)).status == 429
