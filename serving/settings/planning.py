"""Settings of the service: forecasts of demand and capacity, scenarios and plans."""

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["PlanningSettings"]


class PlanningSettings(BaseModel):
    """Forecasts of demand and capacity, scenarios and plans."""

    stale_run_days: int = Field(
        default=35,
        ge=1,
        description="预测批次发布超过此天数则为降级 / "
        "a run of forecasts issued longer ago is answered as a fallback",
    )
    stale_policy_demand: Literal["flag", "refuse"] = Field(
        default="flag",
        description="需求预测批次过期时注明还是拒绝（503） / "
        "whether an older run of forecasts is flagged or refused (503)",
    )
    stale_policy_capacity: Literal["flag", "refuse"] = Field(
        default="flag",
        description="产能预测批次过期时注明还是拒绝（503） / "
        "whether an older run of capacity is flagged or refused (503)",
    )
    answer_series_limit: int = Field(
        default=500, ge=1, description="一次需求回答最多多少个序列 / series in one answer about demand"
    )
    accuracy_runs: int = Field(
        default=36, ge=1, description="准确度看最近多少个批次 / how many of the newest runs accuracy looks at"
    )
    payload_series_limit: int = Field(
        default=50,
        ge=1,
        description="随请求给出、立即预测的序列数上限 / series in a payload to be forecast at once",
    )
    payload_points_limit: int = Field(
        default=20_000,
        ge=1,
        description="这些序列的总点数上限 / points of all series of such a payload together",
    )
    payload_horizon_limit: int = Field(
        default=400, ge=1, description="这些序列的预测期数上限 / periods ahead for such a payload"
    )
    payload_lines_limit: int = Field(
        default=20,
        ge=1,
        description="随请求给出、立即预测的产线数上限 / "
        "lines in a payload whose capacity is forecast at once",
    )
    payload_line_rows_limit: int = Field(
        default=8_000,
        ge=1,
        description="这些产线的历史与计划的总行数上限 / "
        "days of history and plan of all lines of such a payload together",
    )
    payload_body_limit_bytes: int = Field(
        default=2_097_152,
        ge=1,
        description="带序列的请求体上限，超过 413 / larger bodies with series get 413",
    )
    forecast_deadline_seconds: float = Field(
        default=15.0,
        gt=0,
        description="当场计算的预测超过则 504 / "
        "a forecast that is computed on request and is slower gets 504",
    )
    forecast_wait_seconds: float = Field(
        default=5.0,
        gt=0,
        description="等前一个预测算完多久，之后 503 / wait for another forecast to end, then 503",
    )
    plan_now_size: int = Field(
        default=20_000,
        ge=1,
        description="路线 × 周数超过此值的计划转为作业 / "
        "plans with more routes times weeks are made as a job",
    )
    plan_now_seconds: float = Field(
        default=8.0,
        gt=0,
        description="立即求解的计划的时限 / time of the solver for a plan that is answered at once",
    )
    plan_job_seconds: float = Field(
        default=300.0, gt=0, description="作为作业求解的时限 / time of the solver for a plan in a job"
    )
