"""The check of one table against its contract: good rows, failed rows with every rule they broke."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from features.errors import EmptyTableError
from features.general_rules import (
    CONFLICT_MARK,
    REPEATED_MARK,
    dangling_mark,
    general_rules,
    infinite_mark,
    structural_rules,
    unreadable_mark,
)
from features.intake import ROW, Intake, TableWarning, take_in
from features.parsing import SURPLUS
from features.tables.contract import Contract, Rule, Text

__all__ = ["FAILED_SCHEMA", "MASK", "Checked", "check_frame"]

MASK: Final = "***"
FAILED_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "table": pl.String(),
    "row": pl.UInt32(),
    "key": pl.String(),
    "column": pl.String(),
    "rule": pl.String(),
    "value": pl.String(),
    "message_zh": pl.String(),
    "message_en": pl.String(),
    "remedy_zh": pl.String(),
    "remedy_en": pl.String(),
}
_LONGEST_VALUE: Final = 200  # characters shown of a cell


@dataclass(frozen=True, eq=False)
class Checked:
    """A table split by its contract.

    `good` has the contract's columns and types. `failed` has one line for each rule that a row broke
    (FAILED_SCHEMA), personal values masked. `rows` holds the failed rows whole, as they came, with their row
    number and the rules they broke: good and `rows` together are the table.
    """

    table: str
    good: pl.DataFrame
    failed: pl.DataFrame
    rows: pl.DataFrame
    warnings: tuple[TableWarning, ...]
    failed_keys: pl.DataFrame

    @property
    def passed(self) -> bool:
        """Tell whether no row failed."""
        return self.rows.is_empty()

    def as_reference(self) -> pl.DataFrame:
        """Return what other tables may refer to: good rows whole, of failed rows the key alone.

        A row that refers to a failed one is itself sound: the fault is reported once, where it lies.
        """
        return pl.concat([self.good, self.failed_keys], how="diagonal")


def check_frame(
    contract: Contract,
    frame: pl.DataFrame | pl.LazyFrame,
    references: Mapping[str, pl.DataFrame | pl.LazyFrame],
    *,
    sheet: bool,
) -> Checked:
    """Check a frame against a contract; see `features.contracts.check_table`."""
    intake = take_in(contract, frame, sheet=sheet)
    if intake.values.is_empty() and not contract.may_be_empty:
        raise EmptyTableError(contract.name)
    marked = _with_lookups(_with_references(_with_key_marks(intake), references), references)
    rules = list(_applicable(marked))
    broken = _broken(marked, rules)
    failing = broken.select(pl.any_horizontal(pl.all())).to_series() if rules else _none(intake.values.height)
    values = intake.values.select(contract.column_names)
    warnings = intake.warnings + _missing_references(contract, references) + _poor_columns(contract, values)
    return Checked(
        table=contract.name,
        good=values.filter(~failing),
        failed=_report(marked, rules, broken),
        rows=_failed_rows(intake, rules, broken, failing),
        warnings=warnings,
        failed_keys=values.filter(failing).select(contract.key),
    )


def _none(height: int) -> pl.Series:
    """Return a mask in which nothing is marked."""
    return pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True)


def _with_key_marks(intake: Intake) -> Intake:
    """Mark rows whose key occurs before: with other content all of them, with the same content all but the first."""
    key = intake.contract.key
    whole = intake.values.drop_nulls(list(key))
    twice = whole.filter(pl.struct(key).is_duplicated() if len(key) > 1 else pl.col(key[0]).is_duplicated())
    if twice.is_empty():
        return intake
    content = pl.struct(intake.contract.column_names)
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


def _with_references(intake: Intake, references: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> Intake:
    """Mark values that do not occur where their column refers to."""
    marks = {}
    for column in intake.contract.columns:
        target = column.references
        if target is None:
            continue
        if target.table == intake.contract.name:
            ids = intake.values[target.column].unique()
        elif target.table in references:
            ids = references[target.table].lazy().select(pl.col(target.column).unique()).collect().to_series()
        else:
            continue
        value = pl.col(column.name)
        marks[dangling_mark(column.name)] = value.is_not_null() & ~value.is_in(ids.drop_nulls().implode())
    return _with_marks(intake, marks)


def _with_marks(intake: Intake, marks: Mapping[str, pl.Expr]) -> Intake:
    """Add marks to the values, those only that occur."""
    found = intake.values.select(**marks) if marks else pl.DataFrame()
    kept = [mark for mark in found.get_columns() if mark.any()]
    names = intake.marks | {mark.name for mark in kept}
    return replace(intake, values=intake.values.with_columns(kept), marks=names)


def _with_lookups(intake: Intake, references: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> Intake:
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


def _applicable(intake: Intake) -> Iterator[Rule]:
    """Yield the rules that rows of this frame can break: a mark that does not occur cannot."""
    for rule in structural_rules(intake.contract):
        if rule.broken.meta.root_names()[0] in intake.marks:
            yield rule
    for column in intake.contract.columns:
        for rule in general_rules(column):
            if rule.name != "finite" or infinite_mark(column.name) in intake.marks:
                yield rule
    yield from intake.contract.rules


def _broken(intake: Intake, rules: list[Rule]) -> pl.DataFrame:
    """Return one Boolean column per rule, named by its position; a cell that has no value breaks no other rule."""
    masks = {}
    for position, rule in enumerate(rules):
        broken = rule.broken.fill_null(value=False)
        if rule.name not in ("readable", "finite"):
            for column in rule.columns:
                for mark in (unreadable_mark(column), infinite_mark(column)):
                    broken = broken & ~pl.col(mark) if mark in intake.marks else broken
        masks[str(position)] = broken
    return intake.values.lazy().select(**masks).collect()


def _report(intake: Intake, rules: list[Rule], broken: pl.DataFrame) -> pl.DataFrame:
    """Return one line for each rule that a row broke, ordered by row."""
    parts = [
        _lines(intake, rule, broken[str(position)])
        for position, rule in enumerate(rules)
        if broken[str(position)].any()
    ]
    return pl.concat(parts).sort(ROW, maintain_order=True) if parts else pl.DataFrame(schema=FAILED_SCHEMA)


def _lines(intake: Intake, rule: Rule, mask: pl.Series) -> pl.DataFrame:
    """Return the lines of one rule."""
    contract = intake.contract
    lookups = [name for name in rule.columns if "." in name]
    cells = intake.original.filter(mask).hstack(intake.values.filter(mask).select(lookups))
    key = pl.concat_str([_shown(contract, name) for name in contract.key], separator=" | ")
    return cells.select(
        table=pl.lit(contract.name),
        row=pl.col(ROW),
        key=key,
        column=pl.lit(rule.columns[0] if rule.columns else ""),
        rule=pl.lit(rule.name),
        value=_shown_values(contract, rule),
        message_zh=pl.lit(rule.text.zh),
        message_en=pl.lit(rule.text.en),
        remedy_zh=pl.lit(rule.remedy.zh),
        remedy_en=pl.lit(rule.remedy.en),
    )


def _shown_values(contract: Contract, rule: Rule) -> pl.Expr:
    """Return the values a rule looked at: one value plain, several with their names."""
    if not rule.columns:
        return pl.col(SURPLUS)
    if len(rule.columns) == 1:
        return _shown(contract, rule.columns[0])
    named = [pl.concat_str(pl.lit(f"{name}="), _shown(contract, name)) for name in rule.columns]
    return pl.concat_str(named, separator="; ")


def _shown(contract: Contract, name: str) -> pl.Expr:
    """Return a value as text of bounded length, masked where it is personal."""
    if "." not in name and contract.column(name).personal:
        return pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).otherwise(pl.lit(""))
    return pl.col(name).cast(pl.String).fill_null("").str.slice(0, _LONGEST_VALUE)


def _failed_rows(intake: Intake, rules: list[Rule], broken: pl.DataFrame, failing: pl.Series) -> pl.DataFrame:
    """Return the failed rows whole, with the names of the rules each broke."""
    names = [
        pl.when(pl.col(str(position))).then(
            pl.lit(f"{rule.columns[0]}:{rule.name}" if rule.columns else rule.name)
        )
        for position, rule in enumerate(rules)
    ]
    broken_rules = broken.filter(failing).select(
        pl.concat_list(names).list.drop_nulls().list.join("; ").alias("rules")
    )
    return intake.original.filter(failing).hstack(broken_rules)


def _missing_references(
    contract: Contract, references: Mapping[str, pl.DataFrame | pl.LazyFrame]
) -> tuple[TableWarning, ...]:
    """Warn of references that could not be checked because their table is not there."""
    return tuple(
        TableWarning(
            contract.name,
            "reference_not_checked",
            column.name,
            Text(
                f"没有表 {column.references.table}，未检查列 {column.name} 的引用",
                f"table {column.references.table} is not there; references of column {column.name} were not checked",
            ),
        )
        for column in contract.columns
        if column.references and column.references.table not in {*references, contract.name}
    )


def _poor_columns(contract: Contract, values: pl.DataFrame) -> tuple[TableWarning, ...]:
    """Warn of columns without a value and of columns with a single one."""
    if values.height == 0:
        text = Text(f"表 {contract.name} 没有数据行", f"table {contract.name} has no rows")
        return (TableWarning(contract.name, "empty", "", text),)
    if values.height == 1:
        return ()
    lowest, highest = values.select(pl.all().min()), values.select(pl.all().max())
    found = []
    for name in contract.column_names:
        low = lowest[name][0]
        if low is None:
            text = Text(f"列 {name} 全部为空", f"column {name} has no value at all")
            found.append(TableWarning(contract.name, "all_missing", name, text))
        elif low == highest[name][0] and values[name].null_count() == 0:
            text = Text(f"列 {name} 只有一个值", f"column {name} holds one value only")
            found.append(TableWarning(contract.name, "constant", name, text))
    return tuple(found)
