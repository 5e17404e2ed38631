"""Settings that cannot be used are named by their variables, and none may break what the documents promise."""

import pytest

from serving.settings import ServiceSettings, read_settings
from serving.settings.unusable import ServiceSettingsError

PROMISED_SECONDS = 30
"""Within this time a moved alias answers on every worker: docs/models-at-run-time.md."""


def test_no_setting_lets_a_moved_alias_take_longer_than_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    polls, refreshes = (20, 20.5), (10, 10.5)
    settings = ServiceSettings(mlflow_poll_seconds=polls[0], refresh_seconds=refreshes[0])
    assert settings.mlflow_poll_seconds + settings.refresh_seconds == PROMISED_SECONDS
    monkeypatch.setenv("ZHIHENG_MLFLOW_POLL_SECONDS", str(polls[1]))
    monkeypatch.setenv("ZHIHENG_REFRESH_SECONDS", str(refreshes[1]))
    with pytest.raises(ServiceSettingsError) as raised:
        read_settings()
    for name, limit in (("ZHIHENG_MLFLOW_POLL_SECONDS", "20"), ("ZHIHENG_REFRESH_SECONDS", "10")):
        assert f"{name} must not be above {limit}" in raised.value.en
        assert f"{name} 须不大于 {limit}" in raised.value.zh


def test_what_a_variable_held_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_WORKERS", "hunter2")
    with pytest.raises(ServiceSettingsError) as raised:
        read_settings()
    assert "ZHIHENG_WORKERS must be a whole number" in raised.value.en
    assert "hunter2" not in f"{raised.value} {raised.value.zh}"
    assert raised.value.__cause__ is None
