"""Marks on the rows of a table that only a look at other rows gives: keys, references, looked-up values."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from features.general_rules import CONFLICT_MARK, REPEATED_MARK, dangling_mark
from features.intake import ROW, Intake, TableWarning
from features.tables.contract import Column, Text

__all__ = ["FAILED_MARK", "with_key_marks", "with_lookups", "with_references"]

FAILED_MARK: Final = "row.failed"  # in a referenced table: the row is there, but failed its own contract


def with_key_marks(intake: Intake) -> Intake:
    """Mark rows whose key occurs before: with other content all of them, with the same content all but the first."""
    key = intake.contract.key
    whole = intake.values.drop_nulls(list(key))
    twice = whole.filter(pl.struct(key).is_duplicated() if len(key) > 1 else pl.col(key[0]).is_duplicated())
    if twice.is_empty():
        return intake
    # the marks belong to the content: a cell that could not be read is not the same as an empty one
    content = pl.struct(pl.exclude(ROW))
    judged = twice.select(
        ROW,
        conflict=content.n_unique().over(key) > 1,
        later=~content.is_first_distinct(),
    )
    conflicts = judged.filter("conflict")[ROW]
    repeated = judged.filter(~pl.col("conflict") & pl.col("later"))[ROW]
    return _with_marks(
        intake,
        {
            CONFLICT_MARK: pl.col(ROW).is_in(conflicts.implode()),
            REPEATED_MARK: pl.col(ROW).is_in(repeated.implode()),
        },
    )


def with_references(
    intake: Intake, references: Mapping[str, pl.DataFrame | pl.LazyFrame]
) -> tuple[Intake, tuple[TableWarning, ...]]:
    """Mark values that do not occur where their column refers to; warn of references not checked and to failed rows."""
    marks, warnings = {}, []
    for column in intake.contract.columns:
        target = column.references
        if target is None:
            continue
        known = references[target.table].lazy() if target.table in references else None
        if known is not None:
            warnings.extend(_to_failed_rows(intake, column, known))
        elif target.table != intake.contract.name:
            warnings.append(_not_checked(intake, column, target.table))
            continue
        own = [intake.values.lazy()] if target.table == intake.contract.name else []
        frames = [frame.select(target.column) for frame in (*own, known) if frame is not None]
        ids = pl.concat(frames).unique().collect().to_series()
        marks[dangling_mark(column.name)] = ~pl.col(column.name).is_in(ids.drop_nulls().implode())
    return _with_marks(intake, marks), tuple(warnings)


def _not_checked(intake: Intake, column: Column, table: str) -> TableWarning:
    """Warn that a reference could not be checked because its table is not there."""
    text = Text(
        f"没有表 {table}，未检查列 {column.name} 的引用",
        f"table {table} is not there; references of column {column.name} were not checked",
    )
    return TableWarning(intake.contract.name, "reference_not_checked", column.name, text)


def _to_failed_rows(intake: Intake, column: Column, known: pl.LazyFrame) -> list[TableWarning]:
    """Warn of rows that refer to something of which no good row is left."""
    if column.references is None or FAILED_MARK not in known.collect_schema():
        return []
    target = pl.col(column.references.column)
    lost = known.group_by(target).agg(pl.col(FAILED_MARK).all()).filter(FAILED_MARK).select(target).collect()
    count = intake.values.select(pl.col(column.name).is_in(lost.to_series().implode()).sum()).item()
    if not count:
        return []
    text = Text(
        f"{count} 行的列 {column.name} 指向表 {column.references.table} 中未通过检查的行",
        f"{count} row(s) refer by column {column.name} to rows of {column.references.table} that failed",
    )
    return [TableWarning(intake.contract.name, "refers_to_failed", column.name, text)]


def with_lookups(intake: Intake, references: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> Intake:
    """Add the looked-up columns of referenced tables; null where the table or the row is absent."""
    values = intake.values
    for lookup in intake.contract.lookups:
        target = intake.contract.column(lookup.column).references
        names = {name: f"{lookup.column}.{name}" for name in lookup.values}
        if target is None or target.table not in references:
            values = values.with_columns(pl.lit(None).alias(name) for name in names.values())
            continue
        table = references[target.table].lazy().select(target.column, *lookup.values)
        first = table.unique(target.column, keep="first", maintain_order=True).rename(names).collect()
        values = values.join(
            first, left_on=lookup.column, right_on=target.column, how="left", maintain_order="left"
        )
    return replace(intake, values=values)


def _with_marks(intake: Intake, marks: Mapping[str, pl.Expr]) -> Intake:
    """Add marks to the values, those only that occur."""
    found = intake.values.select(**marks) if marks else pl.DataFrame()
    kept = [mark for mark in found.get_columns() if mark.any()]
    names = intake.marks | {mark.name for mark in kept}
    return replace(intake, values=intake.values.with_columns(kept), marks=names)
