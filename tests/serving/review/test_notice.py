"""The notice of an adverse decision: main reasons in plain words, nothing of others, nothing of the inside."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import pytest
from starlette.requests import Request

from features.catalogue import Dimension, catalogue
from models.credit.policy import Advice
from models.credit.readable import noun_phrase
from serving.access.caller import Caller
from serving.access.command_line import command_line_caller
from serving.access.roles import Role
from serving.http.api import Api
from serving.ledger.chain import Decision, Json
from serving.review.notice_api import NoticeApi
from serving.review.notice_reasons import main_reasons
from serving.review.subject_decision import SubjectDecision
from serving.settings import ServiceSettings
from tests.serving.conftest import World
from tests.serving.review.review_world import Office, done, slug
from tests.serving.review.test_states import MODEL

T = TypeVar("T")


def declined(
    office: Office, put_book: Callable[..., object], world: World, **facts: object
) -> dict[str, Any]:
    put_book(world.home, world.version, **facts)
    office.client.deployment.parts.refresh()
    return office.score()


def adverse(office: Office) -> str:
    for place in range(10, 40):
        scored = office.score(f"P{place:07d}")
        if scored["advice"] != "pass" and scored["decided_by"] == ["grade"]:
            return str(scored["decision_id"])
    raise AssertionError("no party of the small model has an adverse advice")


def recorded(office: Office) -> int:
    return office.client.deployment.review.decisions.acting.reader.head()[0]


def about(contributions: dict[str, float], **inputs: float | None) -> SubjectDecision:
    """Return a score with these contributions and inputs that its grade declined."""
    answer: dict[str, Json] = {"base_log_odds": -2.0, "rules": [], "quality": {"level": "full", "notes": []}}
    record: dict[str, Json] = {
        "answer": answer,
        "basis": {"inputs": {name: inputs.get(name, 1.0) for name in contributions}},
        "contributions": contributions,
    }
    decision = Decision(1, "d1", "2026-12-01T02:00:00+00:00", record, "0", "1", "{}")
    return SubjectDecision(decision, MODEL)


def test_reasons_are_the_four_that_raised_the_risk_most_in_plain_words() -> None:
    cards = {card.name: card for card in catalogue("credit")}
    own = [name for name, card in cards.items() if card.dimension is Dimension.FINANCE][:6]
    parts = {name: 0.1 * place for place, name in enumerate(own, start=1)} | {own[5]: -0.9}
    told = main_reasons(about(parts), cards)
    words = [noun_phrase(cards[name], "zh") for name in (own[4], own[3], own[2], own[1])]
    assert [reason.zh.partition("：")[0] for reason in told] == words
    assert all(reason.en and name not in reason.en for reason in told for name in own)


def test_reason_about_others_is_named_without_its_figure() -> None:
    cards = {card.name: card for card in catalogue("credit")}
    others = next(
        name
        for name, card in cards.items()
        if card.dimension is Dimension.RELATIONS and "exposures" in card.sources
    )
    (told,) = main_reasons(about({others: 0.5}, **{others: 0.4321}), cards)
    assert "0.43" not in told.zh
    assert "43" not in told.en
    assert told.zh.rstrip("。") == noun_phrase(cards[others], "zh")


def test_feature_that_no_catalogue_describes_is_not_shown() -> None:
    (told,) = main_reasons(about({"secret_feature": 0.5}), {})
    assert "secret" not in told.zh + told.en
    assert "综合评分" in told.zh


def test_notice_has_a_reason_in_both_languages(office: Office) -> None:
    notice = done(office.get(f"decisions/{adverse(office)}/notice", "officer"))
    assert 1 <= len(notice["reasons"]) <= 4
    assert all(reason["zh"] and reason["en"] for reason in notice["reasons"])


def test_rule_that_decided_is_the_first_reason(
    office: Office, put_book: Callable[..., object], world: World
) -> None:
    scored = declined(office, put_book, world, bankruptcy_filings=2)
    notice = done(office.get(f"decisions/{scored['decision_id']}/notice", "officer"))
    assert notice["advice"] == "decline"
    assert notice["reasons"][0] == {
        "zh": "有 2 次破产申请记录。",
        "en": "2 bankruptcy filing(s) on record.",
    }


def test_rule_about_others_is_told_without_their_figures(
    office: Office, put_book: Callable[..., object], world: World
) -> None:
    scored = declined(office, put_book, world, circle_members=7, circle_defaults_12m=3)
    hit = next(rule for rule in scored["rules"] if rule["code"] == "circle-default")
    text = office.get(f"decisions/{scored['decision_id']}/notice", "officer").text
    assert "担保关系" in text
    assert hit["text_zh"] not in text
    assert "3" in hit["text_zh"]


def test_rule_about_old_data_is_told_without_what_the_staff_are_to_do(
    office: Office, put_book: Callable[..., object], world: World
) -> None:
    """The hit is a real one; that it decided is said here, as the small model's grade asks for more."""
    scored = declined(office, put_book, world, as_of=date(2025, 12, 31))
    hit = next(rule for rule in scored["rules"] if rule["code"] == "facts-stale")
    found = about({"leverage": 0.5})
    said = found.said.model_copy(update={"decided_by": ["facts-stale"]})
    record = {**found.decision.record, "answer": {**found.answer, "rules": [hit]}}
    reasons = main_reasons(replace(found, said=said, decision=replace(found.decision, record=record)), {})
    assert hit["text_zh"]
    assert hit["text_zh"] not in reasons[0].zh
    assert "您可以提供最新资料" in reasons[0].zh


@pytest.mark.parametrize("code", ["stale_data", "stale_graph", "rules_not_checked", "no_live_exposure"])
def test_what_asks_for_a_person_is_no_reason_of_a_decline(code: str) -> None:
    found = about({"leverage": 0.5})
    answer = {**found.answer, "quality": {"level": "fallback", "notes": [code]}}
    decision = replace(found.decision, record={**found.decision.record, "answer": answer})
    declined_one = replace(found, decision=decision)
    (weighed,) = main_reasons(found, {})
    assert main_reasons(declined_one, {}) == [weighed]
    reviewed = found.said.model_copy(update={"advice": Advice.MANUAL_REVIEW})
    first, *_ = main_reasons(replace(declined_one, said=reviewed), {})
    assert first != weighed


def test_decline_without_a_part_that_raised_the_risk_promises_no_person() -> None:
    (told,) = main_reasons(about({"leverage": -0.5}), {})
    assert "综合评分" in told.zh
    assert "人工" not in told.zh


def test_letter_names_the_party_by_its_reference(office: Office) -> None:
    decision = adverse(office)
    party = done(office.get(f"decisions/{decision}/notice", "officer"))["party_id"]
    for language, line in (("zh", f"申请主体: {party}"), ("en", f"Party: {party}")):
        letter = office.get(
            f"decisions/{decision}/notice", "officer", accept="text/markdown", language=language
        )
        assert line in letter.text


def test_notice_says_what_was_used_that_a_model_was_and_how_to_appeal(office: Office) -> None:
    decision = adverse(office)
    notice = done(office.get(f"decisions/{decision}/notice", "officer"))
    assert "statistical model" in notice["model_used"]["en"]
    assert notice["appeal_until"] in notice["appeal"]["zh"]
    assert "15 working days" in notice["appeal"]["en"]
    assert notice["answered_by"]["zh"] == "集团风险管理部"


def test_notice_holds_nothing_of_the_inside(office: Office) -> None:
    decision = adverse(office)
    record = office.client.deployment.parts.ledger.get(decision).record
    text = office.get(f"decisions/{decision}/notice", "officer").text
    assert str(record["answer"]["model_version"]) not in text  # type: ignore[index, call-overload]
    assert str(record["key_id"]) not in text
    assert not re.search(r"log.?odds|contribution|sha256", text)
    others = {f"P{place:07d}" for place in range(60)} - {json.loads(text)["party_id"]}
    assert not [party for party in others if party in text]


def test_notice_is_a_letter_in_the_readers_language_by_accept(office: Office) -> None:
    decision = adverse(office)
    chinese = office.get(f"decisions/{decision}/notice", "officer", accept="text/markdown", language="zh")
    assert chinese.headers["content-type"].startswith("text/markdown")
    assert chinese.text.startswith("# 不利决定通知书")
    english = office.get(f"decisions/{decision}/notice", "officer", accept="text/markdown;q=0.9, image/png")
    assert english.text.startswith("# Notice of a decision")
    assert (
        slug(office.get(f"decisions/{decision}/notice", "officer", accept="image/png"), 406)
        == "not-acceptable"
    )


def test_decision_that_stands_as_favourable_has_no_notice(office: Office) -> None:
    decision = adverse(office)
    made = done(office.ask(decision, advice="pass"))["override"]["override_id"]
    done(office.override(made, "approve", "approver"))
    assert slug(office.get(f"decisions/{decision}/notice", "officer"), 422) == "no-notice"


def test_notice_after_an_override_says_that_a_person_decided(office: Office) -> None:
    decision = adverse(office)
    model = office.client.deployment.parts.ledger.get(decision).record["answer"]["advice"]  # type: ignore[index, call-overload]
    other = "decline" if model == "manual_review" else "manual_review"
    made = done(office.ask(decision, advice=other, grade=None))["override"]["override_id"]
    done(office.override(made, "approve", "approver"))
    notice = done(office.get(f"decisions/{decision}/notice", "officer"))
    assert (notice["advice"], notice["by"]) == (other, "override")
    assert notice["model_used"]["en"].startswith("A person made this decision")
    assert "已补充足额存单质押" not in json.dumps(notice, ensure_ascii=False)


def test_notice_is_recorded_and_roles_hold(office: Office) -> None:
    decision = adverse(office)
    answer = office.get(f"decisions/{decision}/notice", "officer")
    assert office.record(answer)["route"] == "credit/notice"
    assert slug(office.get(f"decisions/{decision}/notice", "approver"), 403) == "forbidden"
    assert slug(office.get(f"decisions/{decision}/notice", "org07"), 404) == "unknown-decision"


def test_letter_is_recorded_once_as_the_notice_is(office: Office) -> None:
    decision = adverse(office)
    before = recorded(office)
    office.get(f"decisions/{decision}/notice", "officer", accept="text/markdown")
    assert recorded(office) == before + 1


def test_letter_that_nobody_waits_for_any_more_is_not_recorded(office: Office) -> None:
    """The thread goes on when the caller was told that it took too long; no answer was given, so none is recorded."""
    decision, deployment = adverse(office), office.client.deployment
    kept: list[Callable[[], object]] = []

    class Late(Api):
        def caller(self, *_: object) -> Caller:
            return command_line_caller("r1", [Role.RISK_OFFICER.value])

        async def in_slow_thread(self, function: Callable[[], T]) -> T:
            kept.append(function)
            raise TimeoutError

    api = NoticeApi(
        Late(deployment.parts, deployment._access, ServiceSettings()),
        deployment.review.notices,
        deployment.review.annotations,
    )
    scope = {
        "type": "http",
        "headers": [(b"accept", b"text/markdown")],
        "path_params": {"decision_id": decision},
    }
    before = recorded(office)
    with pytest.raises(TimeoutError):
        asyncio.run(api.notice(Request(scope), "r1"))
    assert [one() is not None for one in kept] == [True]
    assert recorded(office) == before
