"""What the normaliser of names keeps, evens out and tells apart."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.matching.names import NAME_SCHEMA, name_parts, name_tables


def part(name: str | None, column: str) -> object:
    return name_parts(pl.Series([name], dtype=pl.String))[column][0]


@pytest.mark.parametrize(
    "name",
    [
        "济南恒泽铭瑞新材料有限公司",
        " 济南恒泽　铭瑞新材料有限责任公司",
        "恒泽铭瑞（济南）新材料有限公司",
        "恒泽铭瑞新材料(济南市)有限公司",
        "山东省济南市恒泽铭瑞新材料股份有限公司",
        "山东济南恒泽铭瑞新材料",
        "济南恒泽铭瑞新材料有限公司（虚构）",
        "济南恒泽铭瑞新材料有限公司【已注销】",
        "濟南恆澤銘銳新材料有限公司".replace("銳", "瑞"),
    ],
)
def test_one_company_written_in_nine_ways_has_one_core_and_city(name: str) -> None:
    parts = name_parts(pl.Series([name]))
    assert parts.select("core", "province", "city", "branch").row(0) == ("恒泽铭瑞新材料", "山东", "济南", "")


@pytest.mark.parametrize(
    ("name", "form", "group"),
    [
        ("恒泽新材料有限责任公司", "limited", False),
        ("恒泽新材料股份有限公司", "joint_stock", False),
        ("恒泽新材料集团有限公司", "limited", True),
        ("恒泽（集团）股份有限公司", "joint_stock", True),
        ("恒泽投资合伙企业（有限合伙）", "partnership", False),
        ("恒泽机械厂", "factory", False),
        ("恒泽新材料", "", False),
        ("Acme Trading Co., Ltd.", "limited", False),
        ("ACME Trading Inc", "joint_stock", False),
        ("Acme Group Limited", "limited", True),
    ],
)
def test_the_legal_form_is_kept_apart(name: str, form: str, group: bool) -> None:
    assert (part(name, "form"), part(name, "group")) == (form, group)


@pytest.mark.parametrize(
    ("name", "core", "branch"),
    [
        ("恒泽新材料有限公司青岛分公司", "恒泽新材料", "青岛分公司"),
        ("恒泽新材料有限公司（青岛分公司）", "恒泽新材料", "青岛分公司"),
        ("中国建设银行股份有限公司青岛市南支行", "建设银行", "青岛市南支行"),
        ("恒泽新材料有限公司", "恒泽新材料", ""),
        ("Acme Trading Limited Branch", "acme trading", "branch"),
    ],
)
def test_a_branch_is_no_head_office(name: str, core: str, branch: str) -> None:
    assert (part(name, "core"), part(name, "branch")) == (core, branch)


def test_places_are_told_from_trades() -> None:
    assert (part("济南市政工程有限公司", "core"), part("济南市政工程有限公司", "city")) == (
        "市政工程",
        "济南",
    )
    assert part("济南市历下区宏图商行", "district") == "历下"
    assert part("章丘市恒泽化工有限公司", "core") == part("章丘恒泽化工有限公司", "core")
    assert part("中国石化销售有限公司", "core") == "石化销售"


def test_names_that_sound_alike_have_one_sound() -> None:
    assert part("恒泽有限公司", "sound") == part("衡择有限公司", "sound")
    assert part("鑫源商贸", "sound") == part("新元商贸", "sound")
    assert part("恒泽商贸", "sound") != part("恒达商贸", "sound")
    assert part("Acme 恒泽3", "sound") == part("acme衡择3", "sound")
    assert str(part("Acme Trading Ltd", "sound")) == "acme trading"


def test_an_abbreviated_trade_has_the_brief_of_the_full_one() -> None:
    assert part("恒泽石油化工有限公司", "brief") == part("恒泽石化有限公司", "brief")


@pytest.mark.parametrize("name", [None, "", "   ", "（）", "有限公司", "-"])
def test_a_name_that_says_nothing_has_an_empty_core(name: str | None) -> None:
    assert part(name, "core") == ""


def test_an_empty_series_gives_an_empty_frame() -> None:
    for people in (False, True):
        parts = name_parts(pl.Series([], dtype=pl.String), people=people)
        assert parts.schema == NAME_SCHEMA
        assert parts.height == 0


def test_names_of_people_keep_all_their_characters() -> None:
    parts = name_parts(pl.Series(["欧阳 娜娜", "阿依古丽·买买提", "市厂"]), people=True)
    assert parts["core"].to_list() == ["欧阳娜娜", "阿依古丽买买提", "市厂"]
    assert parts["form"].to_list() == ["", "", ""]


@settings(max_examples=20)
@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=30), st.text("济南市恒泽有限公司集团（）() 分a.", max_size=20)),
        max_size=4,
    )
)
def test_any_text_comes_back_in_order_and_typed(names: list[str | None]) -> None:
    parts = name_parts(pl.Series(names, dtype=pl.String))
    assert parts.schema == NAME_SCHEMA
    assert parts["name"].to_list() == names
    assert parts.drop("name").null_count().sum_horizontal().item() == 0
    alone = [name_parts(pl.Series([name], dtype=pl.String)) for name in names]
    assert parts.equals(pl.concat(alone)) if names else parts.is_empty()


def test_the_tables_hold_what_they_should() -> None:
    tables = name_tables()
    assert len(tables.sounds) > 3800  # 3,755 first-level characters and the brand characters beyond them
    assert all(len(char) == 1 and "\u4e00" <= char <= "\u9fff" for char in tables.sounds)
    assert tables.sounds["瑞"] == tables.sounds["锐"]
    assert tables.cities["济南"] == "山东"
    assert len(set(tables.cities.values()) | set(tables.provinces.values())) == 34
    assert ("未", "末") in tables.look_alikes
    assert ("末", "未") in tables.look_alikes
