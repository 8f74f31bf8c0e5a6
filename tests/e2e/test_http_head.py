"""The request head: semantics H1-H7. Raw bytes in, one answer out, then closed or kept as H12 says."""

import pytest

from shapes import problem, standard
from wire import GOOD, JSON, Wire, ask, chunked, post, request

CLOSING = {400, 408, 413, 414, 431, 505}  # before routing these always close (semantics H12)


def refuse(service, data, status, code=None):
    """One problem, `Connection: close`, and the end of the connection."""
    with Wire(service.address) as wire:
        wire.send(data)
        answer = wire.answer()
        problem(answer, status, code)
        assert answer.closes, answer
        wire.expect_end(3)
        return answer


def serve(service, data, status=200):
    """One answer, and the connection is kept."""
    with Wire(service.address) as wire:
        wire.send(data)
        answer = wire.answer()
        assert answer.status == status, answer
        assert not answer.closes
        wire.expect_open()
        return answer


def head(*lines, end=b"\r\n\r\n"):
    """A head of these lines, a Host after the first."""
    raw = [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    return b"\r\n".join([raw[0], b"Host: localhost", *raw[1:]]) + end


def padded(size, path="/healthz"):
    """A request whose head has exactly that many bytes."""
    start = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nX-Pad: "
    return start + b"a" * (size - len(start) - 4) + b"\r\n\r\n"


# -- H1: sizes


@pytest.mark.parametrize("size", [8191, 20000, 32768])
def test_head_at_the_limit(service, size):
    """semantics H1: 32 KiB up to and including the empty line."""
    assert len(padded(size)) == size
    serve(service, padded(size))


@pytest.mark.parametrize("size", [32769, 40000])
def test_head_over_the_limit(service, size):
    """semantics H1: one byte more is 431 (HTP-14; its 16 KiB is the reference's number, not ours)."""
    refuse(service, padded(size), 431, "headers_too_large")


def test_head_limit_follows_the_configuration(start):
    """design §7 limits.headers."""
    one = start({"ROOMKEY_LIMITS": "headers=4k,per_address=off"})
    serve(one, padded(4096))
    refuse(one, padded(4097), 431)


def test_leading_crlf_is_not_counted(service):
    """semantics H2: it is not a byte of a request."""
    serve(service, b"\r\n" + padded(32768))
    line = b"GET /" + b"a" * (8192 - 14) + b" HTTP/1.1"
    assert len(line) == 8192
    serve(service, b"\r\n" + line + b"\r\nHost: x\r\n\r\n", 404)


def test_431_comes_before_the_head_ends(service):
    """semantics H13: as soon as it is certain."""
    refuse(service, padded(40000)[:33000], 431)


@pytest.mark.parametrize("count, status", [(1, 200), (63, 200), (64, 200), (65, 431), (500, 431)])
def test_header_lines(service, count, status):
    """semantics H1: at most 64 header lines."""
    data = head("GET /healthz HTTP/1.1", *["X: y"] * (count - 1))
    if status == 200:
        serve(service, data)
    else:
        refuse(service, data, 431, "headers_too_large")


@pytest.mark.parametrize("length, status", [(8192, 404), (8193, 414), (9216, 414), (20000, 414), (40000, 414)])
def test_request_line(service, length, status):
    """semantics H1: a request line over 8,192 bytes without its CRLF is 414, which goes before 431."""
    line = "GET /" + "a" * (length - len("GET / HTTP/1.1")) + " HTTP/1.1"
    assert len(line) == length
    if status == 404:
        serve(service, head(line), 404)
    else:
        refuse(service, head(line), 414, "uri_too_long")


def test_414_comes_before_the_line_ends(service):
    """semantics H13: as soon as it is certain."""
    refuse(service, b"GET /" + b"a" * (8193 - 5), 414)
    refuse(service, b"GET /?" + b"a" * 9000, 414)


def test_a_bad_byte_before_the_limit_wins(service):
    """semantics H13: 400 first for what came before that byte; what comes after it is not looked at."""
    refuse(service, b"GE(T /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 400)
    refuse(service, head("GET /healthz HTTP/1.1", "bad line", *["X: y"] * 100), 400)
    refuse(service, head("GET /healthz HTTP/1.1", *["X: y"] * 100, "bad line"), 431)
    refuse(service, head("GET /" + "a" * 9000 + " HTTP/1.1", "bad line"), 414)


# -- H2: characters and lines


def test_one_leading_crlf(service):
    """semantics H2: one CRLF before a request line is skipped, also between requests."""
    serve(service, b"\r\n" + request("GET", "/healthz"))
    with Wire(service.address) as wire:
        wire.send(request("GET", "/healthz") + b"\r\n" + request("GET", "/healthz"))
        assert wire.answer().status == 200 and wire.answer().status == 200
        wire.expect_open()


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n\r\n\r\n", b"\n", b"\r\r\n", b" \r\n", b"\r\n\n", b"\r\n "])
def test_other_leading_blanks(service, data):
    """semantics H2: a second CRLF is 400, so is everything else before a request line."""
    refuse(service, data + request("GET", "/healthz"), 400, "invalid_request")


REQUEST_LINES = {
    "bare LF": b"GET /healthz HTTP/1.1\nHost: x\r\n\r\n",
    "only LFs": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "bare CR": b"GET /healthz HTTP/1.1\rHost: x\r\n\r\n",
    "two spaces": b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "two spaces later": b"GET /healthz  HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab": b"GET\t/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "space before the method": b" GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "space after the version": b"GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/0.9 with a Host": b"GET /healthz\r\nHost: x\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: x\r\n\r\n",
    "empty target": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "only a method": b"GET\r\nHost: x\r\n\r\n",
    "no method": b"/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fourth word": b"GET /healthz HTTP/1.1 x\r\nHost: x\r\n\r\n",
    "space in the target": b"GET /he althz HTTP/1.1\r\nHost: x\r\n\r\n",
    "fragment": b"GET /healthz#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "fragment in the query": b"GET /healthz?a#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "DEL in the target": b"GET /healthz\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
    "UTF-8 in the target": "GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "0xFF in the query": b"GET /healthz?\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab in the target": b"GET /heal\tthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower-case http": b"GET /healthz http/1.1\r\nHost: x\r\n\r\n",
    "no slash": b"GET /healthz HTTP1.1\r\nHost: x\r\n\r\n",
    "no minor": b"GET /healthz HTTP/1.\r\nHost: x\r\n\r\n",
    "no major": b"GET /healthz HTTP/.1\r\nHost: x\r\n\r\n",
    "letters": b"GET /healthz HTTP/a.b\r\nHost: x\r\n\r\n",
    "comma": b"GET /healthz HTTP/1,1\r\nHost: x\r\n\r\n",
    "RTSP": b"DESCRIBE /healthz RTSP/1.0\r\nHost: x\r\n\r\n",
    "ICE": b"SOURCE /healthz ICE/1.0\r\nHost: x\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100c8010000c40303") + b"\0" * 200,
    "the answer of another server": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("data", REQUEST_LINES.values(), ids=REQUEST_LINES.keys())
def test_bad_request_lines(service, data):
    """semantics H2, H3: HTP-06, HTP-07."""
    refuse(service, data, 400, "invalid_request")


HEADER_LINES = {
    "bare LF": b"X: y\nZ: w", "bare CR": b"X: y\rZ", "CR at the end": b"X: y\r", "NUL in a value": b"X: a\0b", "0x01 in a value": b"X: a\x01b",
    "ESC in a value": b"X: a\x1bb", "DEL in a value": b"X: a\x7fb", "NUL in a name": b"X\0: y", "space before the colon": b"X : y",
    "tab before the colon": b"X\t: y", "no colon": b"Xy", "empty name": b": y", "only a colon": b":", "space in a name": b"X Y: z",
    "0x80 in a name": b"X\x80: y", "parenthesis in a name": b"X(a): y", "slash in a name": b"X/a: y", "quote in a name": b'"X": y',
    "folded": b"X: y\r\n z", "folded by a tab": b"X: y\r\n\tz", "folded empty": b"X: y\r\n \r\nZ: w", "starts with a space": b" X: y",
    "starts with a tab": b"\tX: y", "folded Content-Length": b"Content-Length:\r\n 5", "folded Transfer-Encoding": b"Transfer-Encoding:\r\n chunked",
    "semicolon name": b"X;: y", "at sign": b"X@: y", "brackets": b"[X]: y", "a blank line with a space": b" ",
}


@pytest.mark.parametrize("line", HEADER_LINES.values(), ids=HEADER_LINES.keys())
@pytest.mark.parametrize("place", ["middle", "last"])
def test_bad_header_lines(service, line, place):
    """semantics H2: any breach is 400."""
    after = (b"A: b",) if place == "middle" else ()
    refuse(service, head("GET /healthz HTTP/1.1", line, *after), 400, "invalid_request")


def test_first_header_folded(service):
    """HTP-06: the first header line begins with a blank."""
    refuse(service, b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n", 400)
    refuse(service, b"GET /healthz HTTP/1.1\r\n\tX: y\r\nHost: x\r\n\r\n", 400)


def test_lines_end_in_crlf_only(service):
    """semantics H2: an empty line of LF alone does not end a head."""
    refuse(service, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\n", 400)
    refuse(service, b"GET /healthz HTTP/1.1\r\nHost: x\n\r\n", 400)
    refuse(service, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\rX\r\n\r\n", 400)


@pytest.mark.parametrize("line", [
    b"X:", b"X: ", b"X:y", b"X:\ty\t", b"X: a\tb", b"X: \x80\xff", "X: é".encode(), b"X:   y   ", b"!#$%&'*+-.^_`|~09azAZ: y", b"X: a:b:c",
    b"X: \"quoted\\\"", b"1: y", b"x" * 200 + b": y",
])
def test_good_header_lines(service, line):
    """semantics H2: HTAB, 0x20-0x7E, 0x80-0xFF in values; names are tokens."""
    serve(service, head("GET /healthz HTTP/1.1", line))


def test_blanks_around_a_value_do_not_belong_to_it(service):
    """semantics H2."""
    data = b"POST /v1/token HTTP/1.1\r\nHost:\t localhost \t\r\nContent-Type: \t application/json\t \r\nContent-Length:\t 2 \t\r\n\r\n{}"
    serve(service, data)


# -- H3: methods and versions


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "post", "POSTX", "Post", "X", "M-SEARCH",
                                    "!#$%&'*+-.^_`|~", "A" * 300, "PRI", "SOURCE", "QUERY"])
def test_unknown_methods(service, method):
    """semantics H3: a token that is unknown here is 405 with Allow on a known path; HTP-17; TRACE never echoes."""
    for path, allowed in (("/v1/token", {"POST", "OPTIONS"}), ("/healthz", {"GET", "HEAD", "OPTIONS"})):
        answer = serve(service, request(method, path, None, {"X-Echo": "planted-echo"}), 405)
        assert set(answer.get("allow").split(", ")) == allowed
        assert "planted-echo" not in repr(answer)
        problem(answer, 405)


@pytest.mark.parametrize("method", ["PUT", "FOO", "get", "A" * 300])
def test_unknown_methods_on_unknown_paths(service, method):
    """semantics H3: 404 elsewhere."""
    problem(serve(service, request(method, "/nope"), 404), 404)


@pytest.mark.parametrize("method", ["GE(T", "G@T", "GE/T", '"GET"', "GET,", "GÉT", "GET\x01", "[", "GET:"])
def test_methods_that_are_no_token(service, method):
    """semantics H3: not a token is 400."""
    refuse(service, request(method, "/healthz"), 400)


@pytest.mark.parametrize("target", ["localhost:443", "/healthz", "http://localhost/healthz", "*"])
def test_connect(service, target):
    """semantics H3: CONNECT is 400."""
    refuse(service, request("CONNECT", target), 400)


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0"])
def test_versions(service, version):
    """semantics H3: 505 when the request line is right but for its number; nothing after it is looked at."""
    refuse(service, request("GET", "/healthz", version=version), 505, "http_version")
    refuse(service, f"GET /nope {version}\r\n bad : header\nlines\0\r\n\r\n".encode(), 505)


def test_http2_preface(service):
    """HTP-07: prior-knowledge HTTP/2."""
    refuse(service, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"), 505)


# -- H4: Host and target forms


HOSTS = ["", "localhost", "example.org", "example.org:80", "example.org:", "EXAMPLE.org", "127.0.0.1:7071", "[::1]", "[::1]:80",
         "[2001:db8::1]", "[::ffff:1.2.3.4]", "[v1.fe80]", "a_b~c", "a!$&'()*+,;=b", "%41%7a", "x" * 250, "example.org:99999", "1.2.3.4.5", "a."]
BAD_HOSTS = ["example.org:123456", "example.org/path", "user@example.org", "u:p@example.org", "a b", "example.org:8a", "example.org:-1",
             "[::1", "::1]", "[::1]x", "[]", "[:::1]", "[1.2.3.4]", "[fe80::1%25lo]", "[12345::]", "[1:2:3:4:5:6:7:8:9]", "%4", "%zz", "%",
             "ex\u00e9mple", '"a"', "a\tb", "<a>", "a\\b", "a^b", "a|b", "a#b", "a?b", "http://a", "a:b:c", "{a}", "[v1]", "[v.x]"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_good_hosts(service, host, version):
    """semantics H4: empty, or uri-host[:port] by RFC 3986 with at most five port digits; its value decides nothing."""
    answer = ask(service.address, request("GET", "/healthz", version=version, host=host))
    assert answer.status == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_bad_hosts(service, host, version):
    """semantics H4, HTP-08."""
    refuse(service, request("GET", "/healthz", version=version, host=host), 400, "invalid_request")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("hosts", [("a", "b"), ("a", "a"), ("", ""), ("a", "")])
def test_two_hosts(service, version, hosts):
    """semantics H4: two are 400 in any version."""
    data = f"GET /healthz {version}\r\n" + "".join(f"Host: {host}\r\n" for host in hosts) + "\r\n"
    refuse(service, data.encode(), 400)


def test_no_host(service):
    """semantics H4: exactly one in 1.1; 1.0 may come without."""
    refuse(service, request("GET", "/healthz", host=None), 400)
    assert ask(service.address, request("GET", "/healthz", host=None, version="HTTP/1.0")).status == 200


@pytest.mark.parametrize("target, status", [
    ("http://example.org/healthz", 200), ("HTTP://example.org/healthz", 200), ("hTtP://[::1]:80/healthz?x=1", 200), ("http://example.org", 200),
    ("http://example.org?x=1", 200), ("http://example.org/", 200), ("http://other.example:8080/livez", 200), ("http://example.org/nope", 404),
    ("http://example.org//healthz", 404), ("http://example.org/healthz/", 404),
])
def test_absolute_targets(service, target, status):
    """semantics H4: accepted in any case of the scheme, the path is routed, no path is `/` (HTP-09)."""
    serve(service, request("GET", target), status)


def test_absolute_target_still_needs_a_host(service):
    """semantics H4: exactly one Host in 1.1, whatever the target."""
    refuse(service, request("GET", "http://example.org/healthz", host=None), 400)


@pytest.mark.parametrize("target", [
    "http:///healthz", "http://", "http://?x", "http://user@example.org/healthz", "http://u:p@example.org/healthz", "http://@/healthz",
    "https://example.org/healthz", "ftp://example.org/healthz", "ws://example.org/healthz", "http:/healthz", "http:healthz", "healthz", "?x",
    "example.org/healthz", "localhost:80", "//", "file:///healthz", "**", "*x", ".", "./healthz", "../healthz", "\\healthz",
])
def test_other_target_forms(service, target):
    """semantics H4: an empty authority, user info, another scheme or another form is 400 (a path that begins with / is a path)."""
    data = request("GET", target)
    if target.startswith("/"):
        serve(service, data, 404)
    else:
        refuse(service, data, 400)


@pytest.mark.parametrize("method, status", [("OPTIONS", 204), ("GET", 404), ("POST", 404), ("FOO", 404)])
def test_asterisk(service, method, status):
    """semantics H4: `*` is for OPTIONS, else 404."""
    serve(service, request(method, "*"), status)


# -- H5: paths


@pytest.mark.parametrize("path", [
    "//api/token", "/./api/token", "/x/../api/token", "/api/../api/token", "/%61pi/token", "/api/%74oken", "/api/token/", "/api/token%00",
    "/api/token;a=b", "/api%2ftoken", "/api/token%2f", "/api\\token", "/API/TOKEN", "/Api/token", "/api/token%20", "/api//token", "/api/token.",
    "/api/token,", "/api/token&x", "/api/token%3fx", "/api", "/api/", "/v1/token/", "/v1//token", "/V1/token", "/gettoken", "/healthz/",
    "/HEALTHZ", "/healthz%", "//", "/%2f", "/;", "/metrics",
])
def test_paths_are_compared_byte_for_byte(service, path):
    """semantics H5, HTP-10: nothing is decoded, cut or collapsed."""
    problem(serve(service, request("POST", path, GOOD, JSON), 404), 404, "not_found")
    serve(service, request("GET", path), 404)


@pytest.mark.parametrize("path", ["/healthz?", "/healthz?x", "/healthz?x=/../y", "/healthz??", "/healthz?%00", "/healthz?a/b?c"])
def test_the_query_does_not_belong_to_the_path(service, path):
    """semantics H5: up to `?`."""
    serve(service, request("GET", path))


# -- H6: headers that may come once


@pytest.mark.parametrize("name, values", [
    ("Authorization", ("Bearer a", "Bearer b")), ("Authorization", ("Bearer a", "Bearer a")), ("Authorization", ("Bearer a", "")),
    ("X-API-Key", ("a", "b")), ("X-API-Key", ("a", "a")), ("Origin", ("http://a", "http://b")), ("Origin", ("http://a", "http://a")),
    ("Content-Type", ("application/json", "text/plain")), ("Content-Type", ("application/json", "application/json")),
    ("Content-Encoding", ("identity", "gzip")), ("Content-Encoding", ("identity", "identity")), ("Content-Encoding", ("", "")),
    ("Expect", ("100-continue", "100-continue")), ("Expect", ("100-continue", "x")), ("Content-Length", ("2", "2")),
    ("Content-Length", ("2", "3")), ("Content-Length", ("0", "2")),
])
@pytest.mark.parametrize("path", ["/v1/token", "/api/token", "/nope"])
def test_second_lines(service, name, values, path):
    """semantics H6: 400, equal or not; it comes before routing (HDR-01, COR-06, HTP-02)."""
    first, second = values
    refuse(service, request("POST", path, b"{}", [(name, first), ("X", "y"), (name.lower(), second)]
                            + ([] if name == "Content-Length" else [("Content-Length", "2")])), 400, "invalid_request")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Accept", "Cookie", "X-Request-Id", "Connection", "Sec-Fetch-Site", "User-Agent"])
def test_other_headers_may_come_twice(service, name):
    """The no beside the yes."""
    serve(service, request("GET", "/healthz", None, [(name, "a"), (name, "b")]))


# -- H7: upgrade


@pytest.mark.parametrize("headers", [
    {"Connection": "Upgrade", "Upgrade": "websocket"}, {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"},
    {"Upgrade": "TLS/1.0"}, {"Connection": "keep-alive, Upgrade", "Upgrade": "foo, bar"},
])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upgrade_is_ignored(service, headers, framing):
    """semantics H7: the request, its body and the next request are served as if the field were absent."""
    with Wire(service.address) as wire:
        if framing == "length":
            data = post("/v1/token", b'{"room_name":"r"}', headers)
        else:
            data = post("/v1/token", chunked(b'{"room_name"', b':"r"}'), {**headers, "Transfer-Encoding": "chunked"})
        wire.send(data + request("GET", "/livez"))
        standard(wire.answer(), "r")
        assert wire.answer().json() == {"status": "pass"}
        wire.expect_open()


# -- pieces


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50])
def test_a_request_in_pieces(service, step):
    """Where the network cuts a request changes nothing."""
    data = post("/v1/token", b'{"room_name":"r"}', {"X-Long": "y" * 40})
    with Wire(service.address) as wire:
        wire.dribble(data + b"\r\n" + data, step)
        standard(wire.answer(), "r")
        standard(wire.answer(), "r")
        wire.expect_open()


@pytest.mark.parametrize("step", [1, 3])
def test_a_bad_request_in_pieces(service, step):
    """The same for a refusal: CR and LF arrive apart."""
    data = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n"
    with Wire(service.address) as wire:
        wire.dribble(data, step)
        problem(wire.answer(), 400)
        wire.expect_end(3)
