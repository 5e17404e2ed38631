"""The check character of the unified social credit code."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.credit_code import (
    check_character,
    identifying_code,
    is_identifying_code,
    is_valid_credit_code,
    valid_credit_code,
)

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
FIRST_17 = st.text(ALPHABET, min_size=9, max_size=9).map(lambda body: "91370100" + body)


def test_check_characters_agree_with_sums_done_by_hand() -> None:
    # weights 3^i mod 31 by hand: "9" * 1 + "1" * 3 = 12, the rest zeros, 31 - 12 = 19 -> "K"
    assert check_character("91" + "0" * 15) == "K"
    assert check_character("0" * 17) == "0"


def test_a_wrong_length_or_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="17 characters"):
        check_character("9137")
    with pytest.raises(ValueError, match="substring"):
        check_character("9137010I" + "0" * 9)


@given(FIRST_17)
def test_exactly_one_check_character_makes_a_code_valid(first: str) -> None:
    assert [char for char in ALPHABET if is_valid_credit_code(first + char)] == [check_character(first)]


@given(FIRST_17, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(first: str, place: int, char: str) -> None:
    code = first + check_character(first)
    typed = code[:place] + char + code[place + 1 :]
    assert is_valid_credit_code(typed) == (typed == code)


@given(st.lists(st.one_of(st.none(), FIRST_17, st.text(ALPHABET + "IOZSVa ", min_size=15, max_size=19))))
def test_the_expression_agrees_with_the_function(codes: list[str | None]) -> None:
    completed = [code and (code + check_character(code) if len(code) == 17 and set(code) <= set(ALPHABET) else code)
                 for code in codes]  # fmt: skip
    found = pl.DataFrame({"code": completed}, schema={"code": pl.String}).select(
        valid_credit_code(pl.col("code"))
    )
    # the expression also asks for digits in the six places of the region, as the standard does
    for code, valid in zip(completed, found.to_series(), strict=True):
        expected = None if code is None else is_valid_credit_code(code) and code[2:8].isdigit()
        assert valid == expected


def test_a_filler_passes_the_check_yet_identifies_nobody() -> None:
    codes = ["0" * 18, "123456789012345678", "91350100M000100Y43", "91350100M000100Y44", None]
    frame = pl.DataFrame({"code": codes}, schema={"code": pl.String})
    found = frame.select(
        valid=valid_credit_code(pl.col("code")), identifying=identifying_code(pl.col("code"))
    )
    assert found["valid"].to_list() == [True, True, True, False, None]
    assert found["identifying"].to_list() == [False, False, True, False, None]
    assert [is_identifying_code(text) for text in codes if text] == [False, False, True, False]
