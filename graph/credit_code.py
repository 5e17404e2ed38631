"""The unified social credit code: its form and its check character (GB 32100-2015)."""

import re
from typing import Final

import polars as pl

__all__ = [
    "CREDIT_CODE_PATTERN",
    "check_character",
    "identifying_code",
    "is_identifying_code",
    "is_valid_credit_code",
    "valid_credit_code",
]

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = tuple(pow(3, position, 31) for position in range(17))
_DIGIT_RUNS: Final = "12345678|87654321"
_FEWEST_CHARACTERS: Final = 4
CREDIT_CODE_PATTERN: Final = r"^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$"


def check_character(first_17: str) -> str:
    """Return the 18th character of a credit code (GB 32100-2015, 5.2: weights 3^i mod 31).

    Raises ValueError when a character is outside the standard's alphabet or the length is not 17.
    """
    if len(first_17) != len(_WEIGHTS):
        raise ValueError(f"17 characters are needed, {len(first_17)} were given")
    total = sum(_ALPHABET.index(char) * weight for char, weight in zip(first_17, _WEIGHTS, strict=True))
    return _ALPHABET[(31 - total % 31) % 31]


def is_valid_credit_code(code: str) -> bool:
    """Tell whether a code has 18 characters of the standard's alphabet and the right check character."""
    if len(code) != len(_WEIGHTS) + 1 or any(char not in _ALPHABET for char in code):
        return False
    return check_character(code[:-1]) == code[-1]


def is_identifying_code(code: str) -> bool:
    """Tell whether a code is valid and no filler (see `identifying_code`)."""
    filler = re.search(_DIGIT_RUNS, code) or len(set(code)) < _FEWEST_CHARACTERS
    return is_valid_credit_code(code) and not filler


def valid_credit_code(column: pl.Expr) -> pl.Expr:
    """Return a Boolean expression, null where the code is null: format and check character hold."""
    values = {char: value for value, char in enumerate(_ALPHABET)}
    total = pl.sum_horizontal(
        column.str.slice(position, 1).replace_strict(values, default=None, return_dtype=pl.Int64) * weight
        for position, weight in enumerate((*_WEIGHTS, 1))
    )
    return column.str.contains(CREDIT_CODE_PATTERN) & (total % 31 == 0)


def identifying_code(column: pl.Expr) -> pl.Expr:
    """Return a Boolean expression, null where the code is null: valid, and no filler typed because one had to be.

    000000000000000000 and 123456789012345678 pass the check of the standard.
    """
    filler = column.str.contains(_DIGIT_RUNS) | (column.str.split("").list.n_unique() < _FEWEST_CHARACTERS)
    return valid_credit_code(column) & ~filler
