"""Expected loss per exposure: PD x LGD x EAD in three stages, discounted, over weighted scenarios, with what was assumed."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from graph.ontology import Wording
from models.credit.grade import MasterScale
from models.credit.loss_policy import LossPolicy, Scenario
from models.credit.stages import Stage, stages
from models.errors import LossTableError

__all__ = ["ASSUMPTIONS", "LOSS_INPUT", "Measurement", "expected_loss", "loss_totals", "ranked_by_money"]

Floats = NDArray[np.float64]

_CENT: Final = 0.01

LOSS_INPUT: Final = pl.Schema(
    {
        "exposure_id": pl.String,
        "party_id": pl.String,
        "org_id": pl.String,
        "business_line": pl.String,
        "outstanding": pl.Float64,
        "annual_rate": pl.Float64,
        "days_past_due": pl.Int64,
        "maturity_on": pl.Date,
        "repayment": pl.String,
        "collateral_kind": pl.String,
        "collateral_value": pl.Float64,
        "in_default": pl.Boolean,
        "pd_12m": pl.Float64,
        "pd_at_origination": pl.Float64,
        "accrued_interest": pl.Float64,
        "undrawn": pl.Float64,
        "contingent": pl.Float64,
        "watched": pl.Boolean,
        "presumption_rebutted": pl.Boolean,
    }
)
"""Exposures to measure: amounts in CNY, rate and PDs as decimals. The columns of `_OPTIONAL` may be absent or null."""

_OPTIONAL: Final = {
    "accrued_interest": 0.0,
    "undrawn": 0.0,
    "contingent": 0.0,
    "watched": False,
    "presumption_rebutted": False,
    "pd_at_origination": None,
    "collateral_kind": None,
    "collateral_value": None,
}

ASSUMPTIONS: Final = {
    "no_undrawn_data": Wording(zh="没有未提用额度数据，按 0 计", en="no data on undrawn amounts: taken as 0"),
    "no_contingent_data": Wording(
        zh="没有或有敞口数据，按 0 计", en="no data on contingent amounts: taken as 0"
    ),
    "no_origination_pd": Wording(
        zh="发放时的违约概率未知，只按逾期、违约和关注名单分阶段",
        en="PD at origination unknown: staged by days past due, default and watch list only",
    ),
    "collateral_kind_unknown": Wording(
        zh="担保物类型未知，按无担保", en="kind of collateral unknown: taken as none"
    ),
    "collateral_value_unknown": Wording(
        zh="担保物价值未知，按 0", en="value of the collateral unknown: taken as 0"
    ),
    "linear_amortisation": Wording(
        zh="等额本息按余额每月等额减少近似",
        en="equal instalments: the balance is taken to fall evenly by month",
    ),
    "presumption_rebutted": Wording(
        zh="逾期超过 30 天的推定已有证据反驳",
        en="the presumption from being past due was rebutted with evidence",
    ),
    "past_maturity": Wording(
        zh="已过到期日，剩余期限按假设", en="past maturity: the remaining life is the assumed one"
    ),
}
"""What each code in the column `assumed` says. Constant hazard within the life and the contract's rate as the effective
rate hold for every exposure and are not repeated in each row."""


class Measurement:
    """How an exposure is carried: its loss is booked, or only a figure of risk control."""

    AMORTISED_COST: Final = "amortised_cost"
    FAIR_VALUE: Final = "fair_value"


@dataclass(frozen=True)
class _Terms:
    """What a scenario multiplies and what it leaves alone; arrays of one length (n)."""

    pd: Floats
    lgd: Floats
    ead: Floats
    rate: Floats
    months: NDArray[np.int64]
    amortises: NDArray[np.bool_]


def expected_loss(
    exposures: pl.DataFrame, policy: LossPolicy, scale: MasterScale, *, as_of: date
) -> pl.DataFrame:
    """Return a row per exposure, in their order, with stage, PD, LGD, EAD and expected loss in CNY.

    `exposures` in LOSS_INPUT. Columns: exposure_id, party_id, org_id, business_line, measurement, stage, stage_reason,
    pd_model (as given, floored), pd_12m and pd_lifetime (over the scenarios; 1 in stage 3), months of remaining life, lgd
    (over the scenarios), ead, el_12m, el_lifetime, el_booked (12-month in stage 1, lifetime else), assumed (codes of
    ASSUMPTIONS), policy.

    Hazard is constant: h = 1 - (1 - PD)^(1/12) a month; default at the end of month k costs LGD x balance at its start,
    discounted by (1 + rate)^(-k/12); el_12m stops at month 12 or at maturity, el_lifetime at maturity. In stage 3 both are
    LGD x EAD. EAD = outstanding + accrued interest + conversion factors x undrawn and contingent amounts. LGD: see `_lgd`.
    Sources: CAS 22 (财会〔2017〕7号) arts. 48, 58; IFRS 9 5.5.17, B5.5.28-B5.5.55. Raises LossTableError.
    """
    table = _checked(exposures, policy)
    staged = stages(table, policy, scale)
    impaired = (staged["stage"] == int(Stage.IMPAIRED)).to_numpy()
    _refuse_unknown_pd(table, impaired)
    ead = _ead(table, policy)
    terms = _Terms(
        pd=np.clip(table["pd_12m"].fill_null(policy.pd_floor).to_numpy(), policy.pd_floor, 1.0),
        lgd=_lgd(table, ead, policy),
        ead=ead,
        rate=table["annual_rate"].to_numpy(),
        months=_months(table, policy, as_of),
        amortises=(table["repayment"] == "equal_installment").to_numpy(),
    )
    figures = {name: np.zeros(len(ead)) for name in ("pd_12m", "pd_lifetime", "lgd", "el_12m", "el_lifetime")}
    for scenario in policy.scenario:
        for name, values in _under(scenario, terms, impaired, policy.lgd_floor).items():
            figures[name] += scenario.weight * values
    performing = (staged["stage"] == int(Stage.PERFORMING)).to_numpy()
    return table.select(
        "exposure_id",
        "party_id",
        "org_id",
        "business_line",
        pl.when(pl.col("business_line").is_in(list(policy.fair_value_lines)))
        .then(pl.lit(Measurement.FAIR_VALUE))
        .otherwise(pl.lit(Measurement.AMORTISED_COST))
        .alias("measurement"),
        *staged,
        pl.Series("pd_model", terms.pd),
        pl.Series("pd_12m", figures["pd_12m"]),
        pl.Series("pd_lifetime", figures["pd_lifetime"]),
        pl.Series("months", terms.months),
        pl.Series("lgd", figures["lgd"]),
        pl.Series("ead", ead),
        pl.Series("el_12m", figures["el_12m"]),
        pl.Series("el_lifetime", figures["el_lifetime"]),
        pl.Series("el_booked", np.where(performing, figures["el_12m"], figures["el_lifetime"])),
        _assumed(exposures, table, as_of),
        pl.lit(policy.name).alias("policy"),
    )


def _under(
    scenario: Scenario, terms: _Terms, impaired: NDArray[np.bool_], lgd_floor: float
) -> dict[str, Floats]:
    """Return the figures of one scenario."""
    odds = scenario.odds_factor * terms.pd
    pd = np.minimum(1.0, odds / (odds + 1.0 - terms.pd))  # rounding can pass 1
    lgd = np.clip(terms.lgd * scenario.lgd_factor, lgd_floor, 1.0)
    with np.errstate(divide="ignore"):  # a PD of 1 is a hazard of 1
        hazard = -np.expm1(np.log1p(-pd) / 12)
    alive, loss, within_year = np.ones_like(pd), np.zeros_like(pd), np.zeros_like(pd)
    first_year = np.ones_like(pd)
    for month in range(1, int(terms.months.max(initial=0)) + 1):
        owed = terms.months >= month
        balance = np.where(terms.amortises, (terms.months - month + 1) / terms.months, 1.0)
        step = alive * hazard * balance * (1.0 + terms.rate) ** (-month / 12)
        loss = loss + np.where(owed, step, 0.0)
        alive = np.where(owed, alive * (1.0 - hazard), alive)
        if month <= 12:  # noqa: PLR2004 - months of a year
            within_year, first_year = loss, alive
    money = lgd * terms.ead
    one = np.ones_like(pd)
    return {
        "pd_12m": np.where(impaired, one, 1.0 - first_year),
        "pd_lifetime": np.where(impaired, one, 1.0 - alive),
        "lgd": lgd,
        "el_12m": money * np.where(impaired, one, within_year),
        "el_lifetime": money * np.where(impaired, one, loss),
    }


def _ead(table: pl.DataFrame, policy: LossPolicy) -> Floats:
    drawn = table["outstanding"] + table["accrued_interest"]
    converted = (
        policy.conversion.undrawn * table["undrawn"] + policy.conversion.contingent * table["contingent"]
    )
    return (drawn + converted).to_numpy()


def _lgd(table: pl.DataFrame, ead: Floats, policy: LossPolicy) -> Floats:
    """Return the LGD of each exposure before scenarios.

    Cover c = min(1, value x (1 - haircut) / EAD); LGD = c x LGD of the collateral + (1 - c) x unsecured LGD of the line, at
    least `lgd_floor`, after the comprehensive formula for partly secured claims (Basel CRE32). Cover is that of today throughout
    the life, though the balance of an amortising exposure falls: on the safe side.
    """
    kind = table["collateral_kind"].fill_null("none")
    parts = {
        name: kind.replace_strict(
            {key: getattr(entry, name) for key, entry in policy.collateral.items()}, return_dtype=pl.Float64
        ).to_numpy()
        for name in ("haircut", "lgd")
    }
    unsecured = table["business_line"].replace_strict(dict(policy.lgd_unsecured), return_dtype=pl.Float64)
    counted = table["collateral_value"].fill_null(0.0).to_numpy() * (1.0 - parts["haircut"])
    cover = np.minimum(1.0, counted / np.maximum(ead, _CENT))
    mixed = cover * parts["lgd"] + (1.0 - cover) * unsecured.to_numpy()
    # More cover must not mean more loss: collateral whose own LGD is worse than unsecured helps nothing.
    lgd: Floats = np.maximum(np.minimum(mixed, unsecured.to_numpy()), policy.lgd_floor)
    return lgd


def _months(table: pl.DataFrame, policy: LossPolicy, as_of: date) -> NDArray[np.int64]:
    days = table.select((pl.col("maturity_on") - pl.lit(as_of)).dt.total_days()).to_series().to_numpy()
    months = np.ceil(days / (365.25 / 12)).astype(np.int64)
    return np.where(days > 0, np.maximum(months, 1), policy.months_past_maturity)


def _checked(exposures: pl.DataFrame, policy: LossPolicy) -> pl.DataFrame:
    for column, dtype in LOSS_INPUT.items():
        if column not in exposures.columns:
            if column in _OPTIONAL:
                exposures = exposures.with_columns(pl.lit(_OPTIONAL[column], dtype=dtype).alias(column))
                continue
            raise LossTableError(column, "缺失", "is missing")
        given = exposures.schema[column]
        if given not in (dtype, pl.Null) and not (dtype.is_numeric() and given.is_numeric()):
            raise LossTableError(column, f"类型应为 {dtype}，现为 {given}", f"must be {dtype}, is {given}")
    table = exposures.select(pl.col(name).cast(dtype) for name, dtype in LOSS_INPUT.items()).with_columns(
        pl.col(name).fill_null(value) for name, value in _OPTIONAL.items() if value is not None
    )
    known = [name for name in LOSS_INPUT if name not in _OPTIONAL and name != "pd_12m"]
    for column in known:
        _refuse(table, column, pl.col(column).is_null(), ("为空", "is empty"))
    for column in (
        "outstanding",
        "annual_rate",
        "accrued_interest",
        "undrawn",
        "contingent",
        "collateral_value",
    ):
        bad = ~pl.col(column).is_finite() | (pl.col(column) < 0)
        _refuse(table, column, bad, ("应为不小于 0 的有限数值", "must be a finite number of 0 or more"))
    for column in ("pd_12m", "pd_at_origination"):
        bad = ~pl.col(column).is_between(0, 1) | pl.col(column).is_nan()
        _refuse(table, column, bad, ("应在 0 与 1 之间", "must lie between 0 and 1"))
    for column, words in (("business_line", policy.lgd_unsecured), ("collateral_kind", policy.collateral)):
        listed = ", ".join(sorted(words))
        strange = ~pl.col(column).is_in(list(words))
        _refuse(table, column, strange, (f"应为 {listed} 之一", f"must be one of {listed}"))
    return table


def _refuse(table: pl.DataFrame, column: str, bad: pl.Expr, what: tuple[str, str]) -> None:
    rows = table.filter(bad.fill_null(value=False))
    if rows.height:
        one = rows["exposure_id"][0]
        raise LossTableError(column, f"中敞口“{one}”{what[0]}", f"of exposure '{one}' {what[1]}")


def _refuse_unknown_pd(table: pl.DataFrame, impaired: NDArray[np.bool_]) -> None:
    unknown = table.filter(pl.col("pd_12m").is_null() & ~pl.Series(impaired))
    if unknown.height:
        one = unknown["exposure_id"][0]
        raise LossTableError(
            "pd_12m",
            f"中未违约敞口“{one}”为空；没有模型评分时可用混合模型（pooled）的违约概率",
            f"of exposure '{one}', which is not in default, is empty; without a score take the PD of the pooled model",
        )


def _assumed(given: pl.DataFrame, table: pl.DataFrame, as_of: date) -> pl.Series:
    """Return the codes of what was assumed for each row."""
    secured = pl.col("collateral_kind").is_not_null() & (pl.col("collateral_kind") != "none")
    signs = {
        "no_undrawn_data": _absent(given, "undrawn"),
        "no_contingent_data": _absent(given, "contingent"),
        "no_origination_pd": pl.col("pd_at_origination").is_null(),
        "collateral_kind_unknown": pl.col("collateral_kind").is_null(),
        "collateral_value_unknown": secured & pl.col("collateral_value").is_null(),
        "linear_amortisation": pl.col("repayment") == "equal_installment",
        "past_maturity": pl.col("maturity_on") <= as_of,
        "presumption_rebutted": pl.col("presumption_rebutted"),
    }
    marks = [pl.when(sign).then(pl.lit(code)) for code, sign in signs.items()]
    return table.select(pl.concat_list(marks).list.drop_nulls().alias("assumed")).to_series()


def _absent(given: pl.DataFrame, column: str) -> pl.Expr:
    """Tell where the table given has no value; the checked one has 0 there."""
    if column not in given.columns:
        return pl.lit(value=True)
    return pl.lit(given[column].is_null())


_SUMS: Final = ("ead", "el_12m", "el_lifetime", "el_booked")


def loss_totals(losses: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Return [*by, exposures, ead, el_12m, el_lifetime, el_booked, coverage] summed by columns, all in one row without any.

    Amounts in CNY; `coverage` = el_booked / ead, null without exposure. Sorted by `by`.
    """
    sums = [pl.col(name).sum() for name in _SUMS]
    summed = (
        losses.group_by(*by).agg(pl.len().alias("exposures"), *sums)
        if by
        else losses.select(pl.len().alias("exposures"), *sums)
    )
    coverage = pl.when(pl.col("ead") > 0).then(pl.col("el_booked") / pl.col("ead")).alias("coverage")
    return summed.with_columns(coverage).sort(*by) if by else summed.with_columns(coverage)


def ranked_by_money(losses: pl.DataFrame) -> pl.DataFrame:
    """Return the exposures with the largest expected loss first, with their rank (1 = largest)."""
    ordered = losses.sort("el_booked", "exposure_id", descending=[True, False])
    return ordered.with_row_index("rank", offset=1)
