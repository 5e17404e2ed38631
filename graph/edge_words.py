"""The code lists of the edge table, with the Chinese word for each code; the code itself is the English word."""

from collections.abc import Mapping
from typing import Final

__all__ = ["BASES", "DECLARED_BASES", "GUARANTEE_KINDS", "ROLES"]

ROLES: Final[Mapping[str, str]] = {
    "legal_representative": "法定代表人",
    "director": "董事",
    "supervisor": "监事",
    "executive": "高级管理人员",
}
GUARANTEE_KINDS: Final[Mapping[str, str]] = {
    "joint": "连带责任保证",
    "general": "一般保证",
    "mortgage": "抵押",
    "pledge": "质押",
    "counter": "反担保",
}
BASES: Final[Mapping[str, str]] = {
    "voting_majority": "表决权过半",
    "agreement": "协议",
    "board_majority": "董事会多数席位",
    "consolidation": "合并报表",
    "actual": "实际支配",
}
"""What makes one party control another, as our own tables say it."""
DECLARED_BASES: Final[Mapping[str, str]] = {
    "appointment_of_board": "有权任免董事",
    "other_influence_or_control": "其他影响或控制",
    "settlor": "信托委托人",
    "trustee": "受托人",
    "protector": "信托保护人",
    "nominator": "名义持有的实际委托人",
    "rights_granted_by_contract": "合同赋予的权利",
    "conditional_rights_granted_by_contract": "合同赋予的附条件权利",
    "control_via_company_rules_or_articles": "章程或公司规则赋予的控制权",
    "control_by_legal_framework": "法律规定的控制权",
}
"""The same as registers of beneficial owners say it (interest types of BODS 0.4)."""
