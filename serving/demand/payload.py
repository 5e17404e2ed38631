"""Forecast series that come with a request: read them, forecast at once by the fast tier, one request at a time."""

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import polars as pl

from features.errors import FrequencyError
from features.timeline import Frequency, read_frequency
from graph.errors import UserError
from models.demand.ledger.published_run import ForecastRun, checked_run
from serving.access.caller import Caller
from serving.demand.answers import answer_series, forecast_record, refusal
from serving.demand.desk import DemandDesk, too_many
from serving.demand.errors import ForecasterBusyError
from serving.demand.forecast_store import LoadedRun
from serving.demand.quality import answer_quality
from serving.demand.schemas import (
    ForecastAnswer,
    ForecastRequest,
    PayloadSeries,
    RefusedSeries,
    SeriesForecast,
)
from serving.errors import FieldProblem, InvalidRequestError
from serving.lean import import_lightgbm_alone
from serving.ledger.answered import Answered, write_answer

__all__ = ["Forecaster", "PayloadDesk", "PayloadLimits", "Table", "forecast_now"]

_SEED: Final = 7
_TIER: Final = "fast"
_OWN: Final = frozenset({"unique_id", "ds", "y"})


@dataclass(frozen=True)
class Table:
    """Series of one frequency as a long table: unique_id, ds, y, drivers; rows without y carry drivers of the future."""

    frame: pl.DataFrame
    freq: Frequency
    horizon: int
    known: tuple[str, ...]
    past: tuple[str, ...]


class Forecaster(Protocol):
    """Forecasts a table at once. Raises UserError where the table as a whole cannot be forecast."""

    def __call__(self, table: Table, *, version: str, issued_at: datetime, seed: int) -> ForecastRun:
        """Return forecasts, components, quality and history of the table's series."""


@dataclass(frozen=True)
class PayloadLimits:
    """How much may be asked of one computation, and how long one may wait for another to end."""

    series: int
    points: int
    horizon: int
    wait_seconds: float


class PayloadDesk:
    """Answers requests that bring their own series; computations go one after the other.

    LightGBM and numba's compiled loops are not safe in two threads of Python at once, and two forecasts at once would
    only take twice as long each.
    """

    def __init__(self, desk: DemandDesk, forecaster: Forecaster, limits: PayloadLimits) -> None:
        self._desk, self._forecaster, self._limits = desk, forecaster, limits
        self._turn = threading.Lock()

    def forecast(self, request: ForecastRequest, planner: Caller) -> Answered:
        """Answer a request with `series`. Raises InvalidRequestError, ForecasterBusyError."""
        given = request.series or []
        self._check(given)
        now = self._desk.clock()
        version = _version(given)
        series: list[SeriesForecast] = []
        tables, refused = _tables(given)
        with self.turn():
            for table in tables:
                answered, without = self._of(table, version, now)
                series += answered
                refused += without
        place = {one.unique_id: number for number, one in enumerate(given)}
        wanted = {one.unique_id: one.horizon for one in given}
        series = [
            one.model_copy(update={"points": one.points[: wanted[one.unique_id]]})
            for one in sorted(series, key=lambda one: place[one.unique_id])
        ]
        refused.sort(key=lambda one: place.get(one.unique_id, len(place)))
        answer = ForecastAnswer(
            request_id=planner.call.request_id,
            decision_id=self._desk.new_id(),
            run_id=None,
            model_version=version,
            tier=_TIER,
            data_as_of=None,
            issued_at=now,
            quality=answer_quality([], [one.quality for one in series], refused),
            series=series,
            refused=refused,
        )
        return write_answer("demand/forecast", answer, request, planner, said=forecast_record(answer), at=now)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the computation before this one. Raises ForecasterBusyError."""
        if not self._turn.acquire(timeout=self._limits.wait_seconds):
            raise ForecasterBusyError(self._limits.wait_seconds)
        try:
            yield
        finally:
            self._turn.release()

    def _of(
        self, table: Table, version: str, now: datetime
    ) -> tuple[list[SeriesForecast], list[RefusedSeries]]:
        """Forecast one table; where it fails as a whole its series are refused with the reason, the others go on."""
        try:
            run = checked_run(self._forecaster(table, version=version, issued_at=now, seed=_SEED))
        except UserError as error:
            ids = table.frame["unique_id"].unique(maintain_order=True).to_list()
            return [], [refusal(one, "not_forecast", error.zh, error.en) for one in ids]
        loaded = LoadedRun(run)
        return answer_series(loaded, loaded.series.iter_rows(named=True), {}, horizon=table.horizon)

    def _check(self, given: Sequence[PayloadSeries]) -> None:
        limits, problems = self._limits, []
        if len(given) > limits.series:
            problems.append(too_many("series", len(given), limits.series))
        points = sum(len(one.points) + len(one.future) for one in given)
        if points > limits.points:
            zh = f"共 {points} 个点，超过上限 {limits.points}；请分批，或用 `zhiheng forecast`"
            en = f"hold {points} points, above the limit of {limits.points}; send fewer, or use `zhiheng forecast`"
            problems.append(FieldProblem("series", "too_many_points", zh, en))
        seen: set[str] = set()
        for place, one in enumerate(given):
            if one.horizon > limits.horizon:
                zh, en = f"超过上限 {limits.horizon}", f"is above the limit of {limits.horizon}"
                problems.append(FieldProblem(f"series.{place}.horizon", "horizon_too_long", zh, en))
            if one.unique_id in seen:
                zh, en = "出现多次，每个序列只给一次", "is given more than once; give each series once"
                problems.append(FieldProblem(f"series.{place}.unique_id", "repeated", zh, en))
            seen.add(one.unique_id)
        if problems:
            raise InvalidRequestError(problems)


def forecast_now(table: Table, *, version: str, issued_at: datetime, seed: int) -> ForecastRun:
    """Forecast a table by the fast tier; imports what forecasts only now, so that scoring starts without it."""
    import_lightgbm_alone()
    from features.demand import build_panel  # noqa: PLC0415 - see above
    from models.demand.forecaster import fit_forecaster  # noqa: PLC0415
    from models.demand.ledger.run_of_model import run_of_model  # noqa: PLC0415
    from models.demand.router import Tier  # noqa: PLC0415

    panel = build_panel(table.frame, freq=str(table.freq), known=table.known, past=table.past)
    model = fit_forecaster(panel, table.horizon, tier=Tier.FAST, seed=seed)
    return run_of_model(
        model, run_id="payload", issued_at=issued_at, data_as_of=issued_at.date(), model_version=version
    )


def _version(given: Sequence[PayloadSeries]) -> str:
    """Name a model by all that it is made of: the tier, the seed and what was sent."""
    sent = json.dumps([one.model_dump(mode="json") for one in given], sort_keys=True)
    return f"demand-{_TIER}-seed{_SEED}-{hashlib.sha256(sent.encode()).hexdigest()[:12]}"


def _tables(given: Sequence[PayloadSeries]) -> tuple[list[Table], list[RefusedSeries]]:
    """Lay the series out by frequency; one whose frequency or dates cannot be read is refused by name."""
    by_freq: dict[Frequency, list[tuple[PayloadSeries, pl.DataFrame]]] = {}
    refused = []
    for one in given:
        try:
            freq = read_frequency(one.freq)
            rows = _rows(one, freq)
        except FrequencyError as error:
            refused.append(refusal(one.unique_id, "unknown_freq", error.zh, error.en))
        except _UnreadableError as error:
            refused.append(refusal(one.unique_id, error.code, error.zh, error.en))
        else:
            by_freq.setdefault(freq, []).append((one, rows))
    return [_table(freq, members) for freq, members in by_freq.items()], refused


class _UnreadableError(UserError):
    """A series of a payload that cannot be laid out."""

    def __init__(self, code: str, *, zh: str, en: str) -> None:
        self.code = code
        super().__init__(zh=zh, en=en)


def _rows(one: PayloadSeries, freq: Frequency) -> pl.DataFrame:
    rows = [{"ds": point.ds, "y": point.y, **point.drivers} for point in one.points]
    rows += [{"ds": point.ds, "y": None, **point.drivers} for point in one.future]
    names = {name for row in rows for name in row}
    if not one.points:
        raise _UnreadableError(
            "no_points",
            zh="没有给出任何点。请至少给出一个实际值。",
            en="it has no points; give one at least.",
        )
    drivers = [point.drivers for point in one.points] + [point.drivers for point in one.future]
    if reserved := _OWN & {name for given in drivers for name in given}:
        listed = ", ".join(sorted(reserved))
        raise _UnreadableError(
            "driver_name",
            zh=f"驱动因素不能名为 {listed}，请改名。",
            en=f"a driver cannot be named {listed}; rename it.",
        )
    parsed = [_moment(str(row["ds"]), freq) for row in rows]
    columns = {name: _column(name, [row.get(name) for row in rows]) for name in sorted(names - _OWN)}
    return pl.DataFrame(
        {
            "unique_id": [one.unique_id] * len(rows),
            "ds": parsed,
            "y": pl.Series([row["y"] for row in rows], dtype=pl.Float64),
            **columns,
        }
    )


def _moment(ds: str, freq: Frequency) -> object:
    try:
        if freq is Frequency.INTEGER:
            return int(ds)
        moment = datetime.fromisoformat(ds)
    except ValueError as error:
        raise _UnreadableError(
            "unreadable_ds",
            zh=f"“{ds}”不是频率 {freq} 的日期。请改正后重试。",
            en=f"'{ds}' is no date of frequency {freq}. Correct it and send again.",
        ) from error
    return moment if freq is Frequency.HOUR else moment.date()


def _column(name: str, values: Sequence[object]) -> pl.Series:
    """Lay a driver out: numbers and yes-or-no as numbers, texts as texts."""
    if any(isinstance(value, str) for value in values):
        texts = [None if value is None else str(value) for value in values]
        return pl.Series(name, texts, pl.String)
    numbers = [None if value is None else float(value) for value in values]  # type: ignore[arg-type]
    return pl.Series(name, numbers, pl.Float64)


def _table(freq: Frequency, members: Sequence[tuple[PayloadSeries, pl.DataFrame]]) -> Table:
    known = {name for one, _ in members for point in one.future for name in point.drivers}
    named = {name for _, frame in members for name in frame.columns} - _OWN
    texts = {name for _, frame in members for name in named if frame.schema.get(name) == pl.String}
    frames = [frame.cast(dict.fromkeys(texts & set(frame.columns), pl.String)) for _, frame in members]
    return Table(
        pl.concat(frames, how="diagonal"),
        freq,
        max(one.horizon for one, _ in members),
        tuple(sorted(known)),
        tuple(sorted(named - known)),
    )
