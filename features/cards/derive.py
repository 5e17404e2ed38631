"""Derive relational features from the tables of a card, learn what must stay the same, and apply it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from features.cards.card import Card
from features.cards.edges import edge_features, edge_snapshot, fit_edges
from features.cards.errors import CardTableError
from features.cards.events import checked_events, event_features, fit_events
from features.cards.groups import fit_groups, group_features
from features.cards.history import fit_history, history_features, history_notices
from features.cards.label_rates import LabelBook, label_book, neighbour_label_rates
from features.cards.notices import table_notices, unlearnt_notices, unseen_notices
from features.cards.own import fit_own, own_features
from features.cards.pairs import PairChooser, pair_families, pair_features
from features.cards.parties import carried_values
from features.cards.read import LABEL, PARTITION, PARTY, ROW, TIME, CardTables
from features.cards.shares import SUFFIX, counted, share_features
from features.cards.state import Family, Notice, OwnColumn, OwnKind, RelationalState, plain_names
from features.cards.world import World, dated_tables, undated_notices, worlds

__all__ = ["Derived", "derive", "fit_relations"]

_MAX_CARRIED: Final = 24
_MAX_HISTORY: Final = 40  # figures that are also read from earlier rows
_LEAST_PAIRED: Final = 750  # parties; many rows of few parties let chance pick the pairs
_SHOWN: Final = 5
_LEAST_FILLED: Final = 10  # rows in which a derived feature must differ from its most frequent value


@dataclass(frozen=True)
class Derived:
    """Features of every main row in the order of the table, and what the user should know of the tables."""

    frame: pl.DataFrame
    notices: tuple[Notice, ...]
    labels: LabelBook | None = None


def fit_relations(
    card: Card,
    tables: CardTables,
    train: pl.Series,
    *,
    excluded: Mapping[str, Sequence[str]] | None = None,
    choose_pairs: PairChooser | None = None,
) -> tuple[RelationalState, Derived]:
    """Learn columns, vocabularies and features from the rows where `train` (Boolean) holds, and derive all rows.

    `excluded` names columns by table title ("main" for the main table) that must not be used; `choose_pairs` may add ratios
    and differences of the strongest columns. A derived feature that
    hardly varies in training, or repeats an earlier one, is left out.
    """
    out = excluded or {}
    rows = tables.main.filter(train)
    here = rows[PARTITION].unique().to_list()
    own, notices = fit_own(card, rows, out.get("main", ()), tables.formats)
    notices += undated_notices(card)
    learn = _Learning(tables, here)
    own = [counted(column, rows) for column in own]
    state = RelationalState(
        own=tuple(own),
        history=fit_history(card, rows, _strongest(own, rows, _MAX_HISTORY)),
        events={
            t.title: fit_events(t, learn.of(tables.events[t.title]), out.get(t.title, ()))
            for t in card.events
        },
        edges={t.title: fit_edges(t, learn.of(tables.edges[t.title])) for t in card.edges},
        timed=card.main.time is not None,
        dated=dict(dated_tables(card)),
        formats=dict(tables.formats),
        groups={t.title: fit_groups(learn.of(tables.groups[t.title])) for t in card.groups},
    )
    state = state.model_copy(update={"carried": _carried(state, rows)})
    labels = label_book(card, rows) if card.neighbour_label_rate else None
    built = _build(card, tables, state, labels)
    kept = _informative(built.frame.filter(train), built.families)
    families = {f: built.families[f] for f in kept}
    state = state.model_copy(
        update={
            "features": kept,
            "families": families,
            "categorical": tuple(c for c in built.categorical if c in kept),
            "shares": {code: share for code, share in built.shares.items() if code in kept and share in kept},
        }
    )
    if not kept:
        raise CardTableError(
            card.main.path.name,
            zh="没有可用的特征列。请检查 drop、泄漏检查结果与各列取值。",
            en="no usable feature is left. Check `drop`, the leak report and the columns' values.",
        )
    notices += [*unlearnt_notices(tables, state), *built.notices]
    if choose_pairs is not None:
        state = _paired(state, built.frame.filter(train), rows, choose_pairs)
    frame = _with_pairs(built.frame, state)
    return state, Derived(frame.select(ROW, *state.features), tuple(notices), labels)


def derive(
    card: Card, tables: CardTables, state: RelationalState, labels: LabelBook | None = None
) -> Derived:
    """Derive the features of a fitted state from other tables of the same shape.

    `labels` are the training's outcomes, needed only where the model uses neighbours' default rates. Raises
    CardTableError when a table, a column or the outcomes of the training are missing.
    """
    _require_tables(card, state)
    built = _build(card, tables, state, labels)
    sides = (side for pair in state.pairs for side in (pair.first, pair.second))
    made = {pair.name for pair in state.pairs}
    needed = dict.fromkeys([*(f for f in state.features if f not in made), *sides])
    absent = [f for f in needed if f not in built.frame.columns]
    if absent:
        raise CardTableError(
            card.main.path.name,
            zh=f"无法算出模型所用的特征 {', '.join(absent[:_SHOWN])}（共 {len(absent)} 个）。"
            "模型目录若缺少标签文件或由较早的版本训练，请重新训练。",
            en=f"features of the model cannot be derived: {', '.join(absent[:_SHOWN])} ({len(absent)} in all). If the "
            "model folder lacks its labels or an older version trained it, train again.",
            columns=absent,
        )
    returned = history_notices(state.history, tables.main, card.main.path.name)
    notices = (*built.notices, *returned, *unseen_notices(card, tables, state))
    return Derived(_with_pairs(built.frame, state).select(ROW, *state.features), notices, labels)


@dataclass(frozen=True)
class _Learning:
    tables: CardTables
    partitions: Sequence[str]

    def of(self, table: pl.DataFrame) -> pl.DataFrame:
        return table.filter(pl.col(PARTITION).is_in(list(self.partitions)))


@dataclass(frozen=True)
class _Built:
    frame: pl.DataFrame
    families: dict[str, Family]
    categorical: tuple[str, ...]
    notices: tuple[Notice, ...]
    shares: Mapping[str, str]


def _require_tables(card: Card, state: RelationalState) -> None:
    here = {t.title for t in (*card.events, *card.edges, *card.groups)}
    trained = {*state.events, *state.edges, *state.groups}
    missing, extra = sorted(trained - here), sorted(here - trained)
    if missing or extra:
        raise CardTableError(
            ", ".join(missing or extra),
            zh=f"卡片与模型训练时的表不一致：缺少 {', '.join(missing) or '-'}；多出 {', '.join(extra) or '-'}。"
            "请在卡片中补上（name 要相同），或重新训练。",
            en=f"the card's tables are not those of the training: missing {', '.join(missing) or '-'}; "
            f"unexpected {', '.join(extra) or '-'}. Name them in the card (same `name`) or train again.",
        )
    undated = [t for t, dated in state.dated.items() if dated and not dated_tables(card)[t]]
    if (state.timed and card.main.time is None) or undated:
        where = ", ".join(undated) or card.main.path.name
        raise CardTableError(
            where,
            zh="模型训练时按日期读取，而卡片没有写 time。请在 [main] 及该表中写明日期列。",
            en="the model was trained as of dates, but the card names no `time`. Name the date column under [main] and "
            "in this table.",
        )


def _carried(state: RelationalState, rows: pl.DataFrame) -> tuple[str, ...]:
    """Choose what a party shows its neighbours: its strongest own numbers, then its counts of events."""
    numbers = _strongest(state.own, rows, _MAX_CARRIED // 2)
    events: list[str] = []
    for name, table in state.events.items():
        events.append(f"{name}.n")
        events += [f"{name}.{c}={v}" for c, vocabulary in table.categories.items() for v in vocabulary[:4]]
        events += [f"{name}.{c}.mean" for c in table.numeric]
    return tuple([*numbers, *events][:_MAX_CARRIED])


def _strongest(own: Sequence[OwnColumn], rows: pl.DataFrame, most: int) -> list[str]:
    """Return the own numbers, or so many of them as are allowed: those whose ranks tell most of the label."""
    numbers = [c.name for c in own if c.kind is OwnKind.NUMBER]
    if len(numbers) <= most or LABEL not in rows.columns:
        return numbers
    strength = {c: abs(_rank_correlation(rows, c)) for c in numbers}
    return sorted(numbers, key=lambda c: (-strength[c], c))[:most]


def _rank_correlation(rows: pl.DataFrame, column: str) -> float:
    found = rows.select(pl.corr(pl.col(column).cast(pl.Float64).rank(), pl.col(LABEL))).item()
    return float(found) if found is not None and found == found else 0.0  # noqa: PLR0124 - NaN differs from itself


def _build(card: Card, tables: CardTables, state: RelationalState, labels: LabelBook | None) -> _Built:
    dated = dated_tables(card)
    tables = replace(
        tables,
        events={
            t.title: checked_events(t, tables.events[t.title], state.events[t.title]) for t in card.events
        },
    )
    own = own_features(tables.main, state.own, card.main.path.name)
    frame, notices = own.frame, [*own.notices, *table_notices(card, tables, state)]
    families = dict.fromkeys(frame.columns[1:], Family.OWN)
    rows = tables.main.select(
        ROW,
        PARTITION,
        PARTY,
        tables.main[TIME] if TIME in tables.main.columns else pl.lit(None, pl.Date).alias(TIME),
    )
    common = share_features(tables.main, state.own)
    shares = {c.removesuffix(SUFFIX): c for c in common.columns[1:]}
    frame = frame.join(common, on=ROW, how="left", maintain_order="left")
    families |= dict.fromkeys(common.columns[1:], Family.OWN)
    if state.history is not None:
        earlier = history_features(rows, own.frame, state.history)
        frame = frame.join(earlier, on=ROW, how="left", maintain_order="left")
        families |= dict.fromkeys(earlier.columns[1:], Family.HISTORY)
    for name, table in tables.events.items():
        found = event_features(name, rows, table, state.events[name], dated=dated[name])
        frame = frame.join(found, on=ROW, how="left", maintain_order="left")
        families |= dict.fromkeys(found.columns[1:], Family.EVENTS)
    categorical = list(own.categorical)
    if card.edges or card.groups:
        parts, around, codes = _surroundings(card, tables, state)
        frame = frame.join(parts, on=ROW, how="left", maintain_order="left")
        families |= around
        categorical += codes
    if labels is not None:
        rates = neighbour_label_rates(card, tables, labels)
        frame = frame.join(rates, on=ROW, how="left", maintain_order="left")
        families |= dict.fromkeys(rates.columns[1:], Family.LABELS)
    plain = dict(zip(frame.columns[1:], plain_names(frame.columns[1:]), strict=True))
    return _Built(
        frame.rename(plain),
        {plain[c]: family for c, family in families.items()},
        tuple(plain[c] for c in categorical),
        tuple(notices),
        {plain[code]: plain[share] for code, share in shares.items()},
    )


def _surroundings(
    card: Card, tables: CardTables, state: RelationalState
) -> tuple[pl.DataFrame, dict[str, Family], list[str]]:
    parts: list[pl.DataFrame] = []
    families: dict[str, Family] = {}
    codes: list[str] = []
    for world in worlds(card, tables):
        frame, origin, coded = _world(card, tables, state, world)
        parts.append(frame)
        families |= origin
        codes = [*codes, *(c for c in coded if c not in codes)]
    # Every world has the columns of the fitted state, so a world that lacked one would be an error, not a gap.
    return pl.concat(parts), families, codes


def _world(
    card: Card, tables: CardTables, state: RelationalState, world: World
) -> tuple[pl.DataFrame, dict[str, Family], tuple[str, ...]]:
    dated = dated_tables(card)
    out = world.rows.select(ROW, PARTY)
    families: dict[str, Family] = {}
    codes: tuple[str, ...] = ()
    for spec in card.edges:
        edges = world.visible(tables.edges[spec.title], dated=dated[spec.title])
        snapshot = edge_snapshot(edges, state.edges[spec.title], world.known_parties())
        carried = carried_values(world, tables, state, snapshot.ids, dated)
        found = edge_features(spec.title, spec, state.edges[spec.title], snapshot, carried)
        out = out.join(found, left_on=PARTY, right_on="id", how="left", maintain_order="left")
        families |= dict.fromkeys(found.columns[1:], Family.EDGES)
    for group in card.groups:
        table = world.visible(tables.groups[group.title], dated=False)
        parties = pl.concat([world.known_parties(), table[PARTY]]).unique().sort()
        carried = carried_values(world, tables, state, parties, dated)
        found, coded = group_features(group.title, group, state.groups[group.title], table, carried)
        out = out.join(found, left_on=PARTY, right_on="id", how="left", maintain_order="left")
        families |= dict.fromkeys(found.columns[1:], Family.GROUPS)
        codes += coded
    return out.drop(PARTY), families, codes


def _paired(
    state: RelationalState, features: pl.DataFrame, rows: pl.DataFrame, choose: PairChooser
) -> RelationalState:
    """Add to the state the pairs of features that tell most; rates of labels stay alone, as they differ out of fold."""
    if LABEL not in rows.columns or rows.select(PARTITION, PARTY).n_unique() < _LEAST_PAIRED:
        return state
    alone = [*state.categorical, *state.shares.values()]
    alone += [f for f, family in state.families.items() if family is Family.LABELS]
    kept = features.select(state.features)
    party = rows[PARTY].rank("dense").cast(pl.Int64).to_numpy()
    y = rows[LABEL].cast(pl.Float64).to_numpy()
    pairs = choose(kept, y, state.families, party=party, alone=alone)
    families = pair_families(pairs, state.families)
    return state.model_copy(
        update={
            "pairs": pairs,
            "features": (*state.features, *families),
            "families": {**state.families, **families},
        }
    )


def _with_pairs(frame: pl.DataFrame, state: RelationalState) -> pl.DataFrame:
    return frame.hstack(pair_features(frame, state.pairs).get_columns())


def _informative(frame: pl.DataFrame, families: Mapping[str, Family]) -> tuple[str, ...]:
    """Leave out derived features that hardly vary or repeat another; own columns always stay."""
    kept: list[str] = []
    seen: set[int] = set()
    for name in frame.columns[1:]:
        values = frame[name]
        mark = hash(values.fill_null(float("nan")).to_numpy().tobytes())
        common = int(values.value_counts()["count"].max() or 0)  # type: ignore[arg-type]
        if families[name] is not Family.OWN and (mark in seen or frame.height - common < _LEAST_FILLED):
            continue
        seen.add(mark)
        kept.append(name)
    return tuple(kept)
