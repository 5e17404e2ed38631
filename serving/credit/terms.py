"""What answers about credit are computed with: a model, the policies by date, and what the catalogue says of features."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from models.credit.grade import MasterScale
from serving.credit.sources.dated_policies import DatedPolicies

if TYPE_CHECKING:
    # At run time this would import LightGBM before serving.lean can keep its optional partners out.
    from models.credit.model import Scores

__all__ = ["FeatureText", "Model", "Terms"]


class Model(Protocol):
    """What a credit model offers to the service."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features in the order of the matrix."""

    @property
    def version(self) -> str:
        """Return the version that every answer names."""

    @property
    def explainer(self) -> str:
        """Return how contributions are found: `compiled`, `pred_contrib`, or both where boosters differ."""

    @property
    def scale(self) -> MasterScale:
        """Return the master scale that the model was trained with."""

    def score_matrix(self, x: NDArray[np.float64], *, num_threads: int = 1) -> "Scores":
        """Score and explain x (n, k)."""


@dataclass(frozen=True)
class FeatureText:
    """What the catalogue says about a feature: texts, unit and the range its values can have."""

    text_zh: str
    text_en: str
    unit: str = ""
    lowest: float = -math.inf
    highest: float = math.inf
    private: bool = False
    """Whether its values tell of others or of a family: keys for some companies are not told them."""


@dataclass(frozen=True)
class Terms:
    """A model, the policies and the texts of its features; with a basis they make an answer."""

    model: Model
    policies: DatedPolicies
    texts: Mapping[str, FeatureText]

    def text(self, feature: str) -> FeatureText:
        """Return what the catalogue says about a feature; one that it does not know is called by its name."""
        return self.texts.get(feature) or FeatureText(feature, feature)
