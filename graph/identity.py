"""Identity of parties as `same_as` statements: matches, decisions of persons, canonical ids as of a date."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from graph.credit_code import identifying_code
from graph.edges import EDGE_SCHEMA, EdgeFrame, holds_on, speaking
from graph.matching.clusters import NO_CODE, clustered
from graph.matching.errors import DecisionError

__all__ = [
    "ACCEPTED",
    "ALWAYS",
    "DECISION_SCHEMA",
    "WORD",
    "Merged",
    "affirmed",
    "canonical_ids",
    "decided",
    "identity_as_of",
    "merged",
    "rejections",
    "same_as",
]

ALWAYS: Final = date(1900, 1, 1)
"""Two numbers of one party were one party before anybody noticed."""
DECISION_SCHEMA: Final = pl.Schema(
    {
        "party_a": pl.String,
        "party_b": pl.String,
        "accepted": pl.Boolean,
        "decided_by": pl.String,
        "decided_on": pl.Date,
        "reason": pl.String,
    }
)
_WORDING: Final = ("src", "dst", "known_at", "valid_to", "score", "method", "source", "reason")
"""What two equal decisions agree on."""
_SAME: Final = "same_as"
_REJECTED: Final = "rejected"
ACCEPTED: Final = "accepted"
"""The method of a pair that a person accepted."""
WORD: Final = 2.0
"""How strong a person's word is among links whose scores are at most 1."""


def same_as(matches: pl.DataFrame, *, known_at: date, source: str) -> pl.DataFrame:
    """Return matches (MATCH_SCHEMA) as `same_as` statements in EDGE_SCHEMA, known from the day of the run.

    `source` names what made them; `confidence` is the score. They hold from `ALWAYS`: sameness does not begin.
    """
    return _statements(
        matches.select(
            "party_a",
            "party_b",
            "score",
            "method",
            known_at=pl.lit(known_at),
            source=pl.lit(source),
            confidence="score",
            valid_to=pl.lit(None, dtype=pl.Date),
            reason=pl.lit(None, dtype=pl.String),
        )
    )


def decided(
    review: pl.DataFrame, decisions: pl.DataFrame, *, stated: EdgeFrame | None = None
) -> pl.DataFrame:
    """Return decisions on pairs of the review list as `same_as` statements in EDGE_SCHEMA.

    `decisions` has the columns of DECISION_SCHEMA (`reason` may be left out). An accepted pair has score 1 and method
    "accepted"; a rejected one score 0, method "rejected" and `valid_to` = `valid_from`: it holds on no day, so every
    reader of visible edges sees no edge there, also where a match was stated before, while `rejections` finds it in
    the store and the pair is not asked again. `source` is the person, `known_at` the day. A later decision on the same
    pair replaces an earlier one from its day on. `stated` are the statements of the store the decisions will go to; a
    decision that stands there already is returned again, so that a list can be handed in twice.

    Raises DecisionError for a pair that is not in the list, decided twice on one day, without a person or a day, or
    accepted against two different valid codes; and for one that what is stated of the pair would overrule, since it is of
    that day or a later one.
    """
    table = decisions.with_columns(
        pl.lit(None).cast(dtype).alias(name)
        for name, dtype in DECISION_SCHEMA.items()
        if name not in decisions.columns
    ).select(pl.col(name).cast(dtype) for name, dtype in DECISION_SCHEMA.items())
    table = _ordered(table).unique(maintain_order=True)
    _check_decisions(table, _ordered(review))
    accepted = pl.col("accepted")
    edges = _statements(
        table.select(
            "party_a",
            "party_b",
            "reason",
            score=pl.when(accepted).then(1.0).otherwise(0.0),
            method=pl.when(accepted).then(pl.lit(ACCEPTED)).otherwise(pl.lit(_REJECTED)),
            known_at="decided_on",
            source="decided_by",
            confidence=pl.lit(1.0),
            valid_to=pl.when(~accepted).then(pl.lit(ALWAYS)),
        )
    )
    if stated is not None:
        _check_last_word(edges, stated.lazy().filter(pl.col("kind") == _SAME).collect())
    return edges


def _ordered(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(
        party_a=pl.min_horizontal("party_a", "party_b"), party_b=pl.max_horizontal("party_a", "party_b")
    )


def _check_decisions(decisions: pl.DataFrame, review: pl.DataFrame) -> None:
    pair = ["party_a", "party_b"]
    unsigned = pl.any_horizontal(pl.col("accepted", "decided_by", "decided_on").is_null()) | (
        pl.col("decided_by").str.strip_chars() == ""
    )
    listed = decisions.join(review, on=pair, how="left", maintain_order="left")
    codes = [pl.col(f"credit_code_{side}") for side in ("a", "b")]
    against = pl.all_horizontal(
        pl.col("accepted"), codes[0] != codes[1], *(identifying_code(code) for code in codes)
    )
    checks = (
        (decisions.filter(unsigned), "缺少认定结果、认定人或日期，请补全",
         "lacks the verdict, the person or the day; complete it"),
        (decisions.join(review, on=pair, how="anti", maintain_order="left"),
         "不在待认定清单中，请核对两个编号",
         "is on no pair of the review list; check the two ids"),
        (decisions.filter(pl.struct(*pair, "decided_on").is_duplicated()),
         "在同一天有两个不同的结果，请只保留一个",
         "was taken twice on one day with different outcomes; keep one"),
        (listed.filter(against), "不能采纳：两个有效信用代码不同；若为更名或承继，请录入承继关系（succeeds）",
         "cannot be accepted: the two valid credit codes differ; if one follows the other, record a `succeeds` relation"),
    )  # fmt: skip
    for wrong, zh, en in checks:
        if wrong.height:
            raise DecisionError((str(wrong["party_a"][0]), str(wrong["party_b"][0])), zh, en)


def _check_last_word(edges: pl.DataFrame, stated: pl.DataFrame) -> None:
    """Refuse a decision that is not stated yet and of the day, or before the day, of what is stated of its pair."""
    new = edges.join(stated, on=_WORDING, how="anti", nulls_equal=True, maintain_order="left")
    before = stated.filter(pl.col("retracted_at").is_null()).select(
        src=pl.min_horizontal("src", "dst"),
        dst=pl.max_horizontal("src", "dst"),
        stated="known_at",
        by="source",
    )
    late = new.join(before, on=["src", "dst"], maintain_order="left").filter(
        pl.col("stated") >= pl.col("known_at")
    )
    if late.height:
        row = late.sort("stated").row(-1, named=True)
        raise DecisionError(
            (row["src"], row["dst"]),
            f"（{row['known_at']}）不晚于已入库的一条记录（{row['stated']}，来源“{row['by']}”），不会生效；"
            "若要改变认定，请把 decided_on 填为其后的日期",
            f"of {row['known_at']} is not after what is stored of the pair already ({row['stated']}, by '{row['by']}'), "
            "so it would change nothing; to decide otherwise give a later day under decided_on",
        )


def _statements(pairs: pl.DataFrame) -> pl.DataFrame:
    src, dst = pl.min_horizontal("party_a", "party_b"), pl.max_horizontal("party_a", "party_b")
    frame = pairs.with_columns(
        edge_id=pl.format("same_as:{}|{}", src, dst),
        src=src,
        dst=dst,
        kind=pl.lit(_SAME),
        valid_from=pl.lit(ALWAYS),
    )
    absent = [pl.lit(None).alias(name) for name in EDGE_SCHEMA if name not in frame.columns]
    table = frame.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in EDGE_SCHEMA.items())
    return table.unique(["edge_id", "known_at"], keep="first", maintain_order=True).sort(
        "edge_id", "known_at"
    )


def identity_as_of(statements: EdgeFrame, as_of: date) -> pl.DataFrame:
    """Return the last word on each pair of parties that was believed on a date, rejections included (EDGE_SCHEMA).

    `statements` are those of a store, `same_as` or not. For each edge the statement speaks that `graph.edges.speaking`
    names, so a sameness that was ended stays ended. Of several edges on one pair the last one known speaks, and a
    rejection before a match of the same day. Raises nothing: no `same_as` statement gives an empty frame.
    """
    stated = speaking(statements.lazy().filter(pl.col("kind") == _SAME), as_of)
    table = stated.filter(holds_on(as_of) | _is_rejection()).collect()
    ends = {"low": pl.min_horizontal("src", "dst"), "high": pl.max_horizontal("src", "dst")}
    ordered = table.with_columns(**ends, no=_is_rejection()).sort("low", "high", "known_at", "no", "edge_id")
    return ordered.unique(["low", "high"], keep="last", maintain_order=True).drop("low", "high", "no")


def affirmed(edges: EdgeFrame) -> pl.DataFrame:
    """Return the `same_as` edges that say two parties are one, without the rejections."""
    return edges.lazy().filter((pl.col("kind") == _SAME) & ~_is_rejection()).collect()


def rejections(edges: EdgeFrame) -> pl.DataFrame:
    """Return the `same_as` edges by which a person held two parties apart."""
    return edges.lazy().filter((pl.col("kind") == _SAME) & _is_rejection()).collect()


def _is_rejection() -> pl.Expr:
    return (pl.col("method") == _REJECTED).fill_null(value=False) | (pl.col("score") == 0).fill_null(
        value=False
    )


def canonical_ids(identity: EdgeFrame, parties: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return [party_id, canonical_id], sorted, for every party that is one with another.

    `identity` is what `identity_as_of` returns, or any edges visible on a date: then there are no rejections to heed.
    The canonical id is the smallest of a cluster. Two parties held apart by a person do not come together through
    others either, nor do two different valid codes of `parties` [party_id, credit_code] as of the date: the chain
    breaks at its weakest link.
    """
    same, apart = affirmed(identity), rejections(identity)
    ids = pl.concat([same["src"], same["dst"], apart["src"], apart["dst"]]).unique().sort()
    number = pl.DataFrame({"id": ids}).with_row_index("number")
    links = _numbered(same, number).with_columns(score=_strength())
    codes = _codes(ids, parties)
    held = _numbered(apart, number).select("a", "b").to_numpy().astype(np.int64).reshape(-1, 2)
    labels = pl.Series("label", clustered(len(ids), links, codes, apart=held).labels)
    canonical = pl.DataFrame({"party_id": ids, "label": labels}).with_columns(
        canonical_id=pl.col("party_id").min().over("label"), size=pl.len().over("label")
    )
    return canonical.filter(pl.col("size") > 1).select("party_id", "canonical_id")


def _strength() -> pl.Expr:
    """Return the score of a link; a person's word comes before every score, and what has none was given as a fact."""
    return pl.when(pl.col("method") == ACCEPTED).then(WORD).otherwise(pl.col("score").fill_null(1.0))


def _numbered(edges: pl.DataFrame, number: pl.DataFrame) -> pl.DataFrame:
    joined = edges.join(number.rename({"number": "a"}), left_on="src", right_on="id", maintain_order="left")
    return joined.join(number.rename({"number": "b"}), left_on="dst", right_on="id", maintain_order="left")


def _codes(ids: pl.Series, parties: pl.DataFrame | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if parties is None:
        return np.full(len(ids), NO_CODE, dtype=np.int64)
    valid = parties.filter(identifying_code(pl.col("credit_code")).fill_null(value=False))
    one = valid.select("party_id", "credit_code").unique("party_id", keep="last", maintain_order=True)
    found = ids.to_frame("party_id").join(one, on="party_id", how="left", maintain_order="left")
    return (found["credit_code"].rank("dense").cast(pl.Int64) - 1).fill_null(NO_CODE).to_numpy()


@dataclass(frozen=True, eq=False)
class Merged:
    """`edges` between canonical parties and the number of edges dropped since both ends became one."""

    edges: pl.DataFrame
    loops: int


def merged(edges: EdgeFrame, canonical: pl.DataFrame) -> Merged:
    """Return the edges with their ends replaced by canonical ids; `same_as` edges and new self-loops fall away.

    `canonical` is what `canonical_ids` returns; parties that are not in it stay as they are. Edge ids are kept: parallel
    edges that arise are summed by the snapshot as parallel contracts are. Only loops among other kinds are counted.
    """
    ids = dict(canonical.select("party_id", "canonical_id").iter_rows())
    table = (
        edges.lazy().filter(pl.col("kind") != _SAME).with_columns(pl.col("src", "dst").replace(ids)).collect()
    )
    kept = table.filter(pl.col("src") != pl.col("dst"))
    return Merged(kept, table.height - kept.height)
