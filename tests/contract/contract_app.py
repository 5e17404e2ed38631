"""The whole application over a prepared group, called in this process with a key of every role and of every reach."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.types import ASGIApp

from models.credit.model import CreditModel
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.http.endpoint import Endpoint
from serving.ledger.database import Database
from serving.settings import ServiceSettings
from serving.wiring import Deployment
from tests.contract.group_data import OURS, THEIRS, put_group
from tests.serving.access.test_tokens import AUDIENCE, ISSUER, RSA_KEY, claims, jwk, sign
from tests.serving.capacity import capacity_world

__all__ = ["GROUP", "SSO", "Caller", "ContractApp", "open_app"]

GROUP: Final = "*"
SSO: Final = "sso"
JSON: Final = "application/json"


@dataclass(frozen=True)
class Caller:
    """A key: its role, the companies it is for, what it writes in Authorization."""

    role: Role
    company: str
    header: str
    name: str
    kind: str = "key"

    def __str__(self) -> str:
        return f"{self.kind} {self.role} of {self.company}"


@dataclass(frozen=True)
class ContractApp:
    """Calls the application; one event loop for all calls, as in a worker."""

    deployment: Deployment
    callers: tuple[Caller, ...]
    runner: asyncio.Runner
    client: httpx.AsyncClient

    @property
    def app(self) -> ASGIApp:
        return self.deployment.app

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        found: tuple[Endpoint, ...] = self.deployment.app.inner.state.endpoints
        return found

    def caller(self, role: Role, company: str, kind: str = "key") -> Caller:
        """Return the caller of a role and of a company."""
        return next(c for c in self.callers if (c.role, c.company, c.kind) == (role, company, kind))

    def send(
        self, method: str, path: str, caller: Caller | None = None, body: object = None, **headers: str
    ) -> httpx.Response:
        """Send a request; a body that is not bytes goes as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = (
            {"Accept-Language": "en"}
            if caller is None
            else {"Accept-Language": "en", "Authorization": caller.header}
        )
        content = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
        if content is not None:
            given["Content-Type"] = JSON
        return self.request(method, path, {**given, **named}, content)

    def request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> httpx.Response:
        """Send a request as it is."""
        return self.runner.run(self.client.request(method, url, headers=dict(headers), content=content))

    def done(
        self, method: str, path: str, caller: Caller, body: object = None, **headers: str
    ) -> dict[str, Any]:
        """Send a request that is answered."""
        answer = self.send(method, path, caller, body, **headers)
        assert answer.status_code in (200, 202), f"{method} {path} {caller}: {answer.text[:800]}"
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, job_id: str, caller: Caller) -> dict[str, Any]:
        """Poll a job until it has ended."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = self.done("GET", f"/v1/jobs/{job_id}", caller)
            if found["state"] not in ("queued", "running"):
                return found
            time.sleep(0.02)
        raise AssertionError(f"job {job_id} did not end")


@contextmanager
def open_app(home: Path, model: CreditModel, **settings: object) -> Iterator[ContractApp]:
    """Prepare a group and open the application over it."""
    put_group(home, model)
    jwks = home / "jwks.json"
    jwks.write_text(json.dumps({"keys": [jwk(RSA_KEY, "k1", alg="RS256")]}))
    callers = (*_keys(home), *_tokens())
    given = {"home": home, "ledger_wait_seconds": 2.0, "book_now_rows": 3, "stale_after_days": 100_000, "sso_jwks": jwks,
             "sso_issuer": ISSUER, "sso_audience": AUDIENCE, "key_requests_per_minute": 1_000_000, **settings}  # fmt: skip
    deployment = Deployment(ServiceSettings.model_validate(given))
    deployment.start()
    deployment.parts.demand.clock = lambda: capacity_world.NOW
    deployment.parts.capacity.desk.clock = lambda: capacity_world.NOW
    runner = asyncio.Runner()
    transport = httpx.ASGITransport(deployment.app)
    client = httpx.AsyncClient(transport=transport, base_url="http://service")
    try:
        yield ContractApp(deployment, callers, runner, client)
    finally:
        runner.run(client.aclose())
        runner.close()
        deployment.stop()


def _keys(home: Path) -> list[Caller]:
    database = Database(home / "ledger.db")
    database.open()
    keys, now = KeyStore(database), datetime.now(UTC)
    made = []
    for role in Role:
        for company in (GROUP, OURS, THEIRS):
            name = f"QX7{role}" if company == THEIRS else f"{role} of {company}"
            _, text = keys.create(name, [role], companies=[company], now=now)
            made.append(Caller(role, company, f"Bearer {text}", name))
    database.close()
    return made


def _tokens() -> list[Caller]:
    """Return a token for each role and reach, from the group's single sign-on; valid for as long as tests may take."""
    expires = int(time.time()) + 3600
    return [
        Caller(
            role,
            company,
            sign(claims(sub=f"{role}-{company}", roles=[role.value], companies=[company], exp=expires)),
            f"{role}-{company}",
            SSO,
        )
        for role in Role
        for company in (GROUP, OURS)
    ]
