"""Answer questions about demand without HTTP: published runs, overrides and a forecaster in; answers and records out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from pydantic import BaseModel

from features.errors import FrequencyError
from features.timeline import Frequency, read_frequency
from models.demand.ledger.published_run import KEYS
from serving.access.caller import Caller
from serving.access.errors import OutsideScopeError
from serving.champions.errors import FamilyStoppedError, StaleError
from serving.champions.families import demand_family
from serving.demand.answers import Finals, answer_series, finals_of, forecast_record, refusal, stamp
from serving.demand.errors import UnknownSeriesError
from serving.demand.forecast_store import ForecastStore, LoadedRun
from serving.demand.override_store import OverrideStore
from serving.demand.quality import answer_quality, stale_notes
from serving.demand.schemas import ForecastAnswer, ForecastRequest, RefusedSeries, Selection
from serving.errors import FieldProblem, InvalidRequestError, NotReadyError
from serving.ledger.answered import Answered, write_answer
from serving.schemas import Note

__all__ = ["Answered", "DemandDesk", "DemandLimits", "filtered", "too_many"]

_FILTERS: Final = ("company", "product_id", "region", "family", "level")
_COLUMN: Final = {"company": "org_id"}


@dataclass(frozen=True)
class DemandLimits:
    """How much one answer may hold, and from when on a run is old."""

    answer_series: int
    stale_run_days: int
    stale_policy: str = "flag"


class DemandDesk:
    """Reads the published runs; overrides made since are applied to every answer."""

    def __init__(
        self,
        store: ForecastStore,
        overrides: OverrideStore,
        *,
        limits: DemandLimits,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.store, self.overrides, self.limits = store, overrides, limits
        self.clock, self.new_id = clock, new_id
        self._finals: dict[Frequency, tuple[tuple[str, int, str], Finals]] = {}

    def forecast(self, request: ForecastRequest, planner: Caller) -> Answered:
        """Answer from the newest run.

        Raises NotReadyError, InvalidRequestError, UnknownSeriesError, OutsideScopeError.
        """
        now, loaded = self.clock(), self.run(request.freq)
        rows, refused = self.chosen(request, loaded, planner)
        finals = self.finals(loaded, now)
        series, without = answer_series(loaded, rows.iter_rows(named=True), finals, horizon=request.horizon)
        refused = [*refused, *without]
        answer = ForecastAnswer(
            request_id=planner.call.request_id,
            decision_id=self.new_id(),
            quality=answer_quality(self.stale(loaded, now), [one.quality for one in series], refused),
            series=series,
            refused=refused,
            **stamp(loaded).model_dump(),
        )
        return write_answer("demand/forecast", answer, request, planner, said=forecast_record(answer), at=now)

    def run(self, freq: str | None) -> LoadedRun:
        """Return the newest run of a frequency; of the only one where none is named."""
        held = self.store.latest
        self._refuse_stopped(freq)
        if not held:
            raise NotReadyError(
                "forecasts",
                zh="尚无已发布的预测。请运行 `zhiheng demand run`。",
                en="no forecasts have been published yet. Run `zhiheng demand run`.",
            )
        listed = ", ".join(sorted(map(str, held)))
        if freq is None:
            if len(held) == 1:
                return next(iter(held.values()))
            raise InvalidRequestError(
                [
                    _problem(
                        "freq",
                        "missing",
                        f"须给出，已发布的有 {listed}",
                        f"is required; published are {listed}",
                    )
                ]
            )
        try:
            return held[read_frequency(freq)]
        except (KeyError, FrequencyError) as error:
            problem = _problem(
                "freq",
                "unknown_freq",
                f"没有该频率的批次；已发布的有 {listed}",
                f"no run of that frequency; published are {listed}",
            )
            raise InvalidRequestError([problem]) from error

    def stale(self, loaded: LoadedRun, now: datetime) -> list[Note]:
        """Return notes where a run was issued too long ago, or is not the newest.

        Raises StaleError where the policy is to refuse what is too old.
        """
        info, note = loaded.info, self.store.note(loaded.info.freq)
        old = stale_notes(info.run_id, info.issued_at, now, stale_after_days=self.limits.stale_run_days)
        if old and self.limits.stale_policy == "refuse":
            raise StaleError(zh=old[0].text_zh, en=old[0].text_en)
        return [*old, *([note] if note is not None else [])]

    def _refuse_stopped(self, freq: str | None) -> None:
        """Refuse a frequency that the kill switch stopped. Raises FamilyStoppedError."""
        for one in Frequency:
            stopped = self.store.stopped(one)
            if stopped is not None and (freq == one or (freq is None and not self.store.latest)):
                raise FamilyStoppedError(demand_family(one), stopped.reason)

    def finals(self, loaded: LoadedRun, now: datetime) -> Finals:
        """Return what overrides make of a run; computed anew when a run, an override or a day is new."""
        mark = (loaded.info.run_id, self.overrides.version(), now.date().isoformat())
        held = self._finals.get(loaded.info.freq)
        if held is None or held[0] != mark:
            held = (mark, finals_of(loaded, self.overrides.frame(), now))
            self._finals[loaded.info.freq] = held
        return held[1]

    def chosen(
        self, request: ForecastRequest | Selection, loaded: LoadedRun, planner: Caller
    ) -> tuple[pl.DataFrame, list[RefusedSeries]]:
        """Return the rows of the run's series that a request is about, and what it names that is not there.

        Raises InvalidRequestError, UnknownSeriesError, OutsideScopeError.
        """
        planner.require(request.company)
        seen = planner.seen(loaded.series)
        if request.unique_ids is not None:
            return self._by_id(request.unique_ids, seen, loaded, planner)
        rows = filtered(seen, request)
        if request.level is None:
            rows = _most_aggregated(rows)
        if rows.is_empty():
            raise self._nothing(loaded, planner)
        if rows.height > self.limits.answer_series:
            raise InvalidRequestError([too_many("body", rows.height, self.limits.answer_series)])
        return rows, []

    def _by_id(
        self, given: list[str], seen: pl.DataFrame, loaded: LoadedRun, planner: Caller
    ) -> tuple[pl.DataFrame, list[RefusedSeries]]:
        ids = list(dict.fromkeys(given))
        if len(ids) > self.limits.answer_series:
            raise InvalidRequestError([too_many("unique_ids", len(ids), self.limits.answer_series)])
        rows = pl.DataFrame({"unique_id": ids}).join(seen, on="unique_id", how="inner", maintain_order="left")
        if rows.is_empty():
            raise self._nothing(loaded, planner)
        found = set(rows["unique_id"])
        return rows, [_unknown(one, planner) for one in ids if one not in found]

    def _nothing(self, loaded: LoadedRun, planner: Caller) -> Exception:
        """Say that nothing fits; to a key with companies, not whether it exists for others."""
        if not planner.sees_all:
            return OutsideScopeError(planner.companies)
        levels = loaded.series["level"].drop_nulls().unique().sort().to_list()
        return UnknownSeriesError(loaded.info.run_id, levels)


def filtered(series: pl.DataFrame, request: BaseModel) -> pl.DataFrame:
    """Keep the series that fit the filters of a request."""
    for name in _FILTERS:
        wanted = getattr(request, name, None)
        if wanted is not None:
            series = series.filter(pl.col(_COLUMN.get(name, name)) == wanted)
    return series


def _most_aggregated(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the series that are sums over the most columns."""
    details = pl.sum_horizontal([pl.col(key).is_not_null().cast(pl.Int64) for key in KEYS])
    return rows.filter(details == details.min())


def too_many(field: str, count: int, limit: int) -> FieldProblem:
    """Name a limit that was passed."""
    return _problem(
        field,
        "too_many_series",
        f"涉及 {count} 个序列，超过上限 {limit}；请缩小范围或分批",
        f"is about {count} series, above the limit of {limit}; ask for fewer at a time",
    )


def _problem(field: str, rule: str, zh: str, en: str) -> FieldProblem:
    return FieldProblem(field, rule, zh, en)


def _unknown(unique_id: str, planner: Caller) -> RefusedSeries:
    if planner.sees_all:
        zh, en = "该批次中没有此序列，请核对编号。", "the run holds no such series; check the id."
        return refusal(unique_id, "unknown_series", zh, en)
    zh = "没有此序列，或它不属于该密钥覆盖的企业（跨企业的汇总也不提供）。"
    en = "no such series, or it is not of the key's companies (sums over several are not given either)."
    return refusal(unique_id, "not_in_scope", zh, en)
