from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from experiments import fit_card
from experiments.card_learning import OWN_SCORE
from experiments.errors import ExperimentError, OutputFolderError
from experiments.fit_card import FitCard, Fitted
from experiments.score_card import ScoreCard
from features.cards.card import Card
from features.cards.derive import Derived, fit_relations
from features.cards.errors import CardError, CardTableError
from features.cards.pairs import PairChooser
from features.cards.read import CardTables
from features.cards.state import RelationalState
from models.bundle import read_bundle, write_bundle
from models.credit.model import FAMILY
from models.errors import BundleError
from tests.features.cards.conftest import CARD, firms

pytestmark = pytest.mark.slow

Write = Callable[..., Path]
QUICK = "\n[model]\nrounds = 40\nbags = 1\nlearning_rate = 0.1\n"


def _fit(
    card: Path, out: Path, said: list[str] | None = None, *, seed: int = 3, force: bool = False
) -> Fitted:
    heard: list[str] = [] if said is None else said
    job = FitCard(
        card=card, out=out, seed=seed, force=force, code_version="test", trained_by="chen", resamples=50
    )
    return job.run(lambda zh, en: heard.append(f"{zh}|{en}"))


def _score(model: Path, card: Path, out: Path, said: list[str] | None = None) -> pl.DataFrame:
    heard: list[str] = [] if said is None else said
    return ScoreCard(model=model, card=card, out=out).run(lambda zh, en: heard.append(f"{zh}|{en}"))


def test_relations_are_found_and_their_gain_is_reported(write: Write, tmp_path: Path) -> None:
    fitted = _fit(write(CARD + QUICK), tmp_path / "model")
    names = [level.name for level in fitted.report.levels]
    assert names == ["own", "own+events", "all"]
    own, _, everything = fitted.report.levels
    assert everything.gain is not None
    assert everything.gain.value == pytest.approx(everything.metrics["auc"].value - own.metrics["auc"].value)
    assert everything.gain.value > 0.1
    assert "ties.guarantees.out" in [name for name, _ in fitted.report.top[:5]]
    text = (tmp_path / "model" / "report.md").read_text(encoding="utf-8")
    for word in ("AUC", "KS", "Brier", "ECE", "泄漏检查"):
        assert word in text
    assert fitted.bundle.manifest.metrics["auc"] == everything.metrics["auc"].value
    assert fitted.bundle.manifest.notes["trained_by"] == "chen", "who ran it may not approve it"


def test_own_risk_and_relations_are_told_apart(write: Write, tmp_path: Path) -> None:
    card = write(CARD + QUICK)
    said: list[str] = []
    fitted = _fit(card, tmp_path / "model", said)
    network = fitted.report.network
    assert network is not None
    assert (network.kept, network.cuts) == (1, 1)
    assert network.gain > 1.645 * network.standard_error
    assert fitted.report.best.metrics["auc"].value > network.own["auc"].value + 0.05
    assert any("自身风险" in line and "own risk within it" in line for line in said)
    assert "自身与关系" in (tmp_path / "model" / "report.md").read_text(encoding="utf-8")
    scores = _score(tmp_path / "model", card, tmp_path / "s.parquet")
    assert OWN_SCORE in fitted.bundle.manifest.features
    effect = scores["log_odds"] - scores["own_log_odds"]
    assert effect.abs().mean() > 0.05  # type: ignore[operator]
    total = scores["base_log_odds"] + scores["contributions"].struct.unnest().sum_horizontal()
    np.testing.assert_allclose(total, scores["log_odds"], atol=1e-9)


def test_relations_that_say_nothing_are_left_out(write: Write, tmp_path: Path) -> None:
    """Ties and groups drawn without regard to failure must do no harm."""
    tables = firms(1, 1200)
    rng = np.random.default_rng(8)
    names = tables["firms"]["firm"]
    tables["edges"] = tables["edges"].with_columns(
        *(names[rng.integers(0, 1200, tables["edges"].height)].alias(side) for side in "ab")
    )
    fitted = _fit(write(CARD + QUICK, **tables), tmp_path / "model")
    assert fitted.report.network is not None
    assert fitted.report.network.kept == 0
    assert not [f for f in fitted.bundle.manifest.features if f.startswith(("ties.", "groups."))]
    own = fitted.report.levels[1].metrics["auc"].value
    assert fitted.report.best.metrics["auc"].value >= own - 1e-9


def test_same_seed_gives_the_same_model_and_scores(write: Write, tmp_path: Path) -> None:
    card = write(CARD + QUICK)
    versions = [_fit(card, tmp_path / name).bundle.manifest.version for name in ("a", "b")]
    assert versions[0] == versions[1]
    first = _score(tmp_path / "a", card, tmp_path / "a.parquet")
    assert first.equals(_score(tmp_path / "b", card, tmp_path / "b.parquet"))
    assert _fit(card, tmp_path / "c", seed=4).bundle.manifest.version != versions[0]


def test_scores_keep_order_and_add_up(write: Write, tmp_path: Path) -> None:
    _fit(write(CARD + QUICK), tmp_path / "model")
    new = firms(9)
    new["firms"] = new["firms"].drop("failed").sample(fraction=1.0, shuffle=True, seed=2)
    card = write(CARD.replace('label = "failed"\n', ""), folder="new", **new)
    scores = _score(tmp_path / "model", card, tmp_path / "scores.parquet")
    assert scores.equals(pl.read_parquet(tmp_path / "scores.parquet"))
    assert scores["id"].to_list() == new["firms"]["firm"].to_list()
    assert {"id", "pd", "log_odds", "base_log_odds", "contributions"} <= set(scores.columns)
    total = scores["base_log_odds"] + scores["contributions"].struct.unnest().sum_horizontal()
    np.testing.assert_allclose(total, scores["log_odds"], atol=1e-9)
    np.testing.assert_allclose(1 / (1 + np.exp(-scores["log_odds"].to_numpy())), scores["pd"], atol=1e-12)
    labels = firms(9)["firms"].join(scores, left_on="firm", right_on="id")
    failed, alive = (labels.filter(pl.col("failed") == v)["pd"].to_numpy().mean() for v in (1, 0))
    assert failed > alive


def test_a_leaking_column_is_named_in_console_and_report_and_kept_out(write: Write, tmp_path: Path) -> None:
    said: list[str] = []
    leaking = firms(1)["firms"].with_columns(recovered=pl.col("failed") * 100.0)
    fitted = _fit(write(CARD + QUICK, firms=leaking), tmp_path / "model", said)
    assert "recovered" not in fitted.bundle.manifest.features
    assert any("recovered" in line and "泄漏" in line and "leak guard" in line for line in said)
    assert "recovered" in (tmp_path / "model" / "report.md").read_text(encoding="utf-8")


def test_folds_and_time_are_judged_too(write: Write, tmp_path: Path) -> None:
    folds = CARD.replace('split = "part"', "folds = { n = 3, seed = 1 }") + QUICK
    fitted = _fit(write(folds, folder="folds"), tmp_path / "m_folds")
    assert [len(level.cut_aucs) for level in fitted.report.levels] == [3, 3, 3]
    assert fitted.report.best.rows == 400
    table = firms(1)["firms"].with_columns(
        pl.date_range(pl.date(2019, 1, 1), pl.date(2020, 2, 4), eager=True).alias("day")
    )
    timed = (
        CARD.replace('split = "part"', "later = 0.3").replace(
            'id = "firm"\nlabel', 'id = "firm"\ntime = "day"\nlabel'
        )
        + QUICK
    )
    said: list[str] = []
    fitted = _fit(write(timed, folder="time", firms=table.drop("part")), tmp_path / "m_time", said)
    assert fitted.report.best.rows == 120
    assert any("ties" in line and "without regard to time" in line for line in said)


def test_calibration_moves_to_the_judged_rows_unless_the_card_says_no(write: Write, tmp_path: Path) -> None:
    tables = firms(1, 1200)
    drift = np.random.default_rng(0).random(1200) < 0.35
    late = tables["firms"]["part"] == "valid"
    tables["firms"] = tables["firms"].with_columns(
        pl.when(late & pl.Series(drift)).then(0).otherwise("failed").alias("failed")
    )
    means = {}
    for flag in ("true", "false"):
        card = write(
            CARD.replace('split = "part"', f'split = "part"\nrecalibrate = {flag}') + QUICK,
            folder=flag,
            **tables,
        )
        _fit(card, tmp_path / f"m{flag}")
        scores = _score(tmp_path / f"m{flag}", card, tmp_path / f"{flag}.parquet")
        means[flag] = float(scores["pd"].filter(late).mean())  # type: ignore[arg-type]
    observed = float(tables["firms"]["failed"].filter(late).mean())  # type: ignore[arg-type]
    assert abs(means["true"] - observed) < 0.01
    assert means["false"] - observed > 0.03


def test_folder_that_is_no_model_is_not_overwritten(write: Write, tmp_path: Path) -> None:
    home = tmp_path / "thesis"
    home.mkdir()
    (home / "chapter.txt").write_text("precious", encoding="utf-8")
    card = write(CARD + QUICK)
    with pytest.raises(OutputFolderError, match="--force"):
        _fit(card, home)
    assert (home / "chapter.txt").exists()
    _fit(card, tmp_path / "model")
    _fit(card, tmp_path / "model", seed=5)


def test_model_folder_with_other_files_is_not_overwritten(write: Write, tmp_path: Path) -> None:
    """A model may be replaced, what somebody put beside it may not."""
    card, model = write(CARD + QUICK), tmp_path / "model"
    _fit(card, model)
    (model / "my_notes.txt").write_text("precious", encoding="utf-8")
    (model / "figures").mkdir()
    before = read_bundle(model).manifest.version
    with pytest.raises(OutputFolderError, match=r"figures, my_notes\.txt.*--force") as raised:
        _fit(card, model, seed=5)
    assert "my_notes.txt" in raised.value.zh
    assert (model / "my_notes.txt").read_text(encoding="utf-8") == "precious"
    assert read_bundle(model).manifest.version == before
    _fit(card, model, seed=5, force=True)
    assert not (model / "my_notes.txt").exists()


def test_model_folder_with_a_broken_manifest_is_not_overwritten(write: Write, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(OutputFolderError, match=r"manifest\.json"):
        _fit(write(CARD + QUICK), model)


@pytest.mark.parametrize(("protocol", "times"), [('split = "part"', 1), ("folds = { n = 3 }", 4)])
def test_features_are_derived_once_for_each_training_side(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, times: int
) -> None:
    calls: list[int] = []

    def counted(
        card: Card,
        tables: CardTables,
        train: pl.Series,
        *,
        excluded: Mapping[str, Sequence[str]] | None = None,
        choose_pairs: PairChooser | None = None,
    ) -> tuple[RelationalState, Derived]:
        calls.append(int(train.sum()))
        return fit_relations(card, tables, train, excluded=excluded, choose_pairs=choose_pairs)

    monkeypatch.setattr(fit_card, "fit_relations", counted)
    _fit(write(CARD.replace('split = "part"', protocol) + QUICK), tmp_path / "model")
    assert len(calls) == times


def test_model_settings_of_the_card_are_checked(write: Write, tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"model\.leaves"):
        _fit(write(CARD + "\n[model]\nleaves = 3\n"), tmp_path / "model")


def test_scoring_refuses_other_columns_and_other_models(write: Write, tmp_path: Path) -> None:
    card = write(CARD + QUICK)
    _fit(card, tmp_path / "model")
    other = write(CARD, folder="new", firms=firms(2)["firms"].drop("capital"))
    with pytest.raises(CardTableError, match="capital"):
        _score(tmp_path / "model", other, tmp_path / "s.parquet")
    write_bundle(
        tmp_path / "plain",
        {"x.txt": b"x"},
        family=FAMILY,
        features=("a",),
        seed=0,
        data_hash="",
        code_version="",
    )
    with pytest.raises(BundleError, match=r"relations\.json"):
        _score(tmp_path / "plain", card, tmp_path / "s.parquet")
    with pytest.raises(ExperimentError, match=r"\.csv"):
        _score(tmp_path / "model", card, tmp_path / "s.txt")
    assert not (tmp_path / "s.parquet").exists()


def test_label_rates_travel_with_the_model(write: Write, tmp_path: Path) -> None:
    card = 'neighbour_label_rate = "out_of_fold"\n' + CARD + QUICK
    fitted = _fit(write(card), tmp_path / "model")
    assert "ties.labels.rate" in fitted.bundle.manifest.features
    scores = _score(tmp_path / "model", write(card, folder="again"), tmp_path / "s.parquet")
    assert scores["contributions"].struct.field("ties.labels.rate").abs().sum() > 0


def test_command_line_fits_and_scores(write: Write, tmp_path: Path) -> None:
    from zhiheng.cli import app

    card, model, out = str(write(CARD + QUICK)), str(tmp_path / "model"), str(tmp_path / "scores.parquet")
    run = CliRunner()
    fitted = run.invoke(app, ["fit", "credit", "--card", card, "--out", model, "--seed", "3"])
    assert fitted.exit_code == 0, fitted.output
    assert "AUC" in fitted.output
    scored = run.invoke(app, ["score", "--model", model, "--card", card, "--out", out])
    assert scored.exit_code == 0, scored.output
    assert pl.read_parquet(out).height == 400
