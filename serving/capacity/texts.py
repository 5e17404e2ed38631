"""What the parts of a line's capacity are called, in the words of a planner: factors here, drivers in the profiles."""

from collections.abc import Sequence
from typing import Final

from models.capacity.profiles.profile import Profile
from serving.capacity.schemas import LineContribution

__all__ = ["contribution"]

_FACTORS: Final = {
    "planned_rate": ("按计划产出率全天不停", "the planned rate around the clock"),
    "calendar": ("日历与班次", "calendar and shifts"),
    "maintenance": ("计划检修", "planned maintenance"),
    "availability": ("可动率", "availability"),
    "performance": ("性能率", "performance"),
    "quality": ("合格率", "quality"),
    "adjustment": ("修正", "adjustment"),
}
_DRIVERS: Final = {
    "bottleneck": ("瓶颈工序的上限", "what the limiting step can finish"),
    "festival": ("节日", "festivals"),
    "holiday": ("节假日", "holidays"),
    "horizon": ("预测的远近", "how far ahead it is"),
    "limit": ("上下限", "limits"),
    "line": ("产线自身特点", "the line's own ways"),
    "maintenance": ("检修前后", "before and after maintenance"),
    "other": ("其他检修", "other maintenance"),
    "planned_rate": ("计划产出率的变化", "changes of the planned rate"),
    "recent_level": ("近期水平", "its recent level"),
    "restart": ("重新开机的损失", "lost to restarts"),
    "season": ("季节", "season"),
    "shift_plan": ("班次计划", "the shift plan"),
    "spring_festival": ("春节", "Spring Festival"),
    "usual_hours": ("通常的开机小时", "its usual hours"),
    "weekday": ("星期", "day of the week"),
    "working_days": ("工作日", "working days"),
}


def contribution(
    factor: str, driver: str | None, value: float, profiles: Sequence[Profile]
) -> LineContribution:
    """Return a part of a line's forecast with its texts; drivers are named by the first profile that knows them."""
    zh, en = _FACTORS.get(factor, (factor, factor))
    if driver is not None and factor != "planned_rate":
        told = next((found for one in profiles if (found := one.driver(driver)) is not None), None)
        of_zh, of_en = (
            _DRIVERS.get(driver, (driver, driver)) if told is None else (told.label.zh, told.label.en)
        )
        zh, en = f"{zh}：{of_zh}", f"{en}: {of_en}"
    return LineContribution(factor=factor, driver=driver, value=value, text_zh=zh, text_en=en)
