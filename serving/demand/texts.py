"""What the parts of a forecast are called, in the words of a planner."""

from typing import Final

from serving.demand.schemas import Driver

__all__ = ["driver"]

_TEXTS: Final = {
    "level": ("水平", "level"),
    "trend": ("趋势", "trend"),
    "season": ("季节", "season"),
    "seasonal": ("季节", "season"),
    "calendar": ("日历", "calendar"),
    "spring_festival": ("春节", "Spring Festival"),
    "holiday": ("节假日", "holidays"),
    "working_days": ("工作日", "working days"),
    "lags": ("近期需求", "recent demand"),
    "lag": ("近期需求", "recent demand"),
    "static": ("产品与地区", "product and region"),
    "mean": ("平均需求", "mean demand"),
    "adjustment": ("修正（不为负、层级加总）", "adjustment (not below zero, adding up)"),
    "reconciliation": ("层级加总修正", "adding up over the hierarchy"),
}
_DRIVER: Final = "driver:"
_CALENDAR: Final = "calendar:"


def driver(component: str, value: float) -> Driver:
    """Return a part of a forecast with its texts; one without a text of its own keeps its name."""
    if component.startswith(_DRIVER):
        name = component.removeprefix(_DRIVER)
        zh, en = f"驱动因素 {name}", f"driver {name}"
    else:
        zh, en = _TEXTS.get(component.removeprefix(_CALENDAR), (component, component))
    return Driver(component=component, value=value, text_zh=zh, text_en=en)
