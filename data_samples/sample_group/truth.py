"""What really happened, for tests and for judging models; features never read it."""

import numpy as np
import polars as pl

from sample_group.columns import Flags, Ints, days, ids, words
from sample_group.contagion import CHANNELS
from sample_group.demand import PANIC, PANIC_HANGOVER
from sample_group.latent import Latent, own_hazard
from sample_group.links import Links
from sample_group.population import GROUP
from sample_group.repayment import HOW, Failures
from sample_group.window import LUNAR_NEW_YEAR, Window, day_number

__all__ = ["circles_frame", "defaults_frame", "events_frame", "hazard_frame"]


def hazard_frame(
    window: Window, latent: Latent, parties: Ints, at_risk: Flags, failed: Failures
) -> pl.DataFrame:
    """Return one row per counterparty and month's end until its default; `at_risk` is month by party."""
    ends = window.month_ends()
    parties_at = np.flatnonzero(parties >= GROUP)
    alive = (ends[:, None] < failed.default_on[None, :]) & at_risk
    party, month = np.nonzero(alive[:, parties_at].T)
    party = parties_at[party]
    who = parties[party]
    return pl.DataFrame(
        {
            "party_id": ids("P", who + 1, 7),
            "month": days(ends[month]),
            "hazard_own": own_hazard(latent.base[who], latent.distress[month, who]),
            "hazard_contagion": -np.expm1(-latent.excitation[month, who]),
            "pd_12m": latent.pd_12m[month, who],
            "stopped_paying": failed.stopped[party] <= ends[month],
        }
    )


def defaults_frame(window: Window, latent: Latent, parties: Ints, failed: Failures) -> pl.DataFrame:
    """Return the defaults within the window with what brought them about."""
    at = np.flatnonzero(failed.default_on <= window.last)
    who = parties[at]
    pulled = latent.by_contagion[who]
    via = pl.select(pl.when(pl.Series(pulled)).then(ids("P", latent.via[who] + 1, 7))).to_series()
    return pl.DataFrame(
        {
            "party_id": ids("P", who + 1, 7),
            "stopped_on": days(failed.stopped[at]),
            "default_on": days(failed.default_on[at]),
            "kind": words(HOW, failed.how[at]),
            "cause": words(("own", "contagion"), pulled.astype(np.int8)),
            "via_party": via,
            "via_kind": words(CHANNELS, np.where(pulled, latent.channel[who], -1)),
        }
    )


def circles_frame(circles: Links, circle: Ints, first_id: int) -> pl.DataFrame:
    """Return the planted guarantee circles, link by link."""
    position = np.arange(len(circle)) - np.searchsorted(circle, circle, "left")
    length = np.bincount(circle)[circle]
    return pl.DataFrame(
        {
            "circle_id": circle,
            "length": length,
            "position": position,
            "src": ids("P", circles.src + 1, 7),
            "dst": ids("P", circles.dst + 1, 7),
            "edge_id": ids("E", np.arange(first_id, first_id + len(circle), dtype=np.int32), 9),
            "valid_from": days(circles.start),
            "valid_to": days(circles.end),
        }
    )


def events_frame(window: Window) -> pl.DataFrame:
    """Return the shocks and holidays that the sales carry."""
    rows: list[tuple[str, int, int, str]] = []
    first, last = day_number(PANIC[0]), day_number(PANIC[1])
    if window.first <= first and last <= window.last:
        rows.append(("salt_panic", first, last, "抢购食盐 run on table salt"))
        rows.append(
            ("salt_pull_forward", last + 1, last + PANIC_HANGOVER, "抢购后的回落 hoarded salt is eaten up")
        )
    for festival in LUNAR_NEW_YEAR:
        day = day_number(festival)
        if window.first <= day <= window.last:
            rows.append(("spring_festival", day - 2, day + 7, "春节 Spring Festival"))
    return pl.DataFrame(
        {
            "event": [row[0] for row in rows],
            "start_on": days(np.array([row[1] for row in rows], dtype=np.int32)),
            "end_on": days(np.array([row[2] for row in rows], dtype=np.int32)),
            "note": [row[3] for row in rows],
        },
        schema_overrides={"event": pl.String, "note": pl.String},
    )
