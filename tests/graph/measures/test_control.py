"""Control equals the company control fixpoint by brute force; what the data does not bear out is flagged."""

from collections.abc import Iterable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import MeasureArgumentError, UnknownPartyError, UnknownRelationError
from graph.measures.control import Basis, Control, ControlFlag, find_control
from graph.ontology import PartyKind
from graph.policy import ControlPolicy, read_policy
from graph.snapshot import Snapshot

RULES = read_policy().control[0]
STRICT = RULES.model_copy(update={"relative": 0.5, "known_above": 1.0, "comparable": 1e-6})
SIZE = 7

Holdings = dict[tuple[str, str], float]
Pairs = Iterable[tuple[str, str]]

names = st.sampled_from([f"C{number}" for number in range(SIZE)])
pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
raw_holdings = st.dictionaries(pairs, st.integers(1, 10), max_size=16)


def _control(
    votes: Holdings,
    *,
    rules: ControlPolicy = RULES,
    concert: Pairs = (),
    declared: Pairs = (),
    kinds: dict[str, str] | None = None,
    barriers: frozenset[PartyKind] = frozenset(),
) -> Control:
    rows = [(source, target, "owns", share) for (source, target), share in votes.items()]
    rows += [(source, target, "acts_in_concert", 1.0) for source, target in concert]
    rows += [(source, target, "controls", 1.0) for source, target in declared]
    schema = {"src": pl.String, "dst": pl.String, "kind": pl.String, "weight": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(voting="weight")
    wanted = ("owns", "acts_in_concert", "controls")
    snapshot = Snapshot.from_edges(frame, as_of=None, kinds=wanted)
    parties = None
    if kinds is not None:
        parties = pl.DataFrame({"party_id": list(kinds), "kind": list(kinds.values())})
    return find_control(snapshot, rules, parties=parties, barriers=barriers)


def _row(control: Control, party: str) -> dict[str, object]:
    return control.frame.filter(pl.col("id") == party).row(0, named=True)


def _controller(control: Control, party: str) -> object:
    return _row(control, party)["controller"]


def _flag(control: Control, party: str) -> object:
    return _row(control, party)["flag"]


def _known(raw: dict[tuple[str, str], int]) -> Holdings:
    """Turn counts of shares into parts of all shares of a company."""
    sums = {target: sum(n for (_, t), n in raw.items() if t == target) for _, target in raw}
    return {pair: count / sums[pair[1]] for pair, count in raw.items()}


def _controlled_by(holdings: Holdings, start: str) -> set[str]:
    """Return all that a party controls, itself where what it controls holds the majority of it."""
    found: set[str] = set()
    companies = {target for _, target in holdings}
    while True:
        bloc = found | {start}
        more = {c for c in companies - found if sum(holdings.get((h, c), 0.0) for h in bloc) > 0.5 + 1e-9}
        if not more:
            return found
        found |= more


@settings(max_examples=40)
@given(raw_holdings.map(_known))
def test_majorities_equal_the_fixpoint_by_brute_force(holdings: Holdings) -> None:
    parties = sorted({party for pair in holdings for party in pair})
    control = _control(holdings, rules=STRICT)
    under = {party: _controlled_by(holdings, party) for party in parties}
    for party in parties:
        above = {other for other in parties if party in under[other]}
        ultimate = {other for other in above if not any(other in under[third] for third in parties)}
        row = _row(control, party)
        assert row["controller"] == (ultimate.pop() if ultimate else None)
        if above and row["controller"] is None:
            assert row["flag"] == ControlFlag.CYCLE


@settings(max_examples=40)
@given(raw_holdings.map(_known), st.lists(pairs, max_size=2))
def test_each_controller_holds_what_its_basis_says(
    holdings: Holdings, concert: list[tuple[str, str]]
) -> None:
    control = _control(holdings, concert=concert)
    for row in control.frame.iter_rows(named=True):
        if row["controller"] is None:
            assert row["members"] is None or row["flag"] is not None
            continue
        least = RULES.majority if str(row["basis"]).endswith("majority") else RULES.relative
        assert row["votes"] > least
        assert row["controller"] in row["members"]
        assert row["flag"] is None
        chain = control.chain(row["id"])
        assert chain.height == row["chain_length"]
        assert chain["company"][0] == row["id"]
        assert chain["holder"].to_list()[:-1] == chain["company"].to_list()[1:]
        assert (chain["direct_votes"] > 0).all()


@settings(max_examples=15)
@given(raw_holdings.map(_known), st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(holdings: Holdings, random: object) -> None:
    shuffled = list(holdings.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _control(holdings).frame.equals(_control(dict(shuffled)).frame)


def test_control_is_followed_wholly_along_a_chain_not_as_a_product() -> None:
    control = _control({("P", "A"): 0.6, ("A", "B"): 0.6, ("B", "C"): 0.6})
    assert _row(control, "C") == {
        "id": "C",
        "controller": "P",
        "members": ["P"],
        "controller_kind": None,
        "basis": Basis.MAJORITY,
        "votes": 0.6,
        "chain_length": 3,
        "flag": None,
    }
    assert control.chain("C")["holder"].to_list() == ["B", "A", "P"]


def test_votes_of_several_controlled_companies_add_up() -> None:
    control = _control(
        {("P", "A"): 0.6, ("P", "B"): 0.7, ("A", "D"): 0.3, ("B", "D"): 0.25, ("Q", "D"): 0.45}
    )
    row = _row(control, "D")
    assert (row["controller"], row["votes"]) == ("P", pytest.approx(0.55))
    assert control.chain("D").row(0, named=True)["holder"] == "A"
    assert control.chain("D")["direct_votes"].to_list() == pytest.approx([0.3, 0.6])


def test_exactly_half_is_not_control() -> None:
    control = _control({("P", "A"): 0.5, ("Q", "A"): 0.5})
    assert _controller(control, "A") is None
    assert _flag(control, "A") == ControlFlag.AMBIGUOUS
    # The other half, of which nothing is known, may be in one hand.
    assert _flag(_control({("P", "A"): 0.5}), "A") == ControlFlag.MISSING_VOTES


def test_relative_control_needs_a_lead() -> None:
    leading = _control({("P", "A"): 0.35, ("Q", "A"): 0.15, ("R", "A"): 0.1})
    row = _row(leading, "A")
    assert (row["controller"], row["basis"]) == ("P", Basis.RELATIVE)
    rivalled = _control({("P", "A"): 0.35, ("Q", "A"): 0.2})
    assert _flag(rivalled, "A") == ControlFlag.AMBIGUOUS
    dispersed = _control({("P", "A"): 0.29, ("Q", "A"): 0.11, ("R", "A"): 0.11})
    assert _flag(dispersed, "A") == ControlFlag.NONE_FOUND


def test_relative_control_is_withdrawn_when_the_others_turn_out_to_be_one_bloc() -> None:
    # Q and R look small until relative control of Q's company S... makes R's votes Q's.
    holdings = {
        ("P", "A"): 0.4, ("Q", "A"): 0.15, ("S", "A"): 0.15,
        ("Q", "S"): 0.4, ("T", "S"): 0.12,
    }  # fmt: skip
    control = _control(holdings)
    assert _controller(control, "S") == "Q"
    assert _controller(control, "A") is None
    assert _flag(control, "A") == ControlFlag.AMBIGUOUS


def test_relative_control_that_turns_out_a_majority_is_told_as_one() -> None:
    # P's relative control of B and C, found with that of A, makes their votes in A its own.
    small = {("B", "A"): 0.17, ("C", "A"): 0.17, ("R", "A"): 0.1, ("X", "B"): 0.15, ("X", "C"): 0.15}
    control = _control({("P", "A"): 0.35, ("P", "B"): 0.4, ("P", "C"): 0.4, **small})
    row = _row(control, "A")
    assert (row["controller"], row["basis"], row["votes"]) == ("P", Basis.MAJORITY, pytest.approx(0.69))
    assert _row(control, "B")["basis"] == Basis.RELATIVE


def test_votes_of_its_own_subsidiary_make_no_majority_in_a_company() -> None:
    row = _row(_control({("P", "A"): 0.35, ("A", "K"): 0.9, ("K", "A"): 0.17}), "A")
    assert (row["controller"], row["basis"], row["votes"]) == ("P", Basis.RELATIVE, pytest.approx(0.52))


def test_unknown_votes_bear_no_relative_control() -> None:
    assert (
        _flag(_control({("P", "A"): 0.45, ("Q", "A"): 0.05, ("R", "A"): 0.0}), "A")
        == ControlFlag.MISSING_VOTES
    )
    assert _flag(_control({("P", "A"): 0.4}), "A") == ControlFlag.MISSING_VOTES
    assert _controller(_control({("P", "A"): 0.6, ("R", "A"): 0.0}), "A") == "P"


def test_those_acting_in_concert_vote_as_one() -> None:
    control = _control({("P", "A"): 0.3, ("Q", "A"): 0.35, ("R", "A"): 0.35}, concert=[("P", "Q")])
    row = _row(control, "A")
    assert (row["controller"], row["members"]) == ("Q", ["P", "Q"])
    assert (row["basis"], row["votes"]) == (Basis.CONCERT_MAJORITY, pytest.approx(0.65))


def test_a_concert_controls_nothing_that_one_of_it_controls_alone() -> None:
    control = _control({("P", "A"): 0.3, ("Q", "A"): 0.3, ("P", "B"): 0.9}, concert=[("P", "Q")])
    assert _row(control, "B")["members"] == ["P"]
    assert _row(control, "A")["members"] == ["P", "Q"]


def test_companies_of_a_concert_vote_with_it() -> None:
    holdings = {("P", "A"): 0.3, ("Q", "A"): 0.3, ("A", "B"): 0.3, ("P", "B"): 0.3, ("R", "B"): 0.4}
    row = _row(_control(holdings, concert=[("P", "Q")]), "B")
    assert (row["members"], row["basis"]) == (["P", "Q"], Basis.CONCERT_MAJORITY)
    assert row["votes"] == pytest.approx(0.6)


def test_a_controlled_member_brings_its_controller_into_the_concert() -> None:
    holdings = {("X", "A"): 0.3, ("Q", "A"): 0.3, ("P", "X"): 0.8}
    assert _row(_control(holdings, concert=[("X", "Q")]), "A")["members"] == ["P", "Q"]


def test_relative_control_in_concert() -> None:
    row = _row(_control({("P", "A"): 0.2, ("Q", "A"): 0.2, ("R", "A"): 0.15}, concert=[("P", "Q")]), "A")
    assert (row["members"], row["basis"]) == (["P", "Q"], Basis.CONCERT_RELATIVE)


def test_a_concert_of_very_many_is_named_once_for_what_it_controls() -> None:
    many = [f"M{number:06d}" for number in range(100_000)]
    row = _row(
        _control({(name, "A"): 1e-5 for name in many}, concert=[("M000000", name) for name in many]), "A"
    )
    assert (row["members"], row["basis"]) == (many, Basis.CONCERT_MAJORITY)


def test_declared_control_overrides_votes() -> None:
    control = _control({("P", "A"): 0.9}, declared=[("Q", "A")])
    row = _row(control, "A")
    assert (row["controller"], row["basis"], row["votes"]) == ("Q", Basis.DECLARED, 0.0)


def test_controllers_declared_along_one_chain_agree_and_others_do_not() -> None:
    along = _control({("P", "A"): 0.9}, declared=[("P", "B"), ("A", "B")])
    assert _controller(along, "B") == "P"
    against = _control({("X", "A"): 0.9}, declared=[("P", "A"), ("Q", "A")])
    assert _flag(against, "A") == ControlFlag.AMBIGUOUS
    together = _control({}, declared=[("P", "A"), ("Q", "A")], concert=[("P", "Q")])
    assert _row(together, "A")["members"] == ["P", "Q"]


def test_the_stated_basis_is_shown_in_the_chain() -> None:
    control = _control({}, declared=[("Q", "A")])
    statements = pl.DataFrame({"src": ["Q"], "dst": ["A"], "kind": ["controls"], "basis": ["agreement"]})
    assert control.chain("A", statements)["stated_basis"].to_list() == ["agreement"]
    assert control.chain("A")["stated_basis"].to_list() == [None]
    assert control.chain("Q").is_empty()


def test_circles_that_control_only_themselves_are_flagged_with_all_below() -> None:
    control = _control({("A", "B"): 0.6, ("B", "A"): 0.6, ("B", "C"): 0.7, ("P", "A"): 0.4})
    assert [_flag(control, party) for party in "ABC"] == [ControlFlag.CYCLE] * 3
    declared = _control({}, declared=[("A", "B"), ("B", "A")])
    assert [_flag(declared, party) for party in "AB"] == [ControlFlag.CYCLE] * 2


def test_a_circle_with_an_outside_majority_has_its_controller() -> None:
    control = _control({("P", "A"): 0.6, ("A", "B"): 0.6, ("B", "A"): 0.4})
    assert [_controller(control, party) for party in "AB"] == ["P", "P"]


def test_a_member_of_a_concert_is_not_controlled_by_its_own_votes() -> None:
    # J's subsidiary K holds 20 % of J: with P's 40 % the concert of J and P would pass one half.
    holdings = {("J", "K"): 0.9, ("K", "J"): 0.2, ("P", "J"): 0.4, ("R", "J"): 0.4}
    assert _flag(_control(holdings, concert=[("J", "P")]), "J") == ControlFlag.CYCLE


def test_shares_above_one_bear_no_control() -> None:
    control = _control({("P", "A"): 0.8, ("Q", "A"): 0.7})
    assert _flag(control, "A") == ControlFlag.SHARES_ABOVE_ONE
    assert _controller(_control({("P", "A"): 0.8, ("Q", "A"): 0.7}, declared=[("P", "A")]), "A") == "P"


def test_persons_and_funds_are_ultimate() -> None:
    control = _control({("P", "F"): 0.9, ("F", "A"): 0.9}, kinds={"F": "fund", "P": "person", "A": "company"})
    row = _row(control, "A")
    assert (row["controller"], row["controller_kind"]) == ("F", "fund")
    assert _row(control, "F")["flag"] is None
    assert _flag(control, "P") is None


def test_a_barrier_leaves_what_it_controls_to_stand_for_itself() -> None:
    holdings = {("G", "A"): 1.0, ("G", "B"): 1.0, ("A", "C"): 0.4, ("B", "C"): 0.4, ("A", "D"): 0.9}
    kinds = {"G": "government"}
    through = _control(holdings, kinds=kinds)
    assert _controller(through, "C") == "G"
    barred = _control(holdings, kinds=kinds, barriers=frozenset({PartyKind.GOVERNMENT}))
    assert [_controller(barred, party) for party in "ABCD"] == [None, None, None, "A"]
    assert barred.exempt.tolist() == [True, True, False, False, False]


def test_voting_rights_go_before_economic_shares() -> None:
    frame = pl.DataFrame(
        {
            "src": ["P", "Q"],
            "dst": ["A", "A"],
            "kind": ["owns", "owns"],
            "weight": [0.2, 0.8],
            "voting": [0.7, 0.3],
        }
    )
    snapshot = Snapshot.from_edges(frame, as_of=None, kinds=("acts_in_concert", "controls"))
    assert _controller(find_control(snapshot, RULES), "A") == "P"


def test_an_empty_graph_and_wrong_input() -> None:
    empty = _control({})
    assert empty.frame.is_empty()
    with pytest.raises(UnknownPartyError):
        empty.chain("A")
    with pytest.raises(MeasureArgumentError, match="kind"):
        find_control(empty.snapshot, RULES, parties=pl.DataFrame({"party_id": ["A"]}))
    with pytest.raises(UnknownRelationError, match="owns"):
        find_control(Snapshot.from_edges(pl.DataFrame({"src": [1], "dst": [2]}), as_of=None), RULES)
