"""The facts that rules read are the facts that features write."""

from datetime import date

from features.credit.exposure_shapes import LIMIT_USE
from features.credit.rule_facts import RULE_FACTS_SCHEMA
from models.credit.rules.facts import FactUnit, LimitUse, RuleFacts, told


def test_rules_and_features_have_the_same_facts() -> None:
    assert set(RuleFacts.model_fields) == set(RULE_FACTS_SCHEMA.names())
    assert set(LimitUse.model_fields) == {field.name for field in LIMIT_USE.fields}


def test_values_are_told_with_their_units() -> None:
    assert told(1234567.4, FactUnit.CNY) == "1,234,567"
    assert told(0.1234, FactUnit.RATIO) == "12.3%"
    assert told(3.0, FactUnit.COUNT) == "3"
    assert told(date(2025, 1, 2), FactUnit.TEXT) == "2025-01-02"
    assert told(None, FactUnit.CNY) == "—"
