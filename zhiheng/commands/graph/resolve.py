"""Find records that are about one party, and keep what a person decides of the doubtful ones."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.commands.graph.stores import AsOf, checked_tables, day_of, embedded_store
from zhiheng.console import teller
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from graph.parquet_store import ParquetStore

__all__ = ["decide", "resolve"]


class EngineName(StrEnum):
    """What compares names."""

    RULES = "rules"
    SPLINK = "splink"


def resolve(
    *,
    as_of: AsOf = None,
    engine: Annotated[
        EngineName, typer.Option(help="rules（默认）或 splink（需另装）。rules, or splink (an extra).")
    ] = EngineName.RULES,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只列出，不写入关系图。List only, write nothing to the graph.")
    ] = False,
) -> None:
    """按信用代码、证件号摘要和名称找出同一主体的多条记录；拿不准的列成清单由人认定。

    Find records of one party; sure matches become `same_as` statements, doubtful ones a list for a person.
    """
    from features.checked_files import write_csv_atomically
    from features.sources import read_table
    from graph.identity import identity_as_of, same_as
    from graph.matching.verdicts import to_be_filled
    from graph.resolution import Engine
    from graph.resolution import resolve as find

    settings = load_settings()
    say, store = teller(settings), embedded_store(settings)
    day = day_of(store, as_of, home=settings.home)
    stated = identity_as_of(store.statements(), day)
    found = find(_records(store, settings, day), engine=Engine(engine), identity=stated)
    joined = found.clusters.filter(found.clusters["party_id"] != found.clusters["canonical_id"]).height
    say(f"{joined:,} 条记录并入其他主体", f"{joined:,} records are of a party that has another one")
    listed = _review_file(settings)
    filled = read_table(listed) if listed.exists() else None
    write_csv_atomically(to_be_filled(found.review, filled), listed, private=True)
    say(
        f"{found.review.height:,} 对待认定：{listed}。在 verdict 列填“同”或“不同”，填认定人与日期，再运行 zhiheng graph decide",
        f"{found.review.height:,} pairs to decide: {listed}. Write same or different under verdict, who and when, "
        "then run zhiheng graph decide",
    )
    for block in found.left_out.iter_rows(named=True):
        say(f"！{block['key']}：{block['reason_zh']}", f"! {block['key']}: {block['reason_en']}")
    if not dry_run:
        added = store.append(same_as(_unstated(found.matches, stated), known_at=day, source="match"))
        say(f"新增 {added:,} 条“同一主体”记录", f"{added:,} new `same_as` statements")


def decide(
    review: Annotated[
        Path | None, typer.Argument(help="填好的清单，默认为 resolve 写出的文件。The filled list.")
    ] = None,
) -> None:
    """把人对清单的认定写入关系图；否定的也记住，不再重复询问。

    Keep a person's decisions on the list; rejections are remembered too and not asked again.
    """
    from features.sources import read_table
    from graph.identity import decided
    from graph.matching.verdicts import decisions_of

    settings = load_settings()
    store = embedded_store(settings)
    filled = read_table(review or _review_file(settings))
    added = store.append(decided(filled, decisions_of(filled), stated=store.statements()))
    teller(settings)(f"新增 {added:,} 条认定", f"{added:,} new decisions kept")


def _review_file(settings: Settings) -> Path:
    return settings.home / "graph-review.csv"


def _records(store: "ParquetStore", settings: Settings, day: "date") -> "pl.DataFrame":
    """Return the record of each party known on a day, imported ones too, with the hash that the graph does not keep."""
    import polars as pl

    from features.asof import Known

    records, tables = store.parties(day), checked_tables(settings)
    if "parties" not in tables:
        teller(settings)(
            "！没有主体表，缺少证件号摘要，自然人将不会自动归并",
            "! there is no table of parties with hashes of identity numbers: no persons are joined",
        )
        return records
    profiles = Known(tables, day).rows("parties", "party_id", "id_hash", "valid_from", "known_at")
    begun = profiles.filter(pl.col("valid_from") <= day).sort("party_id", "valid_from", "known_at")
    last = begun.unique("party_id", keep="last", maintain_order=True).select("party_id", "id_hash").collect()
    return records.join(last, on="party_id", how="left", maintain_order="left")


def _unstated(matches: "pl.DataFrame", stated: "pl.DataFrame") -> "pl.DataFrame":
    """Return the matches on which nothing was stated before: a day later they need not be stated again."""
    pairs = stated.select(party_a="src", party_b="dst")
    return matches.join(pairs, on=["party_a", "party_b"], how="anti")
