"""Who answered before: the history is cut at what answers, and what an order took away does not come back by itself."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from serving.champions.switches import SwitchBoard
from serving.ledger.database import Database
from serving.ledger.tables import model_acts
from serving.moments import moment_text
from tests.serving.champions.conftest import Operations

if TYPE_CHECKING:
    from tests.serving.conftest import World

DAY = datetime(2026, 11, 1, tzinfo=UTC)


class Orders:
    """A board over a database, and what happened on which day."""

    def __init__(self, database: Database) -> None:
        self.database, self.board, self._seq = database, SwitchBoard(database), 0

    def champion(self, version: str, day: int = 0) -> None:
        self.board.refresh()
        self.board.remember("credit", version, DAY + timedelta(days=day))

    def act(self, act: str, level: str, version: str | None, instead_of: str | None, day: int = 0) -> None:
        self._seq += 1
        at = moment_text(DAY + timedelta(days=day))
        row = {"decision_id": str(self._seq), "family": "credit", "reason": "r", "name": "n", "key_id": "k"}
        said = {"act": act, "level": level, "version": version, "instead_of": instead_of, "at": at}
        with self.database.writing() as connection:
            connection.execute(insert(model_acts).values(seq=self._seq, **row, **said))
        self.board.refresh()


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Orders]:
    database = Database(tmp_path / "ledger.db")
    yield Orders(database)
    database.close()


def test_the_champions_before_are_those_until_the_one_that_answers(orders: Orders) -> None:
    for version in ("a", "b", "a", "c"):
        orders.champion(version)
    assert orders.board.before("credit", "c") == ["a", "b"]
    assert orders.board.before("credit", "b") == ["a"]
    assert orders.board.before("credit", "never") == ["c", "a", "b"]


def test_what_was_killed_is_not_fallen_back_to_though_it_was_champion_twice(orders: Orders) -> None:
    for version in ("a", "b", "a"):
        orders.champion(version)
    orders.act("kill", "previous", "b", "a")
    assert orders.board.before("credit", "b") == []
    orders.act("restore", "champion", "a", "b")
    assert orders.board.before("credit", "a") == ["b"], "a restore ends it"


def test_what_was_rolled_away_from_stays_away_where_what_was_ordered_never_answered(orders: Orders) -> None:
    orders.champion("a")
    orders.champion("b")
    orders.act("rollback", "rolled_back", "named", "b")
    assert orders.board.before("credit", "named") == ["a"]


def test_rollback_to_a_version_that_breaks_is_answered_by_one_before_it(
    operations: Operations, world: "World", put_model: Callable[..., str]
) -> None:
    put_model(world.home, seed=9, name="v3")
    parts = operations.client.deployment.parts
    parts.refresh()
    assert operations.order("approver", "rollback").json()["version"] == operations.second
    put_model(world.home, seed=10, name="v4")  # the pointer moves on and names neither of the two any more
    (world.home / "models" / "credit" / "v2" / "own_0.txt").write_text("tree")
    parts.refresh()
    assert operations.score().json()["model_version"] == operations.first, "not what was rolled away from"
