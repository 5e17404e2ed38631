"""Does the network part find contagion? Answers beside the truth of the sample group, which no feature has seen."""

from typing import Final

import polars as pl

__all__ = ["NO_HAZARD", "carrier_hits", "effect_by_hazard"]

NO_HAZARD: Final = "none"


def effect_by_hazard(answers: pl.DataFrame, hazard: pl.DataFrame, *, bands: int = 4) -> pl.DataFrame:
    """Return [band, rows, hazard, effect, spread] of answers by the true hazard of contagion, weakest band first.

    `answers` is [party_id, as_of, effect] with the network effect in log-odds, `hazard` is truth/hazard [party_id,
    month, hazard_contagion]; answers without a row there are left out. The first band holds the answers about parties
    on which no default bears, the others the rest by quantile. `spread` is the root mean square of the effect.
    """
    level = pl.col("hazard_contagion")
    true = hazard.select("party_id", pl.col("month").alias("as_of"), level.cast(pl.Float64))
    both = answers.join(true, on=["party_id", "as_of"])
    bearing = both.filter(level > 0)["hazard_contagion"]
    inner = [bearing.quantile(number / bands, "linear") for number in range(1, bands)]
    cuts = [0.0, *(cut for cut in inner if cut is not None)]
    names = pl.Series("band", [NO_HAZARD, *(f"q{number} of {bands}" for number in range(1, bands + 1))])
    found = (
        both.group_by(pl.sum_horizontal((level > cut).cast(pl.Int32) for cut in cuts).alias("place"))
        .agg(
            pl.len().alias("rows"),
            level.mean().alias("hazard"),
            pl.col("effect").mean(),
            (pl.col("effect") ** 2).mean().sqrt().alias("spread"),
        )
        .sort("place")
    )
    return found.select(names.gather(found["place"]), "rows", "hazard", "effect", "spread")


def carrier_hits(
    answers: pl.DataFrame, carriers: pl.DataFrame, defaults: pl.DataFrame, *, within_months: int = 12
) -> pl.DataFrame:
    """Return one row per answer about a party that contagion then pulled down, and whether its path ends at the cause.

    `answers` is [party_id, as_of, channel], the route that carries most of each answer; `carriers` CARRIERS_SCHEMA of
    the same dates; `defaults` truth/defaults, of which those count that come within so many months of the answer.
    Columns: party_id, as_of, stopped_on, default_on, via_party, via_kind, channel, end_id, had_failed (the path ends at
    a party in default), direct (the path of some route ends at `via_party`), hit (that of the answer's route does).
    """
    pulled = defaults.filter(pl.col("cause") == "contagion").select(
        "party_id", "stopped_on", "default_on", "via_party", "via_kind"
    )
    asked = answers.select("party_id", "as_of", "channel").join(pulled, on="party_id")
    horizon = pl.col("as_of").dt.offset_by(f"{within_months}mo")
    asked = asked.filter((pl.col("as_of") < pl.col("default_on")) & (pl.col("default_on") <= horizon))
    key = ["party_id", "as_of"]
    ends = carriers.select(
        *key, "channel", "end_id", pl.col("end_default_on").is_not_null().alias("had_failed")
    )
    somewhere = (
        ends.join(pulled.select("party_id", "via_party"), on="party_id")
        .group_by(key)
        .agg((pl.col("end_id") == pl.col("via_party")).any().alias("direct"))
    )
    return (
        asked.join(ends.with_columns(pl.col("channel").cast(pl.String)), on=[*key, "channel"], how="left")
        .join(somewhere, on=key, how="left")
        .with_columns(
            pl.col("direct", "had_failed").fill_null(value=False),
            hit=(pl.col("end_id") == pl.col("via_party")).fill_null(value=False),
        )
        .sort(key)
    )
