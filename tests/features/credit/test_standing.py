"""Standing: at risk, in default, or without a live exposure, by what was known on the day."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from features.credit.book import Book
from features.credit.labels import labels
from features.credit.standing import standings

DUE = date(2024, 3, 31)
DAY_90 = DUE + timedelta(days=90)


def test_standing_follows_what_is_known(make_tables: Callable[..., dict[str, pl.LazyFrame]]) -> None:
    tables = make_tables(
        parties=[{"party_id": party} for party in "ABC"],
        exposures=[{"exposure_id": f"X-{party}", "party_id": party} for party in "AB"],
        schedules=[{"exposure_id": f"X-{party}", "due_on": DUE} for party in "AB"],
        payments=[{"exposure_id": "X-B", "paid_on": date(2024, 5, 1), "amount": 100.0}],
    )
    parties = pl.Series(["A", "B", "C"])

    def on(day: date) -> list[str]:
        return standings(Book.read(tables, day), parties)["standing"].to_list()

    assert on(DUE) == ["at_risk", "at_risk", "no_live_exposure"]
    assert on(DAY_90 - timedelta(days=1)) == ["at_risk", "no_live_exposure", "no_live_exposure"]
    assert on(DAY_90) == ["in_default", "no_live_exposure", "no_live_exposure"]


def test_the_panel_learns_from_those_at_risk(random_group: dict[str, pl.LazyFrame]) -> None:
    day, known_by = date(2023, 6, 30), date(2024, 12, 31)
    book = Book.read(random_group, day)
    parties = random_group["parties"].select(pl.col("party_id").unique().sort()).collect()["party_id"]
    at_risk = standings(book, parties).filter(pl.col("standing") == "at_risk")["party_id"].to_list()
    learnt = labels(random_group, [day], known_by=known_by)["party_id"].to_list()
    assert learnt
    assert set(learnt) <= set(at_risk), (
        "the panel may drop parties whose default became known later, never add any"
    )
