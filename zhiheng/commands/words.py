"""What columns and codes are called where they are printed, in Chinese and English."""

from collections.abc import Mapping
from typing import Final

__all__ = ["said"]

_ZH: Final[Mapping[str, str]] = {
    "rank": "序号",
    "party_id": "主体",
    "exposure_id": "敞口",
    "business_line": "条线",
    "measurement": "计量",
    "stage": "阶段",
    "stage_reason": "分阶段原因",
    "exposures": "笔数",
    "pd_12m": "12个月PD",
    "lgd": "LGD",
    "ead": "EAD（元）",
    "el_12m": "12个月损失（元）",
    "el_lifetime": "存续期损失（元）",
    "el_booked": "计提口径损失（元）",
    "el_change": "损失变化（元）",
    "coverage": "损失/EAD",
    "level": "级别",
    "code": "规则",
    "zh": "预警",
    "action_zh": "处理",
    "amortised_cost": "摊余成本",
    "fair_value": "公允价值",
    "leasing": "融资租赁",
    "microloan": "小额贷款",
    "fund": "基金",
    "equity": "股权",
    "debt": "债权与委托贷款",
    "trade_credit": "商业信用",
    "pre_lending": "贷前",
    "in_lending": "贷中",
    "post_lending": "贷后",
    "red": "红",
    "orange": "橙",
    "yellow": "黄",
    "blue": "蓝",
    "pass": "通过",
    "manual_review": "人工复核",
    "decline": "不新增",
    "note": "提示",
    "grade": "等级",
}
_EN: Final[Mapping[str, str]] = {"en": "alert", "action_en": "action", "el_booked": "el (booked)"}


def said(code: str, language: str) -> str:
    """Return what a column or code is called; one without a name keeps its own, in English with its words apart."""
    return _ZH.get(code, code) if language == "zh" else _EN.get(code, code.replace("_", " "))
