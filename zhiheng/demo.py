"""The main job from tables to a served, explained, recorded answer; a second run takes up what is there."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import polars as pl

from features.checked_files import write_text_atomically
from serving.random_bytes import new_id
from zhiheng.background import Background
from zhiheng.demo_answer import show_answer
from zhiheng.demo_capacity import show_shortfalls
from zhiheng.demo_forecast import show_forecast
from zhiheng.errors import BackgroundError, DemoAnswerError, SampleError
from zhiheng.settings import REPOSITORY, Settings

__all__ = ["Demo", "background_programs"]

SAMPLE_START: Final = date(2020, 1, 1)
SAMPLE_END: Final = date(2025, 12, 31)
FIRST_MONTH: Final = date(2020, 12, 31)  # a year of behaviour before the first observation
_OF_THE_STEPS: Final = ("features", "graph", "models", "experiments", "data_samples")
_OF_THE_SERVICE: Final = (*_OF_THE_STEPS, "serving", "zhiheng")
_SOURCES: Final = {".py", ".toml"}
_PATIENCE_SECONDS: Final = 90.0
_LOOKS: Final = 30
_KEY_NAME: Final = "demo"

Say = Callable[[str, str], None]


@dataclass
class Demo:
    """The steps of the demo over one home folder.

    A step is skipped when its result is there and was finished with the same arguments, the same code and the same
    earlier steps; what finished is kept in home/run/steps.json, written after each step, so a killed run goes on
    where it stopped.
    """

    settings: Settings
    say: Say
    note: Say
    seed: int
    scale: float
    _chain: str = field(default="", init=False)

    def run(self) -> None:
        """Run every step, then print one explained answer and the addresses to open."""
        self._chain = _digest(_code_digest(_OF_THE_STEPS), str(self.seed), str(self.scale))
        home = self.settings.home
        self._step(
            "sample",
            self._sample,
            home / "group",
            say=("1/8 写出示例集团", "1/8 write the sample group"),
        )
        self._step(
            "check",
            self._check,
            home / "checked" / "good",
            say=("2/8 按契约检查数据", "2/8 check the tables against their contracts"),
        )
        self._step("graph", self._graph, home / "graph", say=("3/8 建立关系图", "3/8 build the graph"))
        self._step(
            "features",
            self._features,
            home / "features" / "credit_latest.json",
            say=("4/8 计算特征", "4/8 build the features"),
        )
        self._step(
            "train",
            self._train,
            home / "models" / "credit" / "champion.json",
            say=("5/8 训练、登记、发布模型", "5/8 train, register and publish the model"),
        )
        self._step(
            "demand",
            self._demand,
            home / "forecasts" / "latest-1mo.json",
            say=("6/8 预测各产品销量并发布", "6/8 forecast and publish what will be sold"),
        )
        self._step(
            "capacity",
            self._capacity,
            home / "capacity" / "plans" / "latest.json",
            say=("7/8 预测产能、模拟缺口并排产", "7/8 forecast capacity, simulate shortfalls, plan"),
        )
        self.say(
            "8/8 启动服务、评分、取预测与缺口", "8/8 start the service, score, read a forecast and shortfalls"
        )
        api, pages = self._serve()
        answer, key = self._score(api)
        text = json.dumps(answer, ensure_ascii=False, indent=2)
        write_text_atomically(text, home / "run" / "answer.json", private=True)
        show_forecast(self._forecast(api, key), zh=self.settings.lang == "zh")
        show_shortfalls(_ask(f"{api}/v1/capacity/shortfall", key), zh=self.settings.lang == "zh")
        show_answer(answer, key=key, api=api, pages=pages, zh=self.settings.lang == "zh")

    def _sample(self) -> None:
        script = REPOSITORY / "data_samples" / "generate.py"
        out = self.settings.home / "group"
        options = ["--seed", str(self.seed), "--scale", str(self.scale), "--start", str(SAMPLE_START)]
        command = [sys.executable, str(script), "--out", str(out), *options, "--end", str(SAMPLE_END)]
        status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own script
        if status != 0:
            raise SampleError(status)

    def _check(self) -> None:
        from features.checked_files import check_folder, write_checked
        from features.errors import DataError

        checked, good, failed = self.settings.home / "checked", 0, 0
        for outcome in check_folder(self.settings.home / "group"):
            if isinstance(outcome, DataError):
                raise outcome
            write_checked(outcome, checked)
            good, failed = good + outcome.good.height, failed + outcome.rows.height
        where = checked / "failed"
        self.note(
            f"合格 {good:,} 行；不合格 {failed:,} 行，违反的规则与补救办法见 {where}",
            f"{good:,} good rows; {failed:,} failed rows with rule and remedy in {where}",
        )

    def _graph(self) -> None:
        from features.sources import read_tables
        from graph.parquet_store import rebuild
        from graph.parties import PARTY_SCHEMA

        home = self.settings.home
        group = read_tables(home / "checked" / "good")
        records = group["parties"].select(PARTY_SCHEMA.names()).collect()
        added, known = rebuild(home / "graph", group["edges"], records)
        self.note(
            f"{added:,} 条关系记录，{known:,} 条主体档案；试试 zhiheng graph circles",
            f"{added:,} statements, {known:,} records of parties; try zhiheng graph circles",
        )

    def _features(self) -> None:
        from experiments.build_features import BuildFeatures

        home = self.settings.home
        BuildFeatures(
            tables=home / "checked" / "good",
            graph=home / "graph",
            out=home / "features",
            as_of=SAMPLE_END,
            first_month=FIRST_MONTH,
        ).run(self.note)

    def _train(self) -> None:
        from zhiheng.commands.credit import train_and_publish

        train_and_publish(self.settings, self.note, seed=self.seed)

    def _demand(self) -> None:
        from zhiheng.commands.demand import run_demand

        run_demand(self.settings, self.note, as_of=SAMPLE_END, seed=self.seed)

    def _capacity(self) -> None:
        from experiments.plan_capacity import PlanCapacity
        from models.capacity.published.planning import PlanRequest
        from zhiheng.commands.capacity import run_capacity

        run_capacity(self.settings, self.note, as_of=SAMPLE_END, cutoffs=1, seed=self.seed)
        PlanCapacity(home=self.settings.home, request=PlanRequest(), issued_at=datetime.now(UTC)).run(
            self.note
        )

    def _serve(self) -> tuple[str, str]:
        settings = self.settings
        service, pages = background_programs(settings)
        api, mlflow = f"http://{settings.host}:{settings.port}", f"http://127.0.0.1:{settings.mlflow_port}"
        environment = {"ZHIHENG_HOME": str(settings.home.resolve()), "ZHIHENG_LANG": settings.lang}
        purpose = _digest(_code_digest(_OF_THE_SERVICE), api)
        if not service.running(purpose):
            command = [sys.executable, "-m", "zhiheng", "serve", "--port", str(settings.port)]
            service.start(command, purpose=purpose, environment=environment)
        if not pages.running(mlflow):
            # MLflow's runner of background jobs costs three processes and is of no use here
            pages.start(
                _mlflow_command(settings),
                purpose=mlflow,
                environment={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        for name, program, url in (
            ("service", service, f"{api}/readyz"),
            ("MLflow", pages, f"{mlflow}/health"),
        ):
            seconds = program.wait(url, seconds=_PATIENCE_SECONDS)
            self.note(
                f"{name} 就绪，等待 {seconds:.1f} 秒，日志 {program.log}",
                f"{name} ready after {seconds:.1f} s, log {program.log}",
            )
        self._wait_for_champion(api)
        return api, mlflow

    def _wait_for_champion(self, api: str) -> None:
        """Wait until a service that was running takes up the model just published; it looks every few seconds."""
        wanted = _champion(self.settings)["version"]
        for _ in range(_LOOKS):
            with urlopen(f"{api}/healthz", timeout=10) as response:  # noqa: S310 - our own service
                if json.load(response)["parts"]["model"].get("version") == wanted:
                    return
            time.sleep(1.0)
        raise BackgroundError(
            "service",
            self.settings.home / "run" / "service.log",
            reason_zh=f"没有换用模型 {wanted}",
            reason_en=f"it did not take up model {wanted}",
        )

    def _score(self, api: str) -> tuple[dict[str, Any], str]:
        """Ask the running service, as any client would, about the live party that looks worst."""
        key = self._new_key()
        party = self._worst_party_at_risk()
        return _ask(f"{api}/v1/credit/score", key, {"party_id": party}), key

    def _forecast(self, api: str, key: str) -> dict[str, Any]:
        """Ask for the months ahead of all the group sells of salt, as a planner would."""
        question = {"family": "salt", "freq": "1mo", "horizon": 3}
        return _ask(f"{api}/v1/demand/forecast", key, question)

    def _new_key(self) -> str:
        """Make the demo's key; the keys of earlier runs are withdrawn, as nobody can look them up again."""
        from serving.access.command_line import command_line_caller
        from serving.access.key_acts import acts_of
        from serving.access.keys import KeyStore
        from serving.access.roles import ALL_COMPANIES, Role
        from serving.ledger.database import Database

        now = datetime.now(UTC)
        database = Database(self.settings.home / "ledger.db", url=self.settings.database_url)
        database.open()
        try:
            told = acts_of(command_line_caller(new_id()), new_id=new_id)
            keys = KeyStore(database, told=told)
            for old in keys.all():
                if old.name == _KEY_NAME and old.revoked_at is None:
                    keys.revoke(old.key_id, now=now)
            return keys.create(
                _KEY_NAME, [Role.RISK_OFFICER, Role.PLANNER], companies=[ALL_COMPANIES], now=now
            )[1]
        finally:
            database.close()

    def _worst_party_at_risk(self) -> str:
        """Return the party of highest PD among those with a live exposure and no default: the case worth explaining."""
        from models.credit.model import load_credit_model
        from models.credit.neighbours import with_neighbour_scores

        home = self.settings.home
        model = load_credit_model(home / "models" / "credit" / _champion(self.settings)["folder"])
        latest = pl.read_parquet(home / "features" / "credit_latest.parquet")
        links = pl.read_parquet(home / "features" / "credit_links.parquet")
        latest = with_neighbour_scores(model, latest, links, num_threads=self.settings.threads)
        pd = pl.Series("pd", model.score(latest, num_threads=self.settings.threads).pd)
        at_risk = latest.with_columns(pd).filter(pl.col("standing") == "at_risk")
        return str(at_risk.sort("pd", descending=True).item(0, "party_id"))

    def _step(self, name: str, action: Callable[[], None], result: Path, *, say: tuple[str, str]) -> None:
        """Run a step, or say that its result is there; remember it when it is done."""
        self._chain = _digest(self._chain, name)
        self.say(*say)
        done = self._done()
        if done.get(name) == self._chain and result.exists():
            self.note("已完成，沿用", "already there")
            return
        begun = time.monotonic()
        action()
        write_text_atomically(
            json.dumps({**done, name: self._chain}), self.settings.home / "run" / "steps.json"
        )
        seconds = time.monotonic() - begun
        self.note(f"{seconds:.1f} 秒", f"{seconds:.1f} s")

    def _done(self) -> dict[str, str]:
        try:
            text = (self.settings.home / "run" / "steps.json").read_text(encoding="utf-8")
            found: dict[str, str] = json.loads(text)
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found


def _ask(url: str, key: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
    """Put a question to the service, by GET where there is no body; what is no answer ends the demo with what it said."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = None if question is None else json.dumps(question).encode()
    request = Request(url, data=body, headers=headers)  # noqa: S310 - our own service
    try:
        with urlopen(request, timeout=60) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
    except HTTPError as error:
        raise DemoAnswerError(url, error.code, error.read().decode(errors="replace")) from error
    return answer


def background_programs(settings: Settings) -> tuple[Background, Background]:
    """Return the service and MLflow's pages, which the demo starts and `zhiheng stop` ends."""
    folder = settings.home / "run"
    return Background("service", folder), Background("mlflow", folder)


def _champion(settings: Settings) -> dict[str, str]:
    """Return what the pointer to the champion says."""
    from experiments.publish import POINTER

    pointer: dict[str, str] = json.loads(
        (settings.home / "models" / "credit" / POINTER).read_text(encoding="utf-8")
    )
    return pointer


def _mlflow_command(settings: Settings) -> list[str]:
    options = [
        "--backend-store-uri",
        settings.tracking_uri,
        "--host",
        "127.0.0.1",
        "--port",
        str(settings.mlflow_port),
    ]
    return [sys.executable, "-m", "mlflow", "server", *options, "--workers", "1"]


def _code_digest(folders: tuple[str, ...]) -> str:
    """Return a digest of code and settings files, so that changed code builds its results anew."""
    found = (path for folder in folders for path in (REPOSITORY / folder).rglob("*"))
    return _digest(*(path.read_text(encoding="utf-8") for path in sorted(found) if path.suffix in _SOURCES))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
