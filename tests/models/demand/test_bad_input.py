"""Bad input: a clear answer, or the floor and its reason; one bad series never stops the others."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.forecast_table import report_of
from features.demand import build_panel
from features.errors import FrequencyError, NoSeriesError, PanelColumnError, PanelTypeError
from models.demand.forecaster import fit_forecaster
from models.demand.model import DemandModel
from models.demand.router import Tier
from tests.models.demand.demand_tables import LEVELS, fit, good, long_table, months

HORIZON = 6


def _check(model: DemandModel, *, horizon: int = HORIZON) -> pl.DataFrame:
    """Return the forecast after what must hold of any: whole, finite, quantiles in order, none below a floor of zero."""
    found = model.forecast()
    numbers = found.select("forecast", "q10", "q50", "q90")
    assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * 4
    assert ((found["q10"] <= found["q50"]) & (found["q50"] <= found["q90"])).all()
    steps = found.group_by("unique_id").agg(pl.col("step"))
    assert all(one == list(range(1, horizon + 1)) for one in steps["step"].to_list())
    bounded = model.panel.series.filter("non_negative")
    least = found.join(bounded, on="unique_id", how="semi").select(pl.min_horizontal(numbers.columns).min())
    assert least.item() is None or least.item() >= 0
    return found


def _rules(model: DemandModel, unique_id: str) -> set[tuple[str, str]]:
    rows = report_of(model).filter(unique_id=unique_id)
    assert all(rows["zh"].str.len_chars() > 0)
    assert all(rows["en"].str.len_chars() > 0)
    return set(rows.select("outcome", "rule").rows())


def test_one_point_is_given_again_with_the_reason() -> None:
    model = fit(long_table({"only": [5.0]}))
    found = _check(model)
    assert set(found["forecast"]) == {5.0}
    assert (found["q90"] > found["q10"]).all()
    assert found["floor"].all()
    assert _rules(model, "only") == {("noted", "one_point"), ("floor", "floor")}
    reason = model.floor_reasons()[0]
    assert reason is not None
    assert "one value" in reason.en


@pytest.mark.parametrize("length", [2, 3, 5, 8])
def test_a_few_points_get_the_floor_and_a_band(length: int) -> None:
    model = fit(long_table({"young": [float(3 + number % 3) for number in range(length)]}))
    found = _check(model)
    assert found["floor"].all()
    assert (found["q90"] > found["q10"]).all()
    reason = model.floor_reasons()[0]
    assert reason is not None
    assert "too short" in reason.en


def test_nothing_but_zeros_is_forecast_as_zero() -> None:
    model = fit(long_table({"zeros": [0.0] * 40}))
    found = _check(model)
    assert found.select(pl.max_horizontal("forecast", "q10", "q50", "q90").max()).item() == pytest.approx(
        0, abs=1e-6
    )
    assert ("noted", "all_zero") in _rules(model, "zeros")


def test_a_constant_is_forecast_as_itself() -> None:
    model = fit(long_table({"constant": [7.0] * 40}))
    found = _check(model)
    assert set(found["forecast"]) == {7.0}
    assert {("noted", "constant"), ("floor", "floor")} <= _rules(model, "constant")


def test_all_missing_is_an_error_that_says_so() -> None:
    with pytest.raises(NoSeriesError) as found:
        build_panel(long_table({"missing": [None] * 40}), freq="1mo")
    assert "missing" in found.value.zh
    assert "no usable y" in found.value.en


def test_rows_that_contradict_each_other_refuse_their_series_and_repeated_ones_do_not() -> None:
    table = long_table(good())
    wrong = table.filter(unique_id="good0").head(1).with_columns(y=pl.lit(1.0))
    repeated = table.filter(unique_id="good1").head(1)
    model = fit(pl.concat([table, wrong, repeated]))
    assert set(_check(model)["unique_id"]) == {"good1", "good2"}
    assert _rules(model, "good0") == {("refused", "contradicting_rows")}
    assert ("noted", "repeated_rows") in _rules(model, "good1")


def test_a_series_of_quarters_among_months_is_refused_by_name() -> None:
    quarters = pl.DataFrame(
        {"unique_id": "quarterly", "ds": months(36)[::3], "y": [float(number) for number in range(12)]}
    )
    model = fit(pl.concat([long_table(good()), quarters]))
    assert set(_check(model)["unique_id"]) == {"good0", "good1", "good2"}
    assert _rules(model, "quarterly") == {("refused", "coarser_frequency")}


def test_a_series_on_other_days_of_the_month_is_refused_by_name() -> None:
    table = long_table(good())
    late = table.filter(unique_id="good0").with_columns(
        unique_id=pl.lit("midmonth"), ds=pl.col("ds") + timedelta(days=14)
    )
    model = fit(pl.concat([table, late]))
    assert _rules(model, "midmonth") == {("refused", "off_frequency")}
    assert _check(model)["unique_id"].n_unique() == 3


@pytest.mark.parametrize("length", [10, 20])
def test_a_horizon_longer_than_history_gets_the_floor_for_every_step(length: int) -> None:
    model = fit(long_table(good(2, length=length)), horizon=36)
    found = _check(model, horizon=36)
    assert found["floor"].all()
    assert all(reason and "too short" in reason.en for reason in model.floor_reasons())
    widths = found.filter(unique_id="good0").select(width=pl.col("q90") - pl.col("q10"))["width"]
    assert widths[35] > widths[0]


def test_a_date_far_ahead_is_forecast_without_going_astray() -> None:
    table = long_table(good(1))
    model = fit(table, horizon=500)
    found = _check(model, horizon=500)
    assert found["ds"][-1] == date(2015 + (84 + 499) // 12, (84 + 499) % 12 + 1, 1)
    top = table["y"].max()
    assert isinstance(top, float)
    assert found["forecast"].max() <= 10 * top  # type: ignore[operator]  # a number


def test_a_known_driver_missing_in_the_future_is_named_and_the_forecast_goes_on() -> None:
    table = long_table(good()).with_columns(price=pl.col("y") * 0.1 + 3)
    planned = pl.DataFrame(
        {"unique_id": "good0", "ds": months(90)[84:], "y": None, "price": [12.0] * 6},
        schema_overrides={"y": pl.Float64},
    )
    panel = build_panel(pl.concat([table, planned]), freq="1mo", known=("price",))
    model = fit_forecaster(panel, HORIZON, tier=Tier.FAST, levels=LEVELS)
    assert _check(model)["unique_id"].n_unique() == 3
    assert ("noted", "driver_missing_ahead") in _rules(model, "good1")
    assert ("noted", "driver_missing_ahead") not in _rules(model, "good0")


def test_new_products_beside_long_series_leave_these_their_methods() -> None:
    young: dict[str, list[float]] = {f"new{number}": [5.0, 6.0, 5.0] for number in range(6)}
    alone, beside = fit(long_table(good())), fit(long_table({**good(), **young}))
    found = _check(beside)
    assert found.filter(pl.col("unique_id").str.starts_with("new"))["floor"].all()
    assert not alone.forecast()["floor"].any()
    assert not found.filter(pl.col("unique_id").str.starts_with("good"))["floor"].any()


def test_infinite_and_text_values_are_named() -> None:
    series = good()
    series["endless"] = [*series["good0"][:30], float("inf"), *series["good0"][31:]]
    table = long_table(series).with_columns(
        y=pl.when((pl.col("unique_id") == "good1") & (pl.col("ds") == months(41)[40]))
        .then(pl.lit("abc"))
        .otherwise(pl.col("y").cast(pl.String))
    )
    model = fit(table)
    assert set(_check(model)["unique_id"]) == {"good0", "good2", "endless"}
    assert _rules(model, "good1") == {("refused", "unreadable_y")}
    assert ("noted", "infinite") in _rules(model, "endless")


def test_a_few_returns_count_as_nothing_sold_and_signed_series_stay_signed() -> None:
    series = good()
    series["returned"] = [*series["good0"][:30], -3.0, *series["good0"][31:]]
    series["signed"] = np.random.default_rng(1).normal(0, 10, 84).tolist()
    model = fit(long_table(series))
    found = _check(model)
    assert ("noted", "returns") in _rules(model, "returned")
    assert ("noted", "signed") in _rules(model, "signed")
    assert found.filter(unique_id="signed")["q10"].max() < 0  # type: ignore[operator]  # a number


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_very_large_and_very_small_numbers_are_numbers(scale: float) -> None:
    plain = _check(fit(long_table(good(2))))
    scaled = {name: [value * scale for value in values] for name, values in good(2).items()}
    found = _check(fit(long_table(scaled)))
    np.testing.assert_allclose(found["forecast"].to_numpy() / scale, plain["forecast"].to_numpy(), rtol=1e-6)


def test_an_empty_table_and_wrong_columns_are_errors() -> None:
    empty = long_table({})
    with pytest.raises(NoSeriesError, match="no rows"):
        build_panel(empty, freq="1mo")
    with pytest.raises(PanelColumnError, match="lacks the column") as lacking:
        build_panel(long_table(good()).rename({"y": "value"}), freq="1mo")
    assert "value" in lacking.value.zh
    with pytest.raises(PanelColumnError, match="prise"):
        build_panel(long_table(good()), freq="1mo", known=("prise",))


def test_a_wrong_frequency_is_an_error_that_lists_the_right_ones() -> None:
    with pytest.raises(FrequencyError, match="1mo"):
        build_panel(long_table(good()), freq="1x")
    with pytest.raises(NoSeriesError, match="more than one period apart"):
        build_panel(long_table(good()), freq="1d")
    with pytest.raises(PanelTypeError, match="whole number"):
        build_panel(long_table(good()), freq="1")
    with pytest.raises(PanelTypeError, match="use frequency 1"):
        build_panel(long_table(good()).with_columns(ds=pl.int_range(pl.len()).over("unique_id")), freq="1mo")


def _quarter_ends(count: int) -> list[date]:
    firsts = [date(2012 + number // 4, 3 * (number % 4) + 1, 1) for number in range(count + 1)]
    return [first - timedelta(days=1) for first in firsts[1:]]


_LEAP = datetime(2024, 2, 25)  # noqa: DTZ001 - panels have no zone
_STAMPS: dict[str, tuple[str, int, list[int] | list[date] | list[datetime], int | date | datetime]] = {
    "integers": ("1", 1, list(range(100, 180)), 180),
    "hours": (
        "1h",
        24,
        [_LEAP + timedelta(hours=at) for at in range(120)],
        _LEAP + timedelta(days=5),
    ),
    "days": ("1d", 7, [date(2023, 12, 1) + timedelta(days=at) for at in range(90)], date(2024, 2, 29)),
    "weeks": ("1w", 52, [date(2021, 1, 6) + timedelta(days=7 * at) for at in range(130)], date(2023, 7, 5)),
    "months": ("1mo", 12, list(months(62)), date(2020, 3, 1)),
    "month ends": ("1mo", 12, [one - timedelta(days=1) for one in months(62)], date(2020, 2, 29)),
    "quarters": ("1q", 4, list(months(120)[::3]), date(2025, 1, 1)),
    "quarter ends": ("1q", 4, list(_quarter_ends(40)), date(2022, 3, 31)),
}


@pytest.mark.parametrize("kind", _STAMPS)
def test_every_frequency_is_carried_on_in_its_own_stamps(kind: str) -> None:
    freq, season, stamps, after = _STAMPS[kind]
    rng = np.random.default_rng(5)
    at = np.arange(len(stamps))
    y = 50 + 10 * np.sin(2 * np.pi * at / max(season, 2)) + rng.normal(0, 1, len(at))
    table = pl.DataFrame({"unique_id": "one", "ds": stamps, "y": y})
    model = fit_forecaster(build_panel(table, freq=freq), HORIZON, tier=Tier.FAST, levels=LEVELS)
    found = _check(model)
    assert found["ds"][0] == after
    assert found["ds"].is_sorted()
    assert model.panel.season == season


def test_one_bad_series_of_each_kind_leaves_the_others_as_they_were() -> None:
    table = long_table(good())
    bad: list[Callable[[], pl.DataFrame]] = [
        lambda: long_table({"bad": [None] * 84}),
        lambda: pl.concat([long_table({"bad": [1.0] * 84}), long_table({"bad": [2.0] * 84})]),
        lambda: long_table({"bad": good(1)["good0"]}).with_columns(ds=pl.col("ds") + timedelta(days=9)),
    ]
    plain = fit(table).forecast()
    for make in bad:
        model = fit(pl.concat([table, make()]))
        assert model.panel.refused["unique_id"].to_list() == ["bad"]
        assert model.forecast().equals(plain)


def test_thousands_of_series_of_all_kinds_get_one_whole_answer() -> None:
    rng = np.random.default_rng(11)
    count, length = 3_000, 24
    level = np.exp(rng.normal(3, 1, (count, 1)))
    y = level * np.exp(rng.normal(0, 0.2, (count, length)))
    y[::4] = rng.poisson(0.3, (len(y[::4]), length))
    y[1::100] = 5.0
    names = [f"S{number:05d}" for number in range(count)]
    table = pl.DataFrame(
        {"unique_id": np.repeat(np.array(names), length), "ds": months(length) * count, "y": y.ravel()}
    )
    model = fit(table, horizon=3)
    found = _check(model, horizon=3)
    assert found.height == 3 * count
    assert found["unique_id"].unique().sort().to_list() == names
    assert not found["floor"].all()


@st.composite
def _any_series(draw: st.DrawFn) -> dict[str, list[float | None]]:
    """Return one to four series of any length, with holes, zeros, negatives and sizes of all kinds."""
    value = st.one_of(
        st.none(), st.just(0.0), st.floats(-50, 500), st.floats(0, 1e12), st.integers(0, 3).map(float)
    )
    drawn = draw(st.lists(st.lists(value, min_size=1, max_size=40), min_size=1, max_size=4))
    return {f"s{number}": values for number, values in enumerate(drawn)}


@given(series=_any_series(), horizon=st.integers(1, 15))
@settings(max_examples=25, derandomize=True)
def test_whatever_the_series_the_answer_is_whole_or_says_why_there_is_none(
    series: dict[str, list[float | None]], horizon: int
) -> None:
    table = long_table(series)
    try:
        model = fit(table, horizon)
    except NoSeriesError:
        assert all(value is None for values in series.values() for value in values)
        return
    found = _check(model, horizon=horizon)
    refused = set(model.panel.refused["unique_id"])
    assert {*found["unique_id"], *refused} == set(series)
    assert not refused.intersection(found["unique_id"])
    parts = model.explain().group_by("unique_id", "step").agg(pl.col("value").sum())
    both = found.join(parts, on=["unique_id", "step"], how="left").with_columns(
        pl.col("value").fill_null(0.0)
    )
    np.testing.assert_allclose(both["value"], both["forecast"], rtol=1e-6, atol=1e-6)
