"""Write and read a model of lines as native files: LightGBM text, JSON and Parquet, never a pickle."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Final

import lightgbm as lgb
import numpy as np
from pydantic import BaseModel, ConfigDict

from features.capacity.line_panel import LinePanel
from models.bundle import Bundle, parquet_bytes, read_bundle, write_bundle
from models.capacity.lines.bands import Bands
from models.capacity.lines.columns import Columns
from models.capacity.lines.learnt import JointErrors, Learnt
from models.capacity.lines.limits import LineLimits
from models.capacity.lines.model import LineModel
from models.capacity.lines.settings import LineSettings
from models.capacity.lines.trust import Medians

__all__ = ["FAMILY", "load_line_model", "save_line_model"]

FAMILY: Final = "capacity_lines"
_FRAMES: Final = ("lines", "history", "future", "stops", "findings", "refused")
_BOOSTER: Final = "booster_"
_SPREAD: Final = "spread.txt"


class _Bands(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: tuple[float, ...]
    edges: tuple[int, ...]
    table: list[list[list[float]]]


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    bottleneck_hours: float | None
    restart_hours: float
    stopping: tuple[str, ...]
    week: tuple[float, ...] | None


class _Columns(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...]
    categorical: tuple[str, ...]
    words: tuple[str, ...]
    calendar: tuple[str, ...]
    driver_places: tuple[int, ...]


class _State(BaseModel):
    """What is neither a table nor a booster; arrays as lists, by line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    drivers: tuple[str, ...]
    text_drivers: tuple[str, ...]
    codes: dict[str, list[str]]
    columns: _Columns
    limits: tuple[_Limits, ...]
    levels: tuple[float, ...]
    horizon: int
    reach: tuple[tuple[int, ...], tuple[int, ...], int]
    settings: LineSettings
    seed: int
    usual_error: float
    trust: list[list[float]]
    median_weights: list[list[float]]
    made_over_expected: list[float]
    day_bands: _Bands
    week_bands: _Bands
    week_median: list[float]
    plan_error: list[float]
    best: list[float]
    usable: list[bool]
    tested: list[int]
    seen_restarts: list[float]
    size: list[float]
    joint_shape: tuple[int, int, int]
    joint: list[float | None]


def save_line_model(
    model: LineModel,
    folder: Path,
    *,
    code_version: str,
    metrics: Mapping[str, float] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a model folder in one move; the version is named by what it holds."""
    files = _files(model)
    seen = model.panel.history["ds"]
    window = None if not len(seen) else (seen.min(), seen.max())
    return write_bundle(
        folder,
        files,
        family=FAMILY,
        features=model.columns.names,
        seed=model.seed,
        data_hash=hashlib.sha256(files["history.parquet"]).hexdigest(),
        code_version=code_version,
        trained_as_of=model.panel.as_of,
        training_window=window,  # type: ignore[arg-type]  # the least and the greatest date
        metrics=metrics,
        notes=notes,
    )


def load_line_model(folder: Path) -> LineModel:
    """Read a model folder; it answers bit for bit as the model that was saved.

    Raises BundleError when a file is missing or was changed.
    """
    bundle = read_bundle(folder, family=FAMILY)
    state = _State.model_validate_json(bundle.read("state.json"))
    frames = {name: bundle.read_frame(name) for name in _FRAMES}
    panel = LinePanel(as_of=state.as_of, drivers=state.drivers, text_drivers=state.text_drivers, **frames)
    return LineModel(
        panel=panel,
        codes=state.codes,
        columns=Columns(**state.columns.model_dump()),
        learnt=_learnt(bundle, state),
        limits=tuple(LineLimits(**one.model_dump()) for one in state.limits),
        levels=state.levels,
        horizon=state.horizon,
        reach=state.reach,
        settings=state.settings,
        seed=state.seed,
    )


def _files(model: LineModel) -> dict[str, bytes]:
    files = {f"{name}.parquet": parquet_bytes(getattr(model.panel, name)) for name in _FRAMES}
    files["state.json"] = _state(model).model_dump_json().encode()
    for name, booster in model.learnt.boosters.items():
        files[f"{_BOOSTER}{name}.txt"] = booster.model_to_string().encode()
    if model.learnt.spread is not None:
        files[_SPREAD] = model.learnt.spread.model_to_string().encode()
    return files


def _state(model: LineModel) -> _State:
    learnt, panel = model.learnt, model.panel
    joint = learnt.joint.values
    return _State(
        as_of=panel.as_of,
        drivers=panel.drivers,
        text_drivers=panel.text_drivers,
        codes=model.codes,
        columns=_Columns(**asdict(model.columns)),
        limits=tuple(_Limits(**asdict(one)) for one in model.limits),
        levels=model.levels,
        horizon=model.horizon,
        reach=model.reach,
        settings=model.settings,
        seed=model.seed,
        usual_error=learnt.usual_error,
        trust=learnt.trust.tolist(),
        median_weights=learnt.medians.weights.tolist(),
        made_over_expected=learnt.medians.made_over_expected.tolist(),
        day_bands=_bands_state(learnt.days),
        week_bands=_bands_state(learnt.weeks),
        week_median=learnt.week_median.tolist(),
        plan_error=learnt.plan_error.tolist(),
        best=learnt.best.tolist(),
        usable=learnt.usable.tolist(),
        tested=learnt.tested.tolist(),
        seen_restarts=learnt.seen_restarts.tolist(),
        size=learnt.size.tolist(),
        joint_shape=joint.shape,
        joint=[one if np.isfinite(one) else None for one in joint.ravel().tolist()],
    )


def _learnt(bundle: Bundle, state: _State) -> Learnt:
    files = bundle.manifest.files
    names = [one for one in files if one.startswith(_BOOSTER)]
    read = {one: lgb.Booster(model_str=bundle.read_text(one)) for one in names}
    joint = np.array([np.nan if one is None else one for one in state.joint], dtype=np.float64)
    return Learnt(
        boosters={one.removeprefix(_BOOSTER).removesuffix(".txt"): read[one] for one in names},
        spread=lgb.Booster(model_str=bundle.read_text(_SPREAD)) if _SPREAD in files else None,
        spread_places=Columns(**state.columns.model_dump()).spread_places,
        usual_error=state.usual_error,
        trust=np.array(state.trust),
        medians=Medians(np.array(state.median_weights), np.array(state.made_over_expected)),
        days=_bands(state.day_bands),
        weeks=_bands(state.week_bands),
        week_median=np.array(state.week_median),
        plan_error=np.array(state.plan_error),
        best=np.array(state.best),
        usable=np.array(state.usable, dtype=np.bool_),
        tested=np.array(state.tested, dtype=np.int64),
        seen_restarts=np.array(state.seen_restarts),
        size=np.array(state.size),
        joint=JointErrors(joint.reshape(state.joint_shape)),
    )


def _bands_state(bands: Bands) -> _Bands:
    return _Bands(levels=bands.levels, edges=bands.edges, table=bands.table.tolist())


def _bands(state: _Bands) -> Bands:
    return Bands(state.levels, state.edges, np.array(state.table))
