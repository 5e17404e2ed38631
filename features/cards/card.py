"""The card: which tables there are, what they mean, and how the model is to be judged."""

import tomllib
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from features.cards.errors import CardError, LeakRefusedError

__all__ = [
    "Card",
    "EdgeTable",
    "EventTable",
    "Folds",
    "GroupTable",
    "LabelRate",
    "MainTable",
    "Protocol",
    "Repeated",
    "Scalar",
    "Validation",
    "Where",
    "load_card",
]

Scalar = str | int | float | bool | date
Where = dict[str, Scalar | list[Scalar]]

# What the main table's own features are named by; another table of that name would be taken for it.
_OWN_TITLES: Final = frozenset({"main", "earlier"})
_ZH: Final = {
    "missing": "缺少此键",
    "extra_forbidden": "没有此键",
    "string_type": "应为文字",
    "list_type": "应为列表",
    "tuple_type": "应为列表",
    "int_type": "应为整数",
    "bool_type": "应为 true 或 false",
    "dict_type": "应为表",
}


class LabelRate(StrEnum):
    """How the default rate among a party's neighbours may be taken without seeing its own future."""

    OUT_OF_FOLD = "out_of_fold"
    AS_OF = "as_of"


class Repeated(StrEnum):
    """What to do with an id that stands on both sides of the validation."""

    DROP_LATER = "drop_later"
    DIVIDE = "divide"
    KEEP = "keep"


class Protocol(StrEnum):
    """The three ways a card may judge a model."""

    SPLIT = "split"
    TIME = "time"
    FOLDS = "folds"


def _refuse_other_rates(value: object) -> object:
    if value in (None, *LabelRate):
        return value
    raise LeakRefusedError(
        zh=f"neighbour_label_rate = {value!r} 会把标签泄漏给模型，已拒绝。只允许 “out_of_fold”（折外）或 “as_of”（截至当日）。",
        en=f"neighbour_label_rate = {value!r} would leak the label and is refused. "
        'Only "out_of_fold" or "as_of" is allowed.',
    )


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="Parquet, CSV or xlsx, relative to the card")
    where: Where = Field(default={}, description="keep rows whose column has this value (or one of a list)")
    partition: str | None = Field(
        default=None, description="column that separates worlds which may not see each other"
    )


class MainTable(_Table):
    """The table with one row per decision: who, and what came of it."""

    id: str | None = Field(default=None, description="party of the row; the row number when left out")
    label: str | None = Field(default=None, description="outcome; may be left out in a card that only scores")
    positive: Scalar | list[Scalar] | None = Field(
        default=None, description="value of the label that means default (or a list)"
    )
    negative: Scalar | list[Scalar] | None = Field(
        default=None, description="values that mean no default, where there are several"
    )
    time: str | None = Field(default=None, description="date of the decision: nothing later may be read")
    time_format: str | None = Field(default=None, description="strptime format when the date is text")
    key: tuple[str, ...] = Field(
        default=(), description="columns that make a row unique; default id (and time)"
    )
    drop: tuple[str, ...] = Field(default=(), description="columns that are no features")
    categorical: tuple[str, ...] = Field(default=(), description="numbers that are codes; text is always one")


class _NamedTable(_Table):
    name: str | None = Field(
        default=None, description="prefix of the features; the file's stem when left out"
    )

    @property
    def title(self) -> str:
        """Return the prefix of this table's features."""
        return self.name or self.path.stem


class EventTable(_NamedTable):
    """Many rows per id, each one thing that happened."""

    id: str
    categories: tuple[str, ...] | None = Field(default=None, description="found by type when left out")
    numeric: tuple[str, ...] | None = Field(default=None, description="found by type when left out")
    drop: tuple[str, ...] = ()
    crosses: tuple[tuple[str, str], ...] = Field(
        default=(), description="pairs of categories counted together"
    )
    time: str | None = Field(default=None, description="when it became known")
    time_format: str | None = None


class EdgeTable(_NamedTable):
    """Who is tied to whom."""

    source: str
    target: str
    kind: str | None = None
    weight: str | None = None
    time: str | None = Field(default=None, description="when it became known")
    time_format: str | None = None
    until: str | None = Field(default=None, description="when it ended")
    drop_kinds: tuple[str | int, ...] = ()
    neighbours: bool = Field(default=True, description="aggregate what the neighbours' own rows say")
    hops: Literal[1, 2] = 2


class GroupTable(_NamedTable):
    """Which groups an id belongs to."""

    id: str
    group: str
    kind: str | None = None
    members: bool = Field(default=False, description="aggregate what the other members' rows say")
    names: bool = Field(default=False, description="let the model know which (large) group it is")


class Folds(BaseModel):
    """Stratified folds; rows of one id stay together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int = Field(default=10, ge=2, le=50)
    seed: int = 42


class Validation(BaseModel):
    """How the model is judged: exactly one of split, cut, later and folds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str | None = Field(default=None, description="column that says train or valid")
    train: Scalar = "train"
    valid: Scalar = "valid"
    cut: date | None = Field(default=None, description="rows of this date and later validate")
    later: float | None = Field(default=None, gt=0, lt=1, description="latest share of rows that validates")
    years: int | None = Field(
        default=None,
        ge=0,
        description="with cut or later: learn from rows up to so many years before it; 0: from all; "
        "left out: five where enough rows remain",
    )
    folds: Folds | None = None
    repeated: Repeated | None = None
    recalibrate: bool = Field(
        default=True,
        description="after judging, move the calibration to the judged (latest) rows; not with folds",
    )

    @model_validator(mode="after")
    def _one_protocol(self) -> Self:
        named = [n for n in ("split", "cut", "later", "folds") if getattr(self, n) is not None]
        if len(named) != 1:
            raise ValueError(
                f"需要且只能写 split、cut、later、folds 之一 / "
                f"name exactly one of split, cut, later, folds (found: {', '.join(named) or 'none'})"
            )
        if self.years is not None and self.cut is None and self.later is None:
            raise ValueError("years 只与 cut 或 later 同用 / years goes with cut or later only")
        return self

    @property
    def protocol(self) -> Protocol:
        """Return which protocol the keys amount to."""
        if self.split is not None:
            return Protocol.SPLIT
        return Protocol.FOLDS if self.folds is not None else Protocol.TIME


class Leaks(BaseModel):
    """What to do with columns that seem to give the label away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_suspect: tuple[str, ...] = Field(default=(), description="columns kept although suspected")


class Card(BaseModel):
    """One data set: main table, event, edge and group tables, validation, leak policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    main: MainTable
    events: tuple[EventTable, ...] = ()
    edges: tuple[EdgeTable, ...] = ()
    groups: tuple[GroupTable, ...] = ()
    validation: Validation | None = None
    leaks: Leaks = Leaks()
    model: dict[str, int | float | bool | str] = Field(default={}, description="settings of the booster")
    neighbour_label_rate: Annotated[LabelRate | None, BeforeValidator(_refuse_other_rates)] = None
    label_known: str | None = Field(
        default=None, description="main column: date the label became known, for as_of rates"
    )
    folder: Path = Field(default=Path(), exclude=True, description="where the card lies; set by load_card")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        titles = [t.title for t in (*self.events, *self.edges, *self.groups)]
        twice = sorted({t for t in titles if titles.count(t) > 1})
        if twice:
            raise ValueError(f"表名重复，请写 name / table names repeat, set name: {', '.join(twice)}")
        taken = sorted({*titles} & _OWN_TITLES)
        if taken:
            raise ValueError(
                f"表名 {', '.join(taken)} 已被占用，请另写 name / table name taken, set another name: {', '.join(taken)}"
            )
        needs_time = self.validation is not None and self.validation.protocol is Protocol.TIME
        if needs_time and self.main.time is None:
            raise ValueError("cut 或 later 需要 main.time / cut and later need main.time")
        if self.neighbour_label_rate is LabelRate.AS_OF and not (self.main.time and self.label_known):
            raise ValueError("as_of 需要 main.time 与 label_known / as_of needs main.time and label_known")
        if self.neighbour_label_rate is not None and self.main.id is None:
            raise ValueError("neighbour_label_rate 需要 main.id / neighbour_label_rate needs main.id")
        if (self.events or self.edges or self.groups) and self.main.id is None:
            raise ValueError("有其他表时需要 main.id / main.id is needed beside other tables")
        if self.main.negative is not None and self.main.positive is None:
            raise ValueError("negative 需要 positive / negative needs positive")
        return self

    def reserved(self) -> frozenset[str]:
        """Return the columns of the main table that are no features, as they have another meaning or are left out."""
        split = self.validation.split if self.validation else None
        main = self.main
        named = (main.id, main.label, main.time, main.partition, self.label_known, split)
        return frozenset({*(c for c in named if c), *main.drop, *main.where})

    def at(self, path: Path) -> Path:
        """Return where a table of the card lies."""
        return path if path.is_absolute() else self.folder / path


def load_card(path: Path) -> Card:
    """Read a card from TOML; paths in it are relative to the card.

    Raises CardError naming every wrong key, LeakRefusedError for neighbour label rates that would leak.
    """
    if not path.is_file():
        raise CardError(str(path), ["文件不存在"], ["there is no such file"])
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(str(path), [f"不是有效的 TOML（{error}）"], [f"not valid TOML ({error})"]) from error
    try:
        card = Card.model_validate(content)
    except ValidationError as error:
        zh, en = [], []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"]) or "card"
            zh.append(f"{key}：{_ZH.get(item['type'], item['msg'])}")
            en.append(f"{key}: {item['msg']}")
        raise CardError(str(path), zh, en) from error
    return card.model_copy(update={"folder": path.parent})
