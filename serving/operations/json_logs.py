"""Logs as JSON, one object a line: ours, BentoML's and uvicorn's, in one format that a collector can read."""

import json
import logging
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["JsonFormatter", "log_as_json"]

# A message from another library may repeat what it was given. These speak only of themselves.
_OUTSPOKEN: Final = ("bentoml", "circus", "uvicorn", "zhiheng", "serving")


_TRACEBACK: Final = "Traceback (most recent call last)"


class JsonFormatter(logging.Formatter):
    """Writes a record as one line. Of an error its type and where it happened, never its message: that may hold values."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": self._event(record),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__
            line["where"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
            ]
        return json.dumps(line, ensure_ascii=False)

    def _event(self, record: logging.LogRecord) -> str:
        if record.name.split(".")[0] not in _OUTSPOKEN:
            return f"said by {record.name} at {record.module}:{record.lineno}"
        message = record.getMessage()
        return _without_values(message) if _TRACEBACK in message else message


def log_as_json(*configurations: MutableMapping[str, Any]) -> None:
    """Give every handler of the process our format, and every configuration (as logging.config reads) yet to be used."""
    for configuration in configurations:
        for name in configuration["formatters"]:
            configuration["formatters"][name] = {"()": JsonFormatter}
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        handler.setFormatter(JsonFormatter())
    # BentoML gives these a handler of their own and lets them pass every line on to the root's as well.
    for name in ("uvicorn.error", "circus"):
        logging.getLogger(name).propagate = False
    logging.captureWarnings(capture=True)


def _without_values(text: str) -> str:
    """Keep of a traceback that was handed over as text where it happened and the type of the error."""
    lines = text.rstrip().splitlines()
    kept = [line for line in lines if line.startswith((_TRACEBACK, "  File "))]
    return "\n".join([*kept, lines[-1].split(":")[0]])
