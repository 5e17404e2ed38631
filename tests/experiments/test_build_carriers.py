"""The carrier job on the small sample group: what it writes, by whose scores, and what it refuses."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.build_carriers import CARRIERS, BuildCarriers, own_log_odds
from experiments.build_features import LATEST
from experiments.errors import MissingLatestError
from features.checked_files import check_folder, write_checked
from features.credit.book import Book
from features.credit.build import OWN_FEATURES, features_of
from features.credit.carrier_paths import book_carriers
from features.credit.carrier_texts import CARRIERS_SCHEMA
from features.credit.carriers import ends_of
from features.errors import DataError
from features.sources import read_tables
from graph.parquet_store import ParquetStore, rebuild
from graph.parties import PARTY_SCHEMA
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import learn_credit_model
from models.credit.model import FAMILY, load_credit_model

AS_OF = date(2025, 12, 31)
QUICK = BoosterSettings(rounds=20, bags=1, learning_rate=0.1, patience=5)


def quiet(_zh: str, _en: str) -> None:
    pass


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> BuildCarriers:
    """Check the small group, write its newest features, and learn a model of own features of made-up labels."""
    home = tmp_path_factory.mktemp("home")
    for outcome in check_folder(repository / "data_samples" / "group"):
        assert not isinstance(outcome, DataError)
        write_checked(outcome, home / "checked")
    good = home / "checked" / "good"
    tables = read_tables(good)
    rebuild(home / "graph", tables["edges"], tables["parties"].select(PARTY_SCHEMA.names()).collect())
    latest = features_of(Book.read(tables, AS_OF), ParquetStore(home / "graph").snapshot(AS_OF))
    latest.write_parquet(home / LATEST)
    _learn(latest, home / "model")
    return BuildCarriers(
        tables=good, graph=home / "graph", latest=home / LATEST, model=home / "model", out=home / "features"
    )


def _learn(latest: pl.DataFrame, folder: Path) -> None:
    names = OWN_FEATURES[:12]
    x = latest.select(pl.col(name).cast(pl.Float64) for name in names).fill_null(float("nan")).to_numpy()
    chance = 1 / (1 + np.exp(2 - np.nan_to_num(x[:, 3])))
    y = (np.random.default_rng(5).random(len(x)) < chance).astype(np.float64)
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


def test_paths_are_those_of_the_models_own_scores(job: BuildCarriers) -> None:
    told: list[str] = []
    job.run(lambda _zh, en: told.append(en))
    written = pl.read_parquet(job.out / CARRIERS)
    assert dict(written.schema) == dict(CARRIERS_SCHEMA)
    model, latest = load_credit_model(job.model), pl.read_parquet(job.latest)
    store, book = ParquetStore(job.graph), Book.read(read_tables(job.tables), AS_OF)
    own = own_log_odds(model, latest)
    assert written.equals(book_carriers(book, store, own))
    assert written.height > 500
    assert f"{written.height:,} carrier paths" in told[0]


def test_own_log_odds_are_those_an_answer_gives(job: BuildCarriers) -> None:
    model, latest = load_credit_model(job.model), pl.read_parquet(job.latest)
    answered = model.score(latest)
    own = own_log_odds(model, latest)
    assert own["log_odds"].to_numpy() == pytest.approx(answered.own_log_odds)
    store, book = ParquetStore(job.graph), Book.read(read_tables(job.tables), AS_OF)
    ends = ends_of(book, store.snapshot(AS_OF), own).drop_nulls("own_pd")
    of_party = dict(zip(latest["party_id"], answered.own_pd.tolist(), strict=True))
    assert ends["own_pd"].to_list() == pytest.approx([of_party[party] for party in ends["party_id"]])
    assert ends.height > 100


def test_texts_give_no_name_of_a_person(job: BuildCarriers) -> None:
    job.run(quiet)
    written = pl.read_parquet(job.out / CARRIERS)
    people = read_tables(job.tables)["parties"].filter(pl.col("kind") == "person").collect()
    companies = read_tables(job.tables)["parties"].filter(pl.col("kind") == "company").collect()
    texts = "".join(written["text_zh"])
    inside = set("".join(companies["name"].drop_nulls()))
    whole = [name for name in people["name"].drop_nulls() if not set(name) <= inside]
    assert len(whole) > 10
    assert not [name for name in whole if name in texts]
    assert any(party in texts for party in people["party_id"])


def test_features_that_were_not_built_are_named(job: BuildCarriers, tmp_path: Path) -> None:
    with pytest.raises(MissingLatestError, match=r"absent\.parquet") as found:
        job.model_copy(update={"latest": tmp_path / "absent.parquet"}).run(quiet)
    assert "zhiheng features build" in found.value.zh
    pl.read_parquet(job.latest).clear().write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(MissingLatestError, match=r"empty\.parquet"):
        job.model_copy(update={"latest": tmp_path / "empty.parquet"}).run(quiet)
