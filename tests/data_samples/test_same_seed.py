"""The same arguments give the same values; another seed or scale gives others."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sample_group.generator import generate
from sample_group.schema import TABLES, TRUTH
from sample_group.streams import Streams
from tests.data_samples.conftest import SEED, WINDOW, Group, silent


def test_same_seed_gives_the_same_values_in_every_table(small: Group, tmp_path: Path) -> None:
    generate(tmp_path / "again", seed=SEED, scale=0.1, window=WINDOW, say=silent)
    again = Group(tmp_path / "again")
    for name in TABLES:
        assert_frame_equal(again.table(name), small.table(name), check_exact=True)
    for name in TRUTH:
        assert_frame_equal(again.truth(name), small.truth(name), check_exact=True)


def test_another_seed_gives_other_values(small: Group, tmp_path: Path) -> None:
    generate(tmp_path / "other", seed=SEED + 1, scale=0.1, window=WINDOW, say=silent)
    other = Group(tmp_path / "other")
    for name in (
        "parties",
        "edges",
        "exposures",
        "payments",
        "statements",
        "court_events",
        "sales",
        "line_output",
    ):
        assert not other.table(name).equals(small.table(name)), name


def test_a_stream_depends_on_its_name_and_batch_only() -> None:
    streams = Streams(SEED)
    first = streams.of("parties").random(4).tolist()
    streams.of("edges").random(1000)
    assert streams.of("parties").random(4).tolist() == first
    assert streams.of("parties", 1).random(4).tolist() != first
    assert streams.of("edges").random(4).tolist() != first


def test_scale_multiplies_what_hangs_on_counterparties(small: Group, group: Group) -> None:
    assert small.table("parties")["party_id"].n_unique() == 17 + 200
    assert group.table("parties")["party_id"].n_unique() == 17 + 2000
    for name in ("edges", "exposures", "schedules", "payments", "statements", "court_events"):
        assert 5 < group.table(name).height / small.table(name).height < 20, name
    assert group.table("companies").height == small.table("companies").height == 17


@pytest.mark.parametrize("name", sorted(TABLES))
def test_columns_and_types_are_the_agreed_ones(group: Group, name: str) -> None:
    assert group.table(name).schema == pl.Schema(TABLES[name])
    assert group.table(name).height > 0


def test_large_runs_write_parts_that_read_as_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sample_group.world.BATCH", 300)
    monkeypatch.setattr("sample_group.generator.BATCH", 300)
    generate(tmp_path / "parts", seed=SEED, scale=0.4, window=WINDOW, say=silent)
    for name in ("parties", "payments", "truth/hazard"):
        assert len(list((tmp_path / "parts" / name).glob("part-*.parquet"))) == 3
    exposures = pl.read_parquet(tmp_path / "parts/exposures/*.parquet")
    schedules = pl.read_parquet(tmp_path / "parts/schedules/*.parquet")
    good = exposures.filter(pl.col("exposure_id").str.contains(r"^X\d+$"))
    assert good.unique()["exposure_id"].is_unique().all()
    assert set(good["exposure_id"]) <= set(schedules["exposure_id"])
