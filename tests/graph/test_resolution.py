"""Which records are one party, which are asked about, and which never come together."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.graph_parts.dirty_names import MIXES, dirty_records
from bench.graph_parts.resolution import measured
from graph.credit_code import check_character, is_valid_credit_code
from graph.matching.errors import RecordTableError
from graph.matching.review import METHODS, REASONS, REVIEW_SCHEMA
from graph.resolution import CLUSTER_SCHEMA, MATCH_SCHEMA, Resolution, resolve

SCHEMA = {
    "party_id": pl.String,
    "kind": pl.String,
    "name": pl.String,
    "credit_code": pl.String,
    "id_hash": pl.String,
}


def code(number: int) -> str:
    first = f"91370100MA{number:07}"
    return first + check_character(first)


def records(*rows: tuple[str | None, ...], kind: str = "company") -> pl.DataFrame:
    """Return records from (name, code[, id_hash[, kind]]), numbered P0, P1 …"""
    filled = []
    for number, row in enumerate(rows):
        name, credit_code, id_hash, own_kind = (*row, None, None, None)[:4]
        filled.append((f"P{number}", own_kind or kind, name, credit_code, id_hash))
    return pl.DataFrame(filled, schema=SCHEMA, orient="row")


def groups(found: Resolution) -> list[list[str]]:
    """Return the clusters of more than one party."""
    gathered = found.clusters.group_by("canonical_id").agg(pl.col("party_id").sort()).sort("canonical_id")
    return [members for members in gathered["party_id"].to_list() if len(members) > 1]


def reasons(found: Resolution) -> list[str]:
    return found.review["reason"].to_list()


def test_equal_valid_codes_are_one_party_whatever_the_names() -> None:
    found = resolve(records(("济南恒泽新材料有限公司", code(1)), ("青岛远达物流有限公司", code(1).lower())))
    assert groups(found) == [["P0", "P1"]]
    assert found.matches.select("party_a", "party_b", "method", "score").rows() == [
        ("P0", "P1", "credit_code", 1.0)
    ]


def test_a_company_of_the_province_is_asked_about_beside_one_of_a_city() -> None:
    found = resolve(records(("山东恒泽铭瑞新材料有限公司",), ("济南恒泽铭瑞新材料有限公司",)))
    assert (groups(found), reasons(found)) == ([], ["region"])
    found = resolve(records(("山东省济南市恒泽铭瑞新材料有限公司",), ("济南恒泽铭瑞新材料有限公司",)))
    assert groups(found) == [["P0", "P1"]]
    found = resolve(records(("上海恒泽铭瑞新材料有限公司",), ("上海市恒泽铭瑞新材料有限公司",)))
    assert groups(found) == [["P0", "P1"]]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("济南市财政局", "济南市历下区财政局"),
        ("山东省国有资产监督管理委员会", "济南市国有资产监督管理委员会"),
        ("济南市历下区财政局", "济南市历城区财政局"),
    ],
)
def test_offices_of_two_levels_or_places_are_two_government_bodies(name: str, other: str) -> None:
    found = resolve(records((name,), (other,), kind="government"))
    assert (groups(found), reasons(found)) == ([], [])


def test_a_government_body_is_one_with_its_name_in_full_and_asked_about_without_a_region() -> None:
    found = resolve(records(("山东省济南市财政局",), ("济南市财政局",), kind="government"))
    assert groups(found) == [["P0", "P1"]]
    found = resolve(
        records(("济南市国有资产监督管理委员会",), ("国有资产监督管理委员会",), kind="government")
    )
    assert (groups(found), reasons(found)) == ([], ["seat"])


def test_equal_codes_of_different_kinds_are_asked() -> None:
    found = resolve(records(("恒泽基金", code(1), None, "fund"), ("恒泽基金管理有限公司", code(1))))
    assert (groups(found), reasons(found)) == ([], ["kind"])


def test_two_valid_codes_never_match_nor_are_they_asked() -> None:
    name = "济南恒泽铭瑞新材料有限公司"
    found = resolve(records((name, code(1)), (name, code(2))))
    assert (groups(found), reasons(found)) == ([], [])


def test_a_name_without_code_that_fits_two_codes_is_asked() -> None:
    name = "济南恒泽铭瑞新材料有限公司"
    found = resolve(records((name, code(1)), (name, None), (name, code(2))))
    assert groups(found) == []
    assert reasons(found) == ["several_fit", "several_fit"]


def test_the_better_name_wins_between_two_codes() -> None:
    found = resolve(
        records(
            ("济南恒泽铭瑞新材料有限公司", code(1)),
            ("济南恒择铭瑞新材料有限公司", None),
            ("济南恒择铭瑞新材料有限公司", code(2)),
        )
    )
    assert groups(found) == [["P1", "P2"]]


@pytest.mark.parametrize(
    "other",
    [
        "济南恒泽铭瑞新材料有限责任公司",
        "（济南）恒泽铭瑞新材料有限公司",
        "恒泽铭瑞新材料有限公司",
        "济南恒泽铭锐新材料有限公司",
        "济南恒泽铭铭瑞新材料有限公司",
        "济南恒泽铭瑞新材有限公司",
        "济南新材料恒泽铭瑞有限公司",
        "济南恒泽铭瑞新材料",
        "济南恒泽铭瑞",
        "济南恒泽铭瑞新材料股份有限公司",
        "Ｊ济南恒泽铭瑞新材料有限公司".replace("Ｊ", " "),
    ],
)
def test_a_slip_or_another_way_to_write_it_is_the_same_party(other: str) -> None:
    assert groups(resolve(records(("济南恒泽铭瑞新材料有限公司", code(1)), (other, None)))) == [["P0", "P1"]]


@pytest.mark.parametrize(
    ("one", "other", "asked"),
    [
        ("济南恒泽铭瑞新材料有限公司", "青岛恒泽铭瑞新材料有限公司", []),
        ("济南第一建筑工程有限公司", "济南第二建筑工程有限公司", []),
        ("济南恒泽铭瑞1号投资合伙企业", "济南恒泽铭瑞2号投资合伙企业", []),
        ("济南恒泽铭瑞新材料有限公司", "济南恒泽铭瑞物流有限公司", []),
        ("济南恒泽铭瑞新材料有限公司青岛分公司", "济南恒泽铭瑞新材料有限公司烟台分公司", []),
        ("济南恒泽铭瑞新材料有限公司青岛分公司", "济南恒泽铭瑞新材料有限公司", ["branch"]),
        ("济南恒泽铭瑞新材料集团有限公司", "济南恒泽铭瑞新材料有限公司", ["group"]),
        ("济南恒泽铭瑞新材料厂", "济南恒泽铭瑞新材料有限公司", ["form"]),
        ("济南恒泽铭瑞新材料有限公司", "济南恒泽铭达新材料有限公司", ["weak"]),
        ("恒泽有限公司", "恒泽有限公司", ["short_name"]),
        ("济南市历下区恒泽铭瑞商贸有限公司", "济南市天桥区恒泽铭瑞商贸有限公司", ["district"]),
    ],
)
def test_a_look_alike_is_not_joined(one: str, other: str, asked: list[str]) -> None:
    found = resolve(records((one, None), (other, None)))
    assert (groups(found), reasons(found)) == ([], asked)


def test_a_name_without_place_that_fits_two_places_is_asked() -> None:
    found = resolve(
        records(
            ("济南恒泽铭瑞新材料有限公司", None),
            ("恒泽铭瑞新材料有限公司", None),
            ("青岛恒泽铭瑞新材料有限公司", None),
        )
    )
    assert groups(found) == []
    assert reasons(found) == ["several_fit", "several_fit"]


def test_two_spellings_that_several_parties_use_are_asked() -> None:
    slip, right = "济南恒择铭瑞新材料有限公司", "济南恒泽铭瑞新材料有限公司"
    found = resolve(records((slip, None), (slip, None), (right, None), (right, None)))
    assert groups(found) == [["P0", "P1"], ["P2", "P3"]]
    assert found.review.select("reason", "pairs").rows() == [("both_written", 1)]


def test_a_mistyped_code_supports_a_name_and_is_flagged_where_it_is_asked() -> None:
    good = code(1)
    bad = good[:9] + ("7" if good[9] != "7" else "8") + good[10:]
    assert not is_valid_credit_code(bad)
    near = resolve(records(("济南恒泽铭瑞新材料有限公司", good), ("济南恒泽铭达新材料公司", bad)))
    assert groups(near) == [["P0", "P1"]]
    assert near.matches["method"].to_list() == ["near_code"]
    far = resolve(records(("济南恒泽铭瑞新材料有限公司", code(2)), ("济南恒泽铭达新材料有限公司", "1" * 18)))
    assert (groups(far), reasons(far)) == ([], ["invalid_code"])
    assert "check character" in far.review["reason_en"][0]
    assert "校验位" in far.review["reason_zh"][0]


@pytest.mark.parametrize("filler", ["0" * 18, "123456789012345678", "N/A", "待补"])
def test_a_filler_in_the_place_of_a_code_joins_nobody(filler: str) -> None:
    found = resolve(records(*[(f"济南{char}远宏图商贸有限公司", filler) for char in "恒泰福金"]))
    assert groups(found) == []
    many = resolve(records(*[(f"济南{number}号恒泽铭瑞合伙企业", filler) for number in range(3000)]))
    assert groups(many) == []


def test_codes_that_begin_alike_by_the_hundred_are_told() -> None:
    good = [(f"济南{number}号投资合伙企业", code(number)) for number in range(8)]
    wrong = code(3)[:-1] + ("1" if code(3)[-1] != "1" else "2")
    found = resolve(records(*good, ("济南3号投资合伙企业", wrong)), block_cap=7)
    assert groups(found) == [["P3", "P8"]]
    assert "near_code" in found.left_out["block"].to_list()


def test_persons_are_one_by_identity_hash_only() -> None:
    found = resolve(
        records(
            ("王 伟", None, "a1"),
            ("王伟", None, "a1"),
            ("王伟", None, "b2"),
            ("王伟", None, None),
            ("李娜", None, None),
            kind="person",
        )
    )
    assert groups(found) == [["P0", "P1"]]
    assert found.matches["method"].to_list() == ["id_hash"]
    asked = found.review.select("party_a", "party_b", "reason").rows()
    assert sorted(asked) == [("P0", "P3", "person_without_id"), ("P2", "P3", "person_without_id")]


def test_a_person_and_a_company_of_one_name_are_two() -> None:
    found = resolve(records(("济南恒泽铭瑞", None, None, "person"), ("济南恒泽铭瑞", None)))
    assert (groups(found), reasons(found)) == ([], [])


def test_what_is_no_party_is_left_alone() -> None:
    found = resolve(
        records(("一号线", None, None, "line"), ("一号线", None, None, "line"), ("济南恒泽铭瑞", None))
    )
    assert found.clusters["party_id"].to_list() == ["P2"]


def test_a_municipality_is_a_place_like_any_city() -> None:
    found = resolve(
        records(
            ("上海恒泽铭瑞物流有限公司", None),
            ("恒泽铭瑞物流有限公司", None),
            ("济南恒泽铭瑞物流有限公司", None),
        )
    )
    assert (groups(found), reasons(found)) == ([], ["several_fit", "several_fit"])
    found = resolve(records(("上海市恒泽铭瑞物流有限公司", None), ("恒泽铭瑞（上海）物流有限公司", None)))
    assert groups(found) == [["P0", "P1"]]


def test_the_branches_of_one_bank_are_not_asked_one_by_one() -> None:
    branches = [(f"恒泽银行股份有限公司{char}山支行", None) for char in "金银铜铁锡铅"]
    found = resolve(records(("恒泽银行股份有限公司", None), *branches), block_cap=5)
    assert found.review.is_empty()
    assert found.left_out.select("block", "key", "size").rows() == [("branches_of_one_name", "恒泽银行", 6)]


def test_a_renamed_party_matches_under_both_names() -> None:
    table = records(
        ("济南恒泽铭瑞新材料有限公司", code(1)),
        ("济南远达宏图物流有限公司", code(1)),
        ("济南远达宏图物流有限公司", None),
    )
    table = table.with_columns(party_id=pl.Series(["P0", "P0", "P2"]))
    assert groups(resolve(table)) == [["P0", "P2"]]


@pytest.mark.parametrize("name", [None, "", "华", "有限公司"])
def test_names_that_say_nothing_are_never_joined(name: str | None) -> None:
    found = resolve(records((name, None), (name, None), ("济南恒泽铭瑞新材料有限公司", None)))
    assert groups(found) == []
    assert found.clusters.height == 3
    assert found.nameless == (() if name == "华" else ("P0", "P1"))


def test_an_empty_list_gives_empty_results() -> None:
    found = resolve(records())
    assert found.matches.schema == MATCH_SCHEMA
    assert found.review.schema == REVIEW_SCHEMA
    assert found.clusters.schema == CLUSTER_SCHEMA
    assert (found.matches.height, found.review.height, found.clusters.height, found.left_out.height) == (
        0,
        0,
        0,
        0,
    )


def test_columns_that_only_some_lists_have_may_be_left_out() -> None:
    table = records(("济南恒泽铭瑞新材料有限公司", None), ("济南恒泽铭瑞新材料有限公司", None))
    assert groups(resolve(table.drop("credit_code", "id_hash"))) == [["P0", "P1"]]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda table: table.drop("name"), "name"),
        (lambda table: table.with_columns(name=pl.lit(5)), "name"),
        (lambda table: table.with_columns(party_id=pl.lit(None, dtype=pl.String)), "party_id"),
        (lambda table: table.with_columns(kind=pl.lit(" ")), "kind"),
        (lambda table: table.with_columns(kind=pl.lit("firm")), "kind"),
        (lambda table: table.with_columns(party_id=pl.lit("P0")), "credit_code"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_column(change: object, column: str) -> None:
    table = records(("济南恒泽新材料有限公司", code(1)), ("青岛远达物流有限公司", code(2)))
    assert callable(change)
    with pytest.raises(RecordTableError) as caught:
        resolve(change(table))
    assert caught.value.column == column
    assert column in caught.value.zh


def test_a_block_over_the_cap_is_told() -> None:
    many = [(f"济南恒泽{char}瑞新材料有限公司", None) for char in "铭鸣泰福禄寿喜财富贵荣华"]
    found = resolve(records(*many), block_cap=5)
    assert found.left_out.height > 0
    assert set(found.left_out["block"]) <= {"one_character", "rare_characters", "sound", "order"}
    assert found.left_out["size"].min() > 5  # type: ignore[operator]
    crowd = resolve(records(*[("王伟", None)] * 7, kind="person"), block_cap=5)
    assert crowd.left_out.select("block", "key", "size").rows() == [("persons_of_one_name", "王伟", 7)]
    assert "7" in crowd.left_out["reason_zh"][0]
    same = resolve(records(*[("恒泽有限公司", None)] * 7), block_cap=5)
    assert "parties_of_one_name" in same.left_out["block"].to_list()


def test_the_order_of_the_records_does_not_matter() -> None:
    table = dirty_records(600, mix=MIXES["everyday"], seed=3).drop("truth")
    found, shuffled = resolve(table), resolve(table.sample(fraction=1.0, shuffle=True, seed=1))
    assert found.clusters.equals(shuffled.clusters)
    assert found.review.equals(shuffled.review)
    assert found.matches.sort("party_a", "party_b").equals(shuffled.matches.sort("party_a", "party_b"))


@pytest.mark.parametrize("mix", sorted(MIXES))
def test_dirty_names_are_resolved_and_no_two_codes_come_together(mix: str) -> None:
    table = dirty_records(3000, mix=MIXES[mix], seed=11)
    found = resolve(table.drop("truth"))
    quality = measured(table, found.clusters)
    assert quality.precision > 0.98
    assert quality.recall > 0.93
    joined = table.join(found.clusters, on="party_id").with_columns(pl.col("credit_code").str.to_uppercase())
    valid = joined.filter(pl.col("credit_code").map_elements(is_valid_credit_code, return_dtype=pl.Boolean))
    assert valid.group_by("canonical_id").agg(pl.col("credit_code").n_unique())["credit_code"].max() == 1
    asked = found.review.join(found.clusters, left_on="party_a", right_on="party_id").join(
        found.clusters, left_on="party_b", right_on="party_id", suffix="_b"
    )
    assert asked.filter(pl.col("canonical_id") == pl.col("canonical_id_b")).is_empty()
    assert asked.select("canonical_id", "canonical_id_b").is_duplicated().sum() == 0
    assert set(found.review["method"]) <= set(METHODS)
    assert set(found.review["reason"]) <= set(REASONS)


NAMES = st.sampled_from(
    [
        "济南恒泽铭瑞新材料有限公司",
        "恒泽铭瑞新材料",
        "恒择铭瑞新材料有限公司",
        "济南恒泽",
        "恒泽铭瑞(集团)",
        "华",
        "",
        None,
    ]
)
CODES = st.sampled_from([None, None, code(1), code(2), "12345", code(1)[:-1] + "I"])


@settings(max_examples=12)
@given(st.lists(st.tuples(NAMES, CODES), max_size=7))
def test_no_cluster_holds_two_valid_codes_and_equal_ones_meet(
    rows: list[tuple[str | None, str | None]],
) -> None:
    table = records(*rows)
    joined = table.join(resolve(table).clusters, on="party_id", how="left")
    assert joined["canonical_id"].null_count() == 0
    valid = joined.filter(pl.col("credit_code").is_in([code(1), code(2)]))
    pairs = valid.select("canonical_id", "credit_code").unique()
    assert pairs["canonical_id"].is_unique().all()
    assert pairs["credit_code"].is_unique().all()
