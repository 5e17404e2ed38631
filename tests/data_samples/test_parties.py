"""Who exists: ids, credit codes, people."""

import polars as pl

from graph.credit_code import check_character, is_valid_credit_code
from sample_group.companies import COMPANIES
from tests.data_samples.conftest import Group


def test_every_credit_code_is_valid_but_the_planted_ones(group: Group) -> None:
    codes = group.clean("parties").filter(pl.col("credit_code").is_not_null())
    assert codes.height > 1400
    assert all(is_valid_credit_code(code) for code in codes["credit_code"])
    assert codes.group_by("credit_code").agg(pl.col("party_id").n_unique())["party_id"].max() == 1


def test_planted_bad_check_digits_are_bad(group: Group) -> None:
    planted = group.faults("parties", "bad_check_digit")["key"].to_list()
    rows = group.table("parties").filter(
        (pl.col("party_id") + "|" + pl.col("valid_from").cast(pl.String)).is_in(planted)
    )
    assert rows.height == len(planted) > 0
    assert not any(is_valid_credit_code(code) for code in rows["credit_code"])


def test_check_character_agrees_with_the_bulk_codes(small: Group) -> None:
    code = small.clean("parties")["credit_code"].drop_nulls()[0]
    assert check_character(code[:17]) == code[17]


def test_companies_and_persons_have_their_own_columns_only(group: Group) -> None:
    parties = group.clean("parties")
    persons, companies = parties.filter(kind="person"), parties.filter(kind="company")
    assert persons["id_hash"].str.contains("^[0-9a-f]{16}$").all()
    assert (
        persons.select("credit_code", "industry", "size", "employees", "listed").null_count().row(0)
        == (persons.height,) * 5
    )
    assert companies["id_hash"].null_count() == companies.height
    assert 0.2 < persons["party_id"].n_unique() / parties["party_id"].n_unique() < 0.3


def test_the_group_has_one_holding_and_sixteen_companies_in_three_segments(group: Group) -> None:
    companies = group.table("companies")
    assert companies.filter(pl.col("parent_org_id").is_null())["org_id"].to_list() == ["ORG-01"]
    assert companies["segment"].drop_nulls().n_unique() == 3
    assert companies["has_core_system"].sum() == 4
    assert all("虚构" in company.name for company in COMPANIES)
    assert set(companies["party_id"]) <= set(group.clean("parties")["party_id"])


def test_a_changed_profile_is_a_second_version(group: Group) -> None:
    versions = group.clean("parties").group_by("party_id").len()
    assert 0.1 < (versions["len"] > 1).mean() < 0.3  # type: ignore[operator]


def test_companies_without_a_system_are_known_later(group: Group) -> None:
    delays = (
        group.clean("payments")
        .join(group.clean("exposures").select("exposure_id", "org_id"), on="exposure_id")
        .join(group.table("companies").select("org_id", "has_core_system"), on="org_id")
        .group_by("has_core_system")
        .agg((pl.col("known_at") - pl.col("paid_on")).dt.total_days().median().alias("days"))
    )
    by_system = dict(delays.iter_rows())
    assert by_system[True] == 1
    assert by_system[False] > 10
