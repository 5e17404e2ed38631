"""Sales as a panel against a plain loop over days: the same periods, the same sums, no series lost."""

import calendar
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.demand import Panel
from features.errors import NoSeriesError
from features.sales.panel import sales_panel

_FIRST = date(2023, 12, 20)
_PRODUCTS = pl.LazyFrame(
    {"product_id": ["A", "B"], "family": ["salt", "cell"], "known_at": [date(2020, 1, 1)] * 2}
)

_company = st.fixed_dictionaries(
    {
        "start": st.integers(0, 50),
        "days": st.integers(1, 130),
        "delay": st.integers(0, 60),
        "quantities": st.lists(st.integers(-3, 9), min_size=7, max_size=7),
    }
)


def _rows(product: str, company: dict[str, object]) -> list[dict[str, object]]:
    start, days, delay, quantities = (company[name] for name in ("start", "days", "delay", "quantities"))
    assert isinstance(start, int)
    assert isinstance(days, int)
    assert isinstance(delay, int)
    assert isinstance(quantities, list)
    return [
        {
            "org_id": f"O{product}",
            "product_id": product,
            "region": "华东",
            "ds": _FIRST + timedelta(days=start + number),
            "quantity": float(quantities[number % 7]),
            "price": 5.0,
            "promotion": False,
            "known_at": _FIRST + timedelta(days=start + number + delay),
        }
        for number in range(days)
    ]


def _whole_months(rows: list[dict[str, object]], as_of: date) -> dict[date, float]:
    """Add up, in a loop, the months of which every day is known."""
    known = {
        row["ds"]: row["quantity"]
        for row in rows
        if isinstance(row["known_at"], date) and row["known_at"] <= as_of
    }
    sums = {}
    for year, month in [(2023, 12), *((2024, month) for month in range(1, 13))]:
        days = [date(year, month, day + 1) for day in range(calendar.monthrange(year, month)[1])]
        if all(day in known for day in days):
            sums[days[0]] = sum(float(str(known[day])) for day in days)
    return sums


@settings(max_examples=60)
@given(companies=st.tuples(_company, _company), wait=st.integers(0, 220))
def test_months_are_those_of_a_plain_loop(
    companies: tuple[dict[str, object], dict[str, object]], wait: int
) -> None:
    as_of = _FIRST + timedelta(days=wait)
    tables = {name: _rows(name, company) for name, company in zip("AB", companies, strict=True)}
    sales = pl.DataFrame(tables["A"] + tables["B"])
    expected = {f"{name}|华东": _whole_months(rows, as_of) for name, rows in tables.items()}
    heard = set(sales.filter(pl.col("known_at") <= as_of).select(pl.col("product_id") + "|华东").to_series())
    told = {name for name, sums in expected.items() if sums}
    if not told:
        with pytest.raises(NoSeriesError):
            sales_panel({"sales": sales.lazy(), "products": _PRODUCTS}, freq="1mo", as_of=as_of)
        return
    panel: Panel = sales_panel({"sales": sales.lazy(), "products": _PRODUCTS}, freq="1mo", as_of=as_of)
    assert set(panel.frame["unique_id"]) == told
    assert set(panel.refused["unique_id"]) == heard - told
    for uid in told:
        mine = panel.frame.filter(pl.col("unique_id") == uid)
        assert mine["ds"].to_list() == sorted(expected[uid])
        # months that returns turn negative count as 0 where the panel says so
        sums = [expected[uid][day] for day in mine["ds"]]
        assert mine.select(
            pl.when("returns").then(pl.Series(sums)).otherwise("y")
        ).to_series().to_list() == pytest.approx(sums)
