"""Which parts of a worker work, how fresh they are, and what stands in for what."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from serving.champions.families import Level
from serving.champions.follower import FollowStatus, read_status
from serving.credit.score.scorer import CreditScorer
from serving.credit.sources.feature_store import FeatureStore
from serving.errors import NotReadyError
from serving.ledger.errors import LedgerUnavailableError
from serving.schemas import Health, PartHealth

if TYPE_CHECKING:
    from serving.parts import Parts

__all__ = ["health_of"]

# Without the book answers are given, each saying that rules were not checked, and without forecasts or capacity credit is
# scored all the same; a challenger answers nobody; a clock that is behind makes dates go by the ledger. None of them stops
# the service.
_NOT_NEEDED: Final = frozenset({"book", "forecasts", "capacity", "challenger", "registry", "clock"})


def health_of(parts: "Parts") -> Health:
    """Return the state of every part; ready if those work that scoring needs."""
    store = parts.credit.store
    found = {
        "model": _model(parts),
        "features": _part(
            parts,
            "features",
            ready=store is not None,
            as_of=store.data_as_of if store else None,
            count=len(store.rows) if store else None,
        ),
        "graph": _graph(store),
        "book": _book(parts),
        "forecasts": _forecasts(parts),
        "capacity": _capacity(parts),
        "ledger": _ledger(parts),
    }
    found["clock"] = _clock(parts, found["ledger"].last)
    if parts.credit.challenger is not None or "challenger" in parts.problems:
        beside = parts.credit.challenger
        version = beside.model.version if beside else None
        found["challenger"] = _part(parts, "challenger", ready=beside is not None, version=version)
    status = read_status(parts.credit.sources.home / "models")
    if status is not None:
        found["registry"] = _registry(status)
    return Health(
        ready=all(part.ready for name, part in found.items() if name not in _NOT_NEEDED), parts=found
    )


def _part(
    parts: "Parts",
    name: str,
    *,
    ready: bool,
    version: str | None = None,
    as_of: date | None = None,
    count: int | None = None,
    level: str | None = None,
) -> PartHealth:
    # A ready part may carry a problem too: the newest file is broken and the last good one still answers.
    problem = parts.problems.get(name)
    if problem is None and not ready:
        problem = NotReadyError(
            name, zh="正在加载，或在等待其他部件。", en="loading, or waiting for another part."
        )
    return PartHealth(
        ready=ready,
        version=version,
        as_of=as_of,
        count=count,
        level=level,
        problem_zh=problem.zh if problem else None,
        problem_en=problem.en if problem else None,
    )


def _registry(status: FollowStatus) -> PartHealth:
    """Say whether MLflow answers, and which versions of it are refused; the last good ones go on answering."""
    texts_zh = [f"{one.family} {one.alias} {one.version}：{one.zh}" for one in status.troubles]
    texts_en = [f"{one.family} {one.alias} {one.version}: {one.en}" for one in status.troubles]
    if status.away_zh is not None and status.away_en is not None:
        texts_zh.append(f"MLflow 无法访问（{status.away_zh}），沿用最后一份完好的模型。")
        texts_en.append(f"MLflow is away ({status.away_en}); the last good models go on answering.")
    return PartHealth(
        ready=not texts_en,
        last=None if status.reached_at is None else status.reached_at.isoformat(),
        count=len(status.troubles),
        problem_zh=" ".join(texts_zh) or None,
        problem_en=" ".join(texts_en) or None,
    )


def _model(parts: "Parts") -> PartHealth:
    serves = parts.credit.serves
    model = serves.scorer.model if serves is not None and isinstance(serves.scorer, CreditScorer) else None
    found = _part(
        parts,
        "model",
        ready=serves is not None,
        version=serves.version if serves else None,
        as_of=serves.trained_as_of if serves else None,
        level=serves.level if serves else None,
    )
    return found.model_copy(update={"explainer": model.explainer if model is not None else None})


def _book(parts: "Parts") -> PartHealth:
    book = parts.credit.book
    return _part(
        parts,
        "book",
        ready=book is not None,
        version=book.model_version if book else None,
        as_of=book.as_of if book else None,
        count=len(book.rows) if book else None,
    )


def _forecasts(parts: "Parts") -> PartHealth:
    """Say of which date the newest run of any frequency is, and which are switched off."""
    store = parts.demand.store
    newest = max(store.latest.values(), key=lambda loaded: loaded.info.issued_at, default=None)
    levels = {choice.level for choice in store.choices.values()} - {Level.CHAMPION}
    if newest is None and "forecasts" not in parts.problems and not levels:
        return PartHealth(
            ready=False,
            problem_zh="尚无已发布的预测。请运行 `zhiheng demand run`。",
            problem_en="No forecasts have been published yet. Run `zhiheng demand run`.",
        )
    return _part(
        parts,
        "forecasts",
        ready=newest is not None,
        version=newest.info.run_id if newest else None,
        as_of=newest.info.data_as_of if newest else None,
        count=newest.series.height if newest else None,
        level=", ".join(sorted(levels)) or Level.CHAMPION,
    )


def _capacity(parts: "Parts") -> PartHealth:
    """Say of which date the newest run of capacity is."""
    store = parts.capacity.desk.store
    held, level = store.latest, store.choice.level if store.choice else Level.CHAMPION
    if held is None and "capacity" not in parts.problems and level is Level.CHAMPION:
        return PartHealth(
            ready=False,
            problem_zh="尚无已发布的产能预测。请运行 `zhiheng capacity forecast`。",
            problem_en="No forecast of capacity has been published yet. Run `zhiheng capacity forecast`.",
        )
    return _part(
        parts,
        "capacity",
        ready=held is not None,
        version=held.info.run_id if held else None,
        as_of=held.info.data_as_of if held else None,
        count=held.lines.height if held else None,
        level=level,
    )


def _graph(store: FeatureStore | None) -> PartHealth:
    if store is not None and store.graph_as_of is not None:
        return PartHealth(ready=True, as_of=store.graph_as_of, version=store.graph_sha256)
    return PartHealth(
        ready=False,
        problem_zh="特征文件没有写明图谱日期，请重新生成特征。",
        problem_en="The features name no date of the graph; build them again.",
    )


def _ledger(parts: "Parts") -> PartHealth:
    try:
        count, last = parts.probe.result()
    except LedgerUnavailableError as error:
        return PartHealth(ready=False, problem_zh=error.zh, problem_en=error.en)
    return PartHealth(ready=True, count=count, last=last)


def _clock(parts: "Parts", last: str | None) -> PartHealth:
    """Say whether the computer's clock is behind the newest record: it, or the one before, is wrong."""
    if last is None:
        return PartHealth(ready=True)
    behind = (datetime.fromisoformat(last) - parts.credit.sources.clock()).total_seconds()
    if behind <= parts.clock_tolerance_seconds:
        return PartHealth(ready=True)
    return PartHealth(
        ready=False,
        problem_zh=f"服务器时钟比台账的最新记录慢 {behind:.0f} 秒：现在的时钟或写该记录时的时钟有误。密钥与令牌的有效期按时钟计，请校正。",
        problem_en=f"The clock is {behind:.0f} s behind the newest record of the ledger: it is wrong now, or was when that was "
        "written. Keys and tokens expire by the clock; set it right.",
    )
