"""Pairs of spellings that may name one company, each with a score and what a person should know."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from graph.matching.blocks import core_pairs
from graph.matching.likeness import LIKELY, around_alike, cores_alike

__all__ = ["SPELLING", "SpellingPairs", "spelling_pairs"]

SPELLING: Final = ("core", "form", "group", "branch", "province", "city", "district")
_SIDE: Final = (*SPELLING, "written")
_MARGIN: Final = 0.05
_AMBIGUOUS: Final = 0.80


@dataclass(frozen=True, eq=False)
class SpellingPairs:
    """`pairs` [a, b, score, method, doubt] of spellings, a < b; `left_out` [block, key, size]."""

    pairs: pl.DataFrame
    left_out: pl.DataFrame


def spelling_pairs(spellings: pl.DataFrame, *, cap: int) -> SpellingPairs:
    """Return the pairs of `spellings` [spelling, parties, core, brief, sound, form, …] that score at least `UNSURE`.

    `parties` is the number of parties that are spelled so; `cap` bounds the blocks (see `core_pairs`).
    """
    named = spellings.filter(pl.col("core") != "")
    cores = (
        named.group_by("core", maintain_order=True)
        .agg(pl.first("brief", "sound"), short=(pl.col("form") == "").any())
        .with_row_index("core_id")
    )
    blocks = core_pairs(cores.drop("core_id"), cap=cap)
    alike = cores_alike(blocks.pairs, cores)
    same = cores.select(a="core_id", b="core_id", method=pl.lit("same_name"), base=pl.lit(1.0))
    both_ways = pl.concat(
        [same, alike, alike.select(pl.col("b").alias("a"), pl.col("a").alias("b"), "method", "base")]
    )
    table = named.join(cores.select("core", "core_id"), on="core", maintain_order="left")
    table = table.with_columns(written=pl.col("parties").sum().over("core", "city"))
    table = table.select("spelling", "core_id", *_SIDE)
    joined, large = _expanded(both_ways, table, cap)
    # a short name says less than the name it begins, so it is one only where no legal form is written
    whole = (pl.col("method") != "abbreviation") | (
        pl.when(pl.col("core").str.len_chars() < pl.col("core_b").str.len_chars())
        .then(pl.col("form") == "")
        .otherwise(pl.col("form_b") == "")
    )
    scored = around_alike(joined.filter(whole))
    pairs = _unambiguous(scored, cores).select("a", "b", "score", "method", "doubt").sort("a", "b")
    return SpellingPairs(pairs, pl.concat([blocks.left_out, large]))


def _expanded(alike: pl.DataFrame, table: pl.DataFrame, cap: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join pairs of cores with their spellings in one city, those without a city, and branches with head offices."""
    heads, branches = table.filter(pl.col("branch") == ""), table.filter(pl.col("branch") != "")
    nowhere = heads.filter(pl.col("city") == "")
    placed, many_places = _few(heads.filter(pl.col("city") != ""), "one_core_in_many_places", cap)
    asked, many_branches = _few(branches, "branches_of_one_name", cap)
    one_core = alike.filter(pl.col("a") == pl.col("b"))
    joined = pl.concat(
        [
            _joined(alike, heads, heads, ["city"]),
            _joined(alike, nowhere, placed, []),
            _joined(one_core, branches, branches, ["city", "branch"]),
            _joined(one_core, asked, heads, []),
        ]
    )
    forward, backward = pl.col("left") < pl.col("right"), pl.col("left") > pl.col("right")
    ordered = pl.concat([joined.filter(forward), _turned(joined.filter(backward))])
    unique = ordered.unique(["left", "right"], keep="first", maintain_order=True)
    return unique.drop("a", "b").rename({"left": "a", "right": "b"}), pl.concat([many_places, many_branches])


def _few(table: pl.DataFrame, block: str, cap: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the spellings of cores that have at most `cap` of them, and what is said of the others."""
    sized = table.with_columns(size=pl.len().over("core_id"))
    large = sized.filter(pl.col("size") > cap).unique("core_id", maintain_order=True)
    told = large.select(block=pl.lit(block), key="core", size="size")
    return sized.filter(pl.col("size") <= cap).drop("size"), told


def _joined(alike: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    mine = left.rename({"spelling": "left", "core_id": "a"})
    yours = right.rename({"spelling": "right", "core_id": "b"}).rename({name: f"{name}_b" for name in _SIDE})
    pairs = alike.join(mine, on="a").join(
        yours, left_on=["b", *on], right_on=["b", *(f"{name}_b" for name in on)], coalesce=False
    )
    return pairs.select("a", "b", "left", "right", "method", "base", *_SIDE, *(f"{name}_b" for name in _SIDE))


def _turned(pairs: pl.DataFrame) -> pl.DataFrame:
    sides = [("left", "right"), *((name, f"{name}_b") for name in _SIDE)]
    swap = dict(sides) | {there: here for here, there in sides}
    return pairs.rename(swap).select(pairs.columns)


def _unambiguous(pairs: pl.DataFrame, cores: pl.DataFrame) -> pl.DataFrame:
    """Leave a name that lacks its place, or its trade, to a person where it fits more than one fuller name."""
    sounds = dict(cores.select("core", "sound").iter_rows())
    rows = pairs.with_row_index("pair")
    incomplete = pl.concat(list(_incomplete(rows, sounds)))
    best = incomplete.with_columns(best=pl.col("score").max().over("spelling", "lacks"))
    near = best.filter(pl.col("score") >= pl.col("best") - _MARGIN)
    torn = near.filter(pl.col("fuller").n_unique().over("spelling", "lacks") > 1)["pair"].unique()
    several = pl.col("pair").is_in(torn.implode()) & (pl.col("score") > _AMBIGUOUS)
    return rows.with_columns(
        doubt=pl.when(several & pl.col("doubt").is_null()).then(pl.lit("several_fit")).otherwise("doubt"),
        score=pl.when(several).then(_AMBIGUOUS).otherwise("score"),
    ).drop("pair")


def _incomplete(pairs: pl.DataFrame, sounds: dict[str, str]) -> Iterator[pl.DataFrame]:
    likely = pairs.filter(pl.col("score") >= LIKELY)
    for mine, yours, one in (("", "_b", "a"), ("_b", "", "b")):
        city, theirs = pl.col(f"city{mine}"), pl.col(f"city{yours}")
        yield likely.filter((city == "") & (theirs != "")).select(
            "pair", "score", spelling=one, lacks=pl.lit("city"), fuller=theirs
        )
        length = pl.col(f"core{mine}").str.len_chars()
        shorter = (pl.col("method") == "abbreviation") & (length < pl.col(f"core{yours}").str.len_chars())
        yield likely.filter(shorter).select(
            "pair", "score", spelling=one, lacks=pl.lit("trade"),
            fuller=pl.col(f"core{yours}").replace_strict(sounds, return_dtype=pl.String),
        )  # fmt: skip
