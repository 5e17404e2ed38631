"""How old what an answer comes from may be: flagged, or refused where the policy says so."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from serving.champions.errors import StaleError
from serving.credit.basis import Basis
from serving.schemas import Note

__all__ = ["REFUSE", "age_notes", "refuse_stale"]

REFUSE: Final = "refuse"
_REFUSED: Final = frozenset({"stale_data", "stale_graph"})


def age_notes(basis: Basis) -> tuple[Note, ...]:
    """Warn of features, graph and model that are older than they should be; a payload of features has no date."""
    return tuple(_notes(basis))


def refuse_stale(basis: Basis) -> None:
    """Refuse features or a graph that are too old where the policy is to refuse them. Raises StaleError."""
    if basis.bounds.stale_policy != REFUSE:
        return
    old = [note for note in _notes(basis) if note.code in _REFUSED]
    if old:
        zh, en = "".join(note.text_zh for note in old), " ".join(note.text_en for note in old)
        raise StaleError(
            zh=f"{zh}按设置（ZHIHENG_STALE_POLICY_CREDIT=refuse）不予作答。",
            en=f"{en} By setting (ZHIHENG_STALE_POLICY_CREDIT=refuse) no answer is given.",
        )


def _notes(basis: Basis) -> Iterator[Note]:
    sources, bounds = basis.sources, basis.bounds
    as_of, age = sources.data_as_of, _age(basis, sources.data_as_of)
    if age > bounds.stale_after_days:
        yield Note(
            code="stale_data",
            text_zh=f"数据截至 {as_of}，已有 {age} 天，请更新后再作决定。",
            text_en=f"The data is of {as_of}, {age} days old; renew it before deciding.",
        )
    as_of, age = sources.graph_as_of, _age(basis, sources.graph_as_of)
    if bounds.stale_graph_days is not None and age > bounds.stale_graph_days:
        yield Note(
            code="stale_graph",
            text_zh=f"图谱截至 {as_of}，已有 {age} 天，请更新后再作决定。",
            text_en=f"The graph is of {as_of}, {age} days old; renew it before deciding.",
        )
    as_of, age = sources.trained_as_of, _age(basis, sources.trained_as_of)
    if bounds.stale_model_days is not None and age > bounds.stale_model_days:
        yield Note(
            code="stale_model",
            text_zh=f"模型的训练数据截至 {as_of}，已有 {age} 天，请重新训练或复核。",
            text_en=f"The model's training data end on {as_of}, {age} days ago; train it again or have it reviewed.",
        )


def _age(basis: Basis, as_of: date | None) -> int:
    return 0 if as_of is None else (basis.decided_at.date() - as_of).days
