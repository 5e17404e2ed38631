"""Who replays which route, with what a worker has loaded and what is kept on its disk."""

from collections.abc import Mapping

from serving.champions.errors import UnknownVersionError
from serving.credit.score.writing import ROUTE
from serving.credit.terms import Model
from serving.decisions.replay import Progress, Recomputed, Replayer
from serving.decisions.replay_credit import ScoreReplayer
from serving.decisions.replay_runs import run_replayers
from serving.ledger.chain import Decision
from serving.parts import Parts

__all__ = ["replayers"]


def replayers(parts: Parts) -> Mapping[str, Replayer]:
    """Return them by route; a model of an earlier version is read from the local store when it is asked for."""
    sources = parts.credit.sources

    def model_of(version: str) -> Model | None:
        try:
            return parts.credit.shelf.of_version(version).model
        except UnknownVersionError:
            return None

    def on_book(decision: Decision, progress: Progress) -> Recomputed:
        from serving.decisions.replay_book import BookReplayer  # noqa: PLC0415 - it reads spreadsheets, most workers never do

        books = BookReplayer(model_of, sources.policies, sources.load_texts, books=sources.home / "books")
        return books(decision, progress)

    return {
        ROUTE: ScoreReplayer(model_of, sources.policies, sources.load_texts),
        "credit/scores": on_book,
        **run_replayers(parts.demand, parts.capacity.desk),
    }
