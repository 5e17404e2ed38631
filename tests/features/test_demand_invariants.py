"""What holds of every panel: order means nothing, what is not known means nothing, no series is lost."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.demand import Panel, build_panel
from features.errors import DataError

_AS_OF = date(2024, 3, 1)
_FIRST = date(2024, 1, 1)

_rows = st.lists(
    st.fixed_dictionaries(
        {
            "unique_id": st.sampled_from(["a", "b", "c", "d"]),
            "ds": st.integers(0, 30).map(lambda day: _FIRST + timedelta(days=day)),
            "y": st.sampled_from([None, 0.0, 0.0, 1.0, 2.5, -1.0, 7.0, 40.0, float("inf")]),
            "known_at": st.integers(20, 100).map(lambda day: _FIRST + timedelta(days=day)),
            "price": st.sampled_from([None, 1.0, 2.0]),
            "family": st.sampled_from([None, "salt", "cell"]),
        }
    ),
    min_size=1,
    max_size=40,
)
_SCHEMA = {"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64, "known_at": pl.Date, "price": pl.Float64,
           "family": pl.String}  # fmt: skip


def _panel(rows: pl.DataFrame) -> Panel | str:
    try:
        return build_panel(rows, freq="1d", known=["price"], static=["family"], as_of=_AS_OF)
    except DataError as error:
        return type(error).__name__


def _same(left: Panel | str, right: Panel | str) -> None:
    if isinstance(left, str) or isinstance(right, str):
        assert left == right
        return
    for name in ("frame", "future", "series", "findings", "static", "closed"):
        assert_frame_equal(getattr(left, name), getattr(right, name))
    # reasons name rows by their number, which is the one thing that the order of rows may change
    assert_frame_equal(left.refused.select("unique_id", "rule"), right.refused.select("unique_id", "rule"))


@given(rows=_rows, seed=st.integers(0, 2**16))
def test_order_of_rows_does_not_matter(rows: list[dict[str, object]], seed: int) -> None:
    table = pl.DataFrame(rows, schema=_SCHEMA)
    _same(_panel(table), _panel(table.sample(fraction=1, shuffle=True, seed=seed)))


@given(rows=_rows, seed=st.integers(0, 2**16))
def test_what_became_known_later_changes_nothing(rows: list[dict[str, object]], seed: int) -> None:
    table = pl.DataFrame(rows, schema=_SCHEMA)
    later = table.filter(pl.col("known_at") > _AS_OF)
    rng = np.random.default_rng(seed)
    spoilt = later.with_columns(
        y=pl.Series(rng.choice([0.0, 1e9, np.inf, -3.0], later.height)),
        ds=pl.Series(
            [_FIRST + timedelta(days=int(day)) for day in rng.integers(-5000, 5000, later.height)],
            dtype=pl.Date,
        ),
        family=pl.lit("unknown"),
    )
    unheard = spoilt.with_columns(unique_id=pl.lit("unheard of"))
    known = table.filter(pl.col("known_at") <= _AS_OF)
    _same(_panel(pl.concat([known, spoilt, unheard])), _panel(known))


@given(rows=_rows)
def test_no_series_is_lost_and_accepted_ones_are_whole(rows: list[dict[str, object]]) -> None:
    table = pl.DataFrame(rows, schema=_SCHEMA)
    panel = _panel(table)
    if isinstance(panel, str):
        return
    asked = set(table.filter(pl.col("known_at") <= _AS_OF)["unique_id"])
    accepted, refused = panel.frame["unique_id"].unique().to_list(), panel.refused["unique_id"].to_list()
    assert sorted(accepted + refused) == sorted(asked)
    assert panel.series["unique_id"].to_list() == sorted(accepted)
    assert panel.frame["y"].is_finite().all()
    steps = panel.frame.select(pl.col("period").diff().over("unique_id").drop_nulls()).to_series()
    assert (steps == 1).all()
    ends = panel.frame.group_by("unique_id").agg(
        pl.col("observed").first().alias("first"), pl.col("observed").last()
    )
    assert ends["observed"].all()
    ahead = panel.future.join(panel.series.select("unique_id", "last"), on="unique_id", how="left")
    assert (ahead["period"] > ahead["last"]).all()
    kept = panel.series.filter("non_negative").select("unique_id")
    assert (panel.frame.join(kept, on="unique_id")["y"] >= 0).all()


@given(rows=_rows)
def test_actual_values_are_kept_as_they_were(rows: list[dict[str, object]]) -> None:
    table = pl.DataFrame(rows, schema=_SCHEMA).unique(["unique_id", "ds"], keep="first", maintain_order=True)
    panel = _panel(table.drop("known_at"))
    if isinstance(panel, str):
        return
    actual = panel.frame.filter(pl.col("observed") & ~pl.col("returns")).select("unique_id", "ds", "y")
    assert actual.join(table, on=["unique_id", "ds", "y"]).height == actual.height
