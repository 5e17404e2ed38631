"""The command that puts a request for money before an officer: PD, rules with the amount in them, advice, approval, terms."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.commands.explain import ScoredBook, scored_book
from zhiheng.commands.words import said
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    from models.credit.policy import Advice
    from models.credit.rules.facts import RuleFacts
    from models.credit.trade import TradeTerms

__all__ = ["advise"]


def advise(
    party: Annotated[str, typer.Argument(help="主体编号。Id of the party.")],
    org: Annotated[
        str | None,
        typer.Option(help="拟出资的集团企业编号，如 ORG-02。Company of the group that would lend."),
    ] = None,
    amount: Annotated[
        float | None,
        typer.Option(min=0.01, help="拟新增金额（元），与 --org 同时给出。Amount asked for in CNY."),
    ] = None,
) -> None:
    """新增业务前的一页意见：违约概率、计入拟新增金额后的规则与限额、处理意见、审批与复评、赊销条件。

    Advise before new business: PD, rules and limits with the amount asked for, advice, approval and review, trade terms.
    """
    from models.credit.actions import actions_as_of
    from models.credit.policy import load_policies
    from models.credit.rules.evaluate import decide, evaluate_rules
    from models.credit.rules.policy import read_rules

    if (org is None) != (amount is None):
        raise typer.BadParameter("--org 与 --amount 须同时给出 · give --org and --amount together")
    settings = load_settings()
    zh, book = settings.lang == "zh", scored_book(settings)
    scored = book.model.score_matrix(book.row(party)[None, :])
    grade = str(scored.grades[0])
    facts = _facts(settings, book, party, org, amount)
    hits = evaluate_rules(facts, read_rules(), book.today)
    of_grade = (
        load_policies()
        .on(book.today)
        .advise(
            grade,
            full_quality=book.at_risk(party),
            in_default=bool(facts.in_default),
        )
    )
    decision = decide(of_grade, hits)
    points = math.floor(float(book.points.points(scored.log_odds)[0]) + 0.5)
    asked = (
        ""
        if amount is None
        else (f"，拟新增 {amount:,.0f} 元（{org}）" if zh else f", CNY {amount:,.0f} more by {org}")
    )
    lines = [
        f"{party}（{facts.as_of}）{asked}" if zh else f"{party} ({facts.as_of}){asked}",
        f"违约概率 {scored.pd[0]:.2%}，等级 {grade}，{points} 分"
        if zh
        else f"Probability of default {scored.pd[0]:.2%}, grade {grade}, {points} points",
        _advice(decision.advice, decision.decided_by, settings.lang),
    ]
    lines += [
        f"  [{said(hit.severity, settings.lang)}] {hit.code}{'：' if zh else ': '}{hit.text(settings.lang)}"
        for hit in hits
    ]
    lines.append(actions_as_of(book.today).of(grade).text(settings.lang))
    lines += [_terms(terms, zh=zh) for terms in _trade(book, facts, grade, decision.advice)]
    for line in lines:
        typer.echo(line)


def _facts(
    settings: Settings, book: ScoredBook, party: str, org: str | None, amount: float | None
) -> "RuleFacts":
    """Return what rules are held against, with the amount as if it were lent."""
    import polars as pl

    from experiments.credit_book import open_graph
    from features.credit.rule_facts import legal_limits, rule_facts
    from features.sources import read_tables
    from models.credit.rules.facts import LimitUse, facts_of_row
    from models.credit.rules.policy import read_rules
    from models.credit.rules.proposal import with_proposal

    day = book.frame["as_of"].item(0)
    tables, snapshot = (
        read_tables(settings.home / "checked" / "good"),
        open_graph(settings.home / "graph").snapshot(day),
    )
    kinds = read_rules().organisation_kinds(day)
    every = rule_facts(tables, snapshot, day, org_kinds=kinds)
    facts = facts_of_row(every.row(by_predicate=pl.col("party_id") == party, named=True))
    if org is None or amount is None:
        return facts
    limits = [LimitUse(**row) for row in legal_limits(tables, snapshot, day, kinds).iter_rows(named=True)]
    companies = tables["companies"].select("org_id").collect()["org_id"].unique().sort().to_list()
    if org not in companies:
        known = ", ".join(companies)
        raise typer.BadParameter(
            f"“{org}”不是集团企业，可用：{known} · '{org}' is no company of the group; there are: {known}"
        )
    return with_proposal(
        facts, limits, org_id=org, amount=amount, book_outstanding=float(every["outstanding"].sum())
    )


def _trade(book: ScoredBook, facts: "RuleFacts", grade: str, advice: "Advice") -> "list[TradeTerms]":
    """Return the terms of a party that buys from the group's factories or sells to them."""
    from models.credit.trade import TradeRole, suggest_terms, trade_policy_as_of

    policy = trade_policy_as_of(book.today)
    traded = ((TradeRole.CUSTOMER, facts.buys_from_group), (TradeRole.SUPPLIER, facts.sells_to_group))
    return [
        suggest_terms(grade, role, volume, policy, net_assets=facts.net_assets, advice=advice)
        for role, volume in traded
        if volume
    ]


def _advice(advice: "Advice", decided_by: tuple[str, ...], language: str) -> str:
    if language == "zh":
        by = "、".join("等级" if code == "grade" else code for code in decided_by)
        return f"处理意见：{said(advice, language)}（由 {by} 决定）"
    return f"Advice: {said(advice, language)} (decided by {', '.join(decided_by)})"


def _terms(terms: "TradeTerms", *, zh: bool) -> str:
    role = {"customer": ("客户赊销", "as a customer"), "supplier": ("供应商预付", "as a supplier, prepaid")}[
        terms.role
    ]
    if zh:
        return f"{role[0]}：额度 {terms.limit:,.0f} 元，{terms.term_days} 天（{terms.bound_by.zh}）"
    return f"Terms {role[1]}: CNY {terms.limit:,.0f}, {terms.term_days} days ({terms.bound_by.en})"
