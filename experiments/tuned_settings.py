"""Write what a search found as a configuration that `zhiheng train credit --conf` takes."""

from collections.abc import Mapping

from models.credit.booster import BoosterSettings

__all__ = ["train_conf"]


def train_conf(
    lines: tuple[str, ...],
    general: Mapping[str, int],
    booster: BoosterSettings,
    rejected: BoosterSettings | None,
) -> str:
    """Return TOML: the lines as comments, the general settings, the booster's, and those not recommended as comments."""
    text = [f"# {line}" for line in lines]
    text += [f"{name} = {_value(value)}" for name, value in general.items()]
    text += ["", *_tables(booster)]
    if rejected is not None:
        text += ["", "# 搜索所得但未达到推荐标准。Found, but not recommended:"]
        text += [f"# {line}" for line in _tables(rejected)]
    return "\n".join(text) + "\n"


def _tables(booster: BoosterSettings) -> list[str]:
    values = booster.model_dump()
    extra = values.pop("extra")
    lines = ["[booster]", *(f"{name} = {_value(value)}" for name, value in values.items())]
    if extra:
        lines += ["[booster.extra]", *(f"{name} = {_value(value)}" for name, value in extra.items())]
    return lines


def _value(value: float | str | bool) -> str:  # noqa: FBT001 - a value of a file
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
