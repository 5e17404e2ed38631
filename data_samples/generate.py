"""Write the sample group: `python data_samples/generate.py --out DIR --seed 7 --scale 1`."""

import argparse
import signal
import sys
import time
from datetime import date
from pathlib import Path

from sample_group.generator import checked_window, generate

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments, write the sample group, tell how long it took."""
    options = _parser().parse_args(arguments)
    begun = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - begun:6.1f} s] {text}", file=sys.stderr, flush=True)

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # so that the folder being written is cleared away

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        window = checked_window(options.start, options.end)
        rows = generate(options.out, seed=options.seed, scale=options.scale, window=window, say=say)
    except (ValueError, OSError) as error:
        print(f"错误 error: {error}", file=sys.stderr)
        return 1
    except SystemExit:
        say("中断，未留下半成品 interrupted, nothing half-written is left")
        raise
    say(f"{sum(rows.values()):,} rows in {len(rows)} tables -> {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="generate.py",
        description="写出虚构的样例集团：表格和真相，同一种子得到同样的数值。 / "
        "Write the fictional sample group: tables and truth; the same seed gives the same values.",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="目标目录，整体替换 / folder to write, replaced as a whole"
    )
    parser.add_argument("--seed", type=int, default=7, help="随机种子 / random seed (7)")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="规模，1 为两千个对手方 / 1 is 2,000 counterparties; up to 1000",
    )
    parser.add_argument(
        "--start", type=date.fromisoformat, default=date(2020, 1, 1), help="首日 / first day (2020-01-01)"
    )
    parser.add_argument(
        "--end", type=date.fromisoformat, default=date(2025, 12, 31), help="末日 / last day (2025-12-31)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
