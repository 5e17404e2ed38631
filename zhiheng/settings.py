"""Settings: the one place that reads the environment; everything below takes arguments."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from zhiheng.errors import SettingsError

__all__ = ["REPOSITORY", "Settings", "load_settings"]

REPOSITORY = Path(__file__).resolve().parent.parent


def _cpu_quota() -> int:
    """Return the cores this process may use (affinity and cgroup quota), at least one."""
    import joblib

    return max(1, int(joblib.cpu_count()))


class Settings(BaseSettings):
    """Each setting is the environment variable ZHIHENG_<NAME>; the description says what it decides."""

    model_config = SettingsConfigDict(env_prefix="ZHIHENG_", extra="ignore", frozen=True)

    home: Path = Field(
        default=REPOSITORY / "var",
        description="全部状态所在：数据表、图谱、特征、模型、MLflow 数据库、台账 / where all state lies: tables, graph, "
        "features, models, MLflow's database, the ledger",
    )
    lang: Literal["zh", "en"] = Field(
        default="zh", description="命令行所用语言 / language of the command line"
    )
    host: str = Field(
        default="127.0.0.1", description="服务监听的地址；非回环地址即向网络开放 / where the service listens"
    )
    port: int = Field(default=8300, ge=1, le=65535, description="服务端口 / port of the service")
    mlflow_port: int = Field(
        default=8301, ge=1, le=65535, description="`make demo` 的 MLflow 页面端口 / port of MLflow's pages"
    )
    mlflow_uri: str = Field(
        default="",
        description="MLflow 后端；空即 home 下的 SQLite / MLflow's backend; empty: SQLite under home",
    )
    neo4j_uri: str = Field(
        default="bolt://127.0.0.1:7687",
        description="图服务器地址，`zhiheng graph push`、`pull`、`--store neo4j` 所用 / the graph server",
    )
    neo4j_user: str = Field(default="neo4j", description="图服务器用户 / its user")
    neo4j_password: SecretStr = Field(
        default=SecretStr(""),
        description="空则读 `make neo4j` 生成并保存在 home 下的口令 / empty: the one `make neo4j` keeps under home",
    )
    neo4j_database: str = Field(default="neo4j", description="图服务器的数据库名 / its database")
    neo4j_timeout: float = Field(
        default=30,
        gt=0,
        description="等图服务器与每次查询的秒数 / seconds to wait for it, and for one question",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="台账、密钥、作业所用的 postgresql://…；不设则用文件 ledger.db / postgresql://… for ledger, keys "
        "and jobs; unset: the file ledger.db",
    )
    threads: int = Field(
        default_factory=_cpu_quota,
        ge=1,
        description="训练与批量用的线程数；单个回答用一个 / threads for training and books; single answers use one",
    )

    @property
    def tracking_uri(self) -> str:
        """MLflow's address."""
        return self.mlflow_uri or f"sqlite:///{self.home.resolve() / 'mlflow.db'}"

    @property
    def neo4j_secret(self) -> str:
        """The password for Neo4j: the setting, else what `make neo4j` wrote, else empty."""
        kept = self.home / "neo4j" / "password"
        given = self.neo4j_password.get_secret_value()
        return given or (kept.read_text(encoding="utf-8").strip() if kept.exists() else "")

    @property
    def artifacts(self) -> Path:
        """Where MLflow keeps files of runs."""
        return self.home / "mlartifacts"


def load_settings() -> Settings:
    """Read the settings from the environment. Raises SettingsError naming the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise SettingsError(f"ZHIHENG_{str(first['loc'][0]).upper()}", first["msg"]) from error
