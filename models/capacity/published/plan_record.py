"""A published plan of production: written whole or not at all, so that a plan that failed leaves the last good one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from features.checked_files import write_text_atomically
from models.bundle import parquet_bytes, read_bundle, write_bundle
from models.capacity.published.pointers import Pointer, latest_in, move_pointer, timed_id
from models.capacity.published.run_info import FOLDER_NAME, Note
from models.errors import CapacityRunError, CapacityRunExistsError

__all__ = [
    "FAMILY",
    "FOLDER",
    "FailedPlan",
    "ObjectiveName",
    "PlanInfo",
    "PlanRecord",
    "failed_after",
    "latest_plan_id",
    "list_plans",
    "new_plan_id",
    "note_failure",
    "read_plan",
    "write_plan",
]

FAMILY: Final = "capacity-plan"
FOLDER: Final = "capacity/plans"
"""Folder of the plans below the home."""
_INFO: Final = "plan.json"
_FAILURE: Final = "last_failure{}.json"
_COLUMNS: Final = {
    "production": ("line_id", "product_id", "week", "hours", "quantity", "overtime"),
    "products": ("product_id", "week", "demand", "production", "delivered", "stock", "backlog"),
    "binding": ("constraint", "kind", "shadow_price", "unit", "text_zh", "text_en"),
    "summary": (),
    "difference": (),
    "lines": (),
    "routes": (),
    "mix": (),
    "weekly": (),
    "difference_products": (),
    "difference_binding": (),
    "difference_summary": (),
}

ObjectiveName = Literal["line", "company", "group"]


class PlanInfo(BaseModel):
    """What a plan was made from and how it ended; `plan.json` of its folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan_id: str = Field(pattern=f"^{FOLDER_NAME.pattern}$")
    issued_at: AwareDatetime
    run_id: str
    data_as_of: date
    demand_run_id: str | None = None
    objective: ObjectiveName
    weeks: tuple[date, ...] = Field(min_length=1)
    companies: tuple[str, ...] | None = None
    """None: all companies of the run."""
    capacity: str = "expected"
    """`expected`, or the probability with which the lines give what the plan counts on, e.g. `0.75`."""
    demand: str = "expected"
    """`expected`, or the quantile of demand that the plan serves, e.g. `0.75`."""
    scenario: str | None = None
    status: str
    objective_value: float
    """Margin less costs, CNY."""
    before: str | None = None
    """The plan that `difference` is against."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, eq=False)
class PlanRecord:
    """A plan as it was solved: hours, quantities in the product's unit, shadow prices in CNY a unit.

    production: line_id, product_id, week, hours, quantity, overtime. products: product_id, week, demand, production,
    delivered, stock, backlog. binding: constraint, kind, its line, product or week, shadow_price, unit, text_zh,
    text_en. summary: figures of the whole. difference: the rows of production that changed against the plan before, and
    beside it what changed for products, what binds now or no longer, and the whole; no row where there was no plan.
    lines, routes, mix, weekly: how loaded the lines are, what each route earns, the mix advised, when it is earned; as
    `models.capacity.allocation.plan.Plan` describes them.
    """

    info: PlanInfo
    production: pl.DataFrame
    products: pl.DataFrame
    binding: pl.DataFrame
    summary: pl.DataFrame
    difference: pl.DataFrame = field(default_factory=pl.DataFrame)
    lines: pl.DataFrame = field(default_factory=pl.DataFrame)
    routes: pl.DataFrame = field(default_factory=pl.DataFrame)
    mix: pl.DataFrame = field(default_factory=pl.DataFrame)
    weekly: pl.DataFrame = field(default_factory=pl.DataFrame)
    difference_products: pl.DataFrame = field(default_factory=pl.DataFrame)
    difference_binding: pl.DataFrame = field(default_factory=pl.DataFrame)
    difference_summary: pl.DataFrame = field(default_factory=pl.DataFrame)


class FailedPlan(BaseModel):
    """The last attempt at a plan of these companies (None: all) that did not succeed; what it was to replace stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempted_at: AwareDatetime
    run_id: str
    error: str
    zh: str
    en: str
    companies: tuple[str, ...] | None = None
    objective: ObjectiveName | None = None
    still_in_force: str | None = None


def new_plan_id(issued_at: datetime, suffix: str) -> str:
    """Name a plan by its time, so that names sort as plans were issued."""
    return timed_id("plan", issued_at, suffix)


def write_plan(root: Path, plan: PlanRecord) -> Path:
    """Write a plan to `root/<plan_id>` in one move; one of all companies without a scenario becomes `latest.json`.

    Raises CapacityRunError where a column is missing or a value is missing or infinite, CapacityRunExistsError where the
    id is taken.
    """
    info = plan.info
    for name, columns in _COLUMNS.items():
        _check(info.plan_id, name, getattr(plan, name), columns)
    folder = root / info.plan_id
    if folder.exists():
        raise CapacityRunExistsError(info.plan_id)
    files = {f"{name}.parquet": parquet_bytes(getattr(plan, name)) for name in _COLUMNS}
    files[_INFO] = (info.model_dump_json(indent=2) + "\n").encode()
    write_bundle(
        folder,
        files,
        family=FAMILY,
        features=(),
        seed=0,
        data_hash="",
        code_version="",
        trained_as_of=info.data_as_of,
        notes={"run_id": info.run_id},
    )
    if info.companies is None and info.scenario is None:
        move_pointer(root, Pointer(id=info.plan_id, issued_at=info.issued_at))
    return folder


def read_plan(folder: Path) -> PlanRecord:
    """Read a plan and check every file against its hash. Raises BundleError, CapacityRunError."""
    bundle = read_bundle(folder, family=FAMILY)
    frames = {name: bundle.read_frame(name) for name in _COLUMNS}
    return PlanRecord(_info(folder), **frames)


def list_plans(root: Path) -> list[PlanInfo]:
    """List what was planned, oldest first; folders on their way are not seen."""
    folders = [path.parent for path in root.glob(f"*/{_INFO}") if FOLDER_NAME.fullmatch(path.parent.name)]
    return sorted((_info(folder) for folder in folders), key=lambda info: (info.issued_at, info.plan_id))


def latest_plan_id(root: Path, *, companies: Sequence[str] | None = None) -> str | None:
    """Return the newest plan of all companies, or of exactly these; scenarios do not count. None where there is none."""
    if companies is None:
        pointer = latest_in(root)
        return None if pointer is None else pointer.id
    wanted = tuple(sorted(companies))
    found = [one for one in list_plans(root) if one.scenario is None and _companies(one) == wanted]
    return found[-1].plan_id if found else None


def note_failure(root: Path, failure: FailedPlan) -> None:
    """Write down an attempt that failed; no plan and no pointer is touched."""
    write_text_atomically(failure.model_dump_json(indent=2) + "\n", root / _failure(failure.companies))


def failed_after(
    root: Path, moment: datetime | None = None, *, companies: Sequence[str] | None = None
) -> FailedPlan | None:
    """Return the last failed attempt at a plan of all companies, or of exactly these.

    None where there is none or it was not after `moment`. Raises CapacityRunError.
    """
    path = root / _failure(companies)
    if not path.is_file():
        return None
    try:
        failure = FailedPlan.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CapacityRunError(str(path), "无法读取", "it cannot be read") from error
    return failure if moment is None or failure.attempted_at > moment else None


def _failure(companies: Sequence[str] | None) -> str:
    """Name the file of a scope's last failure; ids of companies may hold what a name of a file may not."""
    if companies is None:
        return _FAILURE.format("")
    scope = "\n".join(sorted(companies)).encode()
    return _FAILURE.format(f"-{hashlib.sha256(scope).hexdigest()[:16]}")


def _companies(info: PlanInfo) -> tuple[str, ...] | None:
    return None if info.companies is None else tuple(sorted(info.companies))


def _check(where: str, name: str, frame: pl.DataFrame, columns: Sequence[str]) -> None:
    lacks = [column for column in columns if column not in frame.columns]
    if lacks:
        raise CapacityRunError(
            where, f"的 {name} 表缺少列 {lacks}", f"its table '{name}' lacks the columns {lacks}"
        )
    numbers = [column for column in columns if frame[column].dtype.is_float()]
    wrong = [column for column in numbers if not frame[column].is_finite().fill_null(value=False).all()]
    if wrong:
        raise CapacityRunError(
            where,
            f"的 {name} 表在 {wrong} 中有缺失或无穷的数值",
            f"its table '{name}' has values that are missing or infinite in {wrong}",
        )


def _info(folder: Path) -> PlanInfo:
    try:
        return PlanInfo.model_validate_json((folder / _INFO).read_bytes())
    except (OSError, ValidationError) as error:
        raise CapacityRunError(folder.name, f"的 {_INFO} 无法读取", f"{_INFO} cannot be read") from error
