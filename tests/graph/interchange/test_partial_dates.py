"""Dates as registers write them."""

from datetime import date

import pytest

from graph.interchange.partial_dates import first_day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019", date(2019, 1, 1)),
        ("2019-05", date(2019, 5, 1)),
        (" 2019-5-3 ", date(2019, 5, 3)),
        ("2020-02-29", date(2020, 2, 29)),
        ("2019-05-03T23:59:59+08:00", date(2019, 5, 3)),
        ("2019-05-03 08:00", date(2019, 5, 3)),
        ("2019-02-29", None),
        ("2019-13", None),
        ("03.05.2019", None),
        ("２０１９", None),
        ("0000", None),
        ("", None),
        (2019, None),
        (None, None),
    ],
)
def test_first_day(text: object, day: date | None) -> None:
    assert first_day(text) == day
