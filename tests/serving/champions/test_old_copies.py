"""What was fetched and is no longer new goes, unless an order names it or its answers may have to be computed again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from serving.champions.families import CREDIT, FAMILIES, Alias
from serving.champions.old_copies import OldCopies
from serving.champions.store import Pointer, write_pointer
from serving.ledger.database import Database
from tests.serving.champions.test_switches import DAY, Orders

NEW = ["credit/n1", "credit/n2"]
"""Challengers that were fetched last; two copies are kept as they are new."""


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Orders]:
    database = Database(tmp_path / "ledger.db")
    yield Orders(database)
    database.close()


def left(orders: Orders, models: Path, *versions: str, days: int) -> set[str]:
    """Return which versions stay of those fetched before the new ones, so many days on."""
    fetched = [*(f"credit/{version}" for version in versions), *NEW]
    for one in fetched:
        (models / one).mkdir(parents=True)
    stay = OldCopies(models, orders.board, 2).clear(fetched, DAY + timedelta(days=days))
    assert {f"credit/{path.name}" for path in (models / "credit").iterdir() if path.is_dir()} == set(stay)
    assert set(NEW) <= set(stay)
    return {one.removeprefix("credit/") for one in stay} - {"n1", "n2"}


def test_new_copies_and_the_newest_champions_stay_however_many_challengers_come(
    orders: Orders, tmp_path: Path
) -> None:
    for day, version in enumerate(("c1", "c2", "c3")):
        orders.champion(version, day)
    assert left(orders, tmp_path, "x1", "c1", "c2", "c3", "x2", days=5_000) == {"c2", "c3"}


@pytest.mark.parametrize(("days", "stays"), [(180 + 9, True), (180 + 11, False)])
def test_a_former_champion_stays_for_180_days_after_it_last_answered(
    orders: Orders, tmp_path: Path, days: int, stays: bool
) -> None:
    for day, version in ((0, "c1"), (10, "c2"), (20, "c3")):
        orders.champion(version, day)
    assert ("c1" in left(orders, tmp_path, "c1", days=days)) is stays


def test_what_answered_by_an_order_stays_for_180_days_after_the_order_ended(
    orders: Orders, tmp_path: Path
) -> None:
    for day, version in ((0, "old"), (1, "c2"), (2, "c3")):
        orders.champion(version, day)
    orders.act("rollback", "rolled_back", "old", "c3", 300)
    orders.act("restore", "champion", "c3", "old", 310)
    assert left(orders, tmp_path / "a", "old", days=310 + 179) == {"old"}
    assert left(orders, tmp_path / "b", "old", days=310 + 181) == set()


def test_what_a_rollback_or_an_alias_names_now_stays_however_old(orders: Orders, tmp_path: Path) -> None:
    for day, version in ((0, "pinned"), (1, "c2"), (2, "c3")):
        orders.champion(version, day)
    orders.act("rollback", "rolled_back", "pinned", "c3", 3)
    orders.act("alias", Alias.CHALLENGER, "beside", None, 4)
    orders.act("alias", Alias.CHAMPION, "next", "c3", 5)
    assert left(orders, tmp_path, "pinned", "beside", "next", "x", days=5_000) == {"pinned", "beside", "next"}


def test_what_a_pointer_names_stays(orders: Orders, tmp_path: Path) -> None:
    write_pointer(FAMILIES[CREDIT].pointer(tmp_path, Alias.CHALLENGER), Pointer(version="p", folder="p"))
    assert left(orders, tmp_path, "p", "x", days=0) == {"p"}


def test_nothing_goes_while_the_orders_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    orders = Orders(Database(tmp_path / "ledger.db"))
    assert left(orders, tmp_path, "x", days=0) == {"x"}
