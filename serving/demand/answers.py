"""Turn the rows of a run into answers: the model's figure, the final one, its parts and its quality."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from models.demand.ledger.planner_overrides import apply_overrides, in_force
from models.demand.ledger.published_run import KEYS
from serving.cells import cell_text
from serving.demand.forecast_store import LoadedRun
from serving.demand.quality import series_quality
from serving.demand.schemas import (
    AppliedOverride,
    ForecastAnswer,
    ForecastPoint,
    RefusedSeries,
    RunStamp,
    SeriesForecast,
)
from serving.demand.texts import driver
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes

__all__ = ["Final", "Finals", "answer_series", "finals_of", "forecast_record", "refusal", "stamp"]


@dataclass(frozen=True)
class Final:
    """A figure that overrides changed."""

    value: float
    basis: str
    override_ids: tuple[str, ...]
    gap: float


Finals = Mapping[tuple[str, int], Final]
"""By unique_id and step; what is not there was not changed."""


def finals_of(loaded: LoadedRun, overrides: pl.DataFrame, now: datetime) -> Finals:
    """Return the figures of a run that overrides in force change."""
    mine = in_force(overrides.filter(pl.col("freq") == str(loaded.info.freq)), now)
    if mine.is_empty():
        return {}
    moved = apply_overrides(loaded.run.forecast, mine, negative=loaded.negative)
    return {
        (row["unique_id"], row["step"]): Final(
            row["final"], row["basis"], tuple((row["override_id"] or "").split("+")), row["gap"]
        )
        for row in moved.iter_rows(named=True)
    }


def answer_series(
    loaded: LoadedRun, rows: Iterable[Mapping[str, object]], finals: Finals, *, horizon: int | None
) -> tuple[list[SeriesForecast], list[RefusedSeries]]:
    """Answer for rows of `loaded.series`; a series that the run refused comes with its reason."""
    answered, refused = [], []
    for row in rows:
        if row["quality"] == "refused":
            zh, en = str(row["reason_zh"]), str(row["reason_en"])
            refused.append(refusal(str(row["unique_id"]), "refused_by_run", zh, en))
        else:
            answered.append(_series(loaded, row, finals, horizon=horizon))
    return answered, refused


def _series(
    loaded: LoadedRun, row: Mapping[str, object], finals: Finals, *, horizon: int | None
) -> SeriesForecast:
    unique_id = str(row["unique_id"])
    drivers = loaded.drivers(unique_id)
    points = []
    for point in loaded.points(unique_id).iter_rows(named=True):
        step = point["step"]
        if horizon is not None and step > horizon:
            continue
        changed = finals.get((unique_id, step))
        points.append(
            ForecastPoint(
                ds=point["ds"],
                step=step,
                forecast=point["forecast"],
                quantiles={f"{level:g}": point[name] for name, level in loaded.quantiles.items()},
                final=changed.value if changed else point["forecast"],
                override=_applied(changed),
                drivers=[driver(name, value) for name, value in drivers.get(step, [])],
            )
        )
    return SeriesForecast(
        unique_id=unique_id,
        **{key: cell_text(row[key]) for key in (*KEYS, "level")},
        members=cell_text(row["members"]) or "",
        quality=series_quality(row, apart=any(point.override and point.override.gap for point in points)),
        points=points,
    )


def _applied(changed: Final | None) -> AppliedOverride | None:
    if changed is None:
        return None
    return AppliedOverride.model_validate(
        {"override_ids": list(changed.override_ids), "basis": changed.basis, "gap": changed.gap}
    )


def refusal(unique_id: str, code: str, zh: str, en: str) -> RefusedSeries:
    """Name a series that gets no forecast."""
    return RefusedSeries(unique_id=unique_id, code=code, text_zh=zh, text_en=en)


def stamp(loaded: LoadedRun) -> RunStamp:
    """Say where the figures of a published run come from."""
    info = loaded.info
    return RunStamp(
        run_id=info.run_id,
        model_version=info.model_version,
        tier=info.tier,
        data_as_of=info.data_as_of,
        issued_at=info.issued_at,
    )


def forecast_record(answer: ForecastAnswer) -> Mapping[str, Json]:
    """Return what the ledger keeps of an answer: every figure that was given, and which overrides made it so."""
    series: Sequence[SeriesForecast] = answer.series
    return {
        "run_id": answer.run_id,
        "model_version": answer.model_version,
        "data_as_of": str(answer.data_as_of) if answer.data_as_of else None,
        "issued_at": answer.issued_at.isoformat(),
        "quality": quality_codes(answer.quality),
        "refused": {one.unique_id: one.code for one in answer.refused},
        "series": {
            one.unique_id: {
                "first": one.points[0].ds if one.points else None,
                "forecast": [point.forecast for point in one.points],
                "final": [point.final for point in one.points],
                "overrides": sorted(
                    {given for point in one.points if point.override for given in point.override.override_ids}
                ),
                "quality": quality_codes(one.quality),
            }
            for one in series
        },
    }
