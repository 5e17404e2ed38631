"""What must hold in a plant's own table of lines before it can be a panel; each fault named by row, line and column."""

from typing import Final

import polars as pl

from features.capacity.file_columns import ROW
from features.capacity.line_days import HOURS_A_DAY
from features.errors import LineHistoryError

__all__ = ["check_history", "check_plan"]

_KEY: Final = ["line_id", "ds"]
_AMOUNTS: Final = ("run_hours", "output", "good_output")
_HOURS: Final = ("planned_hours", "run_hours")


def check_history(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the history as it is. Raises LineHistoryError for the first fault, in the order of the rows."""
    if rows.is_empty():
        raise LineHistoryError(
            "截至该日没有任何行。请检查导出条件和 as_of。",
            "has no row up to that day. Check the filter of the export and the as-of date.",
        )
    if rows["output"].null_count() == rows.height:
        raise LineHistoryError(
            "全部为空，无从学习。请填写产量。",
            "is empty in every row, so there is nothing to learn from. Give what was made.",
            column="output",
        )
    _check_rows(rows, "history")
    for name in _AMOUNTS:
        if name in rows.columns:
            _refuse(rows.filter(pl.col(name) < 0), name, "history", "为负数。请对照班次记录改正。",
                    "is negative. Correct it against the shift's record.")  # fmt: skip
    if "good_output" in rows.columns:
        _refuse(rows.filter(pl.col("good_output") > pl.col("output")), "good_output", "history",
                "大于产量。请核对质检记录与产量。",
                "exceeds the output. Check the inspection record against the output.")  # fmt: skip
    for name in ("unit", "profile", "org_id"):
        if name in rows.columns:
            _one_value(rows, name)
    return rows


def check_plan(rows: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """Return the plan of the history's lines. Raises LineHistoryError, also for a line that the history does not have."""
    unknown = rows.join(past.select("line_id"), on="line_id", how="anti").sort(ROW)
    _refuse(unknown, "line_id", "plan", "在历史表中没有记录，无法预测。请补上历史，或从计划表中删去该产线。",
            "is not in the history, so it cannot be forecast. Add its history, or take it off the plan.")  # fmt: skip
    _check_rows(rows, "plan")
    if "planned_hours" in rows.columns and "planned_hours" not in past.columns:
        raise LineHistoryError(
            "计划表有而历史表没有。请在历史表中补上计划工时，或从计划表中删去该列（此时 planned_rate 即当日计划产量）。",
            "is in the plan but not in the history. Add it there, or take it off the plan (planned_rate then is what a day is "
            "to make).",
            column="planned_hours",
            table="plan",
        )
    return rows


def _check_rows(rows: pl.DataFrame, table: str) -> None:
    """Check what both tables have: one row a line and day, a rate for each working day, hours of a day."""
    twice = rows.filter(rows.select(pl.struct(_KEY).is_duplicated()).to_series()).sort(*_KEY, ROW)
    if twice.height:
        line, ds = twice.row(0, named=True)["line_id"], twice["ds"][0]
        rows_of_day = twice.filter(line_id=line, ds=ds)
        several = rows_of_day[ROW].to_list()
        zh, en = _several(rows_of_day, line)
        listed = ", ".join(map(str, several))
        raise LineHistoryError(
            f"{ds} 有多行（第 {listed} 行）。{zh}",
            f"{ds} has several rows ({listed}). {en}",
            line_id=line,
            row=several[0],
            table=table,
        )
    for name in _HOURS:
        if name in rows.columns:
            wrong = rows.filter(~pl.col(name).is_between(0, HOURS_A_DAY).fill_null(value=True))
            _refuse(wrong, name, table, "不在 0 至 24 小时之间。请改正，或把班次分开后相加。",
                    "lies outside 0 to 24 hours. Correct it, or check whether shifts were added twice.")  # fmt: skip
    if "planned_rate" in rows.columns:
        resting = pl.col("planned_hours").eq(0) if "planned_hours" in rows.columns else pl.lit(value=False)
        stated = pl.col("planned_rate").is_not_null() if table == "plan" else pl.lit(value=True)
        wrong = rows.filter(
            stated & ~resting.fill_null(value=False) & ~(pl.col("planned_rate") > 0).fill_null(value=False)
        )
        _refuse(wrong, "planned_rate", table, "为空或不大于 0。请填写每小时的计划产量；休息日请填计划工时 0，或不报该行。",
                "is empty or not above 0. Give the units planned an hour; a day of rest has planned_hours 0, or no row.")  # fmt: skip


def _several(rows: pl.DataFrame, line: str) -> tuple[str, str]:
    """Say what to do about several rows of a day: of maintenance a day has one kind, hours and output of shifts add up."""
    kinds = rows["maintenance"].drop_nulls().to_list() if "maintenance" in rows.columns else []
    if len(kinds) > 1:
        return (
            f"其中有多项检修（{'、'.join(kinds)}）：一天只算一项。请只保留一行，写停机最久的一项；计划工时写检修后余下的工时。",
            f"They plan maintenance more than once ({', '.join(kinds)}), and a day has one kind. Keep one row with the kind that "
            "stops the line longest; its planned hours are those that maintenance leaves.",
        )
    return (
        f"若是不同班次，请把班次写进 line_id（如 {line}-早班），或把各班次的工时和产量相加为一行。",
        f"Where they are shifts, name the shift in line_id ({line}-early), or add up the hours and output of the shifts into "
        "one row.",
    )


def _one_value(rows: pl.DataFrame, name: str) -> None:
    """Check that a fact of a line is the same in all its rows."""
    told = rows.drop_nulls(name).sort("line_id", ROW)
    other = told.filter(pl.col(name) != pl.col(name).first().over("line_id"))
    first = told.unique("line_id", keep="first").select("line_id", usual=name)
    mixed = other.join(first, on="line_id").sort(ROW)
    if mixed.height:
        row = mixed.row(0, named=True)
        _refuse(mixed, name, "history",
                f"为“{row[name]}”，而前面各行为“{row['usual']}”。一条产线只能有一个值；请换算，或分成两条产线。",
                f"is '{row[name]}', in earlier rows '{row['usual']}'. A line has one; convert the figures, or split the line in "
                "two.")  # fmt: skip


def _refuse(wrong: pl.DataFrame, column: str, table: str, zh: str, en: str) -> None:
    """Raise for the first of the rows that are wrong."""
    if wrong.height:
        row = wrong.sort(ROW).row(0, named=True)
        raise LineHistoryError(zh, en, column=column, line_id=row["line_id"], row=row[ROW], table=table)
