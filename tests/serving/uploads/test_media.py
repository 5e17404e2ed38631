"""Kinds of tables by their media types."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.errors import NotAcceptableError
from serving.uploads.errors import UploadTypeError
from serving.uploads.media import TableKind, accepted_kind, sent_kind

PARQUET, CSV = TableKind.PARQUET.media_type, TableKind.CSV.media_type


@pytest.mark.parametrize("kind", TableKind)
def test_every_kind_is_known_by_its_media_type(kind: TableKind) -> None:
    assert sent_kind(f"{kind.media_type.upper()}; charset=utf-8") is kind
    assert accepted_kind(kind.media_type) is kind


@pytest.mark.parametrize("header", [None, "", "text/plain", "parquet", "multipart/form-data"])
def test_other_bodies_are_refused_with_what_is_taken(header: str | None) -> None:
    with pytest.raises(UploadTypeError) as caught:
        sent_kind(header)
    assert PARQUET in caught.value.en
    with pytest.raises(UploadTypeError):
        sent_kind(CSV, (TableKind.JSON,))


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (None, TableKind.JSON),
        ("*/*", TableKind.JSON),
        (f"{CSV}, {PARQUET}", TableKind.PARQUET),
        (f"{CSV};q=0.9, {PARQUET};q=0.8", TableKind.CSV),
        (f"{CSV};q=0, */*", TableKind.JSON),
        ("application/json;q=0, application/*;q=0.1", TableKind.PARQUET),
        (f"text/*;q=0.2, {CSV};q=0.9, application/json;q=0.5", TableKind.CSV),
    ],
)
def test_the_highest_weight_wins_and_the_most_specific_range_gives_it(
    header: str | None, kind: TableKind
) -> None:
    assert accepted_kind(header) is kind


@pytest.mark.parametrize("header", ["image/png", "*/*;q=0", "text/csv;q=2", "text/csv;q=x"])
def test_nothing_acceptable_is_refused(header: str) -> None:
    with pytest.raises(NotAcceptableError):
        accepted_kind(header)


@given(st.text(max_size=200))
def test_any_header_gives_a_kind_or_a_refusal(header: str) -> None:
    with contextlib.suppress(NotAcceptableError):
        assert accepted_kind(header) in TableKind
