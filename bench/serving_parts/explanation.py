"""Explain one row: our compiled kernel beside LightGBM's `pred_contrib`, on one thread, in turns; run in a process of its own."""

import json
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import measured

__all__ = ["main", "measure_explanation"]

_ROWS: Final = 400
_WARM_UP: Final = 20


def measure_explanation(home: Path) -> list[Goal]:
    """Run the comparison and report it."""
    usage = measured([sys.executable, "-m", "bench.serving_parts.explanation", str(home)], threads=1)
    if usage.code != 0:
        raise SystemExit("explaining one row ended with an error (see above), nothing is claimed of it")
    found = json.loads((home / "explanation.json").read_text())
    print(
        f"one row, medians of {_ROWS}: {found['explainer']} {found['ours'] * 1000:.3f} ms, "
        f"pred_contrib {found['theirs'] * 1000:.3f} ms"
    )
    return [
        Goal(
            "explanation of one row: pred_contrib / ours",
            found["theirs"] / found["ours"],
            4,
            "x",
            higher=True,
        ),
        Goal("explanation of one row: largest gap to pred_contrib, in 1e-6", found["gap"] * 1e6, 1, ""),
    ]


def main() -> None:
    """Time both on the same rows and write the medians."""
    import lightgbm as lgb

    from bench.serving_parts.home import BOOSTER, matrix
    from models.credit.booster import Boosters
    from models.credit.compiled import CompiledBoosters

    home = Path(sys.argv[1])
    booster = lgb.Booster(model_file=str(home / BOOSTER))
    ours: Boosters = CompiledBoosters((booster,))
    x = matrix(_ROWS + _WARM_UP, seed=3)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    gap = 0.0
    for number in range(len(x)):
        row = np.ascontiguousarray(x[number : number + 1])
        begun = time.perf_counter()
        mine = ours.contributions(row)
        middle = time.perf_counter()
        theirs = np.asarray(booster.predict(row, pred_contrib=True, num_threads=1))
        ended = time.perf_counter()
        gap = max(gap, float(np.abs(mine - theirs).max()))
        if number >= _WARM_UP:
            times["ours"].append(middle - begun)
            times["theirs"].append(ended - middle)
    medians = {name: float(np.median(found)) for name, found in times.items()}
    (home / "explanation.json").write_text(json.dumps({**medians, "gap": gap, "explainer": ours.explainer}))


if __name__ == "__main__":
    main()
