"""A party's own default moves none of its own network features: neighbours, two steps, chains, circles and groups."""

from datetime import date

import polars as pl
import pytest

from features.credit.build import NETWORK_FEATURES, credit_features
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]

AS_OF = date(2023, 6, 30)


def _features(tables: Tables) -> pl.DataFrame:
    return credit_features(tables, Snapshot.from_edges(tables["edges"], as_of=AS_OF), AS_OF)


def _flipped(tables: Tables, party: str) -> Tables:
    """Let a party that has not defaulted file for bankruptcy, or take the filings of one that has away."""
    events = tables["court_events"].collect()
    filed = (pl.col("party_id") == party) & (pl.col("kind") == "bankruptcy_filing")
    if events.filter(filed & (pl.col("known_at") <= AS_OF)).height:
        return {**tables, "court_events": events.filter(~filed).lazy()}
    filing = events.filter(kind="bankruptcy_filing").head(1)
    day = date(2023, 5, 1)
    own = filing.with_columns(
        party_id=pl.lit(party), event_id=pl.lit("OWN"), occurred_on=pl.lit(day), known_at=pl.lit(day)
    )
    return {**tables, "court_events": pl.concat([events, own]).lazy()}


@pytest.mark.parametrize("start", range(0, 90, 15))
def test_a_partys_own_default_moves_none_of_its_network_features(random_group: Tables, start: int) -> None:
    before = _features(random_group)
    moved_elsewhere = False
    for party in before["party_id"][start : start + 15 : 3]:
        after = _features(_flipped(random_group, party))
        mine = [frame.filter(party_id=party).select(NETWORK_FEATURES) for frame in (before, after)]
        changed = [name for name in NETWORK_FEATURES if not mine[0][name].equals(mine[1][name])]
        assert changed == []
        others = [
            frame.filter(pl.col("party_id") != party).select(NETWORK_FEATURES) for frame in (before, after)
        ]
        moved_elsewhere |= not others[0].equals(others[1])
    assert moved_elsewhere
