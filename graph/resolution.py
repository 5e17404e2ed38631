"""Which records are about one party: rules on codes, identity numbers and names, and what a person has to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from graph.edges import EdgeFrame
from graph.errors import MissingExtraError
from graph.identity import ACCEPTED, WORD, affirmed, rejections
from graph.matching.clusters import NO_CODE, clustered
from graph.matching.likeness import LIKELY, UNSURE, of_two_seats, seat, two_offices
from graph.matching.pairs import spelling_pairs
from graph.matching.records import Records, read_records
from graph.matching.review import review_list

__all__ = ["CLUSTER_SCHEMA", "LEFT_OUT_SCHEMA", "MATCH_SCHEMA", "Engine", "Resolution", "resolve"]

MATCH_SCHEMA: Final = pl.Schema(
    {
        "party_a": pl.String,
        "party_b": pl.String,
        "name_a": pl.String,
        "name_b": pl.String,
        "score": pl.Float64,
        "method": pl.String,
    }
)
CLUSTER_SCHEMA: Final = pl.Schema({"party_id": pl.String, "canonical_id": pl.String})
LEFT_OUT_SCHEMA: Final = pl.Schema(
    {"block": pl.String, "key": pl.String, "size": pl.UInt32, "reason_zh": pl.String, "reason_en": pl.String}
)
_LINK: Final = pl.Schema(
    {"a": pl.UInt32, "b": pl.UInt32, "score": pl.Float64, "method": pl.String, "doubt": pl.String}
)
_BLOCK_CAP: Final = 200
_NEAR_CODE: Final = 2
_NEAR_NAME: Final = 60.0
_ASK: Final = 0.80
_WORKERS: Final = 2


class Engine(StrEnum):
    """What finds and scores the pairs of names; the rules on codes and persons hold for each."""

    RULES = "rules"
    SPLINK = "splink"


@dataclass(frozen=True, eq=False)
class Resolution:
    """What is one party, what may be, and what was not compared.

    `matches` (MATCH_SCHEMA): the links that hold the clusters together; `review` (REVIEW_SCHEMA): doubtful pairs for a
    person; `clusters` (CLUSTER_SCHEMA): every party and the smallest party_id of its cluster; `left_out`
    (LEFT_OUT_SCHEMA): blocks too large to compare; `nameless`: parties without name and valid code, never joined.
    """

    matches: pl.DataFrame
    review: pl.DataFrame
    clusters: pl.DataFrame
    left_out: pl.DataFrame
    nameless: Sequence[str]


def resolve(
    records: pl.DataFrame,
    *,
    engine: Engine = Engine.RULES,
    identity: EdgeFrame | None = None,
    block_cap: int = _BLOCK_CAP,
    seed: int = 0,
) -> Resolution:
    """Find which of the records [party_id, kind, name, credit_code?, id_hash?] are about one party.

    Equal valid codes always make one party (of one kind; else a person is asked), two different valid codes never do,
    not through others either. Persons are one with equal `id_hash` only. Organisations are compared by name within
    blocks; scores from `LIKELY` match, from `UNSURE` are asked. `identity` is what was stated before
    (`graph.identity.identity_as_of`): what a person decided is kept and not asked again.
    A block of more than `block_cap` names is cut, and what is then too large is in `left_out`. `seed` is for
    `Engine.SPLINK`, which samples; the rules draw nothing. Raises RecordTableError for a table it cannot work on, and
    MissingExtraError when splink is asked for and not installed.
    """
    read = read_records(records)
    spelled, left_out = _spelled(read, engine, block_cap, seed)
    persons, crowds = _persons(read, block_cap)
    near, near_left_out = _near_codes(read, block_cap)
    links = pl.concat([_unit_stars(read), _same_codes(read), _same_ids(read), *spelled, persons, near])
    decided, apart = _decisions(read, identity)
    links = _one_per_pair(pl.concat([_without_conflicts(links, read.parties), decided]))
    sure = links.filter((pl.col("score") >= LIKELY) & pl.col("doubt").is_null())
    codes = read.parties["code"].fill_null(NO_CODE).to_numpy()
    found = clustered(read.parties.height, sure, codes, apart=apart)
    labels = pl.Series("label", found.labels)
    refused = sure.filter(pl.Series(found.refused)).with_columns(doubt=pl.lit("several_fit"))
    unsure = links.filter((pl.col("score") < LIKELY) | pl.col("doubt").is_not_null())
    return Resolution(
        _matches(sure.filter(~pl.Series(found.refused)), read.parties),
        review_list(_askable(pl.concat([refused, unsure]), labels, codes, apart), read.parties),
        _named_clusters(read.parties, labels),
        pl.concat([left_out, crowds, near_left_out]),
        _nameless(read),
    )


def _links(frame: pl.DataFrame) -> pl.DataFrame:
    """Return links between parties with a < b and the columns of `_LINK`, none of a party to itself."""
    absent = {"score": 1.0, "doubt": None}
    frame = frame.with_columns(
        pl.lit(value).alias(name) for name, value in absent.items() if name not in frame.columns
    )
    ordered = frame.filter(pl.col("a") != pl.col("b")).with_columns(
        a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b")
    )
    return ordered.select(pl.col(name).cast(dtype) for name, dtype in _LINK.items())


def _unit_stars(read: Records) -> pl.DataFrame:
    """Link the parties of one unit: their names and codes, or identity hashes, are equal."""
    first = read.units.select("unit", "person", a="party")
    by = pl.when("person").then(pl.lit("id_hash")).otherwise(pl.lit("same_name"))
    return _links(read.members.join(first, on="unit").select("a", b="party", method=by))


def _same_codes(read: Records) -> pl.DataFrame:
    coded = read.units.filter("code_valid").select("party", "kind", "credit_code").unique(maintain_order=True)
    first = coded.unique("credit_code", keep="first", maintain_order=True)
    pairs = coded.join(first, on="credit_code", suffix="_first")
    doubt = pl.when(pl.col("kind") != pl.col("kind_first")).then(pl.lit("kind"))
    return _links(pairs.select(a="party_first", b="party", method=pl.lit("credit_code"), doubt=doubt))


def _same_ids(read: Records) -> pl.DataFrame:
    known = read.units.filter(pl.col("person") & pl.col("id_hash").is_not_null())
    first = known.unique("id_hash", keep="first", maintain_order=True).select("id_hash", a="party")
    return _links(known.join(first, on="id_hash").select("a", b="party", method=pl.lit("id_hash")))


def _persons(read: Records, cap: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pair persons of one name where an identity hash is missing: a person decides."""
    people = read.units.filter(pl.col("person") & (pl.col("core") != "")).select("party", "core", "id_hash")
    people = people.unique(["party", "core"], maintain_order=True).with_columns(size=pl.len().over("core"))
    few = people.filter(pl.col("size").is_between(2, cap))
    pairs = few.filter(pl.col("id_hash").is_null()).join(few, on="core")
    links = pairs.select(
        a="party",
        b="party_right",
        score=pl.lit(UNSURE),
        method=pl.lit("same_name"),
        doubt=pl.lit("person_without_id"),
    )
    open_names = people.filter((pl.col("size") > cap) & pl.col("id_hash").is_null()).unique(
        "core", maintain_order=True
    )
    return _links(links), _told(
        open_names.select(block=pl.lit("persons_of_one_name"), key="core", size="size"), cap
    )


def _told(large: pl.DataFrame, cap: int) -> pl.DataFrame:
    size = pl.col("size").cast(pl.String)
    return large.with_columns(
        reason_zh=pl.format("{} 个名称落入同一分组，超过上限 {}，未逐一比较；请补录信用代码或证件号", size, cap),
        reason_en=pl.format("{} names fall into one block, above the cap of {}: not all were compared; "
            "add codes or identity numbers", size, cap),
    ).select(pl.col(name).cast(dtype) for name, dtype in LEFT_OUT_SCHEMA.items())  # fmt: skip


def _spelled(read: Records, engine: Engine, cap: int, seed: int) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Return the links by name between parties, and the blocks left out."""
    if engine is Engine.SPLINK:
        return [_links(_by_splink(read, seed))], pl.DataFrame(schema=LEFT_OUT_SCHEMA)
    pairs = spelling_pairs(read.spellings, cap=cap)
    units = read.units.filter(~pl.col("person") & (pl.col("core") != "")).select(
        "spelling", "party", "kind", "core", "vague", "credit_code", "code_valid"
    )
    units = units.join(read.spellings.select("spelling", seat=seat()), on="spelling", maintain_order="left")
    crowded = units.with_columns(size=pl.len().over("spelling")).filter(pl.col("size") > cap)
    few = units.join(crowded, on="spelling", how="anti")
    same = _between(few, few.select(a="spelling", b="spelling", vague="vague").unique(maintain_order=True).select(
        "a", "b", score=pl.lit(1.0), method=pl.lit("same_name"), doubt=pl.when("vague").then(pl.lit("short_name"))))  # fmt: skip
    large = crowded.unique("spelling", maintain_order=True).select(
        block=pl.lit("parties_of_one_name"), key="core", size="size"
    )
    left_out = pl.concat([_told(pairs.left_out, cap), _told(large, cap)])
    return [same, _between(few, pairs.pairs)], left_out


def _by_splink(read: Records, seed: int) -> pl.DataFrame:
    try:
        from graph.matching.splink_pairs import splink_pairs  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingExtraError("splink", "splink", str(error)) from error
    return splink_pairs(read, seed=seed)


def _between(units: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Carry pairs of spellings over to the parties that are spelled so, and weigh their codes."""
    other = units.rename({name: f"{name}_b" for name in units.columns})
    joined = pairs.join(units, left_on="a", right_on="spelling").join(
        other, left_on="b", right_on="spelling_b"
    )
    joined = joined.filter((pl.col("a") != pl.col("b")) | (pl.col("party") < pl.col("party_b")))
    joined = joined.filter(~two_offices())
    given = pl.col("credit_code").is_not_null() & pl.col("credit_code_b").is_not_null()
    both_valid = pl.col("code_valid") & pl.col("code_valid_b")
    unlike = given & (pl.col("credit_code") != pl.col("credit_code_b"))
    joined = joined.filter(~(unlike & both_valid))
    other_kind = pl.col("kind") != pl.col("kind_b")
    doubt = pl.when(other_kind).then(pl.lit("kind")).when(of_two_seats()).then(pl.lit("seat"))
    return _links(
        joined.select(
            a="party",
            b="party_b",
            score=pl.col("score") - pl.when(unlike).then(0.05).otherwise(0.0),
            method="method",
            doubt=doubt.otherwise("doubt"),
        )
    )


def _near_codes(read: Records, cap: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pair a code with a wrong check character with the valid ones that differ from it in one or two places.

    Two wrong codes are no evidence, equal or not: "000…" and the like stand in many lists.
    """
    coded = read.units.filter(
        ~pl.col("person") & (pl.col("core") != "") & pl.col("credit_code").is_not_null()
    )
    coded = coded.select("party", "kind", "core", "branch", "credit_code", "code_valid").unique(
        maintain_order=True
    )
    code = pl.col("credit_code")
    # one slip, or two neighbours swapped, leaves at least one of these whole
    pieces = [code.str.slice(8, 5), code.str.tail(5), code.str.head(12)]
    keyed = pl.concat([coded.with_columns(key=pl.lit(f"{at}|") + piece) for at, piece in enumerate(pieces)])
    valid, wrong = keyed.filter("code_valid"), keyed.filter(~pl.col("code_valid"))
    sized = valid.join(wrong, on="key", how="semi").with_columns(size=pl.len().over("key"))
    large = (
        sized.filter(pl.col("size") > cap)
        .unique("key")
        .select(pl.lit("near_code").alias("block"), "key", "size")
    )
    pairs = wrong.join(sized.filter(pl.col("size") <= cap), on="key", suffix="_b")
    pairs = pairs.filter((pl.col("party") != pl.col("party_b")) & (pl.col("branch") == pl.col("branch_b")))
    pairs = pairs.unique(["party", "party_b", "core", "core_b"], maintain_order=True)
    return _near_links(pairs), _told(large.sort("key"), cap)


def _near_links(pairs: pl.DataFrame) -> pl.DataFrame:
    if pairs.is_empty():
        return pl.DataFrame(schema=_LINK)
    texts = [pairs[name].to_list() for name in ("credit_code", "credit_code_b", "core", "core_b")]
    distance = process.cpdist(texts[0], texts[1], scorer=Levenshtein.distance, workers=_WORKERS)
    alike = process.cpdist(texts[2], texts[3], scorer=fuzz.ratio, workers=_WORKERS)
    found = pairs.with_columns(pl.Series("distance", distance), pl.Series("alike", alike))
    near = found.filter(pl.col("distance") <= _NEAR_CODE)
    named = pl.col("alike") >= _NEAR_NAME
    doubt = pl.when(pl.col("kind") != pl.col("kind_b")).then(pl.lit("kind"))
    score = pl.when(named).then(0.90 + 0.0005 * pl.col("alike")).otherwise(UNSURE)
    return _links(near.select(a="party", b="party_b", score=score, method=pl.lit("near_code"), doubt=doubt))


def _without_conflicts(links: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Leave out what would join two different valid codes."""
    codes = parties["code"]
    mine, yours = codes.gather(links["a"]), codes.gather(links["b"])
    return links.filter((mine == yours).fill_null(value=True))


def _decisions(
    read: Records, identity: EdgeFrame | None
) -> tuple[pl.DataFrame, np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
    """Return the links that are stated already, and the pairs of parties that a person held apart."""
    if identity is None:
        return pl.DataFrame(schema=_LINK), np.zeros((0, 2), dtype=np.int64)
    number = read.parties.select("party", "party_id")
    stated, rejected = (
        pairs.join(number.rename({"party": "a"}), left_on="src", right_on="party_id").join(
            number.rename({"party": "b"}), left_on="dst", right_on="party_id"
        )
        for pairs in (affirmed(identity), rejections(identity))
    )
    accepted = stated.filter(pl.col("method") == ACCEPTED).select("a", "b", "method", score=pl.lit(WORD))
    return _links(accepted), rejected.select("a", "b").to_numpy().astype(np.int64).reshape(-1, 2)


def _one_per_pair(links: pl.DataFrame) -> pl.DataFrame:
    """Keep the strongest link of each pair; a person's word before all, then a sure one before a doubtful one."""
    word = pl.col("method") == ACCEPTED
    ranked = links.with_columns(word=word, sure=pl.col("doubt").is_null() & (pl.col("score") >= LIKELY))
    ordered = ranked.sort(
        "a", "b", "word", "sure", "score", "method", descending=[False, False, True, True, True, False]
    )
    return ordered.unique(["a", "b"], keep="first", maintain_order=True).drop("word", "sure")


def _askable(links: pl.DataFrame, labels: pl.Series, codes: np.ndarray[tuple[int], np.dtype[np.int64]],
             apart: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> pl.DataFrame:  # fmt: skip
    """Leave out questions that are answered: within one cluster, between two codes, or rejected by a person."""
    asked = links.with_columns(cluster_a=labels.gather(links["a"]), cluster_b=labels.gather(links["b"]))
    asked = asked.filter(pl.col("cluster_a") != pl.col("cluster_b"))
    coded = pl.DataFrame({"label": labels, "code": codes}).filter(pl.col("code") != NO_CODE).unique("label")
    for side in ("a", "b"):
        asked = asked.join(
            coded.rename({"label": f"cluster_{side}", "code": f"code_{side}"}),
            on=f"cluster_{side}",
            how="left",
        )
    asked = asked.filter((pl.col("code_a") == pl.col("code_b")).fill_null(value=True))
    held = pl.DataFrame({"cluster_a": labels.gather(apart[:, 0]), "cluster_b": labels.gather(apart[:, 1])})
    both = pl.concat(
        [held, held.select(pl.col("cluster_b").alias("cluster_a"), pl.col("cluster_a").alias("cluster_b"))]
    )
    return asked.join(both, on=["cluster_a", "cluster_b"], how="anti")


def _matches(links: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    ids, names = parties["party_id"], parties["name"]
    return links.select(
        "method",
        score=pl.col("score").clip(upper_bound=1.0),
        party_a=ids.gather(links["a"]),
        party_b=ids.gather(links["b"]),
        name_a=names.gather(links["a"]),
        name_b=names.gather(links["b"]),
    ).select(MATCH_SCHEMA.names())


def _named_clusters(parties: pl.DataFrame, labels: pl.Series) -> pl.DataFrame:
    return parties.select("party_id", canonical_id=pl.col("party_id").min().over(labels))


def _nameless(read: Records) -> tuple[str, ...]:
    told = read.members.join(read.units, on="unit").filter(
        (pl.col("core") != "") | pl.col("code_valid") | pl.col("id_hash").is_not_null()
    )
    return tuple(read.parties.filter(~pl.col("party").is_in(told["party"].implode()))["party_id"])
