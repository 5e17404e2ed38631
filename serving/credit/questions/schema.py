"""Say which inputs the model that answers now takes: units, ranges, what may be missing, how old they may be."""

import math
from typing import Final

from pydantic import JsonValue

from features.catalogue import Feature
from models.credit.readable import noun_phrase
from serving.credit.questions.schema_schemas import InputField, InputsAnswer
from serving.credit.score.scorer import CreditScorer
from serving.credit.sources.feature_cards import feature_cards

__all__ = ["SCHEMA_MEDIA_TYPE", "inputs_of"]

SCHEMA_MEDIA_TYPE: Final = "application/schema+json"
_AGELESS: Final = frozenset({"parties"})
"""Tables whose rows say what a party is, which does not grow old."""
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def inputs_of(scorer: CreditScorer, *, least_known_share: float, max_age_days: int) -> InputsAnswer:
    """Return the inputs of a scorer's model, in its order."""
    model, store = scorer.model, scorer.store
    fields = [_field(name, max_age_days) for name in model.features]
    return InputsAnswer(
        model_version=model.version,
        data_as_of=store.data_as_of,
        graph_as_of=store.graph_as_of,
        least_known_share=least_known_share,
        max_age_days=max_age_days,
        inputs=fields,
        json_schema={
            "$schema": _DRAFT,
            "$id": f"urn:zhiheng:inputs:{model.version}",
            "title": model.version,
            "type": "object",
            "properties": {field.name: _property(field) for field in fields},
            "additionalProperties": False,
            "minProperties": 1,
        },
    )


def _field(name: str, max_age_days: int) -> InputField:
    card = feature_cards().get(name)
    return InputField(
        name=name,
        text_zh=card.zh if card else name,
        text_en=card.en if card else name,
        name_zh=noun_phrase(card, "zh") if card else name,
        name_en=noun_phrase(card, "en") if card else name,
        dimension=card.dimension.value if card else None,
        type="number",
        unit=card.unit.value if card else "",
        minimum=_bound(card, "low"),
        maximum=_bound(card, "high"),
        required=False,  # the trees were trained with missing values; least_known_share bounds how many
        may_be_missing=True,
        max_age_days=max_age_days if card and not _AGELESS.issuperset(card.sources) else None,
        sources=list(card.sources) if card else [],
    )


def _bound(card: Feature | None, side: str) -> float | None:
    value = math.nan if card is None else (card.low if side == "low" else card.high)
    return value if math.isfinite(value) else None


def _property(field: InputField) -> dict[str, JsonValue]:
    limits = {"minimum": field.minimum, "maximum": field.maximum}
    return {
        "type": [field.type, "null"],
        **{key: value for key, value in limits.items() if value is not None},
        "title": f"{field.name_zh} / {field.name_en}",
        "description": f"{field.text_zh} {field.text_en}",
        "x-unit": field.unit,
        "x-max-age-days": field.max_age_days,
    }
