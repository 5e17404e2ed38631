"""Dated entries of rule files: each says from when to when it holds, where it comes from and whether that was checked."""

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graph.errors import PolicyError

__all__ = ["Dated", "in_force", "latest", "read_dated", "refuse_overlaps"]

_UNVERIFIED: Final = "（数值未与原文核对 · not checked against the text）"


class Dated(BaseModel):
    """An entry in force from `valid_from` up to, not including, `valid_to` (absent: until replaced)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: date
    valid_to: date | None = None
    source: str = Field(min_length=1)
    verified: bool = False

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be after valid_from")
        return self

    def holds(self, day: date) -> bool:
        """Tell whether the entry is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    @property
    def cited(self) -> str:
        """Return the source as it stands beside a figure: with a warning where the numbers were not found in it."""
        return self.source if self.verified else self.source + _UNVERIFIED


Entry = TypeVar("Entry", bound=Dated)
File = TypeVar("File", bound=BaseModel)


def in_force(entries: Iterable[Entry], day: date) -> tuple[Entry, ...]:
    """Return the entries in force on a day, in the order of the file."""
    return tuple(entry for entry in entries if entry.holds(day))


def latest(entries: Iterable[Entry], day: date, table: str) -> Entry:
    """Return the entry in force on a day that began last. Raises PolicyError naming the table when there is none."""
    found = in_force(entries, day)
    if not found:
        raise PolicyError(
            zh=f"{day} 没有生效的规则 [[{table}]]。请在规则文件中补充 valid_from 不晚于该日的条目。",
            en=f"No rule [[{table}]] is in force on {day}. Add an entry to the policy file whose valid_from is not after it.",
        )
    return max(found, key=lambda entry: entry.valid_from)


def refuse_overlaps(entries: Sequence[tuple[str, Dated]]) -> None:
    """Raise ValueError when two entries of one key are in force on one day."""
    last: dict[str, Dated] = {}
    for key, entry in sorted(entries, key=lambda pair: pair[1].valid_from):
        before = last.get(key)
        if before is not None and before.holds(entry.valid_from):
            raise ValueError(
                f"two entries '{key}' are in force on {entry.valid_from}; give the older one a valid_to"
            )
        last[key] = entry


def read_dated(kind: type[File], path: Path) -> File:
    """Read a rule file as a kind of file. Raises PolicyError saying what to correct."""
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise PolicyError(
            zh=f"规则文件“{path}”无法使用：{error}。请按文件内的说明修正。",
            en=f"Policy file '{path}' cannot be used: {error}. Correct it as its comments say.",
        ) from error
