"""Bring a series that ended early up to the newest period, where the table says that it goes on."""

from dataclasses import replace
from typing import Final

import polars as pl

from features.demand import Panel

__all__ = ["carried_to_newest"]

_TEXT_ZH: Final = (
    "末尾有缺，但表中给出了最新期之后的行：以最后一季的值补到最新期（不作为实际值），从最新期之后开始预测。"
)
_TEXT_EN: Final = (
    "Ends early, but the table holds rows after the newest period: its last season is repeated up to there (never as an "
    "actual), and the forecast begins after it."
)


def carried_to_newest(panel: Panel) -> Panel:
    """Return the panel with such series carried on to the newest period, `observed` false in the rows added.

    A shop that was closed for half a year and whose coming days are in the table is asked about these days, not about
    those after it closed. Series without rows beyond the newest period stay as they are.
    """
    newest = int(str(panel.series["last"].max()))
    reach = panel.future.group_by("unique_id").agg(until=pl.col("period").max())
    late = (
        panel.series.filter(pl.col("ended_early") > 0)
        .join(reach, on="unique_id")
        .filter(pl.col("until") > newest)
        .select("unique_id", "last", span=pl.min_horizontal(pl.col("length"), panel.season).cast(pl.Int64))
    )
    if late.is_empty():
        return panel
    gone = panel.future.filter(pl.col("period") <= newest).join(late, on="unique_id")
    added = _as_history(panel, gone)
    chosen = pl.col("unique_id").is_in(late["unique_id"].implode())
    added_periods = newest - pl.col("last")
    return replace(
        panel,
        frame=pl.concat([panel.frame, added]).sort("unique_id", "period"),
        future=panel.future.filter(~chosen | (pl.col("period") > newest)),
        series=panel.series.with_columns(
            last=pl.when(chosen).then(newest).otherwise("last").cast(panel.series.schema["last"]),
            length=(pl.col("length") + pl.when(chosen).then(added_periods).otherwise(0)).cast(
                panel.series.schema["length"]
            ),
            ended_early=pl.when(chosen)
            .then(0)
            .otherwise("ended_early")
            .cast(panel.series.schema["ended_early"]),
        ),
        findings=pl.concat([panel.findings, _findings(panel, added)]),
    )


def _as_history(panel: Panel, gone: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the past for periods that have drivers alone: y is that of the same place in the last season."""
    placed = gone.with_columns(
        source=pl.col("last") - pl.col("span") + 1 + (pl.col("period") - pl.col("last") - 1) % pl.col("span")
    )
    told = panel.frame.select("unique_id", pl.col("period").alias("source"), "y")
    rows = placed.join(told, on=["unique_id", "source"], how="left").with_columns(
        observed=pl.lit(value=False), gap=pl.lit(value=True), returns=pl.lit(value=False)
    )
    columns = panel.frame.schema
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in columns.items()
    )


def _findings(panel: Panel, added: pl.DataFrame) -> pl.DataFrame:
    found = (
        added.group_by("unique_id")
        .agg(rows=pl.len(), first_ds=pl.col("ds").min())
        .with_columns(
            rule=pl.lit("carried_to_newest"), treatment_zh=pl.lit(_TEXT_ZH), treatment_en=pl.lit(_TEXT_EN)
        )
    )
    schema = panel.findings.schema
    return found.select(pl.col(name).cast(kind) for name, kind in schema.items())
