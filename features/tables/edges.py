"""Contract of the relations between parties."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from features.tables.columns import (
    RATIO,
    boolean,
    choice,
    day,
    dispensable,
    identifier,
    known_at,
    money,
    number,
    optional,
    text,
)
from features.tables.contract import Contract, DataClass, Domain, Level, Lookup, Rule, Text
from features.tables.rules import known_not_before, not_before
from graph.edge_words import BASES, GUARANTEE_KINDS, ROLES
from graph.ontology import NODES, PARTY_RELATIONS, PartyKind, RelationKind

__all__ = ["EDGES"]


_PARTIES: Final = frozenset(PartyKind)


def _ends(relation: RelationKind) -> Rule:
    """State which kinds of party a relation may join; a party that is not known breaks another rule."""
    wrong = [
        ~pl.col(f"{column}.kind").is_in(kinds)
        for column, kinds in (("src", relation.source), ("dst", relation.target))
    ]
    source, target = _named(relation.source), _named(relation.target)
    return Rule(
        name=f"{relation.name}_ends",
        columns=("kind", "src", "dst"),
        broken=(pl.col("kind") == relation.name) & pl.any_horizontal(wrong).fill_null(value=False),
        text=Text(
            f"{relation.label.zh}关系应由{source.zh}指向{target.zh}",
            f"'{relation.name}' runs from {source.en} to {target.en}",
        ),
        remedy=Text(
            "检查关系方向（src → dst）和两端主体的类型",
            "check the direction (src → dst) and the kinds of both parties",
        ),
    )


def _named(kinds: Sequence[str]) -> Text:
    if _PARTIES.issubset(kinds):
        return Text("任何主体", "any party")
    labels = [NODES[kind].label for kind in kinds]
    return Text("或".join(label.zh for label in labels), " or ".join(label.en for label in labels))


_ENDS: Final = tuple(
    _ends(relation)
    for relation in PARTY_RELATIONS.values()
    if not (_PARTIES.issubset(relation.source) and _PARTIES.issubset(relation.target))
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
            {name: relation.label.zh for name, relation in PARTY_RELATIONS.items()},
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
                ROLES,
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
                "court": "法院文书",
                "survey": "尽职调查",
                "match": "名称匹配",
                "exchange": "外部交换文件",
            },
        ),
        number("confidence", "置信度", "Confidence", unit=RATIO, above=0, maximum=1),
        dispensable(
            number(
                "voting",
                "表决权比例（空则同持股比例）",
                "Voting share (empty: as the share)",
                unit=RATIO,
                minimum=0,
                maximum=1,
            )
        ),
        dispensable(boolean("direct", "是否直接持股", "Held directly")),
        dispensable(
            choice(
                "basis",
                "控制依据",
                "Basis of control",
                BASES,
            )
        ),
        dispensable(text("contract", "合同编号", "Contract number")),
        dispensable(
            choice(
                "guarantee_kind",
                "担保方式",
                "Kind of guarantee",
                GUARANTEE_KINDS,
            )
        ),
        dispensable(
            number(
                "seller_share",
                "占卖方销售额比例",
                "Share of the seller's sales",
                unit=RATIO,
                minimum=0,
                maximum=1,
            )
        ),
        dispensable(
            number(
                "buyer_share",
                "占买方采购额比例",
                "Share of the buyer's purchases",
                unit=RATIO,
                minimum=0,
                maximum=1,
            )
        ),
        dispensable(text("reason", "理由", "Reason")),
        dispensable(
            number(
                "score", "匹配或疑似程度", "Score of a match or suspicion", unit=RATIO, minimum=0, maximum=1
            )
        ),
        dispensable(text("method", "认定方法", "Method of the match")),
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
        *_ENDS,
        Rule(
            name="same_ends",
            columns=("edge_id", "src", "dst", "kind"),
            broken=pl.struct("src", "dst", "kind").n_unique().over("edge_id") > 1,
            text=Text(
                "同一关系编号的各行应连接同样的起点、终点，关系类型相同",
                "all rows of an edge id must join the same two parties by the same kind",
            ),
            remedy=Text(
                "不同的关系使用不同编号；起点或终点填错时，改正错行",
                "give another edge its own id; correct the row with the wrong end",
            ),
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
