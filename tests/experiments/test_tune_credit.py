"""Tuning: within its budget, repeatable, blind to the test months, nested in MLflow, and slow to recommend."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient
from pydantic import ValidationError
from scipy.special import expit

from experiments.errors import ConfError, MissingPanelError, SplitError
from experiments.job import CONFS, read_job
from experiments.settings_search import later_pairs
from experiments.train_credit import TrainCredit
from experiments.tune_credit import TuneCredit, Tuned
from features.catalogue import catalogue
from features.credit.build import OWN_FEATURES
from features.credit.links import LINKS_SCHEMA
from models.credit.booster import BoosterSettings
from models.credit.network_gain import NetworkGain

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]

FREE = [name for name in OWN_FEATURES if name not in {c.name for c in catalogue("credit") if c.monotone}][:4]
QUICK = BoosterSettings(rounds=40, bags=1, learning_rate=0.1, patience=5)
FIRST_TEST = date(2024, 10, 31)


def quiet(_zh: str, _en: str) -> None:
    pass


def panel(seed: int = 1, parties: int = 120) -> pl.DataFrame:
    """Return 40 month-ends of parties whose default depends on four features; all others are missing."""
    r = np.random.default_rng(seed)
    days = pl.date_range(date(2021, 12, 31), date(2025, 3, 31), "1mo", eager=True).dt.month_end()
    rows = parties * len(days)
    x = r.normal(size=(parties, 4)).repeat(len(days), axis=0) + r.normal(0, 0.3, (rows, 4))
    y = r.random(rows) < expit(1.2 * x[:, 0] - 0.8 * x[:, 1] + x[:, 2] * x[:, 3] - 2)
    frame = pl.DataFrame(
        {
            "party_id": np.repeat([f"P{i:03}" for i in range(parties)], len(days)),
            "as_of": pl.concat([days] * parties),
            "label": y.astype(np.int8),
            **{name: x[:, i] for i, name in enumerate(FREE)},
        }
    )
    others = [card.name for card in catalogue("credit") if card.name not in FREE]
    return frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in others)


Tune = Callable[..., Tuned]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def tune(home: Path) -> Tune:
    def run(frame: pl.DataFrame, **changes: object) -> Tuned:
        frame.write_parquet(home / "panel.parquet")
        pl.DataFrame(schema=LINKS_SCHEMA).write_parquet(home / "links.parquet")
        settings: dict[str, object] = {
            "panel": home / "panel.parquet",
            "links": home / "links.parquet",
            "out": home / "tuned.toml",
            "tracking_uri": f"sqlite:///{home / 'mlflow.db'}",
            "artifacts": home / "artifacts",
            "trials": 3,
            "folds": 2,
            "spans": 2,
            "bags": 2,
            "booster": QUICK,
            "network": QUICK,
        }
        return TuneCredit.model_validate({**settings, **changes}).run(quiet)

    return run


@pytest.fixture(scope="module")
def usual(tune: Tune) -> Tuned:
    return tune(panel())


@pytest.mark.slow
def test_search_is_repeatable_and_written_down(tune: Tune, home: Path) -> None:
    found = tune(panel(), trials=10)
    again = tune(panel(), trials=10)
    assert again == found
    assert len(found.found.tried) == 10
    assert found.found.default.settings == QUICK
    assert {one.judged for one in found.found.tried if one.log_loss is None} <= {2, 3}
    finished = [one.log_loss for one in found.found.tried if one.log_loss is not None]
    assert found.found.best.log_loss == min(finished)

    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("credit tuning")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"], max_results=500)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags][:2]
    for parent in parents:
        children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        assert len(children) == 10
        assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
        assert "test_tuned_auc" in parent.data.metrics
        assert not any("test" in name for run in children for name in run.data.metrics)
        complete = [run for run in children if run.data.tags["state"] == "complete"]
        assert min(run.data.metrics["log_loss"] for run in complete) == pytest.approx(
            found.found.best.log_loss
        )


def test_nothing_from_the_test_months_on_enters_the_search(tune: Tune, usual: Tuned) -> None:
    frame = panel()
    later = pl.col("as_of") >= FIRST_TEST
    scrambled = frame.with_columns(
        label=pl.when(later).then(1 - pl.col("label")).otherwise("label").cast(pl.Int8),
        **{name: pl.when(later).then(-9 * pl.col(name)).otherwise(name) for name in FREE},
    )
    found = tune(scrambled)
    assert found.found == usual.found
    assert found.gain == usual.gain
    assert found.test != usual.test


def test_labels_not_yet_known_at_the_test_do_not_enter(tune: Tune, usual: Tuned) -> None:
    """A row whose label reaches into the test months is no row of the past."""
    frame = panel()
    reaching = (pl.col("as_of").dt.offset_by("15mo") > FIRST_TEST) & (pl.col("as_of") < FIRST_TEST)
    flipped = frame.with_columns(
        label=pl.when(reaching).then(1 - pl.col("label")).otherwise("label").cast(pl.Int8)
    )
    assert tune(flipped) == usual


def test_other_seed_other_search(tune: Tune, usual: Tuned) -> None:
    assert tune(panel(), seed=8).found != usual.found


def test_pairs_judge_other_parties_on_later_dates_with_known_labels() -> None:
    frame = panel().sort("as_of", "party_id")
    y = frame["label"].cast(pl.Float64).to_numpy()
    groups = frame["party_id"].rank("dense").cast(pl.Int64).to_numpy()
    pairs = later_pairs(frame["as_of"], y, groups, label_months=15, spans=3, folds=3, seed=1)
    assert len(pairs) == 9
    for fit, judged in pairs:
        assert not set(groups[fit]) & set(groups[judged])
        first = frame["as_of"].gather(judged).min()
        assert (frame["as_of"].gather(fit).dt.offset_by("15mo") <= first).all()
    every = np.concatenate([judged for _, judged in pairs])
    assert len(every) == len(set(every))


def test_file_written_trains_and_a_gain_within_noise_keeps_the_default(
    tune: Tune, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_settings() -> BoosterSettings:
        given = dict.fromkeys(("panel", "links", "models", "artifacts"), home)
        job = read_job(TrainCredit, home / "tuned.toml", tracking_uri="", code_version="", **given)
        assert (job.seed, job.test_months) == (7, 6)
        return job.booster

    monkeypatch.setattr("experiments.tune_credit.network_gain", lambda *_: NetworkGain(0.010, 0.008))
    kept = tune(panel(), booster=QUICK.model_copy(update={"extra": {"path_smooth": 0.5, "boosting": "gbdt"}}))
    assert not kept.worth_taking
    assert train_settings() == kept.recommended == kept.found.default.settings.model_copy(update={"bags": 1})
    text = (home / "tuned.toml").read_text(encoding="utf-8")
    assert "keep the default" in text
    assert "保留默认" in text
    assert f"# learning_rate = {kept.winner.learning_rate}" in text

    monkeypatch.setattr("experiments.tune_credit.network_gain", lambda *_: NetworkGain(0.010, 0.002))
    taken = tune(panel())
    assert taken.worth_taking
    assert train_settings() == taken.recommended == taken.winner
    assert taken.winner.bags == 2
    assert "take the tuned" in (home / "tuned.toml").read_text(encoding="utf-8")


def test_a_far_better_setting_is_found_and_recommended(tune: Tune) -> None:
    """From trees that cannot split, the search must find ones that can, and the kept parties must confirm it."""
    hopeless = BoosterSettings(rounds=40, bags=1, learning_rate=0.1, patience=5, min_data_in_leaf=5000)
    found = tune(panel(parties=300), booster=hopeless, trials=5)
    assert found.worth_taking
    assert found.test["test_tuned_auc"] > found.test["test_default_auc"] + 0.1


def test_budget_panel_and_dates_are_asked_for(tune: Tune, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="budget"):
        tune(panel(), trials=None)
    with pytest.raises(SplitError, match="too few"):
        tune(panel().filter(pl.col("as_of") >= date(2023, 5, 1)))
    with pytest.raises(MissingPanelError):
        tune(panel(), links=tmp_path / "nowhere.parquet")
    conf = tmp_path / "tune.toml"
    conf.write_text("folds = 1\ntrials = 2\n")
    given = dict.fromkeys(("panel", "links", "out", "artifacts"), tmp_path)
    with pytest.raises(ConfError, match="folds"):
        read_job(TuneCredit, conf, tracking_uri="", **given)
    assert (
        read_job(TuneCredit, CONFS / "tune_credit.toml", tracking_uri="", **given).booster
        == BoosterSettings()
    )


def test_seconds_stop_the_search(tune: Tune) -> None:
    assert len(tune(panel(), trials=500, seconds=0.001).found.tried) == 1
