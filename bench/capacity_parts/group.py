"""The sample group at full size, generated anew for a seed; synthetic, as its README says."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

__all__ = ["GROUP_SEEDS", "generated_group"]

GROUP_SEEDS: Final = (7, 8, 9)
_ROOT: Final = Path(__file__).resolve().parents[2]


@contextmanager
def generated_group(seed: int) -> Iterator[Path]:
    """Generate the sample group at scale 1 into a folder that is there as long as the context."""
    with TemporaryDirectory(prefix="zhiheng-group-") as scratch:
        folder = Path(scratch) / "group"
        script = [sys.executable, str(_ROOT / "data_samples" / "generate.py"), "--out", str(folder)]
        subprocess.run(
            [*script, "--seed", str(seed), "--scale", "1"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # its progress; what goes wrong shows in the exit code
        )
        yield folder
