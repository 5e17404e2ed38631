"""The rules by which a table becomes a panel, as data: what each finds, what is done about it, in two languages."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

__all__ = [
    "PANEL_RULES",
    "Outcome",
    "PanelRule",
    "panel_rules",
    "rule_of",
]


class Outcome(StrEnum):
    """What a rule does with the series that it finds."""

    REFUSED = "refused"  # no forecast; the others go on
    TREATED = "treated"  # values are changed, filled or left out, and flagged
    NAMED = "named"  # nothing is changed


@dataclass(frozen=True)
class PanelRule:
    """One rule: its name, what becomes of the series, and what a planner reads about it."""

    name: str
    outcome: Outcome
    zh: str
    en: str


PANEL_RULES: Final[tuple[PanelRule, ...]] = (
    PanelRule(
        "no_id",
        Outcome.REFUSED,
        "unique_id 为空的行无法归入任何序列，未使用。请补上编号。",
        "Rows without a unique_id belong to no series and are not used. Fill in the id.",
    ),
    PanelRule(
        "unreadable_ds",
        Outcome.REFUSED,
        "ds 为空或不是日期（频率为 1 时：不是整数）。请改正这些行；其他序列照常预测。",
        "ds is empty or no date (with frequency 1: no whole number). Correct these rows; the other series go on.",
    ),
    PanelRule(
        "unreadable_y",
        Outcome.REFUSED,
        "y 不是数字。请改为数字，缺失时留空。",
        "y is no number. Write a number, or leave the cell empty where there is none.",
    ),
    PanelRule(
        "off_frequency",
        Outcome.REFUSED,
        "日期不在整个面板的频率上（周数据须同一星期几，月、季数据须统一用首日或末日，日数据不带时刻）。请改日期，或单独预测该序列。",
        "Dates do not lie on the panel's frequency (weeks on one weekday, months and quarters all on their first or all on "
        "their last day, days without a time of day). Mend the dates, or forecast this series by itself.",
    ),
    PanelRule(
        "coarser_frequency",
        Outcome.REFUSED,
        "日期间隔一律大于一个周期（例如在月度面板中按季填报）。请汇总或拆分到同一频率，或单独预测。",
        "All dates lie more than one period apart, by the same step (quarters in a monthly panel, say). Bring the series to "
        "the panel's frequency, or forecast it by itself.",
    ),
    PanelRule(
        "stray_date",
        Outcome.REFUSED,
        "有日期与其余日期相隔极远（空档超过 1000 个周期且为其余历史的 10 倍以上），多为笔误。请核对日期。",
        "A date lies so far from the others (a hole of over 1,000 periods and ten times the rest) that it is most likely a "
        "slip. Check the date.",
    ),
    PanelRule(
        "contradicting_rows",
        Outcome.REFUSED,
        "同一日期有互相矛盾的行。请只保留一行，或加 known_at 列说明哪一行较新。",
        "Rows of the same date contradict each other. Keep one, or add a column known_at that tells which is newer.",
    ),
    PanelRule(
        "all_missing",
        Outcome.REFUSED,
        "没有任何可用的 y（截止日前已知、且周期已结束）。请补上历史数据或改用较晚的截止日；新品请用相近产品的编号或人工预测。",
        "There is no usable y (known by the as-of date, of a period that was over). Add history or a later date; "
        "for a new product take a similar one or a planner's own figure.",
    ),
    PanelRule(
        "no_known_at",
        Outcome.TREATED,
        "known_at 为空或无法识别，不能证明截止日前已知，这些行未使用。",
        "known_at is empty or unreadable, so that nothing shows it was known by the date: these rows are not used.",
    ),
    PanelRule(
        "repeated_rows",
        Outcome.TREATED,
        "完全相同的重复行已合并为一行。",
        "Rows that repeat another one exactly are merged into one.",
    ),
    PanelRule(
        "revised",
        Outcome.TREATED,
        "同一日期有更正：取截止日前最后获知（known_at）的一行。",
        "A date was revised: the row known last (known_at) by the as-of date is taken.",
    ),
    PanelRule(
        "infinite",
        Outcome.TREATED,
        "y 为无穷大（或绝对值不小于 1e100），按缺失处理并补值。",
        "An infinite y (or one of 1e100 and more) is taken as missing and filled like a gap.",
    ),
    PanelRule(
        "infinite_driver",
        Outcome.TREATED,
        "驱动因素为无穷大，按缺失使用。",
        "An infinite value of a driver is used as missing.",
    ),
    PanelRule(
        "open_period",
        Outcome.TREATED,
        "截止日时尚未结束的周期，其 y 不使用，已知的驱动因素保留。",
        "Periods that were not over on the as-of date have no y; their known drivers are kept.",
    ),
    PanelRule(
        "late_start",
        Outcome.TREATED,
        "开头没有 y 的行已截去，序列从第一个实际值开始。",
        "Rows without y before the first value are cut off: the series starts with its first value.",
    ),
    PanelRule(
        "missing_end",
        Outcome.TREATED,
        "末尾既无 y 也无已知驱动因素的行已截去，预测从最后一个实际值之后开始。",
        "Rows at the end with neither y nor a known driver are cut off: the forecast starts after the last value.",
    ),
    PanelRule(
        "new_product",
        Outcome.TREATED,
        "首次销售前的长段零值视为尚未上市，已截去。条件：至少 4 期且不少于一季（季长最多按 12 期计），"
        "超过其后最长零段的两倍，且其后至少有 3 期非零；其后仍属间断需求的，首次销售前保留半季零值。",
        "A long run of zeros before the first sale (at least 4 periods and a season, of which at most 12 count, over twice "
        "the longest run of zeros later, and 3 or more sales after it) is taken as not yet on sale and cut off; sparse demand "
        "keeps half a season of it.",
    ),
    PanelRule(
        "gap_zero",
        Outcome.TREATED,
        "间断需求（零值不少于四分之一；或多数周期无记录、无负值，且为整数或最小值低于均值的十分之一）的空缺按 0 补：没有记录即没有销售。",
        "Missing periods of intermittent demand are filled with 0, for nothing recorded is nothing sold: a quarter or more "
        "zeros; or most periods without a row, no negatives, and whole numbers or a smallest value below a tenth of the mean.",
    ),
    PanelRule(
        "closed",
        Outcome.NAMED,
        "一季中有固定位置（例如星期日）几乎总是没有记录（至少四季，缺九成以上；rows 为位置数），视为停业："
        "历史按空缺补值，以免零值干扰其他日子的学习；该位置的预测应读作 0。",
        "At some places of the season (Sundays, say) there is hardly ever a row (four or more seasons, nine in ten without; "
        "`rows` places): taken as closed. History is filled there like a gap, since zeros would spoil what is learnt of the "
        "other days; a forecast for such a place is to be read as 0.",
    ),
    PanelRule(
        "gap_linear",
        Outcome.TREATED,
        "短空缺（不超过季长的四分之一，至少 1 期）按前后值线性补足，并标记为非实际值。",
        "Short holes (up to a quarter of the season, at least one period) are filled on the line between their neighbours and "
        "flagged as not observed.",
    ),
    PanelRule(
        "gap_seasonal",
        Outcome.TREATED,
        "长空缺按最近的前后季同期值的平均补足（没有同期值时线性），并标记为非实际值。",
        "Long holes are filled with the mean of the nearest earlier and later value of the same season (the line where there "
        "is none) and flagged as not observed.",
    ),
    PanelRule(
        "returns",
        Outcome.TREATED,
        "少量退货（负值不超过 5% 的周期或 1 期，合计不超过正值合计的 5%）按 0 处理并标记 returns："
        "退货属于以前的销售，不是当期需求；序列视为非负。",
        "Few, small returns (negative in at most 5 % of the periods or one, together at most 5 % of all sales) count as 0 and "
        "are flagged: they undo earlier sales and are no demand of their period. The series is taken as non-negative.",
    ),
    PanelRule(
        "signed",
        Outcome.NAMED,
        "负值较多或较大：序列按可正可负预测，预测不截到 0。",
        "Negative values are frequent or large: the series stays signed and its forecast is not cut at 0.",
    ),
    PanelRule(
        "discontinued",
        Outcome.NAMED,
        "末尾有长段零值，可能已停产或停售；未截去。若已停，请从预测中移除。",
        "A long run of zeros at the end: possibly discontinued. It is not cut off; take the series out if it is.",
    ),
    PanelRule(
        "ended_early",
        Outcome.NAMED,
        "最后一个实际值早于面板的最新周期（rows 为相差的周期数）。预测从该序列自己的末期开始。",
        "The last value is older than the panel's newest period (by `rows` periods). The forecast starts from the series' own "
        "end.",
    ),
    PanelRule(
        "one_point",
        Outcome.NAMED,
        "只有一个实际值：只能给出底线预测。",
        "There is a single value: only the floor can be forecast.",
    ),
    PanelRule(
        "all_zero",
        Outcome.NAMED,
        "所有实际值为 0：预测为 0。",
        "All values are 0: so is the forecast.",
    ),
    PanelRule(
        "constant",
        Outcome.NAMED,
        "所有实际值相同：预测为该值。",
        "All values are the same: so is the forecast.",
    ),
    PanelRule(
        "short",
        Outcome.NAMED,
        "历史不足两季：不能从该序列本身学到季节性。",
        "Less than two seasons of history: no season can be learnt from the series itself.",
    ),
    PanelRule(
        "driver_missing_ahead",
        Outcome.NAMED,
        "未来期的已知驱动因素缺失（驱动因素与日期见说明）：沿用最后的值，标志与文字取最常见的值。",
        "A driver declared as known is missing in future periods; its last value is carried on, of flags and texts the usual one.",
    ),
    PanelRule(
        "far_ahead",
        Outcome.TREATED,
        "未来驱动因素的日期超出末期 1000 个周期以上，未使用。请核对日期。",
        "Rows of future drivers more than 1,000 periods past the last value are not used. Check the date.",
    ),
    PanelRule(
        "static_varies",
        Outcome.TREATED,
        "静态列在同一序列内取值不一，取日期最新的一个。",
        "A static column varies within the series; the value of the newest date is taken.",
    ),
    PanelRule(
        "no_whole_period",
        Outcome.REFUSED,
        "销售：截至该日，企业还没有报送过该产品在该区域的任何完整周期。请等下一次报送。",
        "Sales: by the date the company has reported no whole period of this product and region. Wait for its next report.",
    ),
    PanelRule(
        "contradicting_days",
        Outcome.TREATED,
        "销售：同一产品、区域、日期有同时获知而数量矛盾的行，该日按未报送处理。请企业更正。",
        "Sales: rows of the same product, region and day, known on the same day, tell different quantities: the day counts "
        "as not reported. Have the company correct it.",
    ),
    PanelRule(
        "days_missing",
        Outcome.TREATED,
        "销售：完整周期内有未报送的日（rows 为天数）。周期销量按已报送天数折算；不足一半时按缺失处理。",
        "Sales: days of complete periods are not reported (`rows` days). The period's quantity is scaled up from the days "
        "reported; with less than half of them it is taken as missing.",
    ),
    PanelRule(
        "unlisted_product",
        Outcome.NAMED,
        "销售：产品表中没有该产品，产品族记为 unlisted。请补录产品表。",
        "Sales: the product is not in the table of products; its family is called 'unlisted'. Add it to the table.",
    ),
    PanelRule(
        "plan_without_series",
        Outcome.TREATED,
        "销售计划：没有与之对应的销售序列，未使用。请核对 unique_id（product_id|region）。",
        "Plans: no series of sales has this unique_id, so they are not used. Check it (product_id|region).",
    ),
)
_BY_NAME: Final = {rule.name: rule for rule in PANEL_RULES}


def rule_of(name: str) -> PanelRule:
    """Return a rule by its name. Raises KeyError for a name that no rule has."""
    return _BY_NAME[name]


def panel_rules() -> pl.DataFrame:
    """List the rules for planners: rule, outcome (refused, treated, named), zh, en."""
    return pl.DataFrame(
        [(rule.name, str(rule.outcome), rule.zh, rule.en) for rule in PANEL_RULES],
        schema=["rule", "outcome", "zh", "en"],
        orient="row",
    )
