"""A series that ended early is asked about the periods that the table names, not about those after its end."""

from datetime import date, timedelta

import polars as pl

from features.demand import build_panel
from features.panels.late import carried_to_newest

START = date(2024, 1, 1)


def _table(*, goes_on: bool) -> pl.DataFrame:
    def day(number: int) -> date:
        return START + timedelta(days=number)

    rows = [("open", day(n), float(n % 7), 0.0) for n in range(60)]
    rows += [("shut", day(n), 10.0 + n % 7, 0.0) for n in range(30)]
    ahead = [("open", day(n), None, 1.0) for n in range(60, 67)]
    ahead += [("shut", day(n), None, 1.0) for n in range(60, 67)] if goes_on else []
    return pl.DataFrame([*rows, *ahead], schema=["unique_id", "ds", "y", "promo"], orient="row")


def test_a_series_that_goes_on_is_carried_to_the_newest_period() -> None:
    panel = carried_to_newest(build_panel(_table(goes_on=True), freq="1d", known=("promo",)))
    shut = panel.frame.filter(pl.col("unique_id") == "shut")
    assert shut["period"].max() == panel.frame.filter(pl.col("unique_id") == "open")["period"].max()
    assert shut["observed"].sum() == 30
    assert shut["y"].to_list() == [10.0 + n % 7 for n in range(60)]
    assert panel.future.group_by("unique_id").len()["len"].to_list() == [7, 7]
    assert panel.series["ended_early"].to_list() == [0, 0]
    found = panel.findings.filter(pl.col("rule") == "carried_to_newest")
    assert found.select("unique_id", "rows").row(0) == ("shut", 30)


def test_a_series_that_just_ends_stays_as_it_is() -> None:
    panel = build_panel(_table(goes_on=False), freq="1d", known=("promo",))
    assert carried_to_newest(panel) is panel
