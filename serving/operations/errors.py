"""Errors of operations."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "TlsFileError"]


class TlsFileError(ServingError):
    """The certificate or its key cannot be used; the service does not start without them in their place."""

    def __init__(self, path: Path | None, *, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"无法启用 TLS（{path or 'ZHIHENG_TLS_CERT / ZHIHENG_TLS_KEY'}）：{problem_zh}",
            en=f"TLS cannot be used ({path or 'ZHIHENG_TLS_CERT / ZHIHENG_TLS_KEY'}): {problem_en}",
        )


# No request meets them: the service refuses to start.
PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType({})
