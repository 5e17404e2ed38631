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
    """Each setting is the environment variable ZHIHENG_<NAME>; the comment says what it decides."""

    model_config = SettingsConfigDict(env_prefix="ZHIHENG_", extra="ignore", frozen=True)

    # Where all state lies: tables, graph, features, models, MLflow's database, the ledger.
    home: Path = REPOSITORY / "var"
    # The language of messages on the command line.
    lang: Literal["zh", "en"] = "zh"
    # Where the service listens; anything but loopback opens it to the network.
    host: str = "127.0.0.1"
    port: int = Field(default=8300, ge=1, le=65535)
    # Where `make demo` serves MLflow's pages.
    mlflow_port: int = Field(default=8301, ge=1, le=65535)
    # MLflow's backend; empty means a SQLite file under home.
    mlflow_uri: str = ""
    # Neo4j or another Bolt server, used by `zhiheng graph push`, `pull` and `--store neo4j`.
    neo4j_uri: str = "bolt://127.0.0.1:7687"
    neo4j_user: str = "neo4j"
    # Empty: the password that `make neo4j` made up and keeps under home.
    neo4j_password: SecretStr = SecretStr("")
    neo4j_database: str = "neo4j"
    # Seconds to wait for the server, and for one question to it.
    neo4j_timeout: float = Field(default=30, gt=0)
    # postgresql://… for ledger, keys and jobs; without it they lie in ledger.db under home.
    database_url: SecretStr | None = None
    # Threads for training and books; single answers use one.
    threads: int = Field(default_factory=_cpu_quota, ge=1)

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
