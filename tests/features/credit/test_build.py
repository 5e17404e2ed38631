"""The feature frame and the panel: shape, bad input, and that the panel is no more than its parts."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.credit.book import Book
from features.credit.build import FEATURES, SOURCE_TABLES, credit_features
from features.credit.labels import labels
from features.credit.links import links_of
from features.credit.panel import PANEL_SCHEMA, credit_panel, linked_panel
from features.errors import ImmatureObservationError, MissingColumnError, MissingTableError, SnapshotDateError
from graph.errors import UnknownPartyError
from graph.parquet_store import ParquetStore
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]

AS_OF = date(2022, 6, 30)
KNOWN_BY = date(2024, 6, 30)


def _snapshot(tables: Tables, as_of: date = AS_OF) -> Snapshot:
    return Snapshot.from_edges(tables["edges"], as_of=as_of)


def test_frame_has_one_row_a_party_in_a_fixed_order(random_group: Tables) -> None:
    frame = credit_features(random_group, _snapshot(random_group), AS_OF)
    assert frame.columns == ["party_id", "as_of", *FEATURES]
    assert frame["party_id"].is_sorted()
    assert frame["party_id"].is_unique().all()
    assert set(frame.select(FEATURES).dtypes) == {pl.Float64}


def test_parties_known_later_have_no_row(make_tables: TableMaker) -> None:
    tables = make_tables(parties=[{"party_id": "A"}, {"party_id": "B", "known_at": date(2022, 7, 1)}])
    assert credit_features(tables, _snapshot(tables), AS_OF)["party_id"].to_list() == ["A"]


def test_chosen_parties_get_the_rows_they_have_among_all(random_group: Tables) -> None:
    snapshot = _snapshot(random_group)
    every = credit_features(random_group, snapshot, AS_OF)
    chosen = credit_features(random_group, snapshot, AS_OF, parties=["P07", "P03", "P07"])
    assert chosen.equals(every.filter(pl.col("party_id").is_in(["P03", "P07"])))


def test_unknown_party_is_named(random_group: Tables) -> None:
    with pytest.raises(UnknownPartyError) as caught:
        credit_features(random_group, _snapshot(random_group), AS_OF, parties=["P03", "P99"])
    assert caught.value.party_id == "P99"


@pytest.mark.parametrize("table", SOURCE_TABLES)
def test_missing_table_is_named(random_group: Tables, table: str) -> None:
    rest = {name: frame for name, frame in random_group.items() if name != table}
    with pytest.raises(MissingTableError, match=table):
        credit_features(rest, _snapshot(random_group), AS_OF)


def test_missing_column_is_named(random_group: Tables) -> None:
    broken = {**random_group, "statements": random_group["statements"].drop("cash")}
    with pytest.raises(MissingColumnError, match=r"statements lacks the column\(s\) cash"):
        credit_features(broken, _snapshot(random_group), AS_OF)


@pytest.mark.parametrize("as_of", [None, date(2022, 7, 1)])
def test_graph_without_date_or_later_than_the_features_is_refused(
    random_group: Tables, as_of: date | None
) -> None:
    edges = random_group["edges"].select("src", "dst", "kind") if as_of is None else random_group["edges"]
    with pytest.raises(SnapshotDateError, match=r"store\.snapshot\(2022-06-30\)"):
        credit_features(random_group, Snapshot.from_edges(edges, as_of=as_of), AS_OF)


def test_all_missing_and_constant_columns_do_no_harm(random_group: Tables) -> None:
    names = {
        "parties": [
            "industry",
            "size",
            "ownership",
            "founded_on",
            "registered_capital",
            "employees",
            "listed",
        ],
        "statements": ["cash", "equity", "revenue", "opinion"],
        "court_events": ["role", "cause", "amount"],
        "exposures": ["collateral_kind", "collateral_value"],
        "edges": ["share", "amount"],
    }
    empty = {
        name: random_group[name].with_columns(
            pl.lit(None, dtype=random_group[name].collect_schema()[column]).alias(column)
            for column in columns
        )
        for name, columns in names.items()
    }
    constant = random_group["payments"].with_columns(amount=pl.lit(1.0))
    tables = {**random_group, **empty, "payments": constant}
    frame = credit_features(tables, _snapshot(tables), AS_OF)
    assert frame["cash_ratio"].null_count() == frame.height
    assert frame["leverage"].null_count() < frame.height


def test_unseen_category_is_unknown_not_an_error(make_tables: TableMaker) -> None:
    tables = make_tables(parties=[{"party_id": "A", "industry": "Z", "size": "giant", "ownership": "new"}])
    row = credit_features(tables, _snapshot(tables), AS_OF).row(0, named=True)
    assert (row["industry_code"], row["size_rank"], row["is_state_owned"]) == (None, None, 0)


def test_infinite_values_reach_no_feature(make_tables: TableMaker) -> None:
    statement = {
        "party_id": "A",
        "period_end": date(2021, 12, 31),
        "known_at": date(2022, 4, 1),
        "total_assets": float("inf"),
        "equity": float("nan"),
    }
    tables = make_tables(parties=[{"party_id": "A"}], statements=[statement])
    values = (
        credit_features(tables, _snapshot(tables), AS_OF).select(FEATURES).unpivot()["value"].drop_nulls()
    )
    assert values.is_finite().all()


def test_empty_group_and_empty_graph_give_an_empty_frame(make_tables: TableMaker) -> None:
    tables = make_tables()
    frame = credit_features(tables, _snapshot(tables), AS_OF)
    assert (frame.height, frame.columns) == (0, ["party_id", "as_of", *FEATURES])


def test_edge_to_a_party_without_record_counts_as_a_neighbour_only(make_tables: TableMaker) -> None:
    tables = make_tables(
        parties=[{"party_id": "A"}], edges=[{"src": "A", "dst": "ghost", "kind": "supplies", "amount": 5.0}]
    )
    frame = credit_features(tables, _snapshot(tables), AS_OF)
    assert frame["party_id"].to_list() == ["A"]
    assert frame.select("customers", "customers_default_share").row(0) == (1.0, None)


@pytest.fixture
def store(random_group: Tables, tmp_path: Path) -> ParquetStore:
    """Return a store that holds the edges of the random group."""
    held = ParquetStore(tmp_path)
    held.append(random_group["edges"])
    return held


def test_panel_is_features_and_labels_of_each_date(random_group: Tables, store: ParquetStore) -> None:
    days = [date(2022, 3, 31), AS_OF]
    told: list[date] = []
    panel = credit_panel(random_group, store, days, KNOWN_BY, progress=told.append)
    assert (panel.schema, told) == (PANEL_SCHEMA, days)
    features = pl.concat(credit_features(random_group, _snapshot(random_group, day), day) for day in days)
    expected = labels(random_group, days, known_by=KNOWN_BY).join(features, on=["party_id", "as_of"])
    key = ["as_of", "party_id"]
    assert panel.sort(key).equals(expected.sort(key))


def test_panel_brings_the_links_of_its_parties_and_dates(random_group: Tables, store: ParquetStore) -> None:
    days = [date(2022, 3, 31), AS_OF]
    linked = linked_panel(random_group, store, days, KNOWN_BY)
    assert linked.observations.equals(credit_panel(random_group, store, days, KNOWN_BY))
    observed = linked.observations.select("party_id", "as_of")
    expected = pl.concat(links_of(Book.read(random_group, day), _snapshot(random_group, day)) for day in days)
    assert linked.links.equals(expected.join(observed, on=["party_id", "as_of"], how="semi"))
    assert 0 < linked.links.height < expected.height


def test_a_date_of_the_panel_does_not_depend_on_the_others(random_group: Tables, store: ParquetStore) -> None:
    both = credit_panel(random_group, store, [date(2022, 3, 31), AS_OF], KNOWN_BY)
    alone = credit_panel(random_group, store, [AS_OF], KNOWN_BY)
    assert both.filter(pl.col("as_of") == AS_OF).equals(alone)


def test_panel_refuses_dates_whose_outcome_is_not_known(random_group: Tables, store: ParquetStore) -> None:
    with pytest.raises(ImmatureObservationError, match="Observe on 2023-03-31 or earlier"):
        credit_panel(random_group, store, [date(2023, 4, 30)], KNOWN_BY)


def test_panel_of_no_dates_is_empty(random_group: Tables, store: ParquetStore) -> None:
    assert credit_panel(random_group, store, [], KNOWN_BY).schema == PANEL_SCHEMA
