"""All lists of the API page by cursor and limit, and take days and moments alike."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from serving.http.endpoint import Endpoint
from serving.listing import ListQuery, Span
from tests.wire.route_shapes import endpoints

SHANGHAI = ZoneInfo("Asia/Shanghai")
WHOLE = {"GET /v1/features", "GET /v1/features/{name}", "GET /v1/intake/uploads/{upload_id}"}
"""Lists that are given whole: the catalogue, and one of what a page would hold."""


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> tuple[Endpoint, ...]:
    return tuple(endpoints(tmp_path_factory.mktemp("home")))


def test_every_list_that_grows_pages_in_one_way(every: tuple[Endpoint, ...]) -> None:
    paged = [one for one in every if one.query is not None and "cursor" in one.query.model_fields]
    lists = {f"{one.method} {one.path}" for one in paged}
    assert lists == {
        "GET /v1/decisions", "GET /v1/decisions/export", "GET /v1/credit/overrides", "GET /v1/appeals", "GET /v1/jobs",
        "GET /v1/incidents", "GET /v1/intake/uploads", "GET /v1/audit/risky-use", "GET /v1/demand/overrides",
    }  # fmt: skip
    for one in paged:
        assert one.query is not None
        fields = one.query.model_fields
        assert {"since", "until", "cursor", "limit"} <= set(fields), one.path
        assert "cursor" in one.answer.model_fields, one.path
        assert not {"before", "after", "offset", "page", "items"} & {*fields, *one.answer.model_fields}


def test_no_answer_holds_rows_of_what_grows_without_a_page(every: tuple[Endpoint, ...]) -> None:
    grows = {"decisions", "overrides", "appeals", "jobs", "incidents", "uploads", "events", "features"}
    unpaged = {
        f"{one.method} {one.path}"
        for one in every
        if one.method == "GET"
        and grows & set(one.answer.model_fields)
        and (one.query is None or "cursor" not in one.query.model_fields)
        and one.answer.__name__ not in {"DecisionAnswer", "ModelCard", "InputsAnswer"}
        and "application/json" in one.produces
    }
    assert unpaged == WHOLE


@pytest.mark.parametrize(
    ("since", "until", "begins", "ends"),
    [
        ("2026-11-01", "2026-11-01", "2026-10-31T16:00:00+00:00", "2026-11-01T16:00:00+00:00"),
        ("2026-11-01T00:00:00Z", "2026-11-01", "2026-11-01T00:00:00+00:00", "2026-11-01T16:00:00+00:00"),
        ("2026-11-01", "2026-11-01T08:30:00+08:00", "2026-10-31T16:00:00+00:00", "2026-11-01T00:30:00+00:00"),
    ],
)
def test_days_are_whole_days_of_the_business_zone_and_moments_are_what_they_say(
    since: str, until: str, begins: str, ends: str
) -> None:
    span = ListQuery.model_validate_strings({"since": since, "until": until}).span(SHANGHAI)
    assert (span.since, span.before) == (datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    assert span.since is not None
    assert span.before is not None
    assert span.holds(span.since)
    assert not span.holds(span.since - timedelta(microseconds=1))
    assert span.holds(span.before - timedelta(microseconds=1))
    assert not span.holds(span.before)


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    span = Span.of(date(2026, 3, 29), date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert span.since is not None
    assert span.before is not None
    assert span.before - span.since == timedelta(hours=23)


def test_an_open_span_holds_everything() -> None:
    assert Span.of(None, None, SHANGHAI) == Span()
    assert Span().holds(datetime(1970, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "2026-11-01T00:00:00"}, {"since": "yesterday"}, {"until": "2026-02-30"}, {"until": "1767225600"},
        {"until": "2026-11-01T08:00:00 08:00"},
        {"until": "9999-12-31"}, {"since": "0001-01-01"}, {"since": "1969-12-31T00:00:00Z"},
        {"cursor": "0"}, {"cursor": "x"}, {"cursor": str(2**63)},
        {"limit": "0"}, {"limit": "201"},
    ],
)  # fmt: skip
def test_what_is_neither_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        ListQuery.model_validate_strings(wrong)
    assert [error["loc"][0] for error in refused.value.errors()] == list(wrong)


def test_a_query_is_kept_as_it_was_asked() -> None:
    query = ListQuery.model_validate_strings({"since": "2026-11-01", "until": "2026-11-02T00:00:00Z"})
    assert query.model_dump(mode="json", exclude_none=True) == {
        "since": "2026-11-01", "until": "2026-11-02T00:00:00+00:00", "limit": 50,
    }  # fmt: skip
