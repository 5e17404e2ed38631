"""A home of the small sample group: checked tables, graph, features and a published model, ready for its book."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from experiments.build_features import LATEST, BuildFeatures
from experiments.prepare_book import PrepareBook
from experiments.publish import POINTER
from features.checked_files import check_folder, write_checked
from features.credit.build import OWN_FEATURES
from features.errors import DataError
from features.sources import read_tables
from graph.parquet_store import rebuild
from graph.parties import PARTY_SCHEMA
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import learn_credit_model
from models.credit.model import FAMILY

__all__ = ["AS_OF", "quiet", "small_group"]

AS_OF = date(2025, 12, 31)
QUICK = BoosterSettings(rounds=20, bags=1, learning_rate=0.1, patience=5)


def quiet(_zh: str, _en: str) -> None:
    """Say nothing."""


def small_group(home: Path, repository: Path) -> PrepareBook:
    """Check the small group, build features of a few months, and publish a model of made-up labels."""
    for outcome in check_folder(repository / "data_samples" / "group"):
        assert not isinstance(outcome, DataError)
        write_checked(outcome, home / "checked")
    good, features, models = home / "checked" / "good", home / "features", home / "models"
    tables = read_tables(good)
    rebuild(home / "graph", tables["edges"], tables["parties"].select(PARTY_SCHEMA.names()).collect())
    BuildFeatures(
        tables=good, graph=home / "graph", out=features, as_of=AS_OF, first_month=date(2021, 6, 30)
    ).run(quiet)
    _learn(pl.read_parquet(features / LATEST), models / "champion")
    (models / POINTER).write_text(json.dumps({"version": "-", "folder": "champion"}))
    return PrepareBook(
        tables=good, graph=home / "graph", features=features, models=models, pooled=home / "credit"
    )


def _learn(latest: pl.DataFrame, folder: Path) -> None:
    names = OWN_FEATURES[:12]
    x = latest.select(pl.col(name).cast(pl.Float64) for name in names).fill_null(float("nan")).to_numpy()
    chance = 1 / (1 + np.exp(2 - np.nan_to_num(x[:, 3])))
    y = (np.random.default_rng(5).random(len(x)) < chance).astype(np.float64)
    folder.parent.mkdir()
    learned = learn_credit_model(
        Design(x=np.ascontiguousarray(x), y=y, features=names),
        groups=np.arange(len(x)),
        settings=QUICK,
        scale=group_master_scale(),
        seed=2,
        num_threads=1,
    )
    write_bundle(
        folder,
        learned.model.files(),
        family=FAMILY,
        features=learned.model.features,
        seed=2,
        data_hash="-",
        code_version="test",
        training_window=(AS_OF, AS_OF),
        metrics={},
    )
