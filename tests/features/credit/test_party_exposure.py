"""What a party, its group and its owners owe the group: sums that must agree with the book and with the rules' facts."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.checked_files import check_folder
from features.contracts import Checked
from features.credit.exposure_file import EXPOSURES, ExposureFile, write_exposures
from features.credit.exposure_rows import exposure_rows
from features.credit.exposure_shapes import PARTY_EXPOSURE
from features.credit.party_exposure import party_exposures, unused_limits
from features.credit.rule_facts import rule_facts
from features.errors import ExposureFileError
from graph.snapshot import Snapshot
from models.credit.rules.policy import read_rules

AS_OF = date(2025, 12, 31)
KINDS = read_rules().organisation_kinds(AS_OF)


@pytest.fixture(scope="module")
def tables(repository: Path) -> Mapping[str, pl.LazyFrame]:
    checked = check_folder(repository / "data_samples" / "group")
    return {one.table: one.good.lazy() for one in checked if isinstance(one, Checked)}


@pytest.fixture(scope="module")
def snapshot(tables: Mapping[str, pl.LazyFrame]) -> Snapshot:
    return Snapshot.from_edges(tables["edges"], as_of=AS_OF)


@pytest.fixture(scope="module")
def exposures(tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot) -> pl.DataFrame:
    return party_exposures(tables, snapshot, AS_OF, org_kinds=KINDS)


def own_lines(exposures: pl.DataFrame) -> pl.DataFrame:
    return exposures.select("party_id", "lines").explode("lines").drop_nulls("lines").unnest("lines")


def test_every_known_party_has_one_row_in_the_declared_shape(exposures: pl.DataFrame) -> None:
    assert exposures.schema == PARTY_EXPOSURE
    assert exposures["party_id"].is_sorted()
    assert exposures["party_id"].is_unique().all()


def test_lines_are_what_is_outstanding_of_live_contracts(
    exposures: pl.DataFrame, tables: Mapping[str, pl.LazyFrame]
) -> None:
    book = exposure_rows(tables, AS_OF).group_by("party_id", "org_id").agg(pl.col("outstanding").sum())
    both = own_lines(exposures).join(book, on=["party_id", "org_id"], how="full", coalesce=True)
    assert both.height > 100
    assert (both["gross"] - both["outstanding"]).abs().max() == pytest.approx(0, abs=0.011)


def test_a_group_owes_what_its_members_owe(exposures: pl.DataFrame) -> None:
    groups = exposures.select("groups").explode("groups").drop_nulls().unnest("groups")
    small = groups.filter(pl.col("largest").list.len() < 50).unique("group_id")
    assert small.height > 20
    for group in small.iter_rows(named=True):
        by_org: dict[str, float] = {}
        for line in group["largest"]:
            by_org[line["org_id"]] = by_org.get(line["org_id"], 0.0) + line["gross"]
        assert by_org == pytest.approx({line["org_id"]: line["gross"] for line in group["lines"]}, abs=0.05)


def test_limits_are_those_the_rules_are_checked_by(
    exposures: pl.DataFrame, tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot
) -> None:
    facts = rule_facts(tables, snapshot, AS_OF, org_kinds=KINDS)
    both = exposures.select("party_id", "limits").join(facts.select("party_id", "limit_uses"), on="party_id")
    assert both.filter(pl.col("limits").list.len() > 0).height > 100
    assert both["limits"].to_list() == both["limit_uses"].to_list()


def test_looking_through_adds_owned_companies_to_what_a_party_owes_itself(exposures: pl.DataFrame) -> None:
    looked = exposures.select("party_id", "looked_through").explode("looked_through").drop_nulls()
    wider = looked.unnest("looked_through").join(
        own_lines(exposures).select("party_id", "org_id", own="gross"), on=["party_id", "org_id"], how="left"
    )
    gap = wider["gross"] - wider["own"].fill_null(0.0)
    assert gap.min() == pytest.approx(0, abs=0.011)
    assert (gap > 1).any()


def test_without_kinds_of_organisations_no_limit_is_computed(
    tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot
) -> None:
    assert party_exposures(tables, snapshot, AS_OF)["limits"].null_count() > 0


def write(
    tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot, frame: pl.DataFrame, home: Path
) -> ExposureFile:
    return write_exposures(
        frame,
        home / EXPOSURES,
        data_as_of=AS_OF,
        graph_as_of=date(2025, 12, 25),
        limits=unused_limits(tables, snapshot, AS_OF, KINDS),
        companies={"ORG-01": "P0000001"},
    )


def test_file_gives_back_each_party_and_the_open_limits(
    exposures: pl.DataFrame, tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot, tmp_path: Path
) -> None:
    written = write(tables, snapshot, exposures, tmp_path)
    opened = ExposureFile.open(tmp_path / EXPOSURES)
    assert opened.basis == written.basis
    assert opened.basis.companies == {"ORG-01": "P0000001"}
    assert {limit.scope for limit in opened.basis.limits} == {"party", "group"}
    party = own_lines(exposures)["party_id"][0]
    assert opened.party(party) == exposures.filter(pl.col("party_id") == party).row(0, named=True)
    assert opened.party("nobody") is None


def test_file_that_is_not_whole_is_refused(
    exposures: pl.DataFrame, tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot, tmp_path: Path
) -> None:
    with pytest.raises(ExposureFileError, match="credit prepare"):
        ExposureFile.open(tmp_path / EXPOSURES)
    write(tables, snapshot, exposures, tmp_path)
    exposures.head(3).write_parquet(tmp_path / EXPOSURES)
    with pytest.raises(ExposureFileError, match="not made with the file beside it"):
        ExposureFile.open(tmp_path / EXPOSURES)
