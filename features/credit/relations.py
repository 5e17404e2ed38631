"""Relations of a party: owners, investees, guarantees, officers and family, and how they fare."""

from typing import Final

import polars as pl

from features.catalogue import Change, Dimension, Unit, feature
from features.credit.default_share import default_share
from features.credit.ratios import log_amount, ratio

__all__: list[str] = []

_EDGES: Final = ("edges",)
_DEFAULTS: Final = ("edges", "exposures", "schedules", "payments", "write_offs", "court_events")
_COURT: Final = ("edges", "court_events")
_GUARANTEES: Final = ("edges", "statements", "parties")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def shareholders() -> pl.Expr:
    """股东数。

    Number of shareholders.
    """
    return pl.col("owns_in_neighbours")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def investees() -> pl.Expr:
    """对外投资企业数。

    Number of companies the party owns shares of.
    """
    return pl.col("owns_out_neighbours")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=1)
def largest_shareholder_share() -> pl.Expr:
    """第一大股东持股比例（没有已知股东为 0）。

    Share of the largest shareholder (0 without a known one).
    """
    return pl.col("owns_in_largest")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=1)
def ownership_concentration() -> pl.Expr:
    """股权集中度：已知股东持股比例的赫芬达尔指数（1 为单一股东）。

    Herfindahl index of the known shareholders' shares (1: a single owner).
    """
    return pl.col("owns_in_hhi")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def officers() -> pl.Expr:
    """法定代表人、董事、监事和高管人数。

    Number of its legal representatives, directors, supervisors and executives.
    """
    return pl.col("holds_position_in_neighbours")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def positions_held() -> pl.Expr:
    """个人任职的企业数。

    Number of companies the person holds a position in.
    """
    return pl.col("holds_position_out_neighbours")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def family_members() -> pl.Expr:
    """已知亲属关系数。

    Number of known family relations.
    """
    return pl.col("family_of_in_neighbours") + pl.col("family_of_out_neighbours")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def sister_companies() -> pl.Expr:
    """与其有共同股东或共同任职人员的企业数。

    Number of companies that share an owner or an officer with the party.
    """
    return pl.col("sisters_neighbours")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.RELATIONS,
    sources=_EDGES,
    low=0,
    high=10000,
    changeable=Change(-1, linked=("log_guarantees_given", "guarantees_given_to_equity", "mutual_guarantees")),
)
def guaranteed_parties() -> pl.Expr:
    """被其担保的主体数。

    Number of parties it guarantees.
    """
    return pl.col("guarantees_out_neighbours")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.RELATIONS,
    sources=_EDGES,
    low=0,
    high=10000,
    changeable=Change(1, linked=("guarantees_received_to_equity", "net_guarantees_to_equity")),
)
def guarantors() -> pl.Expr:
    """为其提供担保的主体数。

    Number of parties that guarantee it.
    """
    return pl.col("guarantees_in_neighbours")


@feature(
    unit=Unit.LOG_CNY,
    dimension=Dimension.RELATIONS,
    sources=_EDGES,
    low=0,
    high=35,
    changeable=Change(-1, linked=("guarantees_given_to_equity", "net_guarantees_to_equity")),
)
def log_guarantees_given() -> pl.Expr:
    """对外担保金额（元）的自然对数。

    Natural logarithm of the guarantees given, in yuan.
    """
    return log_amount("guarantees_out_weight")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.RELATIONS,
    sources=_GUARANTEES,
    low=0,
    high=50,
    changeable=Change(-1, linked=("net_guarantees_to_equity", "guarantees_for_defaulted_to_equity")),
)
def guarantees_given_to_equity() -> pl.Expr:
    """对外担保总额÷所有者权益（没有报表时用注册资本；权益不为正时不计算）。

    Guarantees given over equity (the registered capital without a statement; not computed where equity is not positive).
    """
    return ratio("guarantees_out_weight", "strength")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.RELATIONS,
    sources=_GUARANTEES,
    low=0,
    high=50,
    changeable=Change(1, linked=("net_guarantees_to_equity",)),
)
def guarantees_received_to_equity() -> pl.Expr:
    """接受担保总额÷所有者权益（没有报表时用注册资本；权益不为正时不计算）。

    Guarantees received over equity (the registered capital without a statement; not computed where equity is not
    positive).
    """
    return ratio("guarantees_in_weight", "strength")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.RELATIONS,
    sources=(*_DEFAULTS, "statements", "parties"),
    monotone=1,
    low=0,
    high=50,
    changeable=Change(-1, linked=("guarantees_for_defaulted_share", "guaranteed_parties_default_share")),
)
def guarantees_for_defaulted_to_equity() -> pl.Expr:
    """为近 12 个月已知违约的主体提供的担保金额÷所有者权益（没有报表时用注册资本），即可能代偿的负担。

    Guarantees given for parties known to have defaulted in the last 12 months over equity (the registered capital
    without a statement): what may have to be paid for them.
    """
    return ratio("guarantees_out_lost_weight", "strength")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guaranteed_parties_default_share() -> pl.Expr:
    """被其担保方中近 12 个月已知违约的比例（主体少时向 2% 收缩；没有可观察的主体则为空）。

    Share of the parties it guarantees known to have defaulted in the last 12 months, shrunk to 2% where they
    are few (empty
    where none can be observed).
    """
    return default_share("guarantees_out")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guarantors_default_share() -> pl.Expr:
    """担保方中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its guarantors known to have defaulted in the last 12 months, shrunk to 2% (empty where none can
    be observed).
    """
    return default_share("guarantees_in")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def shareholders_default_share() -> pl.Expr:
    """股东中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its shareholders known to have defaulted in the last 12 months, shrunk to 2% (empty where none can
    be observed).
    """
    return default_share("owns_in")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def investees_default_share() -> pl.Expr:
    """被投资企业中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the companies it owns known to have defaulted in the last 12 months, shrunk to 2% (empty where none can be
    observed).
    """
    return default_share("owns_out")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def sister_companies_default_share() -> pl.Expr:
    """有共同股东或共同任职人员的企业中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the companies with a common owner or officer known to have defaulted in the last 12 months, shrunk
    to 2% (empty
    where none can be observed).
    """
    return default_share("sisters")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=10000)
def defaulted_neighbours_12m() -> pl.Expr:
    """各类关系的相邻主体中近 12 个月已知违约的个数（每个主体只计一次）。

    Neighbours in any relation known to have defaulted in the last 12 months (each counted once).
    """
    return pl.col("anyone_defaulted_sum")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=-1, low=0, high=4000)
def days_since_neighbour_default() -> pl.Expr:
    """距各类关系的相邻主体最近一次已知违约的天数（没有则为空）。

    Days since the latest known default of a neighbour in any relation (empty without one).
    """
    return pl.col("anyone_since_default_min")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def share_held_by_defaulted_owners() -> pl.Expr:
    """近 12 个月已知违约的股东合计持股比例。

    Share of the party held by owners known to have defaulted in the last 12 months.
    """
    return pl.col("owns_in_lost_weight")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=100)
def shares_in_defaulted_investees() -> pl.Expr:
    """在近 12 个月已知违约的被投资企业中的持股比例合计。

    Sum of the shares the party holds in companies known to have defaulted in the last 12 months.
    """
    return pl.col("owns_out_lost_weight")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def guaranteed_parties_max_days_past_due() -> pl.Expr:
    """被其担保方当前最大逾期天数。

    Highest number of days past due among the parties it guarantees.
    """
    return pl.col("guarantees_out_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def guarantors_max_days_past_due() -> pl.Expr:
    """担保方当前最大逾期天数。

    Highest number of days past due among its guarantors.
    """
    return pl.col("guarantees_in_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def shareholders_max_days_past_due() -> pl.Expr:
    """股东当前最大逾期天数。

    Highest number of days past due among its shareholders.
    """
    return pl.col("owns_in_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def investees_max_days_past_due() -> pl.Expr:
    """被投资企业当前最大逾期天数。

    Highest number of days past due among the companies it owns.
    """
    return pl.col("owns_out_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def officers_max_days_past_due() -> pl.Expr:
    """法定代表人与董监高个人业务当前最大逾期天数。

    Highest number of days past due among its officers' own exposures.
    """
    return pl.col("holds_position_in_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def sister_companies_max_days_past_due() -> pl.Expr:
    """有共同股东或共同任职人员的企业当前最大逾期天数。

    Highest number of days past due among the companies with a common owner or officer.
    """
    return pl.col("sisters_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def neighbours_mean_days_past_due() -> pl.Expr:
    """各类关系的相邻主体当前逾期天数的平均值。

    Mean number of days past due of its neighbours in any relation.
    """
    return pl.col("anyone_dpd_mean")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_COURT, monotone=1, low=0, high=1000)
def guaranteed_parties_adverse_events_12m() -> pl.Expr:
    """被其担保方近 12 个月被诉、被执行、失信或冻结的次数合计。

    Lawsuits, enforcements, dishonesty listings and freezes of the last 12 months against the parties it guarantees.
    """
    return pl.col("guarantees_out_adverse_sum")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_COURT, monotone=1, low=0, high=1000)
def owners_and_officers_adverse_events_12m() -> pl.Expr:
    """股东和任职人员近 12 个月被诉、被执行、失信或冻结的次数合计。

    Lawsuits, enforcements, dishonesty listings and freezes of the last 12 months against shareholders and officers.
    """
    return pl.col("owns_in_adverse_sum") + pl.col("holds_position_in_adverse_sum")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_COURT, monotone=1, low=0, high=1000)
def neighbours_mean_adverse_events_12m() -> pl.Expr:
    """各类关系的相邻主体近 12 个月被诉、被执行、失信或冻结的平均次数。

    Mean number of lawsuits, enforcements, dishonesty listings and freezes of the last 12 months per neighbour in any
    relation.
    """
    return pl.col("anyone_adverse_mean")
