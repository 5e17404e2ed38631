"""A small sound group, three rows a table, made from the examples of the templates."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import polars as pl
import pytest

from features.contracts import CONTRACTS, Checked, check_table
from features.tables.examples import EXAMPLES, Cell

ROWS: Mapping[str, tuple[Mapping[str, Cell], ...]] = {
    "parties": (
        {},
        {"party_id": "P0000002", "name": "示例投资有限公司", "credit_code": None},
        {
            "party_id": "P0000003",
            "kind": "person",
            "name": "张三丰",
            "credit_code": None,
            "id_hash": "0123456789abcdef",
        },
    ),
    "companies": (
        {},
        {"org_id": "ORG-02", "party_id": "P0000002", "segment": "financial", "parent_org_id": "ORG-01"},
        {"org_id": "ORG-03", "party_id": "P0000001", "segment": "industrial", "parent_org_id": "ORG-01"},
    ),
    "edges": (
        {},
        {"edge_id": "E000002", "src": "P0000001", "dst": "P0000002", "valid_to": date(2024, 1, 1)},
        {
            "edge_id": "E000003",
            "src": "P0000003",
            "kind": "holds_position",
            "role": "director",
            "share": None,
            "retracted_at": date(2022, 1, 1),
        },
    ),
    "exposures": tuple({"exposure_id": f"X00000000{n}"} for n in (1, 2, 3)),
    "schedules": tuple({"installment_no": n, "due_on": date(2023, 4 + n, 1)} for n in (1, 2, 3)),
    "payments": tuple({"payment_id": f"Y00000000{n}"} for n in (1, 2, 3)),
    "write_offs": tuple({"exposure_id": f"X00000000{n}"} for n in (1, 2, 3)),
    "statements": tuple({"known_at": date(2024, 4, 22) + timedelta(days=n)} for n in (1, 2, 3)),
    "court_events": tuple({"event_id": f"C00000{n}"} for n in (1, 2, 3)),
    "registry_events": tuple({"event_id": f"R00000{n}"} for n in (1, 2, 3)),
    "products": (
        {},
        {"product_id": "PR-002", "unit": "kg"},
        {"product_id": "PR-003", "family": "carbon_fibre"},
    ),
    "sales": tuple({"region": region} for region in ("华东", "华北", "华中")),
    "lines": tuple({"line_id": f"L-0{n}"} for n in (1, 2, 3)),
    "line_output": tuple({"line_id": f"L-0{n}"} for n in (1, 2, 3)),
    "line_stops": tuple({"stop_id": f"S00000{n}"} for n in (1, 2, 3)),
    "maintenance": tuple({"plan_id": f"M0000{n}"} for n in (1, 2, 3)),
    "line_products": tuple({"line_id": f"L-0{n}"} for n in (1, 2, 3)),
    "line_drivers": tuple({"line_id": f"L-0{n}"} for n in (1, 2, 3)),
    "line_plans": tuple({"line_id": f"L-0{n}"} for n in (1, 2, 3)),
    "stocks": tuple({"product_id": f"PR-00{n}"} for n in (1, 2, 3)),
    "plan_orders": tuple({"order_id": f"O00000{n}"} for n in (1, 2, 3)),
    "plan_caps": tuple({"cap_id": f"CAP-0{n}"} for n in (1, 2, 3)),
}

Group = dict[str, pl.DataFrame]
CheckWith = Callable[[str, Mapping[str, Cell]], Checked]


@pytest.fixture(scope="session")
def sound_group() -> Group:
    """Return the tables of a group in which every row keeps every rule."""
    return {
        name: pl.DataFrame(
            [
                {column: {**EXAMPLES[name], **change}.get(column) for column in contract.column_names}
                for change in ROWS[name]
            ],
            schema=contract.schema,
        )
        for name, contract in CONTRACTS.items()
    }


@pytest.fixture(scope="session")
def check_with(sound_group: Group) -> CheckWith:
    """Return a function that checks a sound table after its second row was changed."""

    def check(table: str, change: Mapping[str, Cell]) -> Checked:
        frame, schema = sound_group[table], CONTRACTS[table].schema
        second = pl.DataFrame([{**frame.row(1, named=True), **change}], schema=schema)
        return check_table(table, pl.concat([frame[:1], second, frame[2:]]), sound_group)

    return check
