"""CORS by the Fetch standard: hosting §6.6, semantics H15, security COR-01 to -06."""

import pytest

from process import Roomkey, refused
from wire import GOOD, ask, post, request

APP = "https://app.example.org"
ORIGINS = f"{APP},http://localhost:4200,https://*.preview.example.org,http://*.dev.example.org:8080"


@pytest.fixture(scope="module")
def service():
    """Two exact origins, two wildcards."""
    one = Roomkey({"ROOMKEY_CORS_ORIGINS": ORIGINS, "ROOMKEY_LIMITS": "per_address=off"})
    yield one
    one.stop()


def cors_names(answer):
    return {name.lower() for name, _ in answer.headers if name.lower().startswith("access-control-")}


def preflight(service, origin, path="/v1/token", method="POST", headers="content-type"):
    fields = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers is not None:
        fields["Access-Control-Request-Headers"] = headers
    return ask(service.address, request("OPTIONS", path, None, fields))


GOOD_ORIGINS = [APP, "http://localhost:4200", "https://a.preview.example.org", "https://pr-17.preview.example.org",
                "http://x.dev.example.org:8080"]
BAD_ORIGINS = [
    "https://app.example.org.evil", "https://evilapp.example.org", "http://app.example.org", "https://app.example.org:444",
    "https://app.example.org:443", "https://APP.example.org", "HTTPS://app.example.org", "https://app.example.org.", "null", "", "https://app.example.org/",
    "https://user@app.example.org", "https://app.example.org https://evil.example", "http://localhost:4201", "http://localhost", "https://localhost:4200",
    "https://preview.example.org", "https://a.b.preview.example.org", "https://.preview.example.org", "https://apreview.example.org",
    "http://a.preview.example.org", "https://a.preview.example.org:8443", "https://a.preview.example.org.evil", "https://A.preview.example.org",
    "https://a.preview.example.org/", "https://a/.preview.example.org", "https://evil.example?.preview.example.org",
    "https://evil.example#.preview.example.org", "https://evil.example@.preview.example.org", "https://*.preview.example.org", "https://a:1.preview.example.org",
    "http://x.dev.example.org", "http://x.dev.example.org:8081", "*", "https://-", "app.example.org", "https://a b.preview.example.org",
]


def test_no_origin(service):
    """COR-01: no Origin, no CORS headers; Vary: Origin all the same (hosting §6.6)."""
    for data in (post(), post(body=b"x"), request("OPTIONS", "/v1/token"), request("PUT", "/v1/token")):
        answer = ask(service.address, data)
        assert cors_names(answer) == set(), answer
        assert "origin" in ", ".join(answer.all("vary")).lower(), answer


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_listed_origins(service, origin):
    """COR-02: exact echo, Vary: Origin, no Allow-Credentials."""
    for data in (post(headers={"Origin": origin}), post("/api/token", GOOD, {"Origin": origin})):
        answer = ask(service.address, data)
        assert answer.status == 200
        assert answer.get("access-control-allow-origin") == origin
        assert "origin" in answer.get("vary").lower()
        assert answer.get("access-control-allow-credentials") is None


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_other_origins(service, origin):
    """COR-03: no CORS header at all; the request itself is served: CORS is no access control."""
    answer = ask(service.address, post(headers={"Origin": origin}))
    assert answer.status == 200
    assert cors_names(answer) == set(), answer
    answer = preflight(service, origin)
    assert answer.status == 204
    assert cors_names(answer) == set(), answer


ERRORS = {
    400: post(body=b"x"), 401: post(headers={"Authorization": "Bearer x"}), 403: post(headers={"Roomkey-Profile": "x"}),
    404: request("POST", "/nope", b""), 405: request("PUT", "/v1/token", b""), 413: post(body=b"", headers={"Content-Length": "70000"}),
    415: post(headers={"Content-Type": "x"}), 417: post(headers={"Expect": "x"}),
}


@pytest.mark.parametrize("status", ERRORS)
def test_errors_too(service, status):
    """hosting §6.6: error responses need the fields too, or the page only sees a network error."""
    head, rest = ERRORS[status].split(b"\r\n", 1)
    answer = ask(service.address, head + b"\r\nOrigin: " + APP.encode() + b"\r\n" + rest)
    assert answer.status == status
    assert answer.get("access-control-allow-origin") == APP, answer
    assert "origin" in answer.get("vary").lower()


def test_429_and_503_too(start):
    """The same for the limiter's answer and for a service that is not set up."""
    one = start({"ROOMKEY_CORS_ORIGINS": APP, "ROOMKEY_LIMITS": "per_address=1/h", "LIVEKIT_API_KEY": None})
    for status in (503, 429):
        answer = ask(one.address, post(headers={"Origin": APP}))
        assert answer.status == status
        assert answer.get("access-control-allow-origin") == APP


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
@pytest.mark.parametrize("path", ["/v1/token", "/getToken", "/api/token", "/api/v2/sandbox/connection-details"])
def test_preflight(service, origin, path):
    """COR-04, semantics H15: 204, the methods of the route, the request's own list of headers."""
    answer = preflight(service, origin, path, headers="authorization,content-type,x-sandbox-id")
    assert answer.status == 204
    assert answer.get("access-control-allow-origin") == origin
    assert answer.get("access-control-allow-methods") == "POST"
    assert answer.get("access-control-allow-headers") == "authorization,content-type,x-sandbox-id"
    assert answer.get("access-control-allow-credentials") is None
    assert "origin" in answer.get("vary").lower()
    assert answer.get("allow") is not None


@pytest.mark.parametrize("headers", ["content-type", "x", "a,b", "a, b", "X-Custom-Header, Authorization", "a" * 1024, "!#$%&'*+-.^_`|~"])
def test_allow_headers_echo(service, headers):
    """semantics H15: echoing the request's list when each is a token, at most 1 KiB."""
    assert preflight(service, APP, headers=headers).get("access-control-allow-headers") == headers


@pytest.mark.parametrize("headers", ["a b", "a,b c", "a;b", "a/b", "\"a\"", "a" * 1025, "a,b(c)", "é", "a:b", "<x>"])
def test_allow_headers_left_out(service, headers):
    """semantics H15: else left out; nothing of it comes back."""
    answer = preflight(service, APP, headers=headers)
    assert answer.status == 204
    assert answer.get("access-control-allow-origin") == APP
    assert answer.get("access-control-allow-headers") is None


def test_preflight_without_headers(service):
    """A preflight need not ask for headers."""
    answer = preflight(service, APP, headers=None)
    assert answer.status == 204 and answer.get("access-control-allow-origin") == APP
    assert answer.get("access-control-allow-headers") is None


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "X"])
def test_preflight_for_another_method(service, method):
    """semantics H15: Allow-Methods comes from the route, whatever was asked."""
    answer = preflight(service, APP, method=method)
    assert answer.status == 204
    assert answer.get("access-control-allow-methods") == "POST"


def test_options_with_origin_alone(service):
    """semantics H15: a preflight has Access-Control-Request-Method too; without it this is a plain OPTIONS."""
    answer = ask(service.address, request("OPTIONS", "/v1/token", None, {"Origin": APP}))
    assert answer.status == 204
    assert answer.get("access-control-allow-methods") is None and answer.get("access-control-allow-headers") is None


def test_preflight_of_an_unknown_path(service):
    """semantics H15: unknown path 404."""
    assert preflight(service, APP, "/nope").status == 404


def test_preflight_is_never_authenticated_nor_limited(start):
    """hosting §6.6: answered before authentication and rate limits."""
    one = start({"ROOMKEY_CORS_ORIGINS": APP, "ROOMKEY_LIMITS": "per_address=1/h burst 1"})
    assert ask(one.address, post()).status == 200
    for _ in range(10):
        assert preflight(one, APP).status == 204
    fields = {"Origin": APP, "Access-Control-Request-Method": "POST", "Authorization": "Bearer x", "X-API-Key": "y"}
    assert ask(one.address, request("OPTIONS", "/v1/token", None, fields)).status == 204


def test_long_and_split_origins(service):
    """COR-06: two Origins are 400 (also test_http_head.py); 10 KiB of it is no allowed origin and comes back nowhere; CR is 400."""
    assert ask(service.address, post(headers=[("Origin", APP), ("Origin", APP)])).status == 400
    answer = ask(service.address, post(headers={"Origin": "https://" + "a" * 10240}))
    assert answer.status == 200 and cors_names(answer) == set() and "aaaaaaaa" not in repr(answer.headers)
    data = post(headers={"Origin": APP + "\rSet-Cookie: x=y"})
    answer = ask(service.address, data)
    assert answer.status == 400 and "Set-Cookie" not in repr(answer)


def test_no_origins_configured(start):
    """Nothing listed: nothing allowed."""
    one = start()
    for origin in (APP, "null", "*", "http://localhost:4200"):
        assert cors_names(ask(one.address, post(headers={"Origin": origin}))) == set()
        assert cors_names(preflight(one, origin)) == set()


def test_any_origin(start):
    """hosting §6.6: `*` is accepted where there are no credentials."""
    one = start({"ROOMKEY_CORS_ORIGINS": "*"})
    for origin in (APP, "https://x.example"):
        answer = ask(one.address, post(headers={"Origin": origin}))
        assert answer.get("access-control-allow-origin") in ("*", origin)
        assert answer.get("access-control-allow-credentials") is None
        assert preflight(one, origin).get("access-control-allow-headers") == "content-type"


@pytest.mark.parametrize("origins", [
    "null", "https://app.example.org/", "https://app.example.org/path", "https://app.example.org?x", "https://app.example.org#x", "app.example.org",
    "https://", "https://*", "https://*.", "https://a.*.example.org", "https://*.*.example.org", "https://a*.example.org", "https://user@example.org",
    "https://app.example.org:99999", "https://app.example.org:x", "https://a b", "//app.example.org", f"{APP},", f",{APP}", f"{APP},null",
    "https://*example.org",
])
def test_bad_configuration(origins):
    """COR-05: startup refused, and the line names the variable."""
    assert "ROOMKEY_CORS_ORIGINS" in refused(env={"ROOMKEY_CORS_ORIGINS": origins})
