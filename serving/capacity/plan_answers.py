"""Turn plans into answers: what each line makes, what binds, what an hour is worth, what changed since the last plan."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import polars as pl
from pydantic import BaseModel

from models.capacity.published.plan_record import PlanInfo, PlanRecord
from models.capacity.published.run_info import CapacityInfo
from serving.access.caller import Caller
from serving.capacity.answers import capacity_stamp, stamp_said
from serving.capacity.plan_schemas import (
    BindingConstraint,
    ConstraintChange,
    LineLoad,
    PlanAnswer,
    PlanChange,
    PlanDifferenceAnswer,
    PlannedProduct,
    PlannedRoute,
    PlanStamp,
    PlanSummary,
    ProductAdvice,
)
from serving.capacity.quality import capacity_quality, told
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note

__all__ = [
    "plan_answer",
    "plan_said",
    "plan_stamp",
    "rows_of",
    "summary_of",
]

Shape = TypeVar("Shape", bound=BaseModel)


def plan_stamp(info: PlanInfo, run: CapacityInfo) -> PlanStamp:
    """Say which run a plan is of, and what it counts on."""
    return PlanStamp(
        **capacity_stamp(run).model_dump(),
        plan_id=info.plan_id,
        planned_at=info.issued_at,
        objective=info.objective,
        companies=None if info.companies is None else list(info.companies),
        weeks=list(info.weeks),
        capacity=info.capacity,
        demand=info.demand,
    )


def plan_answer(
    record: PlanRecord,
    run: CapacityInfo,
    planner: Caller,
    *,
    notes: Sequence[Note],
    decision_id: str,
    hide_change: bool,
) -> PlanAnswer:
    """Return the answer of a plan; `run` is the run that it was made of, `hide_change` keeps back what it earns more."""
    info = record.info
    return PlanAnswer(
        **plan_stamp(info, run).model_dump(),
        request_id=planner.call.request_id,
        decision_id=decision_id,
        quality=capacity_quality([*notes, *told(info.notes)]),
        status=info.status,
        objective_value=info.objective_value,
        summary=summary_of(record.summary, planner),
        lines=rows_of(LineLoad, record.lines),
        mix=rows_of(ProductAdvice, record.mix),
        production=rows_of(PlannedRoute, record.production),
        products=rows_of(PlannedProduct, record.products),
        binding=rows_of(BindingConstraint, record.binding),
        difference=_difference(record, hide_change=hide_change),
    )


def rows_of(shape: type[Shape], frame: pl.DataFrame) -> list[Shape]:
    """Return a frame's rows in a shape: its columns by name, null for what the frame does not have."""
    fields = list(shape.model_fields)
    if frame.width == 0:
        return []
    clean = frame.with_columns(pl.selectors.float().fill_nan(None))
    return [
        shape.model_validate({name: row.get(name) for name in fields}) for row in clean.iter_rows(named=True)
    ]


def summary_of(frame: pl.DataFrame, planner: Caller) -> PlanSummary:
    """Return the figures of a plan; what the group earns by it is the group's to know."""
    found = rows_of(PlanSummary, frame.head(1))
    summary = found[0] if found else PlanSummary.model_validate(dict.fromkeys(PlanSummary.model_fields))
    return summary if planner.sees_all else summary.model_copy(update={"value_group": None})


def _difference(record: PlanRecord, *, hide_change: bool) -> PlanDifferenceAnswer | None:
    """Return what changed since the last plan, None for the first."""
    if record.info.before is None:
        return None
    told_of = record.difference_summary.to_dicts()
    summary: Mapping[str, object] = told_of[0] if told_of else {}
    if hide_change:
        summary = {"hours_kept": summary.get("hours_kept")}
    binding = record.difference_binding
    if "status" in binding.columns:
        binding = binding.filter(pl.col("status") != "kept")
    return PlanDifferenceAnswer.model_validate(
        {
            "before": record.info.before,
            **{name: summary.get(name) for name in ("text_zh", "text_en", "value_change", "hours_kept")},
            "production": rows_of(PlanChange, record.difference),
            "binding": rows_of(ConstraintChange, binding),
        }
    )


def plan_said(answer: PlanAnswer) -> Mapping[str, Json]:
    """Return what the ledger keeps of a plan: every quantity and hour that was given."""
    return {
        **stamp_said(answer),
        "plan_id": answer.plan_id,
        "objective": answer.objective,
        "companies": answer.companies,
        "objective_value": answer.objective_value,
        "status": answer.status,
        "before": None if answer.difference is None else answer.difference.before,
        "quality": quality_codes(answer.quality),
        "production": [
            [one.line_id, one.product_id, str(one.week), one.hours, one.quantity] for one in answer.production
        ],
    }
