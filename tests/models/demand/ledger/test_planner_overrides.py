"""Whatever planners override, figures add up as far as overrides allow, and what nobody touched stays as it was."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.demand.ledger.planner_overrides import OVERRIDES, apply_overrides, in_force, may_be_negative
from models.demand.ledger.published_run import KEYS

MADE = datetime(2026, 11, 1, tzinfo=UTC)
LEAVES = [
    ("A", "p1", "east"),
    ("A", "p1", "west"),
    ("A", "p2", "east"),
    ("B", "p3", "east"),
    ("B", "p3", "west"),
]


def row(name: str, forecast: float, *keys: str | None) -> dict[str, object]:
    org, product, region = keys
    named = {"org_id": org, "product_id": product, "region": region, "family": None}
    return {"unique_id": name, "ds": date(2026, 12, 1), "step": 1, "forecast": forecast, **named}


def figures(values: list[float]) -> pl.DataFrame:
    """Return five series with the sums by company, by product, by region, by company and region, and of all."""
    leaves = [row("/".join(keys), value, *keys) for keys, value in zip(LEAVES, values, strict=True)]
    frame = pl.DataFrame(leaves, schema_overrides=dict.fromkeys(KEYS, pl.String))
    sums = [frame]
    for by in ((), ("org_id",), ("org_id", "product_id"), ("region",), ("org_id", "region")):
        total = (
            frame.group_by(by).agg(pl.col("forecast").sum()) if by else frame.select(pl.col("forecast").sum())
        )
        name = pl.format("sum {}", pl.concat_str(*by, separator="/")) if by else pl.lit("total")
        held = [pl.col(key) if key in by else pl.lit(None, pl.String).alias(key) for key in KEYS]
        sums.append(
            total.with_columns(
                name.alias("unique_id"), *held, ds=pl.lit(date(2026, 12, 1)), step=pl.lit(1, pl.Int64)
            ).select(frame.columns)
        )
    return pl.concat(sums)


NAMES = figures([1.0] * 5)["unique_id"].to_list()


def told(*given: tuple[str, float], **changes: object) -> pl.DataFrame:
    rows = [
        {
            "seq": number, "override_id": f"o{number}", "freq": "1mo", "unique_id": name, "ds": "2026-12-01",
            "kind": "absolute", "value": value, "made_at": MADE + timedelta(minutes=number),
            "until": date(2026, 12, 31), "withdrawn_at": None, **changes,
        }
        for number, (name, value) in enumerate(given)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=OVERRIDES)


def finals(frame: pl.DataFrame, overrides: pl.DataFrame) -> dict[str, float]:
    moved = apply_overrides(frame, overrides)
    assert moved["unique_id"].is_unique().all()
    joined = frame.join(moved, on=["unique_id", "step"], how="left")
    return dict(joined.select("unique_id", pl.coalesce("final", "forecast")).iter_rows())


def parts(frame: pl.DataFrame, name: str) -> list[str]:
    (keys,) = frame.filter(unique_id=name).select(KEYS).rows()
    return [
        "/".join(leaf) for leaf in LEAVES if all(k in (None, v) for k, v in zip(keys, leaf, strict=False))
    ]


AMOUNTS = st.floats(0, 1000, allow_nan=False).map(lambda value: round(value, 3))


@settings(max_examples=60)
@given(st.lists(AMOUNTS, min_size=5, max_size=5), st.sampled_from(NAMES), AMOUNTS)
def test_one_override_leaves_everything_adding_up(values: list[float], name: str, value: float) -> None:
    frame = figures(values)
    after = finals(frame, told((name, value)))
    assert after[name] == value
    for other in NAMES:
        assert after[other] == pytest.approx(sum(after[leaf] for leaf in parts(frame, other)), abs=1e-6)
        if not set(parts(frame, other)) & set(parts(frame, name)):
            assert after[other] == frame.filter(unique_id=other)["forecast"].item()


@settings(max_examples=60)
@given(
    st.lists(AMOUNTS, min_size=5, max_size=5),
    st.lists(
        st.tuples(st.sampled_from(NAMES), AMOUNTS), min_size=2, max_size=4, unique_by=lambda pair: pair[0]
    ),
)
def test_several_overrides_are_each_kept_and_nothing_falls_below_zero(
    values: list[float], given_: list[tuple[str, float]]
) -> None:
    frame = figures(values)
    after = finals(frame, told(*given_))
    assert {name: after[name] for name, _ in given_} == dict(given_)
    assert min(after.values()) >= -1e-6
    for other in set(NAMES) - {name for name, _ in given_}:
        assert after[other] == pytest.approx(sum(after[leaf] for leaf in parts(frame, other)), abs=1e-6)


def test_where_nothing_is_forecast_the_parts_get_equal_shares() -> None:
    assert finals(figures([0.0] * 5), told(("sum A", 30.0)))["A/p1/east"] == 10


def test_percent_is_of_the_models_figure_at_its_own_level() -> None:
    after = finals(figures([10.0, 20.0, 30.0, 40.0, 50.0]), told(("sum B", -50.0), kind="percent"))
    assert (after["sum B"], after["B/p3/east"], after["total"]) == (45, 20, 105)


def test_series_without_keys_keep_their_overrides_to_themselves() -> None:
    frame = figures([1.0] * 5).with_columns(pl.lit(None, pl.String).alias(key) for key in KEYS)
    moved = apply_overrides(frame, told(("total", 9.0)))
    assert moved.select("unique_id", "final", "basis").rows() == [("total", 9, "own")]


def test_levels_that_do_not_lie_below_one_another_keep_their_overrides_to_themselves() -> None:
    frame = figures([1.0] * 5).filter(pl.col("unique_id").is_in(["sum A", "sum east"]))
    assert apply_overrides(frame, told(("sum A", 9.0)))["unique_id"].to_list() == ["sum A"]


def test_no_override_changes_nothing() -> None:
    assert apply_overrides(figures([1.0] * 5), told()).is_empty()
    assert apply_overrides(figures([1.0] * 5), told(("no such", 1.0))).is_empty()
    assert apply_overrides(figures([1.0] * 5), told(("total", 1.0), ds="2027-01-01")).is_empty()


def test_shares_may_be_negative_where_returns_are_sold() -> None:
    frame = figures([10.0, 20.0, 30.0, 40.0, 50.0])
    given_ = told(("A/p1/east", 100.0), ("sum A", 50.0))
    assert apply_overrides(frame, given_)["final"].min() == 0
    assert apply_overrides(frame, given_, negative=True)["final"].min() == pytest.approx(-30)
    assert may_be_negative(pl.DataFrame({"y": [1.0, -1.0]}))
    assert not may_be_negative(pl.DataFrame({"y": [1.0, None, float("nan"), 0.0]}))


@pytest.mark.parametrize(
    ("at", "values"),
    [
        (MADE - timedelta(seconds=1), []),
        (MADE, [1.0]),
        (MADE + timedelta(minutes=1), [2.0]),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), [2.0]),
        (datetime(2027, 1, 1, tzinfo=UTC), []),
    ],
)
def test_newest_override_in_force_counts(at: datetime, values: list[float]) -> None:
    assert in_force(told(("total", 1.0), ("total", 2.0)), at)["value"].to_list() == values


def test_withdrawing_the_newest_brings_the_one_before_back() -> None:
    both = told(("total", 1.0), ("total", 2.0)).with_columns(
        pl.when(pl.col("value") == 2).then(MADE + timedelta(hours=1)).alias("withdrawn_at")
    )
    assert in_force(both, MADE + timedelta(minutes=30))["value"].to_list() == [2]
    assert in_force(both, MADE + timedelta(hours=1))["value"].to_list() == [1]
