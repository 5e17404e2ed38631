"""One digest for all rows of a book, from which a single row can be proven (a Merkle tree as in RFC 6962, section 2)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

__all__ = [
    "BLOCK_ROWS",
    "Leaf",
    "blocks_of",
    "leaf_of",
    "leaves_of",
    "proof_in_blocks",
    "proof_of",
    "proven",
    "root_of",
]

_LEAF, _NODE = b"\x00", b"\x01"  # told apart, so that a node cannot be passed off as a row
BLOCK_ROWS: Final = 1024
"""Rows whose node is kept: with these nodes a proof reads one block of rows, not the book. A power of two."""


@dataclass(frozen=True)
class Leaf:
    """A row as it is hashed: SHA-256 of a zero byte, `words`, a zero byte, `floats`."""

    words: bytes
    floats: bytes

    @property
    def digest(self) -> bytes:
        """Return the hash."""
        return hashlib.sha256(b"".join((_LEAF, self.words, b"\x00", self.floats))).digest()


def leaves_of(rows: pl.DataFrame) -> list[bytes]:
    """Hash each row: its words and whole numbers as a JSON object, then its floats as little-endian float64, in file order.

    A missing float is the quiet NaN 0x7ff8000000000000.
    """
    return [leaf.digest for leaf in _leaves(rows)]


def leaf_of(rows: pl.DataFrame, place: int) -> Leaf:
    """Return what is hashed of one row."""
    return _leaves(rows.slice(place, 1))[0]


def _leaves(rows: pl.DataFrame) -> list[Leaf]:
    floats = [name for name, dtype in rows.schema.items() if dtype == pl.Float64()]
    words = rows.select(pl.struct(pl.all().exclude(floats)).struct.json_encode()).to_series().to_list()
    figures = np.array(rows.select(floats).fill_null(float("nan")).to_numpy(), dtype="<f8", order="C")
    figures[np.isnan(figures)] = np.nan
    return [Leaf(word.encode(), row.tobytes()) for word, row in zip(words, figures, strict=True)]


def blocks_of(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the node over each block of leaves; the nodes have the root that the leaves have."""
    return [
        bytes.fromhex(root_of(leaves[start : start + BLOCK_ROWS]))
        for start in range(0, len(leaves), BLOCK_ROWS)
    ]


def proof_in_blocks(block: Sequence[bytes], blocks: Sequence[bytes], place: int) -> list[tuple[str, str]]:
    """Return the proof of a leaf from the leaves of its block and the nodes of all blocks."""
    return [*proof_of(block, place % BLOCK_ROWS), *proof_of(blocks, place // BLOCK_ROWS)]


def root_of(leaves: Sequence[bytes]) -> str:
    """Return the root of the tree over the leaves, in hexadecimal; that of no leaves is the hash of nothing."""
    level = list(leaves)
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        level = _above(level)
    return level[0].hex()


def proof_of(leaves: Sequence[bytes], place: int) -> list[tuple[str, str]]:
    """Return what to hash a leaf with, from the bottom up: the side the other stands on (left, right), and its hash."""
    level, path = list(leaves), []
    while len(level) > 1:
        other = place ^ 1
        if other < len(level):
            path.append(("left" if other < place else "right", level[other].hex()))
        level, place = _above(level), place // 2
    return path


def proven(leaf: bytes, path: Sequence[tuple[str, str]], root: str) -> bool:
    """Tell whether a row, by its leaf and its path, is one of those under a root."""
    found = leaf
    for side, other in path:
        pair = (bytes.fromhex(other), found) if side == "left" else (found, bytes.fromhex(other))
        found = hashlib.sha256(b"".join((_NODE, *pair))).digest()
    return found.hex() == root


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the level above; a node without a neighbour goes up as it is."""
    pairs = zip(level[::2], level[1::2], strict=False)
    found = [hashlib.sha256(b"".join((_NODE, left, right))).digest() for left, right in pairs]
    return found if len(level) % 2 == 0 else [*found, level[-1]]
