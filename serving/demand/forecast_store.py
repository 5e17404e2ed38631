"""The published runs as the service holds them: the newest of each frequency in memory, older ones on request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from features.timeline import Frequency, Timeline, timeline_of
from models.demand.ledger.planner_overrides import may_be_negative
from models.demand.ledger.published_run import (
    KEYS,
    ForecastRun,
    RunInfo,
    challenger_pointer,
    ds_text,
    latest_pointer,
    latest_run_id,
    list_runs,
    read_run,
)
from models.quantile_columns import quantile_columns
from serving.champions.families import Alias, Level, demand_family
from serving.champions.run_choice import RunChoice, choose_run
from serving.champions.switches import SwitchBoard
from serving.schemas import Note

__all__ = ["ForecastStore", "LoadedRun", "pointers"]

_ROWS_KEPT: Final = 5_000_000  # forecast rows of older runs held for accuracy, some 500 MB at most


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """A run with what is looked up in it all the time."""

    run: ForecastRun

    @property
    def info(self) -> RunInfo:
        """Return who made it, when, from what."""
        return self.run.info

    @cached_property
    def series(self) -> pl.DataFrame:
        """Every series it has a word on: unique_id, static columns, quality and its reason, whether it is forecast."""
        forecast = self.run.forecast.group_by("unique_id", maintain_order=True).agg(
            pl.col(*KEYS, "level", "members").first(), pl.col("floor").any(), pl.col("reason").first()
        )
        quality = self.run.quality.select(
            "unique_id",
            "quality",
            "reason_zh",
            "reason_en",
            "findings",
            *[pl.col(k).alias(f"{k}_q") for k in _STATIC],
        )
        both = quality.join(forecast, on="unique_id", how="left")
        return both.with_columns(pl.coalesce(key, f"{key}_q").alias(key) for key in _STATIC).drop(
            [f"{key}_q" for key in _STATIC]
        )

    @cached_property
    def quantiles(self) -> dict[str, float]:
        """Quantile columns with their levels."""
        return quantile_columns(self.run.forecast)

    @cached_property
    def timeline(self) -> Timeline:
        """What the dates of the run share."""
        return timeline_of(self.run.history["ds"], self.info.freq)

    @cached_property
    def negative(self) -> bool:
        """Whether figures of the run may fall below zero."""
        return may_be_negative(self.run.history)

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        return _places(self.run.forecast)

    @cached_property
    def _component_places(self) -> dict[str, tuple[int, int]]:
        return _places(self.run.components)

    def points(self, unique_id: str) -> pl.DataFrame:
        """Return the forecast rows of a series, ds as text; none for a series without a forecast."""
        start, count = self._places.get(unique_id, (0, 0))
        rows = self.run.forecast.slice(start, count)
        return rows.with_columns(ds_text(rows))

    def drivers(self, unique_id: str) -> dict[int, list[tuple[str, float]]]:
        """Return the components of a series by step."""
        start, count = self._component_places.get(unique_id, (0, 0))
        found: dict[int, list[tuple[str, float]]] = {}
        for _, step, component, value in self.run.components.slice(start, count).iter_rows():
            found.setdefault(step, []).append((component, value))
        return found


_STATIC: Final = (*KEYS, "level")


def _places(frame: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Return where each series' rows begin and how many there are; the frame is sorted by series."""
    counts = frame.group_by("unique_id", maintain_order=True).agg(pl.len())
    starts = counts["len"].cum_sum() - counts["len"]
    return {
        name: (start, count)
        for name, start, count in zip(counts["unique_id"], starts, counts["len"], strict=True)
    }


def pointers(root: Path) -> list[Path]:
    """Return the files that name the newest runs: when none of them changes, nothing new was published."""
    return [name(root, freq) for freq in Frequency for name in (latest_pointer, challenger_pointer)]


@dataclass
class ForecastStore:
    """The folder of published runs: of each frequency the one that answers and the challenger's."""

    root: Path
    board: SwitchBoard | None = None
    latest: dict[Frequency, LoadedRun] = field(default_factory=dict)
    challengers: dict[Frequency, LoadedRun] = field(default_factory=dict)
    choices: dict[Frequency, RunChoice] = field(default_factory=dict)
    _kept: dict[str, ForecastRun] = field(default_factory=dict)

    def reload(self) -> None:
        """Load the run of each frequency that is to answer; one that cannot be read leaves the one before in place.

        Raises the UserError of a run that cannot be read, after all others have been loaded.
        """
        problem: Exception | None = None
        for freq in Frequency:
            try:
                self._reload(freq)
            except Exception as error:  # noqa: BLE001 - raised below, when the other frequencies are in place
                problem = error
        if problem is not None:
            raise problem

    def _reload(self, freq: Frequency) -> None:
        family = demand_family(freq)
        choice = choose_run(self.board, family, latest_run_id(self.root, freq))
        self.choices[freq] = choice
        held = self.latest.get(freq)
        if choice.level is not Level.CHAMPION and held is not None and held.info.run_id != choice.run_id:
            del self.latest[freq]  # it was ordered away: whatever happens below, it does not answer any more
            held = None
        if choice.run_id is not None and (held is None or held.info.run_id != choice.run_id):
            self.latest[freq] = self._loaded(choice.run_id)
        beside = latest_run_id(self.root, freq, challenger=True)
        if self.board is not None:
            beside = self.board.alias_version(family, Alias.CHALLENGER, beside)
        if beside is None or beside == choice.run_id:
            self.challengers.pop(freq, None)
        elif freq not in self.challengers or self.challengers[freq].info.run_id != beside:
            self.challengers[freq] = self._loaded(beside)

    def _loaded(self, run_id: str) -> LoadedRun:
        loaded = LoadedRun(self._read(run_id))
        _ = (loaded.series, loaded.timeline)  # what is wrong with it shows now, not at the first question
        return loaded

    def note(self, freq: Frequency) -> Note | None:
        """Return the remark that another than the newest run answers, None where the newest does."""
        choice = self.choices.get(freq)
        return None if choice is None else choice.note

    def stopped(self, freq: Frequency) -> RunChoice | None:
        """Return the order that a frequency is not answered, None where there is none."""
        choice = self.choices.get(freq)
        return choice if choice is not None and choice.level is Level.STOPPED else None

    def runs(self, freq: Frequency, most: int) -> Sequence[ForecastRun]:
        """Return the newest `most` runs of a frequency, oldest first; runs never change, so they are read once."""
        return [self._read(info.run_id) for info in list_runs(self.root, freq)[-most:]]

    def _read(self, run_id: str) -> ForecastRun:
        found = self._kept.get(run_id)
        if found is None:
            found = read_run(self.root / run_id)
            self._kept[run_id] = found
            while (
                sum(run.forecast.height for run in self._kept.values()) > _ROWS_KEPT and len(self._kept) > 1
            ):
                self._kept.pop(next(iter(self._kept)))
        return found
