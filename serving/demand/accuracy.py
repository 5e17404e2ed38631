"""How good what was published turned out to be: naive, model, planner, by lead time and by group."""

from datetime import date, datetime
from typing import Final

import polars as pl

from features.timeline import Frequency
from models.demand.ledger.forecast_value_added import Vintage, forecast_pairs, summarise
from serving.access.caller import Caller
from serving.cells import cell_text
from serving.demand.answers import stamp
from serving.demand.desk import DemandDesk, filtered
from serving.demand.forecast_store import LoadedRun
from serving.demand.quality import answer_quality
from serving.demand.schemas import AccuracyAnswer, AccuracyQuery, AccuracyRow
from serving.ledger.answered import Answered, write_answer
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note

__all__ = ["AccuracyDesk"]

_COLUMN: Final = {"company": "org_id"}
_NO_ACTUALS: Final = Note(
    code="no_actuals_yet",
    text_zh="尚无可以比较的期间：已发布的预测所对应的实际值还没有出现在后来的批次里，或筛选条件不符。",
    text_en="There is nothing to compare yet: no later run holds actuals of the periods that were forecast, or nothing "
    "fits the filters.",
)
Mark = tuple[str, int, date]


class AccuracyDesk:
    """Measures runs; pairs are kept until a run, an override or a day is new."""

    def __init__(self, desk: DemandDesk, *, most_runs: int) -> None:
        self._desk, self._most_runs = desk, most_runs
        self._pairs: dict[tuple[Frequency, Vintage], tuple[Mark, pl.DataFrame]] = {}

    def accuracy(self, query: AccuracyQuery, planner: Caller) -> Answered:
        """Answer a question about accuracy. Raises NotReadyError, InvalidRequestError, OutsideScopeError."""
        now, loaded = self._desk.clock(), self._desk.run(query.freq)
        planner.require(query.company)
        pairs = filtered(planner.seen(self._of(loaded, query.vintage, now)), query)
        if query.unique_id is not None:
            pairs = pairs.filter(pl.col("unique_id") == query.unique_id)
        if query.lead is not None:
            pairs = pairs.filter(pl.col("lead") == query.lead)
        notes = self._desk.stale(loaded, now) + ([_NO_ACTUALS] if pairs.is_empty() else [])
        answer = AccuracyAnswer(
            **stamp(loaded).model_dump(),
            request_id=planner.call.request_id,
            decision_id=self._desk.new_id(),
            quality=answer_quality(notes),
            freq=str(loaded.info.freq),
            by=query.by,
            vintage=query.vintage,
            runs=pairs["run_id"].n_unique(),
            known_until=_date(pairs["known_at"].max()),
            backtest=loaded.info.accuracy if planner.sees_all else {},  # of the whole group together
            rows=_rows(pairs, _COLUMN.get(query.by, query.by)),
        )
        said = {
            "run_id": answer.run_id,
            "runs": answer.runs,
            "quality": quality_codes(answer.quality),
            "rows": [row.model_dump(mode="json") for row in answer.rows],
        }
        return write_answer("demand/accuracy", answer, query, planner, said=said, at=now)

    def _of(self, loaded: LoadedRun, vintage: Vintage, now: datetime) -> pl.DataFrame:
        mark = (loaded.info.run_id, self._desk.overrides.version(), now.date())
        held = self._pairs.get((loaded.info.freq, vintage))
        if held is None or held[0] != mark:
            runs = self._desk.store.runs(loaded.info.freq, self._most_runs)
            told = self._desk.overrides.frame()
            held = (mark, forecast_pairs(runs, overrides=told, as_of=now, vintage=vintage))
            self._pairs[loaded.info.freq, vintage] = held
        return held[1]


def _rows(pairs: pl.DataFrame, by: str) -> list[AccuracyRow]:
    found = summarise(pairs, by=[by])
    return [
        AccuracyRow.model_validate({"group": cell_text(row.pop(by)), **row})
        for row in found.iter_rows(named=True)
    ]


def _date(value: object) -> date | None:
    return value if isinstance(value, date) else None
