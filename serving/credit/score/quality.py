"""How far an answer can be relied on: what is missing, what the model has not learnt, what could not be checked."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from features.credit.standing import Standing
from serving.credit.sources.freshness import lowers
from serving.ledger.chain import Json
from serving.schemas import Note, Quality, QualityLevel

__all__ = ["quality_of", "quality_record", "rules_unchecked"]

_UNLEARNT: Final = {
    Standing.IN_DEFAULT: Note(
        code="already_in_default",
        text_zh="该主体已违约；模型只学习未违约的主体，违约概率不适用，处理意见按已违约给出。",
        text_en="The party is in default already. The model learns from parties that are not, so the PD does not apply; "
        "the advice is that for a party in default.",
    ),
    Standing.NO_LIVE_EXPOSURE: Note(
        code="no_live_exposure",
        text_zh="该主体没有存续业务；模型只学习有存续业务的主体，最高只建议人工复核。",
        text_en="The party has no live exposure. The model learns from parties that have one, so the advice is manual "
        "review at best.",
    ),
}
_RULES_UNCHECKED: Final = Note(
    code="rules_not_checked",
    text_zh="没有可供核查规则的事实（硬性禁止、限额、担保圈、关联方均未核查），最高只建议人工复核。",
    text_en="There are no facts to check the rules by (hard stops, limits, guarantee circles, related parties): the "
    "advice is manual review at best.",
)
_NEIGHBOURS_UNSCORED: Final = Note(
    code="neighbour_scores_missing",
    text_zh="相邻主体的得分不是由本模型在同一日期给出的，按缺失处理；请运行 `zhiheng credit prepare`。",
    text_en="The neighbours' scores were not made by this model as of the same date and count as missing; run "
    "`zhiheng credit prepare`.",
)


@lru_cache(maxsize=1024)
def quality_of(
    known: int,
    total: int,
    standing: Standing,
    *,
    least_known_share: float,
    rules_checked: bool,
    neighbours_scored: bool,
    aged: tuple[Note, ...] = (),
) -> Quality:
    """Return the quality of an answer about `known` of `total` features; each reason is a note. Not to be altered: it is kept.

    `aged` names what the answer comes from and is too old.
    """
    notes, level = [], QualityLevel.FULL
    if known < total:
        notes.append(_missing(known, total))
    if standing in _UNLEARNT:
        level = QualityLevel.FALLBACK
        notes.append(_UNLEARNT[standing])
    if known < least_known_share * total:
        level = QualityLevel.FALLBACK
        notes.append(_mostly_base_rate(least_known_share))
    for wrong, note in ((not rules_checked, _RULES_UNCHECKED), (not neighbours_scored, _NEIGHBOURS_UNSCORED)):
        if wrong:
            level = QualityLevel.FALLBACK
            notes.append(note)
    if lowers(aged):
        level = QualityLevel.FALLBACK
    notes += aged
    return Quality(level=level, features_known=known, features_total=total, notes=notes)


def rules_unchecked() -> Note:
    """Return the remark that there were no facts to check the rules by."""
    return _RULES_UNCHECKED


def quality_record(quality: Quality) -> Mapping[str, Json]:
    """Return the quality with the codes of its notes: without them nobody could say later why a grade was not used."""
    return {**quality.model_dump(mode="json"), "notes": [note.code for note in quality.notes]}


def _missing(known: int, total: int) -> Note:
    return Note(
        code="missing_features",
        text_zh=f"{total} 个特征中有 {total - known} 个缺失。",
        text_en=f"{total - known} of {total} features are missing.",
    )


def _mostly_base_rate(least_known_share: float) -> Note:
    return Note(
        code="mostly_base_rate",
        text_zh=f"已知特征不足 {least_known_share:.0%}，结果主要反映总体违约率，最高只建议人工复核。",
        text_en=f"Less than {least_known_share:.0%} of the features are known: the score mostly repeats the "
        "base rate, and the advice is manual review at best.",
    )
