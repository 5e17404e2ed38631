"""What an answer says of itself when another than the champion gave it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.champions.families import Level
from serving.schemas import Note

__all__ = ["run_note", "stand_in_note"]

_OF_MODELS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        Level.ROLLED_BACK: (
            "在用模型已被回退，本结果由较早的版本 {version} 给出。",
            "The champion was rolled back; the earlier version {version} answers.",
        ),
        Level.PREVIOUS: (
            "在用模型已停用或无法使用，本结果由上一版本 {version} 给出。",
            "The champion is switched off or cannot be used; the previous version {version} answers.",
        ),
        Level.SCORECARD: (
            "信用模型已停用，本结果由评分卡 {version} 给出。",
            "The credit models are switched off; the scorecard {version} answers.",
        ),
        Level.RULES_ONLY: (
            "信用模型已停用，只按规则给出处理意见，没有违约概率与等级；最高只建议人工复核。",
            "The credit models are switched off: rules alone advise, without PD and grade, manual review at best.",
        ),
    }
)
_OF_RUNS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        Level.ROLLED_BACK: (
            "最新批次已被回退，本结果来自较早的批次 {version}。",
            "The newest run was rolled back; the figures are of the earlier run {version}.",
        ),
        Level.PREVIOUS: (
            "最新批次已被停用，本结果来自上一批次 {version}。",
            "The newest run is switched off; the figures are of the run before it, {version}.",
        ),
    }
)


def stand_in_note(level: str, version: str) -> Note | None:
    """Return the remark on an answer about credit, None for the champion's own."""
    return _note(_OF_MODELS, level, version)


def run_note(level: str, version: str) -> Note | None:
    """Return the remark on an answer from a published run, None for the newest run's own."""
    return _note(_OF_RUNS, level, version)


def _note(texts: Mapping[str, tuple[str, str]], level: str, version: str) -> Note | None:
    if level not in texts:
        return None
    zh, en = (text.format(version=version) for text in texts[level])
    return Note(code=f"model_{Level(level).value}", text_zh=zh, text_en=en)
