"""Settings of the service: models that are followed and fetched, and challengers beside them."""

from pydantic import BaseModel, Field, SecretStr

__all__ = ["ModelSettings"]


class ModelSettings(BaseModel):
    """Models that are followed and fetched, and challengers beside them."""

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
        description="多久看一次 MLflow 的别名，最多 20 秒 / how often MLflow's aliases are looked at, 20 s at most",
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
        description="下载的模型保留最新的几个，信用另保留最近几任 champion；被指定的与 180 天内作答过的不论多少都保留 / "
        "how many of the newest fetched models stay, and of the last champions of credit; those that are named by alias or order "
        "and those that answered within 180 days stay however many they are",
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
