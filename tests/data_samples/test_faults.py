"""Planted faults: at the stated rates, all told, and nothing else is wrong."""

import polars as pl
import pytest

from features.contracts import check_group
from sample_group.dirt import DIRT
from sample_group.edge_rows import LATE_EDGES
from sample_group.faults import DIRTY_RATE, KEYS, LATE, MISSING
from tests.data_samples.conftest import Group, key_of

FACT_DAYS = {"edges": "valid_from", "exposures": "start_on", "payments": "paid_on", "write_offs": "written_off_on",
             "statements": "period_end", "court_events": "occurred_on", "registry_events": "occurred_on", "sales": "ds",
             "line_output": "ds", "parties": "valid_from"}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column", "rate"), [(t, c, r) for t, columns in MISSING.items() for c, r in columns.items()]
)
def test_values_are_missing_at_the_stated_rate(group: Group, table: str, column: str, rate: float) -> None:
    planted = group.faults(table, f"missing:{column}").height
    frame = group.table(table)
    held = frame[column].count() + planted  # rows that the column applies to
    slack = 4 * (rate * held) ** 0.5 + 1
    assert planted == pytest.approx(rate * held, abs=slack)
    assert planted <= frame[column].null_count()


@pytest.mark.parametrize(("table", "rate"), [*LATE.items(), ("edges", LATE_EDGES)])
def test_rows_are_late_at_the_stated_rate(group: Group, table: str, rate: float) -> None:
    expected = rate * group.table(table).height  # some of the latest are not told by the day of the extract
    assert group.faults(table, "late").height == pytest.approx(
        expected, abs=4 * expected**0.5 + 0.05 * expected
    )


@pytest.mark.parametrize("table", sorted(DIRT))
def test_every_kind_of_dirt_occurs_and_together_at_the_stated_rate(group: Group, table: str) -> None:
    planted = {dirty.kind: group.faults(table, dirty.kind).height for dirty in DIRT[table]}
    expected = DIRTY_RATE * group.table(table).height * len(planted)
    assert all(planted.values()), planted
    assert sum(planted.values()) == pytest.approx(expected, abs=4 * expected**0.5 + len(planted))


def test_rows_that_break_a_contract_are_exactly_the_planted_ones(group: Group) -> None:
    report = check_group(
        {name: group.table(name).lazy() for name in (*KEYS, "companies", "products", "lines", "maintenance")}
    )
    for name, checked in report.tables.items():
        failed = (
            set(checked.rows.select(key_of(name)).to_series())
            if name in KEYS and checked.rows.height
            else set()
        )
        planted = set(group.dirt(name)["key"]) if name in KEYS else set()
        assert failed == planted, name


@pytest.mark.parametrize("table", sorted(FACT_DAYS))
def test_nothing_is_known_before_it_happened(group: Group, table: str) -> None:
    rows = group.clean(table)
    assert rows.filter(pl.col("known_at") < pl.col(FACT_DAYS[table])).is_empty()


@pytest.mark.parametrize("table", sorted(KEYS))
def test_nothing_is_known_after_the_day_of_the_extract(group: Group, table: str) -> None:
    assert group.table(table)["known_at"].cast(pl.String).max() <= "2025-12-31"  # type: ignore[operator]


@pytest.mark.parametrize("table", sorted(KEYS))
def test_keys_are_unique_but_for_planted_rows(group: Group, table: str) -> None:
    assert group.clean(table).select(KEYS[table]).is_unique().all()


def test_statements_balance_but_for_planted_rows(group: Group) -> None:
    rows = group.clean("statements").drop_nulls(["total_liabilities", "equity"])
    gap = (pl.col("total_assets") - pl.col("total_liabilities") - pl.col("equity")).abs()
    assert rows.filter(gap > 1).is_empty()
    again = rows.group_by("party_id", "period_end").agg(pl.col("known_at").n_unique().alias("versions"))
    assert 0.02 < (again["versions"] > 1).mean() < 0.05  # type: ignore[operator]
