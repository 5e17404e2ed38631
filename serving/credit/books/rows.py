"""Rows of an uploaded book: columns found, cells parsed and held against the ranges of the features, faults kept by row."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.parsing import SURPLUS, is_blank, parsed
from features.tables.contract import Column, Text
from models.credit.coverage import LendingStage, Line
from serving.credit.score.schemas import PARTY_ID
from serving.credit.terms import FeatureText
from serving.errors import FieldProblem, InvalidRequestError
from serving.uploads.errors import UnreadableUploadError
from serving.uploads.reading import Piece, UploadedTable

__all__ = ["WORDS", "BookColumns", "BookRows", "book_columns", "parse_rows"]

WORDS: Final = ("party_id", "key", "line", "stage")
"""Columns beside the features."""

_LONGEST_KEY: Final = 200
_MOST_PROBLEMS: Final = 5
_SHOWN: Final = 20
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "line": frozenset(Line),
    "stage": frozenset(LendingStage),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BookColumns:
    """Which columns of a table are read, and what the values of the features may be; `ignored` were asked to be left aside."""

    words: tuple[str, ...]
    features: tuple[str, ...]
    places: NDArray[np.int64]
    all_features: tuple[str, ...]
    texts: Mapping[str, FeatureText]
    low: Floats
    high: Floats
    ignored: tuple[str, ...]
    surplus: bool

    @property
    def read(self) -> list[str]:
        """Return the names of the columns to read."""
        return [*self.words, *self.features, *((SURPLUS,) if self.surplus else ())]


@dataclass(frozen=True, eq=False)
class BookRows:
    """Parsed rows: inputs x (n, k) in the model's order, missing as NaN, words as text, and what is wrong by place (0…n-1)."""

    numbers: pl.Series
    words: pl.DataFrame
    x: Floats
    problems: dict[int, list[FieldProblem]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def fail(self, place: int, problem: FieldProblem) -> None:
        """Note what is wrong with a row; of a row with many faults the first few are told."""
        found = self.problems.setdefault(place, [])
        if len(found) < _MOST_PROBLEMS:
            found.append(problem)


def book_columns(
    table: UploadedTable,
    features: Sequence[str],
    texts: Mapping[str, FeatureText],
    *,
    ignore_unknown: bool = False,
) -> BookColumns:
    """Find the columns of a table.

    Raises InvalidRequestError naming columns that are neither of the model nor of a row's words, and those of types that
    hold no plain values, UnreadableUploadError where nothing can be scored.
    """
    known = set(features)
    unknown = [name for name in table.columns if name not in known and name not in (*WORDS, SURPLUS)]
    chosen = tuple(name for name in table.columns if name in known)
    if "party_id" not in table.columns and not chosen:
        raise UnreadableUploadError(
            "第一行中没有 party_id，也没有模型的特征。表头须在第一行，不要合并单元格；模板见 GET /v1/credit/scores/template。",
            "its first line names neither party_id nor a feature of the model. The header belongs in line 1, without merged "
            "cells; for a template ask GET /v1/credit/scores/template.",
        )
    _refuse_columns(table, unknown, features, ignore_unknown=ignore_unknown)
    positions = {name: place for place, name in enumerate(features)}
    of = [texts.get(name, FeatureText(name, name)) for name in features]
    return BookColumns(
        words=tuple(name for name in WORDS if name in table.columns),
        features=chosen,
        places=np.array([positions[name] for name in chosen], dtype=np.int64),
        all_features=tuple(features),
        texts=texts,
        low=np.array([text.lowest for text in of]),
        high=np.array([text.highest for text in of]),
        ignored=tuple(unknown),
        surplus=SURPLUS in table.columns,
    )


def _refuse_columns(
    table: UploadedTable, unknown: Sequence[str], features: Sequence[str], *, ignore_unknown: bool
) -> None:
    problems = [] if ignore_unknown else [_unknown(name, [*WORDS, *features]) for name in unknown]
    problems += [
        _nested(name, kind) for name, kind in table.unusable.items() if not ignore_unknown or name in features
    ]
    if problems:
        raise InvalidRequestError(problems[:_SHOWN])


def parse_rows(piece: Piece, columns: BookColumns) -> BookRows:
    """Parse a piece; no row is dropped: what cannot be used is noted."""
    words = piece.frame.with_columns(_word(piece.frame, name) for name in WORDS).select(WORDS)
    rows = BookRows(piece.numbers, words, np.full((piece.frame.height, len(columns.all_features)), np.nan))
    for name, place in zip(columns.features, columns.places.tolist(), strict=True):
        rows.x[:, place] = _numbers(rows, piece.frame[name])
    _check_ranges(rows, columns)
    _check_words(rows)
    if columns.surplus:
        for place in piece.frame[SURPLUS].is_not_null().arg_true().to_list():
            rows.fail(
                place,
                FieldProblem(
                    "row", "surplus_cells", "单元格比表头多，请检查分隔符与引号",
                    "has more cells than the header; check separators and quotes",
                ),
            )  # fmt: skip
    return rows


def _word(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return a column of words as text without spaces around, null where blank."""
    if name not in frame.columns:
        return pl.lit(None, pl.String).alias(name)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _numbers(rows: BookRows, cells: pl.Series) -> Floats:
    """Return a column as numbers, NaN where there is none; text that is no number and infinite values are noted."""
    text = cells.dtype == pl.String()
    if text:
        values = parsed(cells, Column(name=cells.name, dtype=pl.Float64(), label=Text("", "")))
        blank = cells.to_frame().select(is_blank(pl.col(cells.name))).to_series()
        for place in (values.is_null() & ~blank).arg_true().to_list():
            rows.fail(
                place,
                FieldProblem(
                    cells.name, "float_type", "须为数值，请去掉文字和单位", "must be a number, without words or units"
                ),
            )  # fmt: skip
    else:
        values = cells.cast(pl.Float64)
    # NaN is how pandas writes a missing number; as text nobody writes it for one.
    wrong = values.is_infinite() | values.is_nan() if text else values.is_infinite()
    for place in wrong.fill_null(value=False).arg_true().to_list():
        rows.fail(
            place,
            FieldProblem(
                cells.name, "finite_number", "须为有限的数（不得为 NaN 或无穷）",
                "must be a finite number (no NaN, no infinity)",
            ),
        )  # fmt: skip
    return np.asarray(values.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _check_ranges(rows: BookRows, columns: BookColumns) -> None:
    outside = np.isfinite(rows.x) & ((rows.x < columns.low) | (rows.x > columns.high))
    for place, at in np.argwhere(outside).tolist():
        name, value = columns.all_features[at], float(rows.x[place, at])
        text = columns.texts.get(name, FeatureText(name, name))
        allowed = f"[{text.lowest:g}, {text.highest:g}] {text.unit}".rstrip()
        rows.fail(
            place,
            FieldProblem(
                name, "out_of_range", f"{value:g} 超出取值范围 {allowed}，请核对数值与单位",
                f"{value:g} is outside {allowed}; check value and unit",
            ),
        )  # fmt: skip


def _check_words(rows: BookRows) -> None:
    party, line, stage = (pl.col(name) for name in ("party_id", "line", "stage"))
    given = pl.Series("given", (~np.isnan(rows.x)).any(axis=1))
    found = rows.words.with_columns(given).select(
        party_id=party.is_not_null() & ~party.str.contains(PARTY_ID),
        key=pl.col("key").str.len_chars().fill_null(0) > _LONGEST_KEY,
        line=line.is_not_null() & ~line.is_in(list(_CHOICES["line"])),
        stage=stage.is_not_null() & ~stage.is_in(list(_CHOICES["stage"])),
        line_and_stage=line.is_null() != stage.is_null(),
        one_of_two=party.is_not_null() & pl.col("given"),
    )
    for name, problem in _WRONG_WORDS.items():
        for place in found[name].fill_null(value=False).arg_true().to_list():
            rows.fail(place, problem)


_WRONG_WORDS: Final = {
    "party_id": FieldProblem(
        "party_id", "string_pattern_mismatch", "格式不符（字母、数字、- 和 _，最长 64）",
        "must be letters, digits, - and _, at most 64",
    ),
    "key": FieldProblem("key", "string_too_long", f"超过 {_LONGEST_KEY} 字", f"is longer than {_LONGEST_KEY} characters"),
    "line": FieldProblem("line", "enum", f"须为 {'、'.join(sorted(_CHOICES['line']))} 之一",
                         f"must be one of {', '.join(sorted(_CHOICES['line']))}"),
    "stage": FieldProblem("stage", "enum", f"须为 {'、'.join(sorted(_CHOICES['stage']))} 之一",
                          f"must be one of {', '.join(sorted(_CHOICES['stage']))}"),
    "line_and_stage": FieldProblem("line", "line_and_stage", "line 与 stage 须同时给出或都不给",
                                   "give line and stage together, or none of them"),
    "one_of_two": FieldProblem("party_id", "one_of_two", "party_id 与特征须只给出一种；自己的编号请放在 key 列",
                               "give either party_id or features; put an id of your own in the column key"),
}  # fmt: skip


def _unknown(name: str, known: Sequence[str]) -> FieldProblem:
    near = difflib.get_close_matches(name, known, n=1)
    zh = f"；是否为 {near[0]}？" if near else ""
    en = f"; is it {near[0]}?" if near else ""
    return FieldProblem(
        f"columns.{name[:64]}",
        "unknown_feature",
        f"模型没有这一列，请删去或改正列名{zh}（ignore_unknown=true 可忽略多余的列）",
        f"the model has no such column; remove it or correct its name{en} (ignore_unknown=true leaves such columns aside)",
    )


def _nested(name: str, kind: str) -> FieldProblem:
    return FieldProblem(
        f"columns.{name[:64]}",
        "column_type",
        f"类型 {kind[:40]} 不能使用，须为数值或文本",
        f"has the type {kind[:40]}; it must hold numbers or text",
    )
