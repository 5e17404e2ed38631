"""The credit model: additive, reproducible, the same after save and load, strict about its features."""

import json
from dataclasses import replace
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import logit

from models.bundle import MANIFEST, read_bundle, write_bundle
from models.credit.booster import Boosters, BoosterSettings, Design, train_boosters
from models.credit.calibration.fit import FITS, fit_affine
from models.credit.calibration.maps import AffineCalibration, Kind
from models.credit.grade import group_master_scale
from models.credit.learn import Learned, Network, _ahead, learn_credit_model
from models.credit.model import FAMILY, CreditModel, load_credit_model
from models.credit.network_gain import network_gain
from models.errors import AdditivityError, BundleError, FeatureMismatchError, NotTrainableError

SETTINGS = BoosterSettings(rounds=60, bags=2)
FEATURES = ("overdue", "leverage", "noise", "constant", "all_missing")


def design(rows: int = 1500, seed: int = 3) -> Design:
    r = np.random.default_rng(seed)
    x = r.normal(size=(rows, 5))
    x[:, 3], x[:, 4] = 1.0, np.nan
    logit = 1.5 * x[:, 0] + 0.8 * x[:, 1] - 2.0
    y = (r.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    x[r.random(rows) < 0.1, 1] = np.nan
    return Design(x, y, FEATURES, monotone={"overdue": 1})


def learn(d: Design, seed: int = 1) -> Learned:
    groups = np.arange(len(d.y)) // 2
    return learn_credit_model(
        d, groups=groups, settings=SETTINGS, scale=group_master_scale(), seed=seed, num_threads=1, folds=3
    )


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn(design())


@pytest.fixture(scope="module")
def model(learned: Learned) -> CreditModel:
    return learned.model


def save(model: CreditModel, folder: Path) -> Path:
    write_bundle(
        folder,
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=1,
        data_hash="d",
        code_version="c",
    )
    return folder


def test_base_and_contributions_sum_to_log_odds(model: CreditModel) -> None:
    scores = model.score_matrix(design(seed=9).x)
    total = scores.base_log_odds + scores.contributions.sum(axis=1)
    np.testing.assert_allclose(total, scores.log_odds, atol=1e-9)
    np.testing.assert_allclose(scores.pd, 1 / (1 + np.exp(-scores.log_odds)), atol=1e-12)


def expected(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> float:
    """Return a tree's mean output when only some features are known (Lundberg et al. 2018, algorithm 1)."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    value = row[node["split_feature"]]
    if node["split_feature"] in known:
        goes_left = node["default_left"] if np.isnan(value) else value <= node["threshold"]
        return expected(left if goes_left else right, row, known)
    counts = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
    return float(np.average([expected(left, row, known), expected(right, row, known)], weights=counts))


def shapley_by_definition(tree: dict[str, Any], row: np.ndarray) -> list[float]:
    every = range(len(row))

    def gain(i: int, others: tuple[int, ...]) -> float:
        weight = factorial(len(others)) * factorial(len(row) - len(others) - 1) / factorial(len(row))
        return weight * (
            expected(tree, row, frozenset((*others, i))) - expected(tree, row, frozenset(others))
        )

    rest = {i: [j for j in every if j != i] for i in every}
    return [sum(gain(i, o) for size in every for o in combinations(rest[i], size)) for i in every]


def test_contributions_are_the_shapley_values_by_definition(model: CreditModel) -> None:
    x = design(seed=9).x[:3]
    dumps = [booster.dump_model()["tree_info"] for booster in model.own.members]
    trees = [info["tree_structure"] for dump in dumps for info in dump]
    oracle = [np.sum([shapley_by_definition(tree, row) for tree in trees], axis=0) / len(dumps) for row in x]
    ours = replace(model, calibration=AffineCalibration(1.2, -0.3)).score_matrix(x).contributions
    np.testing.assert_allclose(ours, 1.2 * np.array(oracle), atol=1e-6)


def test_same_seed_same_model_other_seed_other_model() -> None:
    assert learn(design()).model.files() == learn(design()).model.files()
    assert learn(design()).model.files() != learn(design(), seed=2).model.files()


def test_save_and_load_answer_the_same(model: CreditModel, tmp_path: Path) -> None:
    loaded = load_credit_model(save(model, tmp_path / "m"))
    frame = pl.DataFrame(design(seed=5).x, schema=list(FEATURES))
    assert loaded.score(frame).frame().equals(model.score(frame).frame())
    assert loaded.version == read_bundle(tmp_path / "m").manifest.version


def test_model_folder_holds_native_text_only(model: CreditModel, tmp_path: Path) -> None:
    folder = save(model, tmp_path / "m")
    assert {path.suffix for path in folder.iterdir()} == {".json", ".txt"}
    assert not any(path.read_bytes().startswith(b"\x80") for path in folder.iterdir())


def test_out_of_fold_scores_rank_defaults_and_are_calibrated(learned: Learned) -> None:
    y = design().y
    p = 1 / (1 + np.exp(-learned.out_of_fold_log_odds))
    assert p[y == 1].mean() > p[y == 0].mean() + 0.15
    assert abs(p.mean() - y.mean()) < 0.01


def test_monotone_feature_never_lowers_pd(model: CreditModel) -> None:
    x = np.repeat(design(seed=8).x[:40], 25, axis=0)
    x[:, 0] = np.tile(np.linspace(-3, 3, 25), 40)
    steps = np.diff(model.score_matrix(x).pd.reshape(40, 25), axis=1)
    assert steps.min() >= -1e-12
    assert steps.max() > 0


def test_constant_and_missing_columns_contribute_nothing(model: CreditModel) -> None:
    scores = model.score_matrix(design(seed=8).x)
    assert np.abs(scores.contributions[:, 3:]).max() == 0


def test_infinite_and_missing_values_still_sum(model: CreditModel) -> None:
    x = np.array([[np.inf, np.nan, -np.inf, 1.0, np.nan]])
    scores = model.score_matrix(x)
    assert np.isfinite(scores.log_odds).all()


def test_refuses_missing_feature(model: CreditModel) -> None:
    frame = pl.DataFrame(design().x[:2], schema=list(FEATURES)).drop("leverage")
    with pytest.raises(FeatureMismatchError) as caught:
        model.score(frame)
    assert caught.value.missing == ("leverage",)
    assert "leverage" in caught.value.zh


def test_refuses_feature_of_another_type(model: CreditModel) -> None:
    frame = pl.DataFrame(design().x[:2], schema=list(FEATURES)).with_columns(leverage=pl.lit("high"))
    with pytest.raises(FeatureMismatchError):
        model.score(frame)


def test_refuses_answer_whose_explanation_does_not_add_up(model: CreditModel) -> None:
    class Lying(Boosters):
        def contributions(self, x: np.ndarray, *, num_threads: int = 1) -> np.ndarray:
            return super().contributions(x, num_threads=num_threads) + 0.01

    liar = replace(model, own=Lying(model.own.members))
    with pytest.raises(AdditivityError):
        liar.score_matrix(design().x[:3])


def test_refuses_boosters_of_other_features(model: CreditModel, tmp_path: Path) -> None:
    write_bundle(
        tmp_path / "m",
        model.files(),
        family=FAMILY,
        features=("a", "b", "c", "d", "e"),
        seed=1,
        data_hash="d",
        code_version="c",
    )
    with pytest.raises(FeatureMismatchError):
        load_credit_model(tmp_path / "m")


def test_refuses_changed_file(model: CreditModel, tmp_path: Path) -> None:
    folder = save(model, tmp_path / "m")
    card = folder / "credit.json"
    card.write_text(card.read_text().replace("slope", "slope "))
    with pytest.raises(BundleError, match=r"credit\.json differs"):
        load_credit_model(folder)


def test_refuses_missing_file_and_missing_manifest(model: CreditModel, tmp_path: Path) -> None:
    folder = save(model, tmp_path / "m")
    (folder / "own_1.txt").unlink()
    with pytest.raises(BundleError, match=r"own_1\.txt is missing"):
        load_credit_model(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(BundleError, match="no manifest"):
        load_credit_model(folder)


def test_refuses_model_of_another_family(model: CreditModel, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    with pytest.raises(BundleError, match="'demand' model is needed"):
        read_bundle(tmp_path / "m", family="demand")


def test_writing_again_replaces_the_folder_whole(model: CreditModel, tmp_path: Path) -> None:
    folder = save(model, tmp_path / "m")
    (folder / "stray").write_text("left over")
    save(model, folder)
    assert not (folder / "stray").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert json.loads((folder / MANIFEST).read_text())["family"] == FAMILY


@pytest.mark.parametrize("labels", [np.zeros(50), np.ones(50), np.full(50, 2.0)])
def test_refuses_labels_of_one_class(labels: np.ndarray) -> None:
    with pytest.raises(NotTrainableError, match="both 0"):
        train_boosters(Design(np.ones((50, 1)), labels, ("a",)), settings=SETTINGS, seed=1, num_threads=1)


def test_refuses_empty_table_and_too_few_defaults() -> None:
    with pytest.raises(NotTrainableError, match="empty"):
        train_boosters(Design(np.ones((0, 1)), np.zeros(0), ("a",)), settings=SETTINGS, seed=1, num_threads=1)
    d = design(rows=60)
    y = np.zeros(60)
    y[:4] = 1
    with pytest.raises(NotTrainableError, match="4 rows"):
        learn(replace(d, y=y))


def test_number_of_threads_changes_no_byte_of_the_model() -> None:
    d = design()
    one, two = (train_boosters(d, settings=SETTINGS, seed=1, num_threads=n).files("b") for n in (1, 2))
    assert one == two


def test_fewer_parties_than_folds_are_refused() -> None:
    d = design(rows=200)
    with pytest.raises(NotTrainableError, match="2 parties"):
        learn_credit_model(
            d,
            groups=np.arange(200) % 2,
            settings=SETTINGS,
            scale=group_master_scale(),
            seed=1,
            num_threads=1,
        )


def test_calibration_recovers_a_distorted_scale() -> None:
    r = np.random.default_rng(0)
    truth = r.normal(-2, 1.5, 40_000)
    y = (r.random(40_000) < 1 / (1 + np.exp(-truth))).astype(float)
    fitted = fit_affine((truth - 0.7) / 1.8, y)
    assert fitted.slope == pytest.approx(1.8, rel=0.05)
    assert fitted.intercept == pytest.approx(0.7, abs=0.06)


def test_calibration_refuses_a_reversed_score() -> None:
    r = np.random.default_rng(0)
    raw = r.normal(size=4000)
    y = (r.random(4000) < 1 / (1 + np.exp(2 * raw))).astype(float)
    with pytest.raises(NotTrainableError, match="slope"):
        fit_affine(raw, y)


def test_calibration_is_affine_in_log_odds() -> None:
    calibration = AffineCalibration(1.2, -0.3)
    raw = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(calibration.log_odds(raw), 1.2 * raw - 0.3)


NET = Network(features=("leverage", "noise"))


def two_parts(network: Network) -> Learned:
    d = design(2500)
    settings = SETTINGS.model_copy(update={"num_leaves": 4})
    groups = np.arange(len(d.y)) // 2
    return learn_credit_model(
        d, groups=groups, settings=settings, scale=group_master_scale(), seed=1, num_threads=1, folds=3, network=network
    )  # fmt: skip


@pytest.fixture(scope="module", params=[(), ("overdue",)], ids=["apart", "reads own features too"])
def networked(request: pytest.FixtureRequest) -> Learned:
    return two_parts(replace(NET, also=request.param))


def test_log_odds_are_own_plus_network_exactly(networked: Learned) -> None:
    model, x = networked.model, design(seed=9).x
    columns = [FEATURES.index(name) for name in model.features]
    own = x[:, [FEATURES.index(name) for name in model.own_features]]
    around = x[:, [FEATURES.index(name) for name in model.network_features]]
    assert model.network is not None
    scores = model.score_matrix(x[:, columns])
    f, g = model.own.raw(own), model.network.raw(around)
    np.testing.assert_allclose(model.calibration.log_odds(f + g), scores.log_odds, atol=1e-9)
    np.testing.assert_allclose(
        model.calibration.log_odds(f + model.network_base), scores.own_log_odds, atol=1e-9
    )
    total = scores.base_log_odds + scores.contributions.sum(axis=1)
    np.testing.assert_allclose(total, scores.log_odds, atol=1e-9)
    if not set(model.own_features) & set(model.network_features):
        network = [model.features.index(name) for name in model.network_features]
        effect = scores.contributions[:, network].sum(axis=1)
        np.testing.assert_allclose(effect, scores.log_odds - scores.own_log_odds, atol=1e-9)


@pytest.mark.parametrize("kind", ["beta", "isotonic", "venn_abers"])
def test_contributions_add_up_under_every_calibration(networked: Learned, kind: str) -> None:
    model, d = networked.model, design(seed=4)
    x = d.x[:, [FEATURES.index(name) for name in model.features]]
    curved = replace(model, calibration=FITS[Kind(kind)](model.log_odds_of(x), d.y, None))
    scores = curved.score_matrix(x)
    total = scores.base_log_odds + scores.contributions.sum(axis=1)
    np.testing.assert_allclose(total, scores.log_odds, atol=1e-9)


@pytest.mark.parametrize("kind", list(FITS))
def test_steps_and_plateaus_of_a_calibration_neither_blow_up_nor_erase_reasons(
    model: CreditModel, kind: Kind
) -> None:
    d = design(seed=4)
    # Fitted at these very scores, so that many of them lie on the edge of a step.
    curved = replace(model, calibration=FITS[kind](model.own.raw(d.x), d.y, None))
    scores = curved.score_matrix(d.x)
    parts = curved.own.contributions(d.x)[:, :-1]
    rise = np.abs(scores.log_odds - scores.base_log_odds)
    assert np.all(np.abs(scores.contributions) <= (10 * np.abs(parts).sum(axis=1) + rise)[:, None])
    assert np.all(scores.contributions * np.sign(parts) >= -1e-9)
    # Where all parts go one way and the map is level they sum to nothing and so are nothing; else each is there.
    mixed = (parts > 0).any(axis=1) & (parts < 0).any(axis=1)
    assert np.all((scores.contributions != 0)[mixed] == (parts != 0)[mixed])


def test_a_shift_moves_base_and_ends_and_nothing_else(model: CreditModel, tmp_path: Path) -> None:
    x = design(seed=9).x
    before, moved = model.score_matrix(x), model.shifted(-0.6327)
    after = load_credit_model(save(moved, tmp_path / "m")).score_matrix(x)
    np.testing.assert_allclose(after.log_odds, before.log_odds - 0.6327, atol=1e-9)
    np.testing.assert_allclose(after.contributions, before.contributions, atol=1e-9)
    assert np.all((after.pd_low <= after.pd) & (after.pd <= after.pd_high))
    np.testing.assert_allclose(logit(after.pd_low), logit(before.pd_low) - 0.6327, atol=1e-9)
    np.testing.assert_allclose(logit(after.pd_high), logit(before.pd_high) - 0.6327, atol=1e-9)


def test_no_rows_have_an_empty_answer_with_the_base(model: CreditModel) -> None:
    none = model.score_matrix(np.empty((0, len(model.features))))
    assert none.frame().height == 0
    assert none.base_log_odds == model.score_matrix(design().x[:1]).base_log_odds


def test_network_model_answers_the_same_when_loaded(networked: Learned, tmp_path: Path) -> None:
    loaded = load_credit_model(save(networked.model, tmp_path / "m"))
    x = design(seed=5).x[:, [FEATURES.index(name) for name in loaded.features]]
    frame = pl.DataFrame(x, schema=list(loaded.features))
    assert loaded.score(frame).frame().equals(networked.model.score(frame).frame())


def test_a_network_that_says_nothing_is_left_out() -> None:
    learned = two_parts(Network(features=("noise", "constant")))
    assert learned.gain is not None
    assert learned.network_rounds == 0
    assert learned.model.network is None
    assert learned.model.features == ("overdue", "leverage", "all_missing")


def test_a_network_that_says_much_stays_and_dates_decide() -> None:
    d = design(3000)
    groups, days = np.arange(len(d.y)) // 2, np.repeat(np.arange(30), 100)
    useful = replace(NET, label_delay=3)
    given = {
        "groups": groups,
        "settings": SETTINGS,
        "scale": group_master_scale(),
        "seed": 1,
        "num_threads": 1,
    }
    learned = learn_credit_model(d, **given, order=days, network=useful)  # type: ignore[arg-type]
    assert learned.later_gain is not None
    assert learned.later_gain.mean > 0
    assert learned.network_rounds > 0
    unjudged = learn_credit_model(d, **given, order=days, network=replace(useful, label_delay=40))  # type: ignore[arg-type]
    assert unjudged.later_gain is None
    assert unjudged.model.network is None


def test_later_dates_are_judged_by_other_parties_whose_labels_were_known_by_then() -> None:
    order, groups = np.repeat(np.arange(40), 6), np.tile(np.arange(6), 40)
    rows = np.arange(len(order))
    pairs = [(rows[groups % 3 != fold], rows[groups % 3 == fold]) for fold in range(3)]
    ahead = [(fit, judged) for fit, judged in _ahead(pairs, order, 10) if len(fit)]
    assert sorted(np.concatenate([judged for _, judged in ahead])) == list(rows[order >= 10])
    for fit, judged in ahead:
        assert order[fit].max() + 10 <= order[judged].min()
        assert not set(groups[fit]) & set(groups[judged])
    assert _ahead(pairs, order, 40) == []


def test_gain_counts_parties_and_not_rows() -> None:
    r = np.random.default_rng(1)
    y = (r.random(300) < 0.3).astype(float)
    own, group = np.zeros(300), np.where(y > 0, 0.2, -0.1) + r.normal(0, 0.5, 300)
    once = network_gain(y, own, group, np.arange(300))
    rows = np.tile(np.arange(300), 10)
    tenfold = network_gain(y[rows], own[rows], group[rows], rows)
    assert tenfold.mean == pytest.approx(once.mean)
    assert tenfold.standard_error == pytest.approx(once.standard_error)
    as_rows = network_gain(y[rows], own[rows], group[rows], np.arange(3000))
    assert as_rows.standard_error < once.standard_error / 2
