"""A plan: who makes what when, what is delivered, how loaded the lines are, what binds and what it earns."""

from dataclasses import dataclass

import polars as pl

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """The frames of a plan; hours, units of the product, CNY; weeks are Mondays.

    - `production` [line_id, product_id, week, hours, quantity, overtime]: what is made (good units), rows above 0;
      `overtime` is the line's, shared out by hours.
    - `products` [product_id, week, demand, ordered, production, delivered, lost, stock, backlog].
    - `lines` [line_id, week, hours, overtime_hours, minimum_hours, used, overtime, load, shadow_price]; load is used /
      hours, above 1 with overtime.
    - `binding` [constraint, kind, line_id, product_id, week, shadow_price, unit, text_zh, text_en]: what one more unit
      of the constraint's right side is worth to the objective; largest first within its kind.
    - `routes` [line_id, product_id, hours, quantity, margin_per_unit, margin_per_hour, hour_worth, extra_needed]: means
      over the weeks; `extra_needed` is what a unit would have to earn more for the route to be used in some week.
    - `mix` [product_id, demand, opening_backlog, made, delivered, unmet, best_line, margin_per_hour, extra_needed,
      advice, text_zh, text_en]; unmet is demand and opening backlog less what is delivered.
    - `weekly` [week, margin, holding_cost, backlog_cost, overtime_cost, contribution, cumulative, value_line,
      value_company, value_group]: when it is earned, before terms of payment; values as each scope counts them.
    - `summary`: one row: objective, value, value_line, value_company, value_group, margin, holding_cost, backlog_cost,
      overtime_cost, hours, used, overtime, gap, method, prices, text_zh, text_en. A value is margin - costs.

    Shadow prices are the duals of the linear program. What is worth a price p per unit is worth at most p for one unit
    more and at least p for one unit less; where both differ (a degenerate optimum) p lies between. With minimum lots
    they are those of the program with the chosen lots held fixed; `prices` says so.
    """

    production: pl.DataFrame
    products: pl.DataFrame
    lines: pl.DataFrame
    binding: pl.DataFrame
    routes: pl.DataFrame
    mix: pl.DataFrame
    weekly: pl.DataFrame
    summary: pl.DataFrame
