"""Job: the validation report of the credit model, as one HTML page and as JSON, logged to MLflow."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import MissingPanelError
from experiments.job import Say
from experiments.metrics import flat
from experiments.tracking import tracked_run
from experiments.train_credit import NAME, TrainCredit
from experiments.validation_report.content import Outcome, Report, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged
from experiments.validation_report.latent_truth import read_truth
from experiments.validation_report.learning import judge
from experiments.validation_report.page import report_page
from experiments.validation_report.report import headline_figures, rivals_of, whole_report
from experiments.validation_report.segments import Tables
from features.checked_files import write_text_atomically
from features.errors import DataError
from features.sources import read_tables
from models.credit.learn import Learned
from models.registry import Registry

__all__ = ["FIGURES", "PAGE", "ValidateCredit", "Validated"]

PAGE: Final = "credit_validation.html"
FIGURES: Final = "credit_validation.json"


@dataclass(frozen=True)
class Validated:
    """Where the report lies, and what it says."""

    page: Path
    figures: Path
    report: Report


class ValidateCredit(BaseModel):
    """What to validate: the procedure of a training job on its own panel; where the tables and a truth lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    training: TrainCredit
    tables: Path = Field(description="folder of checked tables, for the segments")
    out: Path = Field(description="folder that gets the page and the JSON")
    truth: Path | None = Field(default=None, description="folder of the latent truth, where there is one")
    criteria: Criteria = Criteria()

    def run(self, say: Say) -> Validated:
        """Learn the training's procedure on the past, judge it out of time, write and log the report.

        What is judged is the procedure with its settings and seed: the served model is learnt on dates that no mature
        label can judge yet. Raises MissingPanelError without a panel, SplitError when the dates leave nothing to learn
        from or to judge by.
        """
        training = self.training
        for file in (training.panel, training.links):
            if not file.is_file():
                raise MissingPanelError(str(file))
        panel = pl.read_parquet(training.panel).sort("as_of", "party_id")
        links = pl.read_parquet(training.links)
        judged, learned = judge(panel, links, training)
        say(
            f"用 {_span(judged.past.days)} 学习，用 {_span(judged.test.days)} 测试",
            f"learnt on {_span(judged.past.days)}, tested on {_span(judged.test.days)}",
        )
        rivals = rivals_of(
            judged,
            links,
            Registry(training.tracking_uri),
            NAME,
            label_months=training.horizon_months + training.label_lag_months,
            seed=training.seed,
            num_threads=training.num_threads,
        )
        report = whole_report(
            judged,
            rivals,
            tables=_tables(self.tables),
            truth=read_truth(self.truth) if self.truth is not None else None,
            criteria=self.criteria,
            seed=training.seed,
            subject=self._subject(judged, learned),
        )
        return self._written(report, say)

    def _written(self, report: Report, say: Say) -> Validated:
        texts = {PAGE: report_page(report), FIGURES: _json(report)}
        for name, text in texts.items():
            write_text_atomically(text, self.out / name)
        self._log(report, texts)
        _tell(report, say)
        return Validated(self.out / PAGE, self.out / FIGURES, report)

    def _log(self, report: Report, texts: dict[str, str]) -> None:
        training = self.training
        with (
            tracked_run(
                NAME, tracking_uri=training.tracking_uri, artifacts=training.artifacts, name="validate credit"
            ) as run,
            tempfile.TemporaryDirectory() as folder,
        ):
            run.parameters({"seed": training.seed, "test_months": training.test_months})
            run.parameters({f"criterion_{name}": value for name, value in self.criteria.model_dump().items()})
            run.metrics(flat(headline_figures(report)))
            run.metrics({f"criteria_{kind.value}": len(report.findings(kind)) for kind in Outcome})
            run.tags({"outcome": report.outcome.value, **{key: value for key, _, value in report.subject}})
            for name, text in texts.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            run.files(Path(folder), under="validation")

    def _subject(self, judged: Judged, learned: Learned) -> tuple[tuple[str, Text, str], ...]:
        training = self.training
        data_hash = hashlib.sha256(training.panel.read_bytes()).hexdigest()
        lag = training.horizon_months + training.label_lag_months
        network = f"{learned.network_rounds} rounds" if judged.has_network else "–"
        return (
            ("learnt_on", Text("学习期", "learnt on"), _span(judged.past.days)),
            ("tested_on", Text("测试月", "tested on"), _span(judged.test.days)),
            ("label_months", Text("标签滞后（月）", "months until a label is known"), str(lag)),
            ("features", Text("特征", "features"), str(len(judged.features))),
            ("own_rounds", Text("自有提升树", "own booster"), f"{learned.rounds} rounds"),
            ("network_rounds", Text("网络提升树", "network booster"), network),
            ("seed", Text("随机种子", "seed"), str(training.seed)),
            ("code_version", Text("代码版本", "code version"), training.code_version),
            ("data_hash", Text("样本摘要", "hash of the panel"), data_hash[:16]),
        )


def _tell(report: Report, say: Say) -> None:
    """Tell each criterion that is not met or open, and how many are met; the page has the rest."""
    for outcome in (Outcome.NOT_MET, Outcome.UNKNOWN):
        for _, finding in report.findings(outcome):
            rule, found = finding.criterion, finding.found
            say(f"{outcome.text.zh}：{rule.zh}（{found.zh}）", f"{outcome.text.en}: {rule.en} ({found.en})")
    met, of = len(report.findings(Outcome.MET)), sum(len(report.findings(kind)) for kind in Outcome)
    say(f"{of} 项判据中 {met} 项达到", f"{met} of {of} criteria are met")


def _tables(folder: Path) -> Tables:
    """Read the tables; a folder that is missing or unreadable is told in the report, where it is asked for a table."""
    try:
        return read_tables(folder)
    except DataError:
        return {}


def _span(days: Sequence[date]) -> str:
    return f"{days[0]} – {days[-1]} ({len(days)})"


def _json(report: Report) -> str:
    return json.dumps(report.plain(), ensure_ascii=False, indent=1) + "\n"
