"""Expected loss: worked examples, stages and their reasons, invariants, assumptions said, sums that add up."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import PolicyError
from models.credit.grade import group_master_scale
from models.credit.loss import (
    ASSUMPTIONS,
    LOSS_INPUT,
    Measurement,
    expected_loss,
    loss_totals,
    ranked_by_money,
)
from models.credit.loss_policy import LossPolicy, loss_policy_as_of
from models.credit.stages import STAGE_REASONS, StageReason
from models.errors import LossTableError

AS_OF = date(2025, 12, 31)
POLICY = loss_policy_as_of(AS_OF)
SCALE = group_master_scale()
BASE_ONLY = POLICY.model_copy(update={"scenario": (POLICY.scenario[0].model_copy(update={"weight": 1.0}),)})
LEASE: dict[str, object] = {
    "exposure_id": "X1",
    "party_id": "P1",
    "org_id": "ORG-02",
    "business_line": "leasing",
    "outstanding": 1_200_000.0,
    "annual_rate": 0.06,
    "days_past_due": 0,
    "maturity_on": AS_OF + timedelta(days=730),
    "repayment": "equal_installment",
    "collateral_kind": "equipment",
    "collateral_value": 800_000.0,
    "in_default": False,
    "pd_12m": 0.02,
    "pd_at_origination": 0.02,
    "accrued_interest": 0.0,
    "undrawn": 0.0,
    "contingent": 0.0,
    "watched": False,
    "presumption_rebutted": False,
}


def table(*changes: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**LEASE, **change} for change in changes], schema=LOSS_INPUT)


class Measured:
    """One exposure's figures by name."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def number(self, name: str) -> float:
        value = self.frame[name].item()
        assert isinstance(value, (int, float))
        return value

    def text(self, name: str) -> str:
        return str(self.frame[name].item())

    def codes(self) -> list[str]:
        return [str(code) for code in self.frame["assumed"].item().to_list()]


def loss(change: Mapping[str, object], policy: LossPolicy = POLICY) -> Measured:
    return Measured(expected_loss(table(dict(change)), policy, SCALE, as_of=AS_OF))


def test_the_arithmetic_by_hand() -> None:
    """Stage 1, one scenario: the sum written out month by month."""
    got = loss({}, BASE_ONLY)
    cover = 800_000 * 0.3 / 1_200_000
    lgd = cover * 0.25 + (1 - cover) * 0.45
    hazard = 1 - 0.98 ** (1 / 12)
    steps = [(1 - hazard) ** (k - 1) * hazard * (24 - k + 1) / 24 * 1.06 ** (-k / 12) for k in range(1, 25)]
    assert got.number("lgd") == pytest.approx(lgd)
    assert got.number("ead") == 1_200_000
    assert got.number("months") == 24
    assert got.number("el_12m") == pytest.approx(1_200_000 * lgd * sum(steps[:12]))
    assert got.number("el_lifetime") == pytest.approx(1_200_000 * lgd * sum(steps))
    assert got.number("pd_12m") == pytest.approx(0.02)
    assert got.number("pd_lifetime") == pytest.approx(1 - 0.98**2)
    assert (got.number("stage"), got.number("el_booked")) == (1, got.number("el_12m"))


def test_scenarios_are_weighted_losses_not_losses_of_a_weighted_pd() -> None:
    each = []
    for scenario in POLICY.scenario:
        odds = scenario.odds_factor * 0.02 / 0.98
        alone = BASE_ONLY.model_copy(update={"scenario": (scenario.model_copy(update={"weight": 1.0}),)})
        one = loss({}, alone)
        assert one.number("pd_12m") == pytest.approx(odds / (1 + odds))
        each.append(scenario.weight * one.number("el_12m"))
    assert loss({}).number("el_12m") == pytest.approx(sum(each))


@pytest.mark.parametrize(
    ("change", "stage", "reason"),
    [
        ({}, 1, "performing"),
        ({"days_past_due": 30}, 1, "performing"),
        ({"days_past_due": 31}, 2, "past_due_30"),
        ({"days_past_due": 89, "presumption_rebutted": True}, 1, "performing"),
        ({"days_past_due": 90, "presumption_rebutted": True}, 3, "past_due_90"),
        ({"days_past_due": 89}, 2, "past_due_30"),
        ({"days_past_due": 90}, 3, "past_due_90"),
        ({"in_default": True}, 3, "in_default"),
        ({"in_default": True, "pd_12m": None}, 3, "in_default"),
        ({"pd_12m": 0.04}, 2, "pd_rise"),
        ({"pd_12m": 0.0399}, 1, "performing"),
        ({"pd_12m": 0.004, "pd_at_origination": 0.001}, 1, "performing"),  # rises by less than half a point
        ({"pd_12m": 0.0031, "pd_at_origination": 0.0001}, 1, "performing"),  # low credit risk
        ({"pd_12m": 0.0115, "pd_at_origination": 0.0058}, 1, "performing"),
        ({"pd_12m": 0.115, "pd_at_origination": 0.033}, 2, "notches"),
        ({"pd_12m": 0.3, "pd_at_origination": None}, 1, "performing"),
        ({"watched": True}, 2, "watched"),
    ],
)
def test_stages_and_their_reasons(change: dict[str, object], stage: int, reason: str) -> None:
    got = loss(change)
    assert (got.number("stage"), got.text("stage_reason")) == (stage, reason)


def test_every_reason_has_words_and_every_assumption_too() -> None:
    assert set(STAGE_REASONS) == set(StageReason)
    assert all(words.zh and words.en for words in (*STAGE_REASONS.values(), *ASSUMPTIONS.values()))


def test_in_stage_3_all_is_lost_but_what_is_recovered() -> None:
    got = loss({"days_past_due": 120}, BASE_ONLY)
    assert got.number("pd_12m") == got.number("pd_lifetime") == 1
    assert got.number("el_booked") == got.number("el_12m") == pytest.approx(1_200_000 * got.number("lgd"))


PDS = st.floats(0.0, 1.0)
MONEY = st.floats(0.0, 1e9)
CASES = st.fixed_dictionaries(
    {
        "outstanding": MONEY,
        "accrued_interest": st.floats(0, 1e7),
        "undrawn": st.floats(0, 1e7),
        "annual_rate": st.floats(0, 0.36),
        "maturity_on": st.dates(date(2024, 1, 1), date(2034, 1, 1)),
        "repayment": st.sampled_from(["equal_installment", "interest_only", "bullet"]),
        "business_line": st.sampled_from(sorted(POLICY.lgd_unsecured)),
        "collateral_kind": st.sampled_from([None, *sorted(POLICY.collateral)]),
        "collateral_value": st.one_of(st.none(), MONEY),
        "pd_12m": PDS,
    }
)
CENT = 0.01


def test_stage_two_books_the_whole_life() -> None:
    got = loss({"pd_12m": 0.05})
    assert (got.number("stage"), got.number("months")) == (2, 24)
    assert got.number("el_booked") == got.number("el_lifetime") > got.number("el_12m")
    assert got.number("el_booked") == pytest.approx(27_630.56, abs=0.01)  # docs/credit-policy.md, step 7


@given(CASES, PDS, MONEY)
@settings(max_examples=60)
def test_loss_grows_with_pd_and_ead_and_falls_with_collateral(
    case: dict[str, object], other_pd: float, more: float
) -> None:
    low, high = sorted([float(str(case["pd_12m"])), other_pd])
    rows = table(
        {**case, "pd_12m": low},
        {**case, "pd_12m": high},
        {**case, "outstanding": float(str(case["outstanding"])) + more},
        {
            **case,
            "collateral_value": (
                0.0 if case["collateral_value"] is None else float(str(case["collateral_value"]))
            )
            + more,
        },
        case,
    )
    got = expected_loss(rows, POLICY, SCALE, as_of=AS_OF)
    for name in ("el_12m", "el_lifetime"):
        lower, higher, larger, secured, same = got[name].to_list()
        assert lower <= higher + CENT
        assert same <= larger + CENT
        assert secured <= same + CENT


@given(CASES)
@settings(max_examples=60)
def test_a_worse_stage_never_books_less(case: dict[str, object]) -> None:
    rows = table(
        {**case, "pd_at_origination": case["pd_12m"]}, {**case, "watched": True}, {**case, "in_default": True}
    )
    got = expected_loss(rows, POLICY, SCALE, as_of=AS_OF)
    assert got["stage"].to_list() == [1, 2, 3]
    first, second, third = got["el_booked"].to_list()
    assert 0 <= first <= second + CENT
    assert second <= third + CENT
    assert third <= got["ead"][0] + CENT
    assert (got["lgd"] >= POLICY.lgd_floor - 1e-12).all()


@given(st.lists(CASES, min_size=1, max_size=8))
@settings(max_examples=20)
def test_totals_add_up_and_do_not_depend_on_how_they_are_cut(cases: list[dict[str, object]]) -> None:
    rows = table(*({**case, "exposure_id": f"X{n}", "org_id": f"O{n % 2}"} for n, case in enumerate(cases)))
    got = expected_loss(rows, POLICY, SCALE, as_of=AS_OF)
    total = loss_totals(got)
    for by in (("org_id",), ("stage", "business_line"), ("measurement",)):
        parts = loss_totals(got, *by)
        assert parts["exposures"].sum() == total["exposures"][0] == len(cases)
        for name in ("ead", "el_12m", "el_lifetime", "el_booked"):
            assert sum(parts[name]) == pytest.approx(total[name][0])
    ranked = ranked_by_money(got)
    assert ranked["el_booked"].is_sorted(descending=True)
    assert ranked["rank"].to_list() == list(range(1, len(cases) + 1))
    assert sorted(ranked["exposure_id"]) == sorted(got["exposure_id"])


def test_what_was_assumed_is_said() -> None:
    bare = table({"pd_at_origination": None, "collateral_kind": None, "collateral_value": None}).drop(
        "undrawn", "contingent", "watched", "accrued_interest", "presumption_rebutted"
    )
    got = expected_loss(bare, POLICY, SCALE, as_of=AS_OF)["assumed"][0].to_list()
    assert got == [
        *("no_undrawn_data", "no_contingent_data", "no_origination_pd"),
        *("collateral_kind_unknown", "linear_amortisation"),
    ]
    known = loss({"repayment": "bullet", "collateral_kind": "none", "collateral_value": None})
    assert known.codes() == []
    late = loss({"maturity_on": AS_OF, "collateral_value": None, "repayment": "bullet"})
    assert late.codes() == ["collateral_value_unknown", "past_maturity"]
    assert loss({"presumption_rebutted": True}).codes() == ["linear_amortisation", "presumption_rebutted"]
    assert late.number("months") == POLICY.months_past_maturity


def test_equity_and_funds_are_no_provision() -> None:
    rows = table({}, {"business_line": "equity"}, {"business_line": "fund"})
    got = expected_loss(rows, POLICY, SCALE, as_of=AS_OF)["measurement"].to_list()
    assert got == [Measurement.AMORTISED_COST, Measurement.FAIR_VALUE, Measurement.FAIR_VALUE]


def test_undrawn_and_contingent_amounts_are_converted() -> None:
    assert (
        loss({"undrawn": 100.0, "contingent": 10.0, "accrued_interest": 1.0}).number("ead")
        == 1_200_000 + 1 + 50 + 10
    )


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"outstanding": -1.0}, "outstanding"),
        ({"outstanding": None}, "outstanding"),
        ({"annual_rate": float("inf")}, "annual_rate"),
        ({"pd_12m": 1.1}, "pd_12m"),
        ({"pd_12m": float("nan")}, "pd_12m"),
        ({"pd_12m": None}, "pd_12m"),
        ({"business_line": "casino"}, "business_line"),
        ({"collateral_kind": "jewels"}, "collateral_kind"),
    ],
)
def test_bad_rows_are_named(change: dict[str, object], column: str) -> None:
    with pytest.raises(LossTableError, match=f"'{column}' of exposure 'X1'") as error:
        loss(change)
    assert error.value.column == column


def test_missing_and_mistyped_columns_are_named() -> None:
    with pytest.raises(LossTableError, match="'outstanding' is missing"):
        expected_loss(table({}).drop("outstanding"), POLICY, SCALE, as_of=AS_OF)
    with pytest.raises(LossTableError, match="'annual_rate' must be Float64"):
        expected_loss(table({}).cast({"annual_rate": pl.String}), POLICY, SCALE, as_of=AS_OF)


def test_no_exposure_no_loss() -> None:
    got = expected_loss(table({}).clear(), POLICY, SCALE, as_of=AS_OF)
    assert got.height == 0
    assert loss_totals(got)["el_booked"][0] == 0


def test_assumptions_are_dated_and_sound(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="2020-12-31"):
        loss_policy_as_of(date(2020, 12, 31))
    text = (Path(__file__).parents[3] / "models/credit/loss_policy.toml").read_text(encoding="utf-8")
    path = tmp_path / "loss.toml"
    path.write_text(text.replace("weight = 0.60", "weight = 0.70"), encoding="utf-8")
    with pytest.raises(PolicyError, match="must sum to 1"):
        loss_policy_as_of(AS_OF, path)
    assert not POLICY.verified
