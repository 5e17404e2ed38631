"""Answer what a scenario would change: the newest run's figures beside low, high and the scenario, parts named."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
from pydantic import ValidationError

from models.demand.ledger.published_run import KEYS
from models.demand.scenarios.scenario import (
    DemandLevel,
    DriverChange,
    FestivalShift,
    Operation,
    Scenario,
    Scenarios,
    Shock,
)
from models.errors import ModelError, ScenarioError
from serving.access.caller import Caller
from serving.demand.answers import refusal, stamp
from serving.demand.desk import DemandDesk
from serving.demand.forecast_store import LoadedRun
from serving.demand.payload import PayloadDesk
from serving.demand.quality import answer_quality, series_quality
from serving.demand.scenario_schemas import (
    DriverInput,
    ScenarioAnswer,
    ScenarioInfo,
    ScenarioInput,
    ScenarioPart,
    ScenarioPartInfo,
    ScenarioPoint,
    ScenarioRequest,
    ScenarioSeries,
)
from serving.demand.schemas import RefusedSeries
from serving.demand.texts import driver
from serving.http.problems import request_error
from serving.lean import import_lightgbm_alone
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note

if TYPE_CHECKING:
    # At run time these import what forecasts, which scoring starts without.
    from models.demand.model import DemandModel
    from models.demand.scenarios.scenario_of_run import ScenarioBase
    from models.demand.scenarios.scenario_run import ScenarioForecast

__all__ = ["LoadModel", "ScenarioDesk", "load_model"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
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
LoadModel = Callable[[Path], "DemandModel"]


@dataclass(frozen=True)
class _Outcome:
    """A scenario and the two it is held against, by series and step."""

    base: "ScenarioBase"
    asked: "ScenarioForecast"
    low: "ScenarioForecast | None"
    high: "ScenarioForecast | None"


class ScenarioDesk:
    """Runs scenarios; they take turns with forecasts of payloads, as both may ask a model."""

    def __init__(
        self, desk: DemandDesk, payloads: PayloadDesk, *, home: Path, load: LoadModel, scenarios: Scenarios
    ) -> None:
        self._desk, self._payloads = desk, payloads
        self._home, self._load, self._scenarios = home, load, scenarios
        self._model: tuple[str, DemandModel] | None = None

    def scenario(self, request: ScenarioRequest, planner: Caller) -> Answered:
        """Answer a scenario.

        Raises what a forecast raises, ScenarioError for what the model or the run does not know, ForecasterBusyError.
        """
        now, loaded = self._desk.clock(), self._desk.run(request.freq)
        rows, refused = self._desk.chosen(request, loaded, planner)
        scenario = self._wanted(request, now.date())
        with self._payloads.turn():
            model = self._model_of(loaded) if scenario.drivers else None
            outcome = self._run(loaded, planner, scenario, model, now.date())
        info = _info(outcome.asked, own=request.scenario is not None)
        notes = self._desk.stale(loaded, now) + _notes(info, model_kept=model is not None)
        series = [
            _series(loaded, row, outcome, horizon=request.horizon)
            for row in rows.iter_rows(named=True)
            if row["quality"] != "refused"
        ]
        refused = [*refused, *_refused(rows)]
        answer = ScenarioAnswer(
            **stamp(loaded).model_dump(),
            request_id=planner.call.request_id,
            decision_id=self._desk.new_id(),
            quality=answer_quality(notes, [one.quality for one in series], refused),
            scenario=info,
            series=series,
            refused=refused,
        )
        return write_answer("demand/scenario", answer, request, planner, said=_said(answer), at=now)

    def _wanted(self, request: ScenarioRequest, day: date) -> Scenario:
        if request.name is not None:
            return self._scenarios.named(request.name, day)
        return _own(request.scenario or ScenarioInput(), day)

    def _run(
        self,
        loaded: LoadedRun,
        planner: Caller,
        scenario: Scenario,
        model: "DemandModel | None",
        day: date,
    ) -> _Outcome:
        """Compute over all series that the key sees: sums of others must not shine through."""
        from models.demand.scenarios.scenario_of_run import scenario_base  # noqa: PLC0415 - imports what forecasts

        seen = None if planner.sees_all else planner.seen(loaded.series)["unique_id"].to_list()
        base = scenario_base(loaded.run, seen, model)
        low, high = (self._side(base, name, day) for name in ("low", "high"))
        return _Outcome(base, base.under(scenario), low, high)

    def _side(self, base: "ScenarioBase", name: str, day: date) -> "ScenarioForecast | None":
        """Run the scenario that stands for low or high; None where the file has none in force or the run no quantiles."""
        try:
            return base.under(self._scenarios.named(name, day))
        except ScenarioError:
            return None

    def _model_of(self, loaded: LoadedRun) -> "DemandModel | None":
        """Return the model of a run, None where it was not kept or cannot be read; the last one stays in memory."""
        folder = loaded.info.model_folder
        path = (self._home / folder).resolve() if folder is not None else None
        if path is None or not path.is_relative_to(self._home.resolve()):
            return None
        if self._model is None or self._model[0] != loaded.info.run_id:
            try:
                self._model = (loaded.info.run_id, self._load(path))
            except ModelError as error:
                _LOG.warning("the model of run %s cannot be used: %s", loaded.info.run_id, error.en)
                return None
        return self._model[1]


def load_model(folder: Path) -> "DemandModel":
    """Read a demand model; imports what forecasts only now. Raises BundleError."""
    import_lightgbm_alone()
    from models.demand.model_folder import load_demand_model  # noqa: PLC0415 - see above

    return load_demand_model(folder)


def _own(given: ScenarioInput, day: date) -> Scenario:
    """Write a planner's own scenario in the models' terms. Raises InvalidRequestError."""
    try:
        return Scenario(
            name=given.name,
            zh="自定义情景",
            en="a scenario of the caller's own",
            valid_from=day,
            source="request",
            verified=True,
            level=_level(given),
            drivers=tuple(_driver(one, place) for place, one in enumerate(given.drivers, start=1)),
            festival=None
            if given.festival is None
            else FestivalShift(
                name="festival",
                zh=f"春节效应移动 {given.festival.days:+d} 天",
                en=f"Spring Festival's effect moved by {given.festival.days:+d} days",
                **given.festival.model_dump(exclude={"ids"}),
                ids=tuple(given.festival.ids),
            ),
            shocks=tuple(
                Shock(
                    name=f"shock {place}",
                    zh=f"自 {one.first} 起 {one.surge_days} 天需求为平时的 {one.surge:g} 倍",
                    en=f"{one.surge:g} times demand for {one.surge_days} days from {one.first}",
                    **one.model_dump(exclude={"ids"}),
                    ids=tuple(one.ids),
                )
                for place, one in enumerate(given.shocks, start=1)
            ),
        )
    except ValidationError as error:
        raise request_error(error) from error


def _level(given: ScenarioInput) -> DemandLevel | None:
    level = given.level
    if level is None:
        return None
    size = f"{level.percent:+g} %" if level.percent is not None else f"q{100 * (level.quantile or 0):g}"
    return DemandLevel(
        name="level",
        zh=f"需求水平 {size}",
        en=f"demand as a whole {size}",
        **level.model_dump(exclude={"ids"}),
        ids=tuple(level.ids),
    )


_VERBS: Final = {"multiply": ("×", "times"), "add": ("+", "plus"), "set": ("=", "set to")}


def _driver(one: DriverInput, place: int) -> DriverChange:
    zh, en = _VERBS[one.operation]
    return DriverChange(
        name=f"{one.driver} {place}",
        zh=f"{one.driver} {zh} {one.value:g}",
        en=f"{one.driver} {en} {one.value:g}",
        driver=one.driver,
        operation=Operation(one.operation),
        **one.model_dump(include={"value", "first", "last", "elasticity"}),
        ids=tuple(one.ids),
    )


def _info(asked: "ScenarioForecast", *, own: bool) -> ScenarioInfo:
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


def _notes(info: ScenarioInfo, *, model_kept: bool) -> list[Note]:
    told = {
        "scenario_unverified": not info.verified,
        "assumptions_stated": any(part.assumption for part in info.parts),
        "silent_part": any(part.silent for part in info.parts),
        "model_not_kept": not model_kept and any(part.kind == "driver" for part in info.parts),
    }
    return [_NOTES[code] for code, true in told.items() if true]


def _series(
    loaded: LoadedRun, row: Mapping[str, object], outcome: _Outcome, *, horizon: int | None
) -> ScenarioSeries:
    unique_id = str(row["unique_id"])
    place = outcome.base.ids.index(unique_id)
    drivers = loaded.drivers(unique_id)
    points = []
    for ds, step in loaded.points(unique_id).select("ds", "step").iter_rows():
        if horizon is not None and step > horizon:
            continue
        at = (place, step - 1)
        points.append(
            ScenarioPoint(
                ds=ds,
                step=step,
                base=float(outcome.asked.base[at]),
                low=None if outcome.low is None else float(outcome.low.values[at]),
                high=None if outcome.high is None else float(outcome.high.values[at]),
                scenario=float(outcome.asked.values[at]),
                drivers=[driver(name, value) for name, value in drivers.get(step, [])],
                effects=[
                    ScenarioPart(
                        name=one.name,
                        kind=one.kind,
                        value=float(one.values[at]),
                        text_zh=one.zh,
                        text_en=one.en,
                    )
                    for one in outcome.asked.effects
                ],
            )
        )
    texts = {key: None if row[key] is None else str(row[key]) for key in (*KEYS, "level")}
    return ScenarioSeries(unique_id=unique_id, **texts, quality=series_quality(row), points=points)


def _refused(rows: pl.DataFrame) -> list[RefusedSeries]:
    gone = rows.filter(pl.col("quality") == "refused").select("unique_id", "reason_zh", "reason_en")
    return [refusal(name, "refused_by_run", zh, en) for name, zh, en in gone.iter_rows()]


def _said(answer: ScenarioAnswer) -> Mapping[str, Json]:
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
