"""The application over a small model, with a key for each of those who have a hand in an override or an appeal."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.database import Database

if TYPE_CHECKING:
    from tests.serving.conftest import Client

PEOPLE = {
    "officer": ("钱经办", Role.RISK_OFFICER, "*"),
    "second": ("孙经办", Role.RISK_OFFICER, "*"),
    "approver": ("李审批", Role.APPROVER, "*"),
    "other": ("周审批", Role.APPROVER, "*"),
    "namesake": ("钱 经办", Role.APPROVER, "*"),  # the officer's other key
    "auditor": ("吴审计", Role.AUDITOR, "*"),
    "planner": ("王计划", Role.PLANNER, "*"),
    "org07": ("郑经办", Role.RISK_OFFICER, "ORG-07"),
    "org07_approver": ("冯审批", Role.APPROVER, "ORG-07"),
}
# After whatever the tests' own clock records.
START = (datetime.now(UTC) + timedelta(days=9)).replace(hour=2, minute=0, second=0, microsecond=0)


def make_keys(home: Path) -> dict[str, str]:
    database = Database(home / "ledger.db")
    database.open()
    made = make_keys_in(database)
    database.close()
    return made


def make_keys_in(database: Database) -> dict[str, str]:
    keys = KeyStore(database)
    return {
        who: keys.create(name, [role], companies=[company], now=START)[1]
        for who, (name, role, company) in PEOPLE.items()
    }


@dataclass(frozen=True)
class Office:
    """Calls by who makes them; the clock of reviews stands where it is set."""

    client: "Client"
    keys: dict[str, str]

    def at(self, moment: datetime) -> None:
        later = max(moment, datetime.now(UTC))
        self.client.deployment.review.clock.clock = lambda: later

    def set_back(self, moment: datetime) -> None:
        self.client.deployment.review.clock.clock = lambda: moment

    def score(self, party: str = "P0000006", who: str = "officer") -> dict[str, Any]:
        answer = self.post("credit/score", who, party_id=party)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, path: str, who: str, **body: object) -> httpx.Response:
        given = {
            "Authorization": f"Bearer {self.keys[who]}",
            "Content_Type": "application/json",
            "Accept_Language": "en",
        }
        return self.client.http.post(f"/v1/{path}", json.dumps(body).encode(), **given)

    def get(
        self, path: str, who: str, accept: str = "*/*", language: str = "en", **query: object
    ) -> httpx.Response:
        asked = f"?{urlencode(query)}" if query else ""
        given = {"Authorization": f"Bearer {self.keys[who]}", "Accept_Language": language, "Accept": accept}
        return self.client.http.get(f"/v1/{path}{asked}", **given)

    def ask(self, decision_id: str, who: str = "officer", **changes: object) -> httpx.Response:
        body: dict[str, object] = {
            "decision_id": decision_id,
            "grade": "A1",
            "reason_code": "mitigation",
            "reason": "已补充足额存单质押",
            "until": str((START + timedelta(days=40)).date()),
        }
        return self.post("credit/overrides", who, **(body | changes))

    def override(self, override_id: str, verb: str, who: str) -> httpx.Response:
        return self.post(f"credit/overrides/{override_id}/{verb}", who, reason="材料齐全")

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        return dict(self.client.deployment.parts.ledger.get(answer.json()["decision_id"]).record)


def slug(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["type"]).rpartition(":")[2]


def done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
