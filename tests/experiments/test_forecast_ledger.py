"""A published run is kept whole and for good; naive, model and planner are measured as each stood when it was said."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from experiments.forecast_ledger import accuracy, list_runs, publish_run, read_run
from features.timeline import Frequency
from models.demand.ledger.forecast_value_added import BY, actuals_of, forecast_pairs, summarise
from models.demand.ledger.planner_overrides import OVERRIDES
from models.demand.ledger.published_run import ForecastRun, latest_run_id
from models.errors import BundleError, ForecastRunError, ForecastRunExistsError
from tests.serving.demand.demand_world import make_run

OCTOBER = datetime(2026, 11, 3, 2, tzinfo=UTC)
NOVEMBER = datetime(2026, 12, 3, 2, tzinfo=UTC)
DECEMBER = datetime(2027, 1, 4, 2, tzinfo=UTC)
LATER = datetime(2027, 2, 1, tzinfo=UTC)


@pytest.fixture
def run() -> ForecastRun:
    return make_run(date(2026, 10, 1), issued_at=OCTOBER)


@pytest.fixture(scope="module")
def three() -> list[ForecastRun]:
    """Runs with data through October, November and December; forecasts are 10, 20 and 30 percent too high."""
    return [
        make_run(date(2026, 10, 1), issued_at=OCTOBER, bias=1.1),
        make_run(date(2026, 11, 1), issued_at=NOVEMBER, bias=1.2),
        make_run(date(2026, 12, 1), issued_at=DECEMBER, bias=1.3),
    ]


def override(
    value: float, ds: str, made_at: datetime, *, changes: dict[str, object] | None = None
) -> pl.DataFrame:
    row: dict[str, object] = {
        "seq": 1, "override_id": f"o{value:g}", "freq": "1mo", "unique_id": "SKU-001/west", "ds": ds, "kind": "absolute",
        "value": value, "made_at": made_at, "until": date(2027, 12, 31), "withdrawn_at": None,
    }  # fmt: skip
    return pl.DataFrame([{**row, **(changes or {})}], schema=OVERRIDES)


def west(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.filter(pl.col("unique_id") == "SKU-001/west")


def test_what_is_read_is_what_was_published(tmp_path: Path, run: ForecastRun) -> None:
    folder = publish_run(tmp_path, run)
    assert folder == tmp_path / "forecasts" / run.info.run_id
    back = read_run(tmp_path, run.info.run_id)
    assert back.info == run.info
    for name in ("forecast", "components", "quality", "history"):
        written = getattr(run, name)
        keys = [column for column in ("unique_id", "step", "component", "ds") if column in written.columns]
        assert_frame_equal(
            getattr(back, name).select(written.columns).sort(keys), written.sort(keys), check_dtypes=False
        )


def test_a_published_run_is_never_changed(tmp_path: Path, run: ForecastRun) -> None:
    folder = publish_run(tmp_path, run)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ForecastRunExistsError, match=run.info.run_id):
        publish_run(tmp_path, make_run(date(2026, 10, 1), issued_at=OCTOBER, bias=2.0))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in (tmp_path / "forecasts").iterdir()) == [
        run.info.run_id,
        "latest-1mo.json",
    ]


def test_a_changed_file_is_noticed(tmp_path: Path, run: ForecastRun) -> None:
    folder = publish_run(tmp_path, run)
    (folder / "quality.parquet").write_bytes((folder / "history.parquet").read_bytes())
    with pytest.raises(BundleError, match=r"quality\.parquet"):
        read_run(tmp_path, run.info.run_id)


def test_runs_are_listed_by_issue_and_the_pointer_never_goes_back(
    tmp_path: Path, three: list[ForecastRun]
) -> None:
    for number in (1, 2, 0):
        publish_run(tmp_path, three[number])
    assert [info.issued_at for info in list_runs(tmp_path)] == [OCTOBER, NOVEMBER, DECEMBER]
    assert list_runs(tmp_path, Frequency.WEEK) == []
    assert latest_run_id(tmp_path / "forecasts", Frequency.MONTH) == three[2].info.run_id
    assert latest_run_id(tmp_path / "forecasts", Frequency.WEEK) is None


def test_a_pointer_that_is_none_is_named(tmp_path: Path, run: ForecastRun) -> None:
    publish_run(tmp_path, run)
    pointer = tmp_path / "forecasts" / "latest-1mo.json"
    pointer.write_text(json.dumps({"run_id": "../../etc"}))
    with pytest.raises(ForecastRunError, match=r"latest-1mo\.json"):
        latest_run_id(tmp_path / "forecasts", Frequency.MONTH)


def changed(run: ForecastRun, frame: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> ForecastRun:
    frames = {name: getattr(run, name) for name in ("forecast", "components", "quality", "history")}
    return ForecastRun(run.info, **{**frames, frame: change(frames[frame])})


FIRST = pl.int_range(pl.len()) == 0
SPOILT: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "a column is missing": ("forecast", lambda f: f.drop("step"), "lacks the columns.*step"),
    "a step twice": ("forecast", lambda f: pl.concat([f, f.head(1)]), r"total.*a step twice"),
    "a forecast is missing": (
        "forecast",
        lambda f: f.with_columns(pl.when(~FIRST).then("forecast").alias("forecast")),
        "missing or infinite",
    ),
    "quantiles cross": ("forecast", lambda f: f.with_columns(q90=pl.lit(0.0)), "quantiles that cross"),
    "a step beyond the horizon": ("forecast", lambda f: f.with_columns(pl.col("step") + 1), "steps outside"),
    "components do not add up": (
        "components",
        lambda f: f.with_columns(pl.col("value") + pl.when(FIRST).then(0.01).otherwise(0.0)),
        r"1 series \(total\).*do not sum",
    ),
    "nobody says how good it is": (
        "quality",
        lambda f: f.filter(pl.col("unique_id") != "total"),
        "no quality",
    ),
    "a fallback without a reason": (
        "quality",
        lambda f: f.with_columns(pl.lit(None, pl.String).alias("reason_en")),
        "below full and no reason",
    ),
    "a quality that is none": ("quality", lambda f: f.with_columns(quality=pl.lit("good")), "none of full"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_does_not_hold_together_is_not_published(tmp_path: Path, run: ForecastRun, what: str) -> None:
    frame, change, message = SPOILT[what]
    with pytest.raises(ForecastRunError, match=message):
        publish_run(tmp_path, changed(run, frame, change))
    assert not (tmp_path / "forecasts").exists()


def test_lead_time_compares_what_was_issued_at_that_lead(three: list[ForecastRun]) -> None:
    found = accuracy(three, as_of=LATER)
    assert found["lead"].to_list() == [1, 2]
    # December was forecast at lead 1 by November's run (20 % high), at lead 2 by October's (10 %).
    lead = {row["lead"]: row for row in found.iter_rows(named=True)}
    assert lead[1]["wape_model"] == pytest.approx(0.15), "November 10 % and December 20 %, of equal size"
    assert lead[2]["wape_model"] == pytest.approx(0.1)
    assert lead[1]["bias_model"] == pytest.approx(0.15)
    assert lead[1]["periods"] == 12
    assert (lead[1]["wape_naive"], lead[1]["fva_model"]) == (0, pytest.approx(-0.15)), (
        "the naive is exact here"
    )


def test_an_actual_counts_once_it_is_known(three: list[ForecastRun]) -> None:
    def periods(as_of: datetime) -> int:
        return west(forecast_pairs(three, as_of=as_of)).height

    assert periods(OCTOBER) == 0, "no run holds November yet"
    assert periods(datetime(2026, 12, 2, tzinfo=UTC)) == 0, "November's run is not issued yet"
    assert periods(NOVEMBER) == 1
    assert periods(DECEMBER) == 3, "November and December at lead 1, December at lead 2"


@settings(max_examples=25)
@given(st.integers(0, 120), st.floats(0.1, 9))
def test_nothing_told_after_a_moment_changes_what_was_measured_then(days: int, factor: float) -> None:
    moment = OCTOBER + (LATER - OCTOBER) * days / 120
    runs = [
        make_run(date(2026, month, 1), issued_at=issued)
        for month, issued in ((10, OCTOBER), (11, NOVEMBER), (12, DECEMBER))
    ]
    spoilt = [
        run
        if run.info.issued_at <= moment
        else changed(run, "history", lambda f: f.with_columns(pl.col("y") * factor))
        for run in runs
    ]
    late = override(1.0, "2026-12-01", LATER)
    was = forecast_pairs([run for run in runs if run.info.issued_at <= moment], as_of=moment)
    assert_frame_equal(forecast_pairs(spoilt, overrides=late, as_of=moment), was)


def test_a_forecast_issued_after_the_actual_was_known_does_not_count() -> None:
    late = make_run(date(2026, 10, 1), issued_at=datetime(2026, 12, 2, tzinfo=UTC), run_id="late")
    following = make_run(date(2026, 11, 1), issued_at=NOVEMBER)
    assert forecast_pairs([late, following], as_of=LATER).is_empty()


def test_of_two_runs_at_one_lead_the_last_counts(three: list[ForecastRun]) -> None:
    again = make_run(
        date(2026, 10, 1), issued_at=datetime(2026, 11, 10, tzinfo=UTC), run_id="again", bias=1.5
    )
    pairs = west(forecast_pairs([*three[:2], again], as_of=LATER))
    assert pairs.select("lead", "run_id").rows() == [(1, "again")]
    assert pairs["model"].to_list() == pytest.approx([450])


def test_revised_actuals_are_told_apart_by_vintage() -> None:
    runs = [
        make_run(date(2026, 10, 1), issued_at=OCTOBER, bias=1.0),
        make_run(date(2026, 11, 1), issued_at=NOVEMBER),
        make_run(date(2026, 12, 1), issued_at=DECEMBER, revised=2.0),
    ]
    told = west(actuals_of(runs)).filter(pl.col("ds") == "2026-11-01")
    assert told.select("y", "known_at").rows() == [(300, date(2026, 12, 1)), (600, date(2027, 1, 1))]
    first = accuracy(runs[:1] + runs[2:], actuals_of(runs), as_of=LATER, vintage="first")
    latest = accuracy(runs[:1] + runs[2:], actuals_of(runs), as_of=LATER, vintage="latest")
    assert first.filter(pl.col("lead") == 1)["wape_model"].item() == pytest.approx(0)
    assert latest.filter(pl.col("lead") == 1)["wape_model"].item() == pytest.approx(0.5)


def test_planners_override_is_measured_beside_the_model(three: list[ForecastRun]) -> None:
    told = override(300.0, "2026-12-01", datetime(2026, 12, 5, tzinfo=UTC))
    found = accuracy(three, overrides=told, as_of=LATER, by=("unique_id", "lead"))
    row = found.filter((pl.col("unique_id") == "SKU-001/west") & (pl.col("lead") == 1)).row(0, named=True)
    assert (row["periods"], row["overridden"]) == (2, 1)
    assert row["wape_model_overridden"] == pytest.approx(0.2)
    assert row["wape_planner_overridden"] == pytest.approx(0)
    assert row["wape_planner"] == pytest.approx(0.05), "November 10 % high, December right"
    assert row["fva_planner"] == pytest.approx(0.1)
    early = found.filter((pl.col("unique_id") == "SKU-001/west") & (pl.col("lead") == 2)).row(0, named=True)
    assert early["overridden"] == 0, "October's run had been replaced when the planner spoke"
    company = found.filter((pl.col("unique_id") == "ORG-07") & (pl.col("lead") == 1)).row(0, named=True)
    assert company["overridden"] == 1, "the sum above moved with it"
    assert company["wape_planner"] == pytest.approx((40 + 20) / 800)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"made_at": datetime(2027, 1, 1, 0, 1, tzinfo=UTC)}, False),  # on the day the actual became known
        ({"withdrawn_at": datetime(2026, 12, 6, tzinfo=UTC)}, False),
        ({"withdrawn_at": datetime(2027, 1, 2, tzinfo=UTC)}, True),
        ({"until": date(2026, 12, 31)}, True),  # the last day of the period
        ({"until": date(2026, 12, 30)}, False),
        ({"freq": "1w"}, False),
    ],
)
def test_an_override_counts_if_it_stood_when_the_actual_became_known(
    three: list[ForecastRun], changes: dict[str, object], *, counts: bool
) -> None:
    told = override(300.0, "2026-12-01", datetime(2026, 12, 5, tzinfo=UTC), changes=changes)
    pairs = west(forecast_pairs(three, overrides=told, as_of=LATER))
    assert pairs.filter(pl.col("ds") == "2026-12-01", lead=1)["overridden"].to_list() == [counts]


def test_bands_are_held_to_what_they_promise(three: list[ForecastRun]) -> None:
    # A forecast 10 % high has a band of 99 to 132 percent of the truth, one 20 % high of 108 to 144.
    found = accuracy(three, as_of=LATER, by=("lead",))
    assert found["nominal"].to_list() == pytest.approx([0.8, 0.8])
    assert found["coverage"].to_list() == pytest.approx([0.5, 1.0])


def test_pairs_without_a_naive_are_counted_and_left_out_of_all_three(three: list[ForecastRun]) -> None:
    short = [
        changed(run, "history", lambda f: f.group_by("unique_id", maintain_order=True).tail(3))
        for run in three
    ]
    found = accuracy(short, actuals_of(three), as_of=LATER)
    assert found["periods"].to_list() == [0, 0]
    assert found["without_naive"].to_list() == [12, 6]
    assert found["wape_model"].to_list() == [None, None]


@pytest.mark.parametrize("by", BY)
def test_every_group_holds_every_pair(three: list[ForecastRun], by: str) -> None:
    pairs = forecast_pairs(three, as_of=LATER)
    assert summarise(pairs, by=[by])["periods"].sum() == pairs.height == 18


def test_a_group_that_is_none_is_named(three: list[ForecastRun]) -> None:
    with pytest.raises(ForecastRunError, match=r"colour.*lead"):
        accuracy(three, as_of=LATER, by=("colour",))


def test_without_any_run_there_is_nothing_to_measure() -> None:
    assert accuracy([], as_of=LATER).is_empty()
