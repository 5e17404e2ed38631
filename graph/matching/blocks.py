"""Which cores of names are worth comparing: blocks by sound, by one character, by rare characters, by order."""

from dataclasses import dataclass
from typing import Final

import polars as pl

__all__ = ["Blocks", "core_pairs"]

_SHORTEST: Final = 2
_LONGEST: Final = 60  # a longer text is no name; it is compared as a whole only
_RARE_KEYS: Final = 2
_PREFIX_LENGTHS: Final = range(2, 9)


@dataclass(frozen=True, eq=False)
class Blocks:
    """`pairs` [a, b] of row numbers with a < b, each once; `left_out` [block, key, size]: what was too large."""

    pairs: pl.DataFrame
    left_out: pl.DataFrame


def core_pairs(cores: pl.DataFrame, *, cap: int) -> Blocks:
    """Return the pairs of rows of `cores` [core, brief, sound, short] that share a key.

    `core` is unique and not empty; `short` marks cores that may be an abbreviation. Keys: the same sound; the same
    brief; the same characters in another order; equal after one character is left out (the deletion neighbourhood:
    every pair of four characters or more at Levenshtein distance 1 shares such a key); one of the two rarest pairs of
    neighbouring characters; a short core that begins a longer one. A block of more than `cap` rows is cut by the first
    character; what is still larger is left out and said. Cores of more than 60 characters are compared by sound only.
    """
    rows = cores.with_row_index("row")
    long = rows.filter(pl.col("core").str.len_chars().is_between(_SHORTEST + 1, _LONGEST))
    blocks = {
        "sound": rows.select("row", "core", key="sound"),
        "brief": rows.filter(pl.col("brief").is_duplicated()).select("row", "core", key="brief"),
        "order": long.select("row", "core", key=_in_order(pl.col("core"))),
        "one_character": _without_one(long),
        "rare_characters": _rare(long, cap),
    }
    found, left_out = [], []
    for name, (pairs, large) in {
        **{name: _within(keyed, cap) for name, keyed in blocks.items()},
        "beginning": _beginnings(rows, cap),
    }.items():
        found.append(pairs)
        left_out.append(large.select(pl.lit(name).alias("block"), "key", "size"))
    return Blocks(pl.concat(found).unique().sort("a", "b"), pl.concat(left_out).sort("block", "key"))


def _in_order(text: pl.Expr) -> pl.Expr:
    return text.str.split("").list.sort().list.join("")


def _without_one(rows: pl.DataFrame) -> pl.DataFrame:
    core, length = pl.col("core"), pl.col("core").str.len_chars()
    longest = int(rows.select(length.max()).item() or 0)
    whole = rows.filter(length > _SHORTEST + 1)
    cut = [
        whole.filter(length > place).select(
            "row", "core", key=pl.concat_str(core.str.slice(0, place), core.str.slice(place + 1))
        )
        for place in range(longest)
    ]
    return pl.concat([rows.select("row", "core", key="core"), *cut]).unique(
        ["row", "key"], maintain_order=True
    )


def _rare(rows: pl.DataFrame, cap: int) -> pl.DataFrame:
    """Key each core by its rarest pairs of neighbours that it shares with another, yet not with very many."""
    longest = int(rows.select(pl.col("core").str.len_chars().max()).item() or 0)
    grams = pl.concat(
        [rows.select("row", "core", key=pl.col("core").str.slice(at, 2)) for at in range(longest - 1)]
        or [rows.select("row", "core", key="core")]
    ).filter(pl.col("key").str.len_chars() == _SHORTEST)
    shared = grams.unique(["row", "key"]).with_columns(size=pl.len().over("key"))
    return (
        shared.filter(pl.col("size").is_between(2, cap))
        .sort("row", "size", "key")
        .group_by("row", maintain_order=True)
        .head(_RARE_KEYS)
        .select("row", "core", "key")
    )


def _beginnings(rows: pl.DataFrame, cap: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pair each short core with the longer ones that it begins; one that begins too many says nothing."""
    short = rows.filter("short").select(key="core", a="row")
    core = pl.col("core")
    starts = [
        rows.filter(core.str.len_chars() > length)
        .select(key=core.str.head(length), b="row")
        .join(short, on="key", how="semi")
        for length in _PREFIX_LENGTHS
    ]
    longer = pl.concat(starts).with_columns(size=pl.len().over("key"))
    pairs = longer.filter(pl.col("size") <= cap).join(short, on="key")
    large = longer.filter(pl.col("size") > cap).unique("key").select("key", "size")
    return pairs.select(a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b")), large


def _within(keyed: pl.DataFrame, cap: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all pairs within blocks, and the blocks that stay too large after a cut by the first character."""
    sized = keyed.with_columns(key=pl.col("key").cast(pl.String)).with_columns(size=pl.len().over("key"))
    sized = sized.filter(pl.col("size") > 1)
    small, large = sized.filter(pl.col("size") <= cap), sized.filter(pl.col("size") > cap)
    cut = large.with_columns(key=pl.concat_str("key", pl.lit("|"), pl.col("core").str.head(1)))
    cut = cut.with_columns(size=pl.len().over("key"))
    kept = pl.concat([small, cut.filter((pl.col("size") > 1) & (pl.col("size") <= cap))])
    kept = kept.select(pl.col("key").hash(seed=0), "row")
    pairs = kept.join(kept, on="key").filter(pl.col("row") < pl.col("row_right"))
    too_large = cut.filter(pl.col("size") > cap).unique("key").select("key", "size")
    whole = large.unique("key").select("key", "size")
    return pairs.select(a="row", b="row_right").unique(), pl.concat([whole, too_large])
