"""Answer what a scenario would change: the newest run's figures beside low, high and the scenario, parts named."""

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.demand.scenarios.scenario import Scenario, Scenarios
from models.errors import ModelError, ScenarioError
from serving.access.caller import Caller
from serving.demand.answers import stamp
from serving.demand.desk import DemandDesk
from serving.demand.forecast_store import LoadedRun
from serving.demand.own_scenario import own_scenario
from serving.demand.payload import PayloadDesk
from serving.demand.quality import answer_quality
from serving.demand.scenario_answers import (
    Outcome,
    scenario_info,
    scenario_notes,
    scenario_said,
    scenario_series,
    series_refused_by_run,
)
from serving.demand.scenario_schemas import ScenarioAnswer, ScenarioInput, ScenarioRequest
from serving.lean import import_lightgbm_alone
from serving.ledger.answered import Answered, write_answer

if TYPE_CHECKING:
    # At run time these import what forecasts, which scoring starts without.
    from models.demand.model import DemandModel
    from models.demand.scenarios.scenario_of_run import ScenarioBase
    from models.demand.scenarios.scenario_run import ScenarioForecast

__all__ = ["LoadModel", "ScenarioDesk", "load_model"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
LoadModel = Callable[[Path], "DemandModel"]


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
        info = scenario_info(outcome.asked, own=request.scenario is not None)
        notes = self._desk.stale(loaded, now) + scenario_notes(info, model_kept=model is not None)
        series = [
            scenario_series(loaded, row, outcome, horizon=request.horizon)
            for row in rows.iter_rows(named=True)
            if row["quality"] != "refused"
        ]
        refused = [*refused, *series_refused_by_run(rows)]
        answer = ScenarioAnswer(
            **stamp(loaded).model_dump(),
            request_id=planner.call.request_id,
            decision_id=self._desk.new_id(),
            quality=answer_quality(notes, [one.quality for one in series], refused),
            scenario=info,
            series=series,
            refused=refused,
        )
        return write_answer("demand/scenario", answer, request, planner, said=scenario_said(answer), at=now)

    def _wanted(self, request: ScenarioRequest, day: date) -> Scenario:
        if request.name is not None:
            return self._scenarios.named(request.name, day)
        return own_scenario(request.scenario or ScenarioInput(), day)

    def _run(
        self,
        loaded: LoadedRun,
        planner: Caller,
        scenario: Scenario,
        model: "DemandModel | None",
        day: date,
    ) -> Outcome:
        """Compute over all series that the key sees: sums of others must not shine through."""
        from models.demand.scenarios.scenario_of_run import scenario_base  # noqa: PLC0415 - imports what forecasts

        seen = None if planner.sees_all else planner.seen(loaded.series)["unique_id"].to_list()
        base = scenario_base(loaded.run, seen, model)
        low, high = (self._side(base, name, day) for name in ("low", "high"))
        return Outcome(base, base.under(scenario), low, high)

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
