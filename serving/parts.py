"""The parts the service works with: model, features, graph and ledger; loaded, watched, reported on."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from graph.errors import UserError
from models.errors import BundleError
from serving.capacity.parts import CapacityParts
from serving.credit.basis import Bounds
from serving.credit.book_store import BookStore, load_book_store
from serving.credit.dated_policies import DatedPolicies
from serving.credit.feature_store import FeatureStore, load_feature_store
from serving.credit.scorer import CreditScorer
from serving.credit.terms import FeatureText, Model, Terms
from serving.demand.accuracy import AccuracyDesk
from serving.demand.desk import DemandDesk
from serving.demand.forecast_store import pointers
from serving.demand.payload import PayloadDesk
from serving.demand.scenario import ScenarioDesk
from serving.errors import LedgerUnavailableError, NotReadyError
from serving.ledger.chain import Ledger
from serving.schemas import Health, PartHealth

__all__ = ["CreditSources", "Parts", "Planning", "read_champion"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
Stamp = tuple[tuple[int, int, int], ...]


class _Champion(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str
    folder: str


@dataclass(frozen=True)
class Planning:
    """Those who answer about demand."""

    demand: DemandDesk
    payloads: PayloadDesk
    accuracy: AccuracyDesk
    scenarios: ScenarioDesk


@dataclass(frozen=True)
class CreditSources:
    """Where credit comes from, and how a scorer is made of it."""

    home: Path
    load_model: Callable[[Path], Model]
    load_texts: Callable[[], dict[str, FeatureText]]
    policies: DatedPolicies
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    stale_after_days: int
    least_known_share: float

    @property
    def pointer(self) -> Path:
        """The file that names the champion."""
        return self.home / "models" / "credit" / "champion.json"

    @property
    def features(self) -> Path:
        """The newest features of every party."""
        return self.home / "features" / "credit_latest.parquet"

    @property
    def book(self) -> Path:
        """What the champion and the tables say of every party beside its features."""
        return self.home / "features" / "credit_book.parquet"

    def scorer(self, model: Model, store: FeatureStore, book: BookStore | None) -> CreditScorer:
        """Put model, features and book together. Raises FeatureMismatchError."""
        return CreditScorer(
            Terms(model, self.policies, self.load_texts()),
            store,
            book=book,
            bounds=Bounds(self.least_known_share, self.stale_after_days),
            clock=self.clock,
            new_id=self.new_id,
        )


def read_champion(pointer: Path) -> Path:
    """Return the folder a champion pointer names. Raises BundleError when there is none."""
    try:
        champion = _Champion.model_validate_json(pointer.read_bytes())
    except FileNotFoundError as error:
        raise BundleError(
            str(pointer),
            problem_zh="不存在，尚无 champion 模型",
            problem_en="there is no champion yet",
        ) from error
    except (ValidationError, json.JSONDecodeError) as error:
        raise BundleError(
            str(pointer), problem_zh="内容有误", problem_en="its content is not a champion pointer"
        ) from error
    return pointer.parent / champion.folder


class Parts:
    """What is loaded now. A load that fails leaves the last good scorer in place and is reported."""

    def __init__(
        self, sources: CreditSources, ledger: Ledger, planning: Planning, capacity: CapacityParts
    ) -> None:
        self.ledger, self.capacity = ledger, capacity
        self.demand, self.payloads = planning.demand, planning.payloads
        self.accuracy, self.scenarios = planning.accuracy, planning.scenarios
        self._sources = sources
        self._scorer: CreditScorer | None = None
        self._model: Model | None = None
        self._store: FeatureStore | None = None
        self._book: BookStore | None = None
        self._problems: dict[str, UserError] = {}
        self._stamp: Stamp | None = None
        self._loading = threading.Lock()

    def refresh(self) -> bool:
        """Load model and features when their files changed since the last look; return whether they did."""
        with self._loading:
            sources = self._sources
            sidecar = sources.features.with_suffix(".json")
            runs = [*pointers(self.demand.store.root), self.capacity.desk.store.pointer]
            stamp = _stamp(sources.pointer, sources.features, sidecar, sources.book, *runs)
            # What failed is tried again each time: a folder may have been on its way when its pointer was read.
            if stamp == self._stamp and not self._problems:
                return False
            self._stamp = stamp
            self._load()
            return True

    def _load(self) -> None:
        problems: dict[str, UserError] = {}
        try:
            self._model = self._sources.load_model(read_champion(self._sources.pointer))
        except UserError as error:
            problems["model"] = error
        try:
            self._store = load_feature_store(self._sources.features)
        except UserError as error:
            problems["features"] = error
        try:
            self._book = load_book_store(self._sources.book)
        except UserError as error:
            problems["book"] = error
        if self._model is not None and self._store is not None:
            try:
                self._scorer = self._sources.scorer(self._model, self._store, self._book)
            except UserError as error:
                problems["model"] = error
        try:
            self.demand.store.reload()
        except UserError as error:
            problems["forecasts"] = error
        try:
            self.capacity.desk.store.reload()
        except UserError as error:
            problems["capacity"] = error
        for part, problem in problems.items():
            if part not in self._problems or self._problems[part].en != problem.en:
                _LOG.warning("%s cannot be used: %s", part, problem.en)
        self._problems = problems

    def scorer(self) -> CreditScorer:
        """Return the scorer. Raises NotReadyError naming the part that is missing."""
        if self._scorer is None:
            part, problem = next(iter(self._problems.items()), ("model", None))
            if problem is None:
                raise NotReadyError(part, zh="正在加载。", en="loading.")
            raise NotReadyError(part, zh=problem.zh, en=problem.en)
        return self._scorer

    def health(self) -> Health:
        """Say which parts work and how fresh they are."""
        scorer = self._scorer
        store = scorer.store if scorer is not None else self._store
        parts = {
            "model": self._part(
                "model", ready=scorer is not None, version=scorer.model.version if scorer else None
            ),
            "features": self._part(
                "features",
                ready=store is not None,
                as_of=store.data_as_of if store else None,
                count=len(store.rows) if store else None,
            ),
            "graph": self._graph(store),
            "book": self._part(
                "book",
                ready=self._book is not None,
                version=self._book.model_version if self._book else None,
                as_of=self._book.as_of if self._book else None,
                count=len(self._book.rows) if self._book else None,
            ),
            "forecasts": self._forecasts(),
            "capacity": self._capacity(),
            "ledger": self._ledger(),
        }
        # Without the book answers are given, each saying that rules were not checked, and without forecasts or capacity
        # credit is scored all the same: none of them stops the service.
        needed = (part for name, part in parts.items() if name not in ("book", "forecasts", "capacity"))
        return Health(ready=all(part.ready for part in needed), parts=parts)

    def _part(
        self,
        name: str,
        *,
        ready: bool,
        version: str | None = None,
        as_of: date | None = None,
        count: int | None = None,
    ) -> PartHealth:
        # A ready part may carry a problem too: the newest file is broken and the last good one still answers.
        problem = self._problems.get(name)
        if problem is None and not ready:
            problem = NotReadyError(
                name, zh="正在加载，或在等待其他部件。", en="loading, or waiting for another part."
            )
        return PartHealth(
            ready=ready,
            version=version,
            as_of=as_of,
            count=count,
            problem_zh=problem.zh if problem else None,
            problem_en=problem.en if problem else None,
        )

    def _forecasts(self) -> PartHealth:
        """Say of which date the newest run of any frequency is."""
        held = list(self.demand.store.latest.values())
        newest = max(held, key=lambda loaded: loaded.info.issued_at, default=None)
        if newest is None and "forecasts" not in self._problems:
            return PartHealth(
                ready=False,
                problem_zh="尚无已发布的预测。请运行 `zhiheng demand run`。",
                problem_en="No forecasts have been published yet. Run `zhiheng demand run`.",
            )
        return self._part(
            "forecasts",
            ready=newest is not None,
            version=newest.info.run_id if newest else None,
            as_of=newest.info.data_as_of if newest else None,
            count=newest.series.height if newest else None,
        )

    def _capacity(self) -> PartHealth:
        """Say of which date the newest run of capacity is."""
        held = self.capacity.desk.store.latest
        if held is None and "capacity" not in self._problems:
            return PartHealth(
                ready=False,
                problem_zh="尚无已发布的产能预测。请运行 `zhiheng capacity forecast`。",
                problem_en="No forecast of capacity has been published yet. Run `zhiheng capacity forecast`.",
            )
        return self._part(
            "capacity",
            ready=held is not None,
            version=held.info.run_id if held else None,
            as_of=held.info.data_as_of if held else None,
            count=held.lines.height if held else None,
        )

    def _graph(self, store: FeatureStore | None) -> PartHealth:
        if store is not None and store.graph_as_of is not None:
            return PartHealth(ready=True, as_of=store.graph_as_of)
        return PartHealth(
            ready=False,
            problem_zh="特征文件没有写明图谱日期，请重新生成特征。",
            problem_en="The features name no date of the graph; build them again.",
        )

    def _ledger(self) -> PartHealth:
        try:
            count, last = self.ledger.probe()
        except LedgerUnavailableError as error:
            return PartHealth(ready=False, problem_zh=error.zh, problem_en=error.en)
        return PartHealth(ready=True, count=count, last=last)


def _stamp(*paths: Path) -> Stamp:
    """Tell file versions apart without reading them."""
    return tuple(_file_stamp(path) for path in paths)


def _file_stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
