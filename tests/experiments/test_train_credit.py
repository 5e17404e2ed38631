"""Training on the sample group: finds what is true, judged out of time, written down, published, reproducible."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from experiments.build_features import LATEST, LINKS, PANEL, BuildFeatures
from experiments.errors import SplitError
from experiments.out_of_time import out_of_time
from experiments.publish import POINTER, PublishChampion
from experiments.train_credit import TrainCredit, Trained
from experiments.training_gates import credit_gate
from features.checked_files import check_folder, write_checked
from features.checking import Checked
from features.sources import read_tables
from graph.errors import EmptyGraphError
from graph.parquet_store import ParquetStore, rebuild
from models.bundle import read_bundle
from models.credit.booster import BoosterSettings
from models.credit.model import load_credit_model
from models.credit.neighbours import with_neighbour_scores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]

AS_OF = date(2025, 12, 31)
QUICK = BoosterSettings(rounds=120, bags=1, learning_rate=0.06, patience=20)


def quiet(_zh: str, _en: str) -> None:
    pass


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """Write the sample group at its usual size and build what the training needs from it."""
    home = tmp_path_factory.mktemp("home")
    script = repository / "data_samples" / "generate.py"
    subprocess.run(
        [sys.executable, script, "--out", home / "group", "--seed", "11"], check=True, capture_output=True
    )
    for outcome in check_folder(home / "group"):
        assert isinstance(outcome, Checked)
        write_checked(outcome, home / "checked")
    good = home / "checked" / "good"
    rebuild(home / "graph", read_tables(good)["edges"])
    BuildFeatures(
        tables=good, graph=home / "graph", out=home / "features", as_of=AS_OF, first_month=date(2021, 6, 30)
    ).run(quiet)
    return home


Train = Callable[..., Trained]


@pytest.fixture(scope="module")
def train(home: Path) -> Train:
    def run(**changes: object) -> Trained:
        settings: dict[str, object] = {
            "panel": home / "features" / PANEL,
            "links": home / "features" / LINKS,
            "models": home / "models",
            "tracking_uri": f"sqlite:///{home / 'mlflow.db'}",
            "artifacts": home / "artifacts",
            "code_version": "test",
            "trained_by": "chen",
            "booster": QUICK,
        }
        return TrainCredit.model_validate({**settings, **changes}).run(quiet)

    return run


@pytest.fixture(scope="module")
def trained(train: Train) -> Trained:
    return train()


def test_features_name_the_graph_that_they_were_built_from(home: Path) -> None:
    beside = json.loads((home / "features" / LATEST).with_suffix(".json").read_text())
    assert beside["graph_sha256"] == ParquetStore(home / "graph").sha256()


def test_out_of_time_it_ranks_defaults_and_knows_their_rate(trained: Trained) -> None:
    found = trained.metrics
    assert found["auc_low"] > 0.55, "the lower end of the interval is above chance"
    assert found["ece"] < 0.03
    assert found["brier"] <= found["observed_rate"] * (1 - found["observed_rate"]) + 0.002, (
        "as good as the base rate"
    )


def test_scores_follow_the_true_probability(home: Path, trained: Trained) -> None:
    latest = pl.read_parquet(home / "features" / LATEST).filter(pl.col("standing") == "at_risk")
    truth = pl.read_parquet(home / "group" / "truth" / "hazard.parquet")
    month = truth["month"].max()
    true = truth.filter(pl.col("month") == month).select("party_id", "pd_12m")
    both = latest.join(true, on="party_id", how="inner")
    model, links = load_credit_model(trained.bundle.folder), pl.read_parquet(home / "features" / LINKS)
    pd = model.score(with_neighbour_scores(model, both, links)).pd
    rank = spearmanr(pd, both["pd_12m"].to_numpy())
    assert rank.statistic > 0.3
    assert rank.pvalue < 1e-6


def test_the_network_raises_those_whom_a_default_pulls_down(home: Path, trained: Trained) -> None:
    """Truth of the sample group: the network effect is larger where contagion bears, if the network is used at all."""
    model, links = load_credit_model(trained.bundle.folder), pl.read_parquet(home / "features" / LINKS)
    latest = pl.read_parquet(home / "features" / LATEST).filter(pl.col("standing") == "at_risk")
    scores = model.score(with_neighbour_scores(model, latest, links))
    truth = pl.read_parquet(home / "group" / "truth" / "hazard.parquet")
    newest = truth.filter(pl.col("month") == truth["month"].max()).select("party_id", "hazard_contagion")
    both = latest.select("party_id").with_columns(effect=pl.Series(scores.log_odds - scores.own_log_odds))
    hazard = both.join(newest, on="party_id", how="inner")
    assert model.network is not None
    hit = hazard.filter(pl.col("hazard_contagion") > 0.005)["effect"].to_numpy()
    spared = hazard.filter(pl.col("hazard_contagion") < 1e-4)["effect"].to_numpy()
    assert hit.mean() - spared.mean() > 0.3
    assert abs(spared.mean()) < 0.2


def test_no_training_label_was_unknown_at_the_first_test_date(home: Path) -> None:
    panel = pl.read_parquet(home / "features" / PANEL)
    past, test = out_of_time(panel, test_months=6, horizon_months=12, label_lag_months=3)
    last_known = past.select(pl.col("as_of").dt.offset_by("15mo").max()).item()
    assert last_known <= test["as_of"].min()
    assert test["as_of"].n_unique() == 6


def test_same_seed_gives_the_same_model_and_is_registered_once(trained: Trained, train: Train) -> None:
    again = train()
    assert again.bundle.manifest.version == trained.bundle.manifest.version
    assert again.registered == trained.registered
    assert train(seed=8).bundle.manifest.version != trained.bundle.manifest.version


def test_run_holds_parameters_metrics_hashes_and_plots(home: Path, trained: Trained) -> None:
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{home / 'mlflow.db'}")
    run = client.get_run(trained.registered.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "7"
    assert run.data.metrics["auc"] == pytest.approx(trained.metrics["auc"])
    assert len(run.data.tags["data_hash"]) == 64
    assert run.data.tags["code_version"] == "test"
    plots = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, "plots")}
    assert plots == {"reliability.png", "roc.png", "contributions.png"}
    model = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, "model")}
    assert model == {"manifest.json", *trained.bundle.manifest.files}
    assert {"credit.json", "own_0.txt"} < model


def test_nothing_that_was_written_is_a_pickle(home: Path, trained: Trained) -> None:
    written = [path for path in home.rglob("*") if path.is_file()]
    assert trained.bundle.folder / "manifest.json" in written
    frames = {bytes([0x80, protocol]) for protocol in range(2, 6)}
    assert [path for path in written if path.suffix == ".pkl" or path.read_bytes()[:2] in frames] == []


def test_champion_is_published_whole_and_answers_like_the_trained_one(
    home: Path, trained: Trained, tmp_path: Path
) -> None:
    PublishChampion(models=tmp_path, tracking_uri=f"sqlite:///{home / 'mlflow.db'}").run(quiet)
    pointer = json.loads((tmp_path / POINTER).read_text())
    manifest = read_bundle(tmp_path / pointer["folder"]).manifest
    assert manifest.version == pointer["version"]
    assert manifest.notes["trained_by"] == pointer["trained_by"] == "chen", "who ran it may not approve it"
    assert manifest.notes["gate"] == credit_gate(manifest.metrics) != "not_judged"
    champion = load_credit_model(tmp_path / pointer["folder"])
    again = load_credit_model(home / "models" / pointer["version"])
    links = pl.read_parquet(home / "features" / LINKS)
    latest = with_neighbour_scores(again, pl.read_parquet(home / "features" / LATEST), links)
    np.testing.assert_array_equal(champion.score(latest).log_odds, again.score(latest).log_odds)


def test_a_panel_too_short_to_split_by_time_is_refused(home: Path, train: Train, tmp_path: Path) -> None:
    short = pl.read_parquet(home / "features" / PANEL).filter(pl.col("as_of") >= date(2024, 1, 31))
    short.write_parquet(tmp_path / "panel.parquet")
    with pytest.raises(SplitError, match="training part"):
        train(panel=tmp_path / "panel.parquet")


def test_a_graph_that_was_not_built_is_refused(home: Path, tmp_path: Path) -> None:
    job = BuildFeatures(
        tables=home / "checked" / "good",
        graph=tmp_path / "graph",
        out=tmp_path,
        as_of=AS_OF,
        first_month=date(2021, 6, 30),
    )
    with pytest.raises(EmptyGraphError):
        job.run(quiet)
    with pytest.raises(SplitError, match="2024-09-30"):
        job.model_copy(update={"graph": home / "graph", "first_month": date(2025, 1, 31)}).run(quiet)
    assert not (tmp_path / LATEST).exists()


def test_a_failed_run_is_marked_as_failed(home: Path, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("experiments.train_credit.write_plots", fail)
    with pytest.raises(OSError, match="disk full"):
        train(seed=9)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("credit")
    assert experiment is not None
    newest = client.search_runs(
        [experiment.experiment_id], order_by=["attributes.start_time DESC"], max_results=1
    )[0]
    assert newest.info.status == "FAILED"
