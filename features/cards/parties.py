"""What each party of a world carries itself: own figures, events and degrees, for others to be surrounded by."""

from collections.abc import Mapping, Sequence

import polars as pl

from features.cards.events import event_features
from features.cards.own import own_features
from features.cards.read import PARTITION, PARTY, ROW, TIME, CardTables
from features.cards.state import OwnKind, RelationalState
from features.cards.world import World

__all__ = ["carried_values"]


def carried_values(
    world: World, tables: CardTables, state: RelationalState, parties: pl.Series, dated: Mapping[str, bool]
) -> pl.DataFrame:
    """Return `id` and one column per value carried by the parties: numbers of their own row, counts of events."""
    base = (
        pl.DataFrame({PARTY: parties})
        .with_row_index(ROW)
        .with_columns(pl.lit(world.partition).alias(PARTITION), pl.lit(world.as_of, pl.Date).alias(TIME))
    )
    numbers = [c for c in state.own if c.kind is OwnKind.NUMBER]
    own = own_features(world.known_main, numbers, "main").frame.with_columns(world.known_main[PARTY])
    out = base.join(own.drop(ROW), on=PARTY, how="left", maintain_order="left")
    for name, table in tables.events.items():
        is_dated = dated[name] and world.as_of is not None
        found = event_features(
            name, base, world.visible(table, dated=dated[name]), state.events[name], dated=is_dated
        )
        out = out.join(found, on=ROW, how="left", maintain_order="left")
    return out.select(pl.col(PARTY).alias("id"), *_kept(out.columns, state.carried))


def _kept(columns: Sequence[str], carried: Sequence[str]) -> list[str]:
    return [c for c in carried if c in columns]
