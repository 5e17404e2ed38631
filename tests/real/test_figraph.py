"""FiGraph's yearly graphs: loaded with yearly validity, the graph of each year end is the file of that year."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from bench.graph_parts.figraph import KINDS, YEARS, churn, figraph_edges, year_end
from graph.edges import visible
from graph.parquet_store import ParquetStore
from graph.snapshot import Snapshot

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    found = shared_data / "credit" / "figraph_edges"
    if not found.is_dir():
        pytest.skip(f"FiGraph is not on this machine ({found})")
    return found


@pytest.fixture(scope="module")
def edges(folder: Path) -> pl.DataFrame:
    return figraph_edges(folder)


def _file(folder: Path, year: int) -> pl.DataFrame:
    kinds = {name: kind for name, (kind, _) in KINDS.items()}
    rows = pl.read_parquet(folder / f"{year}.parquet").select(
        src="source", dst="target", kind=pl.col("kind").replace_strict(kinds)
    )
    return rows.sort("src", "dst", "kind")


@pytest.mark.parametrize("year", YEARS)
def test_each_year_end_shows_the_file_of_the_year(folder: Path, edges: pl.DataFrame, year: int) -> None:
    shown = visible(edges, year_end(year)).select("src", "dst", "kind").collect().sort("src", "dst", "kind")
    assert shown.equals(_file(folder, year))
    snapshot = Snapshot.from_edges(edges, as_of=year_end(year))
    assert sum(int(relation.edges.sum()) for relation in snapshot.relations.values()) == shown.height
    assert snapshot.parties == pl.concat([shown["src"], shown["dst"]]).n_unique()


def test_nothing_is_known_before_the_first_year_end_and_a_year_is_known_only_at_its_end(
    folder: Path, edges: pl.DataFrame
) -> None:
    first, second = YEARS[:2]
    assert visible(edges, year_end(first) - timedelta(days=1)).collect().is_empty()
    eve = visible(edges, year_end(second) - timedelta(days=1)).select("src", "dst", "kind").collect()
    assert eve.sort("src", "dst", "kind").equals(_file(folder, first))


def test_churn_agrees_with_the_files_and_with_the_counts_that_are_known(folder: Path) -> None:
    rows = churn(folder).rows_by_key("year", named=True, unique=True)
    assert [rows[year]["edges"] for year in (2014, 2015)] == [79_958, 91_450]
    assert [rows[year]["stay"] for year in (2014, 2015)] == [43_527, 38_652]
    assert [rows[year]["come"] for year in (2014, 2015)] == [91_450 - 43_527, 94_784 - 38_652]


def test_the_store_gives_the_same_graph_back(tmp_path: Path, edges: pl.DataFrame) -> None:
    store = ParquetStore(tmp_path)
    assert store.append(edges) == edges.height
    assert store.append(edges) == 0
    day = year_end(YEARS[1])
    stored = store.edges(day).select("edge_id", "src", "dst", "kind").collect()
    assert stored.equals(
        visible(edges, day).select("edge_id", "src", "dst", "kind").sort("edge_id").collect()
    )
