"""Every line at every stage is answered by something that exists; routes widen or refuse as less is known."""

from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import PolicyError
from models.credit.coverage import (
    ANSWERERS,
    Answerer,
    LendingStage,
    Line,
    Route,
    RouteFacts,
    RouteQuality,
    read_coverage,
    route,
)
from models.errors import RouteError

AS_OF = date(2026, 1, 31)
FILE = read_coverage()
KNOWN = RouteFacts(known_share=0.95, has_exposure=True, has_history=True, in_default=False)
EVERY = [(line, stage) for line in Line for stage in LendingStage]


@pytest.mark.parametrize(("line", "stage"), EVERY)
def test_every_cell_is_answered_by_what_exists(line: Line, stage: LendingStage) -> None:
    cell = FILE.cell_of(line, stage)
    for answerer in (cell.full, cell.thin, cell.cold, *cell.beside):
        module, name = ANSWERERS[answerer].place.split(":")
        assert callable(getattr(import_module(module), name))
    assert Answerer.RULES in cell.beside
    assert cell.note.zh
    assert cell.note.en


def test_every_answerer_is_used_somewhere() -> None:
    used = {who for cell in FILE.cell for who in (cell.full, cell.thin, cell.cold, *cell.beside)}
    assert used == set(Answerer) == set(ANSWERERS)


def ask(
    line: str = "debt", stage: str = "pre_lending", *, known_share: float = 0.95, **change: bool
) -> Route:
    return route(line, stage, replace(KNOWN, known_share=known_share, **change), FILE, as_of=AS_OF)


def test_less_knowledge_means_a_wider_interval_or_none() -> None:
    full, new = ask(), ask(has_history=False, has_exposure=False)
    thin, cold = ask(known_share=0.4), ask(known_share=0.1)
    assert (full.answers_by[0], full.quality, full.interval_factor) == (
        "credit_model",
        RouteQuality.FULL,
        1.0,
    )
    assert (new.answers_by[0], new.quality, new.interval_factor) == ("credit_model", "fallback", 1.25)
    assert (thin.answers_by[0], thin.quality, thin.interval_factor) == ("credit_model", "fallback", 1.5)
    assert (cold.answers_by, cold.quality) == (("rules",), "refused")
    assert cold.refused_reason is not None
    small = ask("microloan", known_share=0.1)
    assert (small.answers_by[0], small.quality, small.interval_factor) == ("pooled", "fallback", 2.0)
    assert ask("equity", known_share=0.4).answers_by[0] == "pooled"


def test_after_lending_there_must_be_an_exposure() -> None:
    refused = ask("leasing", "post_lending", has_exposure=False)
    assert refused.quality == "refused"
    assert "pre_lending" in refused.reason.en
    assert Answerer.MIGRATION in ask("leasing", "post_lending").answers_by


def test_a_pd_does_not_apply_in_default() -> None:
    got = ask("leasing", "post_lending", in_default=True)
    assert got.answers_by == (Answerer.RULES, Answerer.EXPECTED_LOSS, Answerer.MIGRATION)
    assert got.quality == "fallback"


def test_without_a_model_the_pooled_one_answers_and_without_both_nobody() -> None:
    assert ask("leasing", has_model=False).answers_by[0] == "pooled"
    assert ask("leasing", has_model=False, has_pooled=False).quality == "refused"
    assert ask("leasing", known_share=0.1, segment_known=False).quality == "refused"


@given(
    st.sampled_from(EVERY),
    st.floats(0, 1),
    st.floats(0, 1),
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_knowing_more_never_makes_an_answer_worse(
    cell: tuple[Line, LendingStage], one: float, other: float, flags: tuple[bool, ...]
) -> None:
    line, stage = cell
    exposure, history, segment, model, pooled = flags
    order = [RouteQuality.REFUSED, RouteQuality.FALLBACK, RouteQuality.FULL]
    answers = [
        route(
            line,
            stage,
            RouteFacts(
                known_share=share,
                has_exposure=exposure,
                has_history=history,
                in_default=False,
                segment_known=segment,
                has_model=model,
                has_pooled=pooled,
            ),
            FILE,
            as_of=AS_OF,
        )
        for share in sorted((one, other))
    ]
    less, more = answers
    assert order.index(less.quality) <= order.index(more.quality)
    for got in answers:
        assert got.interval_factor >= 1
        assert (got.refused_reason is not None) == (got.quality is RouteQuality.REFUSED)
        assert Answerer.RULES in got.answers_by
    if less.quality is not RouteQuality.REFUSED:
        assert less.interval_factor >= more.interval_factor


@pytest.mark.parametrize(("line", "stage"), [("casino", "pre_lending"), ("debt", "afterwards")])
def test_unknown_lines_and_stages_are_named(line: str, stage: str) -> None:
    with pytest.raises(RouteError, match="Lines: leasing"):
        ask(line, stage)


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(RouteError, match="known_share"):
        ask(known_share=1.2)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('line = "fund"\nstage = "pre_lending"', 'line = "debt"\nstage = "pre_lending"', "fund/pre_lending"),
        ('full = "credit_model"', 'full = "rules"', "gives no PD"),
        ("thin_from = 0.37", "thin_from = 0.7", "below full_from"),
    ],
)
def test_a_matrix_with_a_hole_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = (Path(__file__).parents[3] / "models/credit/coverage.toml").read_text(encoding="utf-8")
    path = tmp_path / "coverage.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PolicyError, match=problem):
        read_coverage(path)
