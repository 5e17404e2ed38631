"""Write and read a demand model as native files: members' own files, weights and bands as Parquet, the rest as JSON."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from features.demand import Panel
from features.timeline import Frequency, Timeline
from models.bundle import Bundle, parquet_bytes, read_bundle, write_bundle
from models.demand.combination import Combination
from models.demand.conformal import Bands
from models.demand.hierarchies.coherence_files import coherence_frames, read_coherence
from models.demand.model import DemandModel, Learnt
from models.demand.profile import Kind
from models.demand.roster import find_member
from models.demand.router import Tier
from models.demand.series import FloatArray

__all__ = ["FAMILY", "load_demand_model", "save_demand_model"]

FAMILY: Final = "demand"
_WHOLE: Final = "combination"
_FRAMES: Final = ("frame", "future", "series", "closed", "static", "findings", "refused")


class _Settings(BaseModel):
    """What is neither a table nor a member's own file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frequency: Frequency
    anchor: int
    season: int
    known: tuple[str, ...]
    past: tuple[str, ...]
    codes: dict[str, list[str]]
    horizon: int
    tier: Tier
    seed: int
    members: tuple[str, ...]
    levels: tuple[float, ...]
    groups: tuple[str, ...]


def save_demand_model(
    model: DemandModel,
    folder: Path,
    *,
    code_version: str,
    metrics: Mapping[str, float] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a model folder in one move; the version is named by what it holds."""
    files = _files(model)
    return write_bundle(
        folder,
        files,
        family=FAMILY,
        features=(*model.panel.known, *model.panel.past, *sorted(model.codes)),
        seed=model.seed,
        data_hash=hashlib.sha256(files["frame.parquet"]).hexdigest(),
        code_version=code_version,
        metrics=metrics,
        notes=notes,
    )


def load_demand_model(folder: Path) -> DemandModel:
    """Read a model folder; it forecasts bit for bit as the model that was saved.

    Raises BundleError when a file is missing or was changed.
    """
    bundle = read_bundle(folder, family=FAMILY)
    settings = _Settings.model_validate_json(bundle.read("settings.json"))
    panel = _read_panel(bundle, settings)
    series = bundle.read_frame("weights")
    combination = Combination(
        settings.members,
        _matrix(series, "weight", settings.members),
        series["floor"].to_numpy(),
        _matrix(series, "loss", settings.members),
        series["combined_loss"].to_numpy(),
    )
    groups = tuple(series["kind"].to_list())
    bands = {name: _read_bands(bundle, series, settings, name) for name in (_WHOLE, *settings.members)}
    return DemandModel(
        panel=panel,
        codes=settings.codes,
        horizon=settings.horizon,
        tier=settings.tier,
        seed=settings.seed,
        kinds=tuple(Kind(one) for one in groups),
        non_negative=series["non_negative"].to_numpy(),
        members=_read_members(bundle, series, settings.members),
        combination=combination,
        bands=bands.pop(_WHOLE),
        dispersion=series["dispersion"].to_numpy(),
        member_bands=bands,
        coherence=(read_coherence(bundle.read) if "nodes.parquet" in bundle.manifest.files else None),
    )


def _files(model: DemandModel) -> dict[str, bytes]:
    panel, combination, bands = model.panel, model.combination, model.bands
    settings = _Settings(
        frequency=panel.timeline.frequency,
        anchor=panel.timeline.anchor,
        season=panel.season,
        known=panel.known,
        past=panel.past,
        codes={name: list(texts) for name, texts in model.codes.items()},
        horizon=model.horizon,
        tier=model.tier,
        seed=model.seed,
        members=combination.members,
        levels=bands.levels,
        groups=bands.groups,
    )
    files = {"settings.json": _json(settings.model_dump(mode="json"))}
    files |= {
        f"{name}.parquet": parquet_bytes(getattr(panel, name))
        for name in _FRAMES
        if getattr(panel, name) is not None
    }
    files["weights.parquet"] = parquet_bytes(_weights_frame(model))
    files["bands.parquet"] = parquet_bytes(
        pl.DataFrame({name: one.table.ravel() for name, one in _all_bands(model).items()})
    )
    if model.coherence is not None:
        files |= {
            f"{name}.parquet": parquet_bytes(frame)
            for name, frame in coherence_frames(model.coherence).items()
        }
    for name, learnt in model.members.items():
        files |= {f"{name}.{file}": content for file, content in learnt.fitted.files().items()}
    return files


def _weights_frame(model: DemandModel) -> pl.DataFrame:
    """Return one row a series: kind, weights, losses, width of its band, and which members learnt from it."""
    combination = model.combination
    learnt = {name: np.zeros(len(model.kinds), dtype=np.bool_) for name in model.members}
    for name, rows in learnt.items():
        rows[model.members[name].rows] = True
    return pl.DataFrame(
        {
            "kind": [str(kind) for kind in model.kinds],
            "non_negative": model.non_negative,
            "floor": combination.floor,
            "combined_loss": combination.combined,
            "dispersion": model.dispersion,
            **{f"width.{name}": one.width for name, one in _all_bands(model).items()},
            **{
                f"weight.{name}": combination.weights[:, place]
                for place, name in enumerate(combination.members)
            },
            **{f"loss.{name}": combination.loss[:, place] for place, name in enumerate(combination.members)},
            **{f"learnt.{name}": rows for name, rows in learnt.items()},
        }
    )


def _all_bands(model: DemandModel) -> dict[str, Bands]:
    return {_WHOLE: model.bands, **model.member_bands}


def _read_bands(bundle: Bundle, series: pl.DataFrame, settings: _Settings, name: str) -> Bands:
    table = bundle.read_frame("bands")[name].to_numpy()
    shape = (len(settings.groups), -1, len(settings.levels))
    width, kinds = series[f"width.{name}"].to_numpy(), tuple(series["kind"].to_list())
    return Bands(settings.levels, settings.groups, table.reshape(shape), width, kinds)


def _read_panel(bundle: Bundle, settings: _Settings) -> Panel:
    frames = {name: bundle.read_frame(name) for name in _FRAMES if f"{name}.parquet" in bundle.manifest.files}
    return Panel(
        timeline=Timeline(settings.frequency, settings.anchor),
        season=settings.season,
        known=settings.known,
        past=settings.past,
        frame=frames["frame"],
        future=frames["future"],
        series=frames["series"],
        closed=frames["closed"],
        static=frames.get("static"),
        findings=frames["findings"],
        refused=frames["refused"],
    )


def _read_members(bundle: Bundle, series: pl.DataFrame, members: tuple[str, ...]) -> dict[str, Learnt]:
    learnt = {}
    for name in members:
        if f"learnt.{name}" in series.columns:
            own = {
                file.removeprefix(f"{name}."): bundle.read(file)
                for file in bundle.manifest.files
                if file.startswith(f"{name}.")
            }
            rows = np.flatnonzero(series[f"learnt.{name}"].to_numpy())
            learnt[name] = Learnt(find_member(name).load(own), rows)
    return learnt


def _matrix(series: pl.DataFrame, what: str, members: tuple[str, ...]) -> FloatArray:
    return np.ascontiguousarray(series.select(f"{what}.{name}" for name in members).to_numpy())


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
