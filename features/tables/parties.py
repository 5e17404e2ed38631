"""Contracts of who the group deals with: parties, its own companies."""

from typing import Final

import polars as pl

from features.tables.columns import (
    boolean,
    choice,
    day,
    identifier,
    known_at,
    money,
    optional,
    text,
    whole,
)
from features.tables.contract import Contract, DataClass, Domain, Level, Rule, Text
from features.tables.rules import known_not_before
from graph.credit_code import identifying_code, valid_credit_code
from graph.ontology import NODES, PartyKind

__all__ = ["COMPANIES", "PARTIES"]

_PROVINCES: Final = (
    *("北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽"),
    *("福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "广西", "海南", "重庆", "四川", "贵州"),
    *("云南", "西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "香港", "澳门", "台湾"),
)

_INDUSTRIES: Final = {
    "A": "农、林、牧、渔业",
    "B": "采矿业",
    "C": "制造业",
    "D": "电力、热力、燃气及水生产和供应业",
    "E": "建筑业",
    "F": "批发和零售业",
    "G": "交通运输、仓储和邮政业",
    "H": "住宿和餐饮业",
    "I": "信息传输、软件和信息技术服务业",
    "J": "金融业",
    "K": "房地产业",
    "L": "租赁和商务服务业",
    "M": "科学研究和技术服务业",
    "N": "水利、环境和公共设施管理业",
    "O": "居民服务、修理和其他服务业",
    "P": "教育",
    "Q": "卫生和社会工作",
    "R": "文化、体育和娱乐业",
    "S": "公共管理、社会保障和社会组织",
    "T": "国际组织",
}

_PERSON: Final = pl.col("kind") == "person"

PARTIES: Final = Contract(
    name="parties",
    label=Text("主体", "Parties"),
    description=Text(
        "交易对手、关联人和本集团各企业，每行是一个主体自某日起的一版档案。",
        "Counterparties, related persons and the group's own companies; a row is one version of a profile.",
    ),
    data_class=DataClass(Domain.EXTERNAL, Level.MEDIUM),
    key=("party_id", "valid_from"),
    columns=(
        identifier("party_id", "主体编号", "Party id"),
        choice("kind", "主体类型", "Kind", {kind.value: NODES[kind].label.zh for kind in PartyKind}),
        text("name", "名称", "Name", personal=True),
        optional(text("credit_code", "统一社会信用代码", "Unified social credit code")),
        optional(text("id_hash", "证件号摘要", "Hash of the identity number", personal=True)),
        optional(choice("industry", "行业门类", "Industry (GB/T 4754)", _INDUSTRIES)),
        optional(choice("province", "省级行政区", "Province", {name: name for name in _PROVINCES})),
        optional(
            choice(
                "size",
                "企业规模",
                "Size",
                {"micro": "微型", "small": "小型", "medium": "中型", "large": "大型"},
            )
        ),
        optional(
            choice(
                "ownership",
                "所有制",
                "Ownership",
                {"state": "国有", "private": "民营", "foreign": "外资", "mixed": "混合所有"},
            )
        ),
        optional(day("founded_on", "成立日期", "Founded on")),
        optional(money("registered_capital", "注册资本", "Registered capital", minimum=0)),
        optional(money("paid_in_capital", "实缴资本", "Paid-in capital", minimum=0)),
        optional(whole("employees", "员工人数", "Employees", unit=Text("人", "persons"))),
        optional(boolean("listed", "是否上市", "Listed")),
        day("valid_from", "生效日期", "Valid from"),
        known_at(),
    ),
    rules=(
        Rule(
            name="credit_code_valid",
            columns=("credit_code",),
            broken=~valid_credit_code(pl.col("credit_code")),
            text=Text(
                "统一社会信用代码应为18位，且校验码正确（GB 32100）",
                "the credit code must have 18 characters and the right check character (GB 32100)",
            ),
            remedy=Text(
                "对照营业执照改正；无法确认时留空",
                "correct it against the business licence; leave it empty when it cannot be confirmed",
            ),
        ),
        Rule(
            name="credit_code_no_filler",
            columns=("credit_code",),
            broken=valid_credit_code(pl.col("credit_code")) & ~identifying_code(pl.col("credit_code")),
            text=Text(
                "统一社会信用代码不得用占位数字（如18个0、123456789012345678）代填",
                "the credit code must not be a filler (18 zeros, 123456789012345678 and the like)",
            ),
            remedy=Text(
                "对照营业执照填写真实代码；没有时留空，否则不同主体会被并为一个",
                "give the real code of the business licence, or leave it empty: a filler makes strangers one party",
            ),
        ),
        Rule(
            name="person_without_credit_code",
            columns=("credit_code", "kind"),
            broken=_PERSON & pl.col("credit_code").is_not_null(),
            text=Text("自然人没有统一社会信用代码", "a person has no credit code"),
            remedy=Text(
                "清空该代码，或把主体类型改为企业（company）", "clear the code, or set the kind to company"
            ),
        ),
        Rule(
            name="company_without_id_hash",
            columns=("id_hash", "kind"),
            broken=~_PERSON & pl.col("id_hash").is_not_null(),
            text=Text("只有自然人有证件号摘要", "only a person has a hash of an identity number"),
            remedy=Text(
                "清空该摘要，或把主体类型改为自然人（person）", "clear the hash, or set the kind to person"
            ),
        ),
        Rule(
            name="id_hash_format",
            columns=("id_hash",),
            broken=~pl.col("id_hash").str.contains(r"^[0-9a-f]{16}$"),
            text=Text(
                "证件号摘要应为16位小写十六进制；不得填写证件号本身",
                "the hash has 16 lower-case hexadecimal digits; never write the identity number itself",
            ),
            remedy=Text(
                "填写证件号SHA-256摘要的前16位，或留空",
                "give the first 16 hexadecimal digits of the SHA-256 hash, or leave it empty",
            ),
        ),
        Rule(
            name="kind_constant",
            columns=("kind", "party_id"),
            broken=pl.col("kind").n_unique().over("party_id") > 1,
            text=Text("同一主体的各版档案类型应一致", "all versions of a party must have the same kind"),
            remedy=Text(
                "确认该编号属于谁；不同主体使用不同编号", "find out whose id it is; two parties need two ids"
            ),
        ),
        known_not_before("founded_on", "成立日期", "the foundation"),
        known_not_before("valid_from", "生效日期", "its beginning"),
    ),
)

COMPANIES: Final = Contract(
    name="companies",
    label=Text("集团企业", "Companies of the group"),
    description=Text("控股集团及其所属企业。", "The holding and the companies that belong to it."),
    data_class=DataClass(Domain.MANAGEMENT, Level.LOW),
    key=("org_id",),
    columns=(
        identifier("org_id", "企业编号", "Company id"),
        identifier("party_id", "主体编号", "Party id", of="parties"),
        text("name", "名称", "Name"),
        optional(
            choice(
                "segment",
                "业务板块",
                "Segment",
                {"industrial": "实业", "financial": "类金融", "asset": "资产运营"},
            )
        ),
        optional(
            identifier("parent_org_id", "上级企业编号", "Parent company id", of="companies", column="org_id")
        ),
        text("business", "主营业务", "Business"),
        boolean("has_core_system", "是否有核心业务系统", "Has a core system"),
        known_at(),
    ),
    rules=(
        Rule(
            name="not_own_parent",
            columns=("parent_org_id", "org_id"),
            broken=pl.col("parent_org_id") == pl.col("org_id"),
            text=Text("企业不能是自己的上级", "a company cannot be its own parent"),
            remedy=Text(
                "填写真正的上级企业；控股集团留空", "give the real parent; leave it empty for the holding"
            ),
        ),
    ),
)
