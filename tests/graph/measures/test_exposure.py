"""Exposure adds up by hand, sees nothing later than the day, and each limit binds from its day on those it names."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import ExposureTableError
from graph.measures.connected import Groups
from graph.measures.exposure import (
    EXPOSURE_SCHEMA,
    MITIGANT_SCHEMA,
    Book,
    exposure_by_group,
    exposure_by_owner,
    exposure_by_party,
    over_all_organisations,
)
from graph.measures.limits import check_limits
from graph.measures.ownership import Ownership
from graph.policy import Policy, policy_as_of
from graph.snapshot import Snapshot

DAY = date(2025, 6, 30)
RULES = policy_as_of(DAY)
GUARANTORS = pl.DataFrame({"party_id": ["BANK"], "guarantor_kind": ["bank"]})


def _exposures(*rows: dict[str, object]) -> pl.DataFrame:
    since = {"valid_from": date(2025, 1, 1), "known_at": date(2025, 1, 2), "org_id": "L", "kind": "direct"}
    return pl.DataFrame(
        [{"exposure_id": f"X{n}", **since, **row} for n, row in enumerate(rows)], schema=EXPOSURE_SCHEMA
    )


def _mitigants(*rows: dict[str, object]) -> pl.DataFrame:
    since = {"valid_from": date(2025, 1, 1), "known_at": date(2025, 1, 2)}
    return pl.DataFrame(
        [{"mitigant_id": f"M{n}", **since, **row} for n, row in enumerate(rows)], schema=MITIGANT_SCHEMA
    )


def _groups(*members: tuple[str, str]) -> Groups:
    frame = pl.DataFrame(
        [(party, group, "control") for party, group in members],
        schema=["id", "group_id", "through"],
        orient="row",
    )
    return Groups(frame, pl.DataFrame())


def _of(frame: pl.DataFrame, subject: str) -> dict[str, float]:
    return frame.filter(pl.col("subject") == subject).drop("org_id", "subject").row(0, named=True)


def _limits(book: Book, policy: Policy, **org: object) -> pl.DataFrame:
    by_party = exposure_by_party(book, policy)
    by_group = exposure_by_group(book, policy, _groups(("A", "A"), ("B", "A")))
    organisations = pl.DataFrame({"org_id": ["L"], **{name: [value] for name, value in org.items()}})
    return check_limits(by_party, by_group, organisations, policy)


def test_direct_and_contingent_amounts_and_collateral_add_up() -> None:
    book = Book(
        _exposures(
            {"party_id": "A", "amount": 100.0},
            {"party_id": "A", "amount": 50.0, "kind": "contingent", "product": "commitment"},
        ),
        _mitigants(
            {"exposure_id": "X0", "kind": "real_estate", "value": 80.0},
            {"exposure_id": "X1", "kind": "cash", "value": 999.0},
        ),
    )
    found = _of(exposure_by_party(book, RULES), "A")
    assert found == {
        "direct": 100.0,
        "off_balance": 25.0,
        "guarantees_given": 0.0,
        "contingent": 25.0,
        "gross": 125.0,
        "mitigated": 40.0 + 25.0,  # half of the real estate; the cash covers no more than its own exposure
        "net": 60.0,
    }


def test_an_accepted_guarantee_moves_exposure_to_the_guarantor() -> None:
    book = Book(
        _exposures({"party_id": "A", "amount": 100.0}),
        _mitigants({"exposure_id": "X0", "kind": "guarantee", "value": 130.0, "guarantor_id": "BANK"}),
        GUARANTORS,
    )
    found = exposure_by_party(book, RULES)
    assert (_of(found, "A")["gross"], _of(found, "A")["net"]) == (100.0, 0.0)
    assert (_of(found, "BANK")["guarantees_given"], _of(found, "BANK")["net"]) == (100.0, 100.0)


def test_a_guarantor_that_is_not_accepted_bears_exposure_but_mitigates_nothing() -> None:
    book = Book(
        _exposures({"party_id": "A", "amount": 100.0}),
        _mitigants({"exposure_id": "X0", "kind": "guarantee", "value": 60.0, "guarantor_id": "C"}),
        GUARANTORS,
    )
    found = exposure_by_party(book, RULES)
    assert _of(found, "A")["net"] == 100.0
    assert _of(found, "C")["contingent"] == 60.0


def test_guarantees_within_a_group_neither_mitigate_nor_count_twice() -> None:
    book = Book(
        _exposures(
            {"party_id": "A", "amount": 100.0},
            {"party_id": "B", "amount": 40.0},
            {"party_id": "Z", "amount": 7.0},
        ),
        _mitigants(
            {"exposure_id": "X0", "kind": "guarantee", "value": 100.0, "guarantor_id": "B"},
            {"exposure_id": "X2", "kind": "guarantee", "value": 7.0, "guarantor_id": "B"},
        ),
        pl.DataFrame({"party_id": ["B"], "guarantor_kind": ["guarantee_company"]}),
    )
    parties = exposure_by_party(book, RULES)
    assert (_of(parties, "A")["net"], _of(parties, "B")["gross"]) == (0.0, 147.0)
    group = exposure_by_group(book, RULES, _groups(("A", "A"), ("B", "A"), ("C", "A")))
    assert (_of(group, "A")["gross"], _of(group, "A")["net"]) == (147.0, 147.0)
    assert group["subject"].to_list() == ["A", "Z"]
    assert _of(group, "Z")["net"] == 0.0


def test_a_party_in_two_groups_counts_in_both() -> None:
    book = Book(_exposures({"party_id": "A", "amount": 10.0}))
    found = exposure_by_group(book, RULES, _groups(("A", "A"), ("A", "B"), ("B", "B")))
    assert found["gross"].to_list() == [10.0, 10.0]


def test_organisations_are_apart_and_can_be_summed() -> None:
    book = Book(
        _exposures({"party_id": "A", "amount": 10.0}, {"party_id": "A", "amount": 5.0, "org_id": "K"})
    )
    found = exposure_by_party(book, RULES)
    assert found.select("org_id", "gross").rows() == [("K", 5.0), ("L", 10.0)]
    assert over_all_organisations(found).row(0)[:3] == ("A", 2, 15.0)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 100), st.integers(1, 60)), max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 100)), max_size=6),
)
def test_figures_equal_a_sum_by_hand_and_rows_known_later_change_nothing(
    rows: list[tuple[str, int, int]], covers: list[tuple[int, int]]
) -> None:
    exposures = _exposures(*({"party_id": party, "amount": float(amount)} for party, amount, _ in rows))
    mitigants = _mitigants(
        *(
            {"exposure_id": f"X{place}", "kind": "cash", "value": float(value)}
            for place, value in covers
            if place < len(rows)
        )
    )
    later = exposures.with_columns(
        pl.format("late-{}", "exposure_id").alias("exposure_id"),
        known_at=pl.lit(date(2025, 7, 1)),
        amount=pl.lit(1e9),
    )
    found = exposure_by_party(Book(pl.concat([exposures, later]), mitigants), RULES)
    for party in {party for party, _, _ in rows}:
        cover = [sum(v for place, v in covers if place == n) for n in range(len(rows))]
        amounts = [
            (amount, min(amount, cover[n])) for n, (owner, amount, _) in enumerate(rows) if owner == party
        ]
        assert _of(found, party)["gross"] == sum(amount for amount, _ in amounts)
        assert _of(found, party)["net"] == sum(amount - covered for amount, covered in amounts)
    assert set(found["subject"]) == {party for party, _, _ in rows}


def test_an_ended_or_retracted_row_does_not_count() -> None:
    book = Book(
        _exposures(
            {"party_id": "A", "amount": 1.0, "valid_to": DAY},
            {"party_id": "A", "amount": 2.0, "retracted_at": DAY},
            {"party_id": "A", "amount": 4.0, "valid_to": date(2025, 7, 1)},
        )
    )
    assert _of(exposure_by_party(book, RULES), "A")["gross"] == 4.0


def test_a_limit_not_yet_in_force_does_not_apply() -> None:
    book = Book(
        _exposures(
            {"party_id": "A", "amount": 90.0, "valid_from": date(2024, 1, 1), "known_at": date(2024, 1, 1)}
        )
    )
    org = {"kind": "financial_leasing", "net_capital_last_quarter": 100.0}
    assert _limits(book, policy_as_of(date(2024, 10, 31)), **org).is_empty()
    found = _limits(book, policy_as_of(date(2024, 11, 1)), **org)
    assert found.select("code", "breach").rows() == [
        ("financial-leasing-single", True),
        ("financial-leasing-group", True),
    ]


def test_what_is_used_of_each_limit_is_told_with_its_source() -> None:
    book = Book(_exposures({"party_id": "A", "amount": 25.0}, {"party_id": "B", "amount": 30.0}))
    found = _limits(book, RULES, kind="finance_lease", net_assets=100.0)
    group, one, other = found.iter_rows(named=True)
    assert (group["scope"], group["used"], group["limit"], group["breach"]) == ("group", 55.0, 50.0, True)
    assert (group["ratio"], group["used_of_limit"]) == pytest.approx((0.55, 1.1))
    assert (one["subject"], one["breach"], one["used_of_limit"]) == ("B", False, 1.0)
    assert other["subject"] == "A"
    assert "融资租赁公司监督管理暂行办法" in group["source"]
    assert (group["as_of"], group["valid_from"]) == (DAY, date(2020, 5, 26))


def test_banks_are_held_to_net_exposure_and_tier_1_others_are_not() -> None:
    book = Book(
        _exposures({"party_id": "A", "amount": 30.0}),
        _mitigants({"exposure_id": "X0", "kind": "cash", "value": 20.0}),
    )
    found = _limits(book, RULES, kind="bank", tier_1=100.0, net_capital=1000.0)
    used = dict(zip(found["code"], found["used"], strict=True))
    assert used == {"bank-single-loans": 30.0, "bank-single-exposure": 10.0, "bank-group-exposure": 10.0}
    assert not found["breach"].any()
    unsure = found.filter(~pl.col("verified"))
    assert unsure["code"].to_list() == ["bank-group-exposure"]
    assert "not checked" in unsure["source"][0]
    assert _limits(book, RULES, kind="factory", net_assets=1.0).is_empty()


def test_related_parties_are_held_alone_and_together() -> None:
    book = Book(_exposures(*({"party_id": party, "amount": 28.0} for party in "ABC")))
    by_party = exposure_by_party(book, RULES)
    organisations = pl.DataFrame({"org_id": ["L"], "kind": ["finance_lease"], "net_assets": [100.0]})
    related = pl.DataFrame({"org_id": ["L", "L"], "party_id": ["A", "B"]})
    found = check_limits(by_party, by_party.clear(), organisations, RULES, related=related)
    rows = {(row["code"], row["subject"]): row["breach"] for row in found.iter_rows(named=True)}
    assert rows[("finance-lease-related-all", None)] is True
    assert rows[("finance-lease-related-single", "A")] is False
    assert ("finance-lease-related-single", "C") not in rows


def test_an_unknown_base_is_flagged_and_a_base_of_nothing_is_a_limit_of_nothing() -> None:
    book = Book(_exposures({"party_id": "A", "amount": 1.0}))
    unknown = _limits(book, RULES, kind="micro_loan", net_assets=100.0).row(0, named=True)
    assert (unknown["flag"], unknown["limit"], unknown["breach"]) == ("missing_base", None, None)
    lost = _limits(book, RULES, kind="micro_loan", net_assets_last_year=-5.0).row(0, named=True)
    assert (lost["limit"], lost["breach"], lost["ratio"]) == (0.0, True, None)
    nothing = _limits(book, RULES, kind="micro_loan", net_assets_last_year=0.0).row(0, named=True)
    assert (nothing["limit"], nothing["breach"], nothing["ratio"]) == (0.0, True, None)
    assert nothing["used_of_limit"] is None


def test_before_a_policy_of_mitigation_nothing_mitigates() -> None:
    past = policy_as_of(date(2017, 1, 1))
    since = {"valid_from": date(2016, 1, 1), "known_at": date(2016, 1, 1)}
    book = Book(
        _exposures({"party_id": "A", "amount": 10.0, "kind": "contingent", "product": "commitment", **since}),
        _mitigants({"exposure_id": "X0", "kind": "cash", "value": 10.0, **since}),
    )
    assert _of(exposure_by_party(book, past), "A")["net"] == 10.0


def test_owners_bear_their_share_of_what_their_companies_owe() -> None:
    edges = pl.DataFrame({"src": ["P", "A"], "dst": ["A", "B"], "kind": ["owns"] * 2, "weight": [0.5, 0.8]})
    ownership = Ownership.of(Snapshot.from_edges(edges, as_of=None), tolerance=1.0001)
    book = Book(
        _exposures(
            {"party_id": "B", "amount": 100.0},
            {"party_id": "P", "amount": 1.0},
            {"party_id": "Q", "amount": 2.0},
        ),
        _mitigants({"exposure_id": "X0", "kind": "cash", "value": 60.0}),
    )
    found = exposure_by_owner(exposure_by_party(book, RULES), ownership)
    assert dict(zip(found["owner"], found["net"], strict=True)) == pytest.approx(
        {"A": 32.0, "B": 40.0, "P": 17.0, "Q": 2.0}
    )
    assert dict(zip(found["owner"], found["gross"], strict=True)) == pytest.approx(
        {"A": 80.0, "B": 100.0, "P": 41.0, "Q": 2.0}
    )


def test_owners_whose_share_cannot_be_told_are_flagged() -> None:
    edges = pl.DataFrame({"src": ["P", "Q"], "dst": ["A", "A"], "kind": ["owns"] * 2, "weight": [0.9, 0.8]})
    ownership = Ownership.of(Snapshot.from_edges(edges, as_of=None), tolerance=1.0001)
    found = exposure_by_owner(
        exposure_by_party(Book(_exposures({"party_id": "A", "amount": 10.0})), RULES), ownership
    )
    assert dict(zip(found["owner"], found["gross_unknown"], strict=True)) == {"A": 0.0, "P": 10.0, "Q": 10.0}


def test_whole_numbers_are_amounts_too() -> None:
    exposures = _exposures({"party_id": "A", "amount": 3.0}).with_columns(pl.col("amount").cast(pl.Int64))
    assert _of(exposure_by_party(Book(exposures), RULES), "A")["gross"] == 3.0


def test_an_empty_book_has_no_exposure() -> None:
    book = Book(_exposures())
    assert exposure_by_party(book, RULES).is_empty()
    assert _limits(book, RULES, kind="micro_loan", net_assets_last_year=1.0).is_empty()


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"amount": -1.0}, "amount.*row 1"),
        ({"amount": float("nan")}, "amount.*row 1"),
        ({"amount": None}, "amount.*row 1"),
        ({"kind": "sideways"}, "kind.*X0.*direct, contingent"),
        ({"kind": "contingent", "product": "wish"}, "product.*X0.*guarantee"),
        ({"kind": "contingent"}, "product.*X0"),
    ],
)
def test_rows_that_cannot_be_used_are_named(row: dict[str, object], named: str) -> None:
    with pytest.raises(ExposureTableError, match=named):
        exposure_by_party(Book(_exposures({"party_id": "A", "amount": 1.0, **row})), RULES)


def test_tables_that_cannot_be_used_are_named() -> None:
    exposures = _exposures({"party_id": "A", "amount": 1.0})
    with pytest.raises(ExposureTableError, match=r"org_id.*missing"):
        exposure_by_party(Book(exposures.drop("org_id")), RULES)
    with pytest.raises(ExposureTableError, match=r"amount.*Float64"):
        exposure_by_party(Book(exposures.with_columns(amount=pl.lit("much"))), RULES)
    with pytest.raises(ExposureTableError, match=r"X0.*several rows") as raised:
        exposure_by_party(Book(pl.concat([exposures, exposures])), RULES)
    assert "多条" in raised.value.zh
    strange = _mitigants({"exposure_id": "X0", "kind": "promise", "value": 1.0})
    with pytest.raises(ExposureTableError, match=r"kind.*M0.*cash"):
        exposure_by_party(Book(exposures, strange), RULES)
    with pytest.raises(ExposureTableError, match=r"organisations.*kind"):
        check_limits(exposures, exposures, pl.DataFrame({"org_id": ["L"]}), RULES)
