"""Where credit comes from: files below the home, and how a scorer is made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from serving.champions.families import CREDIT, FAMILIES, Alias, Level
from serving.champions.store import KeptVersion, kept_versions
from serving.credit.score.basis import Bounds
from serving.credit.score.scorer import CreditScorer, OverrideOf
from serving.credit.sources.book_store import BookStore
from serving.credit.sources.dated_policies import DatedPolicies
from serving.credit.sources.feature_store import FeatureStore
from serving.credit.terms import FeatureText, Model, Terms

__all__ = ["CreditSources", "LoadedModel"]


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, the folder it was read from and the day of its training data."""

    model: Model
    folder: Path
    trained_as_of: date | None


@dataclass(frozen=True)
class CreditSources:
    """Where credit comes from, and how a scorer is made of it."""

    home: Path
    load_model: Callable[[Path], Model]
    load_scorecard: Callable[[Path], Model]
    load_texts: Callable[[], dict[str, FeatureText]]
    policies: DatedPolicies
    bounds: Bounds
    hash_again_after: timedelta
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    override_of: OverrideOf

    @property
    def models(self) -> Path:
        """The folder of credit models, a folder a version."""
        return self.home / "models" / "credit"

    @property
    def pointer(self) -> Path:
        """The file that names the champion."""
        return FAMILIES[CREDIT].pointer(self.home / "models", Alias.CHAMPION)

    @property
    def challenger(self) -> Path:
        """The file that names the challenger."""
        return FAMILIES[CREDIT].pointer(self.home / "models", Alias.CHALLENGER)

    @property
    def scorecard(self) -> Path:
        """The folder of the scorecard that stands in when the models are switched off."""
        return self.home / "models" / "scorecard"

    @property
    def features(self) -> Path:
        """The newest features of every party."""
        return self.home / "features" / "credit_latest.parquet"

    @property
    def book(self) -> Path:
        """What the champion and the tables say of every party beside its features."""
        return self.home / "features" / "credit_book.parquet"

    def kept(self) -> Mapping[str, KeptVersion]:
        """Return the versions that lie here; their files are checked when they are loaded."""
        return kept_versions(self.models)

    def scorer(
        self,
        loaded: LoadedModel,
        store: FeatureStore,
        book: BookStore | None,
        level: Level = Level.CHAMPION,
    ) -> CreditScorer:
        """Put model, features and book together. Raises FeatureMismatchError."""
        return CreditScorer(
            Terms(loaded.model, self.policies, self.load_texts()),
            store,
            book=book,
            bounds=self.bounds,
            clock=self.clock,
            new_id=self.new_id,
            override_of=self.override_of,
            level=level,
            trained_as_of=loaded.trained_as_of,
        )
