"""Lay a learnt model's answers out as a run of forecasts, with the quality of every series in words."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, Protocol

import polars as pl

from features.demand import Panel
from models.demand.floor import FloorReason
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.ledger.published_run import KEYS, ForecastRun, RunInfo

__all__ = ["RunModel", "keys_of_nodes", "run_of_model"]

_NO_REASONS: Final = {"reason_zh": pl.String, "reason_en": pl.String}


class RunModel(Protocol):
    """What a model offers to become a run; `models.demand.model.DemandModel` does."""

    @property
    def panel(self) -> Panel:
        """What it learnt from."""

    @property
    def horizon(self) -> int:
        """How many periods ahead it forecasts."""

    @property
    def tier(self) -> str:
        """How much was tried: fast or standard."""

    @property
    def seed(self) -> int:
        """What its random numbers began from."""

    def forecast(self) -> pl.DataFrame:
        """Return unique_id, ds, step, forecast, quantiles, members, floor."""

    def explain(self) -> pl.DataFrame:
        """Return unique_id, step, component, value."""

    def floor_reasons(self) -> Sequence[FloorReason | None]:
        """Say for each series, in the order of their ids, why it gets the floor; None where it does not."""


def run_of_model(
    model: RunModel,
    *,
    run_id: str,
    issued_at: datetime,
    data_as_of: date,
    model_version: str,
    model_folder: str | None = None,
    accuracy: Mapping[str, Mapping[str, float]] | None = None,
    static: pl.DataFrame | None = None,
    mlflow_run_id: str | None = None,
) -> ForecastRun:
    """Return the model's forecasts as a run that `write_run` can publish.

    static: unique_id with some of org_id, product_id, region, family, level; the panel's own static columns of these
    names where None. Series that get the floor are of quality `fallback`, those that the panel refused `refused`. The
    history keeps two seasons or two horizons, whichever is longer, with null where a value was filled and not observed.
    """
    panel = model.panel
    info = RunInfo(
        run_id=run_id,
        issued_at=issued_at,
        data_as_of=data_as_of,
        model_version=model_version,
        model_folder=model_folder,
        tier=str(model.tier),
        freq=panel.timeline.frequency,
        season=panel.season,
        horizon=model.horizon,
        seed=model.seed,
        accuracy={member: dict(measures) for member, measures in (accuracy or {}).items()},
        mlflow_run_id=mlflow_run_id,
    )
    given = static if static is not None else panel.static
    return ForecastRun(
        info,
        forecast=_with_static(model.forecast(), given),
        components=model.explain(),
        quality=_with_static(_quality(model), given),
        history=_history(panel, max(2 * panel.season, 2 * model.horizon)),
    )


def keys_of_nodes(
    hierarchy: Hierarchy, static: pl.DataFrame, levels: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Return what every node of a hierarchy is of: unique_id, org_id, product_id, region, family, level.

    static: unique_id and key columns of the most detailed series; levels: the columns of each level by its name, as
    `hierarchy_of_levels` takes them. A sum has the keys of its level and null for those it adds up over; but the
    company is named wherever all of a sum is of one company, so that a key for that company may see it.
    """
    rows = {name: row for row, name in enumerate(static["unique_id"].to_list())}
    held = [name for name in KEYS if name in static.columns]
    found: list[dict[str, object]] = []
    for node, level, start, end in zip(
        hierarchy.ids, hierarchy.level, hierarchy.sums.indptr[:-1], hierarchy.sums.indptr[1:], strict=True
    ):
        below = static[[rows[hierarchy.bottom_ids[column]] for column in hierarchy.sums.indices[start:end]]]
        own = held if node in rows else [name for name in levels.get(level, ()) if name in held]
        if "org_id" in held and below["org_id"].n_unique() == 1:
            own = [*own, "org_id"]
        found.append({"unique_id": node, "level": level, **{name: below[name][0] for name in own}})
    return pl.DataFrame(found, schema=dict.fromkeys(("unique_id", *KEYS, "level"), pl.String))


def _with_static(frame: pl.DataFrame, static: pl.DataFrame | None) -> pl.DataFrame:
    names = [name for name in (*KEYS, "level") if static is not None and name in static.columns]
    if static is None or not names:
        return frame
    return frame.join(static.select("unique_id", *names), on="unique_id", how="left", maintain_order="left")


def _quality(model: RunModel) -> pl.DataFrame:
    panel = model.panel
    ids = panel.series["unique_id"].sort()
    reasons = model.floor_reasons()
    served = pl.DataFrame(
        {
            "unique_id": ids,
            "quality": ["full" if reason is None else "fallback" for reason in reasons],
            "reason_zh": [None if reason is None else reason.zh for reason in reasons],
            "reason_en": [None if reason is None else reason.en for reason in reasons],
        },
        schema_overrides=_NO_REASONS,
    )
    refused = (
        panel.refused.group_by("unique_id", maintain_order=True)
        .agg(pl.col("reason_zh").str.join(" "), pl.col("reason_en").str.join(" "))
        .with_columns(pl.lit("refused").alias("quality"))
        .select(served.columns)
        .cast({"unique_id": pl.String})
        .filter(pl.col("unique_id").is_not_null())
        .join(served, on="unique_id", how="anti")
    )
    said = pl.format("{} × {}", "rule", "rows").str.join("; ")
    findings = panel.findings.group_by("unique_id", maintain_order=True).agg(said.alias("findings"))
    return pl.concat([served, refused]).join(findings, on="unique_id", how="left", maintain_order="left")


def _history(panel: Panel, periods: int) -> pl.DataFrame:
    tail = panel.frame.group_by("unique_id", maintain_order=True).tail(periods)
    observed = pl.when(pl.col("observed")).then(pl.col("y"))
    return tail.select("unique_id", "ds", observed.alias("y"))
