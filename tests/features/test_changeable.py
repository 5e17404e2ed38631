"""What a party can change itself is declared beside the feature: a way, and what moves along with it."""

from collections.abc import Callable
from typing import Final

import polars as pl
import pytest

from features.catalogue import Change, Dimension, Feature, Unit, catalogue, feature
from features.errors import FeatureDefinitionError

NEVER: Final = {
    *("age_years", "industry_code", "is_company", "is_state_owned", "size_rank", "relationship_years"),
    *("max_days_past_due_12m", "months_since_late", "instalments_30_days_late_24m", "loss_years_36m"),
    *("lawsuits_as_defendant_36m", "dishonest_listings_36m", "days_since_adverse_event", "family_members"),
    *("sister_companies_default_share", "customers_max_days_past_due", "two_steps_default_share"),
}
"""What nobody can change: what the party is, what has happened, what others do."""


def _changeable() -> dict[str, Change]:
    return {item.name: item.changeable for item in catalogue() if item.changeable is not None}


def test_links_lead_to_other_features_of_the_catalogue() -> None:
    names = {item.name for item in catalogue()}
    for name, change in _changeable().items():
        assert set(change.linked) <= names, name
        assert name not in change.linked
        assert len(set(change.linked)) == len(change.linked)


def test_what_is_past_or_belongs_to_others_cannot_be_changed() -> None:
    names = {item.name for item in catalogue()}
    assert names >= NEVER
    assert not NEVER & set(_changeable())


def test_the_sound_way_never_raises_the_pd_where_the_sign_is_known() -> None:
    signs = {item.name: item.monotone for item in catalogue()}
    against = [name for name, change in _changeable().items() if signs[name] == change.direction]
    assert against == []


def test_the_main_things_a_party_can_do_are_there() -> None:
    ways = {name: change.direction for name, change in _changeable().items()}
    assert ways["leverage"] == ways["days_past_due"] == ways["guarantees_given_to_equity"] == -1
    assert ways["cash_ratio"] == ways["collateral_cover"] == 1


def test_card_gives_the_way_and_the_links() -> None:
    cards = {item.name: item.card() for item in catalogue()}
    assert cards["current_ratio"]["changeable"] == 1
    assert cards["current_ratio"]["linked"] == ["quick_ratio", "cash_ratio"]
    assert cards["age_years"]["changeable"] is None
    assert cards["age_years"]["linked"] == []


def test_a_way_other_than_up_or_down_is_refused() -> None:
    def debt() -> pl.Expr:
        """负债。

        Debt.
        """
        return pl.col("debt")

    with pytest.raises(FeatureDefinitionError, match="changeable is 0"):
        _declare(Change(0))(debt)
    made = _declare(Change(-1))(debt)
    assert made.changeable == Change(-1)


def _declare(change: Change) -> Callable[[Callable[[], pl.Expr]], Feature]:
    return feature(unit=Unit.CNY, dimension=Dimension.FINANCE, sources=("statements",), changeable=change)
