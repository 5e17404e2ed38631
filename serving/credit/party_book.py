"""The book as one model sees it: neighbours' scores for its features, facts for the rules, the path that carries risk."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.credit.neighbour_scores import SCORE_FEATURES
from features.credit.routes import Route, leading_route
from graph.ontology import Wording
from models.credit.rules.evaluate import RuleHit
from models.errors import FeatureMismatchError
from serving.credit.book_store import BookStore
from serving.credit.feature_store import FeatureStore
from serving.credit.schemas import Carrier, CarrierEdge, RuleNote

__all__ = ["PartyBook", "rule_note"]

_EDGE: Final = tuple(CarrierEdge.model_fields)
_NOBODY: Final = Wording(
    zh="该类关系中没有已违约或已评分的主体。", en="Nobody along this route is in default or scored."
)
_LOWERS: Final = Wording(
    zh="与平均水平相比，该类关系拉低了风险。",
    en="Relations of this kind lower the risk, compared with the average.",
)


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
        self._by_model = (
            self._book is not None
            and self._book.model_version == version
            and set(missing) <= set(self._book.score_features)
        )
        self.scored = self._by_model or not missing
        self.store = store.with_columns(missing, self._neighbours(store, missing)).ordered(features)

    def facts(self, party_id: str | None) -> Mapping[str, object] | None:
        """Return a party's facts for the rules, None when there are none."""
        return self._book.facts(party_id) if self._book is not None and party_id is not None else None

    def business(self, party_id: str | None) -> Mapping[str, object]:
        """Return what routing needs of a party: its lines and the default rate of its like; empty when unknown."""
        return self._book.business(party_id) if self._book is not None else {}

    def carrier(self, party_id: str | None, parts: NDArray[np.float64]) -> Carrier | None:
        """Return the route that carries most of a network effect (contributions (k,)) and the worst path along it."""
        leading = leading_route(dict(zip(self._features, parts.tolist(), strict=True)))
        if leading is None:
            return None
        route, carried = leading
        book = self._book if self._by_model and carried > 0 else None
        path = book.carrier(party_id, route.value) if book is not None and party_id is not None else None
        return _carrier(route, carried, path)

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


def _carrier(route: Route, carried: float, path: Mapping[str, object] | None) -> Carrier:
    """Return the route, with its worst path where it raises the risk: what lowers it is that nobody is in trouble."""
    label, without = route.wording, _NOBODY if carried > 0 else _LOWERS
    found = path or {}
    edges = found.get("path")
    parties = found.get("parties")
    return Carrier(
        route=route.value,
        route_zh=label.zh,
        route_en=label.en,
        log_odds=carried,
        end_id=str(found["end_id"]) if found else None,
        parties=[str(party) for party in parties] if isinstance(parties, list) else [],
        edges=[
            CarrierEdge.model_validate({name: edge[name] for name in _EDGE})
            for edge in (edges if isinstance(edges, list) else [])
        ],
        text_zh=str(found["text_zh"]) if found else without.zh,
        text_en=str(found["text_en"]) if found else without.en,
    )
