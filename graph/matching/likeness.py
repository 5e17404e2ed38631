"""How alike two names are, and by what: the kind of change between their cores, and what stands around them."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from graph.matching.names import name_tables
from graph.ontology import PartyKind

__all__ = ["LIKELY", "UNSURE", "around_alike", "cores_alike", "of_two_seats", "seat", "two_offices"]

LIKELY: Final = 0.86
"""From here on two names are taken to be of one party."""
UNSURE: Final = 0.70
"""From here up to `LIKELY` a person is asked."""
_ASK: Final = 0.80
_NOWHERE: Final = "||"  # the seat of a name without a region
_ASK_BRANCH: Final = 0.75
_WORKERS: Final = 2
_SHORT_CORE: Final = 4
_SHORTEST: Final = 2
_TWO_PLACES: Final = 2
_LONG_CORE: Final = 6
_WIDE: Final = 0.75  # of characters in common: below, two names have nothing to do with each other

# One change of the core each, by what makes it likely to be a slip rather than another company's name. The numbers
# rank the evidence; they are judgements kept in one place, not probabilities.
_BASE: Final = {
    "same_name": 1.0,
    "abbreviated_trade": 0.97,
    "sounds_alike": 0.94,
    "doubled_character": 0.93,
    "looks_alike": 0.92,
    "swapped_words": 0.92,
    "omitted_character": 0.90,
    "abbreviation": 0.89,
    "swapped_characters": 0.88,
    "other_character": 0.82,
}
_SLIPS: Final = (
    "sounds_alike",
    "doubled_character",
    "looks_alike",
    "omitted_character",
    "swapped_characters",
)
_PER_SOUND: Final = 0.02  # for each further character that only sounds alike
_WIDE_WEIGHT: Final = 0.9


def cores_alike(pairs: pl.DataFrame, cores: pl.DataFrame) -> pl.DataFrame:
    """Score pairs of cores: `pairs` [a, b] are rows of `cores` [core, brief, sound]; returns [a, b, method, base].

    `base` is between 0 and 1 and `method` names the change: see `_BASE`. Pairs that differ in a number (第一, 第二)
    or in more than a quarter of their characters are left out, and one other character where several names are that
    near. Distances are Levenshtein's (rapidfuzz).
    """
    table = _table(cores)
    joined = pairs.join(table.rename({"row": "a"}), on="a").join(
        table.rename({"row": "b"}), on="b", suffix="_b"
    )
    # what is numbered differently is another thing of the same series
    joined = joined.filter(pl.col("numbers") == pl.col("numbers_b"))
    joined = joined.with_columns(
        pl.Series("distance", _distances(joined["core"].to_list(), joined["core_b"].to_list())),
        longer=pl.max_horizontal("length", "length_b"),
        shorter=pl.min_horizontal("length", "length_b"),
    )
    joined = joined.with_columns(alike=1 - pl.col("distance") / pl.col("longer"))
    turned = (pl.col("ordered") == pl.col("ordered_b")) & (pl.col("distance") > 1)
    reordered = joined.select(turned).to_series()
    joined = pl.concat(
        [
            _of_method(joined.filter(reordered), _order_method()),
            _of_method(joined.filter(~reordered), _coarse_method()),
        ]
    )
    one = joined.select(pl.col("method") == "one_change").to_series()
    fine = pl.Series("method", list(_changes(joined.filter(one))), dtype=pl.String)
    joined = pl.concat([joined.filter(~one), joined.filter(one).with_columns(fine)])
    return _not_crowded(joined.select("a", "b", "method", base=_base())).sort("a", "b")


def _table(cores: pl.DataFrame) -> pl.DataFrame:
    core = pl.col("core")
    return cores.select(
        "core",
        "brief",
        "sound",
        length=core.str.len_chars().cast(pl.Int64),
        ordered=core.str.split("").list.sort().list.join(""),
        numbers=core.str.replace_all(f"[^{name_tables().numerals}]", ""),
    ).with_row_index("row")


def _of_method(joined: pl.DataFrame, method: pl.Expr) -> pl.DataFrame:
    return joined.with_columns(method=method).filter(pl.col("method").is_not_null())


def _not_crowded(pairs: pl.DataFrame) -> pl.DataFrame:
    """Leave out names one character away from several others: where names lie so close, that says nothing."""
    near = pairs.filter(pl.col("method") == "other_character")
    crowd = (
        pl.concat([near["a"], near["b"]]).value_counts().filter(pl.col("count") > 1).to_series(0).implode()
    )
    crowded = pl.col("a").is_in(crowd) | pl.col("b").is_in(crowd)
    return pairs.filter((pl.col("method") != "other_character") | ~crowded)


def _length(column: str) -> pl.Expr:
    return pl.col(column).str.len_chars().cast(pl.Int64)


def _distances(left: list[str], right: list[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if not left:
        return np.zeros(0, dtype=np.int64)
    found = process.cpdist(left, right, scorer=Levenshtein.distance, dtype=np.int32, workers=_WORKERS)
    return found.astype(np.int64)


def _order_method() -> pl.Expr:
    """Name the change between two cores of the same characters in another order."""
    turned = (pl.col("core") + pl.col("core")).str.contains(pl.col("core_b"), literal=True)
    return (
        pl.when(pl.col("sound") == pl.col("sound_b")).then(pl.lit("sounds_alike"))
        .when(turned & (pl.col("longer") >= _SHORT_CORE)).then(pl.lit("swapped_words"))
        .when(pl.col("distance") == _TWO_PLACES).then(pl.lit("swapped_characters"))
        .when(pl.col("alike") >= _WIDE).then(pl.lit("similar"))
    )  # fmt: skip


def _coarse_method() -> pl.Expr:
    brief = (pl.col("brief") == pl.col("brief_b")) & (
        (pl.col("brief") == pl.col("core")) | (pl.col("brief_b") == pl.col("core_b"))
    )
    begins = pl.col("core").str.starts_with(pl.col("core_b")) | pl.col("core_b").str.starts_with(
        pl.col("core")
    )
    even = pl.col("longer") == pl.col("shorter")
    return (
        pl.when(pl.col("distance") == 0).then(pl.lit("same_name"))
        .when(brief).then(pl.lit("abbreviated_trade"))
        .when(even & (pl.col("sound") == pl.col("sound_b"))).then(pl.lit("sounds_alike"))
        .when(pl.col("distance") == 1).then(pl.lit("one_change"))
        .when(begins).then(pl.lit("abbreviation"))
        .when(pl.col("alike") >= _WIDE).then(pl.lit("similar"))
    )  # fmt: skip


def _base() -> pl.Expr:
    base = pl.col("method").replace_strict(_BASE, default=0.0, return_dtype=pl.Float64)
    short = pl.col("shorter") < _SHORT_CORE
    further = (pl.col("distance") - 1).clip(0) * _PER_SOUND
    weak = pl.col("method").is_in(["omitted_character", "looks_alike", "swapped_characters"])
    return (
        pl.when(pl.col("method") == "similar").then((_WIDE_WEIGHT * pl.col("alike")).clip(upper_bound=_ASK))
        .when(pl.col("method").is_in(["same_name", "abbreviated_trade"])).then(base)
        .when(short | (weak & (pl.col("longer") <= _LONG_CORE))).then(pl.min_horizontal(base, pl.lit(_ASK)))
        .when(pl.col("method") == "sounds_alike").then((base - further).clip(_ASK))
        .otherwise(base)
    )  # fmt: skip


def _changes(pairs: pl.DataFrame) -> Iterator[str]:
    """Name the one character that was changed, left out or added between two cores."""
    tables = name_tables()
    for core, other in pairs.select("core", "core_b").iter_rows():
        place = next((at for at, (x, y) in enumerate(zip(core, other, strict=False)) if x != y), None)
        if len(core) == len(other) and place is not None:
            yield _substitution(core[place], other[place])
            continue
        longer, shorter = (core, other) if len(core) > len(other) else (other, core)
        at = len(shorter) if place is None else place
        doubled = at > 0 and longer[at] == longer[at - 1]
        ends = at == len(shorter) and not tables.sounds.get(longer[at])
        yield "doubled_character" if doubled and not ends else "omitted_character"


def _substitution(here: str, there: str) -> str:
    tables = name_tables()
    if tables.sounds.get(here, here) == tables.sounds.get(there, there):
        return "sounds_alike"
    return "looks_alike" if (here, there) in tables.look_alikes else "other_character"


def around_alike(pairs: pl.DataFrame) -> pl.DataFrame:
    """Score pairs of names whose cores are alike by what stands around the cores.

    `pairs` has base and method (see `cores_alike`), and of both sides (the other with `_b`) core, form, group, branch,
    province, city, district and written: how many parties write this core in this city. Returns the pairs that are not
    known to differ with `score` = base less what is missing or differs, and `doubt`: the reason why a person has to
    decide, or null. Another province, city or branch makes another company.
    """
    kept = pairs.filter(_may_be_one())
    score = pl.col("base") - _region_penalty() - _form_penalty()
    doubt = _doubt()
    ceiling = pl.when(doubt == "branch").then(_ASK_BRANCH).when(doubt.is_not_null()).then(_ASK).otherwise(1.0)
    return kept.with_columns(score=pl.min_horizontal(score, ceiling).clip(0.0, 1.0), doubt=doubt).filter(
        pl.col("score") >= UNSURE
    )


def _both(column: str) -> pl.Expr:
    return (pl.col(column) != "") & (pl.col(f"{column}_b") != "")


def _differ(column: str) -> pl.Expr:
    return pl.col(column) != pl.col(f"{column}_b")


def _may_be_one() -> pl.Expr:
    elsewhere = (_both("province") & _differ("province")) | (_both("city") & _differ("city"))
    branches = _both("branch") & _differ("branch")
    far_branch = _differ("branch") & (pl.col("method") != "same_name")
    return ~elsewhere & ~branches & ~far_branch


def _region_penalty() -> pl.Expr:
    nowhere = (pl.col("province") == "") != (pl.col("province_b") == "")
    return pl.when(nowhere).then(0.05).otherwise(0.0)


def _form_penalty() -> pl.Expr:
    companies = ["limited", "joint_stock"]
    said = pl.col("form").is_in(companies) & pl.col("form_b").is_in(companies)
    unwritten = (pl.col("form") == "") | (pl.col("form_b") == "")
    return (
        pl.when(~_differ("form")).then(0.0)
        .when(said).then(0.05)
        .when(unwritten).then(0.02)
        .otherwise(0.01)
    )  # fmt: skip


def _doubt() -> pl.Expr:
    forms = ["limited", "joint_stock", "unsaid", ""]
    other_form = _differ("form") & ~(pl.col("form").is_in(forms) & pl.col("form_b").is_in(forms))
    length = pl.min_horizontal(_length("core"), _length("core_b"))
    placeless = (pl.col("province") == "") | (pl.col("province_b") == "")
    # a slip is seldom made twice: two spellings that several parties use are two names
    slip = pl.col("method").is_in(list(_SLIPS))
    vague = (length < _SHORTEST) | ((length < _SHORT_CORE) & placeless)
    return (
        pl.when(_differ("branch")).then(pl.lit("branch"))
        .when(_differ("group")).then(pl.lit("group"))
        .when(other_form).then(pl.lit("form"))
        .when(_both("district") & _differ("district")).then(pl.lit("district"))
        .when(_both("province") & _differ("city")).then(pl.lit("region"))
        .when(vague).then(pl.lit("short_name"))
        .when(slip & (pl.col("written") > 1) & (pl.col("written_b") > 1)).then(pl.lit("both_written"))
    )  # fmt: skip


def seat() -> pl.Expr:
    """Return the region of a name, level by level: the office of a province is another than those of its cities."""
    return pl.concat_str("province", "city", "district", separator="|")


def two_offices() -> pl.Expr:
    """Tell whether a pair [kind, seat and both with `_b`] is of two government bodies: one name stands at every level."""
    return of_two_seats() & (pl.col("seat") != _NOWHERE) & (pl.col("seat_b") != _NOWHERE)


def of_two_seats() -> pl.Expr:
    """Tell whether a pair is of government bodies with different seats, of which one may be left out of its name."""
    government = pl.lit(PartyKind.GOVERNMENT.value)
    return (pl.col("kind") == government) & (pl.col("kind_b") == government) & _differ("seat")
