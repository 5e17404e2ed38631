"""Contract of the relations between parties."""

from typing import Final

import polars as pl

from features.tables.columns import RATIO, choice, day, identifier, known_at, money, number, optional
from features.tables.contract import Contract, DataClass, Domain, Level, Lookup, Rule, Text
from features.tables.rules import known_not_before, not_before

__all__ = ["EDGES"]


def _ends(*, kind: str, src: str, dst: str, zh: str, en: str) -> Rule:
    """State which kinds of party a relation may join; `src` and `dst` are kinds, or empty for any."""
    wrong = pl.lit(value=False)
    for column, wanted in (("src", src), ("dst", dst)):
        if wanted:
            wrong |= (pl.col(f"{column}.kind") != wanted).fill_null(value=False)
    return Rule(
        name=f"{kind}_ends",
        columns=("kind", "src", "dst"),
        broken=(pl.col("kind") == kind) & wrong,
        text=Text(zh, en),
        remedy=Text(
            "检查关系方向（src → dst）和两端主体的类型",
            "check the direction (src → dst) and the kinds of both parties",
        ),
    )


EDGES: Final = Contract(
    name="edges",
    label=Text("关系", "Edges"),
    description=Text(
        "主体之间的关系，只增不改：终止或更正时，旧行填撤回日期，再增加同编号的新行。方向：股东→被投资方，担保人→被担保人，"
        "卖方→买方，任职人→企业，亲属→亲属。",
        "Relations between parties, append-only: an end or a correction retracts the old row and adds a new one of the "
        "same id. Directions: owner → owned, guarantor → guaranteed, seller → buyer, person → company, person → relative.",
    ),
    data_class=DataClass(Domain.EXTERNAL, Level.MEDIUM),
    key=("edge_id", "known_at"),
    columns=(
        identifier("edge_id", "关系编号", "Edge id"),
        identifier("src", "起点主体", "From party", of="parties", column="party_id"),
        identifier("dst", "终点主体", "To party", of="parties", column="party_id"),
        choice(
            "kind",
            "关系类型",
            "Kind",
            {
                "owns": "持股",
                "guarantees": "担保",
                "supplies": "供货",
                "holds_position": "任职",
                "family_of": "亲属",
            },
        ),
        optional(number("share", "持股比例", "Share", unit=RATIO, above=0, maximum=1)),
        optional(
            money("amount", "金额（担保额或年供货额）", "Amount (guaranteed, or supplied per year)", above=0)
        ),
        optional(
            choice(
                "role",
                "职务",
                "Role",
                {
                    "legal_representative": "法定代表人",
                    "director": "董事",
                    "supervisor": "监事",
                    "executive": "高级管理人员",
                },
            )
        ),
        day("valid_from", "生效日期", "Valid from"),
        optional(day("valid_to", "失效日期", "Valid to")),
        known_at(),
        optional(day("retracted_at", "撤回日期", "Retracted at")),
        choice(
            "source",
            "来源",
            "Source",
            {
                "registry": "工商登记",
                "contract": "合同",
                "erp": "业务系统",
                "annual_report": "年报",
            },
        ),
        number("confidence", "置信度", "Confidence", unit=RATIO, above=0, maximum=1),
    ),
    lookups=(Lookup("src", ("kind",)), Lookup("dst", ("kind",))),
    rules=(
        Rule(
            name="no_self_loop",
            columns=("dst", "src"),
            broken=pl.col("src") == pl.col("dst"),
            text=Text("关系两端不能是同一主体", "an edge cannot join a party with itself"),
            remedy=Text("改正起点或终点", "correct one of the two ends"),
        ),
        Rule(
            name="share_given",
            columns=("share", "kind"),
            broken=(pl.col("kind") == "owns") & pl.col("share").is_null(),
            text=Text("持股关系应有持股比例", "an ownership edge needs its share"),
            remedy=Text(
                "按章程或年报填写比例（0到1）", "give the share (0 to 1) from the articles or annual report"
            ),
        ),
        Rule(
            name="role_given",
            columns=("role", "kind"),
            broken=(pl.col("kind") == "holds_position") & pl.col("role").is_null(),
            text=Text("任职关系应有职务", "a position needs its role"),
            remedy=Text("填写职务代码", "give the code of the role"),
        ),
        _ends(
            kind="holds_position",
            src="person",
            dst="company",
            zh="任职关系由自然人指向企业",
            en="a position runs from a person to a company",
        ),
        _ends(
            kind="family_of",
            src="person",
            dst="person",
            zh="亲属关系的两端都是自然人",
            en="both ends of a family relation are persons",
        ),
        _ends(
            kind="owns",
            src="",
            dst="company",
            zh="被持股的主体应为企业",
            en="what is owned must be a company",
        ),
        _ends(
            kind="supplies",
            src="company",
            dst="company",
            zh="供货关系的两端都是企业",
            en="both ends of a supply relation are companies",
        ),
        not_before(
            "valid_to", "valid_from", "失效日期不应早于生效日期", "a relation cannot end before it begins"
        ),
        known_not_before("valid_from", "生效日期", "its beginning"),
        not_before(
            "retracted_at",
            "known_at",
            "撤回日期不应早于获知日期",
            "a row cannot be retracted before it was known",
        ),
    ),
)
