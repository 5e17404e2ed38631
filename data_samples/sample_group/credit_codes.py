"""Valid unified social credit codes in bulk (GB 32100-2015; organisation part by GB 11714-1997)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sample_group.columns import Ints

__all__ = ["credit_codes"]

_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", dtype=np.uint8)
_WEIGHTS: Final = np.array([pow(3, position, 31) for position in range(17)])
_ORG_WEIGHTS: Final = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_ORG_BODIES: Final = 31**8
_STRIDE: Final = 612_345_678_901  # has no factor 31: numbers to bodies is one to one


def credit_codes(numbers: Ints, province_codes: Ints, offset: int) -> list[str]:
    """Return one distinct code per party number; `offset` (drawn from the seed) moves them all."""
    digits = np.empty((len(numbers), 18), dtype=np.int64)
    digits[:, 0], digits[:, 1] = 9, 1  # registered by the market regulator, an enterprise
    digits[:, 2:8] = _base(province_codes.astype(np.int64) * 10_000 + 100 + numbers % 17, 10, 6)
    bodies = (numbers.astype(np.int64) * _STRIDE + offset) % _ORG_BODIES
    digits[:, 8:16] = _base(bodies, 31, 8)
    digits[:, 16] = _organisation_check(digits[:, 8:16])
    digits[:, 17] = (31 - (digits[:, :17] @ _WEIGHTS) % 31) % 31
    return _ALPHABET[digits].view("S18").ravel().astype("U18").tolist()


def _base(values: NDArray[np.int64], base: int, places: int) -> NDArray[np.int64]:
    powers = np.array([base**place for place in reversed(range(places))], dtype=np.int64)
    return values[:, None] // powers % base


def _organisation_check(body: NDArray[np.int64]) -> NDArray[np.int64]:
    # GB 11714 values letters from A = 10 with none left out, unlike the alphabet of GB 32100
    characters = _ALPHABET[body].astype(np.int64)
    values = np.where(characters < 65, characters - 48, characters - 55)
    check = (11 - (values @ _ORG_WEIGHTS) % 11) % 11
    return np.asarray(np.where(check == 10, np.flatnonzero(ord("X") == _ALPHABET)[0], check), dtype=np.int64)
