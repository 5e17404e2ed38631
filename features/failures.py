"""What failed, told to users: one line for each rule that a row broke, and the rows whole."""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from features.intake import ROW, Intake
from features.parsing import SURPLUS
from features.tables.contract import Contract, Rule

__all__ = ["FAILED_SCHEMA", "MASK", "failed_rows", "failure_lines"]

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


def failure_lines(intake: Intake, rules: Sequence[Rule], broken: pl.DataFrame) -> pl.DataFrame:
    """Return one line for each rule that a row broke, ordered by row."""
    parts = [
        _lines(intake, rule, broken[str(position)])
        for position, rule in enumerate(rules)
        if broken[str(position)].any()
    ]
    return pl.concat(parts).sort(ROW, maintain_order=True) if parts else pl.DataFrame(schema=FAILED_SCHEMA)


def failed_rows(
    intake: Intake, rules: Sequence[Rule], broken: pl.DataFrame, failing: pl.Series
) -> pl.DataFrame:
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
