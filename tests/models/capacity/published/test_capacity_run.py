"""Runs of capacity are published whole, read back checked and never rewritten."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from models.capacity.published.capacity_run import (
    CapacityRun,
    checked_run,
    latest_run_id,
    list_runs,
    new_run_id,
    read_run,
    write_run,
)
from models.capacity.published.run_frames import FRAMES
from models.errors import BundleError, CapacityRunError, CapacityRunExistsError
from tests.models.capacity.published.capacity_runs import WEEKS, a_run, info_of


def test_what_was_written_is_read_back_the_same(tmp_path: Path) -> None:
    run = replace(a_run(), dependence={"rho": 0.4, "ids": ["P1", "P2"]})
    folder = write_run(tmp_path, run)
    found = read_run(folder)
    wanted = checked_run(run)
    assert found.info == run.info
    assert found.dependence == run.dependence
    for name in FRAMES:
        assert getattr(found, name).equals(getattr(wanted, name)), name


def test_the_order_of_rows_does_not_change_what_is_published(tmp_path: Path) -> None:
    run = a_run()
    mixed = replace(
        run,
        weeks=run.weeks.reverse(),
        days=run.days.reverse(),
        demand=run.demand.reverse(),
        lines=run.lines.reverse(),
        products=run.products.reverse(),
        routes=run.routes.reverse(),
    )
    one, other = write_run(tmp_path / "a", run), write_run(tmp_path / "b", mixed)
    for name in ("weeks", "days", "demand", "lines", "products", "routes"):
        assert (one / f"{name}.parquet").read_bytes() == (other / f"{name}.parquet").read_bytes()


def test_the_pointer_names_the_newest_and_never_goes_back(tmp_path: Path) -> None:
    assert latest_run_id(tmp_path) is None
    newer = datetime(2026, 1, 2, 8, tzinfo=UTC)
    older = datetime(2026, 1, 1, 8, tzinfo=UTC)
    for moment in (newer, older):
        write_run(tmp_path, a_run(info_of(new_run_id(moment, "aa"), issued_at=moment)))
    assert latest_run_id(tmp_path) == "20260102T080000-capacity-aa"
    assert [info.issued_at for info in list_runs(tmp_path)] == [older, newer]


def test_a_run_of_older_data_that_is_issued_later_does_not_hide_the_newest(tmp_path: Path) -> None:
    days = (date(2025, 12, 31), date(2025, 6, 30), date(2026, 1, 31))
    for place, day in enumerate(days):
        moment = datetime(2026, 2, 1 + place, tzinfo=UTC)
        write_run(tmp_path, a_run(info_of(f"run-{place}", issued_at=moment, data_as_of=day)))
        assert latest_run_id(tmp_path) == ("run-2" if place == len(days) - 1 else "run-0")


def test_a_pointer_of_before_data_had_a_day_gives_way_to_what_is_issued_later(tmp_path: Path) -> None:
    (tmp_path / "latest.json").write_text('{"id": "old", "issued_at": "2026-01-01T00:00:00Z"}')
    write_run(tmp_path, a_run(info_of("run-1", issued_at=datetime(2026, 1, 2, tzinfo=UTC))))
    assert latest_run_id(tmp_path) == "run-1"


def test_a_run_is_never_rewritten(tmp_path: Path) -> None:
    write_run(tmp_path, a_run())
    with pytest.raises(CapacityRunExistsError, match="20260101T000000-capacity-abc"):
        write_run(tmp_path, a_run())


def test_a_run_of_before_losses_were_published_is_still_read(tmp_path: Path) -> None:
    losses = pl.DataFrame({"line_id": ["L1"], "reason": ["power"], "hours": [3.0], "units": [30.0]})
    folder = write_run(tmp_path, replace(a_run(), losses=losses))
    assert read_run(folder).losses.equals(losses)
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["files"]["losses.parquet"]
    manifest.write_text(json.dumps(told))
    (folder / "losses.parquet").unlink()
    assert read_run(folder).losses.is_empty()


def test_a_changed_file_and_a_broken_pointer_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path, a_run())
    (folder / "weeks.parquet").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"weeks\.parquet"):
        read_run(folder)
    (tmp_path / "latest.json").write_text("{}")
    with pytest.raises(CapacityRunError, match="no pointer"):
        latest_run_id(tmp_path)


def _with(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> CapacityRun:
    run = a_run()
    given = {name: change(getattr(run, name))}
    return replace(run, **given)  # type: ignore[arg-type]  # one frame by its name


_BAD: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "a column is missing": ("weeks", lambda frame: frame.drop("effective_hours"), "effective_hours"),
    "a line twice": ("lines", lambda frame: pl.concat([frame, frame.head(1)]), "L1"),
    "a week twice": ("weeks", lambda frame: pl.concat([frame, frame.head(1)]), "L1 2026-01-05"),
    "crossing quantiles": ("weeks", lambda frame: frame.with_columns(q90=pl.lit(0.0)), "cross"),
    "no number": ("days", lambda frame: frame.with_columns(forecast=pl.lit(float("nan"))), "infinite"),
    "not a Monday": (
        "demand",
        lambda frame: frame.with_columns(pl.col("week").dt.offset_by("1d")),
        "Monday",
    ),
    "an unknown product": (
        "demand",
        lambda frame: frame.with_columns(product_id=pl.col("product_id") + "x"),
        "P1x",
    ),
    "an unknown line": ("routes", lambda frame: frame.with_columns(line_id=pl.col("line_id") + "x"), "L1x"),
    "an unexplained fallback": (
        "weeks",
        lambda frame: frame.with_columns(quality_flag=pl.lit("planned_rate")),
        "no reason",
    ),
    "an unknown flag": ("weeks", lambda frame: frame.with_columns(quality_flag=pl.lit("fine")), "none of"),
    "an explanation that does not add up": (
        "contributions",
        lambda frame: frame.with_columns(pl.col("value") + 1.0),
        "sum to the forecast",
    ),
    "no explanation": ("contributions", lambda frame: frame.clear(), "sum to the forecast"),
    "no line": ("lines", lambda frame: frame.clear(), "no line"),
    "wrong types": (
        "products",
        lambda frame: frame.with_columns(product_id=pl.lit(None, pl.String)),
        "product_id",
    ),
}


@pytest.mark.parametrize("case", _BAD)
def test_a_run_that_does_not_hold_together_is_refused_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    name, change, told = _BAD[case]
    with pytest.raises(CapacityRunError, match=told) as caught:
        write_run(tmp_path, _with(name, change))
    assert caught.value.zh != caught.value.en
    assert not list(tmp_path.iterdir())


def test_a_probability_lies_between_zero_and_one(tmp_path: Path) -> None:
    wrong = pl.DataFrame({"product_id": ["P1"], "week": [WEEKS[0]], "probability": [1.2]})
    with pytest.raises(CapacityRunError, match="probability outside"):
        write_run(tmp_path, replace(a_run(), shortfall_products=wrong))
