"""A model folder of an earlier version of the program is refused in words, not with a stack trace."""

import json
from pathlib import Path

import pytest

from models.bundle import write_bundle
from models.credit.model import FAMILY, load_credit_model
from models.errors import BundleError


def test_a_folder_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    card = {"calibration": {"slope": 1.0, "intercept": 0.0}, "master_scale": {}, "boosters": 1}
    write_bundle(
        tmp_path / "old",
        {"credit.json": json.dumps(card).encode(), "booster_0.txt": b"tree"},
        family=FAMILY,
        features=("leverage",),
        seed=7,
        data_hash="0" * 64,
        code_version="test",
    )
    with pytest.raises(BundleError, match="earlier version") as raised:
        load_credit_model(tmp_path / "old")
    assert "own_boosters" in raised.value.message("zh")
