"""Which texts can be kept: no database, file or log here holds half a character, and PostgreSQL no NUL."""

import re
from typing import Final

from serving.errors import FieldProblem

__all__ = ["shown_name", "text_problem"]

_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
_MOST_SHOWN: Final = 100


def text_problem(field: str, text: str) -> FieldProblem | None:
    """Say what of a text cannot be kept, None where all of it can."""
    found = _UNSTORABLE.search(text)
    if found is None:
        return None
    if found[0] == "\0":
        return FieldProblem(
            field,
            "nul_character",
            "含有空字符（U+0000），无法保存，请删去",
            "holds the character NUL (U+0000), which cannot be kept; remove it",
        )
    return FieldProblem(
        field,
        "half_character",
        "含有不完整的字符（单独的代理码），请改正编码",
        "holds half a character (a lone surrogate); correct its encoding",
    )


def shown_name(name: str) -> str:
    """Return a field's name as a problem may show it."""
    return _UNSTORABLE.sub("?", name)[:_MOST_SHOWN]
