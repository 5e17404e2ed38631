"""The hidden process: calibrated, contagious, and the group's own companies stay out of it."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from sample_group.true_pd import OwnSurvival
from tests.data_samples.conftest import Group

LAST = date(2024, 12, 31)  # the last month's end with twelve months of outcomes


def outcomes(group: Group) -> pl.DataFrame:
    within = pl.col("default_on") <= pl.col("month").dt.offset_by("12mo").dt.month_end()
    return (
        group.truth("hazard")
        .filter(pl.col("month") <= LAST)
        .join(group.truth("defaults"), on="party_id", how="left")
        .with_columns(label=within.fill_null(value=False))
    )


def test_default_rate_of_obligors_is_three_to_five_percent(group: Group) -> None:
    book = (
        group.clean("exposures")
        .group_by("party_id")
        .agg(pl.col("start_on").min(), pl.col("maturity_on").max())
    )
    rows = (
        outcomes(group)
        .join(book, on="party_id")
        .filter(pl.col("month").is_between("start_on", "maturity_on"))
    )
    assert 0.03 < rows["label"].mean() < 0.05  # type: ignore[operator]


def test_true_pd_is_calibrated(group: Group) -> None:
    rows = outcomes(group).filter(pl.col("month").dt.month() == 12)
    expected, seen = float(rows["pd_12m"].sum()), int(rows["label"].sum())
    assert seen == pytest.approx(expected, abs=4 * expected**0.5)
    safe, risky = (rows.filter(part) for part in (pl.col("pd_12m") < 0.02, pl.col("pd_12m") > 0.2))
    assert safe["label"].mean() < 0.02  # type: ignore[operator]
    assert risky["label"].mean() > 0.2  # type: ignore[operator]


def test_who_has_stopped_paying_defaults_within_the_year(group: Group) -> None:
    stopped = outcomes(group).filter("stopped_paying")
    assert stopped.height > 300
    assert stopped["label"].all()
    assert (stopped["pd_12m"] == 1).all()


def test_default_follows_a_linked_default(group: Group) -> None:
    # pairs made from the tables: whom does the default of j leave behind as guarantor, owner or owned?
    defaults = group.truth("defaults").select("party_id", "default_on")
    edges = (
        group.clean("edges").filter(pl.col("kind").is_in(["guarantees", "owns"])).group_by("edge_id").last()
    )
    ends = pl.col("valid_to").fill_null(date(2100, 1, 1)).alias("ends")
    back = edges.filter(kind="owns").select(
        pl.col("dst").alias("src"), pl.col("src").alias("dst"), "valid_from", ends
    )
    ways = pl.concat([edges.select("src", "dst", "valid_from", ends), back])
    hit = (
        ways.join(defaults, left_on="dst", right_on="party_id")
        .filter(pl.col("default_on").is_between("valid_from", "ends", closed="left"))
        .select(pl.col("src").alias("party_id"), pl.col("default_on").alias("blow"))
        .unique()
        .join(group.truth("hazard").select("party_id").unique(), on="party_id")
        .join(defaults, on="party_id", how="left")
        .filter(
            pl.col("default_on").is_null() | (pl.col("default_on") > pl.col("blow")), pl.col("blow") <= LAST
        )
    )
    after = hit.select(
        (pl.col("default_on") <= pl.col("blow").dt.offset_by("12mo")).fill_null(value=False)
    ).to_series()
    usual = outcomes(group).filter(~pl.col("stopped_paying"))["label"].mean()
    assert isinstance(usual, float)
    spread = np.sqrt(usual * (1 - usual) / len(after))
    assert len(after) > 150
    assert after.mean() > usual + 4 * spread


def test_contagion_names_a_party_that_defaulted_before(group: Group) -> None:
    defaults = group.truth("defaults")
    pulled = defaults.filter(cause="contagion")
    assert 0.15 < pulled.height / defaults.height < 0.5
    via = pulled.join(
        defaults.select(pl.col("party_id").alias("via_party"), pl.col("default_on").alias("blow")),
        on="via_party",
    )
    assert via.height == pulled.height
    assert via.filter(pl.col("blow") > pl.col("stopped_on")).is_empty()
    assert set(pulled["via_kind"]) == {"guaranteed", "customer", "parent", "subsidiary"}
    assert (
        defaults.filter(cause="own").select("via_party", "via_kind").null_count().row(0)
        == (defaults.height - pulled.height,) * 2
    )


def test_hazard_by_contagion_is_zero_before_the_first_default(group: Group) -> None:
    first = group.truth("defaults")["default_on"].min()
    before = group.truth("hazard").filter(pl.col("month") < pl.lit(first).dt.month_start())
    assert before.height > 1000
    assert before["hazard_contagion"].max() == 0
    assert group.truth("hazard")["hazard_contagion"].max() > 0.05  # type: ignore[operator]


def test_own_companies_have_no_truth(group: Group) -> None:
    own = group.table("companies")["party_id"].implode()
    assert group.truth("hazard").filter(pl.col("party_id").is_in(own)).is_empty()
    assert group.truth("defaults").filter(pl.col("party_id").is_in(own)).is_empty()


def test_both_own_state_and_network_carry_signal(group: Group) -> None:
    rows = outcomes(group).filter(~pl.col("stopped_paying"))
    quiet = rows.filter(pl.col("hazard_contagion") < 1e-4)
    by_own = quiet.group_by(pl.col("hazard_own") > quiet["hazard_own"].quantile(0.9)).agg(
        pl.col("label").mean()
    )
    rates = dict(by_own.iter_rows())
    assert rates[True] > 3 * rates[False]
    low = rows.filter(pl.col("hazard_own") < rows["hazard_own"].median())
    pulled = dict(low.group_by(pl.col("hazard_contagion") > 0.01).agg(pl.col("label").mean()).iter_rows())
    assert pulled[True] > 3 * pulled[False]


def test_own_survival_equals_a_simulation() -> None:
    base = np.array([-5.0, -3.0], dtype=np.float32)
    distress = np.array([0.4, -0.2], dtype=np.float32)
    exact = OwnSurvival(base, 0.95, 1.7, 9).of(base, distress)
    rng = np.random.default_rng(1)
    state = np.repeat(distress[:, None].astype(np.float64), 60_000, axis=1)
    alive = np.ones_like(state)
    for _ in range(9):
        state = 0.95 * state + 1.7 * np.sqrt(1 - 0.95**2) * rng.standard_normal(state.shape)
        alive *= 1 - 1 / (1 + np.exp(-(base[:, None] + state)))
    assert exact == pytest.approx(alive.mean(axis=1), abs=0.002)


def test_strain_shows_in_the_statements(group: Group) -> None:
    year = (
        group.clean("statements")
        .filter(period="FY")
        .drop_nulls(["total_assets", "total_liabilities", "operating_profit", "revenue"])
    )
    rows = year.join(
        group.truth("hazard"), left_on=["party_id", "period_end"], right_on=["party_id", "month"]
    )
    risky = rows["hazard_own"] > rows["hazard_own"].quantile(0.9)
    ratio = rows["total_liabilities"] / rows["total_assets"]
    margin = rows["operating_profit"] / rows["revenue"]
    assert ratio.filter(risky).mean() > ratio.filter(~risky).mean() + 0.03  # type: ignore[operator]
    assert margin.filter(risky).mean() < margin.filter(~risky).mean() - 0.02  # type: ignore[operator]
