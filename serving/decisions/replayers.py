"""Who replays which route, with what a worker has loaded and what is kept on its disk."""

from collections.abc import Mapping

from serving.champions.errors import UnknownVersionError
from serving.credit.terms import Model
from serving.credit.writing import ROUTE
from serving.decisions.replay import Replayer
from serving.decisions.replay_credit import ScoreReplayer
from serving.decisions.replay_runs import run_replayers
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

    return {
        ROUTE: ScoreReplayer(model_of, sources.policies, sources.load_texts),
        **run_replayers(parts.demand, parts.capacity.desk),
    }
