"""Turn plans into answers: what each line makes, what binds, what an hour is worth, what changed since the last plan."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import polars as pl
from pydantic import BaseModel

from models.capacity.published.plan_record import PlanInfo, PlanRecord
from models.capacity.published.run_info import CapacityInfo
from serving.capacity_answers import capacity_stamp, stamp_said
from serving.capacity_quality import capacity_quality, told
from serving.capacity_solving import Solved
from serving.demand_quality import quality_codes
from serving.demand_scope import Planner
from serving.ledger import Json
from serving.plan_schemas import (
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
from serving.schemas import Note

__all__ = [
    "counted",
    "plan_answer",
    "plan_said",
    "plan_stamp",
    "record_answer",
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
    info: PlanInfo,
    run: CapacityInfo,
    solved: Solved,
    planner: Planner,
    *,
    notes: Sequence[Note],
    decision_id: str,
) -> PlanAnswer:
    """Return the answer of a plan that was just made."""
    plan = solved.plan
    return PlanAnswer(
        **plan_stamp(info, run).model_dump(),
        request_id=planner.call.request_id,
        decision_id=decision_id,
        quality=capacity_quality([*notes, *told(info.notes)]),
        status=info.status,
        objective_value=info.objective_value,
        summary=summary_of(plan.summary, planner),
        lines=rows_of(LineLoad, plan.lines),
        mix=rows_of(ProductAdvice, plan.mix),
        production=rows_of(PlannedRoute, plan.production),
        products=rows_of(PlannedProduct, plan.products),
        binding=rows_of(BindingConstraint, plan.binding),
        difference=_difference(info, solved),
    )


def record_answer(record: PlanRecord, run: CapacityInfo, planner: Planner, *, decision_id: str) -> PlanAnswer:
    """Return the answer of a plan that the command line made: its record has no loads and no advice."""
    info = record.info
    return PlanAnswer(
        **plan_stamp(info, run).model_dump(),
        request_id=planner.call.request_id,
        decision_id=decision_id,
        quality=capacity_quality(told(info.notes)),
        status=info.status,
        objective_value=info.objective_value,
        summary=summary_of(record.summary, planner),
        lines=[],
        mix=[],
        production=rows_of(PlannedRoute, record.production),
        products=rows_of(PlannedProduct, record.products),
        binding=rows_of(BindingConstraint, record.binding),
        difference=_recorded_difference(record),
    )


def rows_of(shape: type[Shape], frame: pl.DataFrame) -> list[Shape]:
    """Return a frame's rows in a shape: its columns by name, null for what the frame does not have."""
    fields = list(shape.model_fields)
    clean = frame.with_columns(pl.selectors.float().fill_nan(None))
    return [
        shape.model_validate({name: row.get(name) for name in fields}) for row in clean.iter_rows(named=True)
    ]


def summary_of(frame: pl.DataFrame, planner: Planner) -> PlanSummary:
    """Return the figures of a plan; what the group earns by it is the group's to know."""
    found = rows_of(PlanSummary, frame.head(1))
    summary = found[0] if found else PlanSummary.model_validate(dict.fromkeys(PlanSummary.model_fields))
    return summary if planner.sees_all else summary.model_copy(update={"value_group": None})


def _difference(info: PlanInfo, solved: Solved) -> PlanDifferenceAnswer | None:
    found = solved.difference
    if found is None or info.before is None:
        return None
    summary = found.summary.to_dicts()[0]
    return PlanDifferenceAnswer(
        before=info.before,
        text_zh=summary["text_zh"],
        text_en=summary["text_en"],
        value_change=summary["value_change"],
        hours_kept=summary["hours_kept"],
        production=rows_of(PlanChange, found.production),
        binding=rows_of(ConstraintChange, found.binding.filter(pl.col("status") != "kept")),
    )


def _recorded_difference(record: PlanRecord) -> PlanDifferenceAnswer | None:
    """Return what a record keeps of its difference: the entries that moved."""
    if record.info.before is None:
        return None
    moved = set(PlanChange.model_fields) <= set(record.difference.columns)
    return PlanDifferenceAnswer(
        before=record.info.before,
        text_zh=None,
        text_en=None,
        value_change=None,
        hours_kept=None,
        production=rows_of(PlanChange, record.difference) if moved else [],
        binding=[],
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


def counted(quantile: float | None) -> str:
    """Name what a plan counts on."""
    return "expected" if quantile is None else f"q{100 * quantile:g}"
