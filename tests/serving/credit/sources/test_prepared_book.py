"""Scores on the book that the real job writes: what it stores is what the service reads."""

from pathlib import Path

import polars as pl
import pytest

from experiments.prepare_book import BOOK
from serving.access.roles import Role
from tests.experiments.small_group import quiet, small_group
from tests.serving.conftest import MakeClient, make_key


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """Return a home as the operators' commands leave it."""
    home = tmp_path_factory.mktemp("prepared")
    job = small_group(home, repository)
    job.models.rename(home / "bundles")
    (home / "models").mkdir()
    (home / "bundles").rename(home / "models" / "credit")
    job.model_copy(update={"models": home / "models" / "credit"}).run(quiet)
    return home


def test_parties_of_a_prepared_book_are_scored_and_told_the_path_that_carries_risk(
    prepared: Path, make_client: MakeClient
) -> None:
    client = make_client(prepared, make_key(prepared, Role.RISK_OFFICER))
    book = pl.read_parquet(prepared / "features" / BOOK)
    carried = book.filter(pl.col("carriers").list.len() > 0)["party_id"].head(5)
    plain = book.filter(pl.col("carriers").is_null())["party_id"].head(5)
    answers = {party: client.score({"party_id": party}) for party in [*carried, *plain]}
    assert {party: answer.status_code for party, answer in answers.items()} == dict.fromkeys(answers, 200)
    scorer = client.deployment.parts.credit.scorer()
    for party in carried:
        told = scorer.book.about(party).paths
        assert told
        assert all(path.path and set(path.parties) > {party} for path in told)
        assert all("edge_id" not in edge.model_dump() for path in told for edge in path.path)
