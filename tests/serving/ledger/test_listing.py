"""A record is seen by keys for all of its companies."""

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.ledger.json_text import Json
from serving.ledger.listing import is_visible

COMPANIES = st.lists(st.sampled_from(["ORG-01", "ORG-02", "ORG-03", "*"]), max_size=3)


@settings(max_examples=100)
@given(COMPANIES, COMPANIES)
def test_seeing_more_companies_never_shows_less(own: list[str], named: list[str]) -> None:
    told: dict[str, Json] = {"companies": named}
    if is_visible(told, own):
        assert is_visible(told, [*own, "ORG-09"])
        assert "*" in own or set(named) <= set(own)
    assert is_visible(told, ["*"])
    assert not is_visible(told, [])
