"""What the factories sell: daily quantities of cells, carbon fibre and salt by product and region."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, days, money
from sample_group.companies import COMPANIES, reporting_delay
from sample_group.demand import cycle_of_year, panic, price_path, promotions, spring_festival
from sample_group.streams import Streams
from sample_group.vocabulary import REGIONS
from sample_group.window import Window

__all__ = ["PRODUCTS", "Product", "products_frame", "sales_frame"]


@dataclass(frozen=True)
class Product:
    """A product and the shape of its demand."""

    number: int
    org: int  # number of the company
    family: str
    name: str
    unit: str
    daily: float  # mean quantity a day in an average region
    price: float
    growth: float  # a year
    price_drift: float
    peak_day: int
    amplitude: float
    weekend: float  # share of a weekday sold on Saturday and Sunday
    noise: float
    panic: float = 0.0
    sold_on: float = 1.0  # share of days with any order at all

    @property
    def product_id(self) -> str:
        """Return the id."""
        return f"SKU-{self.number:03d}"


PRODUCTS: Final = (
    Product(1, 7, "cell", "18650 圆柱电芯 2.6Ah", "piece", 9000, 6.2, 0.04, -0.09, 290, 0.10, 0.30, 0.25),
    Product(
        2,
        8,
        "carbon_fibre",
        "T300 12K 碳纤维",
        "kg",
        420,
        118,
        0.06,
        -0.06,
        265,
        0.08,
        0.20,
        0.45,
        sold_on=0.75,
    ),
    Product(
        3, 10, "salt", "海盐 加碘食用盐 400g", "t", 46, 2350, 0.00, 0.01, 340, 0.10, 0.85, 0.12, panic=1.0
    ),
    Product(
        4, 10, "salt", "井矿盐 加碘食用盐 500g", "t", 58, 1980, 0.00, 0.01, 340, 0.08, 0.85, 0.12, panic=0.9
    ),
    Product(5, 7, "cell", "21700 圆柱电芯 5.0Ah", "piece", 12500, 11.8, 0.18, -0.11, 300, 0.12, 0.30, 0.25),
    Product(
        6, 7, "cell", "32700 圆柱电芯 6.0Ah 储能", "piece", 5200, 14.5, 0.25, -0.12, 180, 0.16, 0.25, 0.35
    ),
    Product(
        7,
        8,
        "carbon_fibre",
        "T700 12K 碳纤维",
        "kg",
        260,
        176,
        0.12,
        -0.07,
        250,
        0.10,
        0.20,
        0.50,
        sold_on=0.65,
    ),
    Product(
        8,
        8,
        "carbon_fibre",
        "T800 6K 碳纤维",
        "kg",
        60,
        420,
        0.15,
        -0.05,
        250,
        0.05,
        0.10,
        0.60,
        sold_on=0.30,
    ),
    Product(9, 10, "salt", "低钠食用盐 350g", "t", 14, 3900, 0.08, 0.02, 340, 0.08, 0.85, 0.15, panic=1.2),
    Product(10, 10, "salt", "腌制用海盐 2.5kg", "t", 21, 1250, -0.02, 0.01, 325, 0.75, 0.80, 0.18, panic=0.6),
    Product(11, 10, "salt", "工业盐（海盐）", "t", 330, 285, 0.01, 0.00, 130, 0.22, 0.45, 0.22),
    Product(12, 10, "salt", "融雪用盐", "t", 40, 520, 0.00, 0.00, 10, 0.95, 0.60, 0.50, sold_on=0.7),
)
_REGION_WEIGHT: Final = {"cell": (2.2, 1.0, 0.9, 1.9, 0.5, 0.3, 0.3, 0.9), "carbon_fibre": (2.4, 1.1, 0.6, 1.0, 0.5, 0.4, 0.9, 1.1),
                         "salt": (3.0, 1.5, 1.0, 0.6, 0.4, 0.4, 0.8, 0.3)}  # fmt: skip
_HOLIDAY: Final = {"cell": (0.85, 0.25), "carbon_fibre": (0.8, 0.15), "salt": (0.45, 0.35)}
_ELASTICITY: Final = {"cell": -1.1, "carbon_fibre": -0.8, "salt": -0.4}
_LIFT: Final = {"cell": 0.18, "carbon_fibre": 0.10, "salt": 0.38}
_CAMPAIGNS: Final = {"cell": 2.0, "carbon_fibre": 1.0, "salt": 4.0}
RETURNS: Final = 0.004


def products_frame(window: Window, products: tuple[Product, ...]) -> pl.DataFrame:
    """Return the table of products."""
    return pl.DataFrame(
        {
            "product_id": [product.product_id for product in products],
            "org_id": [COMPANIES[product.org - 1].org_id for product in products],
            "family": [product.family for product in products],
            "name": [product.name for product in products],
            "unit": [product.unit for product in products],
            "known_at": [window.start] * len(products),
        }
    )


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
    low, high = reporting_delay()[product.org - 1]
    return pl.DataFrame(
        {
            "org_id": [COMPANIES[product.org - 1].org_id] * len(day),
            "product_id": [product.product_id] * len(day),
            "region": [region] * len(day),
            "ds": days(day),
            "quantity": money(quantity, 0 if product.unit != "t" else 1),
            "price": money(price, 2),
            "promotion": promoted,
            "known_at": days(day + rng.integers(low, high, len(day), dtype=np.int32)),
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
