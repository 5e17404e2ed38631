"""A small trained model with features on disk, the application over it, and the real service over HTTP."""

import asyncio
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest
from starlette.types import ASGIApp

from features.credit.neighbour_scores import SCORE_FEATURES
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design, train_boosters
from models.credit.calibration.fit import fit_affine
from models.credit.grade import group_master_scale
from models.credit.model import FAMILY, CreditModel
from models.credit.rules.facts import FACT_UNITS, FactUnit
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.database import Database
from serving.settings import ServiceSettings
from serving.wiring import Deployment
from tests.serving.capacity import capacity_world
from tests.serving.databases import (  # noqa: F401 - fixtures
    empty_place,
    filled,
    opened_database,
    place,
    server,
)
from tests.serving.demand.demand_world import ISSUED, NOW, DemandClient, make_planner, make_run, publish
from tests.serving.review.review_world import START, Office, make_keys

FEATURES = ("age_of_firm", "debt_ratio", "lawsuits", "overdue_days", "guaranteed_amount", "degree")
AS_OF = date(2026, 10, 31)
GRAPH_SHA256 = "67" * 32
PARTIES = 60
NEVER_STALE = 100_000  # the data is of a fixed day, whatever the day of the test
# Party 4 is in default, party 5 has no live exposure.
STANDINGS = ["in_default" if i == 4 else "no_live_exposure" if i == 5 else "at_risk" for i in range(PARTIES)]


def train(features: tuple[str, ...] = FEATURES, *, seed: int = 7) -> CreditModel:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, len(features)))
    x[rng.random(x.shape) < 0.1] = np.nan
    y = (np.nan_to_num(x[:, 1]) + rng.normal(size=400) > 1).astype(np.float64)
    settings = BoosterSettings(rounds=15, bags=2, num_leaves=7)
    boosters = train_boosters(Design(x, y, features), settings=settings, seed=seed, num_threads=1)
    return CreditModel(features, boosters, fit_affine(boosters.raw(x), y), group_master_scale())


def write_model(home: Path, model: CreditModel, name: str = "v1") -> str:
    folder = home / "models" / "credit" / name
    bundle = write_bundle(
        folder,
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=7,
        data_hash="0",
        code_version="test",
    )
    pointer = {"version": bundle.manifest.version, "folder": name}
    (folder.parent / "champion.json").write_text(json.dumps(pointer))
    return bundle.manifest.version


def write_features(home: Path, features: tuple[str, ...] = FEATURES, *, seed: int = 11) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    folder = home / "features"
    folder.mkdir(parents=True, exist_ok=True)
    values = {name: rng.normal(size=PARTIES) for name in features}
    frame = pl.DataFrame(
        {
            "party_id": [f"P{i:07d}" for i in range(PARTIES)],
            "as_of": [AS_OF] * PARTIES,
            "standing": STANDINGS,
            **values,
        }
    )
    # Party 1 has no debt_ratio, party 2 has one feature only, party 3 none at all.
    row = pl.int_range(pl.len())
    frame = frame.with_columns(
        pl.when(
            (row == 3)
            | ((row == 2) & (pl.lit(name) != "degree"))
            | ((row == 1) & (pl.lit(name) == "debt_ratio"))
        )
        .then(None)
        .otherwise(pl.col(name))
        .alias(name)
        for name in features
    )
    frame.write_parquet(folder / "credit_latest.parquet")
    sidecar = {
        "data_as_of": str(AS_OF),
        "graph_as_of": str(AS_OF),
        "graph_sha256": GRAPH_SHA256,
        "features": list(features),
    }
    (folder / "credit_latest.json").write_text(json.dumps(sidecar))
    return frame


def harmless(party_id: str) -> dict[str, object]:
    """Return facts that break no rule, whatever the day of the test."""
    values: dict[FactUnit, object] = {FactUnit.FLAG: False, FactUnit.CNY: 1.0, FactUnit.RATIO: 0.01}
    facts = {name: values.get(unit, 0) for name, unit in FACT_UNITS.items() if unit is not FactUnit.TEXT}
    exact = {"guarantees_beyond_net_assets": 0.0, "circle_members": 1, "limit_uses": []}
    return (
        {"party_id": party_id, "as_of": datetime.now().astimezone().date(), "kind": "company"} | facts | exact
    )


def write_book(home: Path, version: str, **changes: object) -> pl.DataFrame:
    """Write what answers need beside the features; `changes` replace facts of party 6, and of party 7 nothing is known."""
    ids = [f"P{i:07d}" for i in range(PARTIES)]
    facts = [harmless(party) | (changes if party == "P0000006" else {}) for party in ids]
    path = {
        "channel": "guaranteed", "end_id": "P0000009", "parties": ["P0000008", "P0000009"],
        "text_zh": "为已违约的 P0000009 担保", "text_en": "it guarantees P0000009, which is in default",
        "path": [{"edge_id": "E1", "src": "P0000008", "dst": "P0000009", "kind": "guarantees", "share": None, "amount": 5e6, "role": None,
                  "valid_from": AS_OF, "valid_to": None, "known_at": AS_OF}],
    }  # fmt: skip
    frame = pl.DataFrame(
        {
            "party_id": ids,
            "as_of": [AS_OF] * PARTIES,
            "model_version": [version] * PARTIES,
            **{name: [0.1] * PARTIES for name in SCORE_FEATURES},
            "facts": [None if party == "P0000007" else fact for party, fact in zip(ids, facts, strict=True)],
            "carriers": [[path] if party == "P0000008" else None for party in ids],
            "lines": [None if party == "P0000005" else ["leasing"] for party in ids],
            "pooled": [{"pd": 0.03, "pd_low": 0.02, "pd_high": 0.05, "segment": "company"}] * PARTIES,
        },
        infer_schema_length=None,
    )
    frame.write_parquet(home / "features" / "credit_book.parquet")
    return frame


@pytest.fixture(scope="session")
def put_book() -> Callable[..., pl.DataFrame]:
    """Return a function that writes the book."""
    return write_book


@pytest.fixture(scope="session")
def put_model() -> Callable[..., str]:
    """Return a function that trains a model and makes it champion."""

    def put(home: Path, *, features: tuple[str, ...] = FEATURES, seed: int = 7, name: str) -> str:
        return write_model(home, train(features, seed=seed), name)

    return put


@pytest.fixture(scope="session")
def write_champion() -> Callable[..., str]:
    """Return a function that makes a given model champion."""
    return write_model


@pytest.fixture(scope="session")
def put_features() -> Callable[..., pl.DataFrame]:
    """Return a function that writes the newest features."""
    return write_features


def make_key(home: Path, *roles: Role) -> str:
    database = Database(home / "ledger.db")
    database.open()
    now = datetime(2026, 11, 1, tzinfo=UTC)
    _, text = KeyStore(database).create("test", roles, companies=["*"], now=now)
    database.close()
    return text


@dataclass(frozen=True)
class World:
    home: Path
    officer: str
    planner: str
    version: str


@pytest.fixture(scope="session")
def model() -> CreditModel:
    return train()


@pytest.fixture
def world(tmp_path: Path, model: CreditModel) -> World:
    return build_world(tmp_path, model)


def build_world(home: Path, model: CreditModel) -> World:
    version = write_model(home, model)
    write_features(home)
    write_book(home, version)
    return World(home, make_key(home, Role.RISK_OFFICER), make_key(home, Role.PLANNER), version)


@pytest.fixture(scope="session")
def make_world(model: CreditModel) -> Callable[[Path], World]:
    """Return a function that prepares a home."""
    return lambda home: build_world(home, model)


@dataclass(frozen=True)
class Http:
    """Calls the application in this process; Starlette's own test client wants a package that we do not need."""

    app: ASGIApp

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._call("GET", path, b"", headers)

    def post(self, path: str, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
        return self._call("POST", path, content, headers)

    def _call(
        self, method: str, path: str, content: bytes | AsyncIterator[bytes], headers: Mapping[str, str]
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, content=content, headers=named)

        return asyncio.run(call())


@dataclass(frozen=True)
class Client:
    """The application without BentoML, and what it is made of."""

    http: Http
    deployment: Deployment
    key: str

    def score(self, body: object, **headers: str) -> httpx.Response:
        return self.send(json.dumps(body).encode(), **headers)

    def send(self, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.key}", "Content_Type": "application/json", **headers}
        return self.http.post("/v1/credit/score", content, **given)


MakeClient = Callable[..., Client]


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    started: list[Deployment] = []

    def make(home: Path, key: str, **settings: float) -> Client:
        # A machine that is busy with other tests is no reason for 504.
        given = {
            "home": home,
            "ledger_wait_seconds": 0.2,
            "deadline_seconds": 30,
            "stale_after_days": NEVER_STALE,
            **settings,
        }
        deployment = Deployment(ServiceSettings.model_validate(given))
        deployment.start()
        started.append(deployment)
        return Client(Http(deployment.app), deployment, key)

    yield make
    for deployment in started:
        deployment.stop()


@pytest.fixture
def client(world: World, make_client: MakeClient) -> Client:
    return make_client(world.home, world.officer)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True)
class Service:
    """The real service: BentoML with a worker process, on a loopback port."""

    world: World
    port: int
    log: Path
    process: "subprocess.Popen[bytes]"
    certificate: Path | None = None

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = self._connection()
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read().decode())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.certificate is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        trusted = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trusted)

    def score(self, body: object, **headers: str) -> Answer:
        given = {
            "Authorization": f"Bearer {self.world.officer}",
            "Content_Type": "application/json",
            "Accept_Language": "en",
            **headers,
        }
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", "/v1/credit/score", raw, **given)


StartService = Callable[..., AbstractContextManager[Service]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def starting(
    world: World, *, certificate: Path | None = None, until: str = "/readyz", **settings: str
) -> Iterator[Service]:
    """Start the real service on a home, with more settings from the environment; over HTTPS where it has a certificate.

    It has started when the address `until` answers 200.
    """
    home, port = world.home, free_port()
    start = (
        "from pathlib import Path; from serving.launch import serve; "
        f"serve(home=Path({str(home)!r}), host='127.0.0.1', port={port}, lang='zh')"
    )
    environment = {
        **os.environ,
        "ZHIHENG_LEDGER_WAIT_SECONDS": "0.3",
        "ZHIHENG_REFRESH_SECONDS": "0.2",
        "ZHIHENG_BODY_LIMIT_BYTES": "20000",
        "ZHIHENG_STALE_AFTER_DAYS": str(NEVER_STALE),
        **settings,
    }
    log = home / "service.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # its own group, so that ending it takes its workers along
        )
    started = Service(world, port, log, process, certificate)
    try:
        wait_ready(started, until)
        yield started
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


@pytest.fixture(scope="session")
def start_service() -> StartService:
    """Return a context manager that starts the real service with settings of its own."""
    return starting


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[Service]:
    with starting(build_world(tmp_path_factory.mktemp("service"), model)) as started:
        yield started


def wait_ready(service: Service, path: str = "/readyz") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and service.process.poll() is None:
        try:
            if service.call("GET", path).status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the service did not become ready:\n{service.log.read_text()}")


@pytest.fixture
def planning(tmp_path: Path, make_client: MakeClient) -> DemandClient:
    """The application over one published run, without any credit model."""
    publish(tmp_path, make_run(date(2026, 10, 1), issued_at=ISSUED))
    return open_planning(tmp_path, make_client)


def open_planning(home: Path, make_client: MakeClient, **settings: float) -> DemandClient:
    group, org07 = make_planner(home, "*"), make_planner(home, "ORG-07", name="李计划")
    opened = DemandClient(make_client(home, group, **settings), group, org07)
    opened.at(NOW)
    return opened


@pytest.fixture
def plant(tmp_path: Path, make_client: MakeClient) -> capacity_world.CapacityClient:
    """The application over one published run of capacity."""
    capacity_world.publish(tmp_path, capacity_world.make_run())
    return open_plant(tmp_path, make_client)


def open_plant(home: Path, make_client: MakeClient, **settings: float) -> capacity_world.CapacityClient:
    group = make_planner(home, "*")
    org07, org08 = (make_planner(home, org, name="李计划") for org in ("ORG-07", "ORG-08"))
    opened = capacity_world.CapacityClient(make_client(home, group, **settings), group, org07, org08)
    opened.at(capacity_world.NOW)
    return opened


@pytest.fixture
def office(world: World, make_client: MakeClient) -> Office:
    """The application with a key for each of those who have a hand in an override or an appeal."""
    keys = make_keys(world.home)
    opened = Office(make_client(world.home, keys["officer"]), keys)
    opened.at(START)
    return opened
