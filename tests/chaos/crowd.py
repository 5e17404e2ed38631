"""Clients that ask all the time: single scores, books and overrides; they keep every answer that reached them."""

import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from sqlalchemy import select

from serving.ledger.database import Database
from serving.ledger.tables import credit_reviews, decisions, job_files, jobs
from tests.chaos.house import LIVE_SECONDS, House, until
from tests.serving.conftest import Answer

FIGURES = ("pd", "log_odds", "grade", "points", "advice", "model_version")


@dataclass(frozen=True)
class Received:
    """An answer that reached a client whole."""

    decision_id: str
    kind: str
    answer: Answer


@dataclass
class Crowd:
    """Some clients in threads; `broken` counts connections that ended without an answer."""

    house: House
    clients: int = 8
    received: list[Received] = field(default_factory=list)
    problems: Counter[tuple[int, str]] = field(default_factory=Counter)
    unexpected: list[Answer] = field(default_factory=list)
    without_retry: list[Answer] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Crowd":
        self._threads = [
            threading.Thread(target=self._ask_on, args=(random.Random(seed),))  # noqa: S311 - repeatable, not secret
            for seed in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(LIVE_SECONDS)

    def wait_for(self, more: int) -> None:
        """Wait until so many more answers came."""
        wanted = len(self.received) + more
        until(lambda: len(self.received) >= wanted, f"answers stopped at {len(self.received)}")

    def wait_for_any(self, more: int) -> None:
        """Wait until so many more answers or problems came, whichever."""
        wanted = self._heard + more
        until(lambda: self._heard >= wanted, f"nothing was heard any more after {self._heard}")

    @property
    def _heard(self) -> int:
        return len(self.received) + self.problems.total()

    def _ask_on(self, chance: random.Random) -> None:
        mine: list[str] = []
        acts: list[tuple[int, Callable[[], None]]] = [
            (12, lambda: self._score(chance, mine)),
            (2, lambda: self._book(chance)),
            (3, lambda: self._override(mine)),
        ]
        weights, calls = [weight for weight, _ in acts], [call for _, call in acts]
        while not self._ended.is_set():
            try:
                chance.choices(calls, weights)[0]()
            except (OSError, HTTPException, ValueError) as error:
                self.broken[type(error).__name__] += 1
                self._ended.wait(0.05)  # a client that is refused does not try a thousand times a second

    def _score(self, chance: random.Random, mine: list[str]) -> None:
        answer = self.house.score(f"P{chance.choice((0, 1, 6, 8, *range(10, 60))):07d}")
        if self._kept("score", answer):
            mine.append(answer.json["decision_id"])

    def _book(self, chance: random.Random) -> None:
        parties = [f"P{number:07d}" for number in chance.sample(range(10, 60), 5)]
        self._kept("book", self.house.ask("credit/scores", "officer", {"party_ids": parties}))

    def _override(self, mine: list[str]) -> None:
        if mine:
            body = {
                "decision_id": mine.pop(),
                "grade": "A1",
                "reason_code": "mitigation",
                "reason": "已补充质押",
            }
            answer = self.house.ask("credit/overrides", "officer", body | {"until": LAST_DAY})
            if answer.status == 409 and "review-open" in answer.text:
                return  # the party has one already: a right answer, and nothing to be found in the ledger
            self._kept("override", answer)

    def _kept(self, kind: str, answer: Answer) -> bool:
        if answer.status == 200:
            found = json.loads(answer.text)  # raises where it did not come whole
            decision_id = answer.headers.get("x-decision-id") or found["decision_id"]
            self.received.append(Received(decision_id, kind, answer))
            return True
        name = str(json.loads(answer.text).get("type", "")).rpartition(":")[2]
        self.problems[answer.status, name] += 1
        if answer.status == 503 and "retry-after" not in answer.headers:
            self.without_retry.append(answer)
        if answer.status not in (503, 504):
            self.unexpected.append(answer)
        return False


def check_kept(house: House, crowd: Crowd) -> None:
    """Demand that the ledger holds every answer that a client received, once, as it was given, and nothing by halves."""
    house.verified_rows()
    assert crowd.unexpected == []
    database = house.database()
    try:
        rows = _rows(database)
        by_id = {str(row["decision_id"]): row for row in rows}
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert len(by_id) == len(rows), "no decision is there twice"
        ids = [one.decision_id for one in crowd.received]
        assert len(set(ids)) == len(ids), "no decision was given twice"
        assert [one for one in ids if one not in by_id] == []
        for one in crowd.received:
            _check_same(one, json.loads(str(by_id[one.decision_id]["record"])))
        _check_beside(house, database, rows)
    finally:
        database.close()


def _rows(database: Database) -> list[dict[str, Any]]:
    wanted = select(decisions.c.seq, decisions.c.decision_id, decisions.c.record).order_by(decisions.c.seq)
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def _check_same(one: Received, record: dict[str, Any]) -> None:
    """Compare what a client holds with what is written down."""
    said = one.answer.json
    if one.kind == "score":
        assert {name: record["answer"][name] for name in FIGURES} == {name: said[name] for name in FIGURES}
    else:
        assert record["answer_sha256"] == hashlib.sha256(one.answer.text.encode()).hexdigest()


def _check_beside(house: House, database: Database, rows: list[dict[str, Any]]) -> None:
    """Demand that what is kept beside records is there exactly when its record is."""
    records = {str(row["decision_id"]): json.loads(row["record"]) for row in rows}
    with database.reading() as connection:
        reviews = connection.execute(select(credit_reviews.c.review_id, credit_reviews.c.body)).all()
        queued = connection.execute(select(jobs.c.job_id, jobs.c.decision_id)).all()
        files = connection.execute(select(job_files.c.job_id)).scalars().all()
    asked = [one for one in records.values() if one["route"] == "credit/overrides/ask"]
    assert len(reviews) == len(asked)
    assert {job.decision_id for job in queued} <= set(records)
    assert set(files) <= {job.job_id for job in queued}
    for record in records.values():
        if record["route"] == "credit/scores":
            folder = house.world.home / "books" / record["answer"]["book_id"]
            for name, digest in record["files"].items():
                assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


LAST_DAY = "2027-03-01"
