"""What the factories sell: daily quantities of cells, carbon fibre and salt by product and region."""

from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, days, money
from sample_group.companies import COMPANIES, reported_on
from sample_group.demand import cycle_of_year, panic, price_path, promotions, spring_festival
from sample_group.products import Product
from sample_group.streams import Streams
from sample_group.vocabulary import REGIONS
from sample_group.window import Window

__all__ = ["RETURNS", "sales_frame"]


_REGION_WEIGHT: Final = {"cell": (2.2, 1.0, 0.9, 1.9, 0.5, 0.3, 0.3, 0.9), "carbon_fibre": (2.4, 1.1, 0.6, 1.0, 0.5, 0.4, 0.9, 1.1),
                         "salt": (3.0, 1.5, 1.0, 0.6, 0.4, 0.4, 0.8, 0.3)}  # fmt: skip
_HOLIDAY: Final = {"cell": (0.85, 0.25), "carbon_fibre": (0.8, 0.15), "salt": (0.45, 0.35)}
_ELASTICITY: Final = {"cell": -1.1, "carbon_fibre": -0.8, "salt": -0.4}
_LIFT: Final = {"cell": 0.18, "carbon_fibre": 0.10, "salt": 0.38}
_CAMPAIGNS: Final = {"cell": 2.0, "carbon_fibre": 1.0, "salt": 4.0}
RETURNS: Final = 0.004


def sales_frame(
    streams: Streams, window: Window, products: tuple[Product, ...], regions: tuple[str, ...]
) -> pl.DataFrame:
    """Return the daily sales of each product in each region; days without an order have quantity 0."""
    parts = [_series(streams, window, product, region) for product in products for region in regions]
    return pl.concat(parts)


def _series(streams: Streams, window: Window, product: Product, region: str) -> pl.DataFrame:
    # one stream a series: a copy with fewer products or regions holds the same numbers for those it has
    rng = streams.of(f"sales/{product.product_id}", REGIONS.index(region))
    shared = streams.of(f"prices/{product.product_id}")
    day = window.days()
    price = price_path(shared, day, level=product.price, drift=product.price_drift, wobble=0.012)
    promoted = promotions(rng, day, _CAMPAIGNS[product.family])
    price = price * np.where(promoted, 0.92, 1.0) * (1.06 if region == "出口" else 1.0)
    quantity = _demand(window, product, region, day) * _noise(rng, product, len(day))
    quantity *= (
        price / product.price / np.exp(product.price_drift * (day - day[0]) / 365.25)
    ) ** _ELASTICITY[product.family]
    quantity *= np.where(promoted, 1 + _LIFT[product.family], _after_promotion(promoted))
    quantity = _returns(
        rng, np.where(rng.random(len(day)) < product.sold_on, quantity / product.sold_on, 0.0)
    )
    org = np.full(len(day), product.org - 1, dtype=np.int32)
    return pl.DataFrame(
        {
            "org_id": [COMPANIES[product.org - 1].org_id] * len(day),
            "product_id": [product.product_id] * len(day),
            "region": [region] * len(day),
            "ds": days(day),
            "quantity": money(quantity, 0 if product.unit != "t" else 1),
            "price": money(price, 2),
            "promotion": promoted,
            "known_at": days(reported_on(org, day)),
        }
    )


def _demand(window: Window, product: Product, region: str, day: Ints) -> Floats:
    weight = _REGION_WEIGHT[product.family][REGIONS.index(region)]
    weekday = (day + 3) % 7  # 0 is Monday
    closed, before = _HOLIDAY[product.family]
    level = product.daily * weight * (1 + product.growth) ** ((day - day[0]) / 365.25)
    level *= np.array([1.06, 1.04, 1.02, 1.0, 1.0, product.weekend, product.weekend])[weekday]
    level *= cycle_of_year(day, peak_day=product.peak_day, amplitude=product.amplitude)
    if region != "出口":
        level *= spring_festival(day, closed=closed, before=before)
    strength = product.panic * (0.3 if region == "出口" else 1.0 if region in {"华东", "华北"} else 0.8)
    return np.asarray(level * panic(window, day, strength))


def _noise(rng: np.random.Generator, product: Product, count: int) -> Floats:
    # a slow swing of the market and daily noise; both have mean one
    swing = np.zeros(count)
    shocks = rng.normal(0, 0.018, count)
    for at in range(1, count):
        swing[at] = 0.985 * swing[at - 1] + shocks[at]
    return np.asarray(np.exp(swing + rng.normal(-0.5 * product.noise**2, product.noise, count)))


def _after_promotion(promoted: Flags) -> Floats:
    # customers who stocked up buy less in the week after
    recent = np.convolve(promoted.astype(np.float64), np.ones(8))[: len(promoted)]
    return np.where(recent > 0, 0.88, 1.0)


def _returns(rng: np.random.Generator, quantity: Floats) -> Floats:
    returned = (rng.random(len(quantity)) < RETURNS) & (quantity > 0)
    return np.where(returned, -0.15 * quantity, quantity)
