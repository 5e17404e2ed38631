"""What can be wrong with the rows of a line, as data: the rule, and what was done about it, in two languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import polars as pl

from features.capacity.line_panel import FINDINGS, REFUSED
from features.tables.contract import Text

__all__ = ["LINE_RULES", "LineNotes"]

LINE_RULES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        # refused
        "no_history": Text(
            "截至该日没有任何产出记录，无法预测。请补报产线产出，或从产线表中删去该产线。",
            "No output was reported by that day, so it cannot be forecast. Report its output, or remove the line.",
        ),
        "unknown_line": Text(
            "产线表中没有该产线，其记录未使用。请在 lines 中补上，或改正编号。",
            "The table of lines does not have it, so its rows are not used. Add it to lines, or correct the id.",
        ),
        "no_rate": Text(
            "计划产能为空、非正数或不是有限数，无法计算产能。请在 lines 中填写每小时的计划产能。",
            "The planned rate is empty, not above zero or not finite. Give units an hour in lines.",
        ),
        # findings
        "not_finite": Text(
            "工时或产量为无穷大或非数，该日按未上报处理。请改正或留空。",
            "Hours or output are infinite or no number; the day counts as not reported. Correct it or leave it empty.",
        ),
        "negative_value": Text(
            "工时或产量为负数，该日按未上报处理。请对照班次记录改正。",
            "Hours or output are negative; the day counts as not reported. Correct it against the shift's record.",
        ),
        "hours_over_day": Text(
            "一天的工时超过 24 小时，该日按未上报处理。请核对，或按班次分开后求和。",
            "More than 24 hours in a day; the day counts as not reported. Check it, or whether shifts were added twice.",
        ),
        "good_over_output": Text(
            "合格产量超过产量，该日按未上报处理。请核对质检记录与产量。",
            "Good output exceeds output; the day counts as not reported. Check the inspection record against the output.",
        ),
        "contradicting_days": Text(
            "同一天同时获知多个不同的记录，该日按未上报处理。请只保留正确的一行。",
            "Several rows of a day, known on the same day, differ; the day counts as not reported. Keep the right one.",
        ),
        "revised_days": Text(
            "同一天有多次上报，以获知日期最晚的一次为准。",
            "A day was reported more than once; the report known last counts.",
        ),
        "days_missing": Text(
            "首末两次上报之间有未上报的日子，按缺失处理，不当作零产出。请补报；休息日请报计划工时 0。",
            "Days between the first and the last report are missing; they are not taken as no output. Report them, days of "
            "rest with 0 planned hours.",
        ),
        "rest_days": Text(
            "没有行的日子按休息日处理（计划工时 0）。若当日有生产而未上报，请补一行，产量留空。",
            "Days without a row are taken as days of rest (0 planned hours). Where the line did work but nothing was "
            "reported, add a row and leave output empty.",
        ),
        "plan_replaces_report": Text(
            "上报的计划工时与当日之前下达的排班计划不同，以排班计划为准（差额计入时间利用损失）。",
            "The planned hours reported differ from the shift plan known before the day; the plan counts, and the "
            "difference is a loss of availability.",
        ),
        "maintenance_overlaps": Text(
            "检修计划重叠；重叠的日子只算一次，按天数较多的计划归类。请核对起止日期。",
            "Plans of maintenance overlap; a day counts once, under the longer plan. Check their days.",
        ),
        "maintenance_reversed": Text(
            "检修计划的结束日期早于开始日期，未使用。请改正两个日期。",
            "A plan of maintenance ends before it starts and is not used. Correct the two days.",
        ),
        "stop_reversed": Text(
            "停机的结束时间不晚于开始时间，未使用。请改正两个时间。",
            "A stop does not end after it starts and is not used. Correct the two moments.",
        ),
        "driver_not_usable": Text(
            "驱动因素的值为空、无穷大，或同时获知多个不同的值，按缺失处理。请改正。",
            "A driver's value is empty or infinite, or several values known on the same day differ; it counts as missing.",
        ),
        "plan_not_usable": Text(
            "排班计划的工时不在 0 至 24 小时之间，或同时获知多个不同的值，按未排班处理。请改正。",
            "Planned hours of a shift plan lie outside 0 to 24, or several known on the same day differ; the day counts as "
            "not planned. Correct it.",
        ),
    }
)
"""Name of each rule and what a planner reads about it; the first three refuse a line, the others are findings."""


@dataclass
class LineNotes:
    """What the rules found while tables became a panel of lines."""

    found: list[pl.DataFrame] = field(default_factory=list)
    turned_down: list[pl.DataFrame] = field(default_factory=list)

    def find(self, rule: str, rows: pl.DataFrame) -> None:
        """Write down which lines and days of `rows` (line_id, ds) a rule found, one finding a line."""
        if not rows.height:
            return
        counted = rows.group_by("line_id").agg(
            pl.len().cast(pl.Int64).alias("rows"), pl.col("ds").min().alias("first_ds")
        )
        self.find_each(rule, counted.with_columns(zh=pl.lit(""), en=pl.lit("")))

    def find_each(self, rule: str, rows: pl.DataFrame) -> None:
        """Write down one finding for each row (line_id, rows, first_ds; zh and en stand before the rule's text)."""
        text = LINE_RULES[rule]
        told = rows.with_columns(
            rule=pl.lit(rule),
            treatment_zh=pl.col("zh") + pl.lit(text.zh),
            treatment_en=pl.col("en") + pl.lit(text.en),
        )
        self.found.append(told.select(pl.col(name).cast(dtype) for name, dtype in FINDINGS.items()))

    def refuse(self, rule: str, line_ids: pl.Series) -> None:
        """Write down that lines cannot be in the panel."""
        text = LINE_RULES[rule]
        lines = line_ids.unique().to_frame("line_id")
        self.turned_down.append(
            lines.select(
                pl.col("line_id").cast(pl.String),
                rule=pl.lit(rule),
                reason_zh=pl.lit(text.zh),
                reason_en=pl.lit(text.en),
            )
        )

    def findings(self, line_ids: pl.Series) -> pl.DataFrame:
        """Return the findings of the lines that are in the panel."""
        found = pl.concat([pl.DataFrame(schema=FINDINGS), *self.found])
        kept = found.filter(pl.col("line_id").is_in(line_ids.implode()))
        return kept.sort("line_id", "rule", "first_ds", "treatment_en")

    def refused(self) -> pl.DataFrame:
        """Return the refused lines, each with the first rule that refused it."""
        turned = pl.concat([pl.DataFrame(schema=REFUSED), *self.turned_down])
        return turned.unique("line_id", keep="first", maintain_order=True).sort("line_id")
