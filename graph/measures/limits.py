"""What is used of the limits in force: exposure of parties and groups against the bases of each organisation."""

from datetime import date
from typing import Final

import polars as pl

from graph.errors import ExposureTableError
from graph.policy import Limit, LimitBase, LimitScope, Policy

__all__ = ["check_limits"]

_CENT: Final = 0.005


def check_limits(
    by_party: pl.DataFrame,
    by_group: pl.DataFrame,
    organisations: pl.DataFrame,
    policy: Policy,
    *,
    related: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return what is used of each limit in force on the policy's day, a row per organisation, limit and subject.

    `organisations` [org_id, kind, …] has a column for each base the limits name (net_assets, tier_1 …, CNY; absent or
    null is unknown); `related` [org_id, party_id] the organisation's related parties, without which limits on them have
    no row. Columns: org_id, code, name_zh, name_en, scope, subject (null for all related parties together), measure,
    `used` (CNY), `value` (the rule's number), base, base_amount (CNY), `limit` (CNY), `ratio` (used to base), `used_of_limit`
    (used to limit), `breach`, `flag`, source, `verified` (whether the rule's number was found in the source; where it was not,
    `source` says so too), valid_from, as_of. Where the base is unknown, `limit`, ratios and
    `breach` are null and `flag` is `missing_base`; a base of zero or less leaves a limit of 0. Worst use first.
    A limit is held against every subject: where its text exempts some (a bank's limits here are for clients that are
    neither banks nor sovereigns), leave these out of the exposures. Raises ExposureTableError.
    """
    orgs = _organisations(organisations)
    frames = []
    for limit in policy.limits:
        bound = orgs.filter(pl.col("kind").is_in(list(limit.org_kinds))).drop("kind")
        used = _used(limit, by_party, by_group, _related(related))
        frames.append(_against(limit, bound.join(used, on="org_id"), policy.as_of))
    nothing = _against_nothing(policy.as_of)
    worst = pl.col("breach").fill_null(value=False)
    return pl.concat([nothing, *frames]).sort(
        worst,
        "used_of_limit",
        "org_id",
        "code",
        "subject",
        descending=[True, True, False, False, False],
        nulls_last=True,
    )


def _organisations(frame: pl.DataFrame) -> pl.DataFrame:
    for column in ("org_id", "kind"):
        if column not in frame.columns:
            raise ExposureTableError("organisations", column, "缺失", "is missing")
    again = frame.filter(pl.col("org_id").is_duplicated())
    if again.height:
        org = again["org_id"][0]
        raise ExposureTableError("organisations", "org_id", f"中“{org}”重复", f"'{org}' is given twice")
    bases = [str(base) for base in LimitBase if base is not LimitBase.CNY]
    columns = [
        (pl.col(base) if base in frame.columns else pl.lit(None)).cast(pl.Float64).alias(base)
        for base in bases
    ]
    return frame.select(pl.col("org_id", "kind").cast(pl.String), *columns)


def _related(related: pl.DataFrame | None) -> pl.DataFrame:
    if related is None:
        return pl.DataFrame(schema={"org_id": pl.String, "subject": pl.String})
    return related.select(
        pl.col("org_id").cast(pl.String), pl.col("party_id").cast(pl.String).alias("subject")
    ).unique()


def _used(
    limit: Limit, by_party: pl.DataFrame, by_group: pl.DataFrame, related: pl.DataFrame
) -> pl.DataFrame:
    measure = str(limit.measure)
    match limit.scope:
        case LimitScope.PARTY:
            return by_party.select("org_id", "subject", used=measure)
        case LimitScope.GROUP:
            return by_group.select("org_id", "subject", used=measure)
        case LimitScope.RELATED_PARTY:
            return by_party.join(related, on=["org_id", "subject"]).select("org_id", "subject", used=measure)
        case LimitScope.ALL_RELATED:
            all_of = (
                by_party.join(related, on=["org_id", "subject"])
                .group_by("org_id")
                .agg(used=pl.col(measure).sum())
            )
            return all_of.select("org_id", pl.lit(None, dtype=pl.String).alias("subject"), "used")


def _against(limit: Limit, used: pl.DataFrame, day: date) -> pl.DataFrame:
    amount = pl.lit(None, dtype=pl.Float64) if limit.base is LimitBase.CNY else pl.col(str(limit.base))
    cap = pl.lit(limit.value) if limit.base is LimitBase.CNY else pl.max_horizontal(amount, 0.0) * limit.value
    known = pl.lit(limit.base is LimitBase.CNY) | amount.is_not_null()
    told = used.with_columns(base_amount=amount, limit=pl.when(known).then(cap))
    return told.select(
        "org_id",
        pl.lit(limit.code).alias("code"),
        pl.lit(limit.name.zh).alias("name_zh"),
        pl.lit(limit.name.en).alias("name_en"),
        pl.lit(str(limit.scope)).alias("scope"),
        "subject",
        pl.lit(str(limit.measure)).alias("measure"),
        "used",
        pl.lit(limit.value).alias("value"),
        pl.lit(str(limit.base)).alias("base"),
        "base_amount",
        "limit",
        pl.when(pl.col("base_amount") > 0).then(pl.col("used") / pl.col("base_amount")).alias("ratio"),
        pl.when(pl.col("limit") > 0).then(pl.col("used") / pl.col("limit")).alias("used_of_limit"),
        (pl.col("used") > pl.col("limit") + _CENT).alias("breach"),
        pl.when(pl.col("limit").is_null()).then(pl.lit("missing_base")).alias("flag"),
        pl.lit(limit.cited).alias("source"),
        pl.lit(limit.verified).alias("verified"),
        pl.lit(limit.valid_from).alias("valid_from"),
        pl.lit(day).alias("as_of"),
    )


def _against_nothing(day: date) -> pl.DataFrame:
    schema = {"org_id": pl.String, "subject": pl.String, "used": pl.Float64, "net_assets": pl.Float64}
    words = {
        "code": "-",
        "name": {"zh": "-", "en": "-"},
        "org_kinds": ["-"],
        "scope": "party",
        "measure": "net",
    }
    anything = Limit.model_validate(
        {**words, "value": 1, "base": "net_assets", "valid_from": day, "source": "-"}
    )
    return _against(anything, pl.DataFrame(schema=schema), day)
