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

    home: Path = Field(
        default=Path("var"),
        description="模型、特征、台账等全部状态所在 / where models, features and the ledger lie",
    )
    host: str = Field(
        default="127.0.0.1",
        description="监听地址；非回环地址即向网络开放 / "
        "where to listen; anything but loopback opens the service",
    )
    port: int = Field(default=8300, ge=1, le=65535, description="服务端口 / port of the service")
    lang: Literal["zh", "en"] = Field(
        default="zh", description="未声明语言的调用方用什么语言 / language for callers that ask for none"
    )
    workers: int = Field(
        default=1,
        ge=1,
        description="服务进程数，各占一份内存 / worker processes; each holds the model in memory",
    )
    hung_worker_seconds: float = Field(
        default=30.0,
        ge=2,
        description="工作进程多久没有动静即视为挂起，由监督进程终止并换新 / "
        "a worker whose event loop stood still for so long hangs; the supervisor kills and replaces it",
    )
    tls_cert: Path | None = Field(
        default=None,
        description="证书（PEM，含证书链）；与私钥一起给出即提供 HTTPS / "
        "certificate (PEM, with its chain); with its key the service speaks HTTPS",
    )
    tls_key: Path | None = Field(
        default=None,
        description="证书的私钥（PEM，无口令，他人不可读） / "
        "key of the certificate (PEM, no password, not readable by other users)",
    )
    trusted_gateways: str = Field(
        default="",
        description="信任哪些网关的 X-Forwarded-For 与 X-Forwarded-Proto：地址或网段，逗号分隔 / "
        "addresses or networks, by commas, whose X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    log_folder: Path | None = Field(
        default=None,
        description="访问日志的目录，默认在 home 下；共用 home 的主机须各用一个 / "
        "where the access log lies, unless under home; hosts that share a home need one each",
    )
    access_log_days: int = Field(
        default=365,
        ge=180,
        description="访问日志保留天数，法定不少于 180 / "
        "how many days of the access log are kept; 180 at least, by law",
    )
    body_limit_bytes: int = Field(
        default=262_144, ge=1, description="请求体上限，超过 413 / larger request bodies get 413"
    )
    deadline_seconds: float = Field(
        default=4.0, gt=0, le=60, description="超过则 504 / slower requests get 504"
    )
    ledger_wait_seconds: float = Field(
        default=2.0, gt=0, description="等台账写锁多久，之后 503 / wait for the ledger's lock, then 503"
    )
    refresh_seconds: float = Field(
        default=5.0,
        gt=0,
        description="多久看一次新模型、新特征 / how often new model or features are looked for",
    )
    stale_after_days: int = Field(
        default=45, ge=1, description="数据更旧则提示 / older data is answered with a warning"
    )
    stale_graph_days: int | None = Field(
        default=None,
        ge=1,
        description="图谱更旧则提示，或按 stale_policy_credit 拒绝；不设则不限 / "
        "an older graph is flagged, or refused by stale_policy_credit; unset: no limit",
    )
    stale_model_days: int | None = Field(
        default=540,
        ge=1,
        description="训练数据更旧的信用模型会注明 / "
        "a credit model whose training data end earlier is flagged",
    )
    stale_policy_credit: Literal["flag", "refuse"] = Field(
        default="flag",
        description="特征或图谱过期时注明（flag）还是拒绝（refuse，503） / "
        "whether older features or an older graph are flagged or refused (503)",
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
    mlflow_uri: str = Field(
        default="",
        description="http(s) 地址：跟随其 champion 与 challenger；否则模型来自本机的训练 / "
        "an http(s) address: its champions and challengers are followed; else models come from experiments here",
    )
    mlflow_token: SecretStr = Field(
        default=SecretStr(""),
        description="该 MLflow 的令牌；空即不用 / bearer token for that MLflow server; empty: none",
    )
    mlflow_poll_seconds: float = Field(
        default=10.0,
        gt=0,
        le=20,
        description="多久看一次 MLflow 的别名 / how often MLflow's aliases are looked at",
    )
    mlflow_timeout_seconds: float = Field(
        default=10.0, gt=0, description="等 MLflow 回答多久 / wait for an answer of MLflow"
    )
    model_limit_bytes: int = Field(
        default=1 << 30,
        ge=1,
        description="下载的模型文件超过此大小即拒收 / "
        "larger files of a model are refused when they are fetched",
    )
    models_kept: int = Field(
        default=5,
        ge=2,
        description="每类下载的模型保留几个版本，供重算与回退 / "
        "versions of a family that were fetched and are kept, for replay and rollback",
    )
    shadow_waiting: int = Field(
        default=256,
        ge=1,
        description="等待挑战者模型的请求上限，超出的丢弃并计数 / "
        "requests that may wait for a challenger; more are dropped and counted",
    )
    shadow_figures: int = Field(
        default=500_000,
        ge=64,
        description="这些请求在内存中最多占多少个数 / "
        "figures that these requests may hold in memory together",
    )
    shadow_kept: int = Field(
        default=100_000,
        ge=1,
        description="每类保留多少条挑战者的结果 / answers of challengers that are kept of each family",
    )
    shadow_load: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="一个进程最多给挑战者多少个核 / "
        "share of a core that a worker gives to challengers at most",
    )
    model_hash_seconds: float = Field(
        default=300.0,
        gt=0,
        description="多久把内存中模型的文件与哈希核对一次 / "
        "how often the files of models in memory are held against their hashes",
    )
    least_known_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="已知特征少于此比例则降级 / with fewer of its features known an answer is a fallback",
    )
    stale_run_days: int = Field(
        default=35,
        ge=1,
        description="预测批次发布超过此天数则为降级 / "
        "a run of forecasts issued longer ago is answered as a fallback",
    )
    answer_series_limit: int = Field(
        default=500, ge=1, description="一次需求回答最多多少个序列 / series in one answer about demand"
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
    accuracy_runs: int = Field(
        default=36, ge=1, description="准确度看最近多少个批次 / how many of the newest runs accuracy looks at"
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
    jobs_waiting: int = Field(
        default=20,
        ge=1,
        description="排队与运行中的作业上限，超过 503 / jobs that may wait or run at a time; more get 503",
    )
    job_silence_seconds: float = Field(
        default=30.0,
        gt=0,
        description="作业进程无声多久即视为中断 / "
        "a job whose process is silent for longer counts as interrupted",
    )
    kept_files_days: int = Field(
        default=400,
        ge=180,
        description="成批评分与作业的文件至少保留多少天，之后随 `zhiheng ledger prune` 删除 / "
        "files of books and jobs stay at least so long, then `zhiheng ledger prune` removes them",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="台账、密钥、作业所用的 postgresql://…；不设则用文件 ledger.db / "
        "postgresql://… for ledger, keys and jobs; unset: the file ledger.db",
    )

    graph_memory_mb: int = Field(
        default=1024,
        ge=1,
        description="本地图谱超过此内存则不为画像加载（503） / "
        "a local graph that would take more is not loaded for portraits (503)",
    )
    graph_wait_seconds: float = Field(
        default=8.0,
        gt=0,
        description="首个画像等本地图谱加载多久，之后 503 / "
        "wait for the local graph to be loaded for the first portrait, then 503",
    )
    portrait_nodes_limit: int = Field(
        default=500, ge=1, description="一张画像最多多少个主体 / parties in one portrait at most"
    )
    exposure_totals_for_companies: bool = Field(
        default=False,
        description="只覆盖部分企业的密钥能否看到全集团敞口合计 / "
        "whether keys of single companies see exposures summed over all companies",
    )
    neo4j_uri: str = Field(
        default="bolt://127.0.0.1:7687",
        description="画像先问的图服务器（设了才问）；否则由本地副本回答 / "
        "graph server that portraits ask first where this is set; else the local copy answers",
    )
    neo4j_user: str = Field(default="neo4j", description="图服务器用户 / user of the graph server")
    neo4j_password: SecretStr = Field(
        default=SecretStr(""), description="空则读 home 下保存的口令 / empty: the one kept under home"
    )
    neo4j_database: str = Field(
        default="neo4j", description="图服务器的数据库名 / database of the graph server"
    )
    intake_body_limit_bytes: int = Field(
        default=33_554_432,
        ge=1,
        description="数据管理员上传文件的上限，超过 413 / larger files handed in by stewards get 413",
    )
    intake_body_seconds: float = Field(
        default=120.0,
        gt=0,
        description="上传多久未完则 408 / a file of a steward that takes longer to arrive gets 408",
    )
    intake_rows_limit: int = Field(
        default=200_000, ge=1, description="一个上传文件的行数上限 / rows in one file of a steward at most"
    )
    intake_problems_shown: int = Field(
        default=500,
        ge=1,
        description="一次答复列出多少条问题；完整清单在失败行文件里 / "
        "lines about failed rows in one answer; the file of failed rows has all",
    )
    portrait_server_seconds: float = Field(
        default=3.0,
        gt=0,
        description="等图服务器多久，之后由本地副本回答画像 / "
        "wait for the graph server, then the local copy answers a portrait",
    )

    body_seconds: float = Field(
        default=3.0,
        gt=0,
        description="请求体多久未到齐则 408，须小于时限 / "
        "a body that takes longer to arrive gets 408; below the deadline",
    )
    write_seconds: float = Field(
        default=20.0,
        gt=0,
        description="对方多久不接收答复即放弃 / an answer whose reader takes nothing for so long is given up",
    )
    header_seconds: float = Field(
        default=5.0,
        gt=0,
        description="请求头送达更慢的连接被关闭 / a connection whose headers take longer to arrive is closed",
    )
    requests_at_once: int = Field(
        default=512,
        ge=1,
        description="每个进程同时作答的请求数，超出答 503 / requests a worker answers at once, of all keys; more get 503",
    )
    query_limit_bytes: int = Field(
        default=8_192, ge=1, description="带参数的地址超过此长度则 431 / longer addresses with query get 431"
    )
    header_limit_bytes: int = Field(
        default=32_768, ge=1, description="请求头超过此大小则 431 / longer headers get 431"
    )
    key_requests_per_minute: int = Field(
        default=60_000,
        ge=1,
        description="每个密钥每分钟请求数（全部进程合计），超过 429 / "
        "requests a minute of one key, all workers together; more get 429",
    )
    key_concurrent: int = Field(
        default=64,
        ge=1,
        description="每个密钥的并发请求数（全部进程合计），超过 429 / "
        "requests at once of one key, all workers together; more get 429",
    )
    key_rows_per_book: int = Field(
        default=2_000_000,
        ge=1,
        description="每个密钥一份名单的行数上限，超过 413 / larger books of one key get 413",
    )
    key_rows_per_hour: int = Field(
        default=4_000_000,
        ge=1,
        description="每个密钥每小时名单行数，超过 429 / rows of books an hour of one key; more get 429",
    )
    key_rows_per_day: int = Field(
        default=20_000_000,
        ge=1,
        description="每个密钥 24 小时名单行数，超过 429 / rows of books in 24 hours of one key; more get 429",
    )
    sso_jwks: Path | None = Field(
        default=None,
        description="单点登录公钥文件（JWKS）；不设则令牌一律无效 / "
        "file of the single sign-on's public keys (JWKS); without it no token opens",
    )
    sso_issuer: str = Field(default="", description="令牌的 iss 必须是此值 / the `iss` that tokens must have")
    sso_audience: str = Field(
        default="zhiheng", description="令牌的 aud 必须是此值 / the `aud` that tokens must have"
    )
    sso_roles_claim: str = Field(
        default="roles", description="令牌中角色所在的字段 / where tokens name the roles"
    )
    sso_companies_claim: str = Field(
        default="companies", description="令牌中企业所在的字段 / where tokens name the companies"
    )
    sso_leeway_seconds: float = Field(
        default=30.0,
        ge=0,
        le=300,
        description="单点登录时钟允许的偏差 / how far the sign-on's clock may be off",
    )
    work_first_hour: int = Field(
        default=8, ge=0, le=23, description="工作时间从几点开始 / when working hours begin"
    )
    work_last_hour: int = Field(
        default=20, ge=1, le=24, description="工作时间到几点结束 / when working hours end"
    )
    work_zone: str = Field(
        default="Asia/Shanghai", description="业务时区：工作时间，以及查询清单时一天的起止 / business time zone: of the working hours, and of the days that lists "
        "are asked for"
    )
    watch_window_minutes: int = Field(
        default=60,
        ge=1,
        description="在多长时间内累计使用量 / over how long use is counted before it stands out",
    )
    watch_rows: int = Field(
        default=1_000,
        ge=1,
        description="非工作时间评分达到此行数即记录 / so many rows scored outside working hours are noted",
    )
    watch_parties: int = Field(
        default=200,
        ge=1,
        description="非工作时间查询达到此主体数即记录 / "
        "so many different parties outside working hours are noted",
    )
    watch_refusals: int = Field(
        default=50, ge=1, description="同一密钥被拒达到此次数即记录 / so many refusals of one key are noted"
    )
    watch_out_of_scope: int = Field(
        default=20,
        ge=1,
        description="尝试访问其他企业达到此次数即记录 / "
        "so many different tries at others' companies are noted",
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
        default=5.0,
        ge=0,
        description="时钟落后台账最新记录超过此秒数，答复会注明 / "
        "with a clock further behind the ledger's newest record answers say so",
    )
    override_longest_days: int = Field(
        default=180,
        ge=1,
        description="信用决策的人工调整最长有效天数 / "
        "an override of a credit decision ends within so many days",
    )
    appeal_window_days: int = Field(
        default=30,
        ge=1,
        description="决策后多少天内可申诉，逾期的会标明 / "
        "days after a decision within which its party may appeal; later ones are marked",
    )
    appeal_working_days: int = Field(
        default=15,
        ge=1,
        le=250,
        description="申诉须在多少个工作日内办结 / working days within which an appeal is to be decided",
    )
    notice_contact: str = Field(
        default="集团风险管理部 / the group's risk management department",
        description="不利决策通知上的负责部门（中文 / "
        "英文） / who answers for adverse decisions, in Chinese and English with a slash between; stands on every notice",
    )
    export_large_rows: int = Field(
        default=1_000,
        ge=1,
        description="导出达到此条数即记为风险使用 / an export of so many decisions is noted as risky use",
    )
    export_rows_limit: int = Field(
        default=5_000,
        ge=1,
        description="一次导出的条数上限，更多请分次 / decisions in one export; more are taken in several",
    )

    book_now_rows: int = Field(
        default=2_000,
        ge=0,
        description="超过此行数的名单转为作业 / books with more rows to be scored are made as a job",
    )
    book_rows: int = Field(
        default=2_000_000, ge=1, description="名单行数上限，超过 413 / rows of a book; larger ones get 413"
    )
    book_bytes: int = Field(
        default=2_147_483_648,
        ge=1,
        description="Parquet、Arrow 名单的大小上限，超过 413 / larger books in Parquet or Arrow IPC get 413",
    )
    book_sheet_bytes: int = Field(
        default=67_108_864,
        ge=1,
        description="CSV、xlsx 名单（读入内存）的大小上限，超过 413 / "
        "larger books in CSV or xlsx, which are read into memory, get 413",
    )
    book_json_bytes: int = Field(
        default=8_388_608, ge=1, description="JSON 名单的大小上限，超过 413 / larger books in JSON get 413"
    )
    book_upload_seconds: float = Field(
        default=300.0, gt=0, description="名单多久未传完则 408 / a book that comes more slowly gets 408"
    )
    book_chunk_rows: int = Field(
        default=16_384,
        ge=1,
        description="一次计分的行数，内存随之增长 / rows of a book scored at once; memory grows with it",
    )
    book_threads: int = Field(default=1, ge=1, description="计分名单用的线程数 / threads that score a book")

    @property
    def books(self) -> Path:
        """Return the folder of the books that were scored: what was sent, and the rows answered."""
        return self.home / "books"

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
