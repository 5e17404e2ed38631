"""Texts, units and ranges of the features, from the catalogue."""

from features.catalogue import catalogue
from models.credit.reasons import is_private
from serving.credit.terms import FeatureText

__all__ = ["feature_texts"]


def feature_texts() -> dict[str, FeatureText]:
    """Return what the catalogue says about every feature of credit, by name."""
    return {
        item.name: FeatureText(
            item.zh,
            item.en,
            unit=item.unit.value,
            lowest=item.low,
            highest=item.high,
            private=is_private(item),
        )
        for item in catalogue("credit")
    }
