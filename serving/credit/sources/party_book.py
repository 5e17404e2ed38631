"""The book as one model sees it: neighbours' scores for its features, facts for the rules, the path that carries risk."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.credit.neighbour_scores import SCORE_FEATURES
from features.credit.routes import ROUTE_OF, leading_route
from graph.ontology import Wording
from models.credit.rules.evaluate import RuleHit
from models.credit.rules.facts import RuleFacts, facts_of_row
from models.errors import FeatureMismatchError
from serving.credit.score.basis import CarrierPath
from serving.credit.score.routing import Pooled
from serving.credit.score.schemas import Carrier, RuleNote
from serving.credit.sources.book_store import BookStore
from serving.credit.sources.feature_store import FeatureStore
from serving.credit.sources.kept import MOST_KEPT

__all__ = ["About", "PartyBook", "carrier_of", "rule_note"]

_NOBODY: Final = Wording(
    zh="该类关系中没有已违约或已评分的主体。", en="Nobody along this route is in default or scored."
)
_LOWERS: Final = Wording(
    zh="与平均水平相比，该类关系拉低了风险。",
    en="Relations of this kind lower the risk, compared with the average.",
)


class About(NamedTuple):
    """What a book says of a party: facts for the rules, lines of live business, the default rate of its like, and the
    worst path along each route, none where the book is another model's.
    """

    facts: RuleFacts | None
    lines: tuple[str, ...] | None
    pooled: Pooled | None
    paths: Sequence[CarrierPath]


class PartyBook:
    """A book of the features' date; what is of another date or another model's is not used."""

    def __init__(
        self, book: BookStore | None, store: FeatureStore, *, features: Sequence[str], version: str
    ) -> None:
        """Raise FeatureMismatchError when features are missing that the book would not hold either."""
        missing = [name for name in features if name not in set(store.features)]
        if set(missing) - set(SCORE_FEATURES):
            raise FeatureMismatchError(version, missing=missing)
        self._features = tuple(features)
        self._book = book if book is not None and book.as_of == store.data_as_of else None
        self.sha256 = None if self._book is None else self._book.sha256
        self._by_model = (
            self._book is not None
            and self._book.model_version == version
            and set(missing) <= set(self._book.score_features)
        )
        self.scored = self._by_model or not missing
        self.store = store.with_columns(missing, self._neighbours(store, missing)).ordered(features)
        # A row is read and checked once while its party is asked about: that takes a tenth of the time of an answer.
        self.about = lru_cache(maxsize=MOST_KEPT)(self._about)

    def _about(self, party_id: str | None) -> About:
        """Return what is known of a party beside its features. Raises RuleFactsError for a broken row."""
        said = {} if self._book is None or party_id is None else self._book.about(party_id)
        facts, lines, pooled = said.get("facts"), said.get("lines"), said.get("pooled")
        carriers = said.get("carriers") if self._by_model else None
        return About(
            facts_of_row(facts) if isinstance(facts, Mapping) else None,
            tuple(map(str, lines)) if isinstance(lines, list) else None,
            Pooled(**pooled) if isinstance(pooled, Mapping) else None,
            tuple(CarrierPath.model_validate(path, strict=False).told_apart() for path in carriers)
            if isinstance(carriers, list)
            else (),
        )

    def _neighbours(self, store: FeatureStore, names: Sequence[str]) -> NDArray[np.float64]:
        """Return the neighbours' scores in the order of the store's rows, shape (n, m), missing as NaN."""
        found = np.full((len(store.rows), len(names)), np.nan)
        if self._book is None or not self._by_model or not names:
            return found
        places = [self._book.score_features.index(name) for name in names]
        for party, row in store.rows.items():
            scores = self._book.scores_of(party)
            if scores is not None:
                found[row] = scores[places]
        return found


def rule_note(hit: RuleHit) -> RuleNote:
    """Return a rule hit as an answer shows it."""
    return RuleNote(
        code=hit.code,
        family=hit.family.value,
        severity=hit.severity.value,
        checked=hit.checked,
        text_zh=hit.zh,
        text_en=hit.en,
        observed=hit.observed,
        limit=hit.limit,
        unit=hit.unit.value,
        source=hit.source,
        verified=hit.verified,
        valid_from=hit.valid_from,
    )


def carrier_of(
    features: Sequence[str], parts: NDArray[np.float64], paths: Sequence[CarrierPath]
) -> Carrier | None:
    """Return the route that carries most of a network effect, with its worst path where it raises the risk.

    `parts` (k,) are the contributions of the features; what lowers the risk is that nobody along the route is in trouble.
    """
    names, places = _of_routes(tuple(features))
    leading = leading_route(dict(zip(names, parts[places].tolist(), strict=True)))
    if leading is None:
        return None
    route, carried = leading
    path = next((path for path in paths if carried > 0 and path.channel == route.value), None)
    without = _NOBODY if carried > 0 else _LOWERS
    return Carrier(
        route=route.value,
        route_zh=route.wording.zh,
        route_en=route.wording.en,
        log_odds=carried,
        end_id=None if path is None else path.end_id,
        parties=[] if path is None else list(path.parties),
        edges=[] if path is None else list(path.path),
        text_zh=without.zh if path is None else path.text_zh,
        text_en=without.en if path is None else path.text_en,
    )


@lru_cache(maxsize=16)
def _of_routes(features: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the features that look along a route, and their places."""
    found = [(name, place) for place, name in enumerate(features) if name in ROUTE_OF]
    return tuple(name for name, _ in found), np.array([place for _, place in found], dtype=np.int64)
