"""What the interests of BODS 0.4 become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.interchange.bods_interests import Claim, Ends, claims_of, read_share
from graph.interchange.imported import NotCarriedError

PERSON = Ends("p", "e", "person", "company")
COMPANY = Ends("c", "e", "company", "company")


def only(interest: dict[str, object], ends: Ends = PERSON) -> Claim:
    (claim,), problems = claims_of([interest], ends)
    assert problems == []
    return claim


@pytest.mark.parametrize(
    ("share", "value", "certainty"),
    [
        ({"exact": 37.5}, 0.375, 1.0),
        ({"exact": 25, "minimum": 25, "maximum": 25}, 0.25, 1.0),
        ({"minimum": 25, "maximum": 50}, 0.25, 0.875),
        ({"exclusiveMinimum": 50, "maximum": 75}, 0.5001, 0.875),
        ({"exclusiveMinimum": 25, "exclusiveMaximum": 50}, 0.2501, 0.875),
        ({"minimum": 75}, 0.75, 0.875),
        ({"exclusiveMinimum": 100}, 1.0, 1.0),
        ({"maximum": 25}, None, 0.5),
        ({}, None, 0.5),
        (None, None, 0.5),
    ],
)
def test_a_range_counts_as_what_is_held_at_least(
    share: dict[str, float] | None, value: float | None, certainty: float
) -> None:
    found = read_share(share)
    assert found.value == value
    assert found.certainty == certainty


@pytest.mark.parametrize(
    "share",
    [
        {"exact": 100.1},
        {"exact": -1},
        {"exact": "viel"},
        {"exact": float("nan")},
        {"exact": True},
        {"minimum": 50, "maximum": 25},
        30,
    ],
)
def test_a_share_out_of_range_is_refused(share: object) -> None:
    with pytest.raises(NotCarriedError):
        read_share(share)


@given(st.floats(0, 100), st.floats(0, 100))
def test_the_share_lies_in_its_range(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = read_share({"exclusiveMinimum": low, "maximum": high})
    assert found.value is not None
    assert low / 100 - 1e-6 <= found.value <= high / 100 + 1e-6
    assert 0.5 <= found.certainty <= 1


@pytest.mark.parametrize(
    ("name", "role", "reason"),
    [
        ("boardMember", "director", None),
        ("boardChair", "director", "board_chair"),
        ("seniorManagingOfficial", "executive", None),
    ],
)
def test_positions_of_persons(name: str, role: str, reason: str | None) -> None:
    claim = only({"type": name})
    assert (claim.kind, claim.role, claim.reason) == ("holds_position", role, reason)


def test_a_position_of_a_company_is_carried_as_related_and_reported() -> None:
    (claim,), problems = claims_of([{"type": "boardMember"}], COMPANY)
    assert (claim.kind, claim.reason) == ("related_to", "board_member")
    assert [problem.code for problem in problems] == ["carried_as_related"]


@pytest.mark.parametrize(
    "name", ["appointmentOfBoard", "otherInfluenceOrControl", "controlByLegalFramework", "trustee"]
)
def test_powers_are_control_with_their_basis(name: str) -> None:
    claim = only({"type": name, "beneficialOwnershipOrControl": True})
    assert claim.kind == "controls"
    assert claim.basis is not None
    assert claim.basis.replace("_", "") == name.lower()
    assert claim.reason == "beneficial_owner"


def test_economic_rights_do_not_count_as_ownership() -> None:
    claim = only({"type": "rightsToProfitOrIncome", "share": {"minimum": 25, "maximum": 50}})
    assert (claim.kind, claim.share) == ("related_to", None)
    assert claim.reason == "rights_to_profit_or_income 25-50%"


def test_no_interest_listed_is_an_unknown_one() -> None:
    (claim,), problems = claims_of([], PERSON)
    assert (claim.kind, claim.reason, claim.certainty) == ("related_to", "unknown_interest", 0.5)
    assert problems == []


def test_indirect_holdings_are_marked_and_apart_from_direct_ones() -> None:
    interests = [
        {"type": "shareholding", "directOrIndirect": "indirect", "share": {"exact": 10}},
        {"type": "shareholding", "directOrIndirect": "direct", "share": {"exact": 20}},
        {"type": "shareholding", "directOrIndirect": "unknown", "share": {"exact": 5}},
    ]
    claims, _ = claims_of(interests, PERSON)
    assert {(claim.direct, claim.share) for claim in claims} == {(False, 0.1), (True, 0.2), (None, 0.05)}
    assert len({claim.detail for claim in claims}) == 3


def test_votes_of_another_period_are_not_counted_twice() -> None:
    interests = [
        {"type": "shareholding", "share": {"exact": 60}, "startDate": "2015-01-01"},
        {"type": "votingRights", "share": {"exact": 75}, "startDate": "2019-01-01"},
    ]
    claims, _ = claims_of(interests, PERSON)
    assert {(claim.share, claim.voting) for claim in claims} == {(0.6, 0.0), (None, 0.75)}


def test_slices_of_time_are_joined_each_with_its_votes() -> None:
    slices = [("2010-01-01", 30), ("2015-01-01", 40)]
    interests: list[object] = [
        {"type": kind, "share": {"exact": share}, "startDate": start}
        for kind in ("votingRights", "shareholding")
        for start, share in slices
    ]
    claims, _ = claims_of(interests, PERSON)
    assert [(claim.share, claim.voting, claim.detail) for claim in claims] == [
        (0.3, 0.3, "shareholding"),
        (0.4, 0.4, "shareholding 2"),
    ]
