"""Logs are JSON, and an error's message, which may hold values, is in none of them."""

import io
import json
import logging
import traceback

import pytest

from serving.operations.json_logs import JsonFormatter, log_as_json


def logged(name: str, message: str, *args: object, error: BaseException | None = None) -> dict[str, object]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger(name)
    logger.addHandler(handler)
    logger.error(message, *args, exc_info=error)
    found: dict[str, object] = json.loads(stream.getvalue())
    return found


def raised() -> ValueError:
    with pytest.raises(ValueError, match="张三") as caught:
        int("张三 lives here")
    return caught.value


def test_a_line_names_time_level_event_and_logger() -> None:
    line = logged("bentoml.zhiheng", "looked for %s", "parts")
    assert (line["level"], line["event"], line["logger"]) == ("error", "looked for parts", "bentoml.zhiheng")
    assert str(line["timestamp"]).endswith("+00:00")


def test_an_error_is_told_by_type_and_place_only() -> None:
    line = logged("uvicorn.error", "Exception in ASGI application", error=raised())
    assert line["error"] == "ValueError"
    assert "raised" in str(line["where"])
    assert "张三" not in json.dumps(line, ensure_ascii=False)


def test_a_traceback_handed_over_as_text_loses_its_message() -> None:
    line = logged("uvicorn.error", "".join(traceback.format_exception(raised())))
    assert str(line["event"]).splitlines()[-1] == "ValueError"
    assert "张三" not in str(line["event"])


def test_what_other_libraries_say_is_told_by_place_only() -> None:
    assert "张三" not in str(logged("sqlalchemy.engine", "insert %s", "张三"))


def test_a_message_of_several_lines_stays_one_line() -> None:
    assert logged("bentoml.zhiheng", "one\ntwo")["event"] == "one\ntwo"


def test_configurations_yet_to_be_used_write_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "root", logging.RootLogger(logging.WARNING))
    monkeypatch.setattr(logging, "captureWarnings", lambda capture: capture)
    configuration: dict[str, object] = {"formatters": {"traced": {"format": "%(message)s"}}}
    log_as_json(configuration)
    assert configuration == {"formatters": {"traced": {"()": JsonFormatter}}}
