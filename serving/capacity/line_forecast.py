"""Forecast lines from tables of their own; imports what forecasts only now, so that the service starts without it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import checked_run, empty_run
from models.capacity.published.panel_notes import notes_of_findings
from models.capacity.published.run_info import CapacityInfo
from serving.capacity.answers import refused_line
from serving.capacity.payload import ForecastedLines
from serving.lean import import_lightgbm_alone

__all__ = ["forecast_lines"]


def forecast_lines(
    history: pl.DataFrame,
    plan: pl.DataFrame | None,
    *,
    drivers: Sequence[str],
    info: CapacityInfo,
    profiles: Mapping[str, Profile],
) -> ForecastedLines:
    """Fit the lines of a table and forecast them; what was found in them is among the notes of the run.

    Raises LineHistoryError, LinePanelError, UnknownProfileError and ProfileUnitError naming what is wrong.
    """
    import_lightgbm_alone()
    from features.capacity.history_file import line_panel_of_file  # noqa: PLC0415 - see above
    from models.capacity.lines.model import fit_lines  # noqa: PLC0415
    from models.capacity.profiles.profiled_panel import profiled_panel  # noqa: PLC0415

    told = line_panel_of_file(history, plan, as_of=info.data_as_of, drivers=drivers)
    panel = profiled_panel(told, profiles)
    noted = info.model_copy(update={"notes": (*info.notes, *notes_of_findings(panel.findings))})
    model = fit_lines(panel, seed=info.seed, profiles=profiles)
    run = replace(
        empty_run(noted),
        lines=panel.lines,
        days=model.days(),
        weeks=model.weeks(),
        contributions=model.contributions(),
    )
    refused = [
        refused_line(line, rule, zh, en)
        for line, rule, zh, en in panel.refused.select(
            "line_id", "rule", "reason_zh", "reason_en"
        ).iter_rows()
    ]
    return ForecastedLines(checked_run(run), refused)
