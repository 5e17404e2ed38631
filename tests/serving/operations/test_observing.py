"""Every request has its ids, is measured once, and is told of without what it carried."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from serving.operations.observing import UNMATCHED, Observing, Seen

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def party(request: Request) -> Response:
    request.state.key_id, request.state.problem = "k1", "outside_scope"
    return PlainTextResponse(f"{request.state.request_id} {request.state.trace_id}", 403)


async def fail(_request: Request) -> Response:
    raise RuntimeError("inside")


class Told:
    def __init__(self) -> None:
        self.seen: list[Seen] = []
        routes = [Route("/v1/parties/{party_id}", party), Route("/fail", fail)]
        ticks = iter(range(1000))
        self.app = Observing(Starlette(routes=routes), self.seen.append, timer=lambda: float(next(ticks)))

    def get(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(call())


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_request_is_told_by_its_route_template(told: Told) -> None:
    answer = told.get(
        "/v1/parties/P0000001?name=secret", headers={"traceparent": TRACEPARENT, "X-Request-ID": "call-0001"}
    )
    assert told.seen == [
        Seen("/v1/parties/{party_id}", "GET", 403, 1.0, "call-0001", TRACEPARENT[3:35], "k1", "outside_scope")
    ]
    assert answer.text == f"call-0001 {TRACEPARENT[3:35]}"


def test_an_answer_carries_the_trace_and_the_request_id(told: Told) -> None:
    headers = told.get("/v1/parties/P1", headers={"traceparent": TRACEPARENT}).headers
    assert headers["traceparent"][:36] == TRACEPARENT[:36]
    assert headers["traceparent"][36:52] != TRACEPARENT[36:52]
    assert headers["x-request-id"] == told.seen[0].request_id


def test_a_request_id_that_is_none_is_replaced(told: Told) -> None:
    told.get("/v1/parties/P1", headers={"X-Request-ID": "a name; of somebody"})
    assert len(told.seen[0].request_id) == 32


@pytest.mark.parametrize(("path", "method"), [("/v1/unknown/P0000001", "GET"), ("/v1", "BREW")])
def test_an_unknown_address_or_method_makes_no_label_of_its_own(told: Told, path: str, method: str) -> None:
    told.get(path, method)
    assert told.seen[0].route == UNMATCHED
    assert told.seen[0].method in ("GET", "OTHER")
    assert told.seen[0].status == 404


def test_a_failure_of_the_application_is_told_as_500(told: Told) -> None:
    assert told.get("/fail").status_code == 500
    assert told.seen[0][:3] == ("/fail", "GET", 500)


def test_a_caller_that_went_away_before_the_answer_is_told_as_gone() -> None:
    seen: list[Seen] = []

    async def wait(_request: Request) -> Response:
        await asyncio.sleep(3600)
        raise AssertionError

    app = Observing(Starlette(routes=[Route("/wait", wait)]), seen.append)

    async def leave() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            task = asyncio.create_task(client.get("/wait"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(leave())
    assert [(one.route, one.status) for one in seen] == [("/wait", 499)]
