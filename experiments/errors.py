"""Errors of the jobs: what a run lacks or refuses, and what to do."""

from graph.errors import UserError

__all__ = ["ExperimentError", "SplitError"]


class ExperimentError(UserError):
    """An error of a job."""


class SplitError(ExperimentError):
    """The dates or rows leave nothing to train on or nothing to judge by."""
