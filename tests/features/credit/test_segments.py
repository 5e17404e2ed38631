"""Segments are those of the newest profile known on the date."""

from collections.abc import Callable
from datetime import date

import polars as pl

from features.credit.segments import SEGMENT_COLUMNS, segments
from models.credit.pooled import SEGMENT_LEVELS

Tables = dict[str, pl.LazyFrame]


def test_the_newest_profile_known_on_the_date_counts(make_tables: Callable[..., Tables]) -> None:
    def profile(size: str, since: date, known_at: date) -> dict[str, object]:
        return {"party_id": "A", "size": size, "industry": "C", "valid_from": since, "known_at": known_at}

    tables = make_tables(
        parties=[
            profile("micro", date(2019, 1, 1), date(2019, 1, 1)),
            profile("small", date(2021, 1, 1), date(2021, 3, 1)),
            profile("large", date(2021, 2, 1), date(2022, 1, 1)),
            {"party_id": "B", "kind": "person"},
        ]
    )
    found = segments(tables, date(2021, 6, 30))
    assert found.rows() == [("A", "company", "small", None, "C"), ("B", "person", None, None, None)]
    assert segments(tables, date(2022, 1, 1))["size"].to_list() == ["large", None]


def test_segments_are_the_levels_of_the_pooled_model() -> None:
    assert SEGMENT_COLUMNS == SEGMENT_LEVELS
