"""What the OpenAPI text says of fields, parameters and shapes that say nothing in both languages themselves."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["field_text", "field_texts", "is_bilingual", "schema_text", "schema_texts"]

_FILE: Final = Path(__file__).with_suffix(".toml")
_BOTH: Final = re.compile(r"[\u4e00-\u9fff].*[/\n].*[A-Za-z]", re.DOTALL)


def is_bilingual(text: object) -> bool:
    """Whether a text has Chinese and, after it, English."""
    return isinstance(text, str) and _BOTH.search(text) is not None


def field_texts() -> Mapping[str, str]:
    """Return the glossary: a field's name, or `Shape.field` where one name means several things, to its text."""
    return _glossary()["fields"]


def schema_texts() -> Mapping[str, str]:
    """Return the texts of shapes whose own docstring is for readers of the code."""
    return _glossary()["schemas"]


def field_text(shape: str, name: str, own: object = None) -> str | None:
    """Return what is said of a field: by its model in both languages, else for this shape, else for the name."""
    if isinstance(own, str) and is_bilingual(own):
        return own
    texts = field_texts()
    return texts.get(f"{shape}.{name}", texts.get(name, own if isinstance(own, str) else None))


def schema_text(name: str, own: object = None) -> str | None:
    """Return what is said of a shape: by its docstring in both languages, else by the glossary."""
    if isinstance(own, str) and is_bilingual(own):
        return own
    return schema_texts().get(name, own if isinstance(own, str) else None)


@cache
def _glossary() -> Mapping[str, Mapping[str, str]]:
    read: Mapping[str, Mapping[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({name: MappingProxyType(dict(texts)) for name, texts in read.items()})
