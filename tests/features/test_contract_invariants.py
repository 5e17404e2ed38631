"""What holds for any table whatever: no row is lost, none is invented, and good rows stay good."""

import string
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts import CONTRACTS, check_table
from features.parsing import is_blank

EXPOSURES = pl.DataFrame({"exposure_id": ["X1", "X2"], "start_on": [date(2023, 1, 1), None]})
DAYS = st.none() | st.dates(date(2022, 12, 1), date(2023, 3, 1)) | st.just(date(1000, 1, 1))
PAYMENT = st.fixed_dictionaries(
    {
        "payment_id": st.sampled_from(["Y1", "Y2", "Y3", " ", None]),
        "exposure_id": st.sampled_from(["X1", "X2", "X9", None]),
        "paid_on": DAYS,
        "amount": st.none() | st.sampled_from([1.0, 2.0, -1.0, float("inf"), float("nan")]),
        "known_at": DAYS,
    }
)
CELL = st.sampled_from(
    ["Y1", "X1", "2023-01-05", "2023/1/6", "5", "1,000.5", "x", "", " ", "#N/A", "-3", "inf", None]
)
LINE = st.fixed_dictionaries(dict.fromkeys(CONTRACTS["payments"].column_names, CELL))


def as_text(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    text = frame.select(pl.col(CONTRACTS["payments"].column_names).cast(pl.String))
    # blank text counts as empty, and a good row says so
    trimmed = text.select(pl.when(~is_blank(pl.all())).then(pl.all()))
    return sorted(trimmed.rows(), key=repr)


@settings(max_examples=150)
@given(st.lists(PAYMENT, min_size=1, max_size=12))
def test_good_and_failed_rows_together_are_the_table(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=CONTRACTS["payments"].schema)
    checked = check_table("payments", frame, {"exposures": EXPOSURES})
    assert as_text(pl.concat([checked.good, checked.rows.select(checked.good.columns)])) == as_text(frame)
    assert set(checked.rows["row"]) == set(checked.failed["row"])
    assert checked.rows["row"].is_unique().all()
    again = check_table("payments", checked.good, {"exposures": EXPOSURES}) if checked.good.height else None
    assert again is None or again.passed


@settings(max_examples=150)
@given(
    st.lists(LINE, min_size=1, max_size=8).filter(
        lambda lines: any(any((v or "").strip() for v in line.values()) for line in lines)
    )
)
def test_each_line_of_a_sheet_is_good_failed_or_blank(lines: list[dict[str, str | None]]) -> None:
    frame = pl.DataFrame(lines, schema=dict.fromkeys(CONTRACTS["payments"].column_names, pl.String))
    checked = check_table("payments", frame, {"exposures": EXPOSURES}, sheet=True)
    blank = frame.select(pl.all_horizontal(is_blank(pl.all()))).to_series()
    assert checked.good.height + checked.rows.height + int(blank.sum()) == frame.height
    numbered = frame.with_row_index("row", offset=2)
    kept = checked.rows.join(numbered, on="row", how="left", suffix="_given")
    for name in frame.columns:
        assert kept[name].equals(kept[f"{name}_given"].alias(name), null_equal=True)


@settings(max_examples=100)
@given(
    st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%Y-%m-%d 00:00:00"]),
    st.sampled_from(["", " ", "\t"]),
)
def test_every_spelling_of_a_day_is_read(day: date, spelling: str, around: str) -> None:
    # strftime does not pad years before 1000, which lie outside the range anyway
    line = {
        "payment_id": "Y1",
        "exposure_id": "X2",
        "paid_on": day.isoformat(),
        "amount": "1",
        "known_at": around + day.strftime(spelling) + around,
    }
    checked = check_table("payments", pl.DataFrame([line]), {"exposures": EXPOSURES}, sheet=True)
    assert checked.good["known_at"].to_list() == [day]


@settings(max_examples=100)
@given(st.floats(min_value=0.01, max_value=1e13))
def test_numbers_are_read_as_written_with_and_without_separators(number: float) -> None:
    cents = round(number, 2)
    lines = [
        {
            "payment_id": key,
            "exposure_id": "X2",
            "paid_on": "2023-01-05",
            "amount": text,
            "known_at": "2023-01-05",
        }
        for key, text in (("Y1", f"{cents:.2f}"), ("Y2", f"{cents:,.2f}"))
    ]
    checked = check_table("payments", pl.DataFrame(lines), {"exposures": EXPOSURES}, sheet=True)
    assert checked.good["amount"].to_list() == [float(f"{cents:.2f}")] * 2


@settings(max_examples=60)
@given(st.text(string.ascii_letters + "，。!?", min_size=1, max_size=8), st.integers(0, 3))
def test_unreadable_cell_fails_its_line_and_no_other(text: str, at: int) -> None:
    lines = [
        {
            "payment_id": f"Y{n}",
            "exposure_id": "X2",
            "paid_on": "2023-01-05",
            "amount": "7",
            "known_at": "2023-01-06",
        }
        for n in range(4)
    ]
    lines[at]["known_at"] = text
    checked = check_table("payments", pl.DataFrame(lines), {"exposures": EXPOSURES}, sheet=True)
    assert checked.failed.select("row", "column", "rule", "value").rows() == [
        (at + 2, "known_at", "readable", text)
    ]
    assert checked.good["paid_on"].to_list() == [date(2023, 1, 6) - timedelta(days=1)] * 3
