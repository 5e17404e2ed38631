"""The check of one table against its contract: good rows, failed rows with every rule they broke."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from features.errors import EmptyTableError
from features.failures import failed_rows, failure_lines
from features.general_rules import general_rules, infinite_mark, structural_rules, unreadable_mark
from features.intake import Intake, TableWarning, take_in
from features.marking import FAILED_MARK, with_key_marks, with_lookups, with_references
from features.tables.contract import Contract, Rule, Text

__all__ = ["Checked", "check_frame"]


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
        good = self.good.with_columns(pl.lit(value=False).alias(FAILED_MARK))
        failed = self.failed_keys.with_columns(pl.lit(value=True).alias(FAILED_MARK))
        return pl.concat([good, failed], how="diagonal")


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
    marked, reference_warnings = with_references(with_key_marks(intake), references)
    marked = with_lookups(marked, references)
    rules = list(_applicable(marked))
    broken = _broken(marked, rules)
    failing = broken.select(pl.any_horizontal(pl.all())).to_series() if rules else _none(intake.values.height)
    values = intake.values.select(contract.column_names)
    warnings = intake.warnings + reference_warnings + _poor_columns(contract, values)
    return Checked(
        table=contract.name,
        good=values.filter(~failing),
        failed=failure_lines(marked, rules, broken),
        rows=failed_rows(intake, rules, broken, failing),
        warnings=warnings,
        failed_keys=values.filter(failing).select(contract.key),
    )


def _none(height: int) -> pl.Series:
    """Return a mask in which nothing is marked."""
    return pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True)


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


def _broken(intake: Intake, rules: Sequence[Rule]) -> pl.DataFrame:
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
