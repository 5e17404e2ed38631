"""The page of settings, read from the code: a setting that is not there does not exist."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from serving.settings import ServiceSettings
from zhiheng.settings import Settings

__all__ = ["settings_markdown"]

_PREFIX: Final = "ZHIHENG_"
_HEAD: Final = """<!-- 由 `zhiheng docs` 生成，请勿手改。Written by `zhiheng docs`; do not edit. -->

# 有哪些设置 · Which settings are there?

环境变量，启动时读取；没写的用默认值。密码与带密码的地址只从环境变量读取，不写入文件和日志。
Environment variables, read at the start; what is not set has its default. Passwords, and addresses that hold one, come from the
environment alone and are written to no file and no log.
"""
_COLUMNS: Final = "| 变量 variable | 默认 default | 决定什么 | decides |\n|---|---|---|---|\n"


def settings_markdown() -> str:
    """Return docs/settings.md: the settings of both, those of the service, those of the command line."""
    service, commands = ServiceSettings.model_fields, Settings.model_fields
    both = {name: field for name, field in service.items() if name in commands}
    parts = (
        ("两者都读 · Read by the service and the command line", both),
        ("服务 · The service", {name: field for name, field in service.items() if name not in both}),
        ("命令行 · The command line", {name: field for name, field in commands.items() if name not in both}),
    )
    sections = [f"\n## {title}\n\n{_COLUMNS}" + "\n".join(_rows(fields)) + "\n" for title, fields in parts]
    return _HEAD + "".join(sections)


def _rows(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    for name, field in fields.items():
        zh, _, en = (field.description or "").partition(" / ")
        yield f"| `{_PREFIX}{name.upper()}` | {_default(field)} | {zh} | {en} |"


def _default(field: FieldInfo) -> str:
    """Show a default; one that depends on the machine or its place is described."""
    if field.default_factory is not None:
        return "随机器 by machine"
    value = field.default
    if isinstance(value, SecretStr) or value in ("", None):
        return "空 empty"
    if isinstance(value, Path):
        return f"`{value.name}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
