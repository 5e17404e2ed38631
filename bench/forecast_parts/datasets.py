"""Public demand data as problems: what is known at an origin, what is asked, what came."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

__all__ = ["DATASETS", "NEW_YEARS", "Problem", "problems"]

# Three Lunar New Years lie in the Taiwanese file; the first is the only history of the second.
NEW_YEARS: Final = (date(2017, 1, 28), date(2018, 2, 16))


@dataclass(frozen=True)
class Problem:
    """One data set at one origin.

    `train` [unique_id, ds, y, known drivers, static columns] ends at the origin; `future` [unique_id, ds, known
    drivers] holds the rows of the horizon without y; `actuals` [unique_id, ds, y] is what is judged. `season` is what
    the measures are scaled by; `country` names the holidays of the Prophet peer that is given some.
    """

    dataset: str
    origin: str
    train: pl.DataFrame
    future: pl.DataFrame
    actuals: pl.DataFrame
    freq: str
    season: int
    horizon: int
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    country: str | None = None
    intermittent: bool = False
    members: pl.DataFrame | None = None  # hierarchy: unique_id, bottom (a bottom series that adds to it)
    level: pl.DataFrame = field(default_factory=pl.DataFrame)  # hierarchy: unique_id, level

    @property
    def name(self) -> str:
        """Name of the data set and its origin, as files and reports write it."""
        return f"{self.dataset}@{self.origin}" if self.origin else self.dataset

    def panel_frame(self) -> pl.DataFrame:
        """Return history and known future as one frame: y is null in the rows of the future."""
        static = self.train.select("unique_id", *self.static).unique("unique_id", keep="last")
        future = self.future.join(static, on="unique_id", how="left") if self.static else self.future
        return pl.concat([self.train, future], how="diagonal").sort("unique_id", "ds")


def problems(folder: Path, dataset: str) -> list[Problem]:
    """Read a data set of `../shared/data/forecast`, one problem an origin."""
    return DATASETS[dataset](folder)


def _m3(folder: Path) -> list[Problem]:
    frame = _dated(pl.read_parquet(folder / "m3_monthly.parquet")).drop("category")
    return [_by_split("m3_monthly", frame, freq="1mo", season=12, horizon=18)]


def _m4(folder: Path) -> list[Problem]:
    # The competition measures weekly series with a season of one.
    frame = pl.read_parquet(folder / "m4_weekly.parquet")
    return [_by_split("m4_weekly", frame, freq="1", season=1, horizon=13)]


def _by_split(dataset: str, frame: pl.DataFrame, *, freq: str, season: int, horizon: int) -> Problem:
    train, test = (frame.filter(pl.col("split") == part).drop("split") for part in ("train", "test"))
    return Problem(dataset, "", train, test.drop("y"), test, freq=freq, season=season, horizon=horizon)


def _tourism_large(folder: Path) -> list[Problem]:
    return [_hierarchy(folder, "tourism_large", "hier_tourismlarge", freq="1mo", horizon=12)]


def _tourism_small(folder: Path) -> list[Problem]:
    return [_hierarchy(folder, "tourism_small", "hier_tourismsmall", freq="1q", horizon=4)]


def _hierarchy(folder: Path, dataset: str, name: str, *, freq: str, horizon: int) -> Problem:
    source = folder / name
    wide = pl.read_csv(source / "data.csv", infer_schema_length=None).rename({"": "ds"})
    frame = (
        wide.unpivot(index="ds", variable_name="unique_id", value_name="y")
        .with_columns(pl.col("ds").str.to_date(), pl.col("y").cast(pl.Float64))
        .select("unique_id", "ds", "y")
        .sort("unique_id", "ds")
    )
    sums = pl.read_csv(source / "agg_mat.csv").rename({"": "unique_id"})
    members = (
        sums.unpivot(index="unique_id", variable_name="bottom")
        .filter(pl.col("value") == 1)
        .select("unique_id", "bottom")
    )
    depth = _tourism_level if dataset == "tourism_large" else _dashes
    level = sums.select("unique_id", level=pl.col("unique_id").map_elements(depth, return_dtype=pl.String))
    train, test = _split_last(frame, horizon)
    season = 12 if freq == "1mo" else 4
    return Problem(
        dataset, "", train, test.drop("y"), test, freq=freq, season=season, horizon=horizon, members=members,
        level=level,
    )  # fmt: skip


def _tourism_level(name: str) -> str:
    """Return the level of a series of tourism large: `ABBHol` is a region (3 letters) by purpose."""
    area = name[:-3]
    place = "total" if area == "Total" else f"area{len(area)}"
    return place if name.endswith("All") else f"{place} x purpose"


def _dashes(name: str) -> str:
    return "total" if name == "total" else f"level{name.count('-') + 1}"


def _carparts(folder: Path) -> list[Problem]:
    frame = _dated(pl.read_parquet(folder / "carparts.parquet"))
    whole = frame.group_by("unique_id").len().filter(pl.col("len") == 51).select("unique_id")
    train, test = _split_last(frame.join(whole, on="unique_id"), 12)
    return [
        Problem(
            "carparts", "", train, test.drop("y"), test, freq="1mo", season=1, horizon=12, intermittent=True
        )
    ]


def _orangejuice(folder: Path) -> list[Problem]:
    # profit comes out of the sales, so it is not known before them.
    known = ("price", "avgprice", "deal", "feat")
    frame = _dated(pl.read_parquet(folder / "orangejuice.parquet"))
    frame = frame.select("unique_id", "ds", "y", *known, "store", "brand")
    return [
        _at(
            "orangejuice", frame, origin, freq="1w", season=52, horizon=4, known=known,
            static=("store", "brand"),
        )
        for origin in _weeks_before(date(1992, 10, 1), (12, 8, 4))
    ]  # fmt: skip


def _walmart(folder: Path) -> list[Problem]:
    # The holiday weeks are in every calendar; markdowns, fuel and weather are known only afterwards.
    frame = _dated(pl.read_parquet(folder / "walmart_weekly_stores01_30.parquet"))
    frame = frame.with_columns(pl.col("IsHoliday").cast(pl.Int64)).select(
        "unique_id", "ds", "y", "IsHoliday", "Store", "Dept", "Type", "Size"
    )
    return [
        _at(
            "walmart", frame, origin, freq="1w", season=52, horizon=13, known=("IsHoliday",),
            static=("Store", "Dept", "Type", "Size"), country="US",
        )
        for origin in (date(2011, 10, 28), date(2012, 7, 27))
    ]  # fmt: skip


def _rossmann(folder: Path) -> list[Problem]:
    # The file has no row for a day on which a store is closed: a row of the future says that it will be open.
    known = ("Promo", "StateHoliday", "SchoolHoliday", "Open")
    static = ("StoreType", "Assortment", "CompetitionDistance", "Promo2")
    frame = _dated(pl.read_parquet(folder / "rossmann_daily_odd_stores.parquet"))
    frame = frame.with_columns(pl.col("y").cast(pl.Float64)).select("unique_id", "ds", "y", *known, *static)
    return [
        _at(
            "rossmann",
            frame,
            origin,
            freq="1d",
            season=7,
            horizon=42,
            known=known,
            static=static,
            country="DE",
        )
        for origin in (date(2014, 12, 12), date(2015, 6, 19))
    ]


def _taiwan(folder: Path) -> list[Problem]:
    frame = _dated(pl.read_parquet(folder / "tw_industrial_power_daily_to_2018H1.parquet"))
    origins = [day - timedelta(days=back) for day in NEW_YEARS for back in (14, 21, 28)]
    return [
        _at("taiwan_power", frame, origin, freq="1d", season=7, horizon=42, country="TW")
        for origin in origins
    ]


def _china(folder: Path) -> list[Problem]:
    frame = _dated(pl.read_parquet(folder / "china_macro_monthly.parquet"))
    frame = frame.filter(pl.col("unique_id").is_in(["CN_exp", "CN_imp"]))
    return [
        _at("china_macro", frame, date(year, 12, 1), freq="1mo", season=12, horizon=12, country="CN")
        for year in range(2003, 2013)
    ]


DATASETS: Final[dict[str, Callable[[Path], list[Problem]]]] = {
    "m3_monthly": _m3,
    "m4_weekly": _m4,
    "tourism_large": _tourism_large,
    "tourism_small": _tourism_small,
    "carparts": _carparts,
    "orangejuice": _orangejuice,
    "walmart": _walmart,
    "rossmann": _rossmann,
    "taiwan_power": _taiwan,
    "china_macro": _china,
}


def _dated(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("ds").cast(pl.Date))


def _weeks_before(last: date, weeks: tuple[int, ...]) -> list[date]:
    return [last - timedelta(weeks=back) for back in weeks]


def _split_last(frame: pl.DataFrame, horizon: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    newest = pl.col("ds").rank("ordinal", descending=True).over("unique_id") <= horizon
    return frame.filter(~newest), frame.filter(newest)


def _at(
    dataset: str,
    frame: pl.DataFrame,
    origin: date,
    *,
    freq: str,
    season: int,
    horizon: int,
    known: tuple[str, ...] = (),
    static: tuple[str, ...] = (),
    country: str | None = None,
) -> Problem:
    """Cut a frame: history up to the origin, the horizon after it, only series that have both."""
    end = pl.lit(origin).dt.offset_by(_reach(freq, horizon))
    train = frame.filter(pl.col("ds") <= origin)
    test = frame.filter((pl.col("ds") > origin) & (pl.col("ds") <= end))
    train = train.join(test.select("unique_id").unique(), on="unique_id", how="semi")
    test = test.join(train.select("unique_id").unique(), on="unique_id", how="semi")
    future = test.select("unique_id", "ds", *known)
    return Problem(
        dataset, origin.isoformat(), train.sort("unique_id", "ds"), future.sort("unique_id", "ds"),
        test.select("unique_id", "ds", "y").sort("unique_id", "ds"), freq=freq, season=season, horizon=horizon,
        known=known, static=static, country=country,
    )  # fmt: skip


def _reach(freq: str, horizon: int) -> str:
    count = int(freq[:-2] or 1) if freq.endswith("mo") else int(freq[:-1] or 1)
    unit = freq.lstrip("0123456789")
    return f"{count * horizon}{unit}"
