"""Rules against facts: numbers in two languages, unknown is never passed, the worst decides."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import PolicyError
from models.credit.policy import Advice
from models.credit.rules.evaluate import GRADE, RuleHit, decide, evaluate_rules
from models.credit.rules.facts import FACT_UNITS, LimitUse, RuleFacts, facts_of_row
from models.credit.rules.policy import Rule, RuleFamily, RuleFile, Severity, When, read_rules
from models.errors import RuleFactsError

DAY = date(2025, 12, 31)
FILE = read_rules()
HARMLESS: dict[str, float] = {
    name: 0.0 for name, unit in FACT_UNITS.items() if unit in {"count", "cny", "ratio", "days"}
} | {name: 0.0 for name, unit in FACT_UNITS.items() if unit == "flag"}
CLEAN = RuleFacts.model_validate(
    {**HARMLESS, "party_id": "P1", "as_of": DAY, "kind": "company", "circle_members": 1, "limit_uses": ()}
)
ORDER = (Advice.DECLINE, Advice.MANUAL_REVIEW, Advice.PASS)


def hits(**change: object) -> dict[str, RuleHit]:
    return {hit.code: hit for hit in evaluate_rules(CLEAN.model_copy(update=change), FILE, DAY)}


def use(used: float, limit: float | None) -> LimitUse:
    return LimitUse(
        org_id="ORG-02",
        code="finance-lease-single",
        name_zh="单一客户融资集中度",
        name_en="financing of one lessee",
        scope="party",
        used=used,
        limit=limit,
        used_of_limit=used / limit if limit else None,
        source="s",
        verified=True,
        valid_from=date(2020, 5, 26),
    )


def test_a_party_without_anything_against_it_has_no_hit() -> None:
    assert hits() == {}


@pytest.mark.parametrize("rule", FILE.rules_on(DAY), ids=lambda rule: rule.code)
def test_every_rule_hits_beyond_its_limit_and_not_before_it(rule: Rule) -> None:
    step = 1.0 if float(rule.limit).is_integer() else 0.001
    beyond = {When.AT_LEAST: 0.0, When.ABOVE: step, When.BELOW: -step}[rule.when]
    within = {When.AT_LEAST: -step, When.ABOVE: 0.0, When.BELOW: 0.0}[rule.when]
    found = hits(**{rule.fact: rule.limit + beyond})[rule.code]
    assert found.severity is rule.severity
    assert found.checked
    assert found.observed == rule.limit + beyond
    assert found.limit == rule.limit
    assert found.source == rule.cited
    assert found.valid_from == rule.valid_from
    assert rule.code not in hits(**{rule.fact: rule.limit + within})


@pytest.mark.parametrize("rule", FILE.rules_on(DAY), ids=lambda rule: rule.code)
def test_an_unknown_fact_is_listed_as_not_checked(rule: Rule) -> None:
    found = hits(**{rule.fact: None})[rule.code]
    assert not found.checked
    assert found.observed is None
    assert found.severity is rule.if_unknown
    assert found.zh.startswith("未核查：")
    assert found.en.startswith("not checked: ")


def test_texts_give_the_numbers() -> None:
    found = hits(guarantees_given=5e6, net_assets=2e6, guarantees_beyond_net_assets=3e6)
    hit = found["guarantees-beyond-net-assets"]
    assert "5,000,000" in hit.zh
    assert "2,000,000" in hit.text("zh-CN")
    assert "3,000,000" in hit.text("en")
    share = hits(industry="C", industry_share_of_book=0.312)["industry-share"]
    assert "31.2%" in share.en
    assert "25.0%" in share.en
    assert "C" in share.zh


def test_a_rule_for_companies_does_not_bind_a_person() -> None:
    assert "leverage" in hits(leverage=0.95)
    assert "leverage" not in hits(leverage=0.95, kind="person")
    assert "leverage" not in hits(leverage=None, kind="person")
    assert "leverage" in hits(leverage=0.95, kind=None)


@pytest.mark.parametrize(
    ("used", "limit", "severity", "checked"),
    [
        (101.0, 100.0, Severity.DECLINE, True),
        (95.0, 100.0, Severity.NOTE, True),
        (5.0, 0.0, Severity.DECLINE, True),
        (5.0, None, Severity.NOTE, False),
    ],
)
def test_limits_in_use(used: float, limit: float | None, severity: Severity, checked: bool) -> None:
    hit = hits(limit_uses=(use(used, limit),))["finance-lease-single"]
    assert (hit.severity, hit.checked) == (severity, checked)
    assert hit.family is RuleFamily.LIMIT
    assert hit.source == "s"


def test_limits_with_room_are_no_hit_and_uncomputed_ones_are_said() -> None:
    assert hits(limit_uses=(use(50.0, 100.0), use(0.0, 0.0))) == {}
    assert not hits(limit_uses=None)["legal-limits"].checked


def test_rules_hold_by_date() -> None:
    rule = FILE.rule[0].model_copy(update={"valid_from": date(2025, 1, 1)})
    dated = FILE.model_copy(update={"rule": (rule,)})
    facts = CLEAN.model_copy(update={"in_default": True, "as_of": date(2024, 12, 20)})
    assert [hit.code for hit in evaluate_rules(facts, dated, date(2025, 1, 1))] == ["in-default"]
    assert evaluate_rules(facts, dated, date(2024, 12, 31)) == ()


def test_old_facts_are_said_and_facts_of_the_future_refused() -> None:
    old = evaluate_rules(CLEAN, FILE, DAY + timedelta(days=46))
    assert [hit.code for hit in old] == ["facts-stale"]
    with pytest.raises(RuleFactsError, match="later than"):
        evaluate_rules(CLEAN, FILE, DAY - timedelta(days=1))


def test_worst_hits_come_first_and_decide() -> None:
    found = evaluate_rules(
        CLEAN.model_copy(update={"in_default": True, "circle_members": 4, "on_blacklist": None}), FILE, DAY
    )
    assert [hit.code for hit in found] == ["in-default", "guarantee-circle", "blacklist"]
    assert decide(Advice.PASS, found).decided_by == ("in-default",)
    assert decide(Advice.PASS, found[1:]).advice is Advice.MANUAL_REVIEW
    assert decide(Advice.PASS, found[2:]) == decide(Advice.PASS, ())
    assert decide(Advice.DECLINE, found).decided_by == (GRADE, "in-default")
    assert decide(Advice.DECLINE, found[1:]).decided_by == (GRADE,)


FACT_VALUES = st.fixed_dictionaries(
    {},
    optional={
        rule.fact: st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(0, 100).map(float))
        for rule in FILE.rule
    },
)


@given(FACT_VALUES, st.sampled_from(list(Advice)), st.data())
def test_advice_is_never_better_with_more_hits(
    change: dict[str, object], grade: Advice, data: st.DataObject
) -> None:
    found = evaluate_rules(CLEAN.model_copy(update=change), FILE, DAY)
    kept = data.draw(st.lists(st.sampled_from(found), unique=True) if found else st.just([]))
    more, fewer = decide(grade, found).advice, decide(grade, kept).advice
    assert ORDER.index(more) <= ORDER.index(fewer) <= ORDER.index(grade)


def test_facts_of_a_row_name_the_bad_field() -> None:
    assert facts_of_row({"party_id": "P", "as_of": DAY, "days_past_due": 3}).days_past_due == 3
    with pytest.raises(RuleFactsError, match="days_past_due"):
        facts_of_row({"party_id": "P", "as_of": DAY, "days_past_due": "soon"})
    with pytest.raises(RuleFactsError, match="unheard_of"):
        facts_of_row({"party_id": "P", "as_of": DAY, "unheard_of": 1})


RULE = """
[[limit_rule]]
code = "l"
valid_from = 2020-01-01
breach = "decline"
near = 0.9
near_severity = "note"
if_unknown = "note"
source = "s"
[[fact_age]]
code = "a"
valid_from = 2020-01-01
days = 45
severity = "note"
source = "s"
[[rule]]
code = "r"
family = "hard_stop"
fact = "FACT"
when = "above"
limit = 1
severity = "decline"
name = { zh = "甲", en = "r" }
text = { zh = "{observed}", en = "TEXT" }
valid_from = 2020-01-01
source = "s"
"""


@pytest.mark.parametrize(
    ("fact", "text", "problem"),
    [
        ("no_such", "x", "no_such"),
        ("default_cause", "x", "default_cause"),
        ("leverage", "{nothing}", "nothing"),
    ],
)
def test_a_rule_that_names_no_fact_is_refused(tmp_path: Path, fact: str, text: str, problem: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULE.replace("FACT", fact).replace("TEXT", text), encoding="utf-8")
    with pytest.raises(PolicyError, match=problem):
        read_rules(path)


def test_two_entries_of_a_code_on_one_day_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    text = RULE.replace("FACT", "leverage").replace("TEXT", "x")
    path.write_text(text + text[text.index("[[rule]]") :], encoding="utf-8")
    with pytest.raises(PolicyError, match="valid_to"):
        read_rules(path)


def test_every_rule_of_the_project_has_a_source_and_a_family() -> None:
    assert {rule.family for rule in FILE.rule} >= {
        RuleFamily.HARD_STOP,
        RuleFamily.CONCENTRATION,
        RuleFamily.GUARANTEE,
        RuleFamily.RELATED,
        RuleFamily.FINANCE,
    }
    assert isinstance(FILE, RuleFile)
    assert FILE.organisation_kinds(DAY)["小额贷款"] == "micro_loan"
