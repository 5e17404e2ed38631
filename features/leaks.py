"""The leak guard: names columns that give the label away, says why, and keeps the certain ones out of the model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from features.cards.card import Card
from features.cards.dates import as_dates
from features.cards.events import audited_columns
from features.cards.own import candidate_columns
from features.cards.read import LABEL, PARTITION, PARTY, TIME, CardTables
from features.leak_signs import Audited, calendar_imprint, fading, one_sided_share, separation

__all__ = ["MAIN", "Finding", "LeakReport", "Sign", "SignKind", "Verdict", "look_for_leaks"]

MAIN: Final = "main"
_SEPARATES: Final = 0.95  # no single fact known at the decision ranks defaults so well
_STANDS_OUT: Final = 0.70  # below it a column ranks as sound columns do
_STANDS_OUT_BY: Final = 0.10
_ONE_SIDED: Final = 0.10
_IMPRINT_CERTAIN: Final = 1e-6
_IMPRINT_WEAK: Final = 1e-3
_IMPRINT_GAP: Final = 0.03
_FADES_FROM, _FADES_BY, _FADES_Z = 0.20, 0.08, 3.0
_LATER: Final = 0.20
_MOST_ROWS: Final = 200_000
_KIN_LETTERS: Final = 5

# Words that name what is only known with or after the outcome, or time counted to it. A name alone proves nothing: it
# only adds to what the values show.
_OUTCOME_WORDS: Final = (
    "charge.?off", "chgoff", "write.?off", "written.?off", "default", "bankrupt", "label", "target", "outcome",
    "recover", "lgd", "before.?obs",
    "违约", "核销", "标签", "破产", "处置", "追偿", "观察前",
)  # fmt: skip
_ELAPSED_WORDS: Final = (
    "months?", "days?", "years?", "age", "tenure", "term", "duration", "since", "before", "elapsed",
    "月数", "天数", "年数", "年限", "期限", "账龄", "时长", "距",
)  # fmt: skip


class SignKind(StrEnum):
    """What speaks against a column."""

    SEPARATES = "separates"
    ONE_SIDED = "one_sided"
    CALENDAR = "calendar_imprint"
    AFTER_DECISION = "after_decision"
    KIN = "kin_of_after_decision"
    STANDS_OUT = "stands_out"
    FADES = "fades"
    NAME = "name"


_CERTAIN: Final = frozenset(
    {SignKind.SEPARATES, SignKind.ONE_SIDED, SignKind.CALENDAR, SignKind.AFTER_DECISION, SignKind.KIN}
)


class Verdict(StrEnum):
    """What the guard did with a column."""

    EXCLUDED = "excluded"
    WARNED = "warned"
    ALLOWED = "allowed"


@dataclass(frozen=True)
class Sign:
    """One piece of evidence, in words."""

    kind: SignKind
    zh: str
    en: str


@dataclass(frozen=True)
class Finding:
    """A suspected column, the evidence and the verdict."""

    table: str
    column: str
    verdict: Verdict
    signs: tuple[Sign, ...]

    def text(self, language: str) -> str:
        """Return one line for the console and the report."""
        zh = language.lower().startswith("zh")
        verdict = {
            Verdict.EXCLUDED: ("已排除；确认无泄漏可写入 [leaks] allow_suspect",
                               "excluded; if it is sound, list it in [leaks] allow_suspect"),
            Verdict.WARNED: ("仅提示，未排除", "a warning only, still used"),
            Verdict.ALLOWED: ("卡片允许使用", "allowed by the card"),
        }[self.verdict]  # fmt: skip
        reasons = "；".join(s.zh for s in self.signs) if zh else "; ".join(s.en for s in self.signs)
        where = f"{self.table}.{self.column}"
        return f"{where}：{reasons}（{verdict[0]}）" if zh else f"{where}: {reasons} ({verdict[1]})"


@dataclass(frozen=True)
class LeakReport:
    """All findings of one look."""

    findings: tuple[Finding, ...]

    def excluded(self) -> dict[str, list[str]]:
        """Return the columns to keep out, by table."""
        out: dict[str, list[str]] = {}
        for finding in self.findings:
            if finding.verdict is Verdict.EXCLUDED:
                out.setdefault(finding.table, []).append(finding.column)
        return out


@dataclass(frozen=True)
class _Looked:
    audited: Audited
    later: npt.NDArray[np.bool_]
    separation: float


def look_for_leaks(
    card: Card, tables: CardTables, train: pl.Series, later: pl.Series | None = None
) -> LeakReport:
    """Look at every column of the main and the event tables that could become a feature.

    `train` (Boolean per main row) chooses the rows whose labels are used; `later` the rows of a later period, for
    relations that do not last. A column is excluded on one certain sign, or on two weaker ones; a single weaker
    sign is a warning; a name that is no more than that is one only for columns that rank well, all in one finding.
    Columns in `[leaks] allow_suspect` ("column" or "table.column") stay.
    """
    after = _dates_after_decision(card, tables.main.filter(train))
    looked = _look(card, tables, train, later)
    signs = {key: _statistical_signs(found) for key, found in looked.items()}
    for key, share in after.items():
        signs.setdefault(key, []).append(_after_sign(share))
    for key in list(looked):
        kin = _kin(key, after)
        if kin and key not in after:
            signs[key].append(_kin_sign(kin))
    _add_standing_out(looked, signs)
    for key, evidence in signs.items():
        evidence.extend(_name_signs(key[1], evidence))
    allowed = card.leaks.allow_suspect
    findings = [_finding(key, found, allowed) for key, found in sorted(signs.items()) if found]
    return LeakReport((*(f for f in findings if not _by_name_only(f)), *_named(findings, looked)))


def _by_name_only(finding: Finding) -> bool:
    return {s.kind for s in finding.signs} == {SignKind.NAME}


def _named(findings: Sequence[Finding], looked: Mapping[tuple[str, str], _Looked]) -> list[Finding]:
    """Return one finding for all columns that only their name speaks against and that rank better than is ordinary.

    A share of defaulted neighbours has such a name too; a warning for each of them would bury the ones that count.
    """
    named = [
        f
        for f in findings
        if _by_name_only(f)
        and f.verdict is Verdict.WARNED
        and looked[(f.table, f.column)].separation >= _STANDS_OUT
    ]
    if not named:
        return []
    table = named[0].table
    columns = [f.column if f.table == table else f"{f.table}.{f.column}" for f in named]
    texts = dict.fromkeys((s.zh, s.en) for f in named for s in f.signs)
    signs = tuple(Sign(SignKind.NAME, zh, en) for zh, en in texts)
    return [Finding(table, ", ".join(columns), Verdict.WARNED, signs)]


def _finding(key: tuple[str, str], signs: Sequence[Sign], allowed: Sequence[str]) -> Finding:
    table, column = key
    certain = any(s.kind in _CERTAIN for s in signs) or len(signs) > 1
    verdict = Verdict.EXCLUDED if certain else Verdict.WARNED
    if column in allowed or f"{table}.{column}" in allowed:
        verdict = Verdict.ALLOWED
    return Finding(table, column, verdict, tuple(signs))


def _look(
    card: Card, tables: CardTables, train: pl.Series, later: pl.Series | None
) -> Mapping[tuple[str, str], _Looked]:
    side = pl.Series("__later", later) if later is not None else pl.Series("__later", [False] * len(train))
    main = tables.main.with_columns(side).filter(train | side)
    out: dict[tuple[str, str], _Looked] = {}
    for column in candidate_columns(card, main):
        if as_dates(main[column]) is None or main[column].null_count():
            out[(MAIN, column)] = _looked(main, column, per_party=False)
    labels = main.select(PARTITION, PARTY, LABEL, "__later", *([TIME] if TIME in main.columns else []))
    for spec in card.events:
        events = tables.events[spec.title]
        dated = bool(spec.time and card.main.time)
        joined = labels.join(events, on=[PARTITION, PARTY], suffix="_event", maintain_order="left")
        if dated:
            joined = joined.filter(pl.col(f"{TIME}_event") < pl.col(TIME))
        for column in audited_columns(spec, events):
            if joined.height and as_dates(joined[column]) is None:
                out[(spec.title, column)] = _looked(joined, column, per_party=True)
    return out


def _looked(frame: pl.DataFrame, column: str, *, per_party: bool) -> _Looked:
    party = frame.select(pl.struct(PARTITION, PARTY).rank("dense")).to_series().to_numpy().astype(np.int64)
    step = -(-len(frame) // _MOST_ROWS)
    if step > 1:
        chosen = party % step == 0
        frame, party = frame.filter(pl.Series(chosen)), party[chosen]
    size = np.bincount(party)[party]
    weight = 1.0 / size if per_party else np.ones(len(party))
    values = frame[column]
    if values.dtype.is_float():
        values = values.to_frame("v").select(pl.when(pl.col("v").is_finite()).then("v"))["v"]
    elif values.dtype == pl.Boolean:
        values = values.cast(pl.Int8)
    elif not values.dtype.is_numeric():
        values = values.cast(pl.String)
    later = frame["__later"].to_numpy()
    audited = Audited(values, frame[LABEL].to_numpy(), party, weight)
    return _Looked(audited, later, separation(audited.rows(~later)))


def _statistical_signs(found: _Looked) -> list[Sign]:
    column = found.audited.rows(~found.later)
    out: list[Sign] = []
    if found.separation >= _SEPARATES:
        out.append(
            Sign(
                SignKind.SEPARATES,
                f"仅凭此列 AUC 即达 {found.separation:.3f}",
                f"alone it reaches AUC {found.separation:.3f}",
            )
        )
    share = one_sided_share(column)
    if share >= _ONE_SIDED:
        out.append(
            Sign(
                SignKind.ONE_SIDED,
                f"{share:.0%} 的少数类落在只有该类才有的取值（或缺失）上",
                f"{share:.0%} of the rarer class has values (or gaps) that only that class has",
            )
        )
    out += _calendar_sign(column)
    out += _fading_sign(found)
    return out


def _calendar_sign(column: Audited) -> list[Sign]:
    imprint = calendar_imprint(column)
    if imprint is None or imprint.p_value > _IMPRINT_CERTAIN or imprint.gap < _IMPRINT_GAP:
        return []
    return [
        Sign(
            SignKind.CALENDAR,
            f"除以 12 的余数与标签相关（p = {imprint.p_value:.0e}）：各类的计时终点不同，多半由结果倒推而来",
            f"its remainder by 12 tells the label (p = {imprint.p_value:.0e}): the end of the count differs by class, "
            "so it was probably counted back from the outcome",
        )
    ]


def _fading_sign(found: _Looked) -> list[Sign]:
    if not found.later.any() or not found.audited.values.dtype.is_numeric():
        return []
    first, second, z = fading(found.audited.rows(~found.later), found.audited.rows(found.later))
    strength, rest = abs(first - 0.5), (second - 0.5) * (1 if first > 0.5 else -1)  # noqa: PLR2004 - half
    if strength < _FADES_FROM or strength - rest < _FADES_BY or z < _FADES_Z:
        return []
    return [
        Sign(
            SignKind.FADES,
            f"与标签的关系在后期减弱（AUC {first:.3f} → {second:.3f}）",
            f"its relation to the label fades later (AUC {first:.3f} → {second:.3f})",
        )
    ]


def _add_standing_out(
    looked: Mapping[tuple[str, str], _Looked], signs: dict[tuple[str, str], list[Sign]]
) -> None:
    """Mark columns that rank far better than the best column nothing certain speaks against."""
    sound = [k for k in looked if not any(s.kind in _CERTAIN for s in signs[k])]
    for key in sound:
        rest = [looked[k].separation for k in sound if k != key]
        best = max(rest, default=1.0)
        own = looked[key].separation
        if own >= _STANDS_OUT and own - best >= _STANDS_OUT_BY:
            signs[key].append(
                Sign(
                    SignKind.STANDS_OUT,
                    f"AUC {own:.3f}，远高于其余各列（至多 {best:.3f}）",
                    f"AUC {own:.3f}, far above every other column (at most {best:.3f})",
                )
            )


def _name_signs(column: str, others: Sequence[Sign]) -> list[Sign]:
    kinds = {s.kind for s in others}
    word = _word(column, _OUTCOME_WORDS)
    if word is None and kinds & {SignKind.CALENDAR, SignKind.FADES, SignKind.STANDS_OUT}:
        word = _word(column, _ELAPSED_WORDS)
    if word is None:
        return []
    return [
        Sign(
            SignKind.NAME,
            f"名称含“{word}”，像是事后才知道或由结果倒推的内容",
            f"its name ('{word}') suggests something known with the outcome or counted to it",
        )
    ]


def _word(column: str, words: Sequence[str]) -> str | None:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()
    for word in words:
        edge = r"(?:^|[^a-z])" if word.isascii() else ""
        found = re.search(edge + "(" + word + ")", spaced) or re.search(
            edge + "(" + word + ")", column.lower()
        )
        if found:
            return found.group(1)
    return None


def _dates_after_decision(card: Card, main: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Return date columns of the main table that are often later than the decision, with the share of such rows."""
    if TIME not in main.columns:
        return {}
    out = {}
    for column in candidate_columns(card, main):
        dates = as_dates(main[column])
        if dates is None or dates.null_count() == len(dates):
            continue
        share = float((dates > main[TIME]).drop_nulls().mean() or 0.0)  # type: ignore[arg-type]
        if share >= _LATER:
            out[(MAIN, column)] = share
    return out


def _after_sign(share: float) -> Sign:
    return Sign(
        SignKind.AFTER_DECISION,
        f"{share:.0%} 的日期晚于决策日，决策时尚不知道",
        f"{share:.0%} of its dates lie after the decision, when it was not known yet",
    )


def _kin_sign(kin: str) -> Sign:
    return Sign(
        SignKind.KIN,
        f"与晚于决策日的“{kin}”同源，应在同一时点才知道",
        f"belongs with '{kin}', whose dates lie after the decision, so it was known no earlier",
    )


def _kin(key: tuple[str, str], after: Mapping[tuple[str, str], float]) -> str | None:
    """Return the after-decision date that shares the column's first word (Disbursement-Date, Disbursement-Gross)."""
    first = _first_word(key[1])
    for table, column in after:
        if (
            table == key[0]
            and column != key[1]
            and len(first) >= _KIN_LETTERS
            and _first_word(column) == first
        ):
            return column
    return None


def _first_word(column: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()
    return re.split(r"[^a-z0-9]+", spaced)[0]
