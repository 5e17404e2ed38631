"""Which products each line can make: rate, margins as the years change them, change-over, lots, energy and emission."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import exp
from typing import Final

import polars as pl

from sample_group.line_park import Line
from sample_group.products import Product
from sample_group.schema import TABLES
from sample_group.window import Window

__all__ = ["ROUTES", "Route", "line_products_frame", "price_on", "routes_of"]


@dataclass(frozen=True)
class Route:
    """A product on a line; margins are shares of the product's price, rate None is that of the line."""

    line: int
    product: int
    rate: float | None
    good: float | None
    margins: tuple[float, float, float]  # of the line, the company, the group
    changeover: float  # hours before a campaign
    lot: float  # units of a usual campaign, five to ten days of the line
    minimum: float
    energy: float
    emission: float


ROUTES: Final = (
    Route(1, 1, None, None, (0.24, 0.19, 0.21), 6, 450000, 40000, 0.45, 0.26),
    Route(5, 5, None, None, (0.27, 0.22, 0.25), 6, 600000, 60000, 0.82, 0.47),
    Route(5, 1, 5600, 0.940, (0.21, 0.16, 0.18), 16, 500000, 80000, 0.49, 0.28),
    Route(6, 6, None, None, (0.23, 0.18, 0.26), 8, 270000, 20000, 0.88, 0.50),
    Route(2, 2, None, None, (0.26, 0.20, 0.24), 14, 60000, 2000, 48, 24),
    Route(7, 7, None, None, (0.31, 0.25, 0.33), 18, 28000, 1500, 56, 28),
    Route(7, 8, 52, 0.860, (0.36, 0.29, 0.41), 20, 9000, 400, 74, 37),
    Route(7, 2, 128, None, (0.22, 0.16, 0.20), 18, 30000, 2000, 52, 26),
    Route(3, 3, None, None, (0.33, 0.27, 0.29), 2, 10000, 200, 46, 31),
    Route(8, 3, None, None, (0.31, 0.25, 0.28), 2, 12000, 200, 49, 33),
    Route(8, 10, None, None, (0.26, 0.21, 0.22), 2, 12000, 200, 28, 19),
    Route(3, 10, 560, None, (0.25, 0.20, 0.21), 3, 10000, 200, 29, 20),
    Route(3, 11, None, None, (0.29, 0.23, 0.24), 2, 10000, 500, 12, 9),
    Route(8, 11, None, None, (0.31, 0.25, 0.25), 2, 12000, 500, 11, 8),
    Route(8, 12, None, None, (0.24, 0.19, 0.19), 2, 12000, 500, 10, 7),
    Route(4, 4, None, None, (0.27, 0.21, 0.23), 3, 5500, 150, 142, 96),
    Route(9, 4, None, None, (0.28, 0.22, 0.24), 3, 6500, 150, 138, 93),
    Route(9, 9, 24, 0.978, (0.35, 0.29, 0.31), 8, 3500, 60, 158, 107),
)
"""kWh and kg of CO2 equivalent per unit: cells at about 45 kWh per kWh of capacity, fibre 50 to 75 kWh/kg, salt by washing or steam."""


def routes_of(
    lines: tuple[Line, ...], products: tuple[Product, ...]
) -> Iterator[tuple[Route, Line, Product]]:
    """Yield the routes between the lines and products that are there."""
    by_line = {line.number: line for line in lines}
    by_product = {product.number: product for product in products}
    for route in ROUTES:
        if route.line in by_line and route.product in by_product:
            yield route, by_line[route.line], by_product[route.product]


def price_on(product: Product, years: float) -> float:
    """Return a product's list price years after the first day, without the wobble of the months."""
    return product.price * exp(product.price_drift * years)


def line_products_frame(
    window: Window, lines: tuple[Line, ...], products: tuple[Product, ...]
) -> pl.DataFrame:
    """Return what each line can make; margins are set anew every January, as prices drift."""
    told = [window.start] + [date(year, 1, 1) for year in range(window.start.year + 1, window.end.year + 1)]
    rows = [
        _row(route, line, product, day, window)
        for route, line, product in routes_of(lines, products)
        for day in told
    ]
    return pl.DataFrame(rows, schema=TABLES["line_products"], orient="row")


def _row(route: Route, line: Line, product: Product, day: date, window: Window) -> tuple[object, ...]:
    price = price_on(product, (day - window.start).days / 365.25)
    margins = tuple(round(price * share, 3) for share in route.margins)
    return (line.line_id, product.product_id, route.rate, route.good, *margins, route.changeover, route.lot,
            route.minimum, route.energy, route.emission, day)  # fmt: skip
