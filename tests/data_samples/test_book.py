"""The book: schedules add up, and the tables imply the true defaults."""

from datetime import date, timedelta

import polars as pl

from tests.data_samples.conftest import Group

END = date(2025, 12, 31)
KNOWN = END - timedelta(days=370)  # before this, even what was recorded late is in the extract


def default_dates(group: Group) -> pl.DataFrame:
    """Derive each party's first default: 90 days overdue (oldest installment first), bankruptcy, write-off."""
    exposures = group.clean("exposures").select("exposure_id", "party_id")
    paid = (
        group.clean("payments").group_by("exposure_id", "paid_on").agg(pl.col("amount").sum()).sort("paid_on")
        .select("exposure_id", "paid_on", pl.col("amount").cum_sum().over("exposure_id").alias("paid"))
    )  # fmt: skip
    due = (
        group.clean("schedules").sort("due_on", "installment_no")
        .with_columns(owed=(pl.col("principal_due") + pl.col("interest_due")).cum_sum().over("exposure_id"),
                      day=pl.col("due_on").dt.offset_by("90d"))
    )  # fmt: skip
    overdue = (
        due.sort("day")
        .join_asof(
            paid.sort("paid_on"), left_on="day", right_on="paid_on", by="exposure_id", check_sortedness=False
        )
        .filter(pl.col("paid").fill_null(0.0) < pl.col("owed") - 0.005)
        .join(exposures, on="exposure_id")
        .select("party_id", "day")
    )
    filed = (
        group.clean("court_events")
        .filter(kind="bankruptcy_filing")
        .select("party_id", pl.col("occurred_on").alias("day"))
    )
    written = (
        group.clean("write_offs")
        .join(exposures, on="exposure_id")
        .select("party_id", pl.col("written_off_on").alias("day"))
    )
    return pl.concat([overdue, filed, written]).group_by("party_id").agg(pl.col("day").min().alias("derived"))


def test_principal_of_a_schedule_adds_up_to_the_exposure(group: Group) -> None:
    sums = (
        group.clean("schedules")
        .group_by("exposure_id")
        .agg(pl.col("principal_due").sum(), pl.col("due_on").max())
    )
    joined = group.clean("exposures").join(sums, on="exposure_id", how="left")
    assert joined.filter((pl.col("principal") - pl.col("principal_due")).abs() > 0.005).is_empty()
    assert joined.filter(~pl.col("due_on").eq_missing(pl.col("maturity_on"))).is_empty()


def test_installments_lie_within_the_life_and_are_never_negative(group: Group) -> None:
    rows = group.clean("schedules").join(
        group.clean("exposures").select("exposure_id", "start_on", "maturity_on"), on="exposure_id"
    )
    assert rows.height == group.clean("schedules").height
    assert rows.filter(
        (pl.col("due_on") <= pl.col("start_on")) | (pl.col("due_on") > pl.col("maturity_on"))
    ).is_empty()
    assert rows.filter((pl.col("principal_due") < 0) | (pl.col("interest_due") < 0)).is_empty()


def test_all_five_business_lines_and_three_repayments_occur(group: Group) -> None:
    exposures = group.clean("exposures")
    assert set(exposures["business_line"]) == {"leasing", "fund", "microloan", "equity", "debt"}
    assert set(exposures["repayment"]) == {"equal_installment", "interest_only", "bullet"}
    assert exposures["annual_rate"].is_between(0, 0.36).all()


def test_default_on_is_what_the_tables_imply(group: Group) -> None:
    truth = group.truth("defaults").select("party_id", "default_on")
    both = truth.join(default_dates(group), on="party_id", how="full", coalesce=True)
    before = (pl.col("default_on") < KNOWN) | (pl.col("derived") < KNOWN)
    assert both.filter(before).height > 200
    assert both.filter(before & ~pl.col("default_on").eq_missing(pl.col("derived"))).is_empty()


def test_who_never_stops_paying_is_never_ninety_days_late(group: Group) -> None:
    defaulted = group.truth("defaults")["party_id"].implode()
    assert (
        default_dates(group)
        .filter(~pl.col("party_id").is_in(defaulted) & (pl.col("derived") < KNOWN))
        .is_empty()
    )


def test_nothing_is_lent_after_payments_stop(group: Group) -> None:
    lent = group.clean("exposures").join(group.truth("defaults"), on="party_id")
    assert lent.height > 100
    assert lent.filter(pl.col("start_on") >= pl.col("stopped_on")).is_empty()


def test_write_offs_follow_defaults_and_never_exceed_what_is_owed(group: Group) -> None:
    owed = group.clean("exposures").select("exposure_id", "party_id", "principal")
    rows = group.clean("write_offs").join(owed, on="exposure_id").join(group.truth("defaults"), on="party_id")
    assert rows.height == group.clean("write_offs").height > 20
    assert rows.filter(pl.col("written_off_on") < pl.col("default_on")).is_empty()
    assert rows.filter((pl.col("amount") <= 0) | (pl.col("amount") > pl.col("principal"))).is_empty()


def test_payments_get_later_before_a_default(group: Group) -> None:
    rows = (
        group.clean("payments").group_by("exposure_id").agg(pl.col("paid_on").sort())
        .join(group.clean("schedules").sort("due_on").group_by("exposure_id", maintain_order=True).agg("due_on"), on="exposure_id")
        .join(group.clean("exposures").select("exposure_id", "party_id"), on="exposure_id")
        .join(group.truth("defaults").select("party_id", "stopped_on"), on="party_id", how="left")
    )  # fmt: skip
    late = (
        rows.with_columns(pl.col("due_on").list.head(pl.min_horizontal(pl.col("due_on").list.len(), pl.col("paid_on").list.len())),
                          pl.col("paid_on").list.head(pl.min_horizontal(pl.col("due_on").list.len(), pl.col("paid_on").list.len())))
        .explode("due_on", "paid_on")
        .with_columns(late=(pl.col("paid_on") - pl.col("due_on")).dt.total_days() > 3,
                      near=(pl.col("stopped_on") - pl.col("due_on")).dt.total_days().is_between(1, 180))
    )  # fmt: skip
    near, far = (
        late.filter(pl.col("near").fill_null(value=False)),
        late.filter(~pl.col("near").fill_null(value=False)),
    )
    assert near.height > 500
    assert near["late"].mean() > 2 * far["late"].mean()  # type: ignore[operator]
