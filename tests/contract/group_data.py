"""What a group of two companies has prepared: every part is there, and what is of the other company bears a mark."""

import math
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

from features.contracts import CONTRACTS
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.capacity_run import write_run as write_capacity
from models.credit.model import CreditModel
from models.demand.ledger.published_run import ForecastRun
from models.demand.ledger.published_run import write_run as write_forecasts
from tests.serving import conftest as small_world
from tests.serving.capacity import capacity_world
from tests.serving.credit.questions.question_world import put_exposures, put_graph
from tests.serving.demand import demand_world

__all__ = [
    "GROUP_FIGURES",
    "MARK",
    "OURS",
    "OUR_PARTY",
    "SHARED_PARTY",
    "THEIRS",
    "THEIR_PARTY",
    "figures",
    "put_group",
]

MARK: Final = "QX7"
OURS: Final = "ORG-08"
THEIRS: Final = "ORG-07"
SHARED_PARTY: Final = "P0000001"
THEIR_PARTY: Final = "P0000006"
OUR_PARTY: Final = "P0000021"
_FACTOR: Final = math.pi
GROUP_FIGURES: Final = (7654321.0625, 8765432.1875, 9876543.3125, 0.0012345678, 6543210.4375)
"""What others have out with parties of ours, sums over the group, and an amount on a path: no key of one company is told."""
_NAMES: Final = {
    "SKU-001": f"{MARK}SKU-001",
    "SKU-001/east": f"{MARK}SKU-001/east",
    "SKU-001/west": f"{MARK}SKU-001/west",
    "SKU-009": f"{MARK}SKU-009",
    "SKU-009/east": f"{MARK}SKU-009/east",
    "cell": f"{MARK}cell",
    "A": f"{MARK}A",
    "P1": f"{MARK}P1",
    "一号线": f"{MARK}一号线",
    "化成与老化": f"{MARK}化成与老化",
}
_OF_THEIRS: Final = frozenset({THEIRS, *_NAMES.values()})


def put_group(home: Path, model: CreditModel) -> None:
    """Write everything that the service reads: model, features, book, graph, exposures, forecasts, capacity, tables."""
    small_world.build_world(home, model)
    put_graph(home)
    put_exposures(home)
    _say_companies(home / "features" / "credit_book.parquet")
    write_forecasts(home / "forecasts", _marked_run())
    write_capacity(home / "capacity", _marked_capacity())
    _put_tables(home / "checked" / "good")


def _say_companies(path: Path) -> None:
    frame = pl.read_parquet(path)
    having = [_business(number) for number in range(frame.height)]
    facts = [
        None if row is None else row | _of_the_group(row["party_id"]) for row in frame["facts"].to_list()
    ]
    frame.with_columns(
        companies=pl.Series(having, dtype=pl.List(pl.String)),
        facts=pl.DataFrame({"facts": facts}, infer_schema_length=None)["facts"],
        carriers=pl.DataFrame({"carriers": [[_path(one)] for one in frame["party_id"]]})["carriers"],
    ).write_parquet(path)


def _of_the_group(party_id: str) -> dict[str, object]:
    """Return facts that no key of one company is told: what others and the group as a whole have out; none breaks a rule."""
    use = {"code": "leasing_single", "name_zh": "单一客户", "name_en": "single client", "scope": "party", "limit": None,
           "used_of_limit": 0.25, "source": "-", "verified": True, "valid_from": date(2020, 1, 1)}  # fmt: skip
    uses = [{**use, "org_id": THEIRS, "used": GROUP_FIGURES[0]}, {**use, "org_id": OURS, "used": 1.0}]
    found: dict[str, object] = {
        "outstanding": GROUP_FIGURES[1],
        "connected_outstanding": GROUP_FIGURES[2],
        "party_share_of_book": GROUP_FIGURES[3],
    }
    return {"limit_uses": uses, **found} if party_id in (OUR_PARTY, SHARED_PARTY) else {"limit_uses": []}


def _path(party_id: str) -> dict[str, object]:
    """Return a path that no answer tells, as no model here has a feature along its route."""
    edge = {"edge_id": f"{MARK}E", "src": party_id, "dst": f"{MARK}P", "kind": "guarantees", "share": None,
            "amount": GROUP_FIGURES[4], "role": None, "valid_from": None, "valid_to": None, "known_at": None}  # fmt: skip
    return {"channel": "guaranteed", "end_id": f"{MARK}P", "parties": [party_id, f"{MARK}P"], "path": [edge],
            "text_zh": f"{MARK}担保", "text_en": f"{MARK} guarantee"}  # fmt: skip


def _business(number: int) -> list[str]:
    if number == 1:
        return [OURS, THEIRS]
    return [THEIRS] if number < 20 else [OURS] if number < 40 else []


def _marked_run() -> ForecastRun:
    run = demand_world.make_run(date(2026, 10, 1), issued_at=demand_world.ISSUED)
    return ForecastRun(
        run.info,
        forecast=_marked(run.forecast),
        components=_marked(run.components),
        quality=_marked(run.quality),
        history=_marked(run.history),
    )


def _marked_capacity() -> CapacityRun:
    run = capacity_world.make_run()
    frames = {name: _marked(value) for name, value in vars(run).items() if isinstance(value, pl.DataFrame)}
    return CapacityRun(**{**vars(run), **frames})


def _marked(frame: pl.DataFrame) -> pl.DataFrame:
    """Give what is of the other company names and figures that nothing else has."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    renamed = frame.with_columns(pl.col(texts).replace(_NAMES)) if texts else frame
    numbers = [name for name in ("forecast", "q10", "q25", "q50", "q90", "value", "y", "demand", "expected", "hours_short",
                                 "output", "planned_output", "margin_line", "margin_company", "margin_group",
                                 "hours_short_p90", "when_short", "p90", "made") if name in frame.columns]  # fmt: skip
    if not texts or not numbers:
        return renamed
    theirs = pl.any_horizontal(pl.col(texts).is_in(_OF_THEIRS).fill_null(value=False))
    return renamed.with_columns(
        pl.when(theirs).then(pl.col(numbers) * _FACTOR).otherwise(pl.col(numbers)).name.keep()
    )


@cache
def figures() -> frozenset[str]:
    """Return figures that only the other company has, to 9 digits."""
    run, capacity = _marked_run(), _marked_capacity()
    theirs: set[str] = set()
    others: set[str] = set()
    for frame in (run.forecast, run.components, run.history, capacity.weeks, capacity.contributions, capacity.demand,
                  capacity.routes, capacity.shortfall_products, capacity.shortfall_lines):  # fmt: skip
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        marked = pl.any_horizontal(pl.col(texts).is_in(_OF_THEIRS).fill_null(value=False))
        theirs |= _figures_of(frame.filter(marked))
        others |= _figures_of(frame.filter(~marked))
    return frozenset(theirs - others) | {f"{value:.9g}" for value in GROUP_FIGURES}


def _figures_of(frame: pl.DataFrame) -> set[str]:
    columns = frame.select(pl.selectors.float())
    return {f"{value:.9g}" for column in columns for value in column if value is not None and _telling(value)}


def _telling(value: float) -> bool:
    """Tell whether a figure is one that nothing else is likely to have: no round number."""
    return math.isfinite(value) and len(f"{value:.9g}".replace(".", "").strip("0-")) > 6


def _put_tables(folder: Path) -> None:
    folder.mkdir(parents=True)
    day = date(2024, 1, 1)
    row = {"business_line": "leasing", "principal": 1000.0, "annual_rate": 0.05, "start_on": day, "known_at": day,
           "maturity_on": date(2027, 1, 1), "repayment": "bullet"}  # fmt: skip
    rows = [
        {**row, "exposure_id": f"{MARK}X1", "org_id": THEIRS, "party_id": THEIR_PARTY},
        {**row, "exposure_id": "X2", "org_id": OURS, "party_id": OUR_PARTY},
    ]
    pl.DataFrame(rows, schema=CONTRACTS["exposures"].schema).write_parquet(folder / "exposures.parquet")
