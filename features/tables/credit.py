"""Contracts of the group's lending: exposures, their schedules, payments and write-offs."""

from typing import Final

import polars as pl

from features.tables.columns import CNY, choice, day, identifier, known_at, money, number, optional, whole
from features.tables.contract import Contract, DataClass, Domain, Level, Lookup, Rule, Text
from features.tables.rules import CHECK_BOTH_DAYS, known_not_before, not_before

__all__ = ["EXPOSURES", "PAYMENTS", "SCHEDULES", "WRITE_OFFS"]

_HIGH: Final = DataClass(Domain.MANAGEMENT, Level.HIGH)
_START: Final = "exposure_id.start_on"
_MATURITY: Final = "exposure_id.maturity_on"
_PRINCIPAL: Final = "exposure_id.principal"
_ROUNDING: Final = 1.0  # yuan; instalments are rounded to the cent, their interest to the day

EXPOSURES: Final = Contract(
    name="exposures",
    label=Text("敞口", "Exposures"),
    description=Text(
        "租赁、基金、小贷、股权和债权业务的每笔合同。",
        "Each contract of the leasing, fund, micro-loan, equity and debt business.",
    ),
    data_class=_HIGH,
    key=("exposure_id",),
    columns=(
        identifier("exposure_id", "敞口编号", "Exposure id"),
        identifier("org_id", "企业编号", "Company id", of="companies"),
        identifier("party_id", "主体编号", "Party id", of="parties"),
        choice(
            "business_line",
            "业务条线",
            "Business line",
            {
                "leasing": "融资租赁",
                "fund": "基金",
                "microloan": "小额贷款",
                "equity": "股权",
                "debt": "债权",
            },
        ),
        money("principal", "本金", "Principal", above=0),
        number("annual_rate", "年利率", "Annual rate", unit=Text("小数", "decimal"), minimum=0, maximum=0.36),
        day("start_on", "起始日", "Start on"),
        day("maturity_on", "到期日", "Maturity on"),
        choice(
            "repayment",
            "还款方式",
            "Repayment",
            {
                "equal_installment": "等额本息",
                "interest_only": "按期付息到期还本",
                "bullet": "到期一次还本付息",
            },
        ),
        optional(
            choice(
                "collateral_kind",
                "担保物类型",
                "Collateral kind",
                {
                    "equipment": "设备",
                    "real_estate": "不动产",
                    "shares": "股权",
                    "receivables": "应收账款",
                    "none": "无",
                },
            )
        ),
        optional(money("collateral_value", "担保物价值", "Collateral value", minimum=0)),
        known_at(),
    ),
    rules=(
        Rule(
            name="maturity_after_start",
            columns=("maturity_on", "start_on"),
            broken=pl.col("maturity_on") <= pl.col("start_on"),
            text=Text("到期日应晚于起始日", "an exposure must mature after it starts"),
            remedy=CHECK_BOTH_DAYS,
        ),
        known_not_before("start_on", "起始日", "its start"),
        Rule(
            name="collateral_kind_given",
            columns=("collateral_kind", "collateral_value"),
            broken=(pl.col("collateral_value") > 0)
            & (pl.col("collateral_kind").is_null() | (pl.col("collateral_kind") == "none")),
            text=Text("有担保物价值就应有担保物类型", "a collateral value needs a kind of collateral"),
            remedy=Text("填写担保物类型，或清空价值", "give the kind of collateral, or clear the value"),
        ),
    ),
)

SCHEDULES: Final = Contract(
    name="schedules",
    label=Text("还款计划", "Schedules"),
    description=Text("每笔敞口约定的各期应还款。", "The instalments agreed for each exposure."),
    data_class=DataClass(Domain.MANAGEMENT, Level.MEDIUM),
    key=("exposure_id", "installment_no"),
    columns=(
        identifier("exposure_id", "敞口编号", "Exposure id", of="exposures"),
        whole("installment_no", "期次", "Instalment number", unit=Text("期", "no."), minimum=1),
        day("due_on", "应还日", "Due on"),
        money("principal_due", "应还本金", "Principal due", minimum=0),
        money("interest_due", "应还利息", "Interest due", minimum=0),
        known_at(),
    ),
    lookups=(Lookup("exposure_id", ("start_on", "maturity_on", "principal")),),
    rules=(
        Rule(
            name="due_within_exposure",
            columns=("due_on", _START, _MATURITY),
            broken=(pl.col("due_on") < pl.col(_START)) | (pl.col("due_on") > pl.col(_MATURITY)),
            text=Text(
                "应还日应在敞口起始日与到期日之间", "an instalment falls due within the life of its exposure"
            ),
            remedy=Text(
                "对照合同改正应还日；展期先更新敞口的到期日",
                "correct the due date against the contract; for an extension update the exposure first",
            ),
        ),
        Rule(
            name="principal_due_within_principal",
            columns=("principal_due", _PRINCIPAL),
            broken=pl.col("principal_due") > pl.col(_PRINCIPAL) + _ROUNDING,
            text=Text("一期应还本金不应超过敞口本金", "an instalment cannot repay more than the principal"),
            remedy=Text("核对金额单位（元）和合同", "check the unit (CNY) and the contract"),
        ),
    ),
)

PAYMENTS: Final = Contract(
    name="payments",
    label=Text("还款", "Payments"),
    description=Text("实际收到的还款。", "Payments received."),
    data_class=_HIGH,
    key=("payment_id",),
    columns=(
        identifier("payment_id", "还款编号", "Payment id"),
        identifier("exposure_id", "敞口编号", "Exposure id", of="exposures"),
        day("paid_on", "还款日", "Paid on"),
        money("amount", "金额", "Amount", above=0),
        known_at(),
    ),
    lookups=(Lookup("exposure_id", ("start_on",)),),
    rules=(
        known_not_before("paid_on", "还款日", "payment"),
        not_before("paid_on", _START, "还款日不应早于敞口起始日", "a payment cannot precede its exposure"),
    ),
)

WRITE_OFFS: Final = Contract(
    name="write_offs",
    label=Text("核销", "Write-offs"),
    description=Text("已核销的敞口。", "Exposures written off."),
    data_class=_HIGH,
    key=("exposure_id",),
    columns=(
        identifier("exposure_id", "敞口编号", "Exposure id", of="exposures"),
        day("written_off_on", "核销日", "Written off on"),
        money("amount", "核销金额", "Amount written off", above=0, unit=CNY),
        known_at(),
    ),
    lookups=(Lookup("exposure_id", ("start_on",)),),
    rules=(
        known_not_before("written_off_on", "核销日", "the write-off"),
        not_before(
            "written_off_on", _START, "核销日不应早于敞口起始日", "a write-off cannot precede its exposure"
        ),
    ),
    may_be_empty=True,
)
