"""A million parties with five million edges: their columns from Parquet to Parquet, and the CPU networkx needs for them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import ROOT, Usage, measured

__all__ = ["run"]

_EDGES_PER_PARTY: Final = 5
_CHECK: Final = """
import sys, polars as pl
from bench.graph_parts.networkx_columns import assert_equal_columns
ours, peer = (pl.read_parquet(f"{sys.argv[1]}/{name}.parquet") for name in ("ours", "networkx"))
assert_equal_columns(ours.select(peer.columns), peer)
"""
"""Our columns of the ultimate controller, which take time too, are not asked of networkx."""
_COUNT: Final = """
import json, sys, polars as pl
names = [n for n in pl.scan_parquet(f"{sys.argv[1]}/ours.parquet").collect_schema().names() if n != "id"]
once = [n for n in names if not n.endswith("_observed")]
print(json.dumps([len(names), len(once), pl.scan_parquet(f"{sys.argv[1]}/ours.parquet").select(pl.len()).collect().item()]))
"""


def run(seed: int, small: bool) -> list[Goal]:  # noqa: FBT001 - the interface of a part
    """Measure our columns at full size, and both engines at a tenth of it and below."""
    full, tenth = (20_000, 10_000) if small else (1_000_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="zhiheng-columns-") as folder:
        _made(Path(folder), full, seed)
        ours = _used("ours", Path(folder), full)
        columns, once, parties = _counted(Path(folder))
    print(f"{columns} columns ({once} without the counts of those observed) of {parties:,} parties")
    per_party = _against_networkx(tenth, seed)
    scaled = per_party * parties
    print(f"networkx scaled to {parties:,} parties: {scaled:.0f} s CPU, ours measured: {ours.cpu:.1f} s")
    size = f"{full:,} parties / {full * _EDGES_PER_PARTY:,} edges"
    return [
        Goal(f"{size}: point-in-time columns, all distinct", once, 95, "", higher=True),
        Goal(f"{size}: columns from Parquet to Parquet, wall", ours.wall, 15, "s"),
        Goal(f"{size}: columns, peak memory", ours.peak_mb, 2048, "MB"),
        Goal(
            f"CPU of networkx (from {tenth:,} parties, linear) / ours at {full:,}",
            scaled / ours.cpu,
            20,
            "x",
            higher=True,
        ),
    ]


def _against_networkx(largest: int, seed: int) -> float:
    """Run both at three sizes, answers equal; return networkx's CPU seconds a party at the largest.

    At a million parties its dictionaries need more than 25 GB, so its time there is scaled from a size that fits. The
    seconds a party are printed for all three sizes: they stay level or grow, so the scaled time is no overstatement.
    """
    per_party = 0.0
    for parties in (largest // 4, largest // 2, largest):
        with tempfile.TemporaryDirectory(prefix="zhiheng-columns-") as folder:
            _made(Path(folder), parties, seed)
            ours, peer = (_used(work, Path(folder), parties) for work in ("ours", "networkx"))
            subprocess.run([sys.executable, "-c", _CHECK, folder], check=True, cwd=ROOT)
        per_party = peer.cpu / parties
        print(
            f"  equal; ratio {peer.cpu / ours.cpu:.1f}; networkx {per_party * 1e6:.0f} µs CPU a party",
            flush=True,
        )
    return per_party


def _made(folder: Path, parties: int, seed: int) -> None:
    sizes = ["--parties", str(parties), "--edges", str(parties * _EDGES_PER_PARTY), "--seed", str(seed)]
    usage = measured([*_job("make", folder), *sizes])
    if usage.code != 0:
        raise SystemExit(f"the graph of {parties:,} parties could not be made")


def _used(work: str, folder: Path, parties: int) -> Usage:
    usage = measured(_job(work, folder))
    if usage.code != 0:
        raise SystemExit(f"{work}: ended with code {usage.code}")
    print(f"{work:<9} {parties:>9,} parties: {usage.line()}", flush=True)
    return usage


def _job(work: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "bench.graph_parts.column_job", work, str(folder)]


def _counted(folder: Path) -> tuple[int, int, int]:
    command = [sys.executable, "-c", _COUNT, str(folder)]
    found = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    columns, once, parties = json.loads(found.stdout)
    return columns, once, parties
