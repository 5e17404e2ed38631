import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.cards.pairs import pair_families, pair_features
from features.cards.state import Family, Pair, PairKind

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


def test_a_pair_is_of_the_family_further_from_the_party() -> None:
    families = {"capital": Family.OWN, "suits.n": Family.EVENTS, "ties.n": Family.EDGES}
    pairs = [
        Pair(kind=PairKind.RATIO, first="capital", second="suits.n"),
        Pair(kind=PairKind.DIFFERENCE, first="ties.n", second="capital"),
    ]
    assert pair_families(pairs, families) == {
        "capital/suits.n": Family.EVENTS,
        "ties.n-capital": Family.EDGES,
    }


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_a_pair_is_finite_or_missing(rows: list[tuple[float | None, float | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")
    pairs = [Pair(kind=kind, first="a", second="b") for kind in PairKind]
    found = pair_features(frame, pairs)
    assert found.columns == ["a/b", "a-b"]
    for (a, b), ratio, difference in zip(rows, found["a/b"], found["a-b"], strict=True):
        if a is None or b is None:
            assert ratio is None
            assert difference is None
            continue
        assert ratio is None or (b != 0 and ratio == a / b)
        assert difference is None or difference == a - b
        assert b != 0 or ratio is None
