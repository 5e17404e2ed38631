"""What people decided is a table that training and monitoring read."""

from pathlib import Path

import polars as pl

from serving.review.labels import REVIEW_LABELS, review_labels, write_review_labels
from tests.serving.review.review_world import Office, done


def test_answered_overrides_and_closed_appeals_are_labels_without_names(
    office: Office, tmp_path: Path
) -> None:
    parts = office.client.deployment.review
    assert review_labels(parts.override_store, parts.appeal_store).schema == REVIEW_LABELS
    first, second = office.score("P0000010"), office.score("P0000011")
    override = done(office.ask(first["decision_id"], advice="pass"))["override"]["override_id"]
    done(office.ask(office.score("P0000012")["decision_id"]))  # nobody answered it yet
    done(office.override(override, "approve", "approver"))
    appeal = office.post("appeals", "officer", decision_id=second["decision_id"], ground="有误")
    appeal_id = done(appeal)["appeal"]["appeal_id"]
    done(office.post(f"appeals/{appeal_id}/assign", "approver", assignee="李审批"))
    found = {"outcome": "changed", "new_advice": "pass", "reason": "诉讼已结案"}
    done(office.post(f"appeals/{appeal_id}/decide", "approver", **found))
    path = tmp_path / "review" / "labels.parquet"
    written = write_review_labels(parts.override_store, parts.appeal_store, path)
    assert pl.read_parquet(path).equals(written)
    said = (
        written.sort("party_id")
        .select("kind", "party_id", "model_advice", "outcome", "final_advice", "final_grade")
        .rows()
    )
    assert said == [
        ("override", "P0000010", first["advice"], "active", "pass", "A1"),
        ("appeal", "P0000011", second["advice"], "changed", "pass", second["grade"]),
    ]
    text = written.write_csv()
    assert "李审批" not in text
    assert "诉讼" not in text
