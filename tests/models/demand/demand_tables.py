"""Tables of demand for tests of the whole: months that rise and fall with the season, and what can be wrong with them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.demand import build_panel
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.model import DemandModel
from models.demand.router import Tier

__all__ = ["LEVELS", "fit", "good", "long_table", "months", "shop_table", "shops", "week_table"]

LEVELS = (0.1, 0.5, 0.9)


def months(count: int, *, first: int = 2015) -> list[date]:
    """Return the first days of `count` months."""
    return [date(first + number // 12, number % 12 + 1, 1) for number in range(count)]


def good(count: int = 3, *, length: int = 84, seed: int = 0) -> dict[str, list[float]]:
    """Return seasonal series with noise, by name."""
    rng = np.random.default_rng(seed)
    wave = 100 + 30 * np.sin(2 * np.pi * np.arange(length) / 12)
    return {f"good{number}": (wave + rng.normal(0, 6, length)).tolist() for number in range(count)}


def long_table(series: Mapping[str, Sequence[float | None]]) -> pl.DataFrame:
    """Return a long table in which every series ends in the same month."""
    longest = max((len(values) for values in series.values()), default=0)
    calendar = months(longest)
    return pl.DataFrame(
        [
            (name, ds, value)
            for name, values in series.items()
            for ds, value in zip(calendar[longest - len(values) :], values, strict=True)
        ],
        schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64},
        orient="row",
    )


def shop_table(*, length: int = 72, ahead: int = 6, seed: int = 1) -> pl.DataFrame:
    """Return four products of two shops with price and promotion, known `ahead` months further, and counted spares."""
    rng = np.random.default_rng(seed)
    calendar, step = months(length + ahead), np.arange(length + ahead)
    parts = []
    for number, name in enumerate(("north_a", "north_b", "south_a", "south_spares")):
        promotion = (rng.random(length + ahead) < 0.25).astype(np.int64)
        price = 10 + rng.normal(0, 0.5, length + ahead).round(2)
        y = (60 + 20 * number) * (1 + 0.3 * np.sin(2 * np.pi * step / 12)) * (1 + 0.4 * promotion)
        y = y * (price / 10) ** -1.5 * rng.normal(1, 0.03, length + ahead)
        if name.endswith("spares"):
            y = rng.poisson(0.4, length + ahead).astype(np.float64)
        parts.append(
            pl.DataFrame(
                {
                    "unique_id": name,
                    "ds": calendar,
                    "y": [float(value) if at < length else None for at, value in enumerate(y)],
                    "price": price,
                    "promotion": promotion,
                    "shop": name.split("_")[0],
                },
                schema_overrides={"y": pl.Float64},
            )
        )
    return pl.concat(parts)


def fit(table: pl.DataFrame, horizon: int = 6, *, tier: Tier = Tier.FAST, seed: int = 7) -> DemandModel:
    """Learn from a table of months without drivers."""
    return fit_forecaster(build_panel(table, freq="1mo"), horizon, tier=tier, levels=LEVELS, seed=seed)


def shops(
    *, horizon: int = 6, keep_all: bool = True, seed: int = 7, table: pl.DataFrame | None = None
) -> DemandModel:
    """Learn from the shops with drivers, a static column and the sums of each shop and of all."""
    panel = build_panel(
        shop_table() if table is None else table, freq="1mo", known=("price", "promotion"), static=("shop",)
    )
    assert panel.static is not None
    return fit_forecaster(
        panel,
        horizon,
        tier=Tier.FAST,
        levels=LEVELS,
        seed=seed,
        keep_all=keep_all,
        hierarchy=hierarchy_of_levels(panel.static, [["shop"]]),
    )


def week_table(*, weeks: int = 40, seed: int = 3) -> pl.DataFrame:
    """Return two stalls that never open on Sunday and one that always does, by day."""
    rng = np.random.default_rng(seed)
    days = [date(2023, 1, 2) + timedelta(days=at) for at in range(7 * weeks)]
    return pl.concat(
        pl.DataFrame(
            {
                "unique_id": name,
                "ds": days,
                "y": [40 + 10 * (one.weekday() >= 4) + float(rng.normal(0, 3)) for one in days],
                "side": "market" if name != "kiosk" else "street",
            }
        ).filter((pl.col("ds").dt.weekday() < 7) | (pl.col("unique_id") == "kiosk"))
        for name in ("fruit", "fish", "kiosk")
    )
