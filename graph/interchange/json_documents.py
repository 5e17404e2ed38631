"""JSON documents read one after the other, from an array or from JSON lines, naming the line that is broken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from graph.errors import InterchangeFileError

__all__ = ["Document", "read_documents"]

Document = dict[str, object]


def read_documents(path: Path) -> Iterator[tuple[int, Document]]:
    """Yield the objects of a JSON array with their places from 1, or of JSON lines with their lines.

    Raises InterchangeFileError where the file is missing, empty, not UTF-8, not JSON, or holds something that is
    no object. JSON lines are read as they are asked for, an array at once.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            start = _first_sign(file)
            if not start:
                raise InterchangeFileError(
                    path,
                    None,
                    "是空的。请核对导出是否完成。",
                    "is empty. Check that the export was finished.",
                )
            documents = _array(path, file) if start == "[" else _lines(path, file)
            for place, document in documents:
                if not isinstance(document, dict):
                    raise InterchangeFileError(
                        path,
                        place,
                        "不是 JSON 对象。请核对文件格式。",
                        "is no JSON object. Check the format.",
                    )
                yield place, document
    except OSError as error:
        problem = error.strerror or str(error)
        raise InterchangeFileError(
            path,
            None,
            f"无法打开（{problem}）。请核对路径和权限。",
            f"cannot be opened ({problem}). Check the path and your rights.",
        ) from error
    except UnicodeDecodeError as error:
        raise InterchangeFileError(
            path, None, "不是 UTF-8 编码。请转换编码后重试。", "is not UTF-8. Convert it and try again."
        ) from error


def _first_sign(file: TextIO) -> str:
    """Return the first character that is no blank, with the file back at its beginning."""
    start = ""
    while character := file.read(1):
        if not character.isspace():
            start = character
            break
    file.seek(0)
    return start


def _array(path: Path, file: TextIO) -> Iterator[tuple[int, object]]:
    try:
        documents = json.load(file)
    except (ValueError, RecursionError) as error:
        raise _broken(path, getattr(error, "lineno", None), error) from error
    yield from enumerate(documents, start=1)


def _lines(path: Path, file: TextIO) -> Iterator[tuple[int, object]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _broken(path, line, error) from error
        yield line, document


def _broken(path: Path, line: int | None, error: Exception) -> InterchangeFileError:
    return InterchangeFileError(
        path,
        line,
        f"不是有效的 JSON（{error}）。没有导入任何内容，请修正该行后重试。",
        f"is not valid JSON ({error}). Nothing was imported; correct that line and try again.",
    )
