"""Which segments a party belonged to on a date, as the group's tables said on that date."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from experiments.validation_report.content import Text
from features.asof import Known
from features.contracts import CONTRACTS
from features.errors import DataError

__all__ = ["SEGMENTINGS", "UNKNOWN", "Segmenting", "Tables", "memberships"]

Tables = Mapping[str, pl.LazyFrame]

# The seven regions of everyday usage: most provinces alone hold too few defaults to say anything.
_REGIONS: Final = {
    Text("华北", "North"): ("北京", "天津", "河北", "山西", "内蒙古"),
    Text("东北", "Northeast"): ("辽宁", "吉林", "黑龙江"),
    Text("华东", "East"): ("上海", "江苏", "浙江", "安徽", "福建", "江西", "山东"),
    Text("华中", "Central"): ("河南", "湖北", "湖南"),
    Text("华南", "South"): ("广东", "广西", "海南"),
    Text("西南", "Southwest"): ("重庆", "四川", "贵州", "云南", "西藏"),
    Text("西北", "Northwest"): ("陕西", "甘肃", "青海", "宁夏", "新疆"),
    Text("港澳台", "Hong Kong, Macao, Taiwan"): ("香港", "澳门", "台湾"),
}


# Sections of GB/T 4754 in English, shortened.
_SECTIONS: Final = {
    "A": "agriculture", "B": "mining", "C": "manufacturing", "D": "utilities", "E": "construction",
    "F": "wholesale and retail", "G": "transport and storage", "H": "hotels and catering", "I": "information technology",
    "J": "finance", "K": "real estate", "L": "leasing and business services", "M": "research", "N": "environment",
    "O": "repair and other services", "P": "education", "Q": "health", "R": "culture and sport",
    "S": "public administration", "T": "international bodies",
}  # fmt: skip


@dataclass(frozen=True)
class Segmenting:
    """One way to divide the parties: its names, the table it is read from, and what each code is called."""

    key: str
    text: Text
    table: str
    column: str
    names: Mapping[str, Text]


def _choices(table: str, column: str, english: Mapping[str, str] | None = None) -> dict[str, Text]:
    """Return the codes of a column of a contract; without an English name the code is one."""
    found = next(item for item in CONTRACTS[table].columns if item.name == column)
    return {code: Text(zh, (english or {}).get(code, code)) for code, zh in found.choices.items()}


SEGMENTINGS: Final = (
    Segmenting("kind", Text("主体类型", "kind"), "parties", "kind", _choices("parties", "kind")),
    Segmenting("size", Text("规模", "size"), "parties", "size", _choices("parties", "size")),
    Segmenting("ownership", Text("所有制", "ownership"), "parties", "ownership", _choices("parties", "ownership")),
    Segmenting("region", Text("地区", "region"), "parties", "province",
               {province: region for region, provinces in _REGIONS.items() for province in provinces}),
    Segmenting("industry", Text("行业门类", "industry"), "parties", "industry",
               _choices("parties", "industry", _SECTIONS)),
    Segmenting("business_line", Text("业务条线", "business line"), "exposures", "business_line",
               _choices("exposures", "business_line")),
)  # fmt: skip

UNKNOWN: Final = Text("未知或不适用", "unknown or not applicable")


def memberships(segmenting: Segmenting, tables: Tables, days: Iterable[date]) -> pl.DataFrame | Text:
    """Return [party_id, as_of, zh, en] of a segmenting, or what the tables lack for it.

    A party has one segment of a kind on a date, but may have several business lines. Only rows known and begun by the
    date are read; a party without a value is told apart, not left out.
    """
    try:
        parts = [_on(segmenting, Known(tables, day)) for day in days]
        found = pl.concat(parts).collect()
    except DataError as error:
        return Text(error.message("zh"), error.message("en"))
    names = [segmenting.names.get(str(code), UNKNOWN) for code in found["code"]]
    return found.select(
        "party_id",
        "as_of",
        pl.Series("zh", [name.zh for name in names], dtype=pl.String),
        pl.Series("en", [name.en for name in names], dtype=pl.String),
    ).unique(maintain_order=True)


def _on(segmenting: Segmenting, known: Known) -> pl.LazyFrame:
    if segmenting.table == "exposures":
        codes = _lines(segmenting, known)
    else:
        rows = known.rows(segmenting.table, "party_id", "valid_from", "known_at", segmenting.column)
        codes = (
            rows.filter(pl.col("valid_from") <= known.as_of)
            .sort("party_id", "valid_from", "known_at")
            .group_by("party_id", maintain_order=True)
            .agg(pl.col(segmenting.column).last().alias("code"))
        )
    return codes.select("party_id", pl.lit(known.as_of).alias("as_of"), pl.col("code").cast(pl.String))


def _lines(segmenting: Segmenting, known: Known) -> pl.LazyFrame:
    """Return the lines of contracts that have begun and not yet run out; without one, those of the last to run out."""
    rows = known.rows(segmenting.table, "party_id", "start_on", "maturity_on", segmenting.column).filter(
        pl.col("start_on") <= known.as_of
    )
    running = pl.col("maturity_on") >= known.as_of
    last = pl.col("maturity_on") == pl.col("maturity_on").max().over("party_id")
    return (
        rows.filter(running | (last & ~running.any().over("party_id")))
        .select("party_id", pl.col(segmenting.column).alias("code"))
        .unique()
        .sort("party_id", "code")
    )
