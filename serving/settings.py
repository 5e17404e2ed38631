"""What the service reads from the environment (prefix ZHIHENG_); everything below takes arguments."""

from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
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
    mlflow_uri: str = Field(
        default="",
        description="an http(s) address: its champions and challengers are followed; else models come from experiments here",
    )
    mlflow_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token for that MLflow server; empty: none"
    )
    mlflow_poll_seconds: float = Field(
        default=10.0, gt=0, le=20, description="how often MLflow's aliases are looked at"
    )
    mlflow_timeout_seconds: float = Field(default=10.0, gt=0, description="wait for an answer of MLflow")
    model_limit_bytes: int = Field(
        default=1 << 30, ge=1, description="larger files of a model are refused when they are fetched"
    )
    models_kept: int = Field(
        default=5,
        ge=2,
        description="versions of a family that were fetched and are kept, for replay and rollback",
    )
    shadow_waiting: int = Field(
        default=256, ge=1, description="requests that may wait for a challenger; more are dropped and counted"
    )
    shadow_figures: int = Field(
        default=500_000, ge=64, description="figures that these requests may hold in memory together"
    )
    shadow_kept: int = Field(
        default=100_000, ge=1, description="answers of challengers that are kept of each family"
    )
    shadow_load: float = Field(
        default=0.25, gt=0, le=1, description="share of a core that a worker gives to challengers at most"
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
        default="bolt://127.0.0.1:7687",
        description="graph server that portraits ask first where this is set; else the local copy answers",
    )
    neo4j_user: str = Field(default="neo4j")
    neo4j_password: SecretStr = Field(default=SecretStr(""), description="empty: the one kept under home")
    neo4j_database: str = Field(default="neo4j")
    intake_body_limit_bytes: int = Field(
        default=33_554_432, ge=1, description="larger files handed in by stewards get 413"
    )
    intake_body_seconds: float = Field(
        default=10.0, gt=0, description="a file of a steward that takes longer to arrive gets 408"
    )
    intake_rows_limit: int = Field(default=200_000, ge=1, description="rows in one file of a steward at most")
    intake_problems_shown: int = Field(
        default=500,
        ge=1,
        description="lines about failed rows in one answer; the file of failed rows has all",
    )
    portrait_server_seconds: float = Field(
        default=3.0, gt=0, description="wait for the graph server, then the local copy answers a portrait"
    )

    body_seconds: float = Field(
        default=3.0, gt=0, description="a body that takes longer to arrive gets 408; below the deadline"
    )
    write_seconds: float = Field(
        default=20.0, gt=0, description="an answer whose reader takes nothing for so long is given up"
    )
    query_limit_bytes: int = Field(default=8_192, ge=1, description="longer addresses with query get 431")
    header_limit_bytes: int = Field(default=32_768, ge=1, description="longer headers get 431")
    key_requests_per_minute: int = Field(
        default=60_000, ge=1, description="requests a minute of one key, all workers together; more get 429"
    )
    key_concurrent: int = Field(
        default=64, ge=1, description="requests at once of one key, all workers together; more get 429"
    )
    key_rows_per_book: int = Field(default=2_000_000, ge=1, description="larger books of one key get 413")
    key_rows_per_hour: int = Field(
        default=4_000_000, ge=1, description="rows of books an hour of one key; more get 429"
    )
    key_rows_per_day: int = Field(
        default=20_000_000, ge=1, description="rows of books in 24 hours of one key; more get 429"
    )
    sso_jwks: Path | None = Field(
        default=None, description="file of the single sign-on's public keys (JWKS); without it no token opens"
    )
    sso_issuer: str = Field(default="", description="the `iss` that tokens must have")
    sso_audience: str = Field(default="zhiheng", description="the `aud` that tokens must have")
    sso_roles_claim: str = Field(default="roles", description="where tokens name the roles")
    sso_companies_claim: str = Field(default="companies", description="where tokens name the companies")
    sso_leeway_seconds: float = Field(
        default=30.0, ge=0, le=300, description="how far the sign-on's clock may be off"
    )
    work_first_hour: int = Field(default=8, ge=0, le=23, description="when working hours begin")
    work_last_hour: int = Field(default=20, ge=1, le=24, description="when working hours end")
    work_zone: str = Field(default="Asia/Shanghai", description="time zone of the working hours")
    watch_window_minutes: int = Field(
        default=60, ge=1, description="over how long use is counted before it stands out"
    )
    watch_rows: int = Field(
        default=1_000, ge=1, description="so many rows scored outside working hours are noted"
    )
    watch_parties: int = Field(
        default=200, ge=1, description="so many different parties outside working hours are noted"
    )
    watch_refusals: int = Field(default=50, ge=1, description="so many refusals of one key are noted")
    watch_out_of_scope: int = Field(
        default=20, ge=1, description="so many different tries at others' companies are noted"
    )

    @field_validator("work_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone") from error
        return zone

    @model_validator(mode="after")
    def _sso_is_whole(self) -> Self:
        if self.sso_jwks is not None and not (self.sso_issuer and self.sso_audience):
            raise ValueError("ZHIHENG_SSO_JWKS needs ZHIHENG_SSO_ISSUER and ZHIHENG_SSO_AUDIENCE")
        return self

    clock_tolerance_seconds: float = Field(
        default=5.0, ge=0, description="with a clock further behind the ledger's newest record answers say so"
    )
    override_longest_days: int = Field(
        default=180, ge=1, description="an override of a credit decision ends within so many days"
    )
    appeal_window_days: int = Field(
        default=30,
        ge=1,
        description="days after a decision within which its party may appeal; later ones are marked",
    )
    appeal_working_days: int = Field(
        default=15, ge=1, le=250, description="working days within which an appeal is to be decided"
    )
    notice_contact: str = Field(
        default="集团风险管理部 / the group's risk management department",
        description="who answers for adverse decisions, in Chinese and English around ' / '; stands on every notice",
    )
    export_large_rows: int = Field(
        default=1_000, ge=1, description="an export of so many decisions is noted as risky use"
    )
    export_rows_limit: int = Field(
        default=5_000, ge=1, description="decisions in one export; more are taken in several"
    )

    book_now_rows: int = Field(
        default=2_000, ge=0, description="books with more rows to be scored are made as a job"
    )
    book_rows: int = Field(default=2_000_000, ge=1, description="rows of a book; larger ones get 413")
    book_bytes: int = Field(
        default=2_147_483_648, ge=1, description="larger books in Parquet or Arrow IPC get 413"
    )
    book_sheet_bytes: int = Field(
        default=67_108_864,
        ge=1,
        description="larger books in CSV or xlsx, which are read into memory, get 413",
    )
    book_json_bytes: int = Field(default=8_388_608, ge=1, description="larger books in JSON get 413")
    book_upload_seconds: float = Field(
        default=300.0, gt=0, description="a book that comes more slowly gets 408"
    )
    book_chunk_rows: int = Field(
        default=16_384, ge=1, description="rows of a book scored at once; memory grows with it"
    )
    book_threads: int = Field(default=1, ge=1, description="threads that score a book")

    @property
    def books(self) -> Path:
        """Return the folder of the books that were scored: what was sent, and the rows answered."""
        return self.home / "books"

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
    def graph_server(self) -> str | None:
        """Return the graph server that was named, None where none was: the default is the command line's."""
        return self.neo4j_uri or None if "neo4j_uri" in self.model_fields_set else None

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
