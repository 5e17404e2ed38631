"""The change between two cores is named for what it is."""

import polars as pl
import pytest

from graph.matching.likeness import LIKELY, UNSURE, cores_alike
from graph.matching.names import name_parts


def change(one: str, other: str) -> tuple[str, float] | None:
    cores = name_parts(pl.Series([one, other]), people=True).select("core", "brief", "sound")
    pair = pl.DataFrame({"a": [0], "b": [1]}, schema={"a": pl.UInt32, "b": pl.UInt32})
    found = cores_alike(pair, cores)
    return None if found.is_empty() else (found["method"][0], found["base"][0])


@pytest.mark.parametrize(
    ("one", "other", "method"),
    [
        ("恒泽铭瑞新材料", "恒择铭瑞新材料", "sounds_alike"),
        ("恒泽铭瑞新材料", "衡泽铭锐新材料", "sounds_alike"),
        ("未来之光电子科技", "末来之光电子科技", "looks_alike"),
        ("恒泽铭瑞新材料", "恒泽铭瑞瑞新材料", "doubled_character"),
        ("恒泽铭瑞新材料", "恒泽铭瑞新材", "omitted_character"),
        ("恒泽铭瑞新材料", "新材料恒泽铭瑞", "swapped_words"),
        ("恒泽铭瑞新材料", "恒铭泽瑞新材料", "swapped_characters"),
        ("恒泽铭瑞石油化工", "恒泽铭瑞石化", "abbreviated_trade"),
        ("恒泽铭瑞", "恒泽铭瑞机械制造", "abbreviation"),
    ],
)
def test_a_likely_slip_is_named_and_scored_high_in_either_direction(
    one: str, other: str, method: str
) -> None:
    for pair in ((one, other), (other, one)):
        found = change(*pair)
        assert found is not None
        assert found[0] == method
        assert found[1] >= LIKELY


def test_another_character_is_only_asked() -> None:
    found = change("恒泽铭瑞新材料", "恒泽铭达新材料")
    assert found is not None
    assert found[0] == "other_character"
    assert UNSURE <= found[1] < LIKELY


def test_short_cores_are_never_likely_by_a_slip() -> None:
    for one, other in (("恒泽", "恒择"), ("恒泽厂", "恒厂")):
        found = change(one, other)
        assert found is None or found[1] < LIKELY


@pytest.mark.parametrize(
    ("one", "other"),
    [("第一建筑", "第二建筑"), ("恒泽3号投资", "恒泽4号投资"), ("恒泽铭瑞新材料", "远达宏图物流")],
)
def test_other_numbers_and_other_names_are_not_alike(one: str, other: str) -> None:
    assert change(one, other) is None


def test_where_names_lie_close_one_other_character_says_nothing() -> None:
    cores = name_parts(pl.Series(["恒泽铭瑞商贸", "恒泽铭达商贸", "恒泽铭信商贸"]), people=True)
    pairs = pl.DataFrame({"a": [0, 0, 1], "b": [1, 2, 2]}, schema={"a": pl.UInt32, "b": pl.UInt32})
    assert cores_alike(pairs, cores).is_empty()
    assert cores_alike(pairs.head(1), cores).height == 1
