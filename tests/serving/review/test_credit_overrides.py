"""Overrides of credit decisions: two persons, one open at a time, ended by their date, the model's answer beside them."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from serving.access.caller import Call, Caller
from serving.review.review_store import ReviewStore
from serving.uploads.media import TableKind
from tests.serving.conftest import World
from tests.serving.credit.books.book_client import rows_of, send
from tests.serving.review.review_world import START, Office, done, slug

ANYONE = Caller(Call("r-1", "k-1", ("risk_officer",)), "钱经办", ("*",))


def asked(office: Office, party: str = "P0000006") -> tuple[str, str]:
    decision = office.score(party)["decision_id"]
    return decision, done(office.ask(decision))["override"]["override_id"]


def test_override_asked_by_one_and_approved_by_another_stands_beside_the_models_answer(
    office: Office,
) -> None:
    scored = office.score()
    made = done(office.ask(scored["decision_id"]))["override"]
    assert made["status"] == "pending"
    approved = done(office.override(made["override_id"], "approve", "approver"))["override"]
    assert approved["status"] == "active"
    assert (approved["model"]["grade"], approved["model"]["pd"]) == (scored["grade"], scored["pd"])
    seen = done(office.get(f"decisions/{scored['decision_id']}", "officer"))
    assert seen["standing"]["by"] == "override"
    assert seen["standing"]["grade"] == "A1"
    assert seen["decision"]["record"]["answer"]["grade"] == scored["grade"]


def test_approved_override_is_found_by_party_until_its_last_day(office: Office) -> None:
    _, override = asked(office)
    active = office.client.deployment.review.active
    assert active.active_override("P0000006", ANYONE, START) is None
    done(office.override(override, "approve", "approver"))
    found = active.active_override("P0000006", ANYONE, START + timedelta(days=40))
    assert found is not None
    assert found.override_id == override
    assert active.active_override("P0000006", ANYONE, START + timedelta(days=41)) is None
    assert active.active_override("P0000008", ANYONE, START) is None


def test_score_says_which_override_counts_beside_the_models_own_advice(office: Office) -> None:
    decision, override = asked(office)
    before = office.score()
    done(office.override(override, "approve", "approver"))
    after = office.score()
    assert before["override"] is None
    assert after["override"] == {
        "advice": before["advice"],
        "grade": "A1",
        "until": str((START + timedelta(days=40)).date()),
        "override_id": override,
        "decision_id": decision,
    }
    told = ("advice", "grade", "pd", "decided_by")
    assert [after[name] for name in told] == [before[name] for name in told]
    done(office.override(override, "withdraw", "approver"))
    assert office.score()["override"] is None


def test_replay_of_a_score_says_the_override_of_that_day(office: Office) -> None:
    _, override = asked(office)
    done(office.override(override, "approve", "approver"))
    scored = office.score()
    done(office.override(override, "withdraw", "approver"))
    replayed = done(office.post(f"decisions/{scored['decision_id']}/replay", "auditor"))
    assert replayed["outcome"] == "identical"
    record = done(office.get(f"decisions/{scored['decision_id']}", "auditor"))["decision"]["record"]
    assert record["basis"]["override"]["override_id"] == override


def test_override_of_a_decision_of_all_companies_is_not_told_to_a_key_for_some(office: Office) -> None:
    _, override = asked(office)
    done(office.override(override, "approve", "approver"))
    active, org07 = office.client.deployment.review.active, replace(ANYONE, companies=("ORG-07",))
    assert active.active_override("P0000006", org07, START) is None


def test_score_reads_no_override_from_the_database(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(*_: object, **__: object) -> None:
        pytest.fail("a score looked overrides up in the database")

    monkeypatch.setattr(ReviewStore, "all", looked_up)
    assert office.score()["override"] is None


def test_override_of_another_worker_is_told_after_the_next_look(office: Office) -> None:
    _, override = asked(office)
    deployment = office.client.deployment
    elsewhere = office.client.deployment.review.overrides
    elsewhere._changed = lambda: None  # what another worker does is not heard of here
    done(office.override(override, "approve", "approver"))
    assert office.score()["override"] is None
    deployment.parts.refresh()
    assert office.score()["override"]["override_id"] == override


def test_overrides_unknown_at_the_start_are_read_before_the_first_score(office: Office) -> None:
    _, override = asked(office)
    done(office.override(override, "approve", "approver"))
    active = office.client.deployment.review.active
    active._held = None  # as after a start while the database was away
    assert office.score()["override"]["override_id"] == override
    assert active.known


def test_nobody_approves_their_own_request_nor_with_another_key_of_theirs(office: Office) -> None:
    _, override = asked(office)
    assert slug(office.override(override, "approve", "officer"), 403) == "forbidden"
    assert slug(office.override(override, "approve", "namesake"), 403) == "own-request"
    assert slug(office.override(override, "refuse", "namesake"), 403) == "own-request"
    assert done(office.get(f"credit/overrides/{override}", "auditor"))["override"]["status"] == "pending"


def test_same_approval_sent_twice_counts_once(office: Office) -> None:
    _, override = asked(office)
    done(office.override(override, "approve", "approver"))
    assert slug(office.override(override, "approve", "approver"), 409) == "review-closed"
    assert slug(office.override(override, "refuse", "other"), 409) == "review-closed"


def test_second_override_of_a_decision_is_refused_while_one_is_open(office: Office) -> None:
    decision, override = asked(office)
    assert slug(office.ask(decision, "second"), 409) == "review-open"
    done(office.override(override, "refuse", "approver"))
    assert done(office.ask(decision, "second"))["override"]["status"] == "pending"


def test_two_scores_of_one_party_have_one_override_that_counts(office: Office) -> None:
    _, first = asked(office)
    other = office.score()["decision_id"]
    assert slug(office.ask(other, "second", grade="C1"), 409) == "review-open"
    done(office.override(first, "approve", "approver"))
    second = done(office.ask(other, "second", grade="C1"))["override"]["override_id"]
    assert office.score()["override"]["override_id"] == first, "what nobody approved changes nothing"
    approved = office.override(second, "approve", "other")
    assert done(approved)["override"]["status"] == "active"
    assert office.record(approved)["answer"]["superseded"] == [first]
    ended = done(office.get(f"credit/overrides/{first}", "auditor"))["override"]
    assert (ended["status"], ended["superseded_by"]) == ("superseded", second)
    listed = done(office.get("credit/overrides", "auditor", party_id="P0000006", status="active"))
    assert listed["counts_by_status"] == {"active": 1}
    done(office.override(second, "withdraw", "approver"))
    assert office.score()["override"] is None, "what was superseded does not come back"


def test_what_counts_is_withdrawn_by_an_approver_who_did_not_ask(office: Office) -> None:
    _, override = asked(office)
    done(office.override(override, "approve", "approver"))
    assert slug(office.override(override, "withdraw", "officer"), 403) == "own-request"
    assert slug(office.override(override, "withdraw", "namesake"), 403) == "own-request"
    assert slug(office.override(override, "withdraw", "second"), 403) == "not-your-override"
    assert office.score()["override"]["override_id"] == override
    assert done(office.override(override, "withdraw", "other"))["override"]["status"] == "withdrawn"


def test_of_two_overrides_asked_at_once_exactly_one_is_kept(office: Office) -> None:
    decision = office.score()["decision_id"]
    statuses: list[int] = []
    start = threading.Barrier(2)

    def ask(who: str) -> None:
        start.wait()
        statuses.append(office.ask(decision, who).status_code)

    threads = [threading.Thread(target=ask, args=(who,)) for who in ("officer", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]
    listed = done(office.get("credit/overrides", "auditor", of_decision=decision))
    assert [one["status"] for one in listed["overrides"]] == ["pending"]


def test_override_lapses_by_its_date_and_makes_room_for_another(office: Office) -> None:
    decision, override = asked(office)
    done(office.override(override, "approve", "approver"))
    office.at(START + timedelta(days=41))
    assert done(office.get(f"credit/overrides/{override}", "officer"))["override"]["status"] == "lapsed"
    assert done(office.get(f"decisions/{decision}", "officer"))["standing"]["by"] == "model"
    again = office.ask(decision, "second", until=str((START + timedelta(days=60)).date()))
    assert done(again)["override"]["status"] == "pending"


def test_lapsed_request_cannot_be_approved(office: Office) -> None:
    _, override = asked(office)
    office.at(START + timedelta(days=41))
    answer = office.override(override, "approve", "approver")
    assert slug(answer, 409) == "review-closed"
    assert "lapsed" in answer.json()["detail"]


def test_clock_set_back_does_not_bring_a_lapsed_override_back(office: Office) -> None:
    _, override = asked(office)
    done(office.override(override, "approve", "approver"))
    office.at(START + timedelta(days=41))
    done(office.get(f"credit/overrides/{override}", "officer"))
    office.set_back(START)
    answer = done(office.get(f"credit/overrides/{override}", "officer"))
    assert answer["override"]["status"] == "lapsed"
    assert [note["code"] for note in answer["notes"]] == ["clock_behind"]
    assert office.client.deployment.parts.ledger.verify().broken is None


def test_override_is_withdrawn_by_who_asked_or_an_approver_only(office: Office) -> None:
    _, override = asked(office)
    assert slug(office.override(override, "withdraw", "second"), 403) == "not-your-override"
    gone = done(office.override(override, "withdraw", "officer"))["override"]
    assert gone["status"] == "withdrawn"
    assert gone["asked"]["reason"] == "已补充足额存单质押"
    assert slug(office.override(override, "approve", "approver"), 409) == "review-closed"


def test_end_date_is_limited_and_grade_is_of_the_scale(office: Office) -> None:
    decision = office.score()["decision_id"]
    answer = office.ask(decision, grade="Z9", until=str((START + timedelta(days=400)).date()))
    assert slug(answer, 422) == "invalid-request"
    assert [(e["field"], e["rule"]) for e in answer.json()["errors"]] == [
        ("until", "out_of_range"),
        ("grade", "unknown_grade"),
    ]
    past = office.ask(decision, until=str((START - timedelta(days=1)).date()))
    assert [e["rule"] for e in past.json()["errors"]] == ["out_of_range"]


def test_override_must_change_something(office: Office) -> None:
    scored = office.score()
    answer = office.ask(scored["decision_id"], grade=scored["grade"], advice=scored["advice"])
    assert [e["rule"] for e in answer.json()["errors"]] == ["changes_nothing"]
    none = office.ask(scored["decision_id"], grade=None)
    assert [e["rule"] for e in none.json()["errors"]] == ["advice_or_grade"]


def test_hard_stop_is_not_overridden_to_pass(
    office: Office, put_book: Callable[..., object], world: World
) -> None:
    put_book(world.home, world.version, bankruptcy_filings=1)
    office.client.deployment.parts.refresh()
    scored = office.score()
    assert scored["advice"] == "decline"
    answer = office.ask(scored["decision_id"], advice="pass")
    assert [(e["field"], e["rule"]) for e in answer.json()["errors"]] == [("advice", "hard_stop")]
    assert done(office.ask(scored["decision_id"], advice="manual_review"))["override"]["status"] == "pending"


def test_reason_holds_no_contact_of_a_person(office: Office) -> None:
    decision = office.score()["decision_id"]
    for text in ("请联系 13812345678", "身份证 11010519491231002X", "mail zhang.san@example.com", "   "):
        answer = office.ask(decision, reason=text)
        assert slug(answer, 422) == "invalid-request"
        assert [e["field"] for e in answer.json()["errors"]] == ["reason"]
        assert text.strip() == "" or text not in answer.text


def test_only_scores_of_a_party_are_overridden(office: Office) -> None:
    decision = office.score()["decision_id"]
    read = done(office.get(f"decisions/{decision}", "officer"))["decision_id"]
    assert slug(office.ask(read), 422) == "not-reviewable"
    assert slug(office.ask("0" * 32), 404) == "unknown-decision"


def test_keys_of_a_company_do_not_see_overrides_of_the_groups_decisions(office: Office) -> None:
    decision, override = asked(office)
    assert slug(office.get(f"credit/overrides/{override}", "org07"), 404) == "unknown-review"
    assert slug(office.override(override, "approve", "org07_approver"), 404) == "unknown-review"
    assert slug(office.ask(decision, "org07"), 404) == "unknown-decision"
    listed = done(office.get("credit/overrides", "org07"))
    assert listed["overrides"] == []
    assert listed["counts_by_reason"] == {}


def test_overrides_are_counted_by_reason_and_listed_by_page(office: Office) -> None:
    for party in ("P0000006", "P0000008", "P0000010"):
        done(office.ask(office.score(party)["decision_id"]))
    other = done(office.ask(office.score("P0000011")["decision_id"], reason_code="data_error"))
    first = done(office.get("credit/overrides", "auditor", limit=3))
    assert first["counts_by_reason"] == {"mitigation": 3, "data_error": 1}
    assert first["counts_by_status"] == {"pending": 4}
    assert first["overrides"][0]["override_id"] == other["override"]["override_id"]
    rest = done(office.get("credit/overrides", "auditor", limit=3, cursor=first["cursor"]))
    assert len(rest["overrides"]) == 1
    assert rest["cursor"] is None
    assert done(office.get("credit/overrides", "auditor", until="2000-01-01"))["overrides"] == []
    assert (
        len(done(office.get("credit/overrides", "auditor", since="2000-01-01T00:00:00Z"))["overrides"]) == 4
    )


def test_every_act_is_in_the_chain_with_who_did_it(office: Office) -> None:
    _, override = asked(office)
    answer = office.override(override, "approve", "approver")
    record = office.record(answer)
    assert record["route"] == "credit/overrides/approve"
    assert record["subject"] == "P0000006"
    assert record["answer"]["override"]["answered"]["name"] == "李审批"
    assert office.client.deployment.parts.ledger.verify().broken is None


def test_roles_are_kept_apart(office: Office) -> None:
    decision, override = asked(office)
    for who in ("auditor", "approver", "planner"):
        assert slug(office.ask(decision, who), 403) == "forbidden"
    for who in ("auditor", "officer", "planner"):
        assert slug(office.override(override, "approve", who), 403) == "forbidden"
    assert slug(office.get("credit/overrides", "planner"), 403) == "forbidden"


def test_book_says_in_a_partys_row_which_override_counts(office: Office) -> None:
    decision, override = asked(office)
    done(office.override(override, "approve", "approver"))
    client = replace(office.client, key=office.keys["officer"])
    content = json.dumps({"party_ids": ["P0000006", "P0000001"]}).encode()
    first, second = send(client, content, TableKind.JSON).json()["answers"]
    assert first["override"] == office.score()["override"]
    assert (first["override"]["override_id"], first["override"]["decision_id"]) == (override, decision)
    assert second["override"] is None
    for kind in (TableKind.CSV, TableKind.PARQUET, TableKind.XLSX):
        rows = rows_of(send(client, content, TableKind.JSON, Accept=kind.media_type), kind)
        assert rows["override_id"].to_list() == [override, None]
        assert rows["override_grade"].to_list() == ["A1", None]
