"""What was due, what was paid and how late: payments applied to the oldest instalment first."""

from typing import Final

import polars as pl

from features.asof import Known
from features.credit.ratios import exact_sum

__all__ = ["ROUNDING", "exposure_states", "instalments"]

ROUNDING: Final = 1.0
"""Yuan that may be open on an instalment before it counts as unpaid: schedules and payments are rounded."""


def instalments(known: Known) -> pl.LazyFrame:
    """Return every scheduled instalment of the known exposures with what is known of its payment.

    [exposure_id, installment_no, party_id, due_on, principal_due, due, open, cleared_on]: `due` is principal and interest, `open` what
    is unpaid of it, `cleared_on` the day on which the payments covered it and all before it (null: not yet).
    """
    exposures = known.rows("exposures", "exposure_id", "party_id")
    amount = pl.col("principal_due") + pl.col("interest_due")
    schedule = (
        known.rows("schedules", "exposure_id", "installment_no", "due_on", "principal_due", "interest_due")
        .join(exposures, on="exposure_id")
        .with_columns(due=amount)
        .sort("exposure_id", "due_on", "installment_no")
        .with_columns(due_so_far=pl.col("due").cum_sum().over("exposure_id"))
    )
    payments = _payments(known)
    totals = payments.group_by("exposure_id", maintain_order=True).agg(
        pl.col("paid_so_far").last().alias("paid")
    )
    covered = schedule.join(totals, on="exposure_id", how="left", maintain_order="left").with_columns(
        pl.col("paid").fill_null(0.0), needed=pl.col("due_so_far") - ROUNDING
    )
    unpaid = (pl.col("due_so_far") - pl.col("paid")).clip(0, None)
    cleared = covered.join_asof(
        payments.rename({"paid_on": "cleared_on"}),
        left_on="needed",
        right_on="paid_so_far",
        by="exposure_id",
        strategy="forward",
        check_sortedness=False,  # both are cumulated within the exposure, hence sorted within it
    )
    still_open = pl.when(pl.col("cleared_on").is_null()).then(pl.min_horizontal(unpaid, "due")).otherwise(0.0)
    return cleared.with_columns(open=still_open).select(
        "exposure_id", "installment_no", "party_id", "due_on", "principal_due", "due", "open", "cleared_on"
    )


def _payments(known: Known) -> pl.LazyFrame:
    """Return the payments made and known by the date with their running sum per exposure, in order of payment."""
    return (
        known.rows("payments", "exposure_id", "payment_id", "paid_on", "amount")
        .filter((pl.col("paid_on") <= known.as_of) & (pl.col("amount") > 0))
        .sort("exposure_id", "paid_on", "payment_id")
        .select("exposure_id", "paid_on", pl.col("amount").cum_sum().over("exposure_id").alias("paid_so_far"))
    )


def exposure_states(known: Known, ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Return each exposure that has started, with its state on the date.

    [exposure_id, party_id, org_id, business_line, principal, annual_rate, start_on, maturity_on, collateral_value,
    has_collateral, outstanding, overdue, days_past_due, is_written_off, is_live]. An instalment's interest is paid before its
    principal; an exposure without a schedule is outstanding in full until it matures. It is live while anything is
    outstanding and it is not written off.
    """
    columns = (
        "exposure_id",
        "party_id",
        "org_id",
        "business_line",
        "principal",
        "annual_rate",
        "start_on",
        "maturity_on",
    )
    exposures = known.rows("exposures", *columns, "collateral_kind", "collateral_value")
    is_overdue = (pl.col("due_on") < known.as_of) & (pl.col("open") > 0)
    late_days = (pl.lit(known.as_of) - pl.col("due_on").filter(is_overdue).min()).dt.total_days()
    per_exposure = ledger.group_by("exposure_id", maintain_order=True).agg(
        exact_sum(pl.min_horizontal("open", "principal_due")).alias("scheduled"),
        exact_sum(pl.col("open").filter(is_overdue)).alias("overdue"),
        late_days.fill_null(0).alias("days_past_due"),
    )
    write_offs = known.rows("write_offs", "exposure_id", "written_off_on").filter(
        pl.col("written_off_on") <= known.as_of
    )
    unscheduled = pl.when(pl.col("maturity_on") > known.as_of).then("principal").otherwise(0.0)
    has_collateral = pl.col("collateral_kind").is_not_null() & (pl.col("collateral_kind") != "none")
    return (
        exposures.filter(pl.col("start_on") <= known.as_of)
        .join(per_exposure, on="exposure_id", how="left")
        .join(
            write_offs.select("exposure_id").unique(),
            on="exposure_id",
            how="left",
            coalesce=False,
            suffix="_off",
        )
        .with_columns(
            pl.coalesce("scheduled", unscheduled).alias("outstanding"),
            pl.col("overdue").fill_null(0.0),
            pl.col("days_past_due").fill_null(0),
            has_collateral=has_collateral,
            is_written_off=pl.col("exposure_id_off").is_not_null(),
        )
        .with_columns(is_live=(pl.col("outstanding") > ROUNDING) & ~pl.col("is_written_off"))
        .drop("scheduled", "exposure_id_off", "collateral_kind")
    )
