"""A key for some companies sees which rules were hit, not the figures of other companies that they rest on."""

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from models.credit.rules.facts import LimitUse
from serving.credit.score.answer import Marks, answer_from
from serving.credit.score.basis import Basis
from serving.credit.score.rules_only import rules_answer
from serving.credit.score.schemas import ScoreRequest

if TYPE_CHECKING:
    from tests.serving.conftest import Client


def use(org_id: str, used: float) -> LimitUse:
    return LimitUse(
        org_id=org_id, code=f"limit_{org_id}", name_zh="单户限额", name_en="limit of one party", scope="party",
        used=used, limit=100.0, used_of_limit=used / 100.0, source="test", verified=True, valid_from=date(2020, 1, 1),
    )  # fmt: skip


@pytest.fixture
def basis(client: "Client") -> Basis:
    found = client.deployment.parts.scorer().basis(ScoreRequest(party_id="P0000006"))
    assert found.facts is not None
    uses = (use("ORG-01", 7777.0), use("ORG-02", 8888.0))
    # Half of the book is one party's: a rule of concentration, whose figure is a sum over the group.
    return replace(
        found, facts=found.facts.model_copy(update={"limit_uses": uses, "party_share_of_book": 0.5})
    )


def test_limits_of_others_and_sums_of_the_group_are_not_told(client: "Client", basis: Basis) -> None:
    terms = client.deployment.parts.scorer().terms
    whole = answer_from(basis, terms, Marks("d", "r", ("*",)))
    limited = answer_from(basis, terms, Marks("d", "r", ("ORG-01",)))
    assert (limited.advice, limited.decided_by, limited.pd) == (whole.advice, whole.decided_by, whole.pd)
    assert [rule.code for rule in limited.rules] == [rule.code for rule in whole.rules]
    told = limited.model_dump_json()
    assert "8,888" in whole.model_dump_json()
    assert "8,888" not in told
    assert "8888" not in told
    assert "ORG-02 " not in told
    assert "7,777" in told
    assert any(rule.observed == 0.5 for rule in whole.rules)
    assert not any(rule.observed == 0.5 for rule in limited.rules)
    assert "other_companies_left_out" in [note.code for note in limited.quality.notes]
    assert "other_companies_left_out" not in [note.code for note in whole.quality.notes]


def test_rules_alone_tell_no_more_than_a_model_s_answer(client: "Client", basis: Basis) -> None:
    terms = client.deployment.parts.scorer().terms
    whole = rules_answer(basis, terms.policies, Marks("d", "r", ("*",)))
    limited = rules_answer(basis, terms.policies, Marks("d", "r", ("ORG-01",)))
    assert (limited.advice, limited.decided_by) == (whole.advice, whole.decided_by)
    assert [rule.code for rule in limited.rules] == [rule.code for rule in whole.rules]
    assert "8,888" in whole.model_dump_json()
    assert "8,888" not in limited.model_dump_json()
    assert "7,777" in limited.model_dump_json()
    assert not any(rule.observed == 0.5 for rule in limited.rules)
    assert "other_companies_left_out" in [note.code for note in limited.quality.notes]
    assert "other_companies_left_out" not in [note.code for note in whole.quality.notes]


def test_nothing_is_said_to_be_left_out_where_nothing_was(client: "Client") -> None:
    scorer = client.deployment.parts.scorer()
    plain = scorer.basis(ScoreRequest(party_id="P0000000"))
    answer = answer_from(plain, scorer.terms, Marks("d", "r", ("ORG-01",)))
    assert "other_companies_left_out" not in [note.code for note in answer.quality.notes]
