"""Settings of the service: what a score may stand on, and portraits of parties."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

__all__ = ["CreditSettings"]


class CreditSettings(BaseModel):
    """What a score may stand on, and portraits of parties."""

    least_known_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="已知特征少于此比例则降级 / with fewer of its features known an answer is a fallback",
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
    exposure_totals_for_companies: bool = Field(
        default=False,
        description="只覆盖部分企业的密钥能否看到全集团敞口合计 / "
        "whether keys of single companies see exposures summed over all companies",
    )
    portrait_nodes_limit: int = Field(
        default=500, ge=1, description="一张画像最多多少个主体 / parties in one portrait at most"
    )
    portrait_server_seconds: float = Field(
        default=3.0,
        gt=0,
        description="等图服务器多久，之后由本地副本回答画像 / "
        "wait for the graph server, then the local copy answers a portrait",
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

    @property
    def graph_server(self) -> str | None:
        """Return the graph server that was named, None where none was: the default is the command line's."""
        return self.neo4j_uri or None if "neo4j_uri" in self.model_fields_set else None
