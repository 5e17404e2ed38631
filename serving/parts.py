"""The parts the service works with: credit, demand, capacity and ledger; loaded, watched, reported on."""

import contextlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graph.errors import UserError
from serving.capacity.parts import CapacityParts
from serving.champions.families import FAMILIES
from serving.champions.file_stamps import stamp_of
from serving.champions.shadow import Shadow
from serving.champions.shadows import Shadows
from serving.champions.switches import SwitchBoard
from serving.credit.parts import CreditParts
from serving.credit.score.rules_only import RulesOnlyScorer
from serving.credit.score.scorer import CreditScorer
from serving.demand.accuracy import AccuracyDesk
from serving.demand.desk import DemandDesk
from serving.demand.forecast_store import pointers
from serving.demand.payload import PayloadDesk
from serving.demand.scenario import ScenarioDesk
from serving.health import health_of
from serving.ledger.chain import Ledger
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.one_look import OneLook
from serving.review.active_overrides import ActiveOverrides
from serving.schemas import Health

__all__ = ["Parts", "Planning"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")


@dataclass(frozen=True)
class Planning:
    """Those who answer about demand."""

    demand: DemandDesk
    payloads: PayloadDesk
    accuracy: AccuracyDesk
    scenarios: ScenarioDesk


class Parts:
    """What is loaded now. A load that fails leaves the last good part in place and is reported."""

    def __init__(
        self,
        credit: CreditParts,
        ledger: Ledger,
        planning: Planning,
        capacity: CapacityParts,
        *,
        board: SwitchBoard,
        shadow: Shadow,
        overrides: ActiveOverrides,
        clock_tolerance_seconds: float,
    ) -> None:
        self.credit, self.ledger, self.capacity, self.board = credit, ledger, capacity, board
        self.demand, self.payloads = planning.demand, planning.payloads
        self.accuracy, self.scenarios = planning.accuracy, planning.scenarios
        self.shadows = Shadows(self, shadow)
        self.overrides = overrides
        self.clock_tolerance_seconds = clock_tolerance_seconds
        self.probe = OneLook(self.ledger.probe, name="ledger-probe")
        self._runs: tuple[object, ...] | None = None
        self._run_problems: dict[str, UserError] = {}
        self._told: dict[str, str] = {}
        self._loading = threading.Lock()

    @property
    def problems(self) -> dict[str, UserError]:
        """What could not be loaded at the last look, by part."""
        damage = {"model": self.credit.damage} if self.credit.damage is not None else {}
        return {**damage, **self.credit.problems, **self._run_problems}

    def refresh(self) -> bool:
        """Load what changed since the last look, files and orders; return whether anything did."""
        with self._loading:
            self.board.refresh()
            changed = [self.credit.refresh(), self._refresh_runs()]
            with contextlib.suppress(LedgerUnavailableError):  # those read before go on counting
                self.overrides.refresh()
            self._tell()
            return any(changed)

    def answerer(self) -> CreditScorer | RulesOnlyScorer:
        """Return who scores now, where the models are switched off the rules. Raises NotReadyError."""
        return self.credit.answerer()

    def scorer(self) -> CreditScorer:
        """Return the model's scorer. Raises NotReadyError, or ModelKilledError where rules alone answer."""
        return self.credit.scorer()

    def health(self) -> Health:
        """Say which parts work and how fresh they are."""
        return health_of(self)

    def _refresh_runs(self) -> bool:
        files = stamp_of(*pointers(self.demand.store.root), *self.capacity.desk.store.pointers)
        orders: Sequence[object] = [self.board.of(family) for family in FAMILIES]
        if (files, *orders) == self._runs and not self._run_problems:
            return False
        self._runs, problems = (files, *orders), {}
        for part, store in (("forecasts", self.demand.store), ("capacity", self.capacity.desk.store)):
            try:
                store.reload()
            except UserError as error:
                problems[part] = error
        self._run_problems = problems
        return True

    def _tell(self) -> None:
        """Log each problem once, when it comes."""
        told = {part: problem.en for part, problem in self.problems.items()}
        for part, text in told.items():
            if self._told.get(part) != text:
                _LOG.warning("%s cannot be used: %s", part, text)
        self._told = told
