"""The blocks find what they promise, and say what they leave out."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from graph.matching.blocks import core_pairs
from graph.matching.names import name_parts


def cores_of(names: list[str], *, short: bool = False) -> pl.DataFrame:
    parts = name_parts(pl.Series(names, dtype=pl.String), people=True)  # the core is the whole name
    return parts.select("core", "brief", "sound").with_columns(short=pl.lit(short))


@settings(max_examples=15)
@given(st.lists(st.text("恒泽铭瑞远达", min_size=4, max_size=6), unique=True, max_size=10))
def test_every_pair_one_character_apart_is_compared(names: list[str]) -> None:
    found = core_pairs(cores_of(names), cap=10_000)
    pairs = set(found.pairs.iter_rows())
    near = {
        (a, b)
        for a in range(len(names))
        for b in range(a + 1, len(names))
        if Levenshtein.distance(names[a], names[b]) == 1
    }
    assert near <= pairs
    assert all(a < b for a, b in pairs)
    assert len(pairs) == found.pairs.height
    assert found.left_out.is_empty()


def test_each_key_brings_its_pairs() -> None:
    sound = core_pairs(cores_of(["恒泽铭瑞", "衡择明锐"]), cap=10)
    order = core_pairs(cores_of(["恒泽铭瑞物流", "物流恒泽铭瑞"]), cap=10)
    trade = core_pairs(cores_of(["恒泽石油化工", "恒泽石化"]), cap=10)
    rare = core_pairs(cores_of(["岚川恒泽铭瑞新材料", "恒泽铭瑞新材料"]), cap=10)
    for found in (sound, order, trade, rare):
        assert found.pairs.rows() == [(0, 1)]
    names = ["恒泽铭瑞", "恒泽铭瑞机械制造"]
    assert core_pairs(cores_of(names, short=True), cap=10).pairs.rows() == [(0, 1)]
    assert core_pairs(cores_of(["恒泽", "远达物流"]), cap=10).pairs.is_empty()


def test_a_large_block_is_cut_by_the_first_character_and_then_told() -> None:
    brands = ["恒泽", "恒达", "恒瑞", "远泽", "远达", "远瑞"]
    found = core_pairs(cores_of([f"{brand}商贸" for brand in brands]), cap=3)
    first = [brands[a][0] == brands[b][0] for a, b in found.pairs.iter_rows() if brands[a][1] != brands[b][1]]
    assert all(first)
    assert found.left_out.filter(pl.col("key") == "恒商贸").is_empty()  # three fit into the block
    crowd = core_pairs(cores_of([f"恒{char}商贸" for char in "泽达瑞铭信远"]), cap=3)
    assert crowd.pairs.is_empty()
    assert ("one_character", "恒商贸", 6) in crowd.left_out.rows()


def test_no_core_gives_no_pair() -> None:
    assert core_pairs(cores_of([]), cap=10).pairs.is_empty()
