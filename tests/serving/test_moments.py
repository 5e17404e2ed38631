"""Moments in the database sort as time does."""

from datetime import UTC, datetime, timedelta, timezone

from serving.moments import moment_of, moment_text

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_texts_sort_as_moments_do_whatever_their_zone_and_fraction() -> None:
    shanghai = timezone(timedelta(hours=8))
    moments = [NOON, NOON + timedelta(microseconds=1), (NOON + timedelta(seconds=1)).astimezone(shanghai)]
    texts = [moment_text(moment) for moment in moments]
    assert texts == sorted(texts)
    assert texts[0] == "2026-07-01T12:00:00.000000+00:00"


def test_a_moment_is_read_as_it_was_written_and_none_stays_none() -> None:
    assert moment_of(moment_text(NOON)) == NOON
    assert moment_of(None) is None
