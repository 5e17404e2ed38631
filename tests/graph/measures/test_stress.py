"""The failure of named parties: losses in CNY by channel, who falls with them, and what is not known."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import EdgeTableError, MeasureArgumentError, UnknownPartyError
from graph.measures.stress import CHANNELS, Channel, stress
from graph.ontology import Direction
from graph.snapshot import Snapshot

Edge = tuple[str, str, str, float | None]

GUARANTEES = (Channel("guarantees", Direction.IN, 1.0),)


def _snapshot(*edges: Edge) -> Snapshot:
    schema = {"kind": pl.String, "src": pl.String, "dst": pl.String, "weight": pl.Float64}
    return Snapshot.from_edges(pl.DataFrame(list(edges), schema=schema, orient="row"), as_of=None)


def _equity(**values: float | None) -> pl.DataFrame:
    schema = {"id": pl.String, "equity": pl.Float64}
    return pl.DataFrame({"id": list(values), "equity": list(values.values())}, schema=schema)


def test_each_channel_costs_what_it_says() -> None:
    snapshot = _snapshot(
        ("guarantees", "G", "X", 100.0),
        ("lends_to", "L", "X", 100.0),
        ("supplies", "S", "X", 100.0),
        ("supplies", "X", "C", 100.0),
        ("owns", "O", "X", 0.4),
        ("owns", "X", "D", 1.0),
    )
    found = stress(snapshot, ["X"], _equity(X=50.0, G=1e6, L=1e6, S=1e6, C=1e6, O=1e6))
    losses = dict(found.parties.select("id", "loss").rows())
    assert losses == pytest.approx({"G": 100.0, "L": 45.0, "S": 25.0, "O": 20.0, "C": 10.0, "X": 0.0})
    assert found.parties["id"].to_list() == ["G", "L", "S", "O", "C", "X"]
    assert found.parties.row(0, named=True)["through"] == ["guarantees"]
    assert found.total_loss == pytest.approx(200.0)
    assert (found.rounds, found.unknown_equity, found.unknown_amounts) == (1, (), 0)


def test_a_rate_of_nothing_costs_nothing_and_a_stake_at_most_all_of_the_equity() -> None:
    snapshot = _snapshot(("lends_to", "L", "X", 100.0), ("owns", "O", "X", 0.8), ("owns", "P", "X", 1.2))
    free = (Channel("lends_to", Direction.IN, 0.0), Channel("owns", Direction.IN, 1.0, of_equity=True))
    found = stress(snapshot, ["X"], _equity(X=50.0), channels=free, max_rounds=1)
    losses = dict(found.parties.select("id", "loss").rows())
    assert losses == {"P": 50.0, "O": 40.0, "X": 0.0}


def test_failures_go_on_round_by_round_until_equity_holds() -> None:
    snapshot = _snapshot(
        ("guarantees", "B", "A", 10.0), ("guarantees", "C", "B", 10.0), ("guarantees", "D", "C", 10.0)
    )
    found = stress(snapshot, ["A"], _equity(B=10.0, C=11.0, D=1.0))
    rows = {row["id"]: row for row in found.parties.to_dicts()}
    assert [rows[party]["round"] for party in "ABC"] == [0, 1, 2]
    assert [rows[party]["failed_in_round"] for party in "ABC"] == [0, 1, None]
    assert rows["C"]["share_of_equity"] == pytest.approx(10 / 11)
    assert "D" not in rows
    assert found.flows.select("round", "source", "id", "loss").rows() == [
        (1, "A", "B", 10.0),
        (2, "B", "C", 10.0),
    ]


def test_losses_from_several_failures_add_up() -> None:
    snapshot = _snapshot(
        ("guarantees", "G", "A", 6.0), ("guarantees", "G", "B", 6.0), ("owns", "H", "G", 0.5)
    )
    alone, both = (stress(snapshot, names, _equity(G=10.0, H=100.0)) for names in (["A"], ["A", "B", "A"]))
    assert alone.parties.filter(pl.col("failed_in_round") > 0).height == 0
    assert dict(both.parties.select("id", "loss").rows()) == {"G": 12.0, "H": 5.0, "A": 0.0, "B": 0.0}


def test_unknown_equity_and_amounts_are_said_not_guessed() -> None:
    snapshot = _snapshot(
        ("guarantees", "G", "X", 1e9),
        ("guarantees", "H", "G", 5.0),
        ("guarantees", "K", "X", None),
        ("owns", "O", "X", 0.5),
    )
    found = stress(snapshot, ["X"], _equity(G=None, O=1.0))
    hit = found.parties.filter(pl.col("id") == "G").row(0, named=True)
    assert (hit["loss"], hit["share_of_equity"], hit["failed_in_round"]) == (1e9, None, None)
    # The guarantee of K has no amount, and the stake of O is in a party of unknown equity.
    assert (found.unknown_equity, found.unknown_amounts) == (("G",), 2)
    assert found.parties["id"].to_list() == ["G", "X"]


def test_party_of_no_equity_fails_with_the_first_loss_and_its_owner_loses_nothing_more() -> None:
    snapshot = _snapshot(("guarantees", "G", "X", 1.0), ("owns", "O", "G", 1.0))
    found = stress(snapshot, ["X"], _equity(G=-5.0, O=10.0))
    row = found.parties.filter(pl.col("id") == "G").row(0, named=True)
    assert (row["failed_in_round"], row["share_of_equity"]) == (1, None)
    assert "O" not in found.parties["id"].to_list()


parties = st.integers(0, 6)
amounts = st.sampled_from([1.0, 4.0, 9.0])
edge_maps = st.dictionaries(st.tuples(parties, parties), amounts, max_size=20)


def _cascade(
    edges: dict[tuple[int, int], float], equity: list[float], first: int
) -> tuple[set[int], list[float]]:
    failed, loss, queue = {first}, [0.0] * 7, {first}
    while queue:
        standing = set(range(7)) - failed
        for (guarantor, guaranteed), amount in edges.items():
            if guaranteed in queue and guarantor in standing and guarantor != guaranteed:
                loss[guarantor] += amount
        queue = {party for party in standing if loss[party] and loss[party] >= equity[party]}
        failed |= queue
    return failed, loss


@given(edge_maps, st.lists(st.sampled_from([0.0, 3.0, 8.0, 20.0]), min_size=7, max_size=7), parties)
def test_cascade_equals_a_simulation(
    edges: dict[tuple[int, int], float], equity: list[float], first: int
) -> None:
    table = pl.DataFrame(
        {
            "src": [str(source) for source, _ in edges],
            "dst": [str(target) for _, target in edges],
            "weight": list(edges.values()),
            "kind": ["guarantees"] * len(edges),
        },
        schema={"src": pl.String, "dst": pl.String, "weight": pl.Float64, "kind": pl.String},
    )
    names = [str(party) for party in range(7)]
    snapshot = Snapshot.from_edges(table, as_of=None, nodes=pl.Series(names), kinds=["guarantees"])
    held = pl.DataFrame({"id": names, "equity": equity})
    found = stress(snapshot, [str(first)], held, channels=GUARANTEES)
    failed, loss = _cascade(edges, equity, first)
    down = found.parties.filter(pl.col("failed_in_round").is_not_null())["id"]
    assert set(down) == {str(party) for party in failed}
    found_loss = dict(found.parties.select("id", "loss").rows())
    np.testing.assert_allclose([found_loss.get(name, 0.0) for name in names], loss)


def test_party_without_ties_harms_nobody() -> None:
    snapshot = Snapshot.from_edges(
        pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None, nodes=pl.Series(["C"]), kinds=["owns"]
    )
    found = stress(snapshot, ["C"], _equity())
    assert found.parties.select("id", "loss", "round").rows() == [("C", 0.0, 0)]
    assert (found.flows.height, found.total_loss, found.rounds) == (0, 0.0, 0)


def test_bad_arguments_are_named() -> None:
    snapshot = _snapshot(("guarantees", "G", "X", 1.0))
    with pytest.raises(UnknownPartyError, match="'Z'"):
        stress(snapshot, ["Z"], _equity())
    with pytest.raises(MeasureArgumentError, match="'shocked' is empty"):
        stress(snapshot, [], _equity())
    with pytest.raises(MeasureArgumentError, match=r"channels\[owns\].rate' must lie between 0 and 1"):
        stress(snapshot, ["X"], _equity(), channels=(Channel("owns", Direction.IN, 1.5),))
    with pytest.raises(MeasureArgumentError, match="'max_rounds' must be 1 or more"):
        stress(snapshot, ["X"], _equity(), max_rounds=0)
    with pytest.raises(EdgeTableError, match="more than once"):
        stress(snapshot, ["X"], pl.concat([_equity(G=1.0), _equity(G=2.0)]))


def test_every_channel_is_of_a_known_kind() -> None:
    from graph.ontology import RELATIONS

    assert {channel.kind for channel in CHANNELS} <= set(RELATIONS)
