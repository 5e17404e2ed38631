"""Independent random streams, one per table and batch, all derived from one seed."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

__all__ = ["Streams"]


@dataclass(frozen=True)
class Streams:
    """Child generators by name: a new draw in one table never moves the values of another."""

    seed: int

    def of(self, name: str, batch: int = 0) -> np.random.Generator:
        """Return the generator of a name and batch; asking twice gives the same stream from its start."""
        child = np.random.SeedSequence(entropy=self.seed, spawn_key=(crc32(name.encode()), batch))
        return np.random.default_rng(child)
