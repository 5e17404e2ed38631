"""Along what a network feature looks: each of them belongs to one route, so that their contributions can be summed."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from features.credit.channels import Channel
from graph.ontology import Wording

__all__ = ["ROUTE_OF", "Route", "leading_route", "leading_routes"]


class Route(StrEnum):
    """Where the trouble comes from: a channel of its own, or one of three that reach further."""

    GUARANTEED = Channel.GUARANTEED
    GUARANTOR = Channel.GUARANTOR
    CUSTOMER = Channel.CUSTOMER
    SUPPLIER = Channel.SUPPLIER
    OWNER = Channel.OWNER
    OWNED = Channel.OWNED
    SISTER = Channel.SISTER
    OTHER = Channel.OTHER
    GUARANTEE_NETWORK = "guarantee_network"
    CONTROL_GROUP = "control_group"
    ANYONE = "anyone"

    @property
    def wording(self) -> Wording:
        """Return what stands along the route, in both languages."""
        return _FURTHER[self] if self in _FURTHER else Channel(self.value).wording


_FURTHER: Final = {
    Route.GUARANTEE_NETWORK: Wording(zh="担保圈与担保网", en="guarantee network"),
    Route.CONTROL_GROUP: Wording(zh="同一实际控制人之下的主体", en="group under one controller"),
    Route.ANYONE: Wording(zh="各类关系的相邻主体", en="neighbours in any relation"),
}

_FEATURES: Final[Mapping[Route, tuple[str, ...]]] = {
    Route.GUARANTEED: (
        "guaranteed_parties",
        "log_guarantees_given",
        "guarantees_given_to_equity",
        "guarantees_for_defaulted_to_equity",
        "guarantees_for_defaulted_share",
        "guaranteed_parties_default_share",
        "guaranteed_parties_max_days_past_due",
        "guaranteed_parties_adverse_events_12m",
        "guarantee_steps_to_guaranteed_default",
        "guarantee_chain_ahead",
        "guarantees_without_shareholding_share",
        "net_guarantees_to_equity",
        "guaranteed_two_steps_default_share",
        "guaranteed_parties_worst_pd",
        "expected_guarantee_calls_to_equity",
    ),
    Route.GUARANTOR: (
        "guarantors",
        "guarantees_received_to_equity",
        "guarantors_default_share",
        "guarantors_max_days_past_due",
        "guarantee_steps_to_guarantor_default",
        "guarantee_chain_behind",
        "guarantees_from_defaulted_share",
        "guarantors_two_steps_default_share",
        "guarantors_worst_pd",
        "guarantee_cover_at_risk",
    ),
    Route.CUSTOMER: (
        "customers",
        "log_sales_to_known_customers",
        "largest_customer_share",
        "customer_concentration",
        "sales_to_defaulted_share",
        "customers_default_share",
        "customers_max_days_past_due",
        "customers_mean_days_past_due",
        "customers_adverse_events_12m",
        "customers_of_customers_default_share",
        "customers_without_other_supplier",
        "is_cut_point_of_supply",
        "parties_cut_off_without_it",
        "customers_worst_pd",
        "sales_at_risk",
    ),
    Route.SUPPLIER: (
        "suppliers",
        "supplier_concentration",
        "largest_supplier_share",
        "purchases_from_defaulted_share",
        "suppliers_default_share",
        "suppliers_max_days_past_due",
        "suppliers_mean_days_past_due",
        "suppliers_adverse_events_12m",
        "suppliers_of_suppliers_default_share",
        "suppliers_without_other_customer",
        "suppliers_worst_pd",
        "purchases_at_risk",
    ),
    Route.OWNER: (
        "shareholders",
        "largest_shareholder_share",
        "ownership_concentration",
        "shareholders_default_share",
        "share_held_by_defaulted_owners",
        "shareholders_max_days_past_due",
        "owners_and_officers_adverse_events_12m",
        "largest_ultimate_owner_share",
        "shareholders_worst_pd",
        "ownership_at_risk",
    ),
    Route.OWNED: (
        "investees",
        "investees_default_share",
        "shares_in_defaulted_investees",
        "investees_max_days_past_due",
        "investees_worst_pd",
        "investments_at_risk",
    ),
    Route.SISTER: (
        "sister_companies",
        "sister_companies_default_share",
        "sister_companies_max_days_past_due",
        "sister_companies_worst_pd",
    ),
    Route.OTHER: (
        "officers",
        "positions_held",
        "family_members",
        "officers_max_days_past_due",
        "other_relations_worst_pd",
    ),
    Route.GUARANTEE_NETWORK: (
        "mutual_guarantees",
        "mutual_guarantee_share",
        "in_guarantee_circle",
        "guarantee_circle_members",
        "shortest_guarantee_circle",
        "guarantee_circles",
        "guarantee_circle_default_share",
        "guarantee_network_members",
        "guarantee_network_default_share",
    ),
    Route.CONTROL_GROUP: (
        "control_group_members",
        "control_group_default_share",
        "control_group_mean_days_past_due",
        "control_group_adverse_events_12m",
        "steps_to_controller",
        "controller_votes",
        "control_unclear",
    ),
    Route.ANYONE: (
        "defaulted_neighbours_12m",
        "days_since_neighbour_default",
        "neighbours_mean_days_past_due",
        "neighbours_mean_adverse_events_12m",
        "two_steps_default_share",
        "default_nearness_of_dependents",
        "default_nearness_of_supports",
        "transmitted_risk",
        "neighbours_worst_pd",
        "neighbours_mean_pd",
        "neighbours_expected_defaults",
        "scored_neighbours",
    ),
}

ROUTE_OF: Final[Mapping[str, Route]] = MappingProxyType(
    {name: route for route, names in _FEATURES.items() for name in names}
)
"""The route of every network feature, those of neighbours' own scores included."""


def leading_route(contributions: Mapping[str, float]) -> tuple[Route, float] | None:
    """Return the route whose network features carry most of the network effect, and the sum of their contributions.

    `contributions` holds log-odds by feature; features of the party itself are left aside. The routes that count are
    those whose sum has the sign of the whole effect, as a route that works against it carries none of it; of equal
    ones the first by the order of `Route`. None when the effect is 0.
    """
    sums = dict.fromkeys(Route, 0.0)
    for name, part in contributions.items():
        route = ROUTE_OF.get(name)
        if route is not None:
            sums[route] += part
    effect = float(np.array(list(sums.values())).sum())  # summed as `leading_routes` sums it, to the last bit
    leading = max(sums, key=lambda route: abs(sums[route]) if sums[route] * effect > 0 else 0.0)
    return (leading, sums[leading]) if sums[leading] * effect > 0 else None


def leading_routes(features: Sequence[str], contributions: npt.NDArray[np.float64]) -> pl.DataFrame:
    """Return [channel, carried] of each row of contributions (n, k) of the features: `leading_route` for many parties.

    Both are null for a row whose network effect is 0.
    """
    sums = np.zeros((len(contributions), len(Route)))
    order = {route: place for place, route in enumerate(Route)}
    for column, name in enumerate(features):
        if name in ROUTE_OF:
            sums[:, order[ROUTE_OF[name]]] += contributions[:, column]
    along = np.where(sums * sums.sum(axis=1, keepdims=True) > 0, np.abs(sums), 0.0)
    chosen = along.argmax(axis=1)
    rows = np.arange(len(sums))
    leads = pl.Series("leads", along[rows, chosen] > 0, dtype=pl.Boolean)
    names = pl.Series(
        "channel", [route.value for route in Route], dtype=pl.Enum([route.value for route in Route])
    )
    found = pl.DataFrame({"channel": names.gather(chosen), "carried": sums[rows, chosen], "leads": leads})
    return found.select(
        pl.when("leads").then("channel").alias("channel"), pl.when("leads").then("carried").alias("carried")
    )
