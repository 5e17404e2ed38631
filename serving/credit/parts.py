"""Credit as one worker holds it: who answers now, who stands by, from which features; loaded anew when files or orders change."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from graph.errors import UserError
from models.bundle import MANIFEST, read_bundle
from models.errors import BundleError
from serving.champions.errors import ModelKilledError, UnknownVersionError
from serving.champions.families import CREDIT, Alias, Level
from serving.champions.file_stamps import Stamp, stamp_of
from serving.champions.store import read_pointer
from serving.champions.switches import SwitchBoard
from serving.credit.score.rules_only import RULES_ONLY_VERSION, RulesOnlyScorer
from serving.credit.score.scorer import CreditScorer
from serving.credit.sources.book_store import BookStore, load_book_store
from serving.credit.sources.feature_store import FeatureStore, load_feature_store
from serving.credit.sources.home import CreditSources
from serving.credit.sources.model_shelf import ModelShelf
from serving.errors import NotReadyError

__all__ = ["CreditParts", "Serves"]

_DOWNWARD = {
    Level.ROLLED_BACK: (Level.PREVIOUS, Level.SCORECARD, Level.RULES_ONLY),
    Level.PREVIOUS: (Level.SCORECARD, Level.RULES_ONLY),
    Level.SCORECARD: (Level.RULES_ONLY,),
}


@dataclass(frozen=True, eq=False)
class Serves:
    """Who answers: a model with its features, or the rules alone."""

    level: Level
    version: str
    scorer: CreditScorer | RulesOnlyScorer
    trained_as_of: date | None = None


@dataclass(frozen=True)
class _Candidate:
    level: Level
    version: str | None
    folder: Path | None


class CreditParts:
    """What is loaded now. A load that fails leaves the last good scorer in place and is reported."""

    def __init__(self, sources: CreditSources, board: SwitchBoard) -> None:
        self.sources, self.shelf, self._board = sources, ModelShelf(sources), board
        self.serves: Serves | None = None
        self.challenger: CreditScorer | None = None
        self.store: FeatureStore | None = None
        self.book: BookStore | None = None
        self.problems: dict[str, UserError] = {}
        self.damage: UserError | None = None
        self._hashed_at: datetime | None = None
        self._stamp: tuple[object, ...] | None = None
        self._files: tuple[Stamp, Stamp] | None = None

    def refresh(self) -> bool:
        """Load what changed since the last look; return whether anything did."""
        self._hash_again()
        stamp = self._look()
        # What failed is tried again each time: a folder may have been on its way when its pointer was read.
        if stamp == self._stamp and not self.problems and not self.shelf.changed():
            return False
        self._stamp = stamp
        self.problems = {}
        self._load_data()
        self._load_model()
        self._load_challenger()
        self.shelf.keep(self._folders())
        return True

    def answerer(self) -> CreditScorer | RulesOnlyScorer:
        """Return who scores now, where the models are switched off the rules. Raises NotReadyError naming what is missing."""
        if self.serves is not None:
            return self.serves.scorer
        known = sorted(self.problems.items(), key=lambda one: one[0] != "model")
        part, problem = next(iter(known), ("model", None))
        if problem is None:
            raise NotReadyError(part, zh="正在加载。", en="loading.")
        raise NotReadyError(part, zh=problem.zh, en=problem.en)

    def scorer(self) -> CreditScorer:
        """Return the model's scorer. Raises NotReadyError, or ModelKilledError where rules alone answer."""
        found = self.answerer()
        if isinstance(found, RulesOnlyScorer):
            raise ModelKilledError
        return found

    def _look(self) -> tuple[object, ...]:
        sources, switch = self.sources, self._board.of(CREDIT)
        data = stamp_of(*_with_beside(sources.features), *_with_beside(sources.book))
        models = stamp_of(sources.pointer, sources.challenger, sources.scorecard / MANIFEST)
        named = self._named(Alias.CHAMPION)
        return data, models, switch.level, switch.version, named, switch.challenger

    def _hash_again(self) -> None:
        """Hold the files of the models in memory against their hashes from time to time; what is in memory goes on."""
        now = self.sources.clock()
        if self._hashed_at is None or now - self._hashed_at >= self.sources.hash_again_after:
            self._hashed_at, self.damage = now, self.shelf.damaged()

    def _load_data(self) -> None:
        sources = self.sources
        files = (stamp_of(*_with_beside(sources.features)), stamp_of(*_with_beside(sources.book)))
        held = self._files
        try:
            if self.store is None or held is None or held[0] != files[0]:
                self.store = load_feature_store(sources.features)
        except UserError as error:
            self.problems["features"], files = error, ((), files[1])
        try:
            if self.book is None or held is None or held[1] != files[1]:
                self.book = load_book_store(sources.book)
        except UserError as error:
            self.problems["book"], files = error, (files[0], ())
        self._files = files

    def _load_model(self) -> None:
        """Let the first candidate that can be loaded answer."""
        for candidate in self._candidates():
            try:
                serves = self._serving(candidate)
            except UserError as error:
                self.problems.setdefault("model", error)
                if self._may_stay(candidate):
                    return
                continue
            if serves is not None:
                self.serves = serves
            if serves is not None and candidate.level is Level.CHAMPION:
                self._board.remember(CREDIT, serves.version, self.sources.clock())
            return

    def _may_stay(self, failed: _Candidate) -> bool:
        """Tell whether the last good scorer goes on: not where an order took it away."""
        return (
            failed.level is Level.CHAMPION and self.serves is not None and self.serves.level is Level.CHAMPION
        )

    def _serving(self, candidate: _Candidate) -> Serves | None:
        """Make a candidate ready, None while there are no features. Raises BundleError, FeatureMismatchError and their like."""
        loaded = self.shelf.of(candidate.folder) if candidate.folder is not None else None
        if self.store is None:
            return None
        if loaded is None:
            return Serves(
                Level.RULES_ONLY, RULES_ONLY_VERSION, RulesOnlyScorer(self.sources, self.store, self.book)
            )
        scorer = self.sources.scorer(loaded, self.store, self.book, candidate.level)
        return Serves(candidate.level, scorer.model.version, scorer, loaded.trained_as_of)

    def _candidates(self) -> Iterator[_Candidate]:
        """Return who may answer, in the order of trying."""
        switch = self._board.of(CREDIT)
        if switch.level is Level.CHAMPION:
            yield from self._champion()
            # After a start with a broken champion the last champion that is whole answers, and says so.
            if self.serves is None or self.serves.level is not Level.CHAMPION:
                champion = self._named(Alias.CHAMPION)
                yield from (one for one in self._earlier(None) if one.version != champion)
            return
        for level in (switch.level, *_DOWNWARD.get(switch.level, ())):
            if level is Level.RULES_ONLY:
                yield _Candidate(level, None, None)
            elif level is Level.SCORECARD:
                if (self.sources.scorecard / MANIFEST).is_file():
                    yield _Candidate(level, None, self.sources.scorecard)
            elif level is switch.level:
                yield from self._kept(level, switch.version)
            else:
                yield from self._earlier(switch.version)

    def _champion(self) -> Iterator[_Candidate]:
        try:
            pointer = read_pointer(self.sources.pointer)
        except UserError as error:
            self.problems["model"] = error
            return
        version = self._board.alias_version(CREDIT, Alias.CHAMPION, pointer.version)
        if version == pointer.version:
            yield _Candidate(Level.CHAMPION, version, self.sources.pointer.parent / pointer.folder)
        else:
            yield from self._kept(Level.CHAMPION, version)

    def _kept(self, level: Level, version: str | None) -> Iterator[_Candidate]:
        kept = self.sources.kept().get(version or "")
        if kept is None:
            self.problems.setdefault("model", UnknownVersionError(CREDIT))
        else:
            yield _Candidate(level, version, kept.folder)

    def _earlier(self, than: str | None) -> Iterator[_Candidate]:
        """Return the champions before what was ordered, newest first; without an order all that there were."""
        kept = self.sources.kept()
        for version in self._board.before(CREDIT, than):
            if version in kept:
                yield _Candidate(Level.PREVIOUS, version, kept[version].folder)

    def _load_challenger(self) -> None:
        version = self._named(Alias.CHALLENGER)
        if version is None or (self.serves is not None and version == self.serves.version):
            self.challenger = None
            return
        try:
            folder = self._folder_of(version)
            if self.store is not None:
                self.challenger = self.sources.scorer(self.shelf.of(folder), self.store, self.book)
        except UserError as error:
            self.problems["challenger"] = error
            if self.challenger is not None and self.challenger.model.version != version:
                self.challenger = None

    def _folder_of(self, version: str) -> Path:
        kept = self.sources.kept().get(version)
        if kept is not None:
            return kept.folder
        if (self.sources.scorecard / MANIFEST).is_file():
            bundle = read_bundle(self.sources.scorecard)
            if bundle.manifest.version == version:
                return bundle.folder
        raise UnknownVersionError(CREDIT)

    def _named(self, alias: Alias) -> str | None:
        """Return the version with an alias, by the files and the orders."""
        path = self.sources.pointer if alias is Alias.CHAMPION else self.sources.challenger
        try:
            pointed = read_pointer(path).version
        except BundleError:
            pointed = None
        return self._board.alias_version(CREDIT, alias, pointed)

    def _folders(self) -> list[Path]:
        """Return the folders of the models that answer now."""
        scorers = (self.serves.scorer if self.serves else None, self.challenger)
        versions = {one.model.version for one in scorers if isinstance(one, CreditScorer)}
        return [folder for folder, version in self.shelf.versions().items() if version in versions]


def _with_beside(parquet: Path) -> tuple[Path, Path]:
    return parquet, parquet.with_suffix(".json")
