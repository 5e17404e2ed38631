"""A table in, a forecast, its report, its parts and its model out; or one clear error and nothing written."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from experiments.errors import OptionError
from experiments.forecast_table import Forecasted, ForecastTable
from experiments.job import checked_job
from features.errors import PanelColumnError
from models.demand.model_folder import load_demand_model
from models.errors import HierarchyError, UnknownMemberError
from tests.models.demand.demand_tables import good, long_table, shop_table

_NODES = """
[nodes]
north = ["north_a", "north_b"]
south = ["south_a", "south_spares"]
"""


def _quiet(zh: str, en: str) -> None:
    assert zh
    assert en


def _run(folder: Path, **options: object) -> Forecasted:
    given: dict[str, object] = {
        "table": folder / "x.parquet",
        "freq": "1mo",
        "horizon": 3,
        "tier": "fast",
        "out": folder / "out" / "fc.parquet",
        **options,
    }
    return checked_job(ForecastTable, **given).run(_quiet)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop_table().write_parquet(tmp_path / "x.parquet")
    (tmp_path / "nodes.toml").write_text(_NODES, encoding="utf-8")
    return tmp_path


def test_everything_asked_for_is_written_and_is_what_was_returned(folder: Path) -> None:
    found = _run(
        folder,
        known=("price", "promotion"),
        static=("shop",),
        hierarchy=folder / "nodes.toml",
        explain=True,
        model=folder / "model",
    )
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == {
        "fc.parquet",
        "fc.report.parquet",
        "fc.components.parquet",
    }
    written = pl.read_parquet(out / "fc.parquet")
    assert_frame_equal(written, found.forecast, check_exact=True)
    assert_frame_equal(pl.read_parquet(out / "fc.report.parquet"), found.report)
    parts = pl.read_parquet(out / "fc.components.parquet")
    sums = parts.group_by("unique_id", "step").agg(pl.col("value").sum())
    both = written.join(sums, on=["unique_id", "step"])
    assert both.height == written.height == 3 * 7
    assert (both["value"] - both["forecast"]).abs().max() < 1e-6  # type: ignore[operator]  # a number
    assert_frame_equal(load_demand_model(folder / "model").forecast(), written, check_exact=True)


def test_a_csv_gives_what_a_parquet_file_gives(folder: Path) -> None:
    shop_table().write_csv(folder / "x.csv")
    options: dict[str, object] = {
        "known": ("price", "promotion"),
        "static": ("shop",),
        "hierarchy": folder / "nodes.toml",
    }
    found = _run(folder, **options)
    sheet = _run(folder, table=folder / "x.csv", out=folder / "fc.csv", **options)
    assert_frame_equal(sheet.forecast, found.forecast, check_exact=True)
    read = pl.read_csv(folder / "fc.csv", try_parse_dates=True)
    assert read.columns == found.forecast.columns
    assert read["forecast"].to_list() == found.forecast["forecast"].to_list()


def test_a_hierarchy_that_names_a_refused_series_goes_on_without_it(folder: Path) -> None:
    table = shop_table()
    wrong = table.filter(unique_id="north_b").head(1).with_columns(y=pl.lit(1.0))
    pl.concat([table, wrong]).write_parquet(folder / "x.parquet")
    found = _run(folder, hierarchy=folder / "nodes.toml")
    assert set(found.forecast["unique_id"]) == {
        "total",
        "north",
        "south",
        "north_a",
        "south_a",
        "south_spares",
    }
    assert found.report.filter(outcome="refused")["unique_id"].to_list() == ["north_b"]


def test_quantiles_come_sorted_and_once(folder: Path) -> None:
    found = _run(folder, quantiles=(0.9, 0.1, 0.5, 0.9))
    assert found.forecast.columns[4:7] == ["q10", "q50", "q90"]


def test_nothing_known_after_the_date_counts(tmp_path: Path) -> None:
    table = long_table(good(2, length=50)).with_columns(known_at=pl.col("ds").dt.offset_by("5w"))
    table.write_parquet(tmp_path / "x.parquet")
    early = _run(tmp_path, as_of=date(2018, 6, 15)).forecast
    assert early["ds"].min() == date(2018, 6, 1)  # May became known on the fifth of June
    later = pl.col("known_at") > date(2018, 6, 15)
    table.with_columns(y=pl.when(later).then(-999.0).otherwise("y")).write_parquet(tmp_path / "x.parquet")
    assert_frame_equal(_run(tmp_path, as_of=date(2018, 6, 15)).forecast, early, check_exact=True)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"quantiles": (0.1, 2.0)}, "quantiles"),
        ({"quantiles": ()}, "quantiles"),
        ({"tier": "quick"}, "tier"),
        ({"horizon": 0}, "horizon"),
        ({"season": 0}, "season"),
        ({"out": Path("fc.xlsx")}, "out"),
        ({"as_of": "yesterday"}, "as_of"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    folder: Path, options: dict[str, object], option: str
) -> None:
    with pytest.raises(OptionError) as found:
        _run(folder, **options)
    assert found.value.option == option
    assert not (folder / "out").exists()


def test_errors_of_the_table_come_before_anything_is_written(folder: Path) -> None:
    with pytest.raises(PanelColumnError, match="prise"):
        _run(folder, known=("prise",))
    (folder / "levels.toml").write_text('levels = [["shop"]]\n')
    (folder / "broken.toml").write_text("levels = [[")
    with pytest.raises(HierarchyError, match="--static"):
        _run(folder, hierarchy=folder / "levels.toml")
    with pytest.raises(HierarchyError, match="cannot be read"):
        _run(folder, hierarchy=folder / "broken.toml")
    with pytest.raises(UnknownMemberError, match="magic"):
        _run(folder, extra=("magic",))
    assert not (folder / "out").exists()


def test_a_model_never_takes_the_place_of_a_folder_that_is_none(folder: Path) -> None:
    keep = folder / "precious"
    keep.mkdir()
    (keep / "thesis.txt").write_text("kept")
    with pytest.raises(OptionError, match="holds no model"):
        _run(folder, model=keep)
    assert (keep / "thesis.txt").read_text() == "kept"
    for _ in range(2):
        _run(folder, model=folder / "model")
    assert load_demand_model(folder / "model").horizon == 3


def test_dates_come_back_in_the_type_of_the_table(folder: Path) -> None:
    timed = pl.read_parquet(folder / "x.parquet").with_columns(pl.col("ds").cast(pl.Datetime("us")))
    timed.write_parquet(folder / "timed.parquet")
    got = _run(folder, table=folder / "timed.parquet").forecast
    assert got.schema["ds"] == pl.Datetime("us")
    assert_frame_equal(got.drop("ds"), _run(folder).forecast.drop("ds"))
