"""A panel whose lines know their industries; what was assumed of them and what their profiles find stands in its findings."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from features.capacity.line_panel import FINDINGS, LinePanel
from graph.ontology import Wording
from models.capacity.profiles.line_profile import profile_of_line
from models.capacity.profiles.panel_facts import Finding, driver_findings
from models.capacity.profiles.profile import GENERIC, Profile
from models.capacity.profiles.shift_calendar import hours_of_young_lines

__all__ = ["profiled_panel"]


def profiled_panel(
    panel: LinePanel, profiles: Mapping[str, Profile], *, families: Mapping[str, str | None] | None = None
) -> LinePanel:
    """Return the panel with the profile of every line, the hours of young lines' calendars, and what was found.

    families: of products by line_id, which help to recognise a line. Findings (rows and first_ds are null where they are
    about no day): `profile_assumed`, `profile_unverified`, `hours_of_profile`, and those of `driver_findings`. Raises
    UnknownProfileError and ProfileUnitError.
    """
    names: list[str] = []
    found: list[Finding] = []
    for row in panel.lines.iter_rows(named=True):
        line = {**row, "family": (families or {}).get(row["line_id"])}
        taken = profile_of_line(line, profiles)
        names.append(taken.profile.id)
        found += [_finding(row["line_id"], *one) for one in _assumed(taken.profile, taken.finding)]
    named = replace(panel, lines=panel.lines.with_columns(pl.Series("profile", names, dtype=pl.String)))
    future, by_calendar = hours_of_young_lines(named, profiles)
    own = pl.DataFrame(found, schema=dict(FINDINGS), orient="row")
    findings = pl.concat([panel.findings, own, by_calendar, driver_findings(named, profiles)])
    return replace(
        named, future=future, findings=findings.sort("line_id", "rule", "first_ds", "treatment_en")
    )


def _assumed(profile: Profile, finding: Wording | None) -> Iterator[tuple[str, Wording]]:
    if finding is not None:
        yield "profile_assumed", finding
    if profile.id != GENERIC and not profile.verified:
        yield (
            "profile_unverified",
            Wording(
                zh=f"行业档案“{profile.label.zh}”的数值（瓶颈、重启、库存带等）尚无人与厂内事实核对；请核对后在档案中写 verified = true。",
                en=f"Nobody has held the profile '{profile.label.en}' (bottleneck, restarts, stock bands) against the plant's "
                "facts. Do so and set verified = true in its file.",
            ),
        )


def _finding(line_id: str, rule: str, text: Wording) -> Finding:
    return line_id, rule, None, None, text.zh, text.en
