"""Tables of plans, scenarios and industry profiles, as the terminal shows them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

    from models.capacity.allocation.plan import Plan
    from models.capacity.profiles.profile import Profile

__all__ = ["show_comparison", "show_plan", "show_profile", "show_profiles"]

_BINDING_SHOWN: Final = 10
_WIDEST: Final = 1_000  # characters


def show_plan(plan: "Plan", *, zh: bool) -> None:
    """Print the mix by product, the load by line, and what is worth most to relax."""
    _show(
        "产品组合" if zh else "Product mix",
        ("产品", "需求", "期初欠交", "产量", "交付", "未满足", "说明")
        if zh
        else ("product", "demand", "owed before", "made", "delivered", "unmet", "advice"),
        [
            (
                row["product_id"],
                row["demand"],
                row["opening_backlog"],
                row["made"],
                row["delivered"],
                row["unmet"],
                row["text_zh" if zh else "text_en"],
            )
            for row in plan.mix.iter_rows(named=True)
        ],
    )
    _show(
        "产线负荷" if zh else "Load of the lines",
        ("产线", "可用工时", "使用", "负荷") if zh else ("line", "hours", "used", "load"),
        [(line, hours, used, f"{used / hours:.0%}" if hours else "–") for line, hours, used in _loads(plan)],
    )
    texts = plan.binding[f"text_{'zh' if zh else 'en'}"].head(_BINDING_SHOWN).to_list()
    _show("瓶颈约束与价值" if zh else "What binds and what it is worth", ("",), [(text,) for text in texts])


def show_comparison(table: "pl.DataFrame", *, zh: bool) -> None:
    """Print the measures of the base and of each scenario in columns."""
    names = [one for one in table.columns if one not in ("measure", "label_zh", "label_en", "unit", "base")]
    label = "label_zh" if zh else "label_en"
    _show(
        "情景对照" if zh else "Scenarios side by side",
        ("指标", "单位", "基准", *names) if zh else ("measure", "unit", "base", *names),
        [
            (row[label], row["unit"], row["base"], *(row[one] for one in names))
            for row in table.iter_rows(named=True)
        ],
    )


def show_profiles(profiles: Mapping[str, "Profile"], *, zh: bool) -> None:
    """Print all profiles in a line each."""
    _show(
        "行业档案" if zh else "Industry profiles",
        ("编号", "名称", "单位", "驱动因素", "已核对")
        if zh
        else ("id", "name", "unit", "drivers", "verified"),
        [
            (
                one.id,
                one.label.zh if zh else one.label.en,
                _unit(one, zh=zh),
                ", ".join(driver.name for driver in one.drivers) or "–",
                _yes(one.verified, zh=zh),
            )
            for one in profiles.values()
        ],
    )


def show_profile(profile: "Profile", *, zh: bool) -> None:
    """Print what a profile says of an industry."""
    limits, calendar = profile.constraints, profile.calendar
    bottleneck = limits.bottleneck
    rows: list[tuple[object, ...]] = [
        ("单位" if zh else "unit", _unit(profile, zh=zh)),
        ("每日工时" if zh else "hours a day", calendar.hours),
        ("连续运行" if zh else "continuous", _yes(calendar.continuous, zh=zh)),
        (
            "瓶颈" if zh else "bottleneck",
            "–" if bottleneck is None else (bottleneck.label.zh if zh else bottleneck.label.en),
        ),
        *(
            (("驱动因素" if zh else "driver"), f"{one.name}：{one.label.zh if zh else one.label.en}")
            for one in profile.drivers
        ),
        *(
            (("损失" if zh else "loss"), f"{one.name}：{one.label.zh if zh else one.label.en}")
            for one in profile.losses
        ),
        *(
            (
                ("库存带" if zh else "stock band"),
                f"{one.name}: {one.lower_days:g} – {one.upper_days:g} {'天' if zh else 'days'}",
            )
            for one in profile.stock_bands
        ),
        ("来源" if zh else "source", profile.source),
    ]
    _show(f"{profile.id} · {profile.label.zh if zh else profile.label.en}", ("", ""), rows)


def _yes(value: bool, *, zh: bool) -> str:  # noqa: FBT001 - the value is what is written
    return ("是" if zh else "yes") if value else ("否" if zh else "no")


def _loads(plan: "Plan") -> list[tuple[str, float, float]]:
    """Return each line's hours and those used, over all weeks."""
    sums: dict[str, tuple[float, float]] = {}
    for line, hours, used in (
        plan.lines.sort("line_id", "week").select("line_id", "hours", "used").iter_rows()
    ):
        whole, taken = sums.get(line, (0.0, 0.0))
        sums[line] = (whole + hours, taken + used)
    return [(line, hours, used) for line, (hours, used) in sums.items()]


def _show(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in full, however narrow the terminal."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, show_header=any(headings))
    for place, heading in enumerate(headings):
        numeric = any(isinstance(row[place], float) for row in rows)
        shown.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
    console = Console()
    unbound = console.options.update(max_width=_WIDEST)
    console.width = max(console.width, console.measure(shown, options=unbound).maximum)
    console.print(shown, markup=False)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 10 and value % 1 else f"{value:,.0f}"  # noqa: PLR2004 - shares and small prices
    return str(value)


def _unit(profile: "Profile", *, zh: bool) -> str:
    told = profile.unit_text
    return "–" if told is None else told.zh if zh else told.en
