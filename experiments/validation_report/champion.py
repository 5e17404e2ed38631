"""The registered model on the same rows, and whether it may be compared: its training may reach into the test."""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from experiments.validation_report.content import Text
from experiments.validation_report.judged import Judged
from experiments.validation_report.rivals import Kind, Rival
from models.bundle import Bundle, read_bundle
from models.credit.model import load_credit_model
from models.credit.neighbours import with_neighbour_scores
from models.errors import ModelError
from models.registry import Registered, Registry

__all__ = ["last_champion"]

_NAME: Final = Text("上一版登记模型", "the last registered model")
_KEY: Final = "champion"
_MOST: Final = 24  # versions looked at, newest first: two years of monthly training


@dataclass(frozen=True)
class _Version:
    registered: Registered
    bundle: Bundle
    window: tuple[date, date] | None
    fair: bool


def last_champion(
    judged: Judged, links: pl.DataFrame, registry: Registry, name: str, *, label_months: int, num_threads: int
) -> Rival:
    """Score the test rows with the newest registered version that may be compared, else with the newest of all.

    A version may be compared when every label it was trained on was known at the first test date: the last date of its
    training window plus `label_months`; any other is flattered. What cannot be fetched, loaded or fed is reported,
    not raised.
    """
    first_test, folder = judged.test.days[0], ""
    try:
        with tempfile.TemporaryDirectory() as folder:
            version = _newest(registry, name, Path(folder), first_test, label_months)
            if version is None:
                return Rival(
                    _KEY, _NAME, Kind.CHAMPION, Text("登记库中没有任何版本", "the registry holds no version")
                )
            model = load_credit_model(version.bundle.folder)
            frame = with_neighbour_scores(model, judged.test.frame, links, num_threads=num_threads)
            pd = model.score(frame, num_threads=num_threads).pd
    except ModelError as error:
        # Where it was fetched to is gone by now, and would differ from run to run.
        zh, en = (error.message(language).replace(f"{folder}/", "") for language in ("zh", "en"))
        return Rival(_KEY, _NAME, Kind.CHAMPION, Text(zh, en))
    return Rival(_KEY, _NAME, Kind.CHAMPION, _note(version, first_test), pd, flattered=not version.fair)  # fmt: skip


def _newest(
    registry: Registry, name: str, folder: Path, first_test: date, label_months: int
) -> _Version | None:
    newest = None
    for registered in registry.versions(name)[:_MOST]:
        bundle = read_bundle(registry.fetch(registered, folder))
        window = bundle.manifest.training_window
        fair = window is not None and _known_after(window[1], label_months) <= first_test
        version = _Version(registered, bundle, window, fair)
        if fair:
            return version
        newest = newest or version
    return newest


def _known_after(last: date, months: int) -> date:
    known: date = pl.select(pl.lit(last).dt.offset_by(f"{months}mo")).item()
    return known


def _note(version: _Version, first_test: date) -> Text:
    found, window = version.registered, version.window
    zh = f"登记第 {found.number} 版 {found.bundle_version}，"
    en = f"registered version {found.number}, {found.bundle_version}, "
    if window is None:
        return Text(zh + "训练日期未知，不作判据", en + "training dates unknown, so no criterion")
    zh += f"训练日期 {window[0]} 至 {window[1]}"
    en += f"trained on {window[0]} to {window[1]}"
    if not version.fair:
        zh += f"：其训练标签在首个测试月 {first_test} 时尚未知晓，成绩偏乐观，不作判据"
        en += f": its labels were not known at the first test date {first_test}, so it is flattered and no criterion"
    return Text(zh, en)
