"""Generate a whole sample group into a folder."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

from sample_group.streams import Streams
from sample_group.window import LUNAR_NEW_YEAR, Window
from sample_group.world import BATCH, COUNTERPARTIES, build, write
from sample_group.writer import Writer, whole_folder

__all__ = ["MOST_SCALE", "checked_window", "generate"]

MOST_SCALE = 1000.0
LEAST_PARTIES = 60  # fewer cannot hold the planted circles


def checked_window(start: date, end: date) -> Window:
    """Return the window; raise ValueError, in two languages, when it is too short or outside the holiday table."""
    if (end - start).days < 1095:
        raise ValueError(
            f"--start {start} 到 --end {end} 不足三年；请至少给三年。 / less than three years; give three or more."
        )
    first, last = LUNAR_NEW_YEAR[0].year, LUNAR_NEW_YEAR[-1].year
    if start.year < first or end.year > last:
        raise ValueError(
            f"春节表只有 {first} 至 {last} 年；请把 --start、--end 放在其中。 / "
            f"Spring Festival dates are known for {first} to {last}; keep --start and --end within."
        )
    return Window(start, end)


def generate(
    out: Path, *, seed: int, scale: float, window: Window, say: Callable[[str], None]
) -> dict[str, int]:
    """Write the tables and the truth into `out`, whole or not at all, and return the rows of each."""
    if not 0 < scale <= MOST_SCALE:
        raise ValueError(
            f"--scale {scale} 超出 (0, {MOST_SCALE:g}]；请改小。 / --scale is outside (0, {MOST_SCALE:g}]."
        )
    if seed < 0:
        raise ValueError(f"--seed {seed} 不能为负。 / --seed must not be negative.")
    counterparties = max(LEAST_PARTIES, round(COUNTERPARTIES * scale))
    with whole_folder(out) as folder:
        writer = Writer(folder, parts=counterparties > BATCH)
        world = build(Streams(seed), window, counterparties, say)
        write(world, writer, small=scale < 1, say=say)
        card = {"synthetic": True, "seed": seed, "scale": scale, "start": str(window.start), "end": str(window.end),
                "rows": dict(sorted(writer.rows.items()))}  # fmt: skip
        (folder / "data_card.json").write_text(
            json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
    return writer.rows
