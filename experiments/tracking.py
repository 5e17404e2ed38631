"""Write a run down in MLflow: parameters, metrics, tags, plots, files."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Param
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from experiments.errors import TrackingError

__all__ = ["Run", "code_version", "nested_run", "tracked_run"]

_REASON_SHOWN: Final = 300
_MOST_AT_ONCE: Final = 100  # parameters in one request, by MLflow's own limit


@dataclass(frozen=True)
class Run:
    """An open run; what is logged here stands in MLflow at once."""

    run_id: str
    client: MlflowClient

    def parameters(self, values: Mapping[str, object]) -> None:
        """Log parameters; nested values are written as their text."""
        params = [Param(name, str(value)) for name, value in values.items()]
        for start in range(0, len(params), _MOST_AT_ONCE):
            self.client.log_batch(self.run_id, params=params[start : start + _MOST_AT_ONCE])

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log metrics; values that are not finite are left out, as a backend stores none."""
        for name, value in values.items():
            if value == value and abs(value) != float("inf"):  # noqa: PLR0124 - NaN differs from itself
                self.client.log_metric(self.run_id, name, value)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        for name, value in values.items():
            self.client.set_tag(self.run_id, name, value)

    def files(self, folder: Path, *, under: str | None = None) -> None:
        """Log all files of a folder."""
        self.client.log_artifacts(self.run_id, str(folder), under)


@contextmanager
def tracked_run(
    experiment: str, *, tracking_uri: str, artifacts: Path, name: str | None = None
) -> Iterator[Run]:
    """Open a run in an experiment; it ends as FINISHED, or as FAILED or KILLED when the block did not get through."""
    mlflow.set_tracking_uri(tracking_uri)
    client = MlflowClient(tracking_uri=tracking_uri)
    try:
        run = _open_run(client, experiment, artifacts, name)
    except MlflowException as error:
        reason = error.message.splitlines()[0][:_REASON_SHOWN]
        raise TrackingError(tracking_uri.rpartition("@")[2], reason) from error
    with _ended(run):
        yield run


@contextmanager
def nested_run(parent: Run, *, name: str) -> Iterator[Run]:
    """Open a run that MLflow shows below its parent, in the same experiment; it ends as `tracked_run` does."""
    experiment_id = parent.client.get_run(parent.run_id).info.experiment_id
    opened = parent.client.create_run(
        experiment_id, run_name=name, tags={MLFLOW_PARENT_RUN_ID: parent.run_id}
    )
    run = Run(opened.info.run_id, parent.client)
    with _ended(run):
        yield run


@contextmanager
def _ended(run: Run) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        run.client.set_terminated(run.run_id, "KILLED")
        raise
    except BaseException:
        run.client.set_terminated(run.run_id, "FAILED")
        raise
    run.client.set_terminated(run.run_id, "FINISHED")


def _open_run(client: MlflowClient, experiment: str, artifacts: Path, name: str | None) -> Run:
    found = client.get_experiment_by_name(experiment)
    # A server keeps the files itself, where others can fetch them; a path of this machine would be nobody else's.
    served = client.tracking_uri.startswith(("http://", "https://"))
    location = None if served else artifacts.resolve().as_uri()
    experiment_id = (
        found.experiment_id if found else client.create_experiment(experiment, artifact_location=location)
    )
    return Run(client.create_run(experiment_id, run_name=name).info.run_id, client)


def code_version(repository: Path) -> str:
    """Return the commit of the code, "-dirty" when the tree differs from it, or "unknown" outside git."""
    command = [
        "git",
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ]  # no tag: the commit itself
    try:
        found = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
