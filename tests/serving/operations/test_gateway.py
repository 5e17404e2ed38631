"""Behind a gateway: forwarded headers are believed from whom the settings name, and from nobody by default."""

import subprocess
import sys
from pathlib import Path

import pytest
from uvicorn.middleware.proxy_headers import _TrustedHosts

CODE = "import os, serving.service; print('trusted=' + os.environ['FORWARDED_ALLOW_IPS'])"


def trusted(tmp_path: Path, **told: str) -> str:
    """Return what uvicorn is told in a process that has imported the service."""
    environment = {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True", **told}
    run = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment
    )
    return run.stdout.strip().removeprefix("trusted=")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.7"])
def test_nobody_is_believed_unless_a_setting_says_so(tmp_path: Path, address: str) -> None:
    assert address not in _TrustedHosts(trusted(tmp_path))


def test_a_variable_of_uvicorns_own_opens_nothing(tmp_path: Path) -> None:
    assert trusted(tmp_path, FORWARDED_ALLOW_IPS="*") == ""


def test_the_gateways_of_the_settings_are_believed_and_no_others(tmp_path: Path) -> None:
    hosts = _TrustedHosts(trusted(tmp_path, ZHIHENG_TRUSTED_GATEWAYS="10.0.0.7,192.168.8.0/24"))
    assert "10.0.0.7" in hosts
    assert "192.168.8.20" in hosts
    assert "10.0.0.8" not in hosts
