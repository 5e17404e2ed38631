"""Saving and loading a model of lines: the same answers, and nothing but what was saved."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from models.capacity.lines.model import LineModel
from models.capacity.lines.model_folder import load_line_model, save_line_model
from models.errors import BundleError


def test_loaded_model_answers_bit_for_bit_the_same(model: LineModel, tmp_path: Path) -> None:
    save_line_model(model, tmp_path / "lines", code_version="test", metrics={"ratio": 0.5})
    loaded = load_line_model(tmp_path / "lines")
    assert_frame_equal(loaded.days(), model.days(), check_exact=True)
    assert_frame_equal(loaded.weeks(), model.weeks(), check_exact=True)
    assert_frame_equal(loaded.contributions(), model.contributions(), check_exact=True)
    assert_frame_equal(loaded.losses(), model.losses(), check_exact=True)
    assert loaded.marginals().weeks == model.marginals().weeks
    assert (loaded.marginals().values == model.marginals().values).all()
    assert loaded.marginals().errors.tobytes() == model.marginals().errors.tobytes()


def test_loaded_model_answers_scenarios(model: LineModel, tmp_path: Path) -> None:
    save_line_model(model, tmp_path / "lines", code_version="test")
    future = model.panel.future.with_columns(overtime=0.0)
    told = load_line_model(tmp_path / "lines").future_changed(future).weeks()
    assert_frame_equal(told, model.future_changed(future).weeks(), check_exact=True)


def test_same_model_has_the_same_version(model: LineModel, tmp_path: Path) -> None:
    first, second = (save_line_model(model, tmp_path / name, code_version="test") for name in ("a", "b"))
    assert first.manifest.version == second.manifest.version
    assert first.manifest.trained_as_of == model.panel.as_of


def test_folder_holds_no_pickle(model: LineModel, tmp_path: Path) -> None:
    save_line_model(model, tmp_path / "lines", code_version="test")
    endings = {path.suffix for path in (tmp_path / "lines").iterdir()}
    assert endings == {".txt", ".json", ".parquet"}


def test_changed_file_is_refused(model: LineModel, tmp_path: Path) -> None:
    save_line_model(model, tmp_path / "lines", code_version="test")
    path = tmp_path / "lines" / "state.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"seed":7', '"seed":8'), encoding="utf-8")
    with pytest.raises(BundleError, match=r"state\.json"):
        load_line_model(tmp_path / "lines")
