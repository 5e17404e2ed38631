"""A home with two champions in turn, a scorecard, and callers who may give orders about models."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import polars as pl
import pytest

from models.bundle import write_bundle
from models.credit.model import CreditModel
from models.credit.points import load_point_scales
from models.credit.scorecard.folder import SCORECARD_FAMILY, scorecard_files
from models.credit.scorecard.learn import learn_scorecard
from models.credit.scorecard.settings import ScorecardSettings
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.database import Database

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

PARTY = {"party_id": "P0000000"}
_STEPS = itertools.count(1)


def make_key(home: Path, name: str, *roles: Role) -> str:
    database = Database(home / "ledger.db")
    database.open()
    _, text = KeyStore(database).create(name, roles, companies=["*"], now=datetime(2026, 11, 1, tzinfo=UTC))
    database.close()
    return text


def write_scorecard(home: Path, features: tuple[str, ...] = ("debt_ratio", "degree")) -> str:
    """Learn a card on made-up rows of the world's features and put it where the service looks for it."""
    rng = np.random.default_rng(3)
    frame = pl.DataFrame({name: rng.normal(size=600) for name in features})
    y = (frame[features[0]].to_numpy() + rng.normal(size=600) > 1).astype(np.float64)
    card = learn_scorecard(
        frame,
        y,
        features=features,
        signs={},
        categorical=[],
        groups=np.arange(600),
        settings=ScorecardSettings(),
        seed=7,
    )
    bundle = write_bundle(
        home / "models" / "scorecard",
        scorecard_files(card, load_point_scales().on(date(2026, 11, 1))),
        family=SCORECARD_FAMILY,
        features=card.features,
        seed=7,
        data_hash="0",
        code_version="test",
    )
    return bundle.manifest.version


@dataclass(frozen=True)
class Operations:
    """A client with keys of those who give orders."""

    client: "Client"
    first: str
    second: str
    scorecard: str
    keys: dict[str, str] = field(default_factory=dict)

    def order(self, who: str, act: str, family: str = "credit", **body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Content_Type": "application/json"}
        given = {"reason": "演练 / drill", **body}
        return self.client.http.post(f"/v1/models/{family}/{act}", json.dumps(given).encode(), **headers)

    def step_down(self, family: str = "credit") -> httpx.Response:
        """Kill for a reason of its own: the same order twice within seconds is one that was sent twice."""
        return self.order("operator", "kill", family, reason=f"演练 {next(_STEPS)} / drill")

    def get(self, path: str, who: str = "operator", **headers: str) -> httpx.Response:
        return self.client.http.get(path, Authorization=f"Bearer {self.keys[who]}", **headers)

    def score(self, **body: object) -> httpx.Response:
        return self.client.score(body or PARTY)


def give_orders(client: "Client", home: Path, *, first: str, second: str, scorecard: str = "") -> Operations:
    """Return the client with keys for an operator, two approvers and an auditor."""
    keys = {
        "operator": make_key(home, "王值班", Role.OPERATOR),
        "approver": make_key(home, "赵审批", Role.APPROVER),
        "trainer": make_key(home, "Chen Trains", Role.APPROVER),
        "auditor": make_key(home, "钱审计", Role.AUDITOR),
    }
    return Operations(client, first, second, scorecard, keys)


@pytest.fixture
def operations(world: "World", make_client: "MakeClient", put_model: Callable[..., str]) -> Operations:
    """The service after its second champion was taken up, with a scorecard beside."""
    card = write_scorecard(world.home)
    client = make_client(world.home, world.officer)
    second = put_model(world.home, seed=8, name="v2")
    client.deployment.parts.refresh()
    return give_orders(client, world.home, first=world.version, second=second, scorecard=card)


@pytest.fixture
def train_model() -> Callable[[int], CreditModel]:
    """Return a function that trains a small model on a seed."""
    from tests.serving.conftest import train

    return lambda seed: train(seed=seed)
