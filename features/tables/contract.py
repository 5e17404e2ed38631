"""What a contract is made of: columns, keys, references, rules with texts and remedies, data class."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

import polars as pl

__all__ = [
    "NO_CHOICES",
    "Column",
    "Contract",
    "DataClass",
    "Domain",
    "Level",
    "Lookup",
    "Reference",
    "Rule",
    "Text",
]


class Text(NamedTuple):
    """One text in Chinese and in English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the text in the language asked for ("zh…" is Chinese, anything else English)."""
        return self.zh if language.lower().startswith("zh") else self.en


class Domain(StrEnum):
    """The five domains of industrial data (research, production, operation, management, external)."""

    RESEARCH = "研发"
    PRODUCTION = "生产"
    OPERATION = "运维"
    MANAGEMENT = "管理"
    EXTERNAL = "外部"


class Level(StrEnum):
    """How much harm a leak or a loss would do: high, medium, low."""

    HIGH = "高"
    MEDIUM = "中"
    LOW = "低"


class DataClass(NamedTuple):
    """Domain and level of a table or of one of its columns."""

    domain: Domain
    level: Level

    @property
    def text(self) -> Text:
        """Return the class as it is printed."""
        return Text(f"{self.domain}／{self.level}", f"{self.domain.name.lower()}/{self.level.name.lower()}")


class Reference(NamedTuple):
    """The table and column that a value must occur in."""

    table: str
    column: str


class Lookup(NamedTuple):
    """Columns of a referenced table that rules need; they are named `<column>.<looked up column>`."""

    column: str
    values: tuple[str, ...]


NO_CHOICES: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: its type, its limits and what a user should know of it.

    `minimum` and `maximum` belong to the range, `above` does not; `choices` maps each code to its Chinese label, and
    where `others_allowed` they are what is usual, not all there is. `data_class` is that of the table unless the column
    is more, or less, sensitive. A column that `may_be_absent` was added later, or concerns few: a table without it is
    read as if it were empty.
    """

    name: str
    dtype: pl.DataType
    label: Text
    unit: Text | None = None
    nullable: bool = False
    may_be_absent: bool = False
    minimum: float | date | None = None
    above: float | None = None
    maximum: float | date | None = None
    choices: Mapping[str, str] = field(default_factory=dict, hash=False)
    others_allowed: bool = False
    references: Reference | None = None
    data_class: DataClass | None = None
    personal: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """What must hold in every row: `broken` is true where it does not, null counts as kept.

    `columns` are those whose values are shown beside the failure, the one to correct first.
    """

    name: str
    columns: tuple[str, ...]
    broken: pl.Expr
    text: Text
    remedy: Text


@dataclass(frozen=True, kw_only=True, eq=False)
class Contract:
    """The declared contract of one table.

    One that `may_be_absent` was added later, or concerns few: a group without it is whole.
    """

    name: str
    label: Text
    description: Text
    data_class: DataClass
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    may_be_empty: bool = False
    may_be_absent: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of the columns in the declared order."""
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Return the Polars schema of a good frame."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def referenced_tables(self) -> tuple[str, ...]:
        """Return the names of the tables that this one refers to, itself included where it does."""
        tables = (column.references.table for column in self.columns if column.references)
        return tuple(dict.fromkeys(tables))

    def column(self, name: str) -> Column:
        """Return one column by name; KeyError when the contract has none of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def class_of(self, column: Column) -> DataClass:
        """Return the data class of a column: its own, high when personal, else that of the table."""
        if column.data_class:
            return column.data_class
        return DataClass(self.data_class.domain, Level.HIGH) if column.personal else self.data_class
