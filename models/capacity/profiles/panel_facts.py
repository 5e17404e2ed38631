"""What profiles say of a panel of lines: drivers out of their plausible range, hours lost under the names of losses."""

from collections.abc import Iterator, Mapping
from datetime import date

import polars as pl

from features.capacity.line_panel import FINDINGS, LinePanel
from models.capacity.lines.losses import losses as hours_lost
from models.capacity.profiles.profile import Driver, Known, Profile

__all__ = ["Finding", "driver_findings", "label_losses", "labelled_losses"]

Finding = tuple[str, str, int | None, date | None, str, str]
"""A row of `LinePanel.findings`."""


def driver_findings(panel: LinePanel, profiles: Mapping[str, Profile]) -> pl.DataFrame:
    """Return findings (columns of `LinePanel.findings`) on the drivers that the lines' profiles describe.

    Rules: `driver_out_of_range` (values beyond the plausible range; used as they are), `driver_not_known_ahead` (the
    profile says known ahead, and no value lies ahead). Drivers that the panel does not have are no finding: a plant
    need not measure all. Sorted by line_id, rule, driver.
    """
    found: list[Finding] = []
    for line_id, name in panel.lines.sort("line_id").select("line_id", "profile").iter_rows():
        profile = profiles.get(name or "")
        described = () if profile is None else [one for one in profile.drivers if one.name in panel.drivers]
        for driver in sorted(described, key=lambda one: one.name):
            found.extend(_findings(panel, line_id, driver))
    schema = dict(FINDINGS)
    return pl.DataFrame(found, schema=schema, orient="row").sort("line_id", "rule", maintain_order=True)


def labelled_losses(panel: LinePanel, profiles: Mapping[str, Profile]) -> pl.DataFrame:
    """Return what lines lost by reason of stop over their last 13 weeks, under the names of their profiles.

    [line_id, reason, first_ds, last_ds, hours, units, share] of `models.capacity.lines.losses` (hours of stops, units at
    the planned rate, share of the line's lost hours) with [loss, loss_zh, loss_en, factor] of `label_losses`.
    """
    return label_losses(hours_lost(panel), panel.lines, profiles)


def label_losses(losses: pl.DataFrame, lines: pl.DataFrame, profiles: Mapping[str, Profile]) -> pl.DataFrame:
    """Return losses [line_id, reason, ...] with [loss, loss_zh, loss_en, factor] of each line's profile.

    lines: [line_id, profile]. Null where the profile has no loss for the reason, or the line no profile.
    """
    of_line = dict(lines.select("line_id", "profile").iter_rows())
    found = [
        None if (profile := profiles.get(of_line.get(line_id) or "")) is None else profile.loss_of(reason)
        for line_id, reason in losses.select("line_id", "reason").iter_rows()
    ]
    columns = {
        "loss": [one and one.name for one in found],
        "loss_zh": [one and one.label.zh for one in found],
        "loss_en": [one and one.label.en for one in found],
        "factor": [one and one.factor.value for one in found],
    }
    return losses.with_columns(pl.Series(name, values, dtype=pl.String) for name, values in columns.items())


def _findings(panel: LinePanel, line_id: str, driver: Driver) -> Iterator[Finding]:
    own, name = pl.col("line_id") == line_id, driver.name
    past, ahead = (one.filter(own).select("ds", pl.col(name)) for one in (panel.history, panel.future))
    wrong = pl.concat([past, ahead]).filter(~pl.col(name).is_between(*driver.range)).sort("ds")
    if wrong.height:
        low, high = driver.range
        yield (
            line_id, "driver_out_of_range", wrong.height, wrong["ds"][0],
            f"{driver.label.zh}（{name}）有 {wrong.height} 个值不在 {low:g} 至 {high:g} {driver.unit.zh} 之间，照用；请核对数值与单位。",
            f"{driver.label.en} ({name}) has {wrong.height} value(s) outside {low:g} to {high:g} {driver.unit.en}; they are used "
            "as they are. Check values and unit.",
        )  # fmt: skip
    if driver.known is Known.AHEAD and ahead.height and ahead[name].null_count() == ahead.height:
        yield (
            line_id, "driver_not_known_ahead", ahead.height, ahead["ds"].min(),  # type: ignore[misc]  # a Date column
            f"{driver.label.zh}（{name}）应事先已知，但预测期内没有任何值；请在 line_drivers 或计划表中给出。",
            f"{driver.label.en} ({name}) is known ahead by the profile, but no value lies ahead. Give it in line_drivers or the plan.",
        )  # fmt: skip
