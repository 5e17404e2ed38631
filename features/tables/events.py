"""Contracts of what courts and the company registry publish."""

from typing import Final

from features.tables.columns import choice, day, identifier, known_at, money, optional
from features.tables.contract import Contract, DataClass, Domain, Level, Text
from features.tables.rules import known_not_before

__all__ = ["COURT_EVENTS", "REGISTRY_EVENTS"]

_OCCURRED: Final = known_not_before("occurred_on", "发生日期", "the event")

COURT_EVENTS: Final = Contract(
    name="court_events",
    label=Text("司法事件", "Court events"),
    description=Text(
        "诉讼、执行、失信、财产冻结和破产申请。",
        "Lawsuits, enforcement, dishonest-debtor listings, frozen assets, bankruptcy filings.",
    ),
    data_class=DataClass(Domain.EXTERNAL, Level.MEDIUM),
    key=("event_id",),
    columns=(
        identifier("event_id", "事件编号", "Event id"),
        identifier("party_id", "主体编号", "Party id", of="parties"),
        choice(
            "kind",
            "事件类型",
            "Kind",
            {
                "lawsuit": "诉讼",
                "enforcement": "被执行",
                "dishonest": "失信被执行",
                "asset_freeze": "财产冻结",
                "bankruptcy_filing": "破产申请",
            },
        ),
        optional(choice("role", "诉讼地位", "Role", {"plaintiff": "原告", "defendant": "被告"})),
        optional(
            choice(
                "cause",
                "案由",
                "Cause",
                {
                    "loan": "借款纠纷",
                    "sale": "买卖纠纷",
                    "lease": "租赁纠纷",
                    "labour": "劳动争议",
                    "construction": "建设工程纠纷",
                    "other": "其他",
                },
            )
        ),
        optional(money("amount", "标的金额", "Amount", minimum=0)),
        day("occurred_on", "发生日期", "Occurred on"),
        known_at(),
    ),
    rules=(_OCCURRED,),
    may_be_empty=True,
)

REGISTRY_EVENTS: Final = Contract(
    name="registry_events",
    label=Text("工商事件", "Registry events"),
    description=Text(
        "工商登记的变更、异常、处罚、质押和注销。",
        "Changes, abnormal operation, penalties, pledges and deregistration published by the registry.",
    ),
    data_class=DataClass(Domain.EXTERNAL, Level.LOW),
    key=("event_id",),
    columns=(
        identifier("event_id", "事件编号", "Event id"),
        identifier("party_id", "主体编号", "Party id", of="parties"),
        choice(
            "kind",
            "事件类型",
            "Kind",
            {
                "legal_representative_change": "法定代表人变更",
                "capital_increase": "增资",
                "capital_decrease": "减资",
                "address_change": "地址变更",
                "scope_change": "经营范围变更",
                "abnormal_operation": "经营异常",
                "administrative_penalty": "行政处罚",
                "share_pledge": "股权质押",
                "deregistration": "注销",
            },
        ),
        optional(money("amount", "金额", "Amount", minimum=0)),
        day("occurred_on", "发生日期", "Occurred on"),
        known_at(),
    ),
    rules=(_OCCURRED,),
    may_be_empty=True,
)
