"""The command line: every group is there, errors come in the user's language with status 1, imports stay light."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(*words: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zhiheng", *words]
    environment = {"ZHIHENG_HOME": str(home), "PATH": "", "COLUMNS": "160", **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_help_lists_every_command(tmp_path: Path) -> None:
    text = run("--help", home=tmp_path).stdout
    for name in (
        "data",
        "graph",
        "features",
        "train",
        "fit",
        "score",
        "serve",
        "keys",
        "ledger",
        "demo",
        "stop",
        "docs",
    ):
        assert name in text


@pytest.mark.parametrize(("language", "text"), [("zh", "没有"), ("en", "no")])
def test_error_speaks_the_language_asked_for(language: str, text: str, tmp_path: Path) -> None:
    result = run(
        "--lang",
        language,
        "score",
        "--model",
        "nowhere",
        "--card",
        "none.toml",
        "--out",
        "x.parquet",
        home=tmp_path,
    )
    assert result.returncode == 1
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_panel_names_the_command_that_builds_it(tmp_path: Path) -> None:
    result = run("--lang", "en", "train", "credit", home=tmp_path)
    assert result.returncode == 1
    assert "zhiheng features build" in result.stderr
    assert "Traceback" not in result.stderr


def test_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    result = run("--lang", "en", "graph", "stats", home=tmp_path, ZHIHENG_PORT="0")
    assert result.returncode == 1
    assert "ZHIHENG_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_brackets_in_a_message_are_shown(tmp_path: Path) -> None:
    card = tmp_path / "[card].toml"
    result = run(
        "--lang", "en", "fit", "credit", "--card", str(card), "--out", str(tmp_path / "m"), home=tmp_path
    )
    assert result.returncode == 1
    assert "[card].toml" in result.stderr


def test_command_line_starts_without_heavy_libraries() -> None:
    heavy = {"lightgbm", "mlflow", "bentoml", "shap", "prophet", "polars", "pandas", "sklearn"}
    code = f"import sys, zhiheng.cli; print(sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
