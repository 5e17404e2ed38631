"""Commands that forecast what lines can make, plan it, hold scenarios beside the plan, and check industry profiles."""

import getpass
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from zhiheng.commands.capacity_tables import show_comparison, show_plan, show_profile, show_profiles
from zhiheng.console import teller
from zhiheng.settings import REPOSITORY, Settings, load_settings

if TYPE_CHECKING:
    from models.capacity.published.planning import PlanRequest

__all__ = ["forecast", "plan", "profile", "run_capacity", "scenario"]

_PROFILES: Final = "profiles"  # as experiments.run_capacity names it, which must not be imported early
_AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="截止日：之后才得知的不算。Nothing known later counts."),
]
_Objective = Annotated[str, typer.Option(help="line 产线 | company 企业 | group 集团。Whose margin.")]
_Weeks = Annotated[int | None, typer.Option(min=1, help="计划几周，默认全部可计划的周。Weeks to plan.")]
_Companies = Annotated[str, typer.Option(help="只计划这些企业，逗号分隔。Only these companies.")]
_Capacity = Annotated[
    float | None,
    typer.Option(help="产能把握度：0.75 即有 75% 把握做得到；默认期望值。Probability that lines give it."),
]
_Demand = Annotated[
    float | None, typer.Option(help="满足需求的哪个分位数，如 0.8；默认期望值。Quantile of demand.")
]
_Caps = Annotated[bool, typer.Option(help="遵守能耗与排放限额。Heed caps on energy and emissions.")]
_Lots = Annotated[bool, typer.Option(help="遵守最小批量（整数规划，较慢）。Minimum lots (mixed integer).")]
_Runs = Annotated[
    bool,
    typer.Option(
        help="连续产线每周至少运行档案所载的小时（假设值）。Least hours of continuous lines, as their profile assumes."
    ),
]
_Relax = Annotated[
    bool, typer.Option(help="无可行解时放宽库存下限与优先订单，并逐项说明。Let floors and orders give way.")
]
_Run = Annotated[str | None, typer.Option(help="产能批次编号，默认最新。Run of capacity; the newest.")]
_Seconds = Annotated[float, typer.Option(min=0.1, help="求解时限，秒。Seconds for the solver.")]
_Seed = Annotated[int, typer.Option(help="随机种子。Seed.")]


def forecast(
    *,
    as_of: _AsOf = None,
    horizon: Annotated[int, typer.Option(min=7, max=750, help="预测多少天。Days ahead.")] = 98,
    demand_run: Annotated[
        str | None, typer.Option(help="需求批次编号，默认最新的周批次。Weekly demand run; the newest.")
    ] = None,
    require_demand: Annotated[
        bool, typer.Option(help="没有可用的需求批次就不发布。Publish nothing without a run of demand.")
    ] = False,
    scenarios: Annotated[int, typer.Option(min=100, help="模拟多少种未来。Futures drawn.")] = 2000,
    cutoffs: Annotated[int, typer.Option(min=0, max=12, help="回测几个起点，0 为不回测。Backtests.")] = 3,
    history: Annotated[
        Path | None,
        typer.Option(help="任意工厂的历史表：line_id, ds, planned_rate, output…。Any plant's own table."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="与 --history 合用：今后各日的计划。The plan for days ahead.")
    ] = None,
    drivers: Annotated[str, typer.Option(help="与 --history 合用：驱动列，逗号分隔。Driver columns.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="与 --history 合用：写到哪里（.parquet、.csv）。Where it goes.")
    ] = None,
    explain: Annotated[bool, typer.Option(help="与 --history 合用：另写出各项贡献。Contributions.")] = False,
    seed: _Seed = 7,
) -> None:
    """预测各产线能做多少（按日、周，含区间），对照需求模拟缺口与库存，登记模型并发布；加 --history 则预测任意工厂的表。

    Forecast what each line can make with bands, simulate shortfalls against the newest weekly demand run, register the
    model and publish the run that the plan and the endpoints read. With --history, forecast any plant's own table.
    """
    settings = load_settings()
    if history is not None:
        _forecast_file(
            settings, history, plan, as_of=as_of, drivers=drivers, out=out, explain=explain, seed=seed
        )
        return
    if as_of is None:
        raise typer.BadParameter("预测集团产线须给出 --as-of / give --as-of for the group's lines")
    run_capacity(
        settings,
        teller(settings),
        as_of=as_of.date(),
        horizon_days=horizon,
        demand_run=demand_run,
        require_demand=require_demand,
        scenarios=scenarios,
        cutoffs=cutoffs,
        seed=seed,
    )


def run_capacity(
    settings: Settings,
    say: Callable[[str, str], None],
    *,
    as_of: date,
    horizon_days: int | None = None,
    demand_run: str | None = None,
    require_demand: bool = False,
    scenarios: int | None = None,
    cutoffs: int | None = None,
    seed: int = 7,
) -> None:
    """Run the job over the checked tables under home."""
    from experiments.job import checked_job
    from experiments.run_capacity import RunCapacity
    from experiments.tracking import code_version

    checked_job(
        RunCapacity,
        tables=settings.home / "checked" / "good",
        home=settings.home,
        as_of=as_of,
        issued_at=datetime.now(UTC),
        horizon_days=horizon_days,
        demand_run=demand_run,
        require_demand=require_demand,
        scenarios=scenarios,
        cutoffs=cutoffs,
        tracking_uri=settings.tracking_uri,
        artifacts=settings.artifacts,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
        seed=seed,
    ).run(say)


def _forecast_file(
    settings: Settings,
    history: Path,
    plan: Path | None,
    *,
    as_of: datetime | None,
    drivers: str,
    out: Path | None,
    explain: bool,
    seed: int,
) -> None:
    from experiments.forecast_lines import ForecastLines
    from experiments.job import checked_job

    checked_job(
        ForecastLines,
        history=history,
        plan=plan,
        drivers=_list(drivers),
        as_of=None if as_of is None else as_of.date(),
        profiles=settings.home / _PROFILES,
        out=out or history.with_name(f"{history.stem}.forecast.csv"),
        explain=explain,
        seed=seed,
    ).run(teller(settings))


def plan(
    *,
    objective: _Objective = "group",
    weeks: _Weeks = None,
    companies: _Companies = "",
    capacity: _Capacity = None,
    demand: _Demand = None,
    caps: _Caps = True,
    minimum_lots: _Lots = False,
    minimum_runs: _Runs = False,
    stability_cost: Annotated[
        float, typer.Option(min=0, help="偏离上一份计划每小时的代价，元。CNY an hour moved.")
    ] = 0.0,
    relax: _Relax = False,
    run: _Run = None,
    seconds: _Seconds = 60.0,
) -> None:
    """按最新产能批次排产：哪条产线每周做什么最划算，受什么限制，多一小时值多少；与上一份计划对比后保存。

    Plan the newest run: who makes what in which week, what binds, what one more hour is worth, what changed against the
    last plan. A plan that fails leaves the last good one in force.
    """
    from experiments.job import checked_job
    from experiments.plan_capacity import PlanCapacity

    settings = load_settings()
    request = _request(objective, weeks, companies, capacity=capacity, demand=demand, caps=caps,
                       minimum_lots=minimum_lots, minimum_runs=minimum_runs, stability_cost=stability_cost,
                       relax=relax, seconds=seconds)  # fmt: skip
    job = checked_job(
        PlanCapacity, home=settings.home, run_id=run, request=request, issued_at=datetime.now(UTC)
    )
    show_plan(job.run(teller(settings)).plan, zh=settings.lang == "zh")


def scenario(
    *,
    name: Annotated[str, typer.Option(help="情景名，逗号分隔，默认全部。Scenarios by name.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="情景文件（TOML），默认内置示例。File of scenarios.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="对照表写到这里。Where the table goes.")] = None,
    shortfalls: Annotated[bool, typer.Option(help="同时模拟缺口概率。Simulate shortfalls too.")] = True,
    objective: _Objective = "group",
    weeks: _Weeks = None,
    companies: _Companies = "",
    capacity: _Capacity = None,
    demand: _Demand = None,
    caps: _Caps = True,
    minimum_runs: _Runs = False,
    relax: _Relax = False,
    run: _Run = None,
    seconds: _Seconds = 60.0,
) -> None:
    """把情景（停产六周、加班、新产线、需求增减……）与基准计划并列；只比较，不发布。

    Hold scenarios (a line out, overtime, a new line, other demand) side by side with the plan as it is. Nothing is
    published.
    """
    from experiments.job import checked_job
    from experiments.plan_capacity import CompareScenarios

    settings = load_settings()
    request = _request(
        objective, weeks, companies, capacity=capacity, demand=demand, caps=caps, minimum_runs=minimum_runs,
        relax=relax, seconds=seconds,
    )  # fmt: skip
    job = checked_job(
        CompareScenarios,
        home=settings.home,
        run_id=run,
        request=request,
        names=_list(name),
        file=file,
        shortfalls=shortfalls,
        out=out,
    )
    show_comparison(job.run(teller(settings)).table, zh=settings.lang == "zh")


def profile(
    *,
    name: Annotated[str | None, typer.Option(help="行业编号，默认列出全部。Id of an industry.")] = None,
    check: Annotated[Path | None, typer.Option(help="检查自己写的行业文件（TOML）。Check a file.")] = None,
) -> None:
    """列出或检查行业档案：计量单位、日历、驱动因素、约束、损失、库存带；新行业只需一个文件，放在 <home>/profiles。

    List or check the industry profiles. A new industry needs a file under <home>/profiles, no code.
    """
    from experiments.errors import OptionError
    from models.capacity.profiles.profile_files import check_profile, load_profiles

    settings = load_settings()
    zh = settings.lang == "zh"
    if check is not None:
        show_profile(check_profile(check), zh=zh)
        return
    known = load_profiles(settings.home / _PROFILES)
    if name is None:
        show_profiles(known, zh=zh)
    elif name in known:
        show_profile(known[name], zh=zh)
    else:
        listed = ", ".join(known)
        raise OptionError(
            "name", f"没有行业档案“{name}”，可用 {listed} / there is no profile '{name}', use one of {listed}"
        )


def _request(
    objective: str,
    weeks: int | None,
    companies: str,
    *,
    capacity: float | None,
    demand: float | None,
    caps: bool,
    minimum_lots: bool = False,
    minimum_runs: bool = False,
    stability_cost: float = 0.0,
    relax: bool = False,
    seconds: float,
) -> "PlanRequest":
    """Read the options that plan and scenario share. Raises OptionError."""
    from experiments.job import checked_job
    from models.capacity.published.planning import PlanRequest

    return checked_job(
        PlanRequest,
        objective=objective,
        weeks=weeks,
        companies=_list(companies) or None,
        capacity=capacity,
        demand=demand,
        caps=caps,
        minimum_lots=minimum_lots,
        minimum_runs=minimum_runs,
        stability_cost=stability_cost,
        relax=relax,
        time_limit_seconds=seconds,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
