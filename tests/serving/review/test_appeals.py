"""Appeals: due in working days, decided by a person who had no part in the decision, overdue ones in sight."""

from datetime import date, timedelta

import httpx
import pytest

from serving.review.due_dates import due_after
from tests.serving.review.review_world import START, Office, done, slug


def opened(office: Office, party: str = "P0000006") -> tuple[str, str]:
    decision = office.score(party)["decision_id"]
    appeal = done(office.post("appeals", "officer", decision_id=decision, ground="诉讼已于上月结案"))[
        "appeal"
    ]
    return decision, appeal["appeal_id"]


def assign(office: Office, appeal: str, name: str = "李审批") -> httpx.Response:
    return office.post(f"appeals/{appeal}/assign", "approver", assignee=name)


def decide(office: Office, appeal: str, who: str = "approver", **found: object) -> httpx.Response:
    return office.post(
        f"appeals/{appeal}/decide", who, **({"outcome": "upheld", "reason": "理由不成立"} | found)
    )


def test_appeal_is_due_in_working_days_and_decided_by_whom_it_is_assigned_to(office: Office) -> None:
    decision, appeal = opened(office)
    seen = done(office.get(f"appeals/{appeal}", "officer"))["appeal"]
    today = office.client.deployment.review.clock.now().day
    assert (seen["status"], seen["overdue"], seen["late"]) == ("open", False, False)
    assert seen["due_on"] == str(due_after(today, 15)[0])
    assert done(assign(office, appeal))["appeal"]["status"] == "assigned"
    closed = done(decide(office, appeal, outcome="changed", new_advice="manual_review"))["appeal"]
    assert (closed["status"], closed["outcome"], closed["closed"]["name"]) == ("closed", "changed", "李审批")
    standing = done(office.get(f"decisions/{decision}", "auditor"))["standing"]
    assert standing == {
        "by": "appeal",
        "advice": "manual_review",
        "grade": closed["model"]["grade"],
        "review_id": appeal,
    }


@pytest.mark.parametrize(
    ("day", "days", "due"),
    [
        (date(2025, 9, 29), 2, date(2025, 10, 9)),  # National Day and Mid-Autumn, eight days off
        (date(2025, 9, 26), 1, date(2025, 9, 28)),  # a Sunday that is worked
        (date(2026, 3, 6), 5, date(2026, 3, 13)),  # an ordinary week
    ],
)
def test_due_dates_follow_the_announced_working_days(day: date, days: int, due: date) -> None:
    assert due_after(day, days) == (due, False)


def test_due_date_over_days_not_announced_yet_says_so() -> None:
    due, estimated = due_after(date(2026, 11, 20), 60)
    assert estimated
    assert due == due_after(date(2026, 11, 20), 60)[0]


def test_appeal_is_not_decided_by_who_took_part(office: Office) -> None:
    decision = office.score()["decision_id"]
    override = done(office.ask(decision, "second"))["override"]["override_id"]
    done(office.override(override, "refuse", "other"))
    appeal = done(office.post("appeals", "officer", decision_id=decision, ground="有误"))["appeal"][
        "appeal_id"
    ]
    for name in ("钱经办", "孙经办", "周审批", "钱　经办"):
        assert slug(assign(office, appeal, name), 403) == "took-part"
    done(assign(office, appeal))
    assert slug(decide(office, appeal, "namesake"), 403) == "took-part"
    assert slug(decide(office, appeal, "other"), 403) == "took-part"
    assert slug(decide(office, appeal, "officer"), 403) == "forbidden"
    done(decide(office, appeal))


def test_appeal_is_decided_only_by_the_person_it_is_assigned_to_and_once(office: Office) -> None:
    _, appeal = opened(office)
    assert slug(decide(office, appeal), 409) == "review-closed"  # not assigned yet
    done(assign(office, appeal, "周审批"))
    assert slug(decide(office, appeal, "approver"), 403) == "took-part"
    done(decide(office, appeal, "other"))
    assert slug(decide(office, appeal, "other"), 409) == "review-closed"
    assert slug(assign(office, appeal), 409) == "review-closed"


def test_decision_has_one_open_appeal(office: Office) -> None:
    decision, appeal = opened(office)
    again = office.post("appeals", "second", decision_id=decision, ground="再次申诉")
    assert slug(again, 409) == "review-open"
    done(office.post(f"appeals/{appeal}/withdraw", "officer", reason="主体撤回"))
    done(office.post("appeals", "second", decision_id=decision, ground="新的材料"))


def test_overdue_appeals_are_in_sight_and_stay_open(office: Office) -> None:
    _, appeal = opened(office)
    office.at(START + timedelta(days=60))
    listed = done(office.get("appeals", "auditor", overdue="true"))
    assert listed["overdue"] == 1
    assert [one["appeal_id"] for one in listed["appeals"]] == [appeal]
    assert done(office.get("appeals", "auditor", overdue="false"))["appeals"] == []
    assert done(office.get("appeals", "auditor", until="2000-01-01"))["overdue"] == 0
    done(assign(office, appeal))
    closed = done(decide(office, appeal))["appeal"]
    assert not closed["overdue"]
    assert done(office.get("appeals", "auditor"))["counts_by_outcome"] == {"upheld": 1}


def test_clock_set_back_moves_no_due_date(office: Office) -> None:
    _, appeal = opened(office)
    office.at(START + timedelta(days=60))
    due = done(office.get(f"appeals/{appeal}", "officer"))["appeal"]["due_on"]
    office.set_back(START - timedelta(days=300))
    seen = done(office.get(f"appeals/{appeal}", "officer"))
    assert (seen["appeal"]["due_on"], seen["appeal"]["overdue"]) == (due, True)
    assert [note["code"] for note in seen["notes"]] == ["clock_behind"]


def test_late_appeal_is_taken_and_marked(office: Office) -> None:
    decision = office.score()["decision_id"]
    office.at(START + timedelta(days=60))
    made = office.post("appeals", "officer", decision_id=decision, ground="因病延误")
    assert done(made)["appeal"]["late"] is True


def test_contact_of_the_party_is_refused_not_kept(office: Office) -> None:
    decision = office.score()["decision_id"]
    with_field = office.post("appeals", "officer", decision_id=decision, ground="有误", contact="13812345678")
    assert [(e["field"], e["rule"]) for e in with_field.json()["errors"]] == [("contact", "extra_forbidden")]
    in_text = office.post("appeals", "officer", decision_id=decision, ground="电话 13812345678")
    assert [(e["field"], e["rule"]) for e in in_text.json()["errors"]] == [("ground", "personal_data")]
    assert "13812345678" not in in_text.text


def test_outcome_needs_an_advice_exactly_where_it_changes(office: Office) -> None:
    _, appeal = opened(office)
    done(assign(office, appeal))
    for found in ({"outcome": "changed"}, {"outcome": "upheld", "new_advice": "pass"}):
        assert [e["rule"] for e in decide(office, appeal, **found).json()["errors"]] == [
            "advice_where_changed"
        ]
    withdrawn = decide(office, appeal, outcome="withdrawn")
    assert [e["rule"] for e in withdrawn.json()["errors"]] == ["withdrawn_elsewhere"]


def test_keys_of_a_company_do_not_see_appeals_of_the_groups_decisions(office: Office) -> None:
    _, appeal = opened(office)
    assert slug(office.get(f"appeals/{appeal}", "org07"), 404) == "unknown-review"
    assert done(office.get("appeals", "org07"))["appeals"] == []
    assert slug(office.get("appeals", "planner"), 403) == "forbidden"
