"""The card as one ANSI SQL select that scores a table of the database, to the last digits, without any of our code."""

import math
from collections.abc import Sequence
from typing import Final

from models.credit.points import PointScale
from models.credit.scorecard.card import Bin, Scorecard, Term
from models.credit.scorecard.cells import Code
from models.errors import ScorecardError

__all__ = ["quoted", "scorecard_sql"]

_ROWS: Final = "applicants"
_ANSWERS: Final = ("log_odds", "pd", "points")


def scorecard_sql(card: Scorecard, scale: PointScale, *, table: str, keys: Sequence[str] = ()) -> str:
    """Return a select of `keys`, log_odds, pd and points over a table that has the card's columns.

    Missing is NULL; a database that stores NaN must turn it into NULL first. Numbers are compared as DOUBLE PRECISION,
    and literals are approximate numerics (1.5e0), as exact ones would round. Names are quoted, so any name will do. Tested in
    SQLite and DuckDB. Raises ScorecardError when a key has the name of an answer or a name holds a NUL.
    """
    taken = [key for key in keys if key.lower() in _ANSWERS]
    if taken:
        raise ScorecardError(
            zh=f"键列 {', '.join(taken)} 与输出列重名（{', '.join(_ANSWERS)}）。请改名后再导出。",
            en=f"Key {', '.join(taken)} has the name of an answer ({', '.join(_ANSWERS)}). Rename it before exporting.",
        )
    prefix = "part_"
    while any(key.lower().startswith(prefix) for key in keys):
        prefix += "_"
    parts = [f"{prefix}{number}" for number in range(1, len(card.terms) + 1)]
    names = [quoted(key) for key in keys]
    cases = [f"{_case(term)} AS {part}" for term, part in zip(card.terms, parts, strict=True)]
    total = " + ".join([_number(card.intercept), *parts])
    points = f"{_number(scale.offset)} - {_number(scale.factor)} * log_odds"
    inner = ",\n    ".join([*(f"{_ROWS}.{name}" for name in names), *cases])
    return (  # every name is quoted and every number is ours
        f"SELECT {', '.join([*names, 'log_odds'])},\n"  # noqa: S608
        f"  1e0 / (1e0 + EXP(-log_odds)) AS pd,\n"
        f"  {points} AS points\n"
        f"FROM (\n"
        f"  SELECT {', '.join([*names, f'{total} AS log_odds'])}\n"
        f"  FROM (\n    SELECT\n    {inner}\n    FROM {quoted(table)} AS {_ROWS}\n  ) AS parts\n"
        f") AS scored"
    )


def quoted(name: str) -> str:
    """Return an identifier that SQL takes as it is, whatever it holds."""
    if "\x00" in name:
        raise ScorecardError(
            zh=f"名称 {name!r} 含空字符，无法写入 SQL。请改名。",
            en=f"The name {name!r} holds a NUL and cannot stand in SQL. Rename it.",
        )
    return '"' + name.replace('"', '""') + '"'


def _case(term: Term) -> str:
    value = _value(term)
    pairs = list(zip(term.bins[:-1], term.log_odds[:-1].tolist(), strict=True))
    # The open bin comes last, as ELSE: for codes the one of the others, for numbers the one without an upper bound.
    pairs.sort(key=lambda pair: _is_open(term, pair[0]))
    arms = [f"WHEN {value} IS NULL THEN {_number(term.log_odds[-1])}"]
    arms += [f"WHEN {_test(term, value, one)} THEN {_number(log_odds)}" for one, log_odds in pairs[:-1]]
    return f"CASE {' '.join(arms)} ELSE {_number(pairs[-1][1])} END"


def _is_open(term: Term, one: Bin) -> bool:
    return one.other if term.source.categorical else one.upper is None


def _test(term: Term, value: str, one: Bin) -> str:
    if term.source.categorical:
        return f"{value} IN ({', '.join(_code(code) for code in one.categories)})"
    return f"{value} < {_number(one.upper if one.upper is not None else math.inf)}"


def _value(term: Term) -> str:
    """Return the expression a term looks at; the alias in front makes a missing column an error in every database."""
    names = [f"{_ROWS}.{quoted(column)}" for column in term.source.columns]
    if term.source.categorical and not term.has_numeric_codes:
        return names[0]
    doubles = [f"CAST({name} AS DOUBLE PRECISION)" for name in names]
    return doubles[0] if len(doubles) == 1 else f"({doubles[0]} - {doubles[1]})"


def _code(code: Code) -> str:
    return _number(code) if isinstance(code, float) else "'" + code.replace("'", "''") + "'"


def _number(value: float) -> str:
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"
