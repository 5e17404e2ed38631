"""What answers need beside the features, on the small sample group: by whose scores, for whom, and what is refused."""

from pathlib import Path

import polars as pl
import pytest

from experiments.build_features import LATEST, LINKS, PANEL
from experiments.credit_book import champion
from experiments.errors import MissingChampionError, MissingLatestError
from experiments.prepare_book import BOOK, PrepareBook
from features.credit.book import Book
from features.credit.carrier_business import BUSINESS_SCHEMA
from features.credit.carrier_paths import book_carriers
from features.credit.neighbour_scores import SCORE_FEATURES, neighbour_scores
from features.sources import read_tables
from graph.parquet_store import ParquetStore
from models.credit.coverage import Line
from models.credit.neighbours import own_log_odds
from models.credit.rules.facts import facts_of_row
from tests.experiments.small_group import AS_OF, quiet, small_group


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> PrepareBook:
    return small_group(tmp_path_factory.mktemp("home"), repository)


@pytest.fixture(scope="module")
def book(job: PrepareBook) -> pl.DataFrame:
    job.run(quiet)
    return pl.read_parquet(job.features / BOOK)


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
    whose = told.select(BUSINESS_SCHEMA.names())
    assert whose["business"].list.len().equals(told["path"].list.len(), check_names=False)
    assert whose.select(pl.col("end_companies").list.len().max()).item() > 0
    told = told.drop(BUSINESS_SCHEMA.names())
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
