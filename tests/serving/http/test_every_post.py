"""What every address that takes a body does with bodies that are none: a named fault each, taken from the app's own table."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.http.endpoint import JSON, Endpoint
from serving.http.examples import example_of
from tests.serving.http.bare_app import BareApp, Reply, filled, open_bare

LIMIT = 3_000_000
HUGE = "1" + "0" * 5000


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApp]:
    home: Path = tmp_path_factory.mktemp("bare")
    opened = open_bare(
        home, body_limit_bytes=LIMIT, payload_body_limit_bytes=LIMIT, body_seconds=0.5, watch_refusals=10_000
    )
    yield opened
    opened.deployment.stop()


def takers(bare: BareApp) -> list[Endpoint]:
    """Return the endpoints that take JSON; there are some, or every test here would pass for nothing."""
    found = [one for one in bare.endpoints if one.request is not None and JSON in one.consumes]
    assert len(found) >= 10
    return found


def said(reply: Reply) -> str:
    return f"{reply.status} {reply.slug}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", "400 malformed-json", id="nothing"),
        pytest.param(b"{", "400 malformed-json", id="unclosed"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "400 malformed-json", id="byte order mark"),
        pytest.param(b'{"a": "\xff\xfe"}', "400 malformed-json", id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), "400 malformed-json", id="UTF-16"),
        pytest.param(b"[" * 100_000, "400 malformed-json", id="100,000 brackets"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "400 malformed-json", id="100,000 brackets, closed"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "400 malformed-json", id="100,000 objects"),
        pytest.param(b'{"a": "' + b'\\"' * 400_000, "400 malformed-json", id="an endless text of quotes"),
        pytest.param(b"[]", "422 invalid-request", id="a list"),
        pytest.param(b"null", "422 invalid-request", id="null"),
        pytest.param(b'"text"', "422 invalid-request", id="a text"),
        pytest.param(b'{"no_such_field": 1}', "422 invalid-request", id="unknown field"),
        pytest.param(b'{"no_such_field": NaN}', "422 invalid-request", id="NaN"),
        pytest.param(b'{"no_such_field": 1e400}', "422 invalid-request", id="beyond a double"),
        pytest.param(f'{{"no_such_field": {HUGE}}}'.encode(), "4", id="5,000 digits"),
        pytest.param(f"{HUGE}".encode(), "4", id="5,000 digits alone"),
        pytest.param(b'{"\\ud800": "\\udfff"}', "422 invalid-request", id="half a character"),
    ],
)
def test_bodies_that_are_none_are_named(bare: BareApp, body: bytes, expected: str) -> None:
    wrong = {
        one.path: found
        for one in takers(bare)
        if not (found := said(bare.post(one, body))).startswith(expected)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content_type": "text/plain"}, "415 media-type"),
        ({"content_type": ""}, "415 media-type"),
        ({"content_type": "application/json; charset=gbk"}, "415 media-type"),
        ({"content_encoding": "gzip"}, "415 encoded-body"),
        ({"content_encoding": "br"}, "415 encoded-body"),
        ({"content_length": str(1 << 30)}, "413 body-too-large"),
        ({"content_length": "9" * 5000}, "413 body-too-large"),
    ],
)
def test_bodies_announced_as_what_is_not_taken_are_refused(
    bare: BareApp, headers: dict[str, str], expected: str
) -> None:
    wrong = {
        one.path: found
        for one in takers(bare)
        if (found := said(bare.post(one, b"{}", **headers))) != expected
    }
    if "gzip" in headers.values() or "br" in headers.values():
        assert wrong == {}
    else:  # a book may be of other kinds, and larger
        several = {one.path for one in takers(bare) if len(one.consumes) > 1}
        assert set(wrong) <= several


def test_a_body_without_end_is_cut_off_and_the_connection_closed(bare: BareApp) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536
            await asyncio.sleep(0)

    for one in takers(bare):
        if len(one.consumes) == 1:
            reply = bare.post(one, _first(endless(), 100))
            assert said(reply) == "413 body-too-large", one.path
            assert reply.headers["connection"] == "close"


async def _first(source: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await anext(source)


def test_a_body_that_trickles_in_is_cut_off(bare: BareApp) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1.2)
        yield b"}"

    one = next(one for one in takers(bare) if one.path == "/v1/credit/score")
    reply = bare.post(one, trickle())
    assert said(reply) == "408 slow-body"
    assert reply.headers["connection"] == "close"
    assert "0.5" in reply.json["detail"]


@pytest.mark.parametrize(
    ("language", "sign"),
    [("en", "Send"), ("zh", "请"), ("fr", "请"), ("", "请"), ("en;q=0.1, zh;q=0.9", "请")],
)
def test_every_fault_is_said_in_the_callers_language(bare: BareApp, language: str, sign: str) -> None:
    for one in takers(bare):
        reply = bare.post(one, b"{}", content_encoding="gzip", accept_language=language)
        assert sign in reply.json["detail"], one.path


def test_no_key_is_said_before_any_body_is_read(bare: BareApp) -> None:
    for one in takers(bare):
        reply = bare.post(one, b"[" * 1000, authorization="Bearer nothing")
        assert said(reply) == "401 unauthorized", one.path
        assert reply.headers["www-authenticate"].startswith("Bearer")


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value that is no list and no object."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from leaves(part, (*path, place))
    else:
        yield path


def replaced(value: object, path: tuple[str | int, ...], text: str) -> bytes:
    """Write a request with the value at a place replaced by a piece of JSON."""
    mark = "\u2603mark"
    copy: Any = json.loads(json.dumps(value))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = mark
    return json.dumps(copy, ensure_ascii=False).replace(f'"{mark}"', text).encode()


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e400", HUGE, '"\\ud800"', "[[[]]]", '{"a": {}}'])
def test_every_field_of_every_request_refuses_what_is_no_value(bare: BareApp, text: str) -> None:
    wrong: dict[str, str] = {}
    for one in takers(bare):
        assert one.request is not None
        example = example_of(one.request)
        for path in leaves(example):
            reply = bare.post(one, replaced(example, path, text))
            if reply.status not in (400, 422):
                wrong[f"{one.path} {path}"] = f"{reply.status}"
    assert wrong == {}


def test_numbers_as_text_are_refused_in_every_field(bare: BareApp) -> None:
    wrong: dict[str, str] = {}
    for one in takers(bare):
        assert one.request is not None
        example = example_of(one.request)
        for path in leaves(example):
            value: Any = example
            for step in path:
                value = value[step]
            if isinstance(value, int | float) and not isinstance(value, bool):
                reply = bare.post(one, replaced(example, path, f'"{value}"'))
                if reply.status != 422:
                    wrong[f"{one.path} {path}"] = f"{reply.status}"
    assert wrong == {}


def test_a_file_has_its_own_time_to_arrive(tmp_path: Path) -> None:
    """The answer's deadline begins when the file is here."""
    opened = open_bare(
        tmp_path, forecast_deadline_seconds=0.6, deadline_seconds=0.6, book_upload_seconds=20.0
    )

    async def slowly() -> AsyncIterator[bytes]:
        yield b"party_id\n"
        await asyncio.sleep(1.2)
        yield b"P0000001\n"

    try:
        book = next(
            one for one in opened.endpoints if one.path == "/v1/credit/scores" and one.method == "POST"
        )
        reply = opened.post(book, slowly(), content_type="text/csv")
    finally:
        opened.deployment.stop()
    assert reply.slug not in ("deadline", "slow-body"), "there is no model here, and that is what is said"
    assert reply.read == 18


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('"a\\u0000b"', "nul_character"),
        ('[["a\\u0000b"]]', "nul_character"),
        ('"a\\ud800b"', "half_character"),
        ('"\\udc00"', "half_character"),
    ],
)
def test_no_text_of_any_request_holds_what_cannot_be_kept(bare: BareApp, text: str, rule: str) -> None:
    named, wrong = set[str](), dict[str, str]()
    for one in takers(bare):
        assert one.request is not None
        example = example_of(one.request)
        for path in leaves(example):
            reply = bare.post(one, replaced(example, path, text), accept_language="en")
            told = {error["rule"]: error for error in reply.json.get("errors", ())}
            if reply.status != 422:
                wrong[f"{one.path} {path}"] = said(reply)
            elif rule in told:
                assert "remove it" in told[rule]["message"] or "correct its encoding" in told[rule]["message"]
                named.add(f"{one.path} {told[rule]['field']}")
    assert wrong == {}
    if not text.startswith("["):
        fields = {"reason", "ground", "note", "comment"}
        assert {field for _, field in map(str.split, named)} >= fields & _text_fields(bare)


def _text_fields(bare: BareApp) -> set[str]:
    examples = [example_of(one.request) for one in takers(bare) if one.request is not None]
    return {str(path[-1]) for example in examples for path in leaves(example)}


def test_no_text_of_a_query_holds_nul(bare: BareApp) -> None:
    asked = [one for one in bare.endpoints if one.query is not None and one.method == "GET"]
    assert len(asked) >= 10
    for one in asked:
        assert one.query is not None
        name = next(iter(one.query.model_fields), "x")
        headers = [("authorization", f"Bearer {bare.key_for(one)}"), ("accept-language", "en")]
        reply = bare.call("GET", filled(one.path), headers, query=f"{name}=a%00b")
        assert (said(reply), reply.json["errors"][0]["rule"]) == ("422 invalid-request", "nul_character"), (
            one.path
        )
