"""The notice of an adverse decision: main reasons in plain words, nothing of others, nothing of the inside."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.serving.conftest import World
from tests.serving.review.review_world import Office, done, slug


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


def test_notice_gives_at_most_four_reasons_of_what_raised_the_risk(office: Office) -> None:
    decision = adverse(office)
    notice = done(office.get(f"decisions/{decision}/notice", "officer"))
    assert 1 <= len(notice["reasons"]) <= 4
    parts = office.client.deployment.parts.ledger.get(decision).record["contributions"]
    raising = sum(part > 0 for part in parts.values())  # type: ignore[union-attr, operator]
    assert len(notice["reasons"]) == min(4, raising)
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
