"""The ledger of forecasts: publish a run, read runs again, measure what was published against what came."""

from pathlib import Path
from typing import Final

from features.timeline import Frequency
from models.demand.ledger.forecast_value_added import accuracy
from models.demand.ledger.published_run import ForecastRun, RunInfo, write_run
from models.demand.ledger.published_run import list_runs as list_runs_in
from models.demand.ledger.published_run import read_run as read_run_in

__all__ = ["FOLDER", "accuracy", "list_runs", "publish_run", "read_run"]

FOLDER: Final = "forecasts"


def publish_run(home: Path, run: ForecastRun) -> Path:
    """Keep a run under `<home>/forecasts/<run_id>`, whole and for good, and make it the newest of its frequency.

    Raises ForecastRunError where its frames do not hold together, ForecastRunExistsError where its id is taken.
    """
    return write_run(home / FOLDER, run)


def read_run(home: Path, run_id: str) -> ForecastRun:
    """Read a run and check every file against its hash. Raises BundleError."""
    return read_run_in(home / FOLDER / run_id)


def list_runs(home: Path, freq: Frequency | None = None) -> list[RunInfo]:
    """List what was published, oldest first."""
    return list_runs_in(home / FOLDER, freq)
