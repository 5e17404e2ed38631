"""`zhiheng capacity ...`: tables in, forecasts, plans and comparisons out; errors of one line in both languages."""

import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.capacity.published.capacity_run import FOLDER, write_run
from models.capacity.published.plan_record import FOLDER as PLANS
from models.capacity.published.plan_record import latest_plan_id
from tests.models.capacity.published.capacity_runs import a_run
from zhiheng import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder where commands run; the home lies below it."""
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def published(folder: Path) -> Path:
    write_run(folder / "home" / FOLDER, a_run())
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line as a user does: status, what was printed, what was complained of."""

    def invoke(*arguments: str, lang: str = "en") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zhiheng", "--lang", lang, "capacity", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return invoke


def _table(days: int = 150) -> pl.DataFrame:
    """Return two lines whose output falls where it is humid."""
    rng = np.random.default_rng(3)
    first = date(2025, 1, 6)
    humid = rng.uniform(0, 1, days)
    frames = [
        pl.DataFrame(
            {
                "line_id": [line] * days,
                "ds": [first + timedelta(days=one) for one in range(days)],
                "planned_rate": [rate] * days,
                "planned_hours": [16.0] * days,
                "output": 16.0 * rate * (0.95 - 0.3 * humid) + rng.normal(0, 2, days),
                "humidity": humid,
            }
        )
        for line, rate in (("A", 20.0), ("B", 30.0))
    ]
    return pl.concat(frames)


def test_any_plants_table_becomes_a_forecast_with_its_report(folder: Path, run: Run) -> None:
    table = _table()
    last = table["ds"].max()
    assert isinstance(last, date)
    plan = [
        {
            "line_id": line,
            "ds": last + timedelta(days=one + 1),
            "planned_rate": rate,
            "planned_hours": 16.0,
            "humidity": 0.5,
        }
        for line, rate in (("A", 20.0), ("B", 30.0))
        for one in range(28)
    ]
    table.write_csv(folder / "lines.csv")
    pl.DataFrame(plan).write_csv(folder / "plan.csv")
    status, said, _ = run(
        "forecast", "--history", "lines.csv", "--plan", "plan.csv", "--drivers", "humidity", "--out", "fc.parquet",
        "--explain",
    )  # fmt: skip
    assert status == 0
    assert "2 lines to forecast" in said
    weeks = pl.read_parquet(folder / "fc.parquet")
    assert set(weeks["line_id"]) == {"A", "B"}
    assert (weeks["q10"] <= weeks["q90"]).all()
    assert pl.read_parquet(folder / "fc.days.parquet").height == 2 * 28
    assert (folder / "fc.report.parquet").is_file()
    told = pl.read_parquet(folder / "fc.explanation.parquet")
    sums = told.group_by("line_id", "week").agg(pl.col("value").sum()).join(weeks, on=["line_id", "week"])
    np.testing.assert_allclose(sums["value"], sums["forecast"], rtol=1e-6)


def test_a_table_that_cannot_be_used_is_named_in_both_languages(folder: Path, run: Run) -> None:
    _table().drop("output").write_csv(folder / "lines.csv")
    status, _, complaint = run("forecast", "--history", "lines.csv")
    assert status == 1
    assert "output" in complaint
    assert "Traceback" not in complaint
    status, _, complaint = run("forecast", "--history", "lines.csv", lang="zh")
    assert status == 1
    assert "output" in complaint
    assert any("一" <= one <= "鿿" for one in complaint)
    _table().with_columns(planned_hours=pl.lit(-1.0)).write_csv(folder / "lines.csv")
    status, _, complaint = run("forecast", "--history", "lines.csv", "--out", "fc.txt")
    assert status == 1
    assert "--out" in complaint
    status, _, complaint = run("forecast", "--history", "lines.csv")
    assert status == 1
    assert "planned_hours" in complaint
    assert not (folder / "lines.forecast.csv").exists()


def test_a_tables_profile_is_checked_told_and_names_what_was_lost(folder: Path, run: Run) -> None:
    salt = _table().with_columns(
        unit=pl.lit("t"),
        profile=pl.lit("well_salt"),
        run_hours=15.0,
        stop_reason=pl.lit("power"),
        steam_pressure=pl.lit(-5.0),
    )
    salt.with_columns(profile=pl.lit("glas")).write_csv(folder / "lines.csv")
    status, _, complaint = run("forecast", "--history", "lines.csv")
    assert (status, "glas" in complaint, "well_salt" in complaint) == (1, True, True)
    salt.with_columns(unit=pl.lit("kg")).write_csv(folder / "lines.csv")
    status, _, complaint = run("forecast", "--history", "lines.csv")
    assert (status, "kg" in complaint) == (1, True)
    salt.with_columns(pl.when(pl.col("line_id") == "A").then("profile")).write_csv(folder / "lines.csv")
    status, said, _ = run(
        "forecast", "--history", "lines.csv", "--drivers", "steam_pressure", "--out", "fc.csv"
    )
    assert status == 0
    report = pl.read_csv(folder / "fc.report.csv").select("line_id", "rule").rows()
    assert ("A", "profile_unverified") in report
    assert ("A", "driver_out_of_range") in report
    assert ("B", "profile_assumed") in report
    lost = pl.read_csv(folder / "fc.losses.csv")
    assert lost.filter(line_id="A")["loss"].to_list() == ["breakdown"]
    assert lost["hours"].to_list() == [91.0, 91.0]
    assert "fc.losses.csv" in said
    assert "91.0 h" in said


def test_a_profile_is_shown_in_the_readers_words(folder: Path, run: Run) -> None:
    status, said, _ = run("profile", "--name", "carbon_fibre")
    assert (status, "yes" in said, "True" in said) == (0, True, False)
    status, said, _ = run("profile", "--name", "carbon_fibre", lang="zh")
    assert (status, "是" in said, "True" in said) == (0, True, False)


def test_the_groups_forecast_needs_a_day_and_tables(folder: Path, run: Run) -> None:
    assert run("forecast")[0] == 2
    status, _, complaint = run("forecast", "--as-of", "2025-12-31")
    assert status == 1
    assert "Traceback" not in complaint
    assert not (folder / "home" / "capacity").exists()


def test_a_plan_is_printed_and_kept(published: Path, run: Run) -> None:
    status, said, _ = run("plan")
    assert status == 0
    assert "Product mix" in said
    assert "P1" in said
    kept = latest_plan_id(published / "home" / PLANS)
    assert kept is not None
    assert kept in said
    status, said, _ = run("plan", lang="zh")
    assert status == 0
    assert "产品组合" in said
    assert kept in said  # what changed against it


def test_a_plan_that_fails_leaves_the_last_one_and_says_so(published: Path, run: Run) -> None:
    run("plan")
    kept = latest_plan_id(published / "home" / PLANS)
    assert kept is not None
    status, said, complaint = run("plan", "--weeks", "30")
    assert status == 1
    assert kept in said
    assert "30" in complaint
    assert latest_plan_id(published / "home" / PLANS) == kept


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plan", "--objective", "planet"), "--objective"),
        (("plan", "--capacity", "1.5"), "--capacity"),
        (("plan", "--companies", "C9"), "C9"),
        (("scenario", "--name", "no-such"), "no-such"),
        (("scenario", "--out", "x.txt"), "--out"),
        (("profile", "--name", "no-such"), "no-such"),
        (("profile", "--check", "no-such.toml"), "no-such.toml"),
    ],
)
def test_bad_options_are_named(published: Path, run: Run, arguments: tuple[str, ...], told: str) -> None:
    status, _, complaint = run(*arguments)
    assert status == 1
    assert told in complaint
    assert "Traceback" not in complaint


def test_without_a_run_plan_and_scenario_say_what_to_do(folder: Path, run: Run) -> None:
    for command in ("plan", "scenario"):
        status, _, complaint = run(command)
        assert status == 1
        assert "zhiheng capacity forecast" in complaint


def test_scenarios_are_printed_side_by_side(published: Path, run: Run) -> None:
    status, said, _ = run("scenario", "--name", "demand_up_10,demand_down_10", "--out", "beside.csv")
    assert status == 0
    assert "demand_up_10" in said
    assert (published / "beside.csv").is_file()


def test_profiles_are_listed_shown_and_checked(folder: Path, run: Run) -> None:
    status, said, _ = run("profile")
    assert status == 0
    assert "sea_salt" in said
    status, said, _ = run("profile", "--name", "cylindrical_cells", lang="zh")
    assert status == 0
    assert "只" in said
    (folder / "own.toml").write_text("id = 3", encoding="utf-8")
    status, _, complaint = run("profile", "--check", "own.toml")
    assert status == 1
    assert "own.toml" in complaint
