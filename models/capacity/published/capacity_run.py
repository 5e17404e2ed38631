"""A published run of capacity: what it holds, written once in one move, read back checked, never changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import JsonValue, TypeAdapter, ValidationError

from models.bundle import Bundle, parquet_bytes, read_bundle, write_bundle
from models.capacity.published.pointers import CHALLENGER, LATEST, Pointer, latest_in, move_pointer, timed_id
from models.capacity.published.run_frames import FRAMES, check_frames, empty_frame, shaped
from models.capacity.published.run_info import FOLDER_NAME, CapacityInfo
from models.errors import CapacityRunError, CapacityRunExistsError

__all__ = [
    "FAMILY",
    "FOLDER",
    "CapacityRun",
    "checked_run",
    "empty_run",
    "latest_run_id",
    "list_runs",
    "new_run_id",
    "read_info",
    "read_run",
    "run_folders",
    "write_run",
]

FAMILY: Final = "capacity-run"
FOLDER: Final = "capacity"
"""Folder of the runs below the home; plans lie below it."""
_INFO: Final = "run.json"
_DEPENDENCE: Final = "dependence.json"
_LATER: Final = frozenset({"losses"})
"""Frames that runs published before do not have."""
_JSON: Final = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, eq=False)
class CapacityRun:
    """Everything that is published at one time; the columns of each frame are `run_frames.FRAMES` at least.

    Units: hours, the unit of the line or product, CNY, weeks stamped on Monday. `demand` is the demand run's own
    forecast by product and week (same keys, same calendar; its id is in `info`), `losses` what each line lost by reason of
    stop over its last 13 weeks (hours, units at the planned rate, under the name of its profile), `dependence` what was learnt of how
    its series move together. Without a demand run `demand` and the shortfalls are empty and a note says so.
    """

    info: CapacityInfo
    lines: pl.DataFrame
    days: pl.DataFrame
    weeks: pl.DataFrame
    contributions: pl.DataFrame
    utilisation: pl.DataFrame
    losses: pl.DataFrame
    routes: pl.DataFrame
    products: pl.DataFrame
    orders: pl.DataFrame
    caps: pl.DataFrame
    demand: pl.DataFrame
    shortfall_products: pl.DataFrame
    shortfall_lines: pl.DataFrame
    stock_alerts: pl.DataFrame
    dependence: Mapping[str, JsonValue]


def empty_run(info: CapacityInfo) -> CapacityRun:
    """Return a run with every frame in its shape and no row, to be filled with `dataclasses.replace`."""
    return CapacityRun(info, **{name: empty_frame(name) for name in FRAMES}, dependence={})


def new_run_id(issued_at: datetime, suffix: str) -> str:
    """Name a run by its time, so that names sort as runs were issued."""
    return timed_id("capacity", issued_at, suffix)


def checked_run(run: CapacityRun) -> CapacityRun:
    """Return the run with every column in its type and order. Raises CapacityRunError."""
    where = run.info.run_id
    frames = {name: shaped(where, name, getattr(run, name)) for name in FRAMES}
    if frames["lines"].is_empty():
        raise CapacityRunError(where, "没有产线", "it has no line")
    check_frames(where, frames)
    return CapacityRun(run.info, **frames, dependence=run.dependence)


def write_run(root: Path, run: CapacityRun) -> Path:
    """Write a run to `root/<run_id>` in one move and point `root/latest.json` at it if none is of newer data.

    A challenger's run moves `root/challenger.json` instead.

    Raises CapacityRunError where the frames do not hold together (a missing column, a key twice, quantiles that cross,
    contributions that do not sum to the forecast, a line or product that is not listed), naming the rows;
    CapacityRunExistsError where the id is taken.
    """
    checked = checked_run(run)
    folder = root / run.info.run_id
    if folder.exists():
        raise CapacityRunExistsError(run.info.run_id)
    files = {f"{name}.parquet": parquet_bytes(getattr(checked, name)) for name in FRAMES}
    files[_INFO] = (run.info.model_dump_json(indent=2) + "\n").encode()
    files[_DEPENDENCE] = (json.dumps(dict(run.dependence), allow_nan=False) + "\n").encode()
    write_bundle(
        folder,
        files,
        family=FAMILY,
        features=(),
        seed=run.info.seed,
        data_hash="",
        code_version="",
        trained_as_of=run.info.data_as_of,
        notes={"model_version": run.info.model_version, "demand_run_id": run.info.demand_run_id or ""},
    )
    info = run.info
    pointer = Pointer(id=info.run_id, issued_at=info.issued_at, data_as_of=info.data_as_of)
    move_pointer(root, pointer, CHALLENGER if info.challenger else LATEST)
    return folder


def read_run(folder: Path) -> CapacityRun:
    """Read a run and check every file against its hash. Raises BundleError, CapacityRunError."""
    bundle = read_bundle(folder, family=FAMILY)
    frames = {name: _frame(bundle, name) for name in FRAMES}
    return CapacityRun(read_info(folder), **frames, dependence=_dependence(bundle))


def run_folders(root: Path) -> list[Path]:
    """Return the folders of what was published, whatever their files hold; those on their way are not seen."""
    return [path.parent for path in root.glob(f"*/{_INFO}") if FOLDER_NAME.fullmatch(path.parent.name)]


def read_info(folder: Path) -> CapacityInfo:
    """Return what a run says of itself; its files are not checked. Raises CapacityRunError."""
    try:
        return CapacityInfo.model_validate_json((folder / _INFO).read_bytes())
    except (OSError, ValidationError) as error:
        raise CapacityRunError(folder.name, f"的 {_INFO} 无法读取", f"{_INFO} cannot be read") from error


def list_runs(root: Path, *, challengers: bool = False) -> list[CapacityInfo]:
    """List what was published, oldest first; folders on their way are not seen, nor challengers unless asked for."""
    found = [info for info in map(read_info, run_folders(root)) if challengers or not info.challenger]
    return sorted(found, key=lambda info: (info.issued_at, info.run_id))


def latest_run_id(root: Path, *, challenger: bool = False) -> str | None:
    """Return the newest run or the challenger's, None where nothing was published. Raises CapacityRunError."""
    pointer = latest_in(root, CHALLENGER if challenger else LATEST)
    return None if pointer is None else pointer.id


def _frame(bundle: Bundle, name: str) -> pl.DataFrame:
    if name in _LATER and not (bundle.folder / f"{name}.parquet").exists():
        return empty_frame(name)
    return bundle.read_frame(name)


def _dependence(bundle: Bundle) -> dict[str, JsonValue]:
    try:
        return _JSON.validate_json(bundle.read(_DEPENDENCE))
    except ValidationError as error:
        where = bundle.folder.name
        raise CapacityRunError(
            where, f"的 {_DEPENDENCE} 无法读取", f"{_DEPENDENCE} cannot be read"
        ) from error
