"""invoke.py - one invocation, the three ways the Functions host has: forwarded, proxied, in an envelope."""

import base64
import json
import select
import time
import urllib.parse
import uuid

import http1

VERSION = "4.1052.200.0"
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-connection", "proxy-authenticate",
              "proxy-authorization", "alt-svc", "forwarded")


class Failed(Exception):
    """The invocation failed: the client gets 500."""


def is_chunked(request):
    return request.get("transfer-encoding") is not None


def marks(invocation):
    return [("X-Azure-Functions-InvocationId", invocation), ("X-Azure-Functions-HostVersion", VERSION)]


def rebuilt(target):
    """Repeated keys are joined with a comma."""
    path, mark, query = target.partition("?")
    pairs = {}
    for part in query.split("&") if mark and query else []:
        key, _, value = part.partition("=")
        pairs.setdefault(key, []).append(value)
    return path + ("?" + "&".join(f"{key}={','.join(values)}" for key, values in pairs.items()) if pairs else "")


def forward(handler, request, invocation):
    """HttpClient: the client's head as it is, two headers on top, the answer read to its end."""
    if is_chunked(request):
        raise Failed("the body is not copied but its Transfer-Encoding is: .NET refuses to send")
    headers = []
    for name, value in request.headers:
        if name.lower() == "user-agent":
            value += f" Azure-Functions-Host/{VERSION}"
        if name.lower() != "content-length" and name.lower() != "connection":
            headers.append((name, value))
    if request.get("user-agent") is None:
        headers.append(("User-Agent", f"Azure-Functions-Host/{VERSION}"))
    if request.body:
        headers.append(("Content-Length", str(len(request.body))))
    return send(handler, f"{request.method} {rebuilt(request.target)} HTTP/1.1", headers + marks(invocation), request.body, request.method)


def proxy(handler, request, invocation, peer):
    """YARP: hop-by-hop fields away, X-Forwarded-* set anew, the body streamed as it comes."""
    dropped = HOP_BY_HOP + ("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "content-length")
    headers = [("Host", f"127.0.0.1:{handler.port}")] + request.without(*dropped)
    headers += [("X-Forwarded-For", peer), ("X-Forwarded-Host", request.get("host")), ("X-Forwarded-Proto", "http"),
                ("x-ms-invocation-id", invocation)] + marks(invocation)
    body = request.body
    if is_chunked(request):
        headers.append(("Transfer-Encoding", "chunked"))
        body = http1.chunked(body)
    elif request.get("content-length") is not None:
        headers.append(("Content-Length", str(len(body))))
    for pause in (0.05, 0.1, 0.15, 0.2) + (0.25,) * 6:
        try:
            return send(handler, f"{request.method} {request.target} HTTP/1.1", headers, body, request.method)
        except ConnectionRefusedError:
            time.sleep(pause)
    raise Failed("the handler does not listen")


def envelope_of(function, request):
    """The JSON the host's serializer makes."""
    path, _, query = request.target.partition("?")
    headers = {}
    for name, value in request.headers:
        same = next((key for key in headers if key.lower() == name.lower()), name)
        headers.setdefault(same, []).append(value)
    inner = {
        "Url": f"http://{request.get('host')}{request.target}", "Method": request.method,
        "Query": dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), "Headers": headers, "Params": {},
        "Identities": [{"AuthenticationType": None, "IsAuthenticated": False, "Actor": None, "BootstrapContext": None, "Claims": [], "Label": None,
                        "Name": None, "NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"}],
    }
    kind = (request.get("content-type") or "").lower()
    if request.body and not is_chunked(request):
        if kind.startswith("application/octet-stream") or "multipart/" in kind:
            inner["Body"] = base64.b64encode(request.body).decode()
        else:
            inner["Body"] = request.body.decode("utf-8-sig", "replace")
    now = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
    sys = {"MethodName": function.name, "UtcNow": now, "RandGuid": str(uuid.uuid4())}
    metadata = {"Query": json.dumps(inner["Query"]), "Headers": json.dumps(headers), "sys": sys}
    return json.dumps({"Data": {function.input: inner}, "Metadata": metadata}, ensure_ascii=False).encode("utf-8", "replace")


def wrapped(handler, function, request, invocation, chunks):
    """The answer is read out of JSON again."""
    body = envelope_of(function, request)
    headers = [("Host", f"127.0.0.1:{handler.port}"), ("Content-Type", "application/json; charset=utf-8")] + marks(invocation)
    headers.append(("Transfer-Encoding", "chunked") if chunks else ("Content-Length", str(len(body))))
    answer = send(handler, f"POST /{function.name} HTTP/1.1", headers, http1.chunked(body) if chunks else body, "POST")
    if answer.status // 100 != 2:
        raise Failed(f"the handler answered {answer.status}")
    if (answer.get("content-type") or "").split(";")[0].strip() not in ("application/json", "text/json"):
        raise Failed("No MediaTypeFormatter is available to read an object")
    whole = json.loads(answer.body)
    if not isinstance(whole["Logs"], list) or "ReturnValue" not in whole:
        raise Failed("not an answer")
    res = {key.lower(): value for key, value in whole["Outputs"]["res"].items()}
    fields = list(res.get("headers", {}).items())
    return http1.Message("", fields + [("Date", answer.get("Date"))], res["body"].encode()), int(res.get("statuscode", res.get("status")))


def exchange(stream, data, body, expects, method):
    stream.send(data)
    if expects and body:  # .NET waits a second for 100, then sends the body all the same
        if stream.buffer or select.select([stream.sock], [], [], 1)[0]:
            answer = stream.answer(method == "HEAD")
            if answer.status != 100:
                return answer, False
    if body:
        stream.send(body)
    answer = stream.answer(method == "HEAD")
    while answer.status == 100:
        answer = stream.answer(method == "HEAD")
    return answer, (answer.get("connection") or "").lower() != "close"


def send(handler, first, headers, body, method):
    """One request on a kept connection, or on a new one when that has been closed meanwhile."""
    expects = any(name.lower() == "expect" and value.lower() == "100-continue" for name, value in headers)
    while True:
        stream, was_kept = handler.take()
        try:
            answer, keeps = exchange(stream, http1.head_bytes(first, headers), body, expects, method)
        except (http1.Broken, ConnectionError) as error:
            stream.close()
            if was_kept and not isinstance(error, ConnectionRefusedError):
                continue
            raise
        if keeps:
            handler.give(stream)
        else:
            stream.close()
        return answer
