"""Shapes of exposure: what a party and its connected group owe each company of the group, beside the legal limits."""

from datetime import date
from typing import Literal

from pydantic import Field

from serving.credit.questions.schemas import QuestionAnswer
from serving.schemas import StrictModel

__all__ = [
    "ExposureAnswer",
    "ExposureLine",
    "GroupExposure",
    "LimitLine",
    "MemberLine",
    "OwnedLine",
    "Totals",
]


class ExposureLine(StrictModel):
    """一家企业的敞口，元。 / Exposure of one company of the group, CNY."""

    org_id: str
    direct: float = Field(description="存续合同未偿本金 / outstanding of live contracts")
    contingent: float = Field(description="或有 / contingent")
    gross: float
    mitigated: float = Field(description="被认可的缓释 / recognised mitigation")
    net: float


class OwnedLine(StrictModel):
    """连同所持企业按持股比例穿透。 / With its shares of what the companies it owns owe, looked through."""

    org_id: str
    gross: float
    net: float
    gross_unknown: float = Field(
        description="持股比例无法判断的部分 / gross of companies of which its share cannot be told"
    )


class MemberLine(StrictModel):
    """关联客户组成员的一笔敞口。 / What a member of the group owes a company."""

    party_id: str
    org_id: str
    gross: float
    net: float


class Totals(StrictModel):
    """全集团合计。 / The sum over all companies of the group."""

    companies: int
    gross: float
    net: float


class GroupExposure(StrictModel):
    """关联客户组的敞口。 / Exposure to a group of connected clients."""

    group_id: str = Field(description="组内控制链中第一个主体 / first party of its control group")
    through: Literal["control", "dependence"] = Field(
        description="因控制或经济依存 / by control or dependence"
    )
    members: int
    lines: list[ExposureLine]
    total: Totals | None = Field(description="null = 不提供给该密钥 / null: not told to this key")
    largest: list[MemberLine] = Field(description="成员最大的几笔 / the members' largest lines")


class LimitLine(StrictModel):
    """一条法定限额及余量，元。 / A legal limit and what is left of it, CNY."""

    org_id: str
    code: str
    name_zh: str
    name_en: str
    scope: Literal["party", "group", "related_party", "all_related"]
    used: float
    limit: float | None = Field(description="null = 基数未知 / null: what it is a part of is unknown")
    headroom: float | None = Field(description="余量，负数为超限 / what is left, negative where it is broken")
    used_of_limit: float | None
    breach: bool | None
    source: str
    verified: bool = Field(description="false = 依据尚待核实 / the legal source has yet to be confirmed")
    valid_from: date


class ExposureAnswer(QuestionAnswer):
    """主体及其关联客户组的敞口。 / Exposure to a party and to its groups of connected clients."""

    party_id: str
    unit: Literal["CNY"]
    lines: list[ExposureLine] = Field(description="主体自身，按企业 / its own, by company")
    total: Totals | None = Field(description="null = 不提供给该密钥 / null: not told to this key")
    looked_through: list[OwnedLine]
    groups: list[GroupExposure]
    limits: list[LimitLine] = Field(description="用得最多的在前 / most used first")
    other_companies_left_out: bool = Field(
        description="true = 只含该密钥的企业 / only the key's companies are in it"
    )
