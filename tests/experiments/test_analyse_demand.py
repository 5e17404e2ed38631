"""The analysis of a table and the nowcast of its periods, from files to files."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from experiments.analyse_demand import AnalyseDemand, NowcastDemand
from zhiheng.commands import analyse as commands

_SAMPLE = Path(__file__).parents[2] / "data_samples" / "group"


def _quiet(zh: str, en: str) -> None:
    assert zh
    assert en


def _orders() -> pl.DataFrame:
    sales = pl.read_parquet(_SAMPLE / "sales.parquet").filter(pl.col("quantity").is_finite())
    return (
        sales.unique(["product_id", "region", "ds"], keep="first")
        .group_by(unique_id="product_id", ds="ds")
        .agg(
            y=pl.col("quantity").sum(),
            promotion=pl.col("promotion").cast(pl.Float64).mean(),
            known_at=pl.col("known_at").max(),
        )
        .sort("unique_id", "ds")
    )


def test_the_salt_panic_of_the_sample_group_is_one_run_of_outliers(tmp_path: Path) -> None:
    table, events = tmp_path / "sales.parquet", tmp_path / "events.parquet"
    _orders().drop("known_at").write_parquet(table)
    truth = pl.read_parquet(_SAMPLE / "truth" / "events.parquet").filter(pl.col("event") == "salt_panic")
    truth.write_parquet(events)
    job = AnalyseDemand(
        table=table, freq="1d", out=tmp_path / "out", drivers=("promotion",), events=events, most_parts=2
    )
    found = job.run(_quiet)
    salt = pl.read_parquet(_SAMPLE / "products.parquet").filter(pl.col("family") == "salt")["product_id"]
    panic = found.runs.filter(pl.col("explained_by") == "event:salt_panic").sort("unique_id")
    assert set(salt) & set(found.outliers["unique_id"]) == set(panic["unique_id"])
    assert set(panic["ds_from"]) == {truth["start_on"][0]}
    assert all(abs((end - truth["end_on"][0]).days) <= 2 for end in panic["ds_to"])
    assert (panic["percent"] > 80).all()
    assert found.parts["unique_id"].n_unique() == 2
    for name in ("parts", "strengths", "changes", "outliers", "runs", "refused"):
        assert pl.read_parquet(tmp_path / "out" / f"{name}.parquet").equals(getattr(found, name))


def test_monthly_sheets_are_completed_once_they_are_in(tmp_path: Path) -> None:
    orders = _orders()
    month = date(2024, 5, 1)
    final = orders.group_by("unique_id", ds=pl.col("ds").dt.month_start()).agg(y=pl.col("y").sum())
    forecast = final.filter(pl.col("ds") == month).with_columns(forecast=pl.col("y") * 1.5)
    forecast = forecast.with_columns(q10=pl.col("forecast") * 0.9, q90=pl.col("forecast") * 1.1).drop("y")
    orders.write_parquet(tmp_path / "orders.parquet")
    forecast.write_parquet(tmp_path / "forecast.parquet")
    given = {"orders": tmp_path / "orders.parquet", "forecast": tmp_path / "forecast.parquet", "freq": "1mo"}
    early = NowcastDemand.model_validate(
        {**given, "as_of": month + timedelta(days=20), "out": tmp_path / "a.parquet"}
    ).run(_quiet)
    late = NowcastDemand.model_validate(
        {**given, "as_of": month + timedelta(days=55), "out": tmp_path / "b.parquet"}
    ).run(_quiet)
    assert set(early["verdict"]) == {"inside"}
    assert set(late["verdict"]) == {"below"}
    joined = late.join(final, on=["unique_id", "ds"])
    np.testing.assert_allclose(
        joined["nowcast"], joined["y"], rtol=0.05
    )  # some rows of the sheets come months late
    assert pl.read_parquet(tmp_path / "b.parquet").equals(late)


def test_the_commands_run_and_say_what_they_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_LANG", "en")
    app = typer.Typer()
    app.command()(commands.analyse)
    app.command()(commands.nowcast)
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"unique_id": "A", "ds": range(80), "y": 100 + rng.normal(size=80)})
    table.with_columns(y=pl.when(pl.col("ds") == 40).then(300.0).otherwise("y")).write_parquet(
        tmp_path / "t.parquet"
    )
    given = ["analyse", "--table", str(tmp_path / "t.parquet"), "--freq", "1", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    assert "1 series: 0 changes, 1 runs of outliers" in result.output
