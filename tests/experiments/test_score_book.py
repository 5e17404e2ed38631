"""Scoring a book: the answers of the model in one piece, whole or not at all, whatever the size of the pieces."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from experiments.errors import BookFeaturesError, ExperimentError
from experiments.score_book import CONTRIBUTION, ScoreBook, ScoredBook
from features.credit.links import LINKS_SCHEMA
from features.errors import UnreadableFileError, UnwritableFileError
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design, train_boosters
from models.credit.calibration.intervals import PdInterval
from models.credit.calibration.maps import AffineCalibration, BetaCalibration
from models.credit.grade import group_master_scale
from models.credit.model import FAMILY, CreditModel, Scores
from models.credit.neighbours import with_neighbour_scores
from models.errors import AdditivityError, BundleError, FeatureMismatchError

OWN = ("leverage", "days_past_due", "age_years")
AROUND = ("defaulted_neighbours_12m", "neighbours_worst_pd", "scored_neighbours")
SCORED = AROUND[1:]
DAYS = (date(2024, 5, 31), date(2024, 6, 30))
PARTIES = 150
FIGURES = ("pd", "log_odds", "own_pd", "own_log_odds", "pd_low", "pd_high")


def quiet(_zh: str, _en: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """Return two dates of a book without the neighbours' scores; some values are missing, one column is whole numbers."""
    rng = np.random.default_rng(5)
    rows = PARTIES * len(DAYS)
    leverage = rng.normal(0.6, 0.2, rows)
    leverage[rng.random(rows) < 0.2] = np.nan
    columns = {
        "party_id": [f"P{i:04}" for i in range(PARTIES)] * len(DAYS),
        "as_of": [day for day in DAYS for _ in range(PARTIES)],
        "standing": rng.choice(["at_risk", "in_default"], rows),
        "leverage": pl.Series(leverage, nan_to_null=True),
        "days_past_due": rng.poisson(3, rows),
        "age_years": rng.uniform(0, 30, rows),
        "defaulted_neighbours_12m": rng.poisson(0.4, rows).astype(float),
        "not_of_the_model": ["x"] * rows,
    }
    return pl.DataFrame(columns)


@pytest.fixture(scope="module")
def links(frame: pl.DataFrame) -> pl.DataFrame:
    """Return links among the parties of each date, another net on each."""
    rng = np.random.default_rng(6)
    rows = [
        (day, f"P{a:04}", f"P{b:04}", channel, 0.5)
        for day in DAYS
        for a, b in rng.integers(0, PARTIES, (200, 2))
        for channel in ("guaranteed", "customer")
        if a != b
    ]
    return pl.DataFrame(rows, schema=LINKS_SCHEMA, orient="row").unique(maintain_order=True)


@pytest.fixture(scope="module")
def model(frame: pl.DataFrame) -> CreditModel:
    """Return a model of own features, of the network and of the neighbours' scores, calibrated and with intervals."""
    rng = np.random.default_rng(7)
    settings = BoosterSettings(rounds=12, num_leaves=5, bags=2, min_data_in_leaf=5, learning_rate=0.2)
    own = frame.select(pl.col(OWN).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    around = np.column_stack(
        [frame["defaulted_neighbours_12m"], rng.beta(1, 9, len(frame)), rng.poisson(2, len(frame))]
    )
    y = (rng.random(len(frame)) < 0.05 + 0.05 * own[:, 1] * (1 + 4 * around[:, 1])).astype(float)
    f = train_boosters(Design(np.ascontiguousarray(own), y, OWN), settings=settings, seed=1, num_threads=1)
    design = Design(np.ascontiguousarray(around), y, AROUND, offset=f.raw(np.ascontiguousarray(own)))
    calibration = BetaCalibration(0.9, 1.1, -0.2)
    return CreditModel(
        own_features=OWN,
        own=f,
        network_features=AROUND,
        network=train_boosters(design, settings=settings, seed=2, num_threads=1),
        calibration=calibration,
        interval=PdInterval(calibration, (-3.0, 1.0), (-4.0, 0.0), (-2.0, 2.0)),
        scale=group_master_scale(),
    )


@pytest.fixture
def home(tmp_path: Path, frame: pl.DataFrame, links: pl.DataFrame, model: CreditModel) -> Path:
    """Return a folder with a model, the features in row groups that fit no piece, and the links."""
    save(model, tmp_path / "model")
    frame.write_parquet(tmp_path / "features.parquet", row_group_size=70)
    links.write_parquet(tmp_path / "links.parquet")
    return tmp_path


def save(model: CreditModel, folder: Path) -> None:
    write_bundle(
        folder,
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=1,
        data_hash="d",
        code_version="c",
    )


def job(home: Path, **change: object) -> ScoreBook:
    given = {"model": home / "model", "features": home / "features.parquet", "links": home / "links.parquet"}
    return ScoreBook.model_validate({**given, "out": home / "out" / "scores.parquet", **change})


def scored(home: Path, **change: object) -> pl.DataFrame:
    done = job(home, **change)
    done.run(quiet)
    return pl.read_parquet(done.out)


def contributions(found: pl.DataFrame) -> NDArray[np.float64]:
    return found.select(pl.col(f"^{CONTRIBUTION}.*$")).to_numpy()


def test_the_answers_are_those_of_the_model_in_one_piece(
    home: Path, frame: pl.DataFrame, links: pl.DataFrame, model: CreditModel
) -> None:
    found = scored(home, chunk_rows=64)
    expected = model.score(with_neighbour_scores(model, frame, links))
    assert found.select("party_id", "as_of", "standing").equals(frame.select("party_id", "as_of", "standing"))
    for name in FIGURES:
        np.testing.assert_allclose(found[name], getattr(expected, name), rtol=0, atol=1e-12)
    assert found["grade"].to_list() == expected.grades.tolist()
    assert set(found["base_log_odds"]) == {expected.base_log_odds}
    assert [name.removeprefix(CONTRIBUTION) for name in found.columns[-6:]] == list(model.features)
    np.testing.assert_allclose(contributions(found), expected.contributions, rtol=0, atol=1e-12)
    assert np.abs(contributions(found)[:, -2:]).max() > 0.01  # the neighbours' scores say something


@pytest.mark.parametrize("rows", [1, 70, 149, 300, 100_000])
def test_the_size_of_the_pieces_changes_no_bit(home: Path, rows: int) -> None:
    whole = scored(home, out=home / "whole.parquet", chunk_rows=300)
    pieces = scored(home, out=home / "pieces.parquet", chunk_rows=rows)
    assert pieces.equals(whole)
    assert pq.ParquetFile(home / "pieces.parquet").num_row_groups == -(-300 // rows)


def test_compiled_contributions_are_those_of_lightgbm(home: Path) -> None:
    plain = scored(home, out=home / "plain.parquet")
    fast = scored(home, out=home / "fast.parquet", compiled_from=0, num_threads=2)
    pieces = scored(home, out=home / "pieces.parquet", compiled_from=0, chunk_rows=7)
    assert pieces.equals(fast)  # neither threads nor pieces change a bit
    assert fast.select("party_id", "as_of", "grade").equals(plain.select("party_id", "as_of", "grade"))
    np.testing.assert_allclose(contributions(fast), contributions(plain), rtol=0, atol=1e-12)
    np.testing.assert_allclose(fast["log_odds"], plain["log_odds"], rtol=0, atol=1e-12)


def test_the_file_adds_up_as_the_model_does(home: Path) -> None:
    found = scored(home)
    total = found["base_log_odds"].to_numpy() + contributions(found).sum(axis=1)
    np.testing.assert_allclose(total, found["log_odds"], rtol=0, atol=1e-6)
    assert all(dtype == pl.Float64 for name, dtype in found.schema.items() if name.startswith(CONTRIBUTION))


def test_own_scores_in_the_file_are_taken_as_they_stand_without_links(
    home: Path, frame: pl.DataFrame, links: pl.DataFrame, model: CreditModel
) -> None:
    given = frame.with_columns(pl.lit(0.3).alias(SCORED[0]), pl.lit(4).alias(SCORED[1]))
    given.write_parquet(home / "given.parquet")
    as_given = scored(home, features=home / "given.parquet", links=None)
    np.testing.assert_allclose(as_given["log_odds"], model.score(given).log_odds, rtol=0, atol=1e-12)
    anew = scored(home, features=home / "given.parquet")
    expected = model.score(with_neighbour_scores(model, frame, links))
    np.testing.assert_allclose(anew["log_odds"], expected.log_odds, rtol=0, atol=1e-12)
    assert not anew["log_odds"].equals(as_given["log_odds"])


def test_a_model_without_network_and_interval_needs_no_links(
    home: Path, frame: pl.DataFrame, model: CreditModel
) -> None:
    alone = CreditModel(
        own_features=OWN, own=model.own, calibration=AffineCalibration(1.0, 0.0), scale=model.scale
    )
    save(alone, home / "alone")
    frame.drop("standing").write_parquet(home / "bare.parquet")
    for given in (None, home / "links.parquet"):
        found = scored(home, model=home / "alone", features=home / "bare.parquet", links=given)
        assert found["pd_low"].null_count() == found["pd_high"].null_count() == len(frame)
        assert found["log_odds"].equals(found["own_log_odds"])
        assert "standing" not in found.columns


def test_the_summary_and_the_messages_count_what_was_written(home: Path) -> None:
    said: list[str] = []
    done = job(home, chunk_rows=50, progress_rows=100).run(lambda zh, en: said.extend([zh, en]))
    found = pl.read_parquet(done.out)
    assert isinstance(done, ScoredBook)
    assert done.rows == len(found) == 300
    assert done.mean_pd == pytest.approx(found["pd"].mean())
    counted = dict(found["grade"].value_counts().iter_rows())
    assert {name: count for name, count in done.grades.items() if count} == counted
    progress = [text for text in said if "of 300 rows scored" in text]
    assert [text.split()[0] for text in progress] == ["100", "200", "300"]
    assert any("已写入 300 行" in text for text in said)
    version = pq.read_schema(done.out).metadata[b"zhiheng.model_version"]
    assert version.decode() == done.model_version


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (pl.lit(None, pl.String).alias("party_id"), "300 row(s) have no party_id, the first is row 1"),
        (
            pl.when(pl.int_range(pl.len()) == 123).then(pl.lit("")).otherwise("party_id").alias("party_id"),
            "1 row(s) have no party_id, the first is row 124",
        ),
        (pl.lit(DAYS[0]).alias("as_of"), r"150 parties stand there more than once .*P0000 \(2024-05-31\)"),
        (pl.lit("2024-06-30").alias("as_of"), "column as_of is String, it must be Date"),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused(
    home: Path, frame: pl.DataFrame, changed: pl.Expr, told: str
) -> None:
    frame.with_columns(changed).write_parquet(home / "features.parquet")
    pattern = told if "*" in told else told.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(BookFeaturesError, match=pattern):
        job(home).run(quiet)
    assert not job(home).out.exists()


def test_columns_that_are_missing_or_no_numbers_are_named(home: Path, frame: pl.DataFrame) -> None:
    wrong = frame.drop("age_years").with_columns(pl.col("leverage").cast(pl.String))
    wrong.write_parquet(home / "wrong.parquet")
    with pytest.raises(FeatureMismatchError) as raised:
        job(home, features=home / "wrong.parquet").run(quiet)
    assert raised.value.missing == ("leverage", "age_years")
    with pytest.raises(BookFeaturesError, match=r"neighbours_worst_pd, scored_neighbours.*--links"):
        job(home, links=None).run(quiet)
    frame.drop("as_of").write_parquet(home / "wrong.parquet")
    with pytest.raises(BookFeaturesError, match="as_of"):
        job(home, features=home / "wrong.parquet").run(quiet)
    frame.clear().write_parquet(home / "wrong.parquet")
    with pytest.raises(BookFeaturesError, match="holds no row"):
        job(home, features=home / "wrong.parquet").run(quiet)


def test_a_day_without_links_is_refused(home: Path, links: pl.DataFrame) -> None:
    links.filter(pl.col("as_of") == DAYS[0]).write_parquet(home / "links.parquet")
    with pytest.raises(BookFeaturesError, match="no links on 2024-06-30"):
        job(home).run(quiet)
    (home / "links.parquet").write_text("no Parquet")
    with pytest.raises(UnreadableFileError, match="no file of links"):
        job(home).run(quiet)


def test_a_failure_half_way_leaves_what_stood_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(home)
    before = job(home).out.read_bytes()
    true, calls = CreditModel.score_matrix, []

    def fails_later(self: CreditModel, part: NDArray[np.float64], *, num_threads: int = 1) -> Scores:
        calls.append(len(part))
        if len(calls) > 2:
            raise AdditivityError(self.version, 0.5)
        return true(self, part, num_threads=num_threads)

    monkeypatch.setattr(CreditModel, "score_matrix", fails_later)
    with pytest.raises(AdditivityError):
        job(home, chunk_rows=64).run(quiet)
    assert calls == [64, 64, 64]
    assert job(home).out.read_bytes() == before
    assert [path.name for path in job(home).out.parent.iterdir()] == ["scores.parquet"]


def test_a_broken_file_is_named_and_nothing_is_written(home: Path, frame: pl.DataFrame) -> None:
    path = home / "features.parquet"
    whole = bytearray(path.read_bytes())
    start = whole.index(b"PAR1") + len(whole) // 3
    whole[start : start + 2000] = b"\0" * 2000  # pages, not the footer
    path.write_bytes(whole)
    with pytest.raises(UnreadableFileError, match=r"features\.parquet"):
        job(home).run(quiet)
    path.write_bytes(whole[:100])
    with pytest.raises(UnreadableFileError, match=r"features\.parquet"):
        job(home).run(quiet)
    path.unlink()
    with pytest.raises(UnreadableFileError, match=r"features\.parquet"):
        job(home).run(quiet)
    assert not job(home).out.exists()


def test_outputs_that_would_do_harm_are_refused(home: Path) -> None:
    with pytest.raises(ExperimentError, match=r"must end in \.parquet"):
        job(home, out=home / "scores.csv").run(quiet)
    for path in (home / "features.parquet", home / "out" / ".." / "links.parquet"):
        with pytest.raises(ExperimentError, match="would be replaced"):
            job(home, out=path).run(quiet)
    (home / "file").write_text("")
    with pytest.raises(UnwritableFileError):
        job(home, out=home / "file" / "scores.parquet").run(quiet)
    with pytest.raises(BundleError):
        job(home, model=home / "nowhere").run(quiet)
    with pytest.raises(ValidationError):
        job(home, chunk_rows=0)
