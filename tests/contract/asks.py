"""What keys of one company ask of every route about the things of another; a route is listed here or said to be open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.contract.group_data import MARK, SHARED_PARTY, THEIRS
from tests.contract.made_things import Made

__all__ = ["ASKS", "OPEN", "Ask"]

_LATER: Final = str((datetime.now(UTC) + timedelta(days=20)).date())
_CSV: Final = "text/csv"
_REASON: Final = {"reason": "材料齐全"}


@dataclass(frozen=True)
class Ask:
    """One request; `refused` where it is about a thing of the other company alone, so that 403 or 404 is the answer."""

    path: str
    body: object = None
    refused: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


Asks = Callable[[Made], list[Ask]]


def _listed(path: str, *queries: str) -> Asks:
    """Ask for a list, whole and by every filter that could lead to others' things."""
    return lambda their: [
        Ask(path, refused=False),
        *(Ask(f"{path}?{query.format(**_firsts(their))}", refused=False) for query in queries),
    ]


def _by_id(path: str, name: str, body: object = None, **headers: str) -> Asks:
    """Ask for each thing of a kind by its id."""
    return lambda their: [Ask(path.replace("{id}", one), body, headers=headers) for one in their.ids[name]]


def _parties(path: str, *, post: Callable[[str], object] | None = None) -> Asks:
    def asks(their: Made) -> list[Ask]:
        party = their.one("party_id")
        return [Ask(path.format(party), None if post is None else post(party))]

    return asks


def _firsts(their: Made) -> dict[str, str]:
    return {name: ids[0] for name, ids in their.ids.items()} | {
        "company": their.company,
        "key_id": min(their.others),
    }


def _score(their: Made) -> list[Ask]:
    return [
        Ask("/v1/credit/score", {"party_id": their.one("party_id")}),
        Ask("/v1/credit/score", {"party_id": SHARED_PARTY}, refused=False),
    ]


def _book(their: Made) -> list[Ask]:
    parties = [their.one("party_id"), "P0000021"]
    sheet = ("party_id\n" + "\n".join(parties)).encode()
    return [
        Ask("/v1/credit/scores", {"party_ids": parties}, refused=False),
        Ask("/v1/credit/scores", {"columns": {"party_id": parties, "degree": [1.0, 2.0]}}, refused=False),
        Ask("/v1/credit/scores", sheet, refused=False, headers={"Content_Type": _CSV, "Accept": _CSV}),
    ]


def _demand(path: str, more: Mapping[str, object] | None = None) -> Asks:
    def asks(their: Made) -> list[Ask]:
        series = their.one("unique_id")
        product = series.partition("/")[0]
        extra = dict(more or {})
        filters: list[tuple[dict[str, object], bool]] = [
            ({"unique_ids": [series]}, True), ({"unique_ids": [series, "SKU-002/east"]}, False),
            ({"company": their.company}, True), ({"unique_ids": ["total"]}, True), ({"level": "total"}, True),
            ({"product_id": product}, True), ({"family": f"{MARK}cell"}, True), ({"region": "east"}, False),
            ({"level": "series"}, False), ({"level": "company"}, False),
        ]  # fmt: skip
        return [Ask(path, {**extra, **one}, refused=refused) for one, refused in filters]

    return asks


def _scenario(their: Made) -> list[Ask]:
    return _demand("/v1/demand/scenario", {"scenario": {"level": {"percent": 10.0}}})(their)


def _accuracy(their: Made) -> list[Ask]:
    path, series = "/v1/demand/accuracy", their.one("unique_id")
    by = [
        Ask(f"{path}?by={by}", refused=False)
        for by in ("lead", "level", "product_id", "company", "unique_id")
    ]
    named = [Ask(f"{path}?unique_id={one}", refused=False) for one in (series, "total")]
    return [Ask(f"{path}?company={their.company}"), *named, *by]


def _override(their: Made) -> list[Ask]:
    body = {"periods": ["2026-12-01"], "kind": "percent", "value": 1.0, "reason": "x", "until": "2026-12-31"}
    return [
        Ask("/v1/demand/overrides", {**body, "unique_id": one})
        for one in (their.one("unique_id"), their.company, "total")
    ]


def _capacity(their: Made) -> list[Ask]:
    path = "/v1/capacity/forecast"
    return [
        Ask(path, {}, refused=False),
        Ask(path, {"explain": True}, refused=False),
        Ask(path, {"line_ids": [f"{MARK}A"]}),
        Ask(path, {"line_ids": [f"{MARK}A", "B"]}, refused=False),
        Ask(path, {"company": their.company}),
        Ask(path, {"product_id": f"{MARK}P1"}),
        Ask(path, {"profile": "cylindrical_cells"}),
    ]


def _capacity_reads(path: str) -> Asks:
    return lambda their: [
        Ask(path, refused=False),
        Ask(f"{path}?company={their.company}"),
        Ask(f"{path}?line_id={MARK}A"),
    ]


def _plans(path: str, more: Mapping[str, object]) -> Asks:
    return lambda their: [
        Ask(path, {**more}, refused=False),
        Ask(path, {**more, "companies": [their.company]}),
        Ask(path, {**more, "companies": [their.company, "ORG-08"]}),
        Ask(path, {**more, "objective": "group"}),
    ]


def _own_scenario(their: Made) -> list[Ask]:
    out = {"name": "x", "parts": [{"kind": "line_out", "line": f"{MARK}A", "weeks": 2}]}
    return [
        *_plans("/v1/capacity/scenario", {"names": ["demand_up_10"]})(their),
        Ask("/v1/capacity/scenario", {"scenarios": [out]}, refused=False),
    ]


def _kept(path: str, name: str) -> Asks:
    return lambda their: [
        *(Ask(f"{path}/{one}") for one in their.ids[name]),
        Ask(f"{path}/latest", refused=False),
    ]


def _jobs(path: str) -> Asks:
    return _by_id(path, "job_id")


def _intake(their: Made) -> list[Ask]:
    head = "payment_id,exposure_id,paid_on,amount,known_at\n"
    row = f"{their.one('exposure_id')},2025-03-01,100,2025-03-02\n"
    rows = f"{head}NEW1,{row}{MARK}PAY1,{row}{MARK}PAY1,X2,2025-03-01,70,2025-03-02\n"
    exposure = f"exposure_id,org_id,party_id,business_line,principal,annual_rate,start_on,known_at,maturity_on,repayment\nN1,{THEIRS},P1,leasing,1,0.05,2024-01-01,2024-01-01,2027-01-01,bullet\n"  # noqa: E501
    headers = {"Content_Type": _CSV}
    return [
        Ask(f"/v1/intake/{table}?mode={mode}", text.encode(), refused=False, headers=headers)
        for table, text in (("payments", rows), ("exposures", exposure))
        for mode in ("check", "take")
    ]


def _export(their: Made) -> list[Ask]:
    return [
        Ask("/v1/decisions/export", refused=False, headers={"Accept": kind})
        for kind in ("application/x-ndjson", _CSV, "application/vnd.apache.parquet")
    ]


def _risky(their: Made) -> list[Ask]:
    return _listed("/v1/audit/risky-use", "key_id={key_id}", "kind=many_refusals")(their)


ASKS: Final[Mapping[str, Asks]] = {
    "POST /v1/credit/score": _score,
    "POST /v1/credit/what-if": _parties("/v1/credit/what-if", post=lambda p: {"party_id": p, "changes": {"degree": 1.0}}),
    "GET /v1/credit/reasons": lambda their: [
        Ask(f"/v1/credit/reasons?party_id={their.one('party_id')}"),
        *(Ask(f"/v1/credit/reasons?decision_id={one}") for one in their.ids["decision_id"]),
    ],
    "GET /v1/credit/portrait/{party_id}": lambda their: [
        Ask(f"/v1/credit/portrait/{their.one('party_id')}"),
        Ask(f"/v1/credit/portrait/{SHARED_PARTY}", refused=False),
    ],
    "GET /v1/credit/exposure/{party_id}": lambda their: [
        Ask(f"/v1/credit/exposure/{their.one('party_id')}"),
        Ask(f"/v1/credit/exposure/{SHARED_PARTY}", refused=False),
    ],
    "POST /v1/credit/scores": _book,
    "POST /v1/demand/forecast": _demand("/v1/demand/forecast"),
    "POST /v1/demand/scenario": _scenario,
    "GET /v1/demand/accuracy": _accuracy,
    "POST /v1/demand/overrides": _override,
    "POST /v1/demand/overrides/withdraw": lambda their: [
        Ask("/v1/demand/overrides/withdraw", {"override_id": one, "reason": "x"})
        for one in their.ids["demand_override_id"]
    ],
    "GET /v1/demand/overrides": lambda their: [
        *_listed("/v1/demand/overrides", "unique_id={unique_id}", "status=active")(their),
        Ask(f"/v1/demand/overrides?company={their.company}"),
    ],
    "POST /v1/capacity/forecast": _capacity,
    "GET /v1/capacity/shortfall": _capacity_reads("/v1/capacity/shortfall"),
    "GET /v1/capacity/utilisation": _capacity_reads("/v1/capacity/utilisation"),
    "POST /v1/capacity/plan": _plans("/v1/capacity/plan", {}),
    "GET /v1/capacity/plans/{plan_id}": _kept("/v1/capacity/plans", "plan_id"),
    "POST /v1/capacity/scenario": _own_scenario,
    "GET /v1/capacity/scenarios/{scenario_id}": _by_id("/v1/capacity/scenarios/{id}", "scenario_id"),
    "GET /v1/capacity/jobs/{job_id}": _jobs("/v1/capacity/jobs/{id}"),
    "POST /v1/capacity/jobs/{job_id}/cancel": _jobs("/v1/capacity/jobs/{id}/cancel"),
    "GET /v1/audit/risky-use": _risky,
    "GET /v1/jobs": _listed("/v1/jobs"),
    "GET /v1/jobs/{job_id}": _jobs("/v1/jobs/{id}"),
    "POST /v1/jobs/{job_id}/cancel": _jobs("/v1/jobs/{id}/cancel"),
    "GET /v1/jobs/{job_id}/result": _jobs("/v1/jobs/{id}/result"),
    "GET /v1/decisions": lambda their: [
        *_listed("/v1/decisions", "limit=200", "key_id={key_id}", "route=credit/score", "subject={party_id}")(their),
        Ask(f"/v1/decisions?company={their.company}"),
    ],
    "GET /v1/decisions/export": _export,
    "GET /v1/decisions/{decision_id}": _by_id("/v1/decisions/{id}", "decision_id"),
    "GET /v1/decisions/{decision_id}/rows/{row}": _by_id("/v1/decisions/{id}/rows/1", "book_id"),
    "POST /v1/decisions/{decision_id}/notes": _by_id(
        "/v1/decisions/{id}/notes", "decision_id", {"note": "已电话核实"}
    ),
    "POST /v1/decisions/{decision_id}/replay": _by_id("/v1/decisions/{id}/replay", "decision_id"),
    "GET /v1/decisions/{decision_id}/notice": _by_id("/v1/decisions/{id}/notice", "decision_id"),
    "POST /v1/credit/overrides": lambda their: [
        Ask("/v1/credit/overrides", {"decision_id": one, "advice": "manual_review", "reason_code": "mitigation",
                                     "reason": "x", "until": _LATER})
        for one in their.ids["decision_id"]
    ],
    "GET /v1/credit/overrides": _listed("/v1/credit/overrides", "party_id={party_id}", "of_decision={decision_id}"),
    "GET /v1/credit/overrides/{override_id}": _by_id("/v1/credit/overrides/{id}", "override_id"),
    "POST /v1/credit/overrides/{override_id}/approve": _by_id("/v1/credit/overrides/{id}/approve", "override_id", _REASON),
    "POST /v1/credit/overrides/{override_id}/refuse": _by_id("/v1/credit/overrides/{id}/refuse", "override_id", _REASON),
    "POST /v1/credit/overrides/{override_id}/withdraw": _by_id(
        "/v1/credit/overrides/{id}/withdraw", "override_id", _REASON
    ),
    "POST /v1/appeals": lambda their: [
        Ask("/v1/appeals", {"decision_id": one, "ground": "x"}) for one in their.ids["decision_id"]
    ],
    "GET /v1/appeals": _listed("/v1/appeals", "party_id={party_id}", "of_decision={decision_id}"),
    "GET /v1/appeals/{appeal_id}": _by_id("/v1/appeals/{id}", "appeal_id"),
    "POST /v1/appeals/{appeal_id}/assign": _by_id("/v1/appeals/{id}/assign", "appeal_id", {"assignee": "approver of *"}),
    "POST /v1/appeals/{appeal_id}/decide": _by_id(
        "/v1/appeals/{id}/decide", "appeal_id", {"outcome": "upheld", "reason": "x"}
    ),
    "POST /v1/appeals/{appeal_id}/withdraw": _by_id("/v1/appeals/{id}/withdraw", "appeal_id", _REASON),
    "GET /v1/intake/uploads": _listed("/v1/intake/uploads", "table=payments"),
    "GET /v1/intake/uploads/{upload_id}": _by_id("/v1/intake/uploads/{id}", "upload_id"),
    "GET /v1/intake/uploads/{upload_id}/failed.xlsx": _by_id("/v1/intake/uploads/{id}/failed.xlsx", "upload_id"),
    "POST /v1/intake/{table}": _intake,
}  # fmt: skip

_GROUP_ONLY: Final = "acts on a model that answers the whole group: refused to keys of single companies"
OPEN: Final[Mapping[str, str]] = {
    "GET /v1/credit/schema": "inputs of the model, the same for everybody",
    "GET /v1/credit/scores/template": "an empty sheet",
    "GET /v1/features": "the catalogue: texts of functions, no value of a party",
    "GET /v1/features/{name}": "one entry of the catalogue",
    "GET /v1/intake/templates/{table}": "an empty sheet",
    "GET /v1/models": "models answer the whole group",
    "GET /v1/models/{family}/shadow": "counts over all requests of the group's challenger",
    "GET /v1/models/{family}/{version}": "the card of a model of the group",
    "GET /v1/incidents": "kills and rollbacks of models of the group",
    "POST /v1/models/{family}/aliases": _GROUP_ONLY,
    "POST /v1/models/{family}/rollback": _GROUP_ONLY,
    "POST /v1/models/{family}/kill": _GROUP_ONLY,
    "POST /v1/models/{family}/restore": _GROUP_ONLY,
    "GET /healthz": "no key",
    "GET /readyz": "no key",
}
