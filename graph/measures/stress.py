"""What the failure of named parties costs the others along guarantees, loans, supplies and ownership, round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.errors import MeasureArgumentError
from graph.measures.arcs import expanded
from graph.ontology import Direction
from graph.snapshot import Snapshot

__all__ = ["CHANNELS", "Channel", "Stress", "stress"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Channel:
    """How the failure of a party costs the parties at the other end of its edges of a kind.

    `towards` is the way from the failed party: IN reaches the sources of its edges (its guarantors, its lenders, its
    suppliers, its owners), OUT the targets (its customers). The loss is `rate` × the edge's weight in CNY or, with
    `of_equity`, `rate` × share × the equity of the failed party. `rate` is a judgement (0 to 1) to be set by whoever asks.
    """

    kind: str
    towards: Direction
    rate: float
    of_equity: bool = False


CHANNELS: Final = (
    # A guarantor pays the whole amount and recovers nothing within the horizon.
    Channel("guarantees", Direction.IN, 1.0),
    # 0.45: loss given default of senior unsecured claims in the foundation approach of Basel II (BCBS 128, 287).
    Channel("lends_to", Direction.IN, 0.45),
    # A customer that fails leaves three months of deliveries unpaid.
    Channel("supplies", Direction.IN, 0.25),
    # A supplier that fails makes its customer buy elsewhere at a tenth more for a year.
    Channel("supplies", Direction.OUT, 0.10),
    # A stake in a failed company is worth nothing.
    Channel("owns", Direction.IN, 1.0, of_equity=True),
)
"""Ways on which a failure costs others, with rates to be set for one's own book; lessors are left out: they keep the asset."""


@dataclass(frozen=True, eq=False)
class Stress:
    """What the failures lead to; amounts in CNY.

    `parties`: one row per party shocked or hit [id, loss, equity, share_of_equity, round, failed_in_round, through], by
    loss, the largest first: `round` is the first round in which it is hit (0 for the shocked), `failed_in_round` the
    round in which its losses reach its equity (null: it stands, or its equity is unknown), `through` the kinds that
    brought losses. `flows`: [round, source, id, kind, towards, loss], one row per loss. `unknown_equity`: parties that
    are hit and whose equity is not known: they are never taken to fail, so the result is a lower bound where they
    would. `unknown_amounts`: edges met that carry no amount and so brought no loss, and stakes in failed parties of
    unknown equity. `total_loss`: losses of all parties but the shocked.
    """

    parties: pl.DataFrame
    flows: pl.DataFrame
    total_loss: float
    rounds: int
    unknown_equity: tuple[str, ...]
    unknown_amounts: int


def stress(
    snapshot: Snapshot,
    shocked: Sequence[str],
    equity: pl.DataFrame,
    *,
    channels: Sequence[Channel] = CHANNELS,
    max_rounds: int = 100,
) -> Stress:
    """Let named parties fail and follow the losses of others until nobody else fails.

    `equity` is [id, equity] in CNY (net assets); a party that is not in it, or null, is of unknown equity. A party fails
    in the round in which its losses so far reach its equity, and passes losses on in the next one, once: the sequential
    default cascade of Furfine 2003, "Interbank Exposures", Journal of Money, Credit and Banking 35(1). Channels of kinds
    that the snapshot does not have bring nothing. Raises UnknownPartyError for a shocked party that is not in the graph,
    MeasureArgumentError when none is named or a rate is outside 0 to 1, EdgeTableError for an id given twice.
    """
    _check(shocked, channels, max_rounds)
    own = snapshot.aligned(equity.select("id", pl.col("equity").cast(pl.Float64).fill_nan(None)))
    worth = own["equity"].to_numpy()
    seeds = np.unique(snapshot.positions(pl.Series("id", list(shocked), dtype=snapshot.ids.dtype)))
    loss, failed_in = np.zeros(snapshot.parties), np.full(snapshot.parties, -1, dtype=np.int64)
    failed_in[seeds] = 0
    flows, failing, done = [_NO_FLOWS], seeds, 0
    while len(failing) and done < max_rounds:
        done += 1
        flow = _flows(snapshot, channels, failing, worth).filter(pl.col("target").is_in(_standing(failed_in)))
        flows.append(flow.select(pl.lit(done, dtype=pl.Int64).alias("round"), pl.all()))
        np.add.at(loss, flow["target"].to_numpy(), flow["loss"].fill_null(0.0).to_numpy())
        # An unknown equity is NaN, which no loss reaches.
        failing = np.flatnonzero((failed_in < 0) & (loss > 0) & (loss >= worth))
        failed_in[failing] = done
    every = pl.concat(flows)
    return _result(snapshot, every, own["equity"], loss=loss, failed_in=failed_in)


_FLOW_SCHEMA: Final = pl.Schema(
    {"source": pl.Int64, "target": pl.Int64, "kind": pl.String, "towards": pl.String, "loss": pl.Float64}
)
_NO_FLOWS: Final = pl.DataFrame(schema={"round": pl.Int64, **_FLOW_SCHEMA})


def _check(shocked: Sequence[str], channels: Sequence[Channel], max_rounds: int) -> None:
    if not shocked:
        raise MeasureArgumentError("shocked", "为空，请指明违约主体", "is empty: name the parties that fail")
    if max_rounds < 1:
        raise MeasureArgumentError(
            "max_rounds", f"应不小于 1，现为 {max_rounds}", f"must be 1 or more, is {max_rounds}"
        )
    for channel in channels:
        if not 0 <= channel.rate <= 1:
            raise MeasureArgumentError(
                f"channels[{channel.kind}].rate",
                f"应在 0 与 1 之间，现为 {channel.rate}",
                f"must lie between 0 and 1, is {channel.rate}",
            )


def _standing(failed_in: Ints) -> pl.Series:
    return pl.Series(np.flatnonzero(failed_in < 0)).implode()


def _flows(snapshot: Snapshot, channels: Sequence[Channel], failing: Ints, worth: Floats) -> pl.DataFrame:
    """Return what the failing parties cost others [source, target, kind, towards, loss], null where unknown."""
    present = [channel for channel in channels if channel.kind in snapshot.kinds]
    parts = [_flow(snapshot, channel, failing, worth) for channel in present]
    return pl.concat([pl.DataFrame(schema=_FLOW_SCHEMA), *parts])


def _flow(snapshot: Snapshot, channel: Channel, failing: Ints, worth: Floats) -> pl.DataFrame:
    around = snapshot.relation(channel.kind).weights_towards(channel.towards)
    places, target, entries = expanded(around, failing)
    source, weight = failing[places], around.data[entries]
    amount = np.where(weight > 0, weight, np.nan)
    # A stake in a party of negative equity has nothing left to lose.
    value = np.clip(amount, 0.0, 1.0) * np.maximum(worth[source], 0.0) if channel.of_equity else amount
    return pl.DataFrame(
        {"source": source, "target": target, "loss": channel.rate * value}, nan_to_null=True
    ).select(
        "source",
        "target",
        pl.lit(channel.kind).alias("kind"),
        pl.lit(channel.towards.value).alias("towards"),
        pl.col("loss").cast(pl.Float64),
    )


def _result(
    snapshot: Snapshot, flows: pl.DataFrame, equity: pl.Series, *, loss: Floats, failed_in: Ints
) -> Stress:
    brought = flows.filter(pl.col("loss") > 0)
    parties = _parties(snapshot, brought, equity, loss=loss, failed_in=failed_in)
    hit = parties.filter(pl.col("round") > 0)
    return Stress(
        parties=parties,
        flows=brought.select(
            "round",
            snapshot.ids.gather(brought["source"]).alias("source"),
            snapshot.ids.gather(brought["target"]).alias("id"),
            *("kind", "towards", "loss"),
        ).sort("round", "source", "id", "kind", "towards"),
        total_loss=float(hit["loss"].sum()),
        rounds=int(brought["round"].max() or 0),  # type: ignore[arg-type]
        unknown_equity=tuple(hit.filter(pl.col("equity").is_null())["id"].sort().to_list()),
        unknown_amounts=flows["loss"].null_count(),
    )


def _parties(
    snapshot: Snapshot, brought: pl.DataFrame, equity: pl.Series, *, loss: Floats, failed_in: Ints
) -> pl.DataFrame:
    hits = brought.group_by("target").agg(
        pl.col("round").min(), pl.col("kind").unique().sort().alias("through")
    )
    shocked = pl.DataFrame({"target": np.flatnonzero(failed_in == 0)}).with_columns(
        round=pl.lit(0, dtype=pl.Int64), through=pl.lit([], dtype=pl.List(pl.String))
    )
    met = pl.concat([shocked, hits])
    place = met["target"].to_numpy()
    named = met.select(
        snapshot.ids.gather(place).alias("id"),
        pl.Series("loss", loss[place]),
        equity.gather(place).alias("equity"),
        "round",
        pl.Series("failed_in_round", failed_in[place]),
        "through",
    )
    told = named.with_columns(
        pl.when(pl.col("failed_in_round") >= 0).then("failed_in_round").alias("failed_in_round"),
        pl.when(pl.col("equity") > 0).then(pl.col("loss") / pl.col("equity")).alias("share_of_equity"),
    )
    return told.select(_PARTY_COLUMNS).sort(["loss", "id"], descending=[True, False])


_PARTY_COLUMNS: Final = ("id", "loss", "equity", "share_of_equity", "round", "failed_in_round", "through")
