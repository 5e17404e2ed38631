"""The card as one flat table, a row a bin, and the card that such a table says."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from models.credit.points import PointScale
from models.credit.scorecard.card import Bin, Scorecard, Source, Term
from models.errors import ScorecardError

__all__ = [
    "TABLE_SCHEMA",
    "read_table",
    "score_table",
    "scorecard_of_table",
    "scorecard_table",
    "write_table",
]

TABLE_SCHEMA: Final = pl.Schema(
    {
        "term": pl.Int64, "name": pl.String, "column": pl.String, "minus": pl.String, "categorical": pl.Boolean,
        "part": pl.String, "direction": pl.Int64, "iv": pl.Float64, "bin": pl.Int64, "lower": pl.Float64,
        "upper": pl.Float64, "closed": pl.String, "categories": pl.String, "other": pl.Boolean, "rest": pl.Boolean,
        "missing": pl.Boolean, "woe": pl.Float64, "coefficient": pl.Float64, "log_odds": pl.Float64,
        "points": pl.Float64, "count": pl.Int64, "events": pl.Int64, "event_rate": pl.Float64,
    }
)  # fmt: skip
"""Columns of the table. Row 0 is the base; then bins by term, numbered from 0; `lower` ≤ value < `upper`, empty is open.

`categories` is a JSON list; `log_odds` = woe · coefficient; points are those of the base plus those of one bin a term.
"""

_BASE: Final = "(base)"


def scorecard_table(card: Scorecard, scale: PointScale) -> pl.DataFrame:
    """Return the card as a table with points by the scale; the base row and one bin of each term add up to the points."""
    rows: list[dict[str, object]] = [
        {
            "term": 0, "name": _BASE, "log_odds": card.intercept, "count": card.rows, "events": card.events,
            "event_rate": card.events / card.rows, "points": scale.offset - scale.factor * card.intercept,
        }
    ]  # fmt: skip
    for number, term in enumerate(card.terms, start=1):
        shared = {
            "term": number, "name": term.name, "column": term.source.column, "minus": term.source.minus,
            "categorical": term.source.categorical, "part": term.part, "direction": term.direction, "iv": term.iv,
            "coefficient": term.coefficient,
        }  # fmt: skip
        for place, (one, log_odds) in enumerate(zip(term.bins, term.log_odds.tolist(), strict=True)):
            rows.append(
                {
                    **shared, **one.model_dump(), "bin": place, "log_odds": log_odds, "closed": _closed(term, one),
                    "categories": json.dumps(one.categories, ensure_ascii=False) if one.categories else None,
                    "points": 0.0 - scale.factor * log_odds,
                    "event_rate": one.events / one.count if one.count else None,
                }
            )  # fmt: skip
    return pl.DataFrame(rows, schema=TABLE_SCHEMA)


def scorecard_of_table(table: pl.DataFrame) -> Scorecard:
    """Return the card that a table says. Raises ScorecardError naming what is wrong with it."""
    absent = [name for name in TABLE_SCHEMA if name not in table.columns]
    if absent:
        raise _unreadable(f"缺少列 {', '.join(absent)}", f"columns {', '.join(absent)} are missing")
    table = table.cast(dict(TABLE_SCHEMA))  # type: ignore[arg-type]
    base = table.filter(pl.col("term") == 0)
    if base.height != 1:
        raise _unreadable(
            f"应有一行基准行，实有 {base.height} 行", f"it has {base.height} base rows, not one"
        )
    rows = table.filter(pl.col("term") > 0).sort("term", "bin")
    terms = tuple(_term(part) for part in rows.partition_by("term", maintain_order=True))
    head = base.row(0, named=True)
    return Scorecard(terms=terms, intercept=head["log_odds"], rows=head["count"], events=head["events"])


def score_table(table: pl.DataFrame, frame: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the log-odds of default (n,) of a frame's rows from the table alone, bit for bit those of the card."""
    return scorecard_of_table(table).log_odds(frame)


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write the table as CSV, Parquet or xlsx, by the file's suffix.

    CSV and Parquet keep every bit; a workbook keeps 16 digits and is meant for people.
    """
    writers = {".csv": table.write_csv, ".parquet": table.write_parquet, ".xlsx": table.write_excel}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise _unknown_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer(path)  # type: ignore[operator]


def read_table(path: Path) -> pl.DataFrame:
    """Read a table that `write_table` wrote as CSV or Parquet, or that someone kept in its form."""
    if path.suffix.lower() == ".csv":
        return pl.read_csv(path, schema_overrides=dict(TABLE_SCHEMA), null_values=None)
    if path.suffix.lower() == ".parquet":
        return pl.read_parquet(path)
    raise _unknown_suffix(path)


def _term(rows: pl.DataFrame) -> Term:
    head = rows.row(0, named=True)
    return Term(
        source=Source(column=head["column"], minus=head["minus"], categorical=head["categorical"]),
        part=head["part"],
        direction=head["direction"],
        iv=head["iv"],
        coefficient=head["coefficient"],
        bins=tuple(_bin(row) for row in rows.iter_rows(named=True)),
    )


def _bin(row: dict[str, object]) -> Bin:
    kept = {name: row[name] for name in Bin.model_fields if name != "categories"}
    categories = json.loads(str(row["categories"])) if row["categories"] else ()
    return Bin.model_validate({**kept, "categories": tuple(categories)})


def _closed(term: Term, one: Bin) -> str | None:
    return None if one.missing or term.source.categorical else "left"


def _unknown_suffix(path: Path) -> ScorecardError:
    return ScorecardError(
        zh=f"不支持的文件类型“{path.name}”。写出可用 .csv、.parquet、.xlsx；读入可用 .csv、.parquet。",
        en=f"'{path.name}' is of an unknown kind. Write .csv, .parquet or .xlsx; read .csv or .parquet.",
    )


def _unreadable(zh: str, en: str) -> ScorecardError:
    return ScorecardError(
        zh=f"评分卡表无法使用：{zh}。请重新导出。",
        en=f"The table of the scorecard cannot be used: {en}. Export it again.",
    )
