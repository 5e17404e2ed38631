"""Clusters from links, of which none may hold two different codes or two parties that a person held apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["NO_CODE", "Clusters", "clustered"]

NO_CODE: Final = -1
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clusters:
    """`labels` gives the cluster of each node, `refused` the links that would have broken a rule."""

    labels: Ints
    refused: NDArray[np.bool_]


def clustered(size: int, links: pl.DataFrame, codes: Ints, *, apart: Ints, margin: float = 0.05) -> Clusters:
    """Join nodes 0..size-1 along links [a, b, score], the strongest first.

    `codes` (size,) holds a number per valid code, NO_CODE where there is none; `apart` (m, 2) are pairs that a person
    held apart. A link that would bring two codes, or the two of a pair, into one cluster is refused: so a chain breaks
    at its weakest link (Kruskal's algorithm with cannot-link constraints). A node without code that is linked to two
    codes with scores less than `margin` apart joins neither. Equal links are taken in the order of their ends.
    """
    a, b = links["a"].to_numpy().astype(np.int64), links["b"].to_numpy().astype(np.int64)
    _, labels = _components(size, a, b)
    troubled = _troubled(labels, codes, apart)
    refused = np.zeros(len(a), dtype=np.bool_)
    chosen = np.flatnonzero(troubled[labels[a]]) if len(a) else np.zeros(0, dtype=np.int64)
    if not len(chosen):
        return Clusters(labels.astype(np.int64), refused)
    joiner = _Joiner(codes, apart, margin)
    scores = links["score"].to_numpy()
    order = chosen[np.lexsort((b[chosen], a[chosen], -scores[chosen]))]
    joiner.learn(zip(a[order].tolist(), b[order].tolist(), scores[order].tolist(), strict=True))
    taken = np.array(list(joiner.join()), dtype=np.bool_)
    refused[order] = ~taken
    _, labels = _components(size, a[~refused], b[~refused])
    # a link between two nodes that came together on another way was not in the way of anything
    return Clusters(labels.astype(np.int64), refused & (labels[a] != labels[b]))


def _components(size: int, a: Ints, b: Ints) -> tuple[int, Ints]:
    return connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(size, size)), directed=False)  # type: ignore[no-any-return]


def _troubled(labels: Ints, codes: Ints, apart: Ints) -> NDArray[np.bool_]:
    """Tell which components hold two codes or both of a pair that is to stay apart."""
    troubled = np.zeros(int(labels.max(initial=-1)) + 1, dtype=np.bool_)
    coded = np.flatnonzero(codes != NO_CODE)
    pairs = np.unique(np.stack([labels[coded], codes[coded]], axis=1), axis=0)
    component, kinds = np.unique(pairs[:, 0], return_counts=True)
    troubled[component[kinds > 1]] = True
    together = labels[apart[:, 0]] == labels[apart[:, 1]]
    troubled[labels[apart[together, 0]]] = True
    return troubled


class _Joiner:
    """Union-find that knows the code of each cluster, its enemies, and its links to other clusters."""

    def __init__(self, codes: Ints, apart: Ints, margin: float) -> None:
        self.parent: dict[int, int] = {}
        self.codes = codes
        self.code: dict[int, int] = {}
        self.links: list[tuple[int, int, float]] = []
        self.at: dict[int, list[int]] = {}
        self.enemies: dict[int, set[int]] = {}
        self.margin = margin
        for one, other in apart.tolist():
            self.enemies.setdefault(one, set()).add(other)
            self.enemies.setdefault(other, set()).add(one)

    def learn(self, links: Iterator[tuple[int, int, float]]) -> None:
        """Take in the links, the strongest first."""
        for number, (a, b, score) in enumerate(links):
            self.links.append((a, b, score))
            for node in (a, b):
                self.at.setdefault(node, []).append(number)
                self.parent[node] = node
                self.code[node] = int(self.codes[node])

    def join(self) -> Iterator[bool]:
        """Tell of each link in turn whether it was taken."""
        for a, b, score in self.links:
            one, other = self.root(a), self.root(b)
            if one == other:
                yield True
            elif self.refuses(one, other, score):
                yield False
            else:
                self.unite(one, other)
                yield True

    def root(self, node: int) -> int:
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def refuses(self, one: int, other: int, score: float) -> bool:
        codes = self.code[one], self.code[other]
        if NO_CODE not in codes and codes[0] != codes[1]:
            return True
        hostile = {self.root(enemy) for enemy in self.enemies.get(one, ()) if enemy in self.parent}
        if other in hostile:
            return True
        if codes[0] == codes[1]:
            return False
        codeless, code = (one, codes[1]) if codes[0] == NO_CODE else (other, codes[0])
        return self.is_torn(codeless, code, score)

    def is_torn(self, codeless: int, code: int, score: float) -> bool:
        """Tell whether a cluster without code is drawn nearly as strongly, or more, to another code."""
        for number in self.at[codeless]:
            a, b, strength = self.links[number]
            if strength < score - self.margin:
                break
            there = {self.code[self.root(a)], self.code[self.root(b)]} - {NO_CODE, code}
            if there:
                return True
        return False

    def unite(self, one: int, other: int) -> None:
        small, large = sorted((one, other), key=lambda node: (len(self.at[node]), node))
        self.parent[small] = large
        self.code[large] = max(self.code[large], self.code[small])
        self.at[large] = sorted((*self.at[large], *self.at.pop(small)))
        enemies = self.enemies.get(large, set()) | self.enemies.get(small, set())
        if enemies:
            self.enemies[large] = enemies
