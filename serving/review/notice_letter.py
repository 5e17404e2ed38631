"""The notice of an adverse decision as a letter in Markdown, in the reader's language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from serving.http.language import Language
from serving.moments import local_day
from serving.review.notice_schemas import DataUsed, Notice, TwoLanguages

__all__ = ["notice_letter"]


@dataclass(frozen=True)
class _Words:
    """What stands in every letter of one language; `as_of` takes a date."""

    title: str
    party: str
    decision: str
    day: str
    why: str
    used: str
    model: str
    appeal: str
    contact: str
    as_of: str
    no_date: str


_WORDS: Final[dict[Language, _Words]] = {
    "zh": _Words(
        title="不利决定通知书",
        party="申请主体",
        decision="决定编号",
        day="日期",
        why="主要原因",
        used="使用的数据",
        model="模型与人工审核",
        appeal="如何申诉",
        contact="由谁答复",
        as_of="（截至 {}）",
        no_date="日期不详",
    ),
    "en": _Words(
        title="Notice of a decision",
        party="Party",
        decision="Decision",
        day="Date",
        why="Main reasons",
        used="Data used",
        model="Model and review by a person",
        appeal="How to appeal",
        contact="Who answers",
        as_of=" (as of {})",
        no_date="date unknown",
    ),
}


def notice_letter(notice: Notice, language: Language, zone: tzinfo) -> str:
    """Write a notice as a letter; its day is the local one of a time zone."""
    words = _WORDS[language]
    return "\n".join([*_head(notice, words, language, zone), *_sections(notice, words, language)])


def _head(notice: Notice, words: _Words, language: Language, zone: tzinfo) -> Iterator[str]:
    yield from (f"# {words.title}", "", _told(notice.headline, language), "")
    # two spaces at its end break a line of Markdown
    yield f"{words.party}: {notice.party_id}  "
    yield f"{words.decision}: {notice.of_decision}  "
    yield f"{words.day}: {local_day(notice.decided_on, zone)}"
    yield ""


def _sections(notice: Notice, words: _Words, language: Language) -> Iterator[str]:
    reasons = [f"{place}. {_told(one, language)}" for place, one in enumerate(notice.reasons, start=1)]
    yield from _section(words.why, reasons)
    yield from _section(words.used, [_data(one, words, language) for one in notice.data_used])
    yield from _section(words.model, [_told(notice.model_used, language)])
    yield from _section(words.appeal, [_told(notice.appeal, language)])
    yield from _section(words.contact, [_told(notice.answered_by, language)])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"## {title}", "", *lines, "")


def _data(one: DataUsed, words: _Words, language: Language) -> str:
    return f"- {_told(one.name, language)}{words.as_of.format(one.as_of or words.no_date)}"


def _told(text: TwoLanguages, language: Language) -> str:
    return text.zh if language == "zh" else text.en
