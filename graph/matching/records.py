"""The records that resolution works on: their checks, their codes, and the spellings they come down to."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from graph.credit_code import identifying_code
from graph.matching.errors import RecordTableError
from graph.matching.names import NAME_SCHEMA, name_parts
from graph.matching.pairs import SPELLING
from graph.ontology import NODES, PartyKind

__all__ = ["RECORD_COLUMNS", "Records", "checked_records", "read_records"]

RECORD_COLUMNS: Final = ("party_id", "kind", "name", "credit_code", "id_hash")
_OPTIONAL: Final = ("credit_code", "id_hash")
_SHORT: Final = 4
_SHORTEST: Final = 2


@dataclass(frozen=True, eq=False)
class Records:
    """Parties, their records taken apart, and units: records that agree in all that resolution looks at.

    `parties` [party, party_id, name, kind, credit_code, code_valid, code] one row a party, `party` 0..n-1 in the order
    of party_id and `code` the number of its valid code or null; `spellings` one row a distinct spelling of an
    organisation; `units` [unit, party, spelling, person, kind, core, branch, vague, credit_code, code_valid,
    id_hash] with the first
    party of the unit; `members` [unit, party].
    """

    parties: pl.DataFrame
    spellings: pl.DataFrame
    units: pl.DataFrame
    members: pl.DataFrame


def checked_records(records: pl.DataFrame) -> pl.DataFrame:
    """Return `RECORD_COLUMNS` as text, codes in one width and case, empty texts as null, repeated rows once.

    `code_valid` tells where the code identifies (see `identifying_code`). Nodes that are no parties (plants, cases …)
    are left out. Raises RecordTableError for a missing column, a column that is not text, an empty party_id or kind, a
    kind that the ontology does not have, and a party that is given two valid codes, two kinds or two identity hashes:
    then two parties share its number.
    """
    for column in RECORD_COLUMNS:
        if column not in records.columns and column not in _OPTIONAL:
            raise RecordTableError(column, "缺失", "is missing")
        if column in records.columns and records.schema[column] not in (pl.String, pl.Null):
            found = records.schema[column]
            raise RecordTableError(column, f"类型应为文本，现为 {found}", f"must be text, is {found}")
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in _OPTIONAL if name not in records.columns]
    table = records.with_columns(absent).select(pl.col(RECORD_COLUMNS).cast(pl.String).str.strip_chars())
    table = table.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())
    for column in ("party_id", "kind"):
        if table[column].null_count():
            row = int(table[column].is_null().arg_true()[0]) + 1
            raise RecordTableError(column, f"第 {row} 行为空", f"is empty in row {row}")
    strange = table.filter(~pl.col("kind").is_in(list(NODES)))
    if strange.height:
        kind, known = strange["kind"][0], ", ".join(NODES)
        raise RecordTableError(
            "kind", f"有未知的类型“{kind}”，应为 {known} 之一", f"'{kind}' is none of {known}"
        )
    table = table.filter(pl.col("kind").is_in(list(PartyKind)))
    code = pl.col("credit_code").str.normalize("NFKC").str.to_uppercase().str.replace_all(r"[^0-9A-Z]", "")
    table = table.with_columns(credit_code=pl.when(code != "").then(code))
    table = table.unique(maintain_order=True).with_columns(
        code_valid=identifying_code(pl.col("credit_code")).fill_null(value=False)
    )
    _check_one_party(table.filter(pl.col("party_id").is_duplicated()))
    return table


def _check_one_party(repeated: pl.DataFrame) -> None:
    valid = pl.when("code_valid").then("credit_code")
    for column, value in (("credit_code", valid), ("kind", pl.col("kind")), ("id_hash", pl.col("id_hash"))):
        counts = repeated.group_by("party_id", maintain_order=True).agg(
            value.drop_nulls().unique().sort().alias("found")
        )
        torn = counts.filter(pl.col("found").list.len() > 1)
        if torn.height:
            party, found = torn["party_id"][0], ", ".join(torn["found"][0])
            zh = f"在主体“{party}”处有多个不同的值（{found}），同一编号只能是一个主体"
            raise RecordTableError(
                column, zh, f"party '{party}' has several values ({found}); one id is one party"
            )


def read_records(records: pl.DataFrame) -> Records:
    """Check records and take their names apart (see `checked_records` for the errors)."""
    table = checked_records(records).with_columns(person=pl.col("kind") == PartyKind.PERSON.value)
    parts = [_parts(table.filter(pl.col("person") == person), people=person) for person in (False, True)]
    table = pl.concat([part for part in parts if part.height] or parts).sort("party_id", maintain_order=True)
    parties = _parties(table)
    table = table.join(parties.select("party_id", "party"), on="party_id")
    spelling = pl.struct("person", *SPELLING).rank("dense").cast(pl.UInt32) - 1
    table = table.with_columns(spelling=spelling)
    # what says too little to be one party by its name alone stays with its own number
    placeless = (pl.col("province") == "") & (pl.col("core").str.len_chars() < _SHORT)
    vague = placeless | (pl.col("core").str.len_chars() < _SHORTEST)
    table = table.with_columns(vague=vague & ~pl.col("person"))
    alone = (
        pl.when("person").then(pl.col("id_hash").is_null()).otherwise(pl.col("vague") & ~pl.col("code_valid"))
    )
    keyed = table.with_columns(alone=pl.when(alone).then("party"))
    units = keyed.group_by("spelling", "kind", "credit_code", "id_hash", "alone", maintain_order=True).agg(
        pl.first("party", "person", "core", "branch", "vague", "code_valid"), members=pl.col("party").unique()
    )
    units = units.sort("party", "spelling", "credit_code", "id_hash", nulls_last=True).with_row_index("unit")
    counted = table.with_columns(parties=pl.col("party").n_unique().over("spelling"))
    spellings = counted.filter(~pl.col("person")).unique("spelling", keep="first", maintain_order=True)
    return Records(
        parties,
        spellings.select("spelling", "parties", "brief", "sound", *SPELLING),
        units.drop("members", "alone"),
        units.select("unit", party="members").explode("party"),
    )


def _parts(table: pl.DataFrame, *, people: bool) -> pl.DataFrame:
    names = table["name"].unique(maintain_order=True)
    parts = name_parts(names, people=people)
    joined = table.join(parts, on="name", how="left", nulls_equal=True, maintain_order="left")
    return joined.select(*table.columns, *(name for name in NAME_SCHEMA if name != "name"))


def _parties(table: pl.DataFrame) -> pl.DataFrame:
    first = table.sort("party_id", "code_valid", descending=[False, True], maintain_order=True)
    parties = first.unique("party_id", keep="first", maintain_order=True).with_row_index("party")
    code = pl.when("code_valid").then("credit_code")
    return parties.select(
        "party",
        "party_id",
        "name",
        "kind",
        "credit_code",
        "code_valid",
        code=code.rank("dense").cast(pl.Int64) - 1,
    )
