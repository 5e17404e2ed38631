"""Put the report together: every question in the order a reviewer asks them."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from experiments.metrics import Interval
from experiments.validation_report.by_segment import by_segment
from experiments.validation_report.calibration import calibration
from experiments.validation_report.champion import last_champion
from experiments.validation_report.comparison import compared
from experiments.validation_report.content import Report, Section, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.discrimination import discrimination
from experiments.validation_report.drift import drift
from experiments.validation_report.judged import Judged
from experiments.validation_report.latent_truth import Truth, latent_truth
from experiments.validation_report.leak_guard import leak_guard
from experiments.validation_report.rivals import (
    Rival,
    days_past_due_rates,
    logistic_regression,
    own_only,
    plain_booster,
    scorecard,
    segment_rates,
)
from experiments.validation_report.segments import Tables
from models.registry import Registry

__all__ = ["headline_figures", "rivals_of", "whole_report"]

Subject = Sequence[tuple[str, Text, str]]

_HEADLINE: Final = Text(
    "主要数字（95 % 区间，按主体重抽样）", "Headline figures (95 % intervals, parties drawn)"
)
_HEADLINE_MEANING: Final = Text(
    "AUC：随机取一个违约者和一个未违约者，前者得分更差的概率。KS：两者得分分布的最大距离。Brier、ECE、log-loss：概率的误差，越小越好。",
    "AUC: the chance that a defaulter scores worse than one who does not default. KS: the largest distance of their score "
    "distributions. Brier, ECE, log-loss: errors of the probabilities, smaller is better.",
)


def rivals_of(
    judged: Judged,
    links: pl.DataFrame,
    registry: Registry,
    name: str,
    *,
    label_months: int,
    seed: int,
    num_threads: int,
) -> tuple[Rival, ...]:
    """Return every model to compare with, the naive ones first; one that cannot be had says why."""
    return (
        segment_rates(judged),
        days_past_due_rates(judged),
        scorecard(judged, seed=seed),
        logistic_regression(judged),
        plain_booster(judged, seed=seed, num_threads=num_threads),
        own_only(judged),
        last_champion(judged, links, registry, name, label_months=label_months, num_threads=num_threads),
    )  # fmt: skip


def whole_report(
    judged: Judged,
    rivals: Sequence[Rival],
    *,
    tables: Tables,
    truth: Truth | Text | None,
    criteria: Criteria,
    seed: int,
    subject: Subject,
) -> Report:
    """Answer every question about a judged model. The same input and seed give the same report."""
    first = discrimination(judged, criteria, seed=seed)
    sections: tuple[Section, ...] = (
        first,
        calibration(judged, criteria, seed=seed),
        compared(judged.test, rivals, seed=seed),
        by_segment(judged, tables, criteria, seed=seed),
        drift(judged, criteria, seed=seed),
        leak_guard(judged, criteria),
        latent_truth(judged, truth, criteria, seed=seed),
    )
    samples = first.tables[0]
    headline = Table("headline", _HEADLINE, _HEADLINE_MEANING, samples.columns, samples.rows)
    return Report(tuple(subject), headline, sections)


def headline_figures(report: Report) -> dict[str, Interval]:
    """Return the headline intervals by sample and measure, for the tracking."""
    keys = [column.key for column in report.headline.columns]
    samples = ("out_of_time", "out_of_company")
    return {
        f"{sample}_{key}": cell
        for sample, row in zip(samples, report.headline.rows, strict=True)
        for key, cell in zip(keys, row, strict=True)
        if isinstance(cell, Interval)
    }
