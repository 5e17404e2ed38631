"""A feature's name and value as a person reads them, in Chinese or English, from its declaration alone."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

from features.catalogue import Feature, Unit

__all__ = ["Language", "noun_phrase", "readable_money", "readable_value"]

Language = Literal["zh", "en"]

_BRACKETS: Final = re.compile(r"\s*（[^（）]*）|\s*\([^()]*\)")
_EXPLANATION: Final = {"zh": re.compile(r"[：，；。]"), "en": re.compile(r"[:;]|\.$")}
_LOGARITHM: Final = {"zh": re.compile(r"的自然对数$"), "en": re.compile(r"^Natural logarithm of (the )?")}
_LOG_TAIL: Final = re.compile(r",? in yuan$| plus one$")
_FLAG_TAIL: Final = re.compile(r"\s*\(1\).*")
_LEGEND: Final = re.compile(r"(\d+)\s*(?:为\s*)?([^\d、，；,;（）()]+)")
_LETTERS: Final = "A=1"
_PERCENT_UP_TO: Final = 10.0
_SMALL_SHARE: Final = 0.01
_UNKNOWN: Final = {"zh": "未知（没有数据）", "en": "unknown (no data)"}
_YES_NO: Final = {"zh": ("否", "是"), "en": ("no", "yes")}
_PERIODS: Final = {
    Unit.DAYS: ("天", "day"),
    Unit.MONTHS: ("个月", "month"),
    Unit.YEARS: ("年", "year"),
}
_MONEY: Final = {
    "zh": ((1.0, "元", 0, 1e4), (1e4, "万元", 1, 1e4), (1e8, "亿元", 2, math.inf)),
    "en": (
        (1.0, "", 0, 1e3),
        (1e3, "thousand", 1, 1e3),
        (1e6, "million", 2, 1e3),
        (1e9, "billion", 2, math.inf),
    ),
}


def noun_phrase(feature: Feature, language: Language) -> str:
    """Return what the feature is called: its text up to the explanation, without brackets.

    Logarithms are called by what they are taken of, as `readable_value` turns their values back.
    """
    text = feature.zh if language == "zh" else feature.en
    if feature.unit is Unit.FLAG:
        text = _FLAG_TAIL.sub("", text)
    text = _BRACKETS.sub("", text)
    phrase = _EXPLANATION[language].split(text, maxsplit=1)[0].strip()
    if feature.unit in (Unit.LOG_CNY, Unit.LOG_COUNT):
        phrase = _LOG_TAIL.sub("", _LOGARITHM[language].sub("", phrase))
    return phrase[:1].upper() + phrase[1:]


def readable_value(feature: Feature, value: float | None, language: Language) -> str:
    """Return a value with its unit; None and NaN are said to be unknown.

    Ratios are percentages where their range ends at ten or below, plain numbers above (a cover of 3.2); logarithms of
    amounts and counts, which are taken of one more (`features.credit.ratios.log_amount`), are turned back; ranks and codes
    are named as the feature's text names them.
    """
    if value is None or math.isnan(value):
        return _UNKNOWN[language]
    return _FORMS.get(feature.unit, _named)(feature, value, language)


def readable_money(yuan: float, language: Language) -> str:
    """Return an amount of yuan in 元, 万元 or 亿元, in English in thousands, millions or billions."""
    # Compared as rounded: 99,999,999 yuan are 1.00 亿元, not 10,000.0 万元.
    size, name, digits, _ = next(
        row for row in _MONEY[language] if round(abs(yuan) / row[0], row[2]) < row[3]
    )
    amount = _number(yuan / size, digits)
    return f"{amount} {name}" if language == "zh" else f"CNY {amount} {name}".rstrip()


def _ratio(feature: Feature, value: float, _: Language) -> str:
    if feature.high > _PERCENT_UP_TO:
        return _number(value, 2)
    return f"{_number(100 * value, 1 if abs(value) >= _SMALL_SHARE or value == 0 else 2)}%"


def _flag(_: Feature, value: float, language: Language) -> str:
    return _YES_NO[language][int(value)] if value in (0.0, 1.0) else _number(value, 2)


def _period(feature: Feature, value: float, language: Language) -> str:
    zh, en = _PERIODS[feature.unit]
    number = _short(value)
    if language == "zh":
        return f"{number} {zh}"
    return f"{number} {en}" if number == "1" else f"{number} {en}s"


def _named(feature: Feature, value: float, language: Language) -> str:
    """Return the name that the feature's text gives to a rank or code, or the number where it gives none."""
    text = feature.zh if language == "zh" else feature.en
    if _LETTERS in text and value == round(value):
        return chr(ord("A") + int(value) - 1)
    inside = "，".join(_BRACKETS.findall(text))
    names = {float(number): str(name).strip() for number, name in _LEGEND.findall(inside)}
    return names.get(value, _short(value))


def _short(value: float) -> str:
    return _number(value, 0 if value == round(value) else 1)


def _number(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


_FORMS: Final[Mapping[Unit, Callable[[Feature, float, Language], str]]] = {
    Unit.CNY: lambda _, value, language: readable_money(value, language),
    Unit.LOG_CNY: lambda _, value, language: readable_money(math.expm1(value), language),
    Unit.LOG_COUNT: lambda _, value, __: _number(math.expm1(value), 0),
    Unit.COUNT: lambda _, value, __: _short(value),
    Unit.RATIO: _ratio,
    Unit.DAYS: _period,
    Unit.MONTHS: _period,
    Unit.YEARS: _period,
    Unit.FLAG: _flag,
}
