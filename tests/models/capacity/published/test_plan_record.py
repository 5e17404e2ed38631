"""Plans are published whole; an attempt that fails is written down and leaves the last good plan in force."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from models.capacity.published.plan_record import (
    FailedPlan,
    PlanInfo,
    PlanRecord,
    failed_after,
    latest_plan_id,
    list_plans,
    new_plan_id,
    note_failure,
    read_plan,
    write_plan,
)
from models.errors import BundleError, CapacityRunError, CapacityRunExistsError
from tests.models.capacity.published.capacity_runs import WEEKS

_WHEN = datetime(2026, 1, 2, 8, tzinfo=UTC)


def _plan(moment: datetime = _WHEN, **given: object) -> PlanRecord:
    values = {
        "plan_id": new_plan_id(moment, "abc"),
        "issued_at": moment,
        "run_id": "20260101T000000-capacity-abc",
        "data_as_of": "2025-12-31",
        "objective": "group",
        "weeks": WEEKS[:1],
        "status": "optimal",
        "objective_value": 1234.5,
    }
    return PlanRecord(
        PlanInfo.model_validate({**values, **given}),
        production=pl.DataFrame(
            {
                "line_id": ["L1"],
                "product_id": ["P1"],
                "week": WEEKS[:1],
                "hours": [10.0],
                "quantity": [95.0],
                "overtime": [0.0],
            }
        ),
        products=pl.DataFrame(
            {
                "product_id": ["P1"],
                "week": WEEKS[:1],
                "demand": [90.0],
                "production": [95.0],
                "delivered": [90.0],
                "stock": [5.0],
                "backlog": [0.0],
            }
        ),
        binding=pl.DataFrame(
            {
                "constraint": ["hours"],
                "kind": ["line_hours"],
                "shadow_price": [45.0],
                "unit": ["CNY/h"],
                "text_zh": ["多一小时值 45 元"],
                "text_en": ["one more hour is worth 45 CNY"],
            }
        ),
        summary=pl.DataFrame({"margin": [1234.5]}),
        difference=pl.DataFrame(),
    )


def test_what_was_written_is_read_back_the_same(tmp_path: Path) -> None:
    plan = _plan()
    found = read_plan(write_plan(tmp_path, plan))
    assert found.info == plan.info
    for name in ("production", "products", "binding", "summary", "difference"):
        assert getattr(found, name).equals(getattr(plan, name)), name
    with pytest.raises(CapacityRunExistsError):
        write_plan(tmp_path, plan)


def test_the_newest_plan_of_all_companies_is_in_force_and_scenarios_are_not(tmp_path: Path) -> None:
    later = _WHEN + timedelta(hours=1)
    write_plan(tmp_path, _plan())
    write_plan(tmp_path, _plan(later, plan_id="a-scenario", scenario="line out"))
    write_plan(tmp_path, _plan(later, plan_id="one-company", companies=("C1",)))
    assert latest_plan_id(tmp_path) == _plan().info.plan_id
    assert latest_plan_id(tmp_path, companies=["C1"]) == "one-company"
    assert latest_plan_id(tmp_path, companies=["C2"]) is None
    assert [one.plan_id for one in list_plans(tmp_path)] == [
        _plan().info.plan_id,
        "a-scenario",
        "one-company",
    ]


def test_a_failure_is_told_and_the_last_good_plan_stays(tmp_path: Path) -> None:
    folder = write_plan(tmp_path, _plan())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    failure = FailedPlan(
        attempted_at=_WHEN + timedelta(days=1),
        run_id="x",
        error="PlanInfeasibleError",
        zh="无解",
        en="infeasible",
        still_in_force=latest_plan_id(tmp_path),
    )
    note_failure(tmp_path, failure)
    assert failed_after(tmp_path) == failure
    assert failed_after(tmp_path, _WHEN) == failure
    assert failed_after(tmp_path, _WHEN + timedelta(days=2)) is None
    assert latest_plan_id(tmp_path) == _plan().info.plan_id
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_failures_of_other_companies_are_not_told(tmp_path: Path) -> None:
    whole = FailedPlan(attempted_at=_WHEN, run_id="x", error="PlanError", zh="无解", en="all")
    some = whole.model_copy(update={"companies": ("C/2", "C1"), "en": "some"})
    note_failure(tmp_path, some)
    assert failed_after(tmp_path) is None
    note_failure(tmp_path, whole)
    assert failed_after(tmp_path) == whole
    assert failed_after(tmp_path, companies=["C1", "C/2"]) == some
    assert failed_after(tmp_path, companies=["C1"]) is None


def test_a_plan_that_lacks_something_or_was_changed_is_refused(tmp_path: Path) -> None:
    plan = _plan()
    lacking = PlanRecord(
        plan.info, plan.production.drop("hours"), plan.products, plan.binding, plan.summary, plan.difference
    )
    with pytest.raises(CapacityRunError, match="hours"):
        write_plan(tmp_path, lacking)
    infinite = plan.products.with_columns(stock=pl.lit(float("inf")))
    with pytest.raises(CapacityRunError, match="stock"):
        write_plan(
            tmp_path,
            PlanRecord(plan.info, plan.production, infinite, plan.binding, plan.summary, plan.difference),
        )
    assert latest_plan_id(tmp_path) is None
    folder = write_plan(tmp_path, plan)
    (folder / "products.parquet").unlink()
    with pytest.raises(BundleError, match=r"products\.parquet"):
        read_plan(folder)
