"""Rivals are judged on the same rows; rules are those of the learning period; a flattered champion is no criterion."""

import tempfile
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import pytest

from experiments.metrics import Interval
from experiments.validation_report import champion
from experiments.validation_report.champion import last_champion
from experiments.validation_report.comparison import compared
from experiments.validation_report.content import Outcome, Section, Text
from experiments.validation_report.judged import Judged
from experiments.validation_report.rivals import (
    Kind,
    Rival,
    days_past_due_rates,
    logistic_regression,
    own_only,
    plain_booster,
    scorecard,
    segment_rates,
)
from models.errors import BundleError, RegistryError
from models.registry import Registered, Registry
from tests.experiments.validation_report.conftest import Book

NOTE = Text("说明", "note")


def rival(kind: Kind, pd: np.ndarray | None, *, flattered: bool = False) -> Rival:
    return Rival(kind.value, Text(kind.value, kind.value), kind, NOTE, pd, flattered)


def outcomes(section: Section) -> dict[str, Outcome]:
    return {finding.name: finding.outcome for finding in section.findings}


def test_segment_rates_are_those_of_the_learning_period_drawn_to_the_whole(book: Book) -> None:
    judged = book()
    found = segment_rates(judged)
    past = judged.past.frame.filter(pl.col("size_rank") == 2.0, pl.col("is_company") == 1.0)
    overall = judged.past.y.mean()
    expected = (past["label"].sum() + 50 * overall) / (past.height + 50)
    mine = (
        judged.test.frame.select((pl.col("size_rank") == 2.0).fill_null(value=False)).to_series().to_numpy()
    )
    assert found.pd is not None
    assert np.unique(found.pd[mine]) == pytest.approx([expected])
    persons = judged.test.frame["size_rank"].is_null().to_numpy()
    assert len(np.unique(found.pd[persons])) == 1, "unknown sizes are a cell of their own"


def test_days_past_due_have_four_bands(book: Book) -> None:
    judged = book()
    late = (
        pl.when(pl.int_range(pl.len()) % 5 == 0)
        .then(pl.int_range(pl.len()) % 100)
        .otherwise(0)
        .cast(pl.Float64)
    )
    for part in (judged.past, judged.test):
        object.__setattr__(part, "frame", part.frame.with_columns(days_past_due=late))
    found = days_past_due_rates(judged)
    days = judged.test.frame["days_past_due"].to_numpy()
    assert found.pd is not None
    for low, high in ((0, 0), (1, 30), (31, 60), (61, 999)):
        band = (days >= low) & (days <= high)
        past = judged.past.frame.filter(pl.col("days_past_due").is_between(low, high))
        expected = (past["label"].sum() + 50 * judged.past.y.mean()) / (past.height + 50)
        assert np.unique(found.pd[band]) == pytest.approx([expected])


def test_a_rule_whose_columns_are_missing_says_so(book: Book) -> None:
    judged = book()
    for part in (judged.past, judged.test):
        object.__setattr__(part, "frame", part.frame.drop("days_past_due"))
    found = days_past_due_rates(judged)
    assert found.pd is None
    assert "days_past_due" in found.note.en
    assert outcomes(compared(judged.test, [found], seed=1))["beats_naive_rules"] is Outcome.UNKNOWN


def test_learnt_rivals_rank_and_are_reproducible(book: Book) -> None:
    judged = book(parties=250)
    for found, again in (
        (plain_booster(judged, seed=3, num_threads=1), plain_booster(judged, seed=3, num_threads=1)),
        (logistic_regression(judged), logistic_regression(judged)),
        (scorecard(judged, seed=3), scorecard(judged, seed=3)),
    ):
        assert found.pd is not None
        assert again.pd is not None
        assert found.pd.tolist() == again.pd.tolist()
        assert found.pd.shape == judged.test.y.shape
        assert found.pd[judged.test.y > 0].mean() > found.pd[judged.test.y == 0].mean()


def test_own_only_is_the_own_part(book: Book) -> None:
    judged = book(network=0.3)
    found = own_only(judged).pd
    assert found is judged.test.own_pd
    without = Judged(judged.past, None, judged.test, judged.features, judged.scale, has_network=False)
    assert own_only(without).pd is None


def test_gain_is_the_difference_of_the_same_rows(book: Book) -> None:
    test = book().test
    worse = np.random.default_rng(2).permutation(test.pd)
    table = compared(test, [rival(Kind.NAIVE, worse)], seed=1).tables[0]
    rows = [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]
    auc, other, gain = (
        cast("Interval", row[key]) for row, key in ((rows[0], "auc"), (rows[1], "auc"), (rows[1], "auc_gain"))
    )
    assert gain.value == pytest.approx(auc.value - other.value)
    fall = cast("Interval", rows[1]["log_loss_fall"]).value
    losses = [cast("Interval", row["log_loss"]).value for row in rows]
    assert fall == pytest.approx(losses[1] - losses[0])


@pytest.mark.parametrize(
    ("kind", "finding"),
    [(Kind.NAIVE, "beats_naive_rules"), (Kind.CHALLENGER, "not_beaten_by_challengers"),
     (Kind.OWN_ONLY, "network_does_no_harm"), (Kind.CHAMPION, "not_worse_than_champion")],
)  # fmt: skip
def test_each_kind_of_rival_answers_its_criterion(book: Book, kind: Kind, finding: str) -> None:
    test = book(slope=0.3).test
    better = book(slope=1.5).test.pd
    worse = np.random.default_rng(2).permutation(test.pd)
    assert outcomes(compared(test, [rival(kind, worse)], seed=1))[finding] is Outcome.MET
    blurred = book(slope=0.3).test
    noise = np.random.default_rng(3).normal(size=len(test.y))
    object.__setattr__(blurred, "pd", 1 / (1 + np.exp(-(blurred.log_odds + noise))))
    assert outcomes(compared(blurred, [rival(kind, better)], seed=1))[finding] is Outcome.NOT_MET
    assert outcomes(compared(test, [rival(kind, None)], seed=1))[finding] is Outcome.UNKNOWN


def test_a_flattered_champion_is_shown_and_is_no_criterion(book: Book) -> None:
    test = book(slope=0.3).test
    section = compared(test, [rival(Kind.CHAMPION, test.y * 0.9 + 0.05, flattered=True)], seed=1)
    assert outcomes(section)["not_worse_than_champion"] is Outcome.UNKNOWN
    assert isinstance(section.tables[0].rows[1][1], Interval)


class _Shelf(Registry):
    """A registry whose versions the test names."""

    def versions(self, name: str) -> tuple[Registered, ...]:
        if name == "down":
            raise RegistryError(zh="登记库不可用", en="the registry is down")
        return tuple(Registered(name, number, f"{name}-{number}", "run") for number in ("2", "1"))

    def fetch(self, registered: Registered, folder: Path) -> Path:
        raise BundleError(
            str(folder / registered.bundle_version), problem_zh="缺少文件", problem_en="file is missing"
        )


class _Empty(Registry):
    def versions(self, name: str) -> tuple[Registered, ...]:
        return ()


@pytest.mark.parametrize(
    ("shelf", "name", "says"),
    [
        (_Empty("x"), "credit", "no version"),
        (_Shelf("x"), "down", "is down"),
        (_Shelf("x"), "credit", "missing"),
    ],
)
def test_a_champion_that_cannot_be_had_is_reported(book: Book, shelf: Registry, name: str, says: str) -> None:
    found = last_champion(book(), pl.DataFrame(), shelf, name, label_months=15, num_threads=1)
    assert found.pd is None
    assert says in found.note.en
    assert tempfile.gettempdir() not in found.note.en, "the place it was fetched to differs from run to run"


def test_the_newest_version_that_may_be_compared_is_taken(
    book: Book, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    windows = {"2": (date(2020, 1, 31), date(2023, 3, 31)), "1": (date(2020, 1, 31), date(2021, 12, 31))}

    class Shelf(_Shelf):
        def fetch(self, registered: Registered, folder: Path) -> Path:
            return folder / registered.number

    class Manifest:
        def __init__(self, window: tuple[date, date]) -> None:
            self.training_window = window

    class Bundle:
        def __init__(self, folder: Path) -> None:
            self.folder, self.manifest = folder, Manifest(windows[folder.name])

    monkeypatch.setattr(champion, "read_bundle", Bundle)
    first_test = date(2023, 4, 30)
    fair = champion._newest(Shelf("x"), "credit", tmp_path, first_test, 15)
    assert fair is not None
    assert (fair.registered.number, fair.fair) == ("1", True)
    flattered = champion._newest(Shelf("x"), "credit", tmp_path, first_test, 18)
    assert flattered is not None
    assert (flattered.registered.number, flattered.fair) == ("2", False)
    assert "flattered" in champion._note(flattered, first_test).en
