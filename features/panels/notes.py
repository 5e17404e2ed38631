"""What the rules of the panel found while one table became a panel."""

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from features.panels.rules import rule_of
from features.tables.contract import Text

__all__ = ["Notes"]

_ROWS_NAMED: Final = 5  # row numbers told of a refused series; the first is enough to find the fault


@dataclass
class Notes:
    """What the rules found while one table became a panel."""

    found: list[pl.DataFrame] = field(default_factory=list)
    turned_down: list[pl.DataFrame] = field(default_factory=list)

    def find(self, rule: str, series: pl.DataFrame, detail: Text | None = None) -> None:
        """Write down a finding for each row of `series` (unique_id, rows, period or ds as `first`)."""
        if series.is_empty():
            return
        text = rule_of(rule)
        zh = f"{detail.zh}{text.zh}" if detail else text.zh
        en = f"{detail.en}{text.en}" if detail else text.en
        self.found.append(
            series.select(
                "unique_id",
                pl.lit(rule).alias("rule"),
                pl.col("rows").cast(pl.Int64),
                pl.col("first").cast(pl.Int64),
                pl.lit(zh).alias("treatment_zh"),
                pl.lit(en).alias("treatment_en"),
            )
        )

    def refuse(self, rule: str, rows: pl.DataFrame) -> None:
        """Refuse the series of `rows` (unique_id, and `row`, the number in the table, where one is to blame)."""
        if rows.is_empty():
            return
        text = rule_of(rule)
        by_series = rows.group_by("unique_id").agg(
            pl.len().alias("rows"), pl.col("row").sort().head(_ROWS_NAMED).cast(pl.String).alias("shown")
        )
        listed = pl.col("shown").list.drop_nulls().list.join(", ")
        told = listed != ""
        tail = pl.when(pl.col("rows") > _ROWS_NAMED).then(pl.lit(" …")).otherwise(pl.lit(""))
        self.turned_down.append(
            by_series.select(
                "unique_id",
                pl.lit(rule).alias("rule"),
                pl.when(told)
                .then(pl.format("第 {}{} 行：{}", listed, tail, pl.lit(text.zh)))
                .otherwise(pl.lit(text.zh))
                .alias("reason_zh"),
                pl.when(told)
                .then(pl.format("Row(s) {}{}: {}", listed, tail, pl.lit(text.en)))
                .otherwise(pl.lit(text.en))
                .alias("reason_en"),
            )
        )

    def findings(self, stamp: pl.Expr) -> pl.DataFrame:
        """Return all findings of series that were not refused; `stamp` turns the column `first` into a date."""
        if not self.found:
            empty = {"unique_id": pl.String, "rule": pl.String, "rows": pl.Int64, "first": pl.Int64}
            frame = pl.DataFrame(schema={**empty, "treatment_zh": pl.String, "treatment_en": pl.String})
        else:
            frame = pl.concat(self.found)
        gone = self.refused()["unique_id"].unique()
        return (
            frame.filter(~pl.col("unique_id").is_in(gone.implode()))
            .with_columns(stamp.alias("first"))
            .rename({"first": "first_ds"})
            .sort("unique_id", "rule", "first_ds", "treatment_en")
        )

    def refused(self) -> pl.DataFrame:
        """Return the refused series, one row for each: the first rule that it broke."""
        if not self.turned_down:
            return pl.DataFrame(
                schema=dict.fromkeys(("unique_id", "rule", "reason_zh", "reason_en"), pl.String)
            )
        return pl.concat(self.turned_down).unique("unique_id", keep="first").sort("unique_id")
