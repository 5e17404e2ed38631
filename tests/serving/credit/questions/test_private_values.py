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
        changed = asker.post(
            "/v1/credit/what-if", {"party_id": PARTY, "changes": {PRIVATE: 3.0, OWN: 0.5}}
        ).json()
        record = asker.get(f"/v1/decisions/{score['decision_id']}").json()["decision"]
        inputs = record["record"]["basis"]["inputs"]
        told[name] = [
            *(by_feature(one)[PRIVATE]["value"] for one in (score["contributions"], reasons["reasons"])),
            *(
                by_feature(kept["reasons"])[PRIVATE]["value"],
                by_feature(changed["changes"])[PRIVATE]["before"],
            ),
            inputs[PRIVATE],
        ]
        own = by_feature(score["contributions"])[OWN]
        assert own["value"] == by_feature(changed["changes"])[OWN]["before"] == inputs[OWN] is not None
        assert own["private"] is False
        for lines in (score["contributions"], reasons["reasons"], changed["changes"]):
            assert by_feature(lines)[PRIVATE]["private"] is True
        assert f"basis.inputs.{PRIVATE}" in record["left_out"] or name == "group"
    value = told["group"][0]
    assert value is not None
    assert told["group"] == [value] * 5
    assert told["org07"] == [None] * 5


def test_values_that_a_key_sent_itself_are_given_back(askers: tuple[Asker, Asker]) -> None:
    score = askers[1].post("/v1/credit/score", {"features": {PRIVATE: 2.0, OWN: 0.5, "degree": 1.0}}).json()
    assert by_feature(score["contributions"])[PRIVATE]["value"] == 2.0


def test_the_sentence_of_a_what_if_tells_no_value_of_others(askers: tuple[Asker, Asker]) -> None:
    asked = {"party_id": PARTY, "changes": {PRIVATE: 3.0}}
    whole, limited = (asker.post("/v1/credit/what-if", asked).json() for asker in askers)
    assert "由" in whole["text_zh"].split("，")[0]
    assert "由" not in limited["text_zh"].split("，")[0]
    assert whole["after"] == limited["after"]
