"""Hostile JSON: security JSN-01 to -05 and the issue's "Bad input", on every contract but the original, where contract.json rules."""

import json
import time

import pytest

from machine import took
from shapes import problem, standard
from wire import ask, post

PATHS = ["/v1/token", "/api/v2/sandbox/connection-details"]


def send(service, body, path="/v1/token"):
    begun = time.monotonic()
    answer = ask(service.address, post(path, body))
    assert took(begun) < 1, "no input takes a second"
    return answer


NOT_JSON = {
    "blank": b" ", "garbage": b"hello", "open brace": b"{", "open string": b'{"a', "open member": b'{"a":', "close brace": b"}",
    "trailing comma": b'{"a":1,}', "leading comma": b'{,"a":1}', "two commas": b'{"a":1,,"b":2}', "single quotes": b"{'a':1}",
    "bare name": b"{a:1}", "comment": b'{/*x*/"a":1}', "line comment": b'{"a":1}//x', "hash comment": b'{"a":1}#x', "missing colon": b'{"a" 1}',
    "two colons": b'{"a"::1}', "number name": b"{1:2}", "null name": b"{null:1}", "trailing text": b"{}x", "trailing brace": b"{}}", "two objects": b"{}{}",
    "trailing NUL": b"{}\0", "NUL inside": b'{"a"\0:1}', "BOM": b"\xef\xbb\xbf{}", "UTF-16": "{}".encode("utf-16-le"), "UTF-16 BOM": "{}".encode("utf-16"),
    "NaN": b'{"a":NaN}', "Infinity": b'{"a":Infinity}', "-Infinity": b'{"a":-Infinity}', "undefined": b'{"a":undefined}', "True": b'{"a":True}',
    "leading zero": b'{"a":01}', "double zero": b'{"a":00}', "-00": b'{"a":-00}', "plus": b'{"a":+1}', "lone minus": b'{"a":-}', "point first": b'{"a":.5}',
    "point last": b'{"a":5.}', "empty exponent": b'{"a":1e}', "hex": b'{"a":0x10}', "underscore": b'{"a":1_0}', "1e400": b'{"a":1e400}',
    "-1e400": b'{"a":-1e400}', "400 digits": b'{"a":' + b"9" * 400 + b"}", "raw LF in a string": b'{"a":"x\ny"}', "raw TAB in a string": b'{"a":"x\ty"}',
    "raw NUL in a string": b'{"a":"x\0y"}', "bad escape": b'{"a":"\\x41"}', "short escape": b'{"a":"\\u12"}', "bad hex": b'{"a":"\\u12g4"}',
    "lone high surrogate": b'{"a":"\\ud800"}', "lone low surrogate": b'{"a":"\\udc00"}', "two high": b'{"a":"\\ud800\\ud800"}', "swapped": b'{"a":"\\udc00\\ud800"}',
    "high and text": b'{"a":"\\ud800x"}', "0xFF": b'{"a":"\xff"}', "overlong slash": b'{"a":"\xc0\xaf"}', "overlong NUL": b'{"a":"\xc0\x80"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}', "above U+10FFFF": b'{"a":"\xf4\x90\x80\x80"}', "cut sequence": b'{"a":"\xe2\x82"}', "invalid in a name": b'{"\xff":1}',
    "form feed": b"\x0c{}", "vertical tab": b"\x0b{}", "no-break space": b"\xc2\xa0{}", "null": b"null", "true": b"true", "number": b"1", "string": b'"x"',
    "array": b"[]", "array of an object": b'[{"room_name":"r"}]', "empty string": b'""', "backslash last": b'{"a":"\\"}', "unclosed array": b'{"a":[1}',
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_not_json(service, path, body):
    """JSN-01, JSN-03, JSN-04: 400, no NaN, no echo."""
    answer = send(service, body, path)
    problem(answer, 400, "invalid_request")
    assert "room_name" not in answer.json().get("field", "")


DUPLICATES = {
    "known": b'{"room_name":"a","room_name":"a"}', "known, null": b'{"room_name":"a","room_name":null}', "unknown": b'{"x":1,"x":1}',
    "by an escape": b'{"room_name":"a","room\\u005fname":"b"}', "in an unknown object": b'{"x":{"a":1,"a":2}}', "in an array": b'{"x":[{"a":1,"a":2}]}',
    "attributes": b'{"participant_attributes":{"a":"1","a":"2"}}', "attributes by an escape": b'{"participant_attributes":{"a":"1","\\u0061":"2"}}',
    "room_config": b'{"room_config":{"name":"a","name":"b"}}', "empty names": b'{"":1,"":2}',
}


FIELDS = {"known": "room_name", "known, null": "room_name", "by an escape": "room_name", "attributes": "participant_attributes",
          "attributes by an escape": "participant_attributes", "room_config": "room_config"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", DUPLICATES)
def test_duplicates(service, path, name):
    """JSN-01: duplicate members, compared after unescaping; `field` is the member of the contract that holds them."""
    assert problem(send(service, DUPLICATES[name], path), 400, "invalid_request").get("field") == FIELDS.get(name)


GOOD = {
    "blanks": b' \t\r\n{ "room_name" : "r" }\n ', "escapes": b'{"room\\u005fname":"\\u0072"}', "escaped slash": b'{"room_name":"r","x":"a\\/b"}',
    "surrogate pair": b'{"room_name":"r","x":"\\ud83d\\ude00"}', "unknown of every type": b'{"room_name":"r","a":null,"b":true,"c":1.5e3,"d":[],"e":{},"f":"s"}',
    "big integer": b'{"room_name":"r","x":123456789012345678}', "minus zero": b'{"room_name":"r","x":-0}', "tiny": b'{"room_name":"r","x":1e-5}',
    "__proto__": b'{"room_name":"r","__proto__":{"room_name":"x"},"constructor":1,"":2}', "same names at other depths": b'{"room_name":"r","x":{"room_name":"y"}}',
    "U+FFFD": '{"room_name":"r","x":"\ufffd"}'.encode(), "U+10FFFF": '{"room_name":"r","x":"\U0010ffff"}'.encode(), "DEL": b'{"room_name":"r","x":"\x7f"}',
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
def test_good_json(service, path, body):
    """The yes beside the no. JSN-05 says 400 for unknown members, the design's order of authority says they are ignored."""
    standard(send(service, body, path), "r")


@pytest.mark.parametrize("member", ["room_name", "participant_identity", "participant_name", "participant_metadata"])
def test_nul_in_strings(service, member):
    """issue, Bad input: NUL inside strings is 400 with the field where there is one."""
    body = problem(send(service, b'{"%s":"a\\u0000b"}' % member.encode()), 400)
    assert body["field"] == member, body


def test_nul_in_attributes(service):
    """The same in names and values of attributes."""
    for part in (b'{"a\\u0000":"b"}', b'{"a":"b\\u0000"}'):
        body = problem(send(service, b'{"participant_attributes":%s}' % part), 400)
        assert body["field"].startswith("participant_attributes"), body


def nested(depth, open_=b"[", close=b"]"):
    """An object of that depth, the object itself counted."""
    return b'{"x":' + open_ * (depth - 1) + close * (depth - 1) + b"}"


@pytest.mark.parametrize("depth, status", [(2, 200), (15, 200), (16, 200), (17, 400), (100, 400), (10000, 400), (32000, 400)])
def test_depth(service, depth, status):
    """design §4: depth 16; JSN-02: 10,000 without stack growth."""
    assert send(service, nested(depth)).status == status
    if depth < 9000:
        assert send(service, b'{"x":' * (depth - 1) + b"{}" + b"}" * (depth - 1)).status == status


def test_open_brackets_only(service):
    """JSN-02: never closed."""
    problem(send(service, b"[" * 60000), 400)
    problem(send(service, b'{"x":' * 12000), 400)


def test_number_of_values(service):
    """design §4: at most 4,096 values."""
    assert send(service, b'{"x":[' + b"1," * 4000 + b"1]}").status == 200
    problem(send(service, b'{"x":[' + b"1," * 4100 + b"1]}"), 400)
    problem(send(service, b"[" + b"{}," * 21000 + b"{}]"), 400)
    problem(send(service, b"{" + b",".join(b'"%d":1' % at for at in range(6000)) + b"}"), 400)


def test_large_bodies(service):
    """JSN-02: a 1 MB string or 10^6 members are too large for the door; up to the limit nothing is slow."""
    problem(send(service, b'{"x":"' + b"a" * 1_000_000 + b'"}'), 413, "body_too_large")
    problem(send(service, json.dumps({str(at): 1 for at in range(100_000)}).encode()), 413, "body_too_large")
    assert send(service, b'{"x":"' + b"a" * 10_000 + b'"}').status == 200
    assert send(service, b'{"room_name":"' + b"\\u0061" * 10_000 + b'"}').status == 400


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 400, b"NaN", b"00", b"1e999999999999"])
def test_numbers_where_numbers_count(service, number):
    """JSN-04, in room_config."""
    problem(send(service, b'{"room_config":{"max_participants":%s}}' % number), 400, "invalid_request")


def test_minus_zero_where_numbers_count(service):
    """JSN-04: -0 is zero, which is the default and left out."""
    assert "roomConfig" not in standard(send(service, b'{"room_config":{"max_participants":-0}}'))


def test_every_prefix(service):
    """Every prefix of a valid body is refused (the empty one is `{}`)."""
    body = b'{"room_name":"r","participant_attributes":{"a":"b"},"room_config":{"agents":[{"agent_name":"x"}]}}'
    for length in range(1, len(body)):
        assert send(service, body[:length]).status == 400, body[:length]
    standard(send(service, body), "r")
