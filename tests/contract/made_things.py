"""What the keys of one company have made: decisions, overrides, appeals, jobs, plans, uploads, with their ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from serving.access.roles import Role
from tests.contract.contract_app import Caller, ContractApp
from tests.contract.group_data import MARK, OUR_PARTY, OURS, SHARED_PARTY, THEIR_PARTY, THEIRS

__all__ = ["Made", "make_things"]

_PARTY: Final = {THEIRS: THEIR_PARTY, OURS: OUR_PARTY}
_SERIES: Final = {THEIRS: f"{MARK}SKU-001/east", OURS: "SKU-002/east"}
_EXPOSURE: Final = {THEIRS: f"{MARK}X1", OURS: "X2"}


@dataclass(frozen=True)
class Made:
    """Ids by the name that addresses and requests give them, and every other id that belongs to the company."""

    company: str
    ids: Mapping[str, tuple[str, ...]]
    others: frozenset[str]

    def one(self, name: str) -> str:
        """Return the first id of a kind."""
        return self.ids[name][0]

    @property
    def everything(self) -> frozenset[str]:
        """Return every id."""
        return self.others.union(*self.ids.values())


def make_things(app: ContractApp, company: str) -> Made:
    """Use every key of a company once for what it is there for."""
    officer, planner = app.caller(Role.RISK_OFFICER, company), app.caller(Role.PLANNER, company)
    approver, steward = app.caller(Role.APPROVER, company), app.caller(Role.STEWARD, company)
    mark = MARK if company == THEIRS else "ours"
    marked = {"X_Request_ID": f"{mark}-request-1"}
    party = _PARTY[company]

    def post(path: str, body: object, caller: Caller, **headers: str) -> dict[str, Any]:
        return app.done("POST", path, caller, body, **{**marked, **headers})

    scores = [post("/v1/credit/score", {"party_id": party}, officer) for _ in range(3)]
    shared = post("/v1/credit/score", {"party_id": SHARED_PARTY}, officer)
    changed = post("/v1/credit/what-if", {"party_id": party, "changes": {"degree": 1.0}}, officer)
    until = str((datetime.now(UTC) + timedelta(days=30)).date())
    overrides: list[str] = []
    approvals: list[dict[str, Any]] = []
    for score in scores[:2]:  # the second is asked for when the first counts: a party has one that is pending
        wanted = {"decision_id": score["decision_id"], "advice": "manual_review", "grade": "B1", "reason_code": "mitigation",
                  "reason": f"{mark} 已补充质押", "until": until}  # fmt: skip
        overrides.append(post("/v1/credit/overrides", wanted, officer)["override"]["override_id"])
        if not approvals:
            reason = {"reason": f"{mark} 材料齐全"}
            approvals.append(post(f"/v1/credit/overrides/{overrides[0]}/approve", reason, approver))
    appeal = post(
        "/v1/appeals", {"decision_id": scores[0]["decision_id"], "ground": f"{mark} 诉讼已结案"}, officer
    )
    assigned = post(
        f"/v1/appeals/{appeal['appeal']['appeal_id']}/assign", {"assignee": "approver of *"}, officer
    )
    listed = post("/v1/credit/scores", {"party_ids": [party] * 2}, officer)
    book = post("/v1/credit/scores", {"party_ids": [party] * 5}, officer)
    ended = app.ended(book["job_id"], officer)
    assert ended["state"] == "done", ended
    plan = post("/v1/capacity/plan", {}, planner)
    queued = post("/v1/capacity/plan", {"as_job": True}, planner)
    assert app.ended(queued["job_id"], planner)["state"] == "done"
    scenario = post("/v1/capacity/scenario", {"names": ["demand_up_10"]}, planner)
    forecast = post("/v1/demand/forecast", {"company": company}, planner)
    judged = post(
        "/v1/demand/overrides",
        {"unique_id": _SERIES[company], "periods": ["2026-12-01"], "kind": "percent", "value": 10.0,
         "reason": f"{mark} 追加订单", "until": "2026-12-31"},
        planner,
    )  # fmt: skip
    payments = (
        "payment_id,exposure_id,paid_on,amount,known_at\n"
        f"{mark}PAY1,{_EXPOSURE[company]},2025-03-01,100,2025-03-02\n"
        f"{mark}PAY2,{_EXPOSURE[company]},2025-03-01,-5,2025-03-02\n"
    ).encode()
    upload = post("/v1/intake/payments?mode=take", payments, steward, Content_Type="text/csv")
    answers = (
        *scores,
        shared,
        changed,
        *approvals,
        appeal,
        assigned,
        book,
        plan,
        scenario,
        forecast,
        judged,
        upload,
    )
    decisions = tuple(one["decision_id"] for one in answers)
    key_ids = frozenset(
        c.header.split("_")[1] for c in app.callers if c.company == company and c.kind == "key"
    )
    return Made(
        company,
        {
            "decision_id": decisions,
            "book_id": (str(listed["decision_id"]),),
            "override_id": tuple(overrides),
            "appeal_id": (appeal["appeal"]["appeal_id"],),
            "job_id": (book["job_id"], queued["job_id"]),
            "plan_id": (plan["plan_id"],),
            "scenario_id": (scenario["scenario_id"],),
            "upload_id": (upload["upload_id"],),
            "demand_override_id": (judged["override"]["override_id"],),
            "party_id": (party,),
            "unique_id": (_SERIES[company],),
            "exposure_id": (_EXPOSURE[company],),
        },
        key_ids,
    )
