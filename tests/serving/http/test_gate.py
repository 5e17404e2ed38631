"""Before the routes: addresses, headers, methods, and readers that do not read."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from serving.http.gate import Gate, GateLimits
from tests.serving.http.bare_app import BareApp, open_bare

LIMITS = GateLimits(query_bytes=1000, header_bytes=1000, write_seconds=0.05, linger_seconds=0.05)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApp]:
    home: Path = tmp_path_factory.mktemp("gate")
    opened = open_bare(home)
    yield opened
    opened.deployment.stop()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../etc/passwd", "/v1/%2e%2e/x", "/..", "/v1/./x", "/v1/capacity/plans/a%2Fb", "/v1/a%5Cb", "/v1/a\\b",
        "//v1", "/v1//x", "/v1/%00", "/v1/%0d%0aX", "/v1/x%7f",
    ],
)  # fmt: skip
def test_addresses_that_readers_take_differently_are_refused(bare: BareApp, path: str) -> None:
    reply = bare.call("GET", path)
    assert (reply.status, reply.slug) == (400, "address-form")
    assert "request_id" in reply.json


@pytest.mark.parametrize("path", ["/v1/a.b", "/v1/..a", "/v1/a..", "/v1/%E6%99%BA", "/v1/%25"])
def test_addresses_that_only_look_odd_are_looked_up(bare: BareApp, path: str) -> None:
    assert bare.call("GET", path).slug == "route-not-found"


def test_long_addresses_queries_and_headers_are_refused(bare: BareApp) -> None:
    for reply in (
        bare.call("GET", "/v1/" + "x" * 10_000),
        bare.call("GET", "/healthz", query="a=" + "x" * 10_000),
        bare.call("GET", "/healthz", [("x-long", "y" * 40_000)]),
        bare.call("GET", "/healthz", [(f"x-{number}", "y") for number in range(10_000)]),
    ):
        assert (reply.status, reply.slug) == (431, "headers-too-large")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "NONSENSE"])
def test_methods_that_no_route_takes_are_refused_with_those_it_takes(bare: BareApp, method: str) -> None:
    for endpoint in bare.endpoints:
        reply = bare.call(method, endpoint.path.replace("{", "").replace("}", ""))
        assert (reply.status, reply.slug) == (405, "method-not-allowed"), endpoint.path
        assert endpoint.method in reply.headers["allow"]


def test_head_is_answered_where_get_is(bare: BareApp) -> None:
    assert bare.call("HEAD", "/healthz").status == 200


def test_no_page_of_another_origin_may_call(bare: BareApp) -> None:
    reply = bare.call("GET", "/healthz", [("origin", "https://evil.example")])
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_every_answer_of_the_gate_has_ids(bare: BareApp) -> None:
    reply = bare.call("GET", "/v1/../x", [("x-request-id", "core-system-1")])
    assert reply.headers["x-request-id"] == "core-system-1"
    assert reply.json["request_id"] == "core-system-1"


def answer(_error: Exception, _request: Request) -> Response:
    return Response("no", 400)


def scope(*headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": list(headers)}


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def whole(_scope: Scope, _receive: Receive, send: Send) -> None:
    await Response(b"x" * 1_000_000)(_scope, _receive, send)


def test_large_answers_are_given_in_pieces() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Gate(whole, limits=LIMITS, answer=answer)(scope(), nothing, send))
    bodies = [message for message in sent if message["type"] == "http.response.body"]
    assert b"".join(message["body"] for message in bodies) == b"x" * 1_000_000
    assert max(len(message["body"]) for message in bodies) == 65_536
    assert [message["more_body"] for message in bodies] == [True] * (len(bodies) - 1) + [False]


def test_a_reader_that_takes_nothing_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    taken: list[int] = []

    async def stuck(message: Message) -> None:
        if len(taken) == 3:
            await asyncio.sleep(3600)
        taken.append(len(message.get("body", b"")))

    with caplog.at_level(logging.WARNING):
        asyncio.run(Gate(whole, limits=LIMITS, answer=answer)(scope(), nothing, stuck))
    assert sum(taken) <= 2 * 65_536
    assert "given up" in caplog.text


async def refuses(_scope: Scope, receive: Receive, send: Send) -> None:
    await Response("too large", 413)(_scope, receive, send)


@pytest.mark.parametrize(("expects", "read"), [(False, 5), (True, 0)])
def test_a_refusal_lingers_over_what_is_still_sent_unless_the_sender_waits(expects: bool, read: int) -> None:
    taken, sent = [0], list[Message]()

    async def receive() -> Message:
        taken[0] += 1
        return {"type": "http.request", "body": b"x", "more_body": taken[0] < 5}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-length", b"5"), *([(b"expect", b"100-continue")] if expects else [])]
    asyncio.run(Gate(refuses, limits=LIMITS, answer=answer)(scope(*headers), receive, send))
    assert taken[0] == read
    assert (b"connection", b"close") in sent[0]["headers"]
    assert [message["more_body"] for message in sent[1:]] == [True, False]


def test_lingering_ends_though_the_sender_does_not() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(
        Gate(refuses, limits=LIMITS, answer=answer)(scope((b"transfer-encoding", b"chunked")), receive, send)
    )
    assert sent[-1]["more_body"] is False
