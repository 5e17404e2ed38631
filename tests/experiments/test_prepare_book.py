"""What answers need beside the features, on the small sample group: by whose scores, for whom, and what is refused."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.build_features import LATEST, LINKS, PANEL, BuildFeatures
from experiments.credit_book import champion
from experiments.errors import MissingChampionError, MissingLatestError
from experiments.prepare_book import BOOK, PrepareBook
from experiments.publish import POINTER
from features.checked_files import check_folder, write_checked
from features.credit.book import Book
from features.credit.build import OWN_FEATURES
from features.credit.carrier_paths import book_carriers
from features.credit.neighbour_scores import SCORE_FEATURES, neighbour_scores
from features.errors import DataError
from features.sources import read_tables
from graph.parquet_store import ParquetStore, rebuild
from graph.parties import PARTY_SCHEMA
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.coverage import Line
from models.credit.grade import group_master_scale
from models.credit.learn import learn_credit_model
from models.credit.model import FAMILY
from models.credit.neighbours import own_log_odds
from models.credit.rules.facts import facts_of_row

AS_OF = date(2025, 12, 31)
QUICK = BoosterSettings(rounds=20, bags=1, learning_rate=0.1, patience=5)


def quiet(_zh: str, _en: str) -> None:
    pass


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> PrepareBook:
    """Check the small group, build features of a few months, and publish a model of made-up labels."""
    home = tmp_path_factory.mktemp("home")
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


@pytest.fixture(scope="module")
def book(job: PrepareBook) -> pl.DataFrame:
    job.run(quiet)
    return pl.read_parquet(job.features / BOOK)


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


def test_every_party_has_a_row_of_the_published_model(job: PrepareBook, book: pl.DataFrame) -> None:
    latest, model = pl.read_parquet(job.features / LATEST), champion(job.models)
    assert book["party_id"].to_list() == latest["party_id"].to_list()
    assert book["as_of"].unique().to_list() == [AS_OF]
    assert book["model_version"].unique().to_list() == [model.version]
    raw = latest.select("party_id", "as_of").with_columns(log_odds=pl.Series(model.raw_own(latest)))
    scores = neighbour_scores(pl.read_parquet(job.features / LINKS), raw)
    assert book.select(SCORE_FEATURES).equals(scores.select(SCORE_FEATURES))
    assert book.select(pl.col("scored_neighbours") > 0).to_series().any()


def test_paths_are_those_of_the_models_own_scores(job: PrepareBook, book: pl.DataFrame) -> None:
    latest, model = pl.read_parquet(job.features / LATEST), champion(job.models)
    own = own_log_odds(model, latest)
    assert own["log_odds"].to_numpy() == pytest.approx(model.score(latest).own_log_odds)
    store = ParquetStore(job.graph)
    expected = book_carriers(Book.read(read_tables(job.tables), AS_OF), store, own)
    told = (
        book.explode("carriers")
        .drop_nulls("carriers")
        .select("party_id", "as_of", pl.col("carriers").struct.unnest())
    )
    assert told.sort("party_id", "channel").equals(expected.sort("party_id", "channel"))
    assert expected.height > 500


def test_facts_lines_and_the_rate_of_its_like_stand_beside(job: PrepareBook, book: pl.DataFrame) -> None:
    facts = facts_of_row(book.filter(pl.col("facts").is_not_null())["facts"].to_list()[0])
    assert facts.as_of == AS_OF
    lines = book.explode("lines")["lines"].drop_nulls()
    assert set(lines) <= {line.value for line in Line}
    assert {"leasing", "trade_credit"} <= set(lines)
    like = book["pooled"].struct.unnest()
    assert (
        like.select((pl.col("pd_low") < pl.col("pd")) & (pl.col("pd") < pl.col("pd_high"))).to_series().all()
    )


def test_companies_are_those_with_an_exposure_or_trade_known_by_the_date(
    job: PrepareBook, book: pl.DataFrame
) -> None:
    exposures = read_tables(job.tables)["exposures"].filter(pl.col("known_at") <= AS_OF).collect()
    lent = set(exposures.select("party_id", "org_id").iter_rows())
    told = set(book.explode("companies").drop_nulls("companies").select("party_id", "companies").iter_rows())
    parties = set(book["party_id"])
    assert {pair for pair in lent if pair[0] in parties} <= told
    by_trade = {party for party, _ in told - lent}
    trades = book.filter(
        (pl.col("facts").struct.field("buys_from_group") > 0)
        | (pl.col("facts").struct.field("sells_to_group") > 0)
    )
    assert by_trade
    assert by_trade <= set(trades["party_id"])
    assert book["companies"].null_count() > 0


def test_too_few_defaults_for_a_rate_of_its_like_are_said(
    job: PrepareBook, book: pl.DataFrame, tmp_path: Path
) -> None:
    panel = pl.read_parquet(job.features / PANEL)
    for name in (LATEST, LINKS):
        (tmp_path / name).symlink_to(job.features / name)
    panel.filter(pl.col("label") == 0).write_parquet(tmp_path / PANEL)
    told: list[str] = []
    job.model_copy(update={"features": tmp_path}).run(lambda _zh, en: told.append(en))
    assert "at least 10 of each are needed" in told[0]
    without = pl.read_parquet(tmp_path / BOOK)
    assert without["pooled"].null_count() == without.height
    assert without["facts"].equals(book["facts"])


def test_texts_give_no_name_of_a_person(job: PrepareBook, book: pl.DataFrame) -> None:
    people = read_tables(job.tables)["parties"].filter(pl.col("kind") == "person").collect()
    companies = read_tables(job.tables)["parties"].filter(pl.col("kind") == "company").collect()
    told = book.explode("carriers").drop_nulls("carriers")["carriers"].struct.field("text_zh")
    texts = "".join(told)
    inside = set("".join(companies["name"].drop_nulls()))
    whole = [name for name in people["name"].drop_nulls() if not set(name) <= inside]
    assert len(whole) > 10
    assert not [name for name in whole if name in texts]
    assert any(party in texts for party in people["party_id"])


def test_what_was_not_built_or_published_is_named(job: PrepareBook, tmp_path: Path) -> None:
    with pytest.raises(MissingLatestError, match=r"credit_latest\.parquet") as found:
        job.model_copy(update={"features": tmp_path}).run(quiet)
    assert "zhiheng features build" in found.value.zh
    with pytest.raises(MissingChampionError):
        job.model_copy(update={"models": tmp_path}).run(quiet)
