"""Errors about models at run time, and how they are shown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "FamilyStoppedError",
    "GateNotPassedError",
    "ModelKilledError",
    "NeverChampionError",
    "NothingLeftError",
    "OwnModelError",
    "RegistryAwayError",
    "StaleError",
    "SwitchMovedError",
    "TrainerUnknownError",
    "UnknownFamilyError",
    "UnknownVersionError",
]


class UnknownFamilyError(ServingError):
    """No such family of models."""

    def __init__(self, families: Sequence[str]) -> None:
        listed = ", ".join(families)
        super().__init__(
            zh=f"没有这一类模型；可用的有 {listed}。",
            en=f"There is no such family of models; there are {listed}.",
        )


class UnknownVersionError(ServingError):
    """The version is not kept here."""

    def __init__(self, family: str) -> None:
        self.family = family
        super().__init__(
            zh=f"本机没有 {family} 的这个版本，或其文件已损坏。请用 GET /v1/models 或 `zhiheng models list` 查看可用版本。",
            en=f"This version of {family} is not kept here, or its files are broken. See GET /v1/models or "
            "`zhiheng models list` for those that are.",
        )


class NothingLeftError(ServingError):
    """There is nothing below or before what answers now."""

    def __init__(self, family: str, zh: str, en: str) -> None:
        self.family = family
        super().__init__(zh=f"{family}：{zh}", en=f"{family}: {en}")


class SwitchMovedError(ServingError):
    """What answers is not what the order was about: somebody else, or the same order sent twice, was faster."""

    def __init__(self, family: str, level: str, version: str | None) -> None:
        self.family, self.level, self.version = family, level, version
        now = f"{version or '-'} ({level})"
        super().__init__(
            zh=f"{family} 的状态刚被更改，本次操作未执行；现由 {now} 作答。请查看 GET /v1/models；"
            "如仍须停用，请在 version 中写明要停用的版本。",
            en=f"The state of {family} has just changed and this order was not carried out; {now} answers now. Look at "
            "GET /v1/models; if it is still to be switched off, name it in `version`.",
        )


class NeverChampionError(ServingError):
    """A rollback goes to what answered as champion here before, never to what nobody approved."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            zh=f"版本 {version} 从未在本机担任 champion，不能回退到它。请先由审批人用 aliases 批准。",
            en=f"Version {version} has never been champion here, so that nothing can be rolled back to it. Have an approver "
            "make it champion (`aliases`) first.",
        )


class GateNotPassedError(ServingError):
    """The training judged the version and found it no better than what is served."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            zh=f"版本 {version} 在训练时未通过门槛，不能转为 champion。请重新训练，或留作 challenger 继续比较。",
            en=f"Version {version} did not pass the gate when it was trained; it cannot become champion. Train again, or "
            "keep it as challenger.",
        )


class OwnModelError(ServingError):
    """Who trained a model may not make it champion."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            zh=f"版本 {version} 由本人训练，不得由本人转为 champion。请由其他审批人批准。",
            en=f"Version {version} was trained by you; you may not make it champion. Ask another approver.",
        )


class TrainerUnknownError(ServingError):
    """Nobody knows who trained a model, so that nobody can say that another approves it."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            zh=f"版本 {version} 没有记载由谁训练，无法核对“训练人不得批准”。请查明后在 trained_by 中写明训练人（随本次操作入账），"
            "或重新训练。",
            en=f"Nothing says who trained version {version}, so it cannot be told whether its trainer approves it. Find out and "
            "name the person in `trained_by` (it goes into the record), or train again.",
        )


class RegistryAwayError(ServingError):
    """MLflow cannot be reached or does not know the version."""

    def __init__(self, reason_zh: str, reason_en: str) -> None:
        self.reason_zh, self.reason_en = reason_zh, reason_en
        super().__init__(
            zh=f"模型登记库（MLflow）不可用：{reason_zh}。请检查 ZHIHENG_MLFLOW_URI 与 MLflow 服务；"
            "紧急时用 rollback 或 kill，二者不依赖 MLflow。",
            en=f"The model registry (MLflow) is not usable: {reason_en}. Check ZHIHENG_MLFLOW_URI and the MLflow server; "
            "in an emergency use rollback or kill, which do not need it.",
        )


class ModelKilledError(ServingError):
    """The kill switch left the rules alone; what needs a model is not answered."""

    def __init__(self) -> None:
        super().__init__(
            zh="信用模型已被停用，仅按规则作答；此项需要模型，不予作答。/v1/credit/score 与 /v1/credit/scores 仍给出规则结论；"
            "请运维人员在排除问题后用 restore 恢复。",
            en="The credit models are switched off and rules alone answer; this needs a model and is not answered. "
            "/v1/credit/score and /v1/credit/scores still give what the rules say; an operator ends this with `restore` once it "
            "is safe.",
        )


class FamilyStoppedError(ServingError):
    """The kill switch stopped a family of forecasts."""

    def __init__(self, family: str, reason: str | None) -> None:
        self.family = family
        why = reason or "-"
        super().__init__(
            zh=f"{family} 已被停用（{why}），不予作答。请重新发布预测，并由运维人员用 "
            f"POST /v1/models/{family}/restore 或 `zhiheng models restore {family}` 恢复。",
            en=f"{family} is switched off ({why}) and not answered. Publish a sound run; an operator ends this with "
            f"POST /v1/models/{family}/restore or `zhiheng models restore {family}`.",
        )


class StaleError(ServingError):
    """What an answer would come from is older than the policy allows."""


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownFamilyError: Problem("unknown-family", 404, "没有这一类模型", "Unknown family of models"),
        UnknownVersionError: Problem("unknown-version", 404, "没有该模型版本", "Unknown version"),
        OwnModelError: Problem("own-model", 403, "不得批准自己训练的模型", "Own model"),
        TrainerUnknownError: Problem("trainer-unknown", 409, "训练人不明", "Trainer unknown"),
        NothingLeftError: Problem("nothing-left", 409, "没有可回退的版本", "Nothing to fall back to"),
        NeverChampionError: Problem("never-champion", 409, "从未担任 champion", "Never was champion"),
        GateNotPassedError: Problem("gate-not-passed", 409, "未通过门槛", "Gate not passed"),
        SwitchMovedError: Problem("switch-moved", 409, "状态刚被更改", "State has just changed"),
        RegistryAwayError: Problem("registry-away", 503, "模型登记库不可用", "Model registry not usable"),
        ModelKilledError: Problem("model-killed", 503, "模型已停用", "Model is switched off"),
        FamilyStoppedError: Problem("family-stopped", 503, "预测已停用", "Forecasts are switched off"),
        StaleError: Problem("stale", 503, "数据过期", "Too old to answer from"),
    }
)
