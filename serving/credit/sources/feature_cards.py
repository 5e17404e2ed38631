"""The catalogue of credit features by name, read by the first question that needs their texts."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from features.catalogue import Feature, catalogue

__all__ = ["feature_cards"]


@cache
def feature_cards() -> Mapping[str, Feature]:
    """Return what is declared of every feature of credit."""
    return MappingProxyType({card.name: card for card in catalogue("credit")})
