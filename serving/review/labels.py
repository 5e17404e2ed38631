"""What people decided, as a table that other jobs read: labels for training, figures for monitoring."""

from pathlib import Path
from typing import Final

import polars as pl

from serving.review.appeal_schemas import Appeal, AppealState
from serving.review.override_schemas import CreditOverride
from serving.review.review_store import ReviewStore

__all__ = ["REVIEW_LABELS", "review_labels", "write_review_labels"]

_MOMENT: Final = pl.Datetime("us", "UTC")
REVIEW_LABELS: Final = pl.Schema(
    {
        "review_id": pl.String(),
        "kind": pl.String(),
        "decision_id": pl.String(),
        "party_id": pl.String(),
        "decided_at": _MOMENT,
        "model_version": pl.String(),
        "model_pd": pl.Float64(),
        "model_grade": pl.String(),
        "model_advice": pl.String(),
        "outcome": pl.String(),
        "final_advice": pl.String(),
        "final_grade": pl.String(),
        "reason_code": pl.String(),
        "valid_until": pl.Date(),
        "known_at": _MOMENT,
    }
)
"""One row for every override that was answered and every appeal that was closed. outcome: active, refused or withdrawn
of an override, upheld, changed or withdrawn of an appeal; final_*: what stood after it; known_at: when it was decided, so
that a training set as of a date leaves later ones out. Names and texts of people are not in it."""


def review_labels(overrides: ReviewStore, appeals: ReviewStore) -> pl.DataFrame:
    """Return the table (REVIEW_LABELS), oldest first."""
    rows = [_of_override(CreditOverride.model_validate_json(held.body)) for held in overrides.all()]
    rows += [_of_appeal(Appeal.model_validate_json(held.body)) for held in appeals.all()]
    told = [[row[name] for name in REVIEW_LABELS] for row in rows if row is not None]
    return pl.DataFrame(told, schema=REVIEW_LABELS, orient="row").sort("known_at", "review_id")


def write_review_labels(overrides: ReviewStore, appeals: ReviewStore, path: Path) -> pl.DataFrame:
    """Write the table as Parquet and return it; a reader sees the old file or the new one, never half of one."""
    labels = review_labels(overrides, appeals)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    labels.write_parquet(partial)
    partial.replace(path)
    return labels


def _of_override(one: CreditOverride) -> dict[str, object] | None:
    if one.answered is None:
        return None
    ended = one.withdrawn or one.answered
    stands = one.status in ("active", "superseded")  # a newer one does not unsay what was approved
    return _row(
        one,
        review_id=one.override_id,
        kind="override",
        outcome=str(one.status),
        final_advice=str(one.advice if stands else one.model.advice),
        final_grade=one.grade if stands else one.model.grade,
        reason_code=str(one.reason_code),
        valid_until=one.until,
        known_at=ended.at,
    )


def _of_appeal(one: Appeal) -> dict[str, object] | None:
    if one.status is not AppealState.CLOSED or one.closed is None:
        return None
    return _row(
        one,
        review_id=one.appeal_id,
        kind="appeal",
        outcome=str(one.outcome),
        final_advice=str(one.new_advice or one.model.advice),
        final_grade=one.model.grade,
        reason_code=None,
        valid_until=None,
        known_at=one.closed.at,
    )


def _row(one: CreditOverride | Appeal, **own: object) -> dict[str, object]:
    model = one.model
    return {
        "decision_id": model.decision_id,
        "party_id": model.party_id,
        "decided_at": model.decided_at,
        "model_version": model.model_version,
        "model_pd": model.pd,
        "model_grade": model.grade,
        "model_advice": str(model.advice),
        **own,
    }
