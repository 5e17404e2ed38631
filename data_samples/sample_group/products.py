"""The products of the factories and the shape of the demand for each."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from sample_group.companies import COMPANIES
from sample_group.window import Window

__all__ = ["PRODUCTS", "Product", "products_frame"]


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


PRODUCTS: Final = (  # the first of each family first: a small copy keeps these
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
    Product(5, 7, "cell", "21700 圆柱电芯 5.0Ah", "piece", 12500, 11.8, 0.08, -0.11, 300, 0.12, 0.30, 0.25),
    Product(
        6, 7, "cell", "32700 圆柱电芯 6.0Ah 储能", "piece", 5200, 14.5, 0.08, -0.12, 180, 0.16, 0.25, 0.35
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
