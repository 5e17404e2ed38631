"""Settings of the service: where the service listens, what it writes to its log, and how long requests may be and take."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["ServerSettings"]


class ServerSettings(BaseModel):
    """Where the service listens, what it writes to its log, and how long requests may be and take."""

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
    refresh_seconds: float = Field(
        default=5.0,
        gt=0,
        le=10,
        description="多久看一次新模型、新特征、对模型的命令；与 ZHIHENG_MLFLOW_POLL_SECONDS 相加不超过 30 秒，所有进程即在此时间内跟上 / "
        "how often new models, features and orders about models are looked for; with ZHIHENG_MLFLOW_POLL_SECONDS 30 s at most, "
        "within which every worker follows",
    )
    requests_at_once: int = Field(
        default=512,
        ge=1,
        description="每个进程同时作答的请求数，超出答 503 / requests a worker answers at once, of all keys; more get 503",
    )
    header_seconds: float = Field(
        default=5.0,
        gt=0,
        description="请求头送达更慢的连接被关闭 / a connection whose headers take longer to arrive is closed",
    )
    header_limit_bytes: int = Field(
        default=32_768, ge=1, description="请求头超过此大小则 431 / longer headers get 431"
    )
    query_limit_bytes: int = Field(
        default=8_192, ge=1, description="带参数的地址超过此长度则 431 / longer addresses with query get 431"
    )
    body_seconds: float = Field(
        default=3.0,
        gt=0,
        description="请求体多久未到齐则 408，须小于时限 / "
        "a body that takes longer to arrive gets 408; below the deadline",
    )
    body_limit_bytes: int = Field(
        default=262_144, ge=1, description="请求体上限，超过 413 / larger request bodies get 413"
    )
    deadline_seconds: float = Field(
        default=4.0, gt=0, le=60, description="超过则 504 / slower requests get 504"
    )
    write_seconds: float = Field(
        default=20.0,
        gt=0,
        description="对方多久不接收答复即放弃 / an answer whose reader takes nothing for so long is given up",
    )

    @property
    def logs(self) -> Path:
        """Return the folder of the access log."""
        return self.log_folder or self.home / "logs"
