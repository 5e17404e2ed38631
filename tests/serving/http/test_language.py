"""The caller's language is found in any header, and any header gives a language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh", "zh"),
        ("en-GB", "en"),
        ("EN", "en"),
        ("fr, en;q=0.3, zh;q=0.2", "en"),
        ("en;q=0.2,zh-Hans-CN;q=0.9", "zh"),
        ("en;q=0", "zh"),
        ("en;q=x", "zh"),
        ("english", "zh"),
        ("*", "zh"),
        (None, "zh"),
    ],
)
def test_language_follows_the_weights(header: str | None, language: str) -> None:
    assert preferred_language(header, "zh") == language


def test_default_is_the_settings_language() -> None:
    assert preferred_language("fr", "en") == "en"


@given(st.text())
def test_any_header_gives_a_language(header: str) -> None:
    assert preferred_language(header, "zh") in ("zh", "en")
