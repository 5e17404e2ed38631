"""Contracts of what the group can make: production lines, their output, stops and maintenance."""

from typing import Final

import polars as pl

from features.tables.columns import (
    HOURS,
    choice,
    day,
    dispensable,
    identifier,
    known_at,
    moment,
    number,
    text,
    usual,
)
from features.tables.contract import Contract, DataClass, Domain, Level, Rule, Text
from features.tables.rules import CHECK_BOTH_DAYS, known_not_before
from features.tables.sales import FAMILIES, UNITS

__all__ = ["LINES", "LINE_OUTPUT", "LINE_STOPS", "MAINTENANCE"]

_MEDIUM: Final = DataClass(Domain.PRODUCTION, Level.MEDIUM)
_UNIT: Final = Text("产线的计量单位", "unit of the line")
_OVERRUN: Final = 0.5  # hours: a shift may end late

LINES: Final = Contract(
    name="lines",
    label=Text("产线", "Lines"),
    description=Text("各企业的生产线。", "Production lines of the companies."),
    data_class=_MEDIUM,
    key=("line_id",),
    columns=(
        identifier("line_id", "产线编号", "Line id"),
        identifier("org_id", "企业编号", "Company id", of="companies"),
        text("name", "名称", "Name"),
        usual(choice("family", "产品族", "Family", FAMILIES)),
        usual(choice("unit", "计量单位", "Unit", UNITS)),
        number(
            "planned_rate", "计划产能", "Planned rate", unit=Text("计量单位／小时", "units per hour"), above=0
        ),
        text("bottleneck", "瓶颈工序", "Bottleneck"),
        dispensable(text("profile", "行业配置", "Industry profile")),
        known_at(),
    ),
)

LINE_OUTPUT: Final = Contract(
    name="line_output",
    label=Text("产线产出", "Line output"),
    description=Text("每条产线每天的工时和产量。", "Hours and output of each line and day."),
    data_class=_MEDIUM,
    key=("line_id", "ds"),
    columns=(
        identifier("line_id", "产线编号", "Line id", of="lines"),
        day("ds", "日期", "Day"),
        number("planned_hours", "计划工时", "Planned hours", unit=HOURS, minimum=0, maximum=24),
        number("run_hours", "运行工时", "Run hours", unit=HOURS, minimum=0, maximum=24),
        number("output", "产量", "Output", unit=_UNIT, minimum=0),
        number("good_output", "合格产量", "Good output", unit=_UNIT, minimum=0),
        known_at(),
    ),
    rules=(
        known_not_before("ds", "生产日", "production"),
        Rule(
            name="run_within_planned",
            columns=("run_hours", "planned_hours"),
            broken=pl.col("run_hours") > pl.col("planned_hours") + _OVERRUN,
            text=Text(
                "运行工时不应超过计划工时（允许超出半小时）",
                "a line cannot run longer than planned (half an hour over is allowed)",
            ),
            remedy=Text(
                "核对工时；加班要同时计入计划工时", "check the hours; overtime counts as planned too"
            ),
        ),
        Rule(
            name="good_within_output",
            columns=("good_output", "output"),
            broken=pl.col("good_output") > pl.col("output"),
            text=Text("合格产量不应超过产量", "good output cannot exceed output"),
            remedy=Text("核对质检记录与产量", "check the inspection record against the output"),
        ),
    ),
)

LINE_STOPS: Final = Contract(
    name="line_stops",
    label=Text("停机", "Line stops"),
    description=Text("产线的每次停机。", "Each stop of a line."),
    data_class=_MEDIUM,
    key=("stop_id",),
    columns=(
        identifier("stop_id", "停机编号", "Stop id"),
        identifier("line_id", "产线编号", "Line id", of="lines"),
        moment("start_at", "开始时间", "Start at"),
        moment("end_at", "结束时间", "End at"),
        usual(
            choice(
                "reason",
                "原因",
                "Reason",
                {
                    "breakdown": "故障",
                    "changeover": "换型",
                    "material": "缺料",
                    "power": "停电",
                    "quality": "质量",
                    "planned": "计划",
                },
            )
        ),
        known_at(),
    ),
    rules=(
        Rule(
            name="end_after_start",
            columns=("end_at", "start_at"),
            broken=pl.col("end_at") <= pl.col("start_at"),
            text=Text("结束时间应晚于开始时间", "a stop must end after it starts"),
            remedy=CHECK_BOTH_DAYS,
        ),
        Rule(
            name="known_at_not_before_start_at",
            columns=("known_at", "start_at"),
            broken=pl.col("known_at") < pl.col("start_at").dt.date(),
            text=Text("获知日期不应早于停机开始", "a stop cannot be known before it starts"),
            remedy=CHECK_BOTH_DAYS,
        ),
    ),
    may_be_empty=True,
)

MAINTENANCE: Final = Contract(
    name="maintenance",
    label=Text("检修计划", "Maintenance"),
    description=Text("计划中的检修，提前获知。", "Planned maintenance, known in advance."),
    data_class=DataClass(Domain.PRODUCTION, Level.LOW),
    key=("plan_id",),
    columns=(
        identifier("plan_id", "计划编号", "Plan id"),
        identifier("line_id", "产线编号", "Line id", of="lines"),
        day("start_on", "开始日期", "Start on"),
        day("end_on", "结束日期", "End on"),
        usual(
            choice(
                "kind", "检修类型", "Kind", {"overhaul": "大修", "inspection": "点检", "calibration": "校准"}
            )
        ),
        known_at(),
    ),
    rules=(
        Rule(
            name="end_not_before_start",
            columns=("end_on", "start_on"),
            broken=pl.col("end_on") < pl.col("start_on"),
            text=Text("结束日期不应早于开始日期", "maintenance cannot end before it starts"),
            remedy=CHECK_BOTH_DAYS,
        ),
        Rule(
            name="known_before_start",
            columns=("known_at", "start_on"),
            broken=pl.col("known_at") > pl.col("start_on"),
            text=Text("检修计划应在开始之前获知", "a maintenance plan is known before it starts"),
            remedy=Text(
                "填写计划批准日；临时停机请记入停机表",
                "give the day the plan was approved; an unplanned stop belongs to the table of stops",
            ),
        ),
    ),
    may_be_empty=True,
)
