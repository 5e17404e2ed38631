"""The procedure judged by rolling origins: learnt anew at each, beside the floor and the members, kept in MLflow."""

from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient
from polars.testing import assert_frame_equal

from experiments.backtest_table import EXPERIMENT, BacktestTable
from experiments.errors import TooShortToBacktestError
from models.demand.evaluation import COMBINATION, MEASURES
from tests.models.demand.demand_tables import good, long_table, shop_table

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]
_SAID: list[str] = []


def _say(zh: str, en: str) -> None:
    assert zh
    _SAID.append(en)


def _job(folder: Path, table: pl.DataFrame, **options: object) -> BacktestTable:
    table.write_parquet(folder / "x.parquet")
    return BacktestTable.model_validate(
        {
            "table": folder / "x.parquet",
            "freq": "1mo",
            "horizon": 4,
            "tier": "fast",
            "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
            "artifacts": folder / "mlartifacts",
            **options,
        }
    )


def test_measures_of_every_origin_are_written_printed_as_means_and_logged(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.toml"
    nodes.write_text('[nodes]\nnorth = ["north_a", "north_b"]\nsouth = ["south_a", "south_spares"]\n')
    job = _job(
        tmp_path,
        shop_table(),
        known=("price", "promotion"),
        static=("shop",),
        hierarchy=nodes,
        out=tmp_path / "bt.parquet",
    )
    means = job.run(_say)
    assert means.columns == ["name", "series", "origins", *MEASURES]
    assert {COMBINATION, "naive", "theta", "trees", "tsb"} <= set(means["name"])
    assert means["name"][0] == COMBINATION
    assert set(means["origins"]) == {2}
    every = pl.read_parquet(tmp_path / "bt.parquet")
    assert set(every["origin"]) == {4, 8}
    served = means.row(0, named=True)
    assert served["series"] == 7
    assert served["wape"] == pytest.approx(every.filter(name=COMBINATION)["wape"].mean())
    assert served["owa"] < 1
    assert 0 <= served["coverage"] <= 1
    runs = MlflowClient(job.tracking_uri)
    experiment = runs.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = runs.search_runs([experiment.experiment_id])
    assert run.data.metrics["wape"] == pytest.approx(served["wape"])
    assert run.data.params["horizon"] == "4"


def test_an_origin_does_not_depend_on_what_came_later(tmp_path: Path) -> None:
    table = long_table(good(3, length=60))
    border = table["ds"].unique().sort()[-4]
    changed = table.with_columns(y=pl.when(pl.col("ds") < border).then("y").otherwise(pl.col("y") * 1.1 + 3))
    written = []
    for name, one in (("plain", table), ("changed", changed)):
        folder = tmp_path / name
        folder.mkdir()
        _job(folder, one, out=folder / "bt.parquet").run(_say)
        written.append(pl.read_parquet(folder / "bt.parquet"))
    newest, older = ([one.filter(pl.col("origin") == origin) for one in written] for origin in (4, 8))
    assert_frame_equal(*older, check_exact=True)
    assert not newest[0].equals(newest[1])


def test_nodes_may_name_a_series_that_began_after_an_origin(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.toml"
    nodes.write_text('[nodes]\nall = ["good0", "good1", "new"]\n')
    table = long_table({**good(2, length=60), "new": [5.0, 6.0, 4.0, 5.0, 6.0, 7.0]})
    means = _job(tmp_path, table, hierarchy=nodes, out=tmp_path / "bt.parquet").run(_say)
    assert means.row(0, named=True)["wape"] >= 0
    counts = pl.read_parquet(tmp_path / "bt.parquet").filter(name=COMBINATION).sort("origin")
    assert counts["series"].to_list() == [4, 3]


def test_a_table_shorter_than_its_horizon_is_an_error_and_one_just_longer_is_not(tmp_path: Path) -> None:
    with pytest.raises(TooShortToBacktestError, match="40"):
        _job(tmp_path, long_table(good(1, length=40)), horizon=40).run(_say)
    means = _job(tmp_path, long_table(good(1, length=41)), horizon=40).run(_say)
    assert set(means["origins"]) == {1}


def test_a_revision_that_became_known_after_the_origin_changes_nothing_there(tmp_path: Path) -> None:
    table = long_table(good(1, length=60)).with_columns(known_at=pl.col("ds").cast(pl.Date).dt.month_end())
    newest = pl.col("known_at").max()
    revised = table.head(20).tail(1).with_columns(y=pl.col("y") * 10, known_at=table.select(newest).item())
    (tmp_path / "told").mkdir()
    (tmp_path / "revised").mkdir()
    told = _job(tmp_path / "told", table, origins=1).run(_say)
    later = _job(tmp_path / "revised", pl.concat([table, revised]), origins=1).run(_say)
    assert_frame_equal(told, later)
