"""Values that tell of others: one rule for score, reasons, what-if and the record, by how far the key reaches."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.serving.credit.questions.question_world import Asker
from tests.serving.credit.questions.test_questions import officer

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient

PARTY = "P0000001"
PRIVATE, OWN = "positions_held", "leverage"
FEATURES = (PRIVATE, OWN, "degree")


@pytest.fixture
def askers(
    tmp_path: Path,
    make_client: "MakeClient",
    put_model: Callable[..., str],
    put_features: Callable[..., pl.DataFrame],
    put_book: Callable[..., pl.DataFrame],
) -> tuple[Asker, Asker]:
    """Return an officer of the whole group and one of ORG-07, over a model with a feature that tells of others."""
    version = put_model(tmp_path, features=FEATURES, name="v1")
    put_features(tmp_path, FEATURES)
    book = put_book(tmp_path, version)
    path = tmp_path / "features" / "credit_book.parquet"
    book.with_columns(companies=pl.Series([["ORG-07"]] * book.height)).write_parquet(path)
    group, org07 = officer(tmp_path, "*"), officer(tmp_path, "ORG-07")
    client = make_client(tmp_path, group)
    return Asker(client.http, group), Asker(client.http, org07)


def by_feature(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["feature"]: line for line in lines}


def test_a_key_of_one_company_is_told_no_value_of_others_in_score_reasons_what_if_or_record(
    askers: tuple[Asker, Asker],
) -> None:
    told = {}
    for name, asker in zip(("group", "org07"), askers, strict=True):
        score = asker.post("/v1/credit/score", {"party_id": PARTY}).json()
        reasons = asker.get(f"/v1/credit/reasons?party_id={PARTY}").json()
        kept = asker.get(f"/v1/credit/reasons?decision_id={score['decision_id']}").json()
        changed = asker.post("/v1/credit/what-if", {"party_id": PARTY, "changes": {OWN: 0.5}}).json()
        record = asker.get(f"/v1/decisions/{score['decision_id']}").json()["decision"]
        inputs = record["record"]["basis"]["inputs"]
        told[name] = [
            *(by_feature(one)[PRIVATE]["value"] for one in (score["contributions"], reasons["reasons"])),
            by_feature(kept["reasons"])[PRIVATE]["value"],
            inputs[PRIVATE],
        ]
        own = by_feature(score["contributions"])[OWN]
        assert own["value"] == by_feature(changed["changes"])[OWN]["before"] == inputs[OWN] is not None
        assert own["private"] is False
        for lines in (score["contributions"], reasons["reasons"]):
            assert by_feature(lines)[PRIVATE]["private"] is True
        assert f"basis.inputs.{PRIVATE}" in record["left_out"] or name == "group"
    value = told["group"][0]
    assert value is not None
    assert told["group"] == [value] * 4
    assert told["org07"] == [None] * 4


def test_values_that_a_key_sent_itself_are_given_back(askers: tuple[Asker, Asker]) -> None:
    score = askers[1].post("/v1/credit/score", {"features": {PRIVATE: 2.0, OWN: 0.5, "degree": 1.0}}).json()
    assert by_feature(score["contributions"])[PRIVATE]["value"] == 2.0


@pytest.mark.parametrize("value", [3.0, None, 1e9])
def test_a_value_of_others_cannot_be_found_by_trying_in_a_what_if(
    askers: tuple[Asker, Asker], value: float | None
) -> None:
    asked = {"party_id": PARTY, "changes": {OWN: 0.5, PRIVATE: value}}
    refused = askers[1].post("/v1/credit/what-if", asked)
    assert refused.status_code == 422
    told = refused.json()["errors"]
    assert (told[0]["field"], told[0]["rule"]) == (f"changes.{PRIVATE}", "private_feature")
    assert {one["field"] for one in told} == {f"changes.{PRIVATE}"}
    found = askers[0].post("/v1/credit/what-if", asked)
    assert (found.status_code == 200) is (value != 1e9)


def test_what_a_key_sent_itself_may_be_changed_in_a_what_if(askers: tuple[Asker, Asker]) -> None:
    own = {PRIVATE: 2.0, OWN: 0.5, "degree": 1.0}
    whole, limited = (
        asker.post("/v1/credit/what-if", {"features": own, "changes": {PRIVATE: 3.0}}).json()
        for asker in askers
    )
    assert by_feature(limited["changes"])[PRIVATE]["before"] == 2.0
    assert whole["after"] == limited["after"]
    assert "由" in limited["text_zh"].split("，")[0]
