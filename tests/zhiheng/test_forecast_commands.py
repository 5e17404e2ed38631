"""`zhiheng forecast` and `zhiheng backtest`: files in, files and figures out, errors of one line in both languages."""

import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.models.demand.demand_tables import shop_table
from zhiheng import cli

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a table, its CSV and its levels; it is the home too, and where commands run."""
    table = shop_table(length=72, ahead=18).rename({"promotion": "promo", "shop": "store"})
    table.write_parquet(tmp_path / "x.parquet")
    table.write_csv(tmp_path / "x.csv")
    (tmp_path / "tags.toml").write_text('levels = [["store"]]\n', encoding="utf-8")
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line as a user does: status, what was printed, what was complained of."""

    def invoke(*arguments: str, lang: str = "en") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zhiheng", "--lang", lang, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return invoke


_ASKED = (
    "forecast", "--freq", "1mo", "--horizon", "18", "--quantiles", "0.9,0.1,0.5,0.5", "--known", "price,promo",
    "--static", "store", "--hierarchy", "tags.toml", "--tier", "fast", "--season", "12",
)  # fmt: skip


def test_a_table_becomes_a_forecast_with_what_the_issue_names(folder: Path, run: Run) -> None:
    status, said, _ = run(*_ASKED, "--table", "x.parquet", "--out", "fc.parquet")
    assert status == 0
    assert "4 series to forecast" in said
    assert "fc.report.parquet" in said
    found = pl.read_parquet(folder / "fc.parquet")
    named = ["unique_id", "ds", "step", "forecast", "q10", "q50", "q90", "members"]
    assert [name for name in found.columns if name in named] == named
    assert found.height == 18 * 7
    assert found["members"].str.contains(r"^\d\.\d\d \w+").all()
    total = found.filter(unique_id="total")["forecast"].to_numpy()
    parts = found.filter(~pl.col("unique_id").str.contains("total|="))
    sums = parts.group_by("step").agg(pl.col("forecast").sum()).sort("step")["forecast"].to_numpy()
    assert abs(total - sums).max() <= 1e-6 * total.max()


def test_a_csv_in_and_out_says_the_same_in_chinese(folder: Path, run: Run) -> None:
    run(*_ASKED, "--table", "x.parquet", "--out", "fc.parquet")
    status, said, _ = run(*_ASKED, "--table", "x.csv", "--out", "deep/er/fc.csv", lang="zh")
    assert status == 0
    assert "4 条序列可预测" in said
    sheet = pl.read_csv(folder / "deep" / "er" / "fc.csv", try_parse_dates=True)
    found = pl.read_parquet(folder / "fc.parquet")
    assert sheet.columns == found.columns
    assert sheet["forecast"].to_list() == found["forecast"].to_list()
    assert sheet["ds"].to_list() == found["ds"].to_list()
    assert (folder / "deep" / "er" / "fc.report.csv").exists()


def test_integers_for_dates_are_carried_on(folder: Path, run: Run) -> None:
    counted = pl.read_parquet("x.parquet").with_columns(ds=pl.int_range(1, pl.len() + 1).over("unique_id"))
    counted.drop("price", "promo", "store").write_parquet("numbers.parquet")
    arguments = ("--table", "numbers.parquet", "--freq", "1", "--horizon", "3", "--tier", "fast")
    status, _, _ = run("forecast", *arguments, "--season", "12", "--out", "fc.parquet")
    assert status == 0
    found = pl.read_parquet(folder / "fc.parquet")
    assert found.filter(unique_id="north_a")["ds"].to_list() == [73, 74, 75]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_backtest_prints_every_measure_in_full_beside_floor_and_members(
    folder: Path, run: Run, lang: str
) -> None:
    arguments = ("--table", "x.parquet", "--freq", "1mo", "--horizon", "4", "--known", "price,promo")
    status, said, _ = run(
        "backtest", *arguments, "--tier", "fast", "--origins", "1", "--out", "bt.parquet", lang=lang
    )
    assert status == 0
    words = {
        "en": ("quantile loss", "coverage", "bias", "method"),
        "zh": ("分位损失", "覆盖率", "偏差", "方法"),
    }[lang]
    for heading in ("WAPE", "MASE", "RMSSE", "sMAPE", "OWA", *words):
        assert heading in said
    measures = pl.read_parquet(folder / "bt.parquet")
    for row in measures.iter_rows(named=True):
        assert row["name"] in said
        assert f"{row['wape']:.4f}" in said
    assert "…" not in said
    assert {"zhiheng", "naive", "theta", "trees"} <= set(measures["name"])


_GIVEN = {"--table": "x.parquet", "--freq": "1mo", "--horizon": "6", "--tier": "fast", "--out": "bad.parquet"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"--table": "absent.parquet"}, "absent.parquet"),
        ({"--table": "absent.csv"}, "absent.csv"),
        ({"--freq": "1x"}, "1x"),
        ({"--freq": "1d"}, "north_a"),
        ({"--freq": "1"}, "ds"),
        ({"--quantiles": "0.1,2"}, "--quantiles"),
        ({"--quantiles": "a,b"}, "--quantiles"),
        ({"--quantiles": ","}, "--quantiles"),
        ({"--tier": "quick"}, "--tier"),
        ({"--known": "prise"}, "prise"),
        ({"--known": "price", "--past": "price"}, "price"),
        ({"--static": "sort"}, "sort"),
        ({"--hierarchy": "absent.toml", "--static": "store"}, "absent.toml"),
        ({"--hierarchy": "tags.toml"}, "--static"),
        ({"--extra": "magic"}, "magic"),
        ({"--as-of": "yesterday"}, "--as-of"),
        ({"--as-of": "1999-01-01"}, "north_a"),
        ({"--out": "bad.xlsx"}, "--out"),
        ({"--model": "home"}, "--model"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_cannot_be_used_is_named_in_one_line_and_nothing_is_written(
    folder: Path, run: Run, changed: dict[str, str], named: str, lang: str
) -> None:
    (folder / "home").mkdir()
    before = sorted(folder.rglob("*"))
    options = [word for pair in {**_GIVEN, **changed}.items() for word in pair]
    status, _, complaint = run("forecast", *options, lang=lang)
    assert status == 1
    assert complaint.startswith("✗ ")
    assert named in complaint
    assert "Traceback" not in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert sorted(folder.rglob("*")) == before
    if lang == "zh":
        assert any("一" <= letter <= "鿿" for letter in complaint)


def test_as_of_leaves_out_months_that_were_not_over(folder: Path, run: Run) -> None:
    options = [word for pair in _GIVEN.items() for word in pair]
    status, _, _ = run("forecast", *options, "--as-of", "2020-03-15")
    assert status == 0
    found = pl.read_parquet(folder / "bad.parquet")
    assert found["ds"].min() == pl.Series(["2020-03-01"]).str.to_date()[0]


def test_a_backtest_longer_than_history_is_one_line(folder: Path, run: Run) -> None:
    status, _, complaint = run(
        "backtest", "--table", "x.parquet", "--freq", "1mo", "--horizon", "80", "--tier", "fast"
    )
    assert status == 1
    assert "--horizon" in complaint
