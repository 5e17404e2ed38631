"""The application over an empty home, called as a server would, also with what no client library would send."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.http.endpoint import Endpoint
from serving.ledger.database import Database
from serving.settings import ServiceSettings
from serving.wiring import Deployment
from tests.serving.capacity.capacity_world import NOW

__all__ = ["BareApp", "Reply", "open_bare"]

Headers = Iterable[tuple[str, str]]


@dataclass
class Reply:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces: list[int] = field(default_factory=list)
    read: int = 0

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def slug(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["type"]).rpartition(":")[2]


@dataclass(frozen=True)
class BareApp:
    deployment: Deployment
    keys: dict[Role, str]

    @property
    def app(self) -> ASGIApp:
        return self.deployment.app

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        found: Sequence[Endpoint] = self.deployment.app.inner.state.endpoints
        return found

    def key_for(self, endpoint: Endpoint) -> str:
        return self.keys[min(endpoint.roles)]

    def post(self, endpoint: Endpoint, body: bytes | AsyncIterator[bytes], **headers: str) -> Reply:
        """Send a body to an endpoint with a key that may; `headers` replace those that go along."""
        usual = {"authorization": f"Bearer {self.key_for(endpoint)}", "content-type": "application/json"}
        named = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", filled(endpoint.path), named.items(), body)

    def call(
        self,
        method: str,
        path: str,
        headers: Headers = (),
        body: bytes | AsyncIterator[bytes] = b"",
        query: str = "",
    ) -> Reply:
        return asyncio.run(_call(self.app, _scope(method, path, query, headers, body), body))


def filled(path: str) -> str:
    """Put something in every place of an address."""
    parts = [
        "credit" if part == "{family}" else "x1" if part.startswith("{") else part for part in path.split("/")
    ]
    return "/".join(parts)


def open_bare(home: Path, **settings: object) -> BareApp:
    database = Database(home / "ledger.db")
    database.open()
    keys = {role: KeyStore(database).create("t", [role], companies=["*"], now=NOW)[1] for role in Role}
    database.close()
    given = {"home": home, "ledger_wait_seconds": 0.5, **settings}
    deployment = Deployment(ServiceSettings.model_validate(given))
    deployment.start()
    return BareApp(deployment, keys)


def _scope(method: str, path: str, query: str, headers: Headers, body: object) -> dict[str, Any]:
    listed = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    names = {name for name, _ in listed}
    if isinstance(body, bytes) and body and b"content-length" not in names:
        listed.append((b"content-length", str(len(body)).encode()))
    elif not isinstance(body, bytes):
        listed.append((b"transfer-encoding", b"chunked"))
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": listed,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip


async def _call(app: ASGIApp, scope: dict[str, Any], body: bytes | AsyncIterator[bytes]) -> Reply:
    reply = Reply()
    chunks = _chunks(body)

    async def receive() -> Message:
        chunk = await anext(chunks, None)
        if chunk is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        reply.read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            reply.body += message.get("body", b"")
            reply.pieces.append(len(message.get("body", b"")))

    await app(scope, receive, send)
    return reply


async def _chunks(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk
