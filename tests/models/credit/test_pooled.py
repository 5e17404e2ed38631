"""The pooled model: shrinkage, intervals, unseen segments, JSON, and what it refuses."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.credit.pooled import SEGMENT_LEVELS, UNKNOWN, learn_pooled, read_pooled, yearly_rows
from models.errors import PooledModelError


def rows(rates: dict[str, tuple[int, float]], *, seed: int = 3) -> pl.DataFrame:
    """Return rows of industries with a number of rows and a true default rate each."""
    rng = np.random.default_rng(seed)
    parts = [
        pl.DataFrame({"industry": [name] * count, "label": (rng.random(count) < rate).astype(int)})
        for name, (count, rate) in rates.items()
    ]
    more = {"kind": "company", "size": "small", "ownership": "private"}
    return pl.concat(parts).with_columns(pl.lit(value).alias(name) for name, value in more.items())


DIFFERENT = rows({"A": (2000, 0.02), "C": (2000, 0.12), "F": (30, 0.05)})


def answer(frame: pl.DataFrame, **values: str | None) -> pl.DataFrame:
    row = pl.DataFrame(
        [{"kind": "company", "size": "small", "ownership": "private", "industry": "A", **values}],
        schema=dict.fromkeys(SEGMENT_LEVELS, pl.String),
    )
    return learn_pooled(frame).predict(row)


def ask(frame: pl.DataFrame, **values: str | None) -> dict[str, float]:
    return answer(frame, **values).drop("segment").row(0, named=True)


def segment(frame: pl.DataFrame, **values: str | None) -> str:
    return str(answer(frame, **values)["segment"].item())


def test_large_segments_keep_their_rate_and_small_ones_are_shrunk() -> None:
    counted = {
        str(name): (rate, count)
        for name, rate, count in DIFFERENT.group_by("industry")
        .agg(pl.col("label").mean(), pl.len())
        .iter_rows()
    }
    overall = float(DIFFERENT["label"].to_numpy().mean())
    for name in ("A", "C"):
        assert ask(DIFFERENT, industry=name)["pd"] == pytest.approx(counted[name][0], rel=0.05)
    small = ask(DIFFERENT, industry="F")
    assert min(counted["F"][0], overall) <= small["pd"] <= max(counted["F"][0], overall)
    assert small["rows"] == 30


def test_an_interval_is_wider_where_less_is_known() -> None:
    def width(industry: str | None) -> float:
        got = ask(DIFFERENT, industry=industry)
        assert got["pd_low"] < got["pd"] < got["pd_high"]
        return got["pd_high"] - got["pd_low"]

    assert width("A") < width("F") < width("Z")


def test_an_unseen_segment_answers_with_the_larger_one() -> None:
    assert segment(DIFFERENT, industry="Z") == "company / small / private"
    assert ask(DIFFERENT, industry="Z")["rows"] == 0
    assert segment(DIFFERENT, kind=None) == ""
    everybody = float(DIFFERENT["label"].to_numpy().mean())
    assert ask(DIFFERENT, kind=None)["pd"] == pytest.approx(everybody, rel=0.01)
    nameless = DIFFERENT.with_columns(kind=pl.lit(None, dtype=pl.String))
    assert segment(nameless, kind=None).startswith(UNKNOWN)


def test_segments_that_do_not_differ_are_pooled() -> None:
    same = rows(dict.fromkeys("ABCDEFGHIJ", (100, 0.06)), seed=11)
    rates = [ask(same, industry=name)["pd"] for name in "ABCDEFGHIJ"]
    observed = same.group_by("industry").agg(pl.col("label").mean())["label"].to_numpy()
    assert np.ptp(rates) < 0.35 * np.ptp(observed)


@given(
    st.lists(
        st.tuples(st.sampled_from("ACF"), st.sampled_from(["micro", None]), st.integers(0, 1)),
        min_size=30,
        max_size=80,
    )
)
@settings(max_examples=40)
def test_every_answer_is_a_probability_inside_its_interval(found: list[tuple[str, str | None, int]]) -> None:
    frame = pl.DataFrame(found, schema=["industry", "size", "label"], orient="row").with_columns(
        kind=pl.lit("company"),
        ownership=pl.lit("state"),
        size=pl.col("size").cast(pl.String),
        label=pl.col("label").cast(pl.Int32),
    )
    frame = pl.concat(
        [frame, frame.head(10).with_columns(label=pl.lit(0)), frame.head(10).with_columns(label=pl.lit(1))]
    )
    model = learn_pooled(frame)
    got = model.predict(frame)
    assert got.select(
        (
            (pl.col("pd_low") >= 0) & (pl.col("pd_low") <= pl.col("pd")) & (pl.col("pd") <= pl.col("pd_high"))
        ).all()
        & (pl.col("pd_high") < 1).all()
    ).item()
    parents = {name: name.rpartition(" / ")[0] for name in model.cells if name}
    assert all(
        model.cells[name].weight <= model.cells[above].weight + 1e-9 for name, above in parents.items()
    )


def test_json_round_trip_gives_the_same_answers() -> None:
    model = learn_pooled(DIFFERENT)
    again = read_pooled(json.loads(model.text()))
    assert again.predict(DIFFERENT).equals(model.predict(DIFFERENT))
    assert again.text() == model.text()


@pytest.mark.parametrize("broken", [{"levels": ["kind"]}, {"levels": [], "prior_weights": [], "cells": {}}])
def test_a_broken_file_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(PooledModelError, match="Learn it again"):
        read_pooled(broken)


def test_what_cannot_teach_is_refused() -> None:
    with pytest.raises(PooledModelError, match="'industry'"):
        learn_pooled(DIFFERENT.drop("industry"))
    with pytest.raises(PooledModelError, match="'label'"):
        learn_pooled(DIFFERENT.drop("label"))
    with pytest.raises(PooledModelError, match="at least 10"):
        learn_pooled(DIFFERENT.with_columns(label=pl.lit(0)))
    with pytest.raises(PooledModelError, match="coverage"):
        learn_pooled(DIFFERENT).predict(DIFFERENT, coverage=1.0)


def test_yearly_rows_do_not_overlap() -> None:
    days = pl.date_range(date(2021, 1, 31), date(2024, 9, 30), "1mo", eager=True).dt.month_end()
    kept = yearly_rows(pl.DataFrame({"as_of": days}))["as_of"].to_list()
    assert kept == [date(year, 9, 30) for year in (2021, 2022, 2023, 2024)]
