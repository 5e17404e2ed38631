"""What the service reads from the environment (prefix ZHIHENG_); everything below takes arguments."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["ServiceSettings"]


class ServiceSettings(BaseSettings):
    """Settings of the service; the command line exports its own under the same prefix."""

    model_config = SettingsConfigDict(env_prefix="ZHIHENG_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("var"), description="where models, features and the ledger lie")
    host: str = Field(
        default="127.0.0.1", description="where to listen; anything but loopback opens the service"
    )
    port: int = Field(default=8300, ge=1, le=65535)
    lang: Literal["zh", "en"] = Field(default="zh", description="language for callers that ask for none")
    workers: int = Field(default=1, ge=1, description="worker processes; each holds the model in memory")
    tls_cert: Path | None = Field(
        default=None, description="certificate (PEM, with its chain); with its key the service speaks HTTPS"
    )
    tls_key: Path | None = Field(
        default=None, description="key of the certificate (PEM, no password, not readable by other users)"
    )
    trusted_gateways: str = Field(
        default="",
        description="addresses or networks, by commas, whose X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    log_folder: Path | None = Field(
        default=None,
        description="where the access log lies, unless under home; hosts that share a home need one each",
    )
    access_log_days: int = Field(
        default=365, ge=180, description="how many days of the access log are kept; 180 at least, by law"
    )
    body_limit_bytes: int = Field(default=262_144, ge=1, description="larger request bodies get 413")
    deadline_seconds: float = Field(default=4.0, gt=0, lt=5, description="slower requests get 504")
    ledger_wait_seconds: float = Field(default=2.0, gt=0, description="wait for the ledger's lock, then 503")
    refresh_seconds: float = Field(
        default=5.0, gt=0, description="how often new model or features are looked for"
    )
    stale_after_days: int = Field(default=45, ge=1, description="older data is answered with a warning")
    stale_graph_days: int | None = Field(
        default=None,
        ge=1,
        description="an older graph is flagged, or refused by stale_policy_credit; unset: no limit",
    )
    stale_model_days: int | None = Field(
        default=540, ge=1, description="a credit model whose training data end earlier is flagged"
    )
    stale_policy_credit: Literal["flag", "refuse"] = Field(
        default="flag", description="whether older features or an older graph are flagged or refused (503)"
    )
    stale_policy_demand: Literal["flag", "refuse"] = Field(
        default="flag", description="whether an older run of forecasts is flagged or refused (503)"
    )
    stale_policy_capacity: Literal["flag", "refuse"] = Field(
        default="flag", description="whether an older run of capacity is flagged or refused (503)"
    )
    model_hash_seconds: float = Field(
        default=300.0,
        gt=0,
        description="how often the files of models in memory are held against their hashes",
    )
    least_known_share: float = Field(
        default=0.3, ge=0, le=1, description="with fewer of its features known an answer is a fallback"
    )
    stale_run_days: int = Field(
        default=35, ge=1, description="a run of forecasts issued longer ago is answered as a fallback"
    )
    answer_series_limit: int = Field(default=500, ge=1, description="series in one answer about demand")
    payload_series_limit: int = Field(
        default=50, ge=1, description="series in a payload to be forecast at once"
    )
    payload_points_limit: int = Field(
        default=20_000, ge=1, description="points of all series of such a payload together"
    )
    payload_horizon_limit: int = Field(default=400, ge=1, description="periods ahead for such a payload")
    payload_body_limit_bytes: int = Field(
        default=2_097_152, ge=1, description="larger bodies with series get 413"
    )
    forecast_deadline_seconds: float = Field(
        default=15.0, gt=0, description="a forecast that is computed on request and is slower gets 504"
    )
    forecast_wait_seconds: float = Field(
        default=5.0, gt=0, description="wait for another forecast to end, then 503"
    )
    accuracy_runs: int = Field(default=36, ge=1, description="how many of the newest runs accuracy looks at")

    payload_lines_limit: int = Field(
        default=20, ge=1, description="lines in a payload whose capacity is forecast at once"
    )
    payload_line_rows_limit: int = Field(
        default=8_000, ge=1, description="days of history and plan of all lines of such a payload together"
    )
    plan_now_size: int = Field(
        default=20_000, ge=1, description="plans with more routes times weeks are made as a job"
    )
    plan_now_seconds: float = Field(
        default=8.0, gt=0, description="time of the solver for a plan that is answered at once"
    )
    plan_job_seconds: float = Field(default=300.0, gt=0, description="time of the solver for a plan in a job")
    jobs_waiting: int = Field(
        default=20, ge=1, description="jobs that may wait or run at a time; more get 503"
    )
    job_silence_seconds: float = Field(
        default=30.0, gt=0, description="a job whose process is silent for longer counts as interrupted"
    )
    job_files_days: float = Field(
        default=30.0, gt=0, description="files of jobs that ended longer ago are removed"
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql://… for ledger, keys and jobs; unset: the file ledger.db"
    )

    graph_memory_mb: int = Field(
        default=1024, ge=1, description="a local graph that would take more is not loaded for portraits (503)"
    )
    graph_wait_seconds: float = Field(
        default=8.0,
        gt=0,
        description="wait for the local graph to be loaded for the first portrait, then 503",
    )
    portrait_nodes_limit: int = Field(default=500, ge=1, description="parties in one portrait at most")
    exposure_totals_for_companies: bool = Field(
        default=False, description="whether keys of single companies see exposures summed over all companies"
    )
    neo4j_uri: str = Field(
        default="", description="graph server that portraits ask first; empty: the local copy answers"
    )
    neo4j_user: str = Field(default="neo4j")
    neo4j_password: SecretStr = Field(default=SecretStr(""), description="empty: the one kept under home")
    neo4j_database: str = Field(default="neo4j")
    portrait_server_seconds: float = Field(
        default=3.0, gt=0, description="wait for the graph server, then the local copy answers a portrait"
    )

    @property
    def longest_deadline_seconds(self) -> float:
        """Return the deadline of the slowest route."""
        return max(self.deadline_seconds, self.forecast_deadline_seconds)

    @property
    def forecasts(self) -> Path:
        """Return the folder of published runs of forecasts."""
        return self.home / "forecasts"

    @property
    def capacity(self) -> Path:
        """Return the folder of published runs of capacity; plans lie below it."""
        return self.home / "capacity"

    @property
    def profiles(self) -> Path:
        """Return the folder of the plants' own industry profiles."""
        return self.home / "profiles"

    @property
    def logs(self) -> Path:
        """Return the folder of the access log."""
        return self.log_folder or self.home / "logs"

    @property
    def jobs(self) -> Path:
        """Return the folder of the files of jobs."""
        return self.home / "jobs"

    @property
    def neo4j_secret(self) -> str:
        """Return the password of the graph server: the setting, else what `make neo4j` wrote, else empty."""
        kept = self.home / "neo4j" / "password"
        given = self.neo4j_password.get_secret_value()
        return given or (kept.read_text(encoding="utf-8").strip() if kept.exists() else "")

    @property
    def ledger_path(self) -> Path:
        """Return the file of the ledger and of the API keys."""
        return self.home / "ledger.db"
