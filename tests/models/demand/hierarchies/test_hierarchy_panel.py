"""A panel gets its sums: every node a series up to the newest period, drivers and texts kept, late ones named."""

from datetime import date

import polars as pl
import pytest

from features.demand import Panel, build_panel
from models.demand.arrays import codes_of, series_of
from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels, hierarchy_of_nodes
from models.demand.hierarchies.upper_panel import panel_with_sums
from models.errors import HierarchyError


def _table(months: dict[str, int], *, ahead: int = 2) -> pl.DataFrame:
    """Return a table of series of 1, 10, 100 ... a month from 2022-01 on, with a price and a plan ahead."""
    rows = [
        {
            "unique_id": one,
            "ds": date(2022 + month // 12, month % 12 + 1, 1),
            "y": float(10**number) if month < count else None,
            "price": number + 1,
            "promo": number == 0,
            "kind": "own" if number else "shared",
            "org": "north" if number < 2 else "south",
        }
        for number, (one, count) in enumerate(months.items())
        for month in range(count + ahead)
    ]
    return pl.DataFrame(rows)


def _panel(months: dict[str, int]) -> tuple[Panel, Hierarchy]:
    panel = build_panel(_table(months), freq="1mo", known=("price", "promo", "kind"), static=("org",))
    assert panel.static is not None
    return panel, hierarchy_of_levels(panel.static, [["org"]])


def test_every_node_is_a_series_that_the_members_can_take() -> None:
    panel, hierarchy = _panel({"a": 30, "b": 30, "c": 30})
    whole = panel_with_sums(panel, hierarchy)
    series = series_of(whole, 2, codes_of(whole))
    assert set(series.ids) == set(hierarchy.ids)
    rows = {one: row for row, one in enumerate(series.ids)}
    assert (series.y[rows["total"]] == 111).all()
    assert (series.y[rows["org=north"]] == 11).all()
    assert series.observed.all()
    assert (series.last == series.last[0]).all()
    assert series.known["price"].shape == (6, 32)
    assert series.known["price"][rows["org=north"]] == pytest.approx((1 * 1 + 10 * 2) / 11)
    assert series.known["promo"][rows["org=north"]] == pytest.approx(1 / 11)
    assert whole.series["ended_early"].to_list() == [0] * 6
    assert whole.series["non_negative"].all()


def test_texts_stay_texts_and_are_null_where_series_differ() -> None:
    panel, hierarchy = _panel({"a": 30, "b": 30, "c": 30})
    whole = panel_with_sums(panel, hierarchy)
    assert whole.static is not None
    orgs = dict(whole.static.rows())
    assert orgs == {
        "a": "north",
        "b": "north",
        "c": "south",
        "total": None,
        "org=north": "north",
        "org=south": "south",
    }
    kinds = dict(whole.frame.group_by("unique_id").agg(pl.col("kind").first()).rows())
    assert kinds["org=north"] is None
    assert kinds["org=south"] == "own"


def test_late_and_ended_series_are_brought_up_to_the_newest_period_and_named() -> None:
    table = pl.concat(
        [_table({"a": 36}), _table({"x": 1, "b": 34}, ahead=0), _table({"y": 1, "z": 1, "c": 20}, ahead=0)]
    )
    panel = build_panel(
        table.filter(pl.col("unique_id").is_in(["a", "b", "c"])),
        freq="1mo",
        known=("price",),
        static=("org",),
    )
    hierarchy = hierarchy_of_nodes({"all": ["a", "b", "c"]}, ["a", "b", "c"])
    whole = panel_with_sums(panel, hierarchy)
    tails = whole.frame.filter(pl.col("period") > 2022 * 12 + 33).sort("unique_id", "period")
    got = {one: part["y"].to_list() for (one,), part in tails.group_by("unique_id", maintain_order=True)}
    assert got == {"a": [1, 1], "b": [10, 10], "c": [0, 0], "all": [11, 11]}
    found = whole.findings.filter(pl.col("rule").is_in(["ended", "not_reported_yet"])).sort("unique_id")
    assert found.select("unique_id", "rule", "rows", "first_ds").rows() == [
        ("b", "not_reported_yet", 2, date(2024, 11, 1)),
        ("c", "ended", 16, date(2023, 9, 1)),
    ]
    observed = whole.frame.filter((pl.col("unique_id") == "all") & ~pl.col("observed"))
    assert observed["ds"].to_list() == [date(2024, 11, 1), date(2024, 12, 1)]


def test_sum_with_a_history_of_its_own_keeps_it() -> None:
    table = _table({"a": 30, "b": 30, "all": 30})
    panel = build_panel(table, freq="1mo", known=("price",))
    whole = panel_with_sums(panel, hierarchy_of_nodes({"all": ["a", "b"]}, ["a", "b", "all"]))
    assert whole.frame.filter(pl.col("unique_id") == "all")["y"].unique().to_list() == [100.0]
    assert whole.frame.height == panel.frame.height


def test_day_on_which_a_series_never_sells_counts_as_zero_in_the_sums() -> None:
    days = pl.date_range(date(2024, 1, 1), date(2024, 6, 30), eager=True)
    rows = pl.DataFrame({"ds": days}).join(
        pl.DataFrame({"unique_id": ["a", "b"], "y": [5.0, 7.0]}), how="cross"
    )
    open_days = rows.filter((pl.col("unique_id") == "b") | (pl.col("ds").dt.weekday() != 7))
    panel = build_panel(open_days, freq="1d")
    assert panel.closed["unique_id"].unique().to_list() == ["a"]
    whole = panel_with_sums(panel, hierarchy_of_nodes({"all": ["a", "b"]}, ["a", "b"]))
    sums = (
        whole.frame.filter(pl.col("unique_id") == "all")
        .group_by(pl.col("ds").dt.weekday())
        .agg(pl.col("y").unique())
    )
    assert dict(sums.rows())[7] == [7.0]
    assert dict(sums.rows())[1] == [12.0]


def test_refused_series_are_taken_out_by_name() -> None:
    table = _table({"a": 30, "b": 30, "c": 30}).with_columns(
        pl.when(pl.col("unique_id") == "c").then(None).otherwise(pl.col("y")).alias("y")
    )
    panel = build_panel(table, freq="1mo", static=("org",))
    refused = panel.refused["unique_id"].to_list()
    assert refused == ["c"]
    static = table.select("unique_id", "org").unique(maintain_order=True)
    hierarchy = hierarchy_of_levels(static, [["org"]])
    with pytest.raises(HierarchyError, match="c are not in the table"):
        panel_with_sums(panel, hierarchy)
    left = hierarchy.without(refused)
    assert left.ids == ("total", "org=north", "a", "b")
    assert left.same == (("total", "org=north"),)
    assert set(panel_with_sums(panel, left).series["unique_id"]) == set(left.ids)
    with pytest.raises(HierarchyError, match="no series is left"):
        hierarchy.without({"a", "b", "c"})
