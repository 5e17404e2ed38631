"""Turn what a scenario changes into an answer: its parts, its notes, its series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from models.demand.ledger.published_run import KEYS
from serving.demand.answers import refusal
from serving.demand.forecast_store import LoadedRun
from serving.demand.quality import series_quality
from serving.demand.scenario_schemas import (
    ScenarioAnswer,
    ScenarioInfo,
    ScenarioPart,
    ScenarioPartInfo,
    ScenarioPoint,
    ScenarioSeries,
)
from serving.demand.schemas import Driver, RefusedSeries
from serving.demand.texts import driver
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note

if TYPE_CHECKING:
    # At run time these import what forecasts, which scoring starts without.
    from models.demand.scenarios.scenario_of_run import ScenarioBase
    from models.demand.scenarios.scenario_run import ScenarioForecast

__all__ = [
    "Outcome",
    "scenario_info",
    "scenario_notes",
    "scenario_said",
    "scenario_series",
    "series_refused_by_run",
]

_NOTES: Final = {
    "scenario_unverified": Note(
        code="scenario_unverified",
        text_zh="该情景的数值尚未经业务确认，仅供推演。",
        text_en="Nobody of the business has confirmed the numbers of this scenario.",
    ),
    "assumptions_stated": Note(
        code="assumptions_stated",
        text_zh="部分影响的幅度是给定的假设，不是模型学到的，见 scenario.parts。",
        text_en="The size of some effects was stated and not learnt by the model, see scenario.parts.",
    ),
    "silent_part": Note(
        code="silent_part",
        text_zh="情景中有的部分没有带来任何变化（模型对该因素没有反应，或时间不在预测范围内），见 scenario.parts。",
        text_en="Some part of the scenario changes nothing: the model does not react to it, or its time is not within "
        "the forecast; see scenario.parts.",
    ),
    "model_not_kept": Note(
        code="model_not_kept",
        text_zh="该批次的模型未保存或无法读取，驱动因素只能按给定的弹性推演。",
        text_en="The model of this run was not kept or cannot be read: drivers can be changed with an elasticity only.",
    ),
}


@dataclass(frozen=True)
class Outcome:
    """A scenario and the two it is held against, by series and step."""

    base: "ScenarioBase"
    asked: "ScenarioForecast"
    low: "ScenarioForecast | None"
    high: "ScenarioForecast | None"


def scenario_info(asked: "ScenarioForecast", *, own: bool) -> ScenarioInfo:
    """Say which scenario was run; one of the caller's `own` has no first day."""
    scenario = asked.scenario
    return ScenarioInfo(
        name=scenario.name,
        text_zh=scenario.zh,
        text_en=scenario.en,
        source=scenario.source,
        verified=scenario.verified,
        valid_from=None if own else scenario.valid_from,
        parts=[
            ScenarioPartInfo(
                name=one.name,
                kind=one.kind,
                text_zh=one.zh,
                text_en=one.en,
                assumption=one.assumption,
                silent=one.silent,
            )
            for one in asked.effects
        ],
    )


def scenario_notes(info: ScenarioInfo, *, model_kept: bool) -> list[Note]:
    """Return what a reader of the answer should know."""
    told = {
        "scenario_unverified": not info.verified,
        "assumptions_stated": any(part.assumption for part in info.parts),
        "silent_part": any(part.silent for part in info.parts),
        "model_not_kept": not model_kept and any(part.kind == "driver" for part in info.parts),
    }
    return [_NOTES[code] for code, true in told.items() if true]


def scenario_series(
    loaded: LoadedRun, row: Mapping[str, object], outcome: Outcome, *, horizon: int | None
) -> ScenarioSeries:
    """Return a series under the scenario, period by period, up to the horizon."""
    unique_id = str(row["unique_id"])
    place = outcome.base.ids.index(unique_id)
    drivers = loaded.drivers(unique_id)
    points = [
        _point(outcome, (place, step - 1), ds, [driver(*one) for one in drivers.get(step, [])])
        for ds, step in loaded.points(unique_id).select("ds", "step").iter_rows()
        if horizon is None or step <= horizon
    ]
    texts = {key: None if row[key] is None else str(row[key]) for key in (*KEYS, "level")}
    return ScenarioSeries(unique_id=unique_id, **texts, quality=series_quality(row), points=points)


def _point(outcome: Outcome, at: tuple[int, int], ds: str, drivers: list[Driver]) -> ScenarioPoint:
    """Return one period; `at` is the place of the series and that of the step."""
    return ScenarioPoint(
        ds=ds,
        step=at[1] + 1,
        base=float(outcome.asked.base[at]),
        low=None if outcome.low is None else float(outcome.low.values[at]),
        high=None if outcome.high is None else float(outcome.high.values[at]),
        scenario=float(outcome.asked.values[at]),
        drivers=drivers,
        effects=[
            ScenarioPart(
                name=one.name, kind=one.kind, value=float(one.values[at]), text_zh=one.zh, text_en=one.en
            )
            for one in outcome.asked.effects
        ],
    )


def series_refused_by_run(rows: pl.DataFrame) -> list[RefusedSeries]:
    """Name the series that the run itself refused."""
    gone = rows.filter(pl.col("quality") == "refused").select("unique_id", "reason_zh", "reason_en")
    return [refusal(name, "refused_by_run", zh, en) for name, zh, en in gone.iter_rows()]


def scenario_said(answer: ScenarioAnswer) -> Mapping[str, Json]:
    """Return what the ledger keeps of an answer."""
    return {
        "run_id": answer.run_id,
        "model_version": answer.model_version,
        "quality": quality_codes(answer.quality),
        "scenario": answer.scenario.model_dump(mode="json"),
        "series": {
            one.unique_id: {
                "first": one.points[0].ds if one.points else None,
                "base": [point.base for point in one.points],
                "scenario": [point.scenario for point in one.points],
            }
            for one in answer.series
        },
    }
