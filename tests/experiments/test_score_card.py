from pathlib import Path

import pytest

from experiments.errors import ExperimentError
from experiments.score_card import ScoreCard


def test_the_kind_of_output_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    job = ScoreCard(model=tmp_path / "none", card=tmp_path / "none.toml", out=tmp_path / "scores.xlsx")
    with pytest.raises(ExperimentError, match=r"\.csv"):
        job.run(lambda _zh, _en: None)
