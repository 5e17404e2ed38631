"""Exposure to a party and to a group: gross, mitigated, net, direct and contingent, and against dated limits."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

import polars as pl

from graph.errors import ExposureTableError
from graph.measures.connected import Groups
from graph.measures.ownership import Ownership
from graph.policy import MitigationPolicy, Policy

__all__ = [
    "EXPOSURE_SCHEMA",
    "MITIGANT_SCHEMA",
    "Book",
    "ExposureKind",
    "exposure_by_group",
    "exposure_by_owner",
    "exposure_by_party",
    "over_all_organisations",
]


class ExposureKind(StrEnum):
    """Whether money is out already, or only if something happens."""

    DIRECT = "direct"
    CONTINGENT = "contingent"


_TIMES: Final = {"valid_from": pl.Date, "valid_to": pl.Date, "known_at": pl.Date, "retracted_at": pl.Date}

EXPOSURE_SCHEMA: Final = pl.Schema(
    {
        "exposure_id": pl.String,
        "org_id": pl.String,
        "party_id": pl.String,
        "kind": pl.String,
        "product": pl.String,
        "amount": pl.Float64,
        **_TIMES,
    }
)
"""Exposures of the group's companies. `kind` is an ExposureKind; `product`, of contingent ones, a key of the policy's
conversion factors (guarantee, acceptance …); `amount` in CNY, the outstanding or committed sum, 0 or more. A row holds
from valid_from up to valid_to and is believed from known_at up to retracted_at; the ends may be null."""

MITIGANT_SCHEMA: Final = pl.Schema(
    {
        "mitigant_id": pl.String,
        "exposure_id": pl.String,
        "kind": pl.String,
        "value": pl.Float64,
        "guarantor_id": pl.String,
        **_TIMES,
    }
)
"""Collateral and guarantees of exposures. `kind` is a key of the policy's recognised parts (cash, real_estate, guarantee …);
`value` in CNY, for a guarantee the sum guaranteed; `guarantor_id` for guarantees only."""

_OPTIONAL: Final = frozenset({"product", "guarantor_id", "valid_to", "retracted_at"})
_AMOUNTS: Final = ("direct", "off_balance", "guarantees_given", "contingent", "gross", "mitigated", "net")


@dataclass(frozen=True, eq=False)
class Book:
    """What the group's companies are exposed to: frames in EXPOSURE_SCHEMA and MITIGANT_SCHEMA.

    `guarantors` [party_id, guarantor_kind] tells which guarantors are of a kind that the policy accepts; a guarantee of
    any other counts as exposure to the guarantor and mitigates nothing.
    """

    exposures: pl.DataFrame
    mitigants: pl.DataFrame | None = None
    guarantors: pl.DataFrame | None = None


def exposure_by_party(book: Book, policy: Policy) -> pl.DataFrame:
    """Return [org_id, subject, direct, off_balance, guarantees_given, contingent, gross, mitigated, net] by party, in CNY.

    On the policy's day, of what was known then: `direct` sums direct amounts; `off_balance` contingent amounts times
    conversion factors; `guarantees_given` what the subject guarantees of other parties' exposures, at most the exposure;
    `contingent` is the sum of these two and `gross` that of direct and contingent. `mitigated` sums, per exposure and at most its
    own amount, the recognised parts of collateral and of guarantees by accepted guarantors outside the subject; `net`
    is gross less mitigated. What a guarantor stands for is in its own figure and in the debtor's gross, so gross figures
    of different subjects must not be added up. Without a policy of mitigation on the day every factor is 1 and nothing
    mitigates. Sorted by org_id and subject.

    Raises ExposureTableError naming table, column and row: missing or mistyped columns, empty or negative cells, ids
    given twice on the day, words the policy does not know. Source: 《商业银行大额风险暴露管理办法》 annexes; Basel
    Framework LEX30 (conversion, eligible mitigation, the guaranteed part counts to the guarantor).
    """
    tables = _Tables.read(book, policy)
    parties = pl.concat([tables.exposures["party_id"], tables.guarantees["guarantor_id"]]).unique()
    return tables.by_subject(pl.DataFrame({"subject": parties, "party_id": parties}))


def exposure_by_group(book: Book, policy: Policy, groups: Groups) -> pl.DataFrame:
    """Return the columns of `exposure_by_party` by group of connected clients, `subject` being the group's id.

    A party in several groups counts in each. Guarantees between members are neither exposure to the guarantor nor
    mitigation: both fall together. Parties that are not in the graph are groups of their own. Raises as `exposure_by_party`.
    """
    tables = _Tables.read(book, policy)
    known = groups.members.select(
        pl.col("group_id").cast(pl.String).alias("subject"), party_id=pl.col("id").cast(pl.String)
    )
    parties = pl.concat([tables.exposures["party_id"], tables.guarantees["guarantor_id"]]).unique()
    strange = parties.filter(~parties.is_in(known["party_id"].implode()))
    members = pl.concat([known.unique(), pl.DataFrame({"subject": strange, "party_id": strange})])
    touched = members.filter(pl.col("party_id").is_in(parties.implode()))["subject"]
    return tables.by_subject(members.filter(pl.col("subject").is_in(touched.implode())))


def over_all_organisations(exposure: pl.DataFrame) -> pl.DataFrame:
    """Return a frame of exposure summed over organisations: [subject, organisations, …], largest net first."""
    organisations = pl.col("org_id").n_unique().cast(pl.Int64).alias("organisations")
    summed = exposure.group_by("subject").agg(organisations, *(pl.col(name).sum() for name in _AMOUNTS))
    return summed.select("subject", "organisations", *_AMOUNTS).sort(
        "net", "subject", descending=[True, False]
    )


def exposure_by_owner(by_party: pl.DataFrame, ownership: Ownership, *, least: float = 0.0) -> pl.DataFrame:
    """Return [org_id, owner, gross, net, gross_unknown] with exposures to companies laid on who owns them, in CNY.

    An owner bears its integrated share (of at least `least`) of each company's figure beside its own exposure; a company
    bears its own in full. So figures of an owner and of its companies overlap. `gross_unknown` is the gross exposure to companies of
    which the owner's share cannot be told (see `Ownership`). Companies that are not in the graph have no owners.
    """
    ids = ownership.snapshot.ids.cast(pl.String)
    named = by_party.select("org_id", "subject", "gross", "net")
    companies = ownership.snapshot.ids.filter(ids.is_in(named["subject"].implode()))
    shares = ownership.look_through(companies, least=least).with_columns(
        pl.col("company", "owner").cast(pl.String)
    )
    held = named.join(
        shares.filter(pl.col("company") != pl.col("owner")), left_on="subject", right_on="company"
    )
    part = pl.col("integrated").fill_null(0.0)
    borne = held.select(
        "org_id",
        "owner",
        gross=pl.col("gross") * part,
        net=pl.col("net") * part,
        gross_unknown=pl.when(pl.col("integrated").is_null()).then("gross").otherwise(0.0),
    )
    own = named.select("org_id", pl.col("subject").alias("owner"), "gross", "net", gross_unknown=pl.lit(0.0))
    return pl.concat([own, borne]).group_by("org_id", "owner").sum().sort("org_id", "owner")


@dataclass(frozen=True, eq=False)
class _Tables:
    """The rows of a book on a day, with what counts of each.

    `exposures`: exposure_id, org_id, party_id, direct, off_balance, amount; `mitigants`: exposure_id, guarantor_id,
    counted; `guarantees`: org_id, guarantor_id, debtor, given.
    """

    exposures: pl.DataFrame
    mitigants: pl.DataFrame
    guarantees: pl.DataFrame

    @classmethod
    def read(cls, book: Book, policy: Policy) -> "_Tables":
        exposures = _on(
            _checked("exposures", book.exposures, EXPOSURE_SCHEMA, "amount"), policy.as_of, "exposure_id"
        )
        empty = pl.DataFrame(schema=MITIGANT_SCHEMA)
        given = empty if book.mitigants is None else book.mitigants
        mitigants = _on(_checked("mitigants", given, MITIGANT_SCHEMA, "value"), policy.as_of, "mitigant_id")
        counted = _converted(exposures, policy.mitigation)
        recognised = _recognised(mitigants, book.guarantors, policy.mitigation)
        guaranteed = mitigants.filter(pl.col("guarantor_id").is_not_null()).join(counted, on="exposure_id")
        guarantees = guaranteed.group_by("exposure_id", "org_id", "guarantor_id", debtor="party_id").agg(
            given=pl.min_horizontal(pl.col("value").sum(), pl.col("amount").first())
        )
        return cls(counted, recognised, guarantees)

    def by_subject(self, members: pl.DataFrame) -> pl.DataFrame:
        """Return the amounts by organisation and subject of `members` [subject, party_id]."""
        own = members.join(self.exposures, on="party_id")
        inside = members.rename({"party_id": "guarantor_id"})
        covers = own.join(self.mitigants, on="exposure_id").join(
            inside, on=["subject", "guarantor_id"], how="anti"
        )
        cover = covers.group_by("subject", "exposure_id").agg(pl.col("counted").sum())
        lines = own.join(cover, on=["subject", "exposure_id"], how="left").select(
            "org_id",
            "subject",
            "direct",
            "off_balance",
            guarantees_given=pl.lit(0.0),
            mitigated=pl.min_horizontal("amount", pl.col("counted").fill_null(0.0)),
        )
        outside = inside.join(self.guarantees, on="guarantor_id").join(
            members, left_on=["subject", "debtor"], right_on=["subject", "party_id"], how="anti"
        )
        nothing = pl.lit(0.0)
        stood_for = outside.select(
            "org_id",
            "subject",
            direct=nothing,
            off_balance=nothing,
            guarantees_given="given",
            mitigated=nothing,
        )
        summed = pl.concat([lines, stood_for]).group_by("org_id", "subject").sum()
        contingent = pl.col("off_balance") + pl.col("guarantees_given")
        told = summed.with_columns(contingent=contingent, gross=pl.col("direct") + contingent)
        net = told.with_columns(net=pl.col("gross") - pl.col("mitigated"))
        return net.select("org_id", "subject", *_AMOUNTS).sort("org_id", "subject")


def _checked(table: str, frame: pl.DataFrame, schema: pl.Schema, amount: str) -> pl.DataFrame:
    for column, dtype in schema.items():
        if column not in frame.columns:
            if column in _OPTIONAL:
                frame = frame.with_columns(pl.lit(None, dtype=dtype).alias(column))
                continue
            raise ExposureTableError(table, column, "缺失", "is missing")
        found = frame.schema[column]
        if found not in (dtype, pl.Null) and not (dtype == pl.Float64 and found.is_numeric()):
            raise ExposureTableError(
                table, column, f"类型应为 {dtype}，现为 {found}", f"must be {dtype}, is {found}"
            )
        if column not in _OPTIONAL:
            _refuse(table, column, frame[column].is_null(), ("为空", "is empty"))
    typed = frame.select(schema.names()).cast(schema)
    bad = ~typed[amount].is_finite() | (typed[amount] < 0)
    _refuse(table, amount, bad, ("应为不小于 0 的有限数值", "must be a finite number of 0 or more"))
    return typed


def _refuse(
    table: str, column: str, bad: pl.Series, what: tuple[str, str], names: pl.Series | None = None
) -> None:
    """Refuse the first bad row, named by its id where `names` gives one and else by its number."""
    if not bad.any():
        return
    first = int(bad.fill_null(value=False).arg_true()[0])
    where = (
        (f"第 {first + 1} 行", f"row {first + 1}")
        if names is None
        else (f"“{names[first]}”", f"'{names[first]}'")
    )
    raise ExposureTableError(table, column, f"{where[0]}{what[0]}", f"{where[1]} {what[1]}")


def _on(frame: pl.DataFrame, day: date, key: str) -> pl.DataFrame:
    """Return the rows that were believed and held on a day."""
    believed = (pl.col("known_at") <= day) & (
        pl.col("retracted_at").is_null() | (pl.col("retracted_at") > day)
    )
    holds = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
    rows = frame.filter(believed & holds)
    again = rows.filter(pl.col(key).is_duplicated())
    if again.height:
        one = again[key][0]
        raise ExposureTableError(
            key.removesuffix("_id") + "s",
            key,
            f"中“{one}”在 {day} 有多条有效记录",
            f"'{one}' has several rows in force on {day}",
        )
    return rows


def _one_of(words: list[str]) -> tuple[str, str]:
    listed = ", ".join(words)
    return f"的值应为 {listed} 之一", f"must be one of {listed}"


def _converted(exposures: pl.DataFrame, policy: MitigationPolicy | None) -> pl.DataFrame:
    kinds, ids = [str(kind) for kind in ExposureKind], exposures["exposure_id"]
    _refuse("exposures", "kind", ~exposures["kind"].is_in(kinds), _one_of(kinds), ids)
    contingent = pl.col("kind") == ExposureKind.CONTINGENT
    factor = pl.lit(1.0)
    if policy is not None:
        words = list(policy.conversion)
        unknown = exposures.select(
            contingent & ~pl.col("product").is_in(words).fill_null(value=False)
        ).to_series()
        _refuse("exposures", "product", unknown, _one_of(words), ids)
        factor = pl.col("product").replace_strict(
            dict(policy.conversion), default=1.0, return_dtype=pl.Float64
        )
    return exposures.select(
        "exposure_id",
        "org_id",
        "party_id",
        direct=pl.when(contingent).then(0.0).otherwise("amount"),
        off_balance=pl.when(contingent).then(pl.col("amount") * factor).otherwise(0.0),
    ).with_columns(amount=pl.col("direct") + pl.col("off_balance"))


def _recognised(
    mitigants: pl.DataFrame, guarantors: pl.DataFrame | None, policy: MitigationPolicy | None
) -> pl.DataFrame:
    if policy is None:
        return mitigants.select("exposure_id", "guarantor_id", counted=pl.lit(0.0))
    words = list(policy.recognised)
    _refuse("mitigants", "kind", ~mitigants["kind"].is_in(words), _one_of(words), mitigants["mitigant_id"])
    accepted = pl.Series(dtype=pl.String)
    if guarantors is not None:
        accepted = guarantors.filter(pl.col("guarantor_kind").is_in(list(policy.guarantor_kinds)))["party_id"]
    guaranteed = pl.col("guarantor_id").is_in(accepted.cast(pl.String).implode()).fill_null(value=False)
    counts = guaranteed | (pl.col("guarantor_id").is_null() & (pl.col("kind") != "guarantee"))
    part = pl.col("kind").replace_strict(dict(policy.recognised), return_dtype=pl.Float64)
    counted = pl.when(counts).then(pl.col("value") * part).otherwise(0.0)
    return mitigants.select("exposure_id", "guarantor_id", counted=counted)
