"""Rows of a demand table as they were known on a date: columns found, types read, what cannot be read refused."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

import polars as pl

from features.errors import PanelArgumentError, PanelColumnError, PanelTypeError
from features.panels.notes import Notes
from features.parsing import is_blank, parsed
from features.tables.columns import RATIO, moment, number
from features.timeline import Frequency

__all__ = ["ROW", "Wanted", "moment_of", "read_rows", "refuse"]

ROW: Final = "row"
_OWN: Final = ("unique_id", "ds", "y")
_RESERVED: Final = frozenset((*_OWN, ROW, "known_at", "period", "code", "open", "observed", "gap", "returns"))
_MISSING_TEXTS: Final = ("na", "n/a", "nan", "null", "none", "#n/a", "-")


@dataclass(frozen=True)
class Wanted:
    """What a caller wants of a table."""

    frequency: Frequency
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    as_of: date | datetime | None

    def __post_init__(self) -> None:
        names = self.drivers + self.static
        if twice := sorted({name for name in names if names.count(name) > 1}):
            listed = ", ".join(twice)
            raise PanelArgumentError(
                "known/past/static",
                problem_zh=f"列 {listed} 重复指定，每列只能归入一类",
                problem_en=f"column(s) {listed} are named more than once; each belongs to one of them",
            )
        if reserved := sorted(_RESERVED.intersection(names)):
            listed = ", ".join(reserved)
            raise PanelArgumentError(
                "known/past/static",
                problem_zh=f"{listed} 是面板自身的列名，请将驱动因素或静态列改名",
                problem_en=f"{listed} is a column of the panel itself; give the driver or static column another name",
            )

    @property
    def drivers(self) -> tuple[str, ...]:
        """Names of all drivers, those known in advance first."""
        return self.known + self.past


def read_rows(frame: pl.DataFrame | pl.LazyFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    """Return the rows known by `as_of` with `unique_id` text, `ds` date, datetime or integer, `y` Float64, and drivers.

    Series with rows that cannot be read are refused in `notes`. Raises PanelColumnError for columns that are not
    there, PanelTypeError for types that nothing can be read from.
    """
    rows = _known(_columns(frame.lazy(), wanted), wanted, notes)
    rows = _with_ids(rows, notes)
    rows = _with_dates(rows, wanted.frequency, notes)
    return _with_values(rows, wanted, notes)


def moment_of(as_of: date | datetime) -> datetime:
    """Return the last moment that an as-of date covers: a day counts to its end."""
    return as_of if isinstance(as_of, datetime) else datetime.combine(as_of, time.max)


def _columns(frame: pl.LazyFrame, wanted: Wanted) -> pl.LazyFrame:
    found = frame.collect_schema()
    needed = [*_OWN, *wanted.drivers, *wanted.static]
    if absent := [name for name in needed if name not in found]:
        raise PanelColumnError(absent, found.names())
    if "known_at" in found:
        needed.append("known_at")
    elif wanted.as_of is not None and wanted.frequency == Frequency.INTEGER:
        raise PanelArgumentError(
            "as_of",
            problem_zh="整数 ds 无法与日期比较；请加 known_at 列，或不指定 as_of",
            problem_en="an integer ds cannot be compared with a date; add a column known_at, or leave as_of out",
        )
    for name in (*wanted.drivers, *wanted.static):
        if found[name].is_nested() or found[name] == pl.Object():
            raise PanelTypeError(
                name,
                str(found[name]),
                wanted_zh="数字、文本、日期或是否",
                wanted_en="numbers, texts, dates or true and false",
            )
    texts = [
        name for name in ("ds", "y", "known_at") if isinstance(found.get(name), pl.Categorical | pl.Enum)
    ]
    return frame.select(needed).with_columns(pl.col(texts).cast(pl.String)).with_row_index(ROW, offset=1)


def _known(frame: pl.LazyFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    """Drop what was not known by `as_of` before anything else is looked at: it may not even cause an error."""
    schema = frame.collect_schema()
    if "known_at" not in schema:
        return frame.collect()
    if schema["known_at"].is_temporal() and wanted.as_of is not None:
        rows = frame.filter(_by(wanted.as_of, schema["known_at"]) | pl.col("known_at").is_null()).collect()
    else:
        rows = frame.collect()
    rows = rows.with_columns(_moments(rows["known_at"]).alias("known_at"))
    if wanted.as_of is None:
        return rows
    undated = rows.filter(pl.col("known_at").is_null())
    ids = undated.select(pl.col("unique_id").cast(pl.String).fill_null(""), pl.lit(1).alias("rows"))
    counts = ids.group_by("unique_id").agg(pl.col("rows").sum())
    notes.find("no_known_at", counts.with_columns(pl.lit(None, pl.Int64).alias("first")))
    return rows.filter(_by(wanted.as_of, pl.Datetime("us")))


def _by(as_of: date | datetime, dtype: pl.DataType) -> pl.Expr:
    column = pl.col("known_at")
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        column = column.dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us")) <= moment_of(as_of)


def _moments(column: pl.Series) -> pl.Series:
    """Return dates, datetimes or texts as datetimes without a zone; null where a text is none."""
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("us"))
    if column.dtype == pl.String:
        return parsed(column, moment(column.name, "日期", "Date"))
    if column.dtype == pl.Null:
        return column.cast(pl.Datetime("us"))
    raise PanelTypeError(
        column.name,
        str(column.dtype),
        wanted_zh="日期、时刻或其文本",
        wanted_en="a date, a datetime or its text",
    )


def _with_ids(rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    dtype = rows["unique_id"].dtype
    if dtype.is_nested() or dtype.is_float():
        raise PanelTypeError(
            "unique_id", str(dtype), wanted_zh="文本或整数", wanted_en="text or whole numbers"
        )
    rows = rows.with_columns(pl.col("unique_id").cast(pl.String).fill_null(""))
    blank = pl.col("unique_id").str.strip_chars() == ""
    notes.refuse("no_id", rows.filter(blank).with_columns(pl.lit("").alias("unique_id")))
    return rows.filter(~blank)


def _with_dates(rows: pl.DataFrame, frequency: Frequency, notes: Notes) -> pl.DataFrame:
    ds = rows["ds"]
    if frequency == Frequency.INTEGER:
        read = _whole_numbers(ds)
    elif ds.dtype.is_numeric():
        raise PanelTypeError(
            "ds",
            str(ds.dtype),
            wanted_zh=f"日期（频率 {frequency}）；整数 ds 请用频率 1",
            wanted_en=f"a date (frequency {frequency}); for an integer ds use frequency 1",
        )
    else:
        read = _moments(ds)
    rows = rows.with_columns(read.alias("ds"))
    return refuse(rows, pl.col("ds").is_null(), "unreadable_ds", notes)


def _whole_numbers(ds: pl.Series) -> pl.Series:
    if ds.dtype.is_integer():
        return ds.cast(pl.Int64, strict=False)
    if ds.dtype.is_float() or ds.dtype == pl.String:
        floats = ds.cast(pl.Float64, strict=False)
        return floats.set(floats.round(0) != floats, None).cast(pl.Int64, strict=False)
    raise PanelTypeError(
        "ds",
        str(ds.dtype),
        wanted_zh="整数（频率 1）；日期请用 1h、1d、1w、1mo、1q",
        wanted_en="a whole number (frequency 1); for dates use 1h, 1d, 1w, 1mo or 1q",
    )


def _with_values(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    y = rows["y"]
    if y.dtype == pl.String:
        missing = is_blank(pl.col("y")) | pl.col("y").str.strip_chars().str.to_lowercase().is_in(
            _MISSING_TEXTS
        )
        rows = rows.with_columns(
            missing.alias("blank"), parsed(y, number("y", "数值", "Value", unit=RATIO)).alias("y")
        )
        rows = refuse(rows, pl.col("y").is_null() & ~pl.col("blank"), "unreadable_y", notes).drop("blank")
    elif not (y.dtype.is_numeric() or y.dtype == pl.Null):
        raise PanelTypeError("y", str(y.dtype), wanted_zh="数字", wanted_en="a number")
    floats = [name for name in (*wanted.drivers, *wanted.static) if rows[name].dtype.is_float()]
    return rows.with_columns(pl.col("y").cast(pl.Float64).fill_nan(None), pl.col(floats).fill_nan(None))


def refuse(rows: pl.DataFrame, bad: pl.Expr, rule: str, notes: Notes) -> pl.DataFrame:
    """Refuse the series that have a row for which `bad` holds; return the rows of the others."""
    to_blame = rows.filter(bad)
    if to_blame.is_empty():
        return rows
    notes.refuse(rule, to_blame)
    return rows.join(to_blame.select("unique_id").unique(), on="unique_id", how="anti", maintain_order="left")
