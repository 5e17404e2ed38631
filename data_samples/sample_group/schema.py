"""The agreed tables: column order and types of what is written."""

from typing import Final

import polars as pl

__all__ = ["TABLES", "TRUTH", "Schema"]

Schema = dict[str, type[pl.DataType] | pl.DataType]

_S, _F, _D, _B, _I = pl.String, pl.Float64, pl.Date, pl.Boolean, pl.Int32
_MOMENT = pl.Datetime("us")

TABLES: Final[dict[str, Schema]] = {
    "companies": {"org_id": _S, "party_id": _S, "name": _S, "segment": _S, "parent_org_id": _S, "business": _S,
                  "has_core_system": _B, "known_at": _D},
    "parties": {"party_id": _S, "kind": _S, "name": _S, "credit_code": _S, "id_hash": _S, "industry": _S,
                "province": _S, "size": _S, "ownership": _S, "founded_on": _D, "registered_capital": _F,
                "paid_in_capital": _F, "employees": _I, "listed": _B, "valid_from": _D, "known_at": _D},
    "edges": {"edge_id": _S, "src": _S, "dst": _S, "kind": _S, "share": _F, "amount": _F, "role": _S,
              "valid_from": _D, "valid_to": _D, "known_at": _D, "retracted_at": _D, "source": _S, "confidence": _F},
    "exposures": {"exposure_id": _S, "org_id": _S, "party_id": _S, "business_line": _S, "principal": _F,
                  "annual_rate": _F, "start_on": _D, "maturity_on": _D, "repayment": _S, "collateral_kind": _S,
                  "collateral_value": _F, "known_at": _D},
    "schedules": {"exposure_id": _S, "installment_no": _I, "due_on": _D, "principal_due": _F, "interest_due": _F,
                  "known_at": _D},
    "payments": {"payment_id": _S, "exposure_id": _S, "paid_on": _D, "amount": _F, "known_at": _D},
    "write_offs": {"exposure_id": _S, "written_off_on": _D, "amount": _F, "known_at": _D},
    "statements": {"party_id": _S, "period_end": _D, "period": _S, "audited": _B, "opinion": _S,
                   **dict.fromkeys(("cash", "receivables", "inventory", "current_assets", "total_assets",
                                    "short_term_debt", "current_liabilities", "long_term_debt", "total_liabilities",
                                    "equity", "revenue", "cost_of_sales", "operating_profit", "interest_expense",
                                    "net_profit", "operating_cash_flow", "capex"), _F),
                   "known_at": _D},
    "court_events": {"event_id": _S, "party_id": _S, "kind": _S, "role": _S, "cause": _S, "amount": _F,
                     "occurred_on": _D, "known_at": _D},
    "registry_events": {"event_id": _S, "party_id": _S, "kind": _S, "amount": _F, "occurred_on": _D, "known_at": _D},
    "products": {"product_id": _S, "org_id": _S, "family": _S, "name": _S, "unit": _S, "known_at": _D},
    "sales": {"org_id": _S, "product_id": _S, "region": _S, "ds": _D, "quantity": _F, "price": _F,
              "promotion": _B, "known_at": _D},
    "lines": {"line_id": _S, "org_id": _S, "name": _S, "family": _S, "unit": _S, "planned_rate": _F,
              "bottleneck": _S, "profile": _S, "known_at": _D},
    "line_output": {"line_id": _S, "ds": _D, "planned_hours": _F, "run_hours": _F, "output": _F,
                    "good_output": _F, "known_at": _D},
    "line_stops": {"stop_id": _S, "line_id": _S, "start_at": _MOMENT, "end_at": _MOMENT, "reason": _S,
                   "known_at": _D},
    "maintenance": {"plan_id": _S, "line_id": _S, "start_on": _D, "end_on": _D, "kind": _S, "known_at": _D},
    "line_products": {"line_id": _S, "product_id": _S, "rate": _F, "good_share": _F, "margin_line": _F,
                      "margin_company": _F, "margin_group": _F, "changeover_hours": _F, "lot": _F, "minimum_lot": _F,
                      "energy_per_unit": _F, "emission_per_unit": _F, "known_at": _D},
    "line_drivers": {"line_id": _S, "ds": _D, "driver": _S, "value": _F, "known_at": _D},
    "line_plans": {"line_id": _S, "ds": _D, "planned_hours": _F, "known_at": _D},
    "stocks": {"product_id": _S, "ds": _D, "quantity": _F, "floor": _F, "ceiling": _F, "backlog": _F,
               "holding_cost": _F, "backlog_cost": _F, "known_at": _D},
    "plan_orders": {"order_id": _S, "product_id": _S, "due_on": _D, "quantity": _F, "known_at": _D},
    "plan_caps": {"cap_id": _S, "kind": _S, "org_id": _S, "limit": _F, "start_on": _D, "end_on": _D,
                  "known_at": _D},
}  # fmt: skip

TRUTH: Final[dict[str, Schema]] = {
    "hazard": {"party_id": _S, "month": _D, "hazard_own": pl.Float32, "hazard_contagion": pl.Float32,
               "pd_12m": pl.Float32, "stopped_paying": _B},
    "defaults": {"party_id": _S, "stopped_on": _D, "default_on": _D, "kind": _S, "cause": _S, "via_party": _S,
                 "via_kind": _S},
    "guarantee_circles": {"circle_id": _I, "length": _I, "position": _I, "src": _S, "dst": _S, "edge_id": _S,
                          "valid_from": _D, "valid_to": _D},
    "events": {"event": _S, "start_on": _D, "end_on": _D, "note": _S},
    "faults": {"table": _S, "key": _S, "kind": _S},
}  # fmt: skip
