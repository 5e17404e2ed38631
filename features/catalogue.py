"""What a feature is, and the catalogue of features that is read from the code."""

import inspect
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import polars as pl

from features.contracts import CONTRACTS, DataClass, Level
from features.errors import FeatureDefinitionError

__all__ = [
    "DOMAINS",
    "Change",
    "Dimension",
    "Feature",
    "Unit",
    "catalogue",
    "catalogue_markdown",
    "collect",
    "feature",
    "payload_schema",
]

DOMAINS: Final = ("credit",)
"""The model families that have features; each has a module `features.<domain>.build` with a tuple `PUBLISHED`."""

_ROOT: Final = Path(__file__).resolve().parent.parent
_LEVELS: Final = (Level.LOW, Level.MEDIUM, Level.HIGH)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


class Dimension(StrEnum):
    """The side of a party that a feature looks at; reasons are grouped by it."""

    PROFILE = "profile"
    INDUSTRY = "industry"
    FINANCE = "finance"
    BEHAVIOUR = "behaviour"
    LAW = "law"
    RELATIONS = "relations"
    SUPPLY = "supply"

    @property
    def zh(self) -> str:
        """Return the name a Chinese reader sees."""
        return _DIMENSIONS_ZH[self]


_DIMENSIONS_ZH: Final = {
    Dimension.PROFILE: "主体概况",
    Dimension.INDUSTRY: "行业",
    Dimension.FINANCE: "财务",
    Dimension.BEHAVIOUR: "履约行为",
    Dimension.LAW: "司法与监管",
    Dimension.RELATIONS: "关联关系",
    Dimension.SUPPLY: "供应链",
}


class Unit(StrEnum):
    """The unit of a feature's values."""

    RATIO = "ratio"
    CNY = "CNY"
    LOG_CNY = "ln CNY"
    LOG_COUNT = "ln count"
    COUNT = "count"
    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"
    FLAG = "flag"
    CODE = "code"
    RANK = "rank"


@dataclass(frozen=True)
class Change:
    """That a party can move a feature itself within a year, and which way is the sound one: +1 up, -1 down.

    `linked` are features that move along because they are made from the same things; a link holds in both ways.
    """

    direction: int
    linked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feature:
    """A feature: how it is computed from its family's view, and all that is said of it.

    `monotone` is +1 where more of it can only raise the probability of default, all else equal, -1 where it can only lower
    it, None where the field does not know: a margin at a given return on assets says nothing certain. Values outside
    `low`..`high` are set to the nearer end; null means unknown. `changeable` is None where the party cannot move it: its
    age, its industry, what happened in the past, what others do.
    """

    name: str
    zh: str
    en: str
    unit: Unit
    dimension: Dimension
    family: str
    sources: tuple[str, ...]
    monotone: int | None
    low: float
    high: float
    file: str
    line: int
    expression: Callable[[], pl.Expr]
    changeable: Change | None = None

    def column(self) -> pl.Expr:
        """Return the feature over its family's view: Float64 within its range, null instead of NaN and infinity."""
        value = self.expression().cast(pl.Float64)
        return pl.when(value.is_finite()).then(value.clip(self.low, self.high)).alias(self.name)

    @property
    def data_class(self) -> DataClass:
        """Return the class of the most sensitive table it is made from."""
        classes = [CONTRACTS[source].data_class for source in self.sources]
        return max(classes, key=lambda of_table: _LEVELS.index(of_table.level))

    def card(self) -> dict[str, str | float | list[str] | None]:
        """Return everything the catalogue says of the feature, as JSON types."""
        return {
            "name": self.name,
            "zh": self.zh,
            "en": self.en,
            "unit": self.unit.value,
            "dimension": self.dimension.value,
            "family": self.family,
            "sources": list(self.sources),
            "data_class": self.data_class.text.zh,
            "monotone": self.monotone,
            "min": _finite(self.low),
            "max": _finite(self.high),
            "changeable": None if self.changeable is None else self.changeable.direction,
            "linked": [] if self.changeable is None else list(self.changeable.linked),
            "file": self.file,
            "line": self.line,
        }


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def feature(
    *,
    unit: Unit,
    dimension: Dimension,
    sources: tuple[str, ...],
    monotone: int | None = None,
    low: float = -math.inf,
    high: float = math.inf,
    changeable: Change | None = None,
) -> Callable[[Callable[[], pl.Expr]], Feature]:
    """Make a feature of a function without arguments that returns an expression over its family's view.

    The docstring is the text a risk officer reads: a paragraph in Chinese, an empty line, the same in English.
    Raises FeatureDefinitionError when a language is missing or a declaration makes no sense.
    """

    def define(expression: Callable[[], pl.Expr]) -> Feature:
        name = expression.__name__
        zh, en = _texts(name, inspect.getdoc(expression) or "")
        if monotone not in (None, -1, 1):
            raise FeatureDefinitionError(name, f"monotone is {monotone}, must be -1, 1 or None")
        if changeable is not None and changeable.direction not in (-1, 1):
            raise FeatureDefinitionError(name, f"changeable is {changeable.direction}, must be -1 or 1")
        if low >= high:
            raise FeatureDefinitionError(name, f"range {low}..{high} is empty")
        if not sources:
            raise FeatureDefinitionError(name, "names no source table")
        file = Path(inspect.getfile(expression)).resolve()
        return Feature(
            name=name,
            zh=zh,
            en=en,
            unit=unit,
            dimension=dimension,
            family=expression.__module__.rpartition(".")[2],
            sources=sources,
            monotone=monotone,
            low=low,
            high=high,
            file=file.relative_to(_ROOT).as_posix() if file.is_relative_to(_ROOT) else file.name,
            line=inspect.unwrap(expression).__code__.co_firstlineno,
            expression=expression,
            changeable=changeable,
        )

    return define


def _texts(name: str, docstring: str) -> tuple[str, str]:
    paragraphs = [" ".join(part.split()) for part in docstring.split("\n\n") if part.strip()]
    if len(paragraphs) != 2 or not _CHINESE.search(paragraphs[0]) or _CHINESE.search(paragraphs[1]):  # noqa: PLR2004
        raise FeatureDefinitionError(name, "docstring must be one Chinese paragraph, then one in English")
    return paragraphs[0], paragraphs[1]


def collect(modules: Iterable[ModuleType]) -> tuple[Feature, ...]:
    """Return the features that the modules define, in the order of modules and lines.

    Raises FeatureDefinitionError when two have the same name.
    """
    found: dict[str, Feature] = {}
    for module in modules:
        own = [item for item in vars(module).values() if isinstance(item, Feature)]
        for item in sorted(own, key=lambda item: item.line):
            if item.name in found:
                raise FeatureDefinitionError(
                    item.name, f"is defined in {found[item.name].file} and {item.file}"
                )
            found[item.name] = item
    return tuple(found.values())


def catalogue(domain: str = "credit") -> tuple[Feature, ...]:
    """Return every feature of a model family, those computed from tables and graph first."""
    features: tuple[Feature, ...] = import_module(f"features.{domain}.build").PUBLISHED
    return features


def payload_schema(features: Iterable[Feature]) -> dict[str, object]:
    """Return the JSON schema of an object that gives feature values by name (absent or null: unknown)."""
    properties = {}
    for item in features:
        limits = {"minimum": _finite(item.low), "maximum": _finite(item.high)}
        properties[item.name] = {
            "type": ["number", "null"],
            **{key: value for key, value in limits.items() if value is not None},
            "description": f"{item.zh} {item.en}",
            "x-unit": item.unit.value,
        }
    return {"type": "object", "properties": properties, "additionalProperties": False}


_PAGE: Final = """# 特征目录 · Catalogue of features

<!-- generated by `zhiheng docs` from features/; do not edit by hand -->

每个特征是一个函数，其说明文字就是评分理由里给风险经理看的文字。所有特征都只用观察日及以前已知的数据；空值表示未知；超出范围的值取
范围的端点。“方向”＋表示只会提高违约概率，－表示只会降低，空表示不作约束；“可改变”箭头表示主体自身一年内可以朝哪个稳健的
方向改变。`zhiheng features catalogue --format json` 给出同样的内容。

Each feature is a function, and its text is what a risk officer reads in the reasons of a score. All of them use only what was
known on or before the day of observation; empty means unknown; values outside the range are set to its nearer end. Direction
+ can only raise the probability of default, − only lower it, empty leaves it free. An arrow under changeable says that the party
can move the feature itself within a year, and which way is the sound one.
"""


def catalogue_markdown() -> str:
    """Return the page docs/features.md: every feature of every model family, by dimension."""
    parts = [_PAGE]
    for domain in DOMAINS:
        features = catalogue(domain)
        parts.append(f"## {domain}：{len(features)} 个特征 features\n")
        for dimension in Dimension:
            chosen = [item for item in features if item.dimension is dimension]
            if chosen:
                parts.append(_section(dimension, chosen))
    return "\n".join(parts)


def _section(dimension: Dimension, features: list[Feature]) -> str:
    head = (
        f"### {dimension.zh} · {dimension.value}\n\n"
        "| 特征 feature | 说明 text | 单位 unit | 方向 | 可改变 changeable | 范围 range | 来源 source | 分级 class | 代码 code |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(f"| {' | '.join(_cells(item))} |\n" for item in features)


def _cells(item: Feature) -> tuple[str, ...]:
    sign = {None: "", 1: "+", -1: "−"}[item.monotone]
    way = "" if item.changeable is None else {1: "↑", -1: "↓"}[item.changeable.direction]
    texts = f"{item.zh}<br>{item.en}"
    limits = f"{item.low:g} … {item.high:g}"
    return (
        f"`{item.name}`",
        texts,
        item.unit,
        sign,
        way,
        limits,
        ", ".join(item.sources),
        item.data_class.text.zh,
        item.file,
    )
