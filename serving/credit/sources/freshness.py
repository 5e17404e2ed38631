"""How old what an answer comes from may be: too old makes a fallback of every answer, or is refused where the policy says so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from serving.champions.errors import StaleError
from serving.credit.score.basis import Basis
from serving.schemas import Note

__all__ = ["REFUSE", "AgeLimits", "age_notes", "dated_notes", "lowers", "refuse_old", "refuse_stale"]

REFUSE: Final = "refuse"
_LOWERS: Final = frozenset({"stale_data", "stale_graph"})


@dataclass(frozen=True)
class AgeLimits:
    """How many days old data, graph and a model's training data may be; None sets no limit. `policy` is flag or refuse."""

    data_days: int
    graph_days: int | None
    model_days: int | None = None
    policy: str = "flag"


def age_notes(basis: Basis) -> tuple[Note, ...]:
    """Name features, graph and model that are too old; a payload of features has no date."""
    sources = basis.sources
    return dated_notes(
        _day(basis),
        _limits(basis),
        data_as_of=sources.data_as_of,
        graph_as_of=sources.graph_as_of,
        trained_as_of=sources.trained_as_of,
    )


def refuse_stale(basis: Basis) -> None:
    """Refuse features or a graph that are too old where the policy is to refuse them. Raises StaleError."""
    limits = _limits(basis)
    if limits.policy == REFUSE:
        refuse_old(age_notes(basis), limits)


def dated_notes(
    on: date,
    limits: AgeLimits,
    *,
    data_as_of: date | None = None,
    graph_as_of: date | None = None,
    trained_as_of: date | None = None,
) -> tuple[Note, ...]:
    """Name what is too old on a day; None has no date."""
    return tuple(_notes(on, limits, data_as_of, graph_as_of, trained_as_of))


def refuse_old(notes: Sequence[Note], limits: AgeLimits) -> None:
    """Refuse data or a graph that the notes name, where that is the policy. Raises StaleError."""
    old = [note for note in notes if note.code in _LOWERS]
    if old and limits.policy == REFUSE:
        zh, en = "".join(note.text_zh for note in old), " ".join(note.text_en for note in old)
        raise StaleError(
            zh=f"{zh}按设置（ZHIHENG_STALE_POLICY_CREDIT=refuse）不予作答。",
            en=f"{en} By setting (ZHIHENG_STALE_POLICY_CREDIT=refuse) no answer is given.",
        )


def lowers(notes: Sequence[Note]) -> bool:
    """Tell whether what is too old makes the answer a fallback: data or graph do, the model's age is told alone."""
    return any(note.code in _LOWERS for note in notes)


def _day(basis: Basis) -> date:
    # Records that name no zone are of releases that counted ages by days of UTC.
    return basis.decided_at.date() if basis.bounds.zone is None else basis.day


def _limits(basis: Basis) -> AgeLimits:
    bounds = basis.bounds
    return AgeLimits(
        bounds.stale_after_days, bounds.stale_graph_days, bounds.stale_model_days, bounds.stale_policy
    )


def _notes(
    on: date, limits: AgeLimits, data: date | None, graph: date | None, trained: date | None
) -> Iterator[Note]:
    age = _too_old(on, data, limits.data_days)
    if age is not None:
        yield Note(
            code="stale_data",
            text_zh=f"数据截至 {data}，已有 {age} 天，请更新后再作决定。",
            text_en=f"The data is of {data}, {age} days old; renew it before deciding.",
        )
    age = _too_old(on, graph, limits.graph_days)
    if age is not None:
        yield Note(
            code="stale_graph",
            text_zh=f"图谱截至 {graph}，已有 {age} 天，请更新后再作决定。",
            text_en=f"The graph is of {graph}, {age} days old; renew it before deciding.",
        )
    age = _too_old(on, trained, limits.model_days)
    if age is not None:
        yield Note(
            code="stale_model",
            text_zh=f"模型的训练数据截至 {trained}，已有 {age} 天，请重新训练或复核。",
            text_en=f"The model's training data end on {trained}, {age} days ago; train it again or have it reviewed.",
        )


def _too_old(on: date, as_of: date | None, limit: int | None) -> int | None:
    """Return the age in days where it is beyond its limit."""
    if as_of is None or limit is None or (on - as_of).days <= limit:
        return None
    return (on - as_of).days
