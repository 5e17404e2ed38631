"""Answers beside the truth, by hand: bands of hazard, and whether a path ends at the party that pulled."""

from datetime import date

import polars as pl
import pytest

from experiments.contagion_truth import NO_HAZARD, carrier_hits, effect_by_hazard
from features.credit.carrier_texts import CARRIERS_SCHEMA

MAY, JUNE = date(2024, 5, 31), date(2024, 6, 30)


def test_effects_are_averaged_by_true_hazard() -> None:
    parties = [f"P{number}" for number in range(6)]
    answers = pl.DataFrame(
        {"party_id": parties, "as_of": [MAY] * 6, "effect": [-0.1, 0.3, 0.2, 0.4, 0.6, 9.0]}
    )
    hazard = pl.DataFrame(
        {
            "party_id": parties[:5],
            "month": [MAY] * 5,
            "hazard_contagion": pl.Series([0.0, 0.0, 0.01, 0.02, 0.04], dtype=pl.Float32),
        }
    )
    found = effect_by_hazard(answers, hazard, bands=2)
    assert found["band"].to_list() == [NO_HAZARD, "q1 of 2", "q2 of 2"]
    assert found["rows"].to_list() == [2, 2, 1]
    assert found["effect"].to_list() == pytest.approx([0.1, 0.3, 0.6])
    assert found["hazard"].to_list() == pytest.approx([0.0, 0.015, 0.04])
    assert found["spread"].to_list() == pytest.approx([0.05**0.5, 0.1**0.5, 0.6])


def test_without_contagion_there_is_one_band() -> None:
    answers = pl.DataFrame({"party_id": ["A"], "as_of": [MAY], "effect": [0.2]})
    hazard = pl.DataFrame({"party_id": ["A"], "month": [MAY], "hazard_contagion": [0.0]})
    assert effect_by_hazard(answers, hazard)["band"].to_list() == [NO_HAZARD]


def test_bands_are_read_of_the_same_month_only() -> None:
    answers = pl.DataFrame({"party_id": ["A"], "as_of": [MAY], "effect": [0.2]})
    hazard = pl.DataFrame({"party_id": ["A"], "month": [JUNE], "hazard_contagion": [0.5]})
    assert effect_by_hazard(answers, hazard).is_empty()


def _carriers(*rows: tuple[str, str, str, date | None]) -> pl.DataFrame:
    content = [
        {"party_id": party, "as_of": MAY, "channel": channel, "end_id": end, "end_default_on": day}
        for party, channel, end, day in rows
    ]
    return pl.DataFrame(content, schema=CARRIERS_SCHEMA)


def _defaults(*rows: tuple[str, str, str | None, date]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "party_id": party,
                "stopped_on": day,
                "default_on": day,
                "cause": cause,
                "via_party": via,
                "via_kind": "customer" if via else None,
            }
            for party, cause, via, day in rows
        ],
        schema_overrides={"via_party": pl.String, "via_kind": pl.String},
    )


def test_a_hit_is_a_path_that_ends_at_the_cause() -> None:
    """A's told path ends at its cause, B's does not though another route's does, C has no path, D fell by itself."""
    answers = pl.DataFrame(
        {
            "party_id": list("ABCD"),
            "as_of": [MAY] * 4,
            "channel": ["customer", "customer", "owner", "customer"],
        }
    )
    carriers = _carriers(
        ("A", "customer", "X", MAY),
        ("B", "customer", "Y", None),
        ("B", "owner", "X", MAY),
        ("D", "customer", "X", MAY),
    )
    day = date(2024, 9, 15)
    defaults = _defaults(
        ("A", "contagion", "X", day),
        ("B", "contagion", "X", day),
        ("C", "contagion", "X", day),
        ("D", "own", None, day),
    )
    found = carrier_hits(answers, carriers, defaults)
    assert found.select("party_id", "hit", "direct", "had_failed").rows() == [
        ("A", True, True, True),
        ("B", False, True, False),
        ("C", False, False, False),
    ]


def test_only_defaults_within_the_horizon_and_after_the_answer_count() -> None:
    answers = pl.DataFrame({"party_id": list("ABC"), "as_of": [MAY] * 3, "channel": ["customer"] * 3})
    carriers = _carriers(*((party, "customer", "X", MAY) for party in "ABC"))
    defaults = _defaults(
        ("A", "contagion", "X", MAY),
        ("B", "contagion", "X", date(2025, 5, 31)),
        ("C", "contagion", "X", date(2025, 6, 1)),
    )
    assert carrier_hits(answers, carriers, defaults)["party_id"].to_list() == ["B"]
