"""Read a job's settings: a TOML file for what a data scientist decides, arguments for where things lie."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from experiments.errors import ConfError, OptionError

__all__ = ["CONFS", "Say", "checked_job", "read_job"]

CONFS: Final = Path(__file__).resolve().parent / "confs"

Say = Callable[[str, str], None]
"""Tells the user of progress, in Chinese and in English; the command line prints one of them."""

Job = TypeVar("Job", bound=BaseModel)


def read_job(job: type[Job], conf: Path, **given: object) -> Job:
    """Make a job of its TOML file and of arguments, which win; None stands for not given.

    Raises ConfError naming the file and the key.
    """
    try:
        settings = tomllib.loads(conf.read_text(encoding="utf-8"))
        return job.model_validate(
            {**settings, **{name: value for name, value in given.items() if value is not None}}
        )
    except FileNotFoundError as error:
        raise ConfError(
            str(conf), "-", problem_zh="文件不存在", problem_en="there is no such file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfError(
            str(conf), "-", problem_zh=f"不是有效的 TOML：{error}", problem_en=f"not valid TOML: {error}"
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfError(str(conf), key, problem_zh=first["msg"], problem_en=first["msg"]) from error


def checked_job(job: type[Job], **given: object) -> Job:
    """Make a job of the command's options; None stands for not given. Raises OptionError naming the option."""
    try:
        return job.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise OptionError(str(first["loc"][0]) if first["loc"] else "-", first["msg"]) from error
