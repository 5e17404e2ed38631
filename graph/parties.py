"""The records of parties that the graph keeps, and the scores written back to it: columns, checks, reads as of a date."""

from datetime import date
from typing import Final

import polars as pl

from graph.edges import EdgeFrame
from graph.errors import PartyTableError
from graph.ontology import NODES
from graph.table_types import typed

__all__ = [
    "PARTY_KEY",
    "PARTY_SCHEMA",
    "SCORE_KEY",
    "SCORE_SCHEMA",
    "checked_parties",
    "checked_scores",
    "parties_as_of",
    "scores_as_of",
    "unrecorded",
]

PARTY_KEY: Final = ("party_id", "valid_from", "known_at")
PARTY_SCHEMA: Final = pl.Schema(
    {
        "party_id": pl.String,
        "kind": pl.String,
        "name": pl.String,
        "credit_code": pl.String,
        "valid_from": pl.Date,
        "known_at": pl.Date,
    }
)
SCORE_KEY: Final = ("party_id", "name", "as_of", "known_at", "model_version")
SCORE_SCHEMA: Final = pl.Schema(
    {
        "party_id": pl.String,
        "as_of": pl.Date,
        "known_at": pl.Date,
        "name": pl.String,
        "value": pl.Float64,
        "model_version": pl.String,
    }
)
_PARTY_NEVER_NULL: Final = ("party_id", "kind", "valid_from", "known_at")


def checked_parties(parties: EdgeFrame) -> pl.DataFrame:
    """Return the party records with the columns and types of `PARTY_SCHEMA`, repeated rows once.

    Parties are all kinds of nodes of the ontology. `name` and `credit_code` may be left out. Raises PartyTableError
    naming the column that is missing, of another type or empty, an unknown kind, or a version given twice.
    """
    frame = parties.lazy().collect()
    optional = [pl.lit(None).alias(name) for name in ("name", "credit_code") if name not in frame.columns]
    table = typed(
        frame.with_columns(optional), PARTY_SCHEMA, never_null=_PARTY_NEVER_NULL, error=PartyTableError
    )
    strange = table.filter(~pl.col("kind").is_in(list(NODES)))
    if strange.height:
        kind, known = strange["kind"][0], ", ".join(NODES)
        raise PartyTableError(
            "kind", f"有未知的类型“{kind}”，应为 {known} 之一", f"'{kind}' is none of {known}"
        )
    return _unique(table, PARTY_KEY)


def checked_scores(scores: EdgeFrame) -> pl.DataFrame:
    """Return scores with the columns and types of `SCORE_SCHEMA`; raises PartyTableError as `checked_parties`."""
    table = typed(
        scores.lazy().collect(), SCORE_SCHEMA, never_null=tuple(SCORE_SCHEMA), error=PartyTableError
    )
    if not table["value"].is_finite().all():
        party = table.filter(~pl.col("value").is_finite())["party_id"][0]
        raise PartyTableError("value", f"不是有限数值（{party}）", f"is not finite ({party})")
    early = table.filter(pl.col("known_at") < pl.col("as_of"))
    if early.height:
        party = early["party_id"][0]
        zh, en = f"早于评分日 as_of（{party}）", f"is before as_of, the day of the score ({party})"
        raise PartyTableError("known_at", zh, en)
    return _unique(table, SCORE_KEY)


def parties_as_of(parties: EdgeFrame, as_of: date) -> pl.DataFrame:
    """Return the record of each party on a date, the last begun, then last known [party_id, kind, name, credit_code]."""
    seen = parties.lazy().filter((pl.col("known_at") <= as_of) & (pl.col("valid_from") <= as_of))
    last = seen.sort("party_id", "valid_from", "known_at").unique(
        "party_id", keep="last", maintain_order=True
    )
    return last.select("party_id", "kind", "name", "credit_code").collect()


def unrecorded(party_ids: pl.Series, parties: pl.DataFrame) -> pl.Series:
    """Return which of the ids (repeated or not) have no record in `parties` [party_id, …], each once, sorted."""
    every = party_ids.unique().sort()
    return every.filter(~every.is_in(parties["party_id"].unique().implode()))


def scores_as_of(scores: EdgeFrame, as_of: date) -> pl.DataFrame:
    """Return the latest score of each party and name known on a date (SCORE_SCHEMA).

    The last `as_of` counts, of the same day what was known last, then the later version of the model.
    """
    known = scores.lazy().filter((pl.col("as_of") <= as_of) & (pl.col("known_at") <= as_of))
    seen = known.sort("party_id", "name", "as_of", "known_at", "model_version")
    last = seen.unique(["party_id", "name"], keep="last", maintain_order=True)
    return last.select(SCORE_SCHEMA.names()).collect()


def _unique(table: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    repeated = table.filter(pl.struct(key).is_duplicated())
    if repeated.height:
        party = repeated["party_id"][0]
        zh, en = f"“{party}”的同一版本有两种内容", f"gives one version of '{party}' with different content"
        raise PartyTableError("party_id", zh, en)
    return table
