"""The tables of the card tests, for jobs that fit and score them."""

from tests.features.cards.conftest import write

__all__ = ["write"]
