"""Records have one form as text, which loses nothing and says nothing that JSON cannot."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.ledger.json_text import Json, canonical_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_canonical_json_has_one_form_and_loses_nothing(value: Json) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=6))
def test_order_of_fields_makes_no_difference(value: dict[str, int]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["alone", "in a list", "deep", "beside a whole number beyond 64 bits"])
def test_canonical_json_refuses_what_json_cannot_say(number: float, place: str) -> None:
    values: dict[str, Json] = {
        "alone": number,
        "in a list": [1.0, None, number],
        "deep": {"a": {"b": ({"pd": number},)}},
        "beside a whole number beyond 64 bits": {"a": 2**70, "pd": number},
    }
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(values[place])


def test_nothing_and_the_word_null_are_no_nan() -> None:
    assert canonical_json({"pd": None, "text": "null"}) == '{"pd":null,"text":"null"}'
