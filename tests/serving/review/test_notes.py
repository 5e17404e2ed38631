"""Notes on decisions: in the chain, beside the decision for whoever sees it, never a change of it."""

import json

import pytest

from tests.serving.review.review_world import Office, done, slug


@pytest.mark.parametrize("who", ["officer", "approver", "auditor"])
def test_note_is_in_the_chain_and_shown_with_the_decision(office: Office, who: str) -> None:
    scored = office.score()
    decision = scored["decision_id"]
    first = office.post(f"decisions/{decision}/notes", who, note=" 保证金已到账 ")
    second = done(office.post(f"decisions/{decision}/notes", "officer", note="抵押物已复估"))["annotation"]
    seen = done(office.get(f"decisions/{decision}", "auditor"))
    assert [one["note"] for one in seen["annotations"]] == ["抵押物已复估", "保证金已到账"]
    assert seen["annotations"][0] == second
    assert seen["decision"]["record"]["answer"]["advice"] == scored["advice"]
    record = office.record(first)
    assert (record["route"], record["subject"]) == ("decisions/note", "P0000006")
    assert record["request"] == {"of_decision": decision, "note": "保证金已到账"}
    assert record["decision_id"] == done(first)["annotation"]["by"]["record_id"]
    assert office.client.deployment.parts.ledger.verify().broken is None


@pytest.mark.parametrize(
    ("note", "what"),
    [("  ", "reason_missing"), ("请电 13812345678", "personal_data"), ("x" * 1001, "string_too_long")],
)
def test_note_that_is_empty_or_personal_or_long_is_refused_by_its_field(
    office: Office, note: str, what: str
) -> None:
    decision = office.score()["decision_id"]
    refused = office.post(f"decisions/{decision}/notes", "officer", note=note)
    assert slug(refused, 422)
    assert "note" in refused.text
    assert what in refused.text
    assert done(office.get(f"decisions/{decision}", "auditor"))["annotations"] == []


def test_nobody_notes_on_what_they_may_not_see(office: Office) -> None:
    decision = office.score()["decision_id"]
    assert slug(office.post(f"decisions/{decision}/notes", "org07", note="看过"), 404) == "unknown-decision"
    assert slug(office.post(f"decisions/{decision}/notes", "planner", note="看过"), 403) == "forbidden"
    assert slug(office.post("decisions/none/notes", "officer", note="看过"), 404) == "unknown-decision"


def test_export_masks_what_people_noted(office: Office) -> None:
    decision = office.score()["decision_id"]
    done(office.post(f"decisions/{decision}/notes", "officer", note="张某已补充材料"))
    exported = office.get("decisions/export", "auditor", accept="application/x-ndjson").text
    rows = [json.loads(line) for line in exported.splitlines()]
    assert any("decisions/note" in json.dumps(row) for row in rows)
    assert "张某" not in json.dumps(rows, ensure_ascii=False)
