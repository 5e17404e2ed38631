"""Job: fit a credit model on any table described by a card, judge it by the card's protocol, write it as a bundle."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.special import logit

from experiments.card_report import CardReport, Level, report_markdown
from experiments.comparison import auc, auc_gain
from experiments.errors import OutputFolderError
from experiments.metrics import evaluate
from experiments.tracking import tracked_run
from experiments.validation import Split, Splits, cut_rows
from features.cards.card import Card, Protocol, load_card
from features.cards.derive import Derived, fit_relations
from features.cards.errors import CardError
from features.cards.read import LABEL, PARTY, CardTables, read_card_tables
from features.cards.state import Family, RelationalState
from features.leaks import LeakReport, look_for_leaks
from models.bundle import MANIFEST, Bundle, Manifest, write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.calibration import AffineCalibration, fit_affine
from models.credit.grade import group_master_scale
from models.credit.learn import Learned, learn_credit_model
from models.credit.model import FAMILY

__all__ = ["CARD_FILE", "LABELS_FILE", "RELATIONS_FILE", "FitCard", "Fitted", "track_fit"]

CARD_FILE: Final = "card.json"
RELATIONS_FILE: Final = "relations.json"
LABELS_FILE: Final = "labels.parquet"
_SMALL: Final = 30_000  # below it ten inner folds: rounds chosen on four fifths of few rows are too few
_MOST_ROUNDS: Final = 1500
_BAGS: Final = 5
_SMOOTH: Final[Mapping[str, Any]] = {
    "learning_rate": 0.03, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.3, "lambda_l2": 5.0,
}  # fmt: skip
_SHARP: Final[Mapping[str, Any]] = {
    "learning_rate": 0.04, "num_leaves": 15, "min_data_in_leaf": 10, "feature_fraction": 0.7, "lambda_l2": 0.1,
}  # fmt: skip
_FILES_SHOWN: Final = 5
_LEAST_TO_RECALIBRATE: Final = 50  # of each class; fewer say less about the level than the training does
Floats = NDArray[np.float64]

# What a level of the report may see; each adds to the one before.
_LEVELS: Final = (
    ("own", (Family.OWN,)),
    ("own+events", (Family.OWN, Family.EVENTS)),
    ("all", tuple(Family)),
)


@dataclass(frozen=True)
class Fitted:
    """What fitting a card left behind."""

    bundle: Bundle
    report: CardReport


@dataclass(frozen=True)
class _Judged:
    """Held-out PDs of one level over the judged rows, and the AUC of each cut."""

    pd: Floats
    cut_aucs: tuple[float, ...]
    learned: tuple[Learned, ...]


class FitCard(BaseModel):
    """Settings of fitting a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Path = Field(description="the card (TOML)")
    out: Path = Field(description="model folder to write")
    code_version: str
    seed: int = 7
    num_threads: int = Field(default=1, ge=1)
    force: bool = Field(
        default=False, description="replace a folder that is no model or holds other files too"
    )
    resamples: int = Field(default=500, ge=20, description="bootstrap draws of the intervals")

    def run(self, say: Callable[[str, str], None]) -> Fitted:
        """Read, look for leaks, derive features, judge by the card's protocol, train, write the bundle.

        `say` gets each message in Chinese and English. The judged figures come from models that never saw the judged
        rows; the model written is trained on the training side (split, time) or on all rows (folds).
        """
        _check_out(self.out, force=self.force)
        card = load_card(self.card)
        tables = read_card_tables(card, label=True)
        splits = cut_rows(card, tables)
        for note in (*tables.notes, *splits.notes):
            zh, _, en = note.partition(" / ")
            say(zh, en or zh)
        leaks = _leaks(card, tables, splits)
        for finding in leaks.findings:
            say(f"泄漏检查 {finding.text('zh')}", f"leak guard: {finding.text('en')}")
        settings = _settings(card)
        state, derived = fit_relations(card, tables, pl.Series(splits.final), excluded=leaks.excluded())
        for notice in derived.notices:
            say(
                f"{notice.table}.{notice.column}：{notice.zh}", f"{notice.table}.{notice.column}: {notice.en}"
            )
        cuts = [
            # Of a split or cut by date, the training side is what the model is fitted on.
            (state, derived)
            if np.array_equal(cut.train, splits.final)
            else _fit_cut(card, tables, cut, leaks)
            for cut in splits
        ]
        judged = self._judge(tables, splits, cuts, settings)
        levels = self._levels(tables, splits, judged)
        for level in levels:
            say(level.line("zh"), level.line("en"))
        learned, notes = self._final(card, tables, splits, judged, fitted=(state, derived), settings=settings)
        notes = (*tables.notes, *splits.notes, *notes)
        report = CardReport(
            protocol=splits.protocol, rows=int(splits.final.sum()), features=len(state.features),
            rounds=learned.rounds, seed=self.seed, levels=levels, leaks=leaks,
            notices=derived.notices, notes=notes, top=_top(learned, derived, splits.final),
        )  # fmt: skip
        return Fitted(self._write(card, learned, state, derived, report), report)

    def _judge(
        self,
        tables: CardTables,
        splits: Splits,
        fitted: Sequence[tuple[RelationalState, Derived]],
        settings: Sequence[BoosterSettings],
    ) -> dict[str, _Judged]:
        """Judge each level that adds features to the one before, by its name."""
        found: dict[str, _Judged] = {}
        for name, families in _LEVELS:
            if any(_adds(state, families, found) for state, _ in fitted):
                found[name] = self._judge_level(tables, splits, fitted, families, settings)
        return found

    def _levels(self, tables: CardTables, splits: Splits, judged: dict[str, _Judged]) -> tuple[Level, ...]:
        rows = np.any([cut.valid for cut in splits], axis=0)
        y = tables.main[LABEL].to_numpy()[rows]
        party = tables.main[PARTY].rank("dense").cast(pl.Int64).to_numpy()[rows]
        out: list[Level] = []
        reference = next(iter(judged.values()))
        for name, found in judged.items():
            pd = found.pd[rows]
            metrics = evaluate(y, pd, groups=party, seed=self.seed, resamples=self.resamples)
            gain = None
            if found is not reference:
                gain = auc_gain(
                    y, pd, reference.pd[rows], groups=party, seed=self.seed, resamples=self.resamples
                )
            out.append(Level(name, metrics, found.cut_aucs, gain, int(rows.sum()), float(y.mean())))
        return tuple(out)

    def _final(
        self,
        card: Card,
        tables: CardTables,
        splits: Splits,
        judged: dict[str, _Judged],
        *,
        fitted: tuple[RelationalState, Derived],
        settings: Sequence[BoosterSettings],
    ) -> tuple[Learned, tuple[str, ...]]:
        """Return the model to write: the one judged (its calibration moved to the latest rows), or one of all folds."""
        state, derived = fitted
        if splits.protocol is Protocol.FOLDS:
            return self._learn(
                tables, state, derived, splits.final, features=state.features, settings=settings
            ), ()
        last = list(judged.values())[-1]
        learned, rows = last.learned[0], splits.cuts[0].valid
        y = tables.main[LABEL].to_numpy()[rows]
        enough = min(y.sum(), len(y) - y.sum()) >= _LEAST_TO_RECALIBRATE
        if card.validation is None or not card.validation.recalibrate or not enough:
            return learned, ()
        model = learned.model
        calibration = _moved(model.calibration, logit(last.pd[rows]), y)
        note = (
            f"评价之后，校准已移到评价部分（{len(y)} 行，平均 PD {last.pd[rows].mean():.3f}，实际 {y.mean():.3f}） / "
            f"after judging, the calibration was moved to the judged rows ({len(y)} rows, mean PD "
            f"{last.pd[rows].mean():.3f}, observed {y.mean():.3f}); the figures above are from before"
        )
        return replace(learned, model=replace(model, calibration=calibration)), (note,)

    def _judge_level(
        self,
        tables: CardTables,
        splits: Splits,
        fitted: Sequence[tuple[RelationalState, Derived]],
        families: Sequence[Family],
        settings: Sequence[BoosterSettings],
    ) -> _Judged:
        y = tables.main[LABEL].to_numpy()
        pd, aucs, models = np.full(len(y), np.nan), [], []
        for cut, (state, derived) in zip(splits, fitted, strict=True):
            features = state.of(families)
            learned = self._learn(tables, state, derived, cut.train, features=features, settings=settings)
            x = learned.model.matrix(derived.frame.filter(pl.Series(cut.valid)))
            pd[cut.valid] = learned.model.calibration.pd(
                learned.model.boosters.raw(x, num_threads=self.num_threads)
            )
            aucs.append(auc(y[cut.valid], pd[cut.valid]))
            models.append(learned)
        return _Judged(pd, tuple(aucs), tuple(models))

    def _learn(
        self,
        tables: CardTables,
        state: RelationalState,
        derived: Derived,
        rows: NDArray[np.bool_],
        *,
        features: Sequence[str],
        settings: Sequence[BoosterSettings],
    ) -> Learned:
        chosen = pl.Series(rows)
        frame = derived.frame.filter(chosen).select(pl.col(f).cast(pl.Float64) for f in features)
        main = tables.main.filter(chosen)
        design = Design(
            x=np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy()),
            y=main[LABEL].to_numpy(),
            features=tuple(features),
            categorical=tuple(c for c in state.categorical if c in features),
        )
        party = main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
        small = len(design.y) < _SMALL

        def learn(candidate: BoosterSettings, folds: int) -> Learned:
            return learn_credit_model(
                design,
                groups=party,
                settings=candidate,
                scale=group_master_scale(),
                seed=self.seed,
                num_threads=self.num_threads,
                folds=folds,
            )

        best = settings[0]
        if len(settings) > 1:
            trials = [learn(one.model_copy(update={"bags": 1}), 5) for one in settings]
            losses = [_log_loss(design.y, trial.out_of_fold_log_odds) for trial in trials]
            best = settings[int(np.argmin(losses))]
        return learn(best, 10 if small else 5)

    def _write(
        self, card: Card, learned: Learned, state: RelationalState, derived: Derived, report: CardReport
    ) -> Bundle:
        files = learned.model.files() | {
            CARD_FILE: card.model_dump_json(indent=2).encode(),
            RELATIONS_FILE: state.model_dump_json(indent=1).encode(),
            "report.json": json.dumps(report.plain(), ensure_ascii=False, indent=2).encode(),
            "report.md": report_markdown(report).encode(),
        }
        if derived.labels is not None:
            files[LABELS_FILE] = derived.labels.to_parquet()
        return write_bundle(
            self.out,
            files,
            family=FAMILY,
            features=learned.model.features,
            seed=self.seed,
            data_hash=_data_hash(card),
            code_version=self.code_version,
            metrics=report.figures(),
            notes={"source": "card", "protocol": report.protocol.value},
        )


def _moved(calibration: AffineCalibration, log_odds: Floats, y: Floats) -> AffineCalibration:
    """Return the calibration followed by another one that was fitted on its own log-odds."""
    second = fit_affine(log_odds, y)
    return AffineCalibration(
        slope=second.slope * calibration.slope,
        intercept=second.slope * calibration.intercept + second.intercept,
    )


def _leaks(card: Card, tables: CardTables, splits: Splits) -> LeakReport:
    if splits.protocol is Protocol.FOLDS:
        return look_for_leaks(card, tables, pl.Series(splits.final))
    return look_for_leaks(card, tables, pl.Series(splits.final), pl.Series(splits.cuts[0].valid))


def _fit_cut(
    card: Card, tables: CardTables, cut: Split, leaks: LeakReport
) -> tuple[RelationalState, Derived]:
    return fit_relations(card, tables, pl.Series(cut.train), excluded=leaks.excluded())


def _adds(state: RelationalState, families: Sequence[Family], found: dict[str, _Judged]) -> bool:
    """Say whether the level has features that the last judged one had not."""
    last = dict(_LEVELS)[list(found)[-1]] if found else ()
    return len(state.of(families)) > len(state.of(last))


def _settings(card: Card) -> tuple[BoosterSettings, ...]:
    """Return the settings to choose among; those of the card, where it has any, leave no choice.

    No single strength of smoothing suits a table of ratios and one of noisy applications alike, so a smooth and a sharp
    booster compete on rows that neither saw.
    """
    try:
        chosen = BoosterSettings.model_validate({"rounds": _MOST_ROUNDS, "bags": _BAGS, **card.model})
        smooth, sharp = (
            BoosterSettings(rounds=_MOST_ROUNDS, bags=_BAGS, **kind) for kind in (_SMOOTH, _SHARP)
        )
    except ValidationError as error:
        problems = [f"model.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise CardError("[model]", problems, problems) from error
    return (chosen,) if card.model else (smooth, sharp)


def _log_loss(y: Floats, log_odds: Floats) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - y * log_odds))


def _top(
    learned: Learned, derived: Derived, rows: NDArray[np.bool_], most: int = 20
) -> tuple[tuple[str, float], ...]:
    """Return the features that move the log-odds most, by mean absolute contribution over (at most 2,000) rows."""
    sample = derived.frame.filter(pl.Series(rows)).gather_every(max(1, int(rows.sum()) // 2000))
    parts = np.abs(learned.model.score(sample).contributions).mean(axis=0)
    order = np.argsort(-parts, kind="stable")[:most]
    return tuple((learned.model.features[i], float(parts[i])) for i in order)


def _data_hash(card: Card) -> str:
    digest = hashlib.sha256()
    for spec in (card.main, *card.events, *card.edges, *card.groups):
        path = card.at(spec.path)
        for part in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
            digest.update(hashlib.sha256(part.read_bytes()).digest())
    return digest.hexdigest()


def _check_out(out: Path, *, force: bool) -> None:
    if out.is_file():
        raise OutputFolderError(str(out), "是一个文件", "is a file")
    if force or not out.exists() or not any(out.iterdir()):
        return
    if not (out / MANIFEST).is_file():
        raise OutputFolderError(str(out), "非空且不是模型目录", "is not empty and holds no model")
    foreign = _foreign(out)
    if foreign:
        rest = len(foreign) - _FILES_SHOWN
        shown = ", ".join(foreign[:_FILES_SHOWN])
        more_zh, more_en = (f" 等 {len(foreign)} 个", f" and {rest} more") if rest > 0 else ("", "")
        raise OutputFolderError(
            str(out),
            f"除模型外还有其他文件（{shown}{more_zh}），会被一并删除",
            f"holds files beside the model that would be deleted with it ({shown}{more_en})",
        )


def _foreign(out: Path) -> list[str]:
    """Return what stands in a model folder and was not written with the model; all of it if the manifest is unreadable."""
    try:
        files = set(Manifest.model_validate_json((out / MANIFEST).read_bytes()).files) | {MANIFEST}
    except ValidationError:
        files = set()
    folders = {str(parent) for name in files for parent in Path(name).parents}
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
    return [name for name in found if name not in files and name not in folders]


def track_fit(job: FitCard, fitted: Fitted, *, tracking_uri: str, artifacts: Path) -> None:
    """Log a finished fit to MLflow: parameters, figures, hashes and the model folder with its report."""
    manifest = fitted.bundle.manifest
    with tracked_run(
        "credit-cards", tracking_uri=tracking_uri, artifacts=artifacts, name=job.card.stem
    ) as run:
        run.parameters({"card": job.card.name, "seed": job.seed, "protocol": fitted.report.protocol.value,
                        "features": fitted.report.features, "rounds": fitted.report.rounds})  # fmt: skip
        run.metrics(manifest.metrics)
        run.tags(
            {
                "data_hash": manifest.data_hash,
                "code_version": manifest.code_version,
                "bundle": manifest.version,
            }
        )
        run.files(fitted.bundle.folder, under="model")
