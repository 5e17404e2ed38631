"""The main job from tables to a served, explained, recorded answer; a second run takes up what is there."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.request import Request, urlopen

import polars as pl
from rich.console import Console
from rich.table import Table

from zhiheng.background import Background
from zhiheng.errors import SampleError
from zhiheng.settings import REPOSITORY, Settings

__all__ = ["Demo", "background_programs"]

SAMPLE_START: Final = date(2020, 1, 1)
SAMPLE_END: Final = date(2025, 12, 31)
FIRST_MONTH: Final = date(2020, 12, 31)  # a year of behaviour before the first observation
_CODE: Final = ("features", "graph", "models", "experiments", "data_samples")
_SOURCES: Final = {".py", ".toml"}
_PATIENCE_SECONDS: Final = 90.0
_KEY_NAME: Final = "demo"
_SHOWN: Final = 10


@dataclass
class Demo:
    """The steps of the demo over one home folder.

    A step is skipped when its result was finished before with the same arguments, the same code and the same
    earlier steps; what finished is kept in home/run/steps.json, written after each step, so a killed run goes on
    where it stopped.
    """

    settings: Settings
    console: Console
    seed: int
    scale: float
    _chain: str = field(default="", init=False)

    def run(self) -> None:
        """Run every step, then print one explained answer and the addresses to open."""
        self._chain = _digest(_code_digest(), str(self.seed), str(self.scale))
        home = self.settings.home
        self._step("1/6", "sample", self._sample, zh="写出示例集团", en="write the sample group")
        self._step(
            "2/6", "check", self._check, zh="按契约检查数据", en="check the tables against their contracts"
        )
        self._step("3/6", "graph", self._graph, zh="建立关系图", en="build the graph")
        self._step("4/6", "features", self._features, zh="计算特征", en="build the features")
        self._step(
            "5/6", "train", self._train, zh="训练、登记、发布模型", en="train, register and publish the model"
        )
        self._say("6/6", zh="启动服务并评分", en="start the service and score")
        api, pages = self._serve()
        answer, key = self._score(api)
        kept = home / "run" / "answer.json"
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(answer, ensure_ascii=False, indent=2), encoding="utf-8")
        self._show(answer, key=key, api=api, pages=pages)

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
        self._note(f"{good:,} good rows; {failed:,} failed rows with rule and remedy in {checked / 'failed'}")

    def _graph(self) -> None:
        from features.sources import read_tables
        from graph.parquet_store import rebuild

        home = self.settings.home
        added = rebuild(home / "graph", read_tables(home / "checked" / "good")["edges"])
        self._note(f"{added:,} statements")

    def _features(self) -> None:
        from experiments.build_features import BuildFeatures

        home = self.settings.home
        BuildFeatures(
            tables=home / "checked" / "good",
            graph=home / "graph",
            out=home / "features",
            as_of=SAMPLE_END,
            first_month=FIRST_MONTH,
        ).run(self._note)

    def _train(self) -> None:
        from zhiheng.commands.credit import train_and_publish

        train_and_publish(self.settings, self._note, seed=self.seed)

    def _serve(self) -> tuple[str, str]:
        settings = self.settings
        service, pages = background_programs(settings)
        api, mlflow = f"http://127.0.0.1:{settings.port}", f"http://127.0.0.1:{settings.mlflow_port}"
        environment = {"ZHIHENG_HOME": str(settings.home.resolve()), "ZHIHENG_LANG": settings.lang}
        if not service.running(self._chain):
            command = [sys.executable, "-m", "zhiheng", "serve", "--port", str(settings.port)]
            service.start(command, purpose=self._chain, environment=environment)
        if not pages.running("mlflow"):
            pages.start(
                _mlflow_command(settings),
                purpose="mlflow",
                environment={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # we have no jobs of its kind
            )
        seconds = service.wait(f"{api}/readyz", seconds=_PATIENCE_SECONDS)
        self._note(f"service ready after {seconds:.1f} s, log {service.log}")
        seconds = pages.wait(f"{mlflow}/health", seconds=_PATIENCE_SECONDS)
        self._note(f"MLflow ready after {seconds:.1f} s, log {pages.log}")
        return api, mlflow

    def _score(self, api: str) -> tuple[dict[str, Any], str]:
        """Ask the running service, as any client would, about the live party that looks worst."""
        from serving.auth import KeyStore
        from serving.database import Database
        from serving.roles import ALL_COMPANIES, Role

        database = Database(self.settings.home / "ledger.db")
        database.open()
        try:
            keys = KeyStore(database)
            for old in keys.all():
                if old.name == _KEY_NAME and old.revoked_at is None:
                    keys.revoke(old.key_id, now=datetime.now(UTC))
            _, key = keys.create(
                _KEY_NAME, [Role.RISK_OFFICER], companies=[ALL_COMPANIES], now=datetime.now(UTC)
            )
        finally:
            database.close()
        body = json.dumps({"party_id": self._worst_live_party()}).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = Request(f"{api}/v1/credit/score", data=body, headers=headers)  # noqa: S310 - loopback
        with urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
        return answer, key

    def _worst_live_party(self) -> str:
        """Return the party of highest PD that owes today and is not yet overdue: the case worth explaining."""
        from experiments.publish import POINTER
        from models.credit.model import load_credit_model

        home = self.settings.home
        pointer = json.loads((home / "models" / "credit" / POINTER).read_text(encoding="utf-8"))
        model = load_credit_model(home / "models" / "credit" / pointer["folder"])
        latest = pl.read_parquet(home / "features" / "credit_latest.parquet")
        pd = pl.Series("pd", model.score(latest, num_threads=self.settings.threads).pd)
        live = latest.with_columns(pd).filter(pl.col("standing") == "at_risk")
        return str(live.sort("pd", descending=True).item(0, "party_id"))

    def _show(self, answer: dict[str, Any], *, key: str, api: str, pages: str) -> None:
        console, zh = self.console, self.settings.lang == "zh"
        table = Table(
            title=f"{answer['party_id']}  PD {answer['pd']:.2%}  {answer['grade']}  {answer['advice']}"
        )
        for column in (
            "特征" if zh else "feature",
            "值" if zh else "value",
            "单位" if zh else "unit",
            "log-odds",
        ):
            table.add_column(column, justify="right" if column == "log-odds" else "left")
        for part in answer["contributions"][:_SHOWN]:
            text = part["text_zh" if zh else "text_en"]
            value = "-" if part["value"] is None else f"{part['value']:.4g}"
            table.add_row(text, value, part["unit"], f"{part['contribution']:+.3f}")
        rest = sum(part["contribution"] for part in answer["contributions"][_SHOWN:])
        table.add_row("其余特征" if zh else "all other features", "", "", f"{rest:+.3f}")
        table.add_row("基准" if zh else "base", "", "", f"{answer['base_log_odds']:+.3f}")
        table.add_row("合计 = 对数几率" if zh else "sum = log-odds", "", "", f"{answer['log_odds']:+.3f}")
        console.print(table)
        for name in ("model_version", "data_as_of", "graph_as_of", "decision_id"):
            console.print(f"  {name}: {answer[name]}", highlight=False)
        console.print(f"  quality: {answer['quality']['level']}", highlight=False)
        console.print(f"\n{'打开' if zh else 'Open'}:  {api}/docs (API)   {pages} (MLflow)", highlight=False)
        console.print(f"{'密钥' if zh else 'API key'}: {key}", highlight=False, soft_wrap=True)
        console.print(
            "下一步：`make stop` 停止后台程序，`make test` 运行测试，其余命令见 `.venv/bin/zhiheng --help`。"
            if zh
            else "Next: `make stop` ends the programs left running, `make test` runs the tests, "
            "`.venv/bin/zhiheng --help` lists the commands."
        )

    def _step(self, number: str, name: str, action: Callable[[], None], *, zh: str, en: str) -> None:
        """Run a step, or say that its result is there; remember it when it is done."""
        self._chain = _digest(self._chain, name)
        self._say(number, zh=zh, en=en)
        done = self._done()
        if done.get(name) == self._chain:
            self._note("已完成，沿用" if self.settings.lang == "zh" else "already there")
            return
        begun = time.monotonic()
        action()
        record = self.settings.home / "run" / "steps.json"
        record.parent.mkdir(parents=True, exist_ok=True)
        staging = record.with_suffix(".new")
        staging.write_text(json.dumps({**done, name: self._chain}), encoding="utf-8")
        staging.replace(record)
        self._note(f"{time.monotonic() - begun:.1f} s")

    def _done(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(
                (self.settings.home / "run" / "steps.json").read_text(encoding="utf-8")
            )
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def _say(self, number: str, *, zh: str, en: str) -> None:
        self.console.print(
            f"[bold]{number} {zh if self.settings.lang == 'zh' else en}[/bold]", highlight=False
        )

    def _note(self, text: str) -> None:
        self.console.print(f"    {text}", highlight=False, soft_wrap=True)


def background_programs(settings: Settings) -> tuple[Background, Background]:
    """Return the service and MLflow's pages, which the demo starts and `zhiheng stop` ends."""
    folder = settings.home / "run"
    return Background("service", folder), Background("mlflow", folder)


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


def _code_digest() -> str:
    """Return a digest of the code that the steps run, so that changed code builds its results anew."""
    files = sorted(
        path for folder in _CODE for path in (REPOSITORY / folder).rglob("*") if path.suffix in _SOURCES
    )
    return _digest(*(path.read_text(encoding="utf-8") for path in files))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
