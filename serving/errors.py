"""Errors of the service, and the one table that gives each error its HTTP status and title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from features.errors import LineHistoryError
from graph.errors import UnknownPartyError, UserError
from models.errors import (
    AdditivityError,
    CapacityScenarioError,
    FeatureMismatchError,
    LinePanelError,
    ModelError,
    PlanError,
    PlanInfeasibleError,
    ProfileUnitError,
    ScenarioError,
    SolverTimeoutError,
    UnknownProfileError,
)

__all__ = [
    "PROBLEMS",
    "AddressError",
    "BodyTooLargeError",
    "BookStoreError",
    "DeadlineError",
    "FeatureStoreError",
    "FieldProblem",
    "ForbiddenError",
    "ForecasterBusyError",
    "InvalidRequestError",
    "JobQueueFullError",
    "JobStoppedError",
    "KeyArgumentError",
    "LedgerUnavailableError",
    "MalformedJsonError",
    "MediaTypeError",
    "MethodNotAllowedError",
    "NoFeaturesError",
    "NoScoreError",
    "NotReadyError",
    "OutsideScopeError",
    "Problem",
    "RouteNotFoundError",
    "ServingError",
    "UnauthorizedError",
    "UnexpectedError",
    "UnknownAnswerError",
    "UnknownDecisionError",
    "UnknownJobError",
    "UnknownKeyError",
    "UnknownLineError",
    "UnknownOverrideError",
    "UnknownSeriesError",
]


class ServingError(UserError):
    """An error of the service."""


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request that broke a rule, in both languages."""

    field: str
    rule: str
    zh: str
    en: str


class UnauthorizedError(ServingError):
    """No API key, or none that is valid; which of the two is not said."""

    def __init__(self) -> None:
        super().__init__(
            zh="缺少有效的 API 密钥或登录令牌。请在请求头 Authorization 中写入“Bearer ”与密钥"
            "（zh_…，由 `zhiheng keys create` 签发）或统一认证令牌。",
            en="A valid API key or token is missing. Send the header 'Authorization: Bearer ' with a key (zh_…, issued by "
            "`zhiheng keys create`) or a token of the single sign-on.",
        )


class ForbiddenError(ServingError):
    """The key is valid, its roles do not allow the route."""

    def __init__(self, needed: Sequence[str]) -> None:
        self.needed = tuple(needed)
        roles = ", ".join(needed)
        super().__init__(
            zh=f"该密钥没有所需角色（{roles}）。请使用具备该角色的密钥，或请管理员签发。",
            en=f"The key lacks a role that may do this ({roles}). Use a key with that role or ask for one.",
        )


class OutsideScopeError(ServingError):
    """The key is for other companies than those asked about."""

    def __init__(self, companies: Sequence[str], *, party: bool = False) -> None:
        """Take the key's companies; `party` where a counterparty was asked about, known to the group or not."""
        self.companies = tuple(companies)
        covered = ", ".join(companies)
        if party:
            super().__init__(
                zh=f"该主体不是贵企业（{covered}）的往来方：没有、也没有过业务，不予作答。请核对主体编号，或使用覆盖其往来企业的密钥。",
                en=f"The party is no counterparty of yours ({covered}): there is and was no business, so nothing is answered. Check "
                "the party's id, or use a key that covers the company that deals with it.",
            )
            return
        super().__init__(
            zh=f"该密钥只覆盖企业 {covered}；其他企业的、跨企业汇总的以及全集团的内容不予提供，也不能更改。"
            "请缩小范围，或使用覆盖所需企业的密钥。",
            en=f"The key covers {covered} only; what is of other companies, a sum over several or of the whole group is neither "
            "given nor changed. Ask for less, or use a key that covers the companies needed.",
        )


class RouteNotFoundError(ServingError):
    """No such address."""

    def __init__(self) -> None:
        super().__init__(
            zh="没有这个接口地址。请查看 /docs 中的接口列表。",
            en="There is no such address. See the routes under /docs.",
        )


class MethodNotAllowedError(ServingError):
    """The address exists, not for this HTTP method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        methods = ", ".join(allowed)
        super().__init__(zh=f"该地址只接受 {methods} 请求。", en=f"This address takes {methods} only.")


class MediaTypeError(ServingError):
    """The body is not announced as what the route takes."""

    def __init__(self, kinds: Sequence[str] = ("application/json",)) -> None:
        self.kinds = tuple(kinds)
        listed = ", ".join(kinds)
        super().__init__(
            zh=f"请求头 Content-Type 须为以下之一：{listed}；文本须为 UTF-8。",
            en=f"The header Content-Type must be one of {listed}; text must be UTF-8.",
        )


class MalformedJsonError(ServingError):
    """The body cannot be read as JSON at all."""

    def __init__(self, position: str) -> None:
        self.position = position
        super().__init__(
            zh=f"请求体不是合法的 JSON（{position}）。请检查括号、引号与编码（UTF-8）。",
            en=f"The body is not valid JSON ({position}). Check brackets, quotes and encoding (UTF-8).",
        )


class BodyTooLargeError(ServingError):
    """The body exceeds the limit; it is not read to its end."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            zh=f"请求体超过上限 {limit} 字节。请减少内容后重试。",
            en=f"The body exceeds the limit of {limit} bytes. Send less.",
        )


class DeadlineError(ServingError):
    """The request took longer than allowed, for example because its body came too slowly."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            zh=f"请求未能在 {seconds:g} 秒内完成，未出具结果。请稍后重试。",
            en=f"The request was not done within {seconds:g} s; no answer is given. Try again later.",
        )


class InvalidRequestError(ServingError):
    """Fields of the request break rules; each is named."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            zh="请求中有字段不符合要求：" + "；".join(f"{p.field}：{p.zh}" for p in problems),
            en="Fields of the request break rules: " + "; ".join(f"{p.field}: {p.en}" for p in problems),
        )


class NoFeaturesError(ServingError):
    """Not one feature has a value, so the score would say nothing about the party."""

    def __init__(self, total: int) -> None:
        self.total = total
        super().__init__(
            zh=f"模型的 {total} 个特征全部缺失，拒绝评分。请至少提供一个特征值，或先补录该主体的数据。",
            en=f"All {total} features of the model are missing; the score is refused. "
            "Give at least one value or record the party's data first.",
        )


class NoScoreError(ServingError):
    """The route of this line and stage gives no score, and says why."""


class FeatureStoreError(ServingError):
    """The stored features cannot be used."""

    def __init__(self, path: str, *, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"特征文件“{path}”{problem_zh}。请重新生成特征（`zhiheng features build`）。",
            en=f"Feature file '{path}': {problem_en}. Build the features again (`zhiheng features build`).",
        )


class BookStoreError(ServingError):
    """What answers need beside the features cannot be used."""

    def __init__(self, path: str, *, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"文件“{path}”{problem_zh}。请运行 `zhiheng credit prepare`。",
            en=f"File '{path}': {problem_en}. Run `zhiheng credit prepare`.",
        )


class NotReadyError(ServingError):
    """A part that scoring needs is not there yet."""

    def __init__(self, part: str, *, zh: str, en: str) -> None:
        self.part = part
        super().__init__(zh=f"服务尚未就绪（{part}）：{zh}", en=f"The service is not ready ({part}): {en}")


class LedgerUnavailableError(ServingError):
    """The ledger cannot be read or written, so no answer is given."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            zh=f"决策台账当前不可用（{reason}），未出具结果。请检查磁盘与文件权限后重试。",
            en=f"The decision ledger is not available ({reason}); no answer is given. "
            "Check disk and file permissions, then try again.",
        )


class UnknownDecisionError(ServingError):
    """The ledger holds no such decision."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(
            zh=f"台账中没有决策“{decision_id}”。请核对编号。",
            en=f"The ledger holds no decision '{decision_id}'. Check the id.",
        )


class UnknownSeriesError(ServingError):
    """The published run holds no series that fits."""

    def __init__(self, run_id: str, levels: Sequence[str]) -> None:
        self.run_id = run_id
        listed = ", ".join(levels) or "-"
        super().__init__(
            zh=f"预测批次 {run_id} 中没有符合条件的序列。请核对编号与筛选条件；可用的层级：{listed}。",
            en=f"Run {run_id} holds no series that fits. Check ids and filters; its levels are: {listed}.",
        )


class UnknownLineError(ServingError):
    """The published run of capacity holds no line or product that fits."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            zh=f"产能批次 {run_id} 中没有符合条件的产线或产品。请核对编号与筛选条件。",
            en=f"Capacity run {run_id} holds no line or product that fits. Check ids and filters.",
        )


class UnknownOverrideError(ServingError):
    """There is no such override, or not for the caller's companies."""

    def __init__(self, override_id: str) -> None:
        self.override_id = override_id
        super().__init__(
            zh=f"没有编号为“{override_id}”的调整。请用 GET /v1/demand/overrides 核对。",
            en=f"There is no override '{override_id}'. Check with GET /v1/demand/overrides.",
        )


class ForecasterBusyError(ServingError):
    """Another forecast is being computed; they are made one at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            zh=f"正在计算另一个预测，等待 {seconds:g} 秒后仍未轮到，未出具结果。请稍后重试，或用 `zhiheng forecast` 离线计算。",
            en=f"Another forecast is being computed and did not end within {seconds:g} s; no answer is given. "
            "Try again later, or compute it with `zhiheng forecast`.",
        )


class UnknownJobError(ServingError):
    """There is no such job, or it is not the caller's."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            zh=f"没有编号为“{job_id}”的作业，或它不是用该密钥提交的。请核对提交时得到的 job_id。",
            en=f"There is no job '{job_id}', or it was not submitted with this key. Check the job_id of its submission.",
        )


class UnknownAnswerError(ServingError):
    """There is no such kept answer, or not for the caller's companies."""

    def __init__(self, answer_id: str) -> None:
        self.answer_id = answer_id
        super().__init__(
            zh=f"没有编号为“{answer_id}”的结果，或该密钥不覆盖其中的全部企业。请核对编号。",
            en=f"There is no result '{answer_id}', or the key does not cover all of its companies. Check the id.",
        )


class JobQueueFullError(ServingError):
    """As many jobs wait or run as may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            zh=f"已有 {limit} 个作业在排队或运行，达到上限，本次未接收。请等前面的结束后再提交，或取消不再需要的作业。",
            en=f"{limit} jobs wait or run already, as many as may; this one was not taken. Submit it again when some "
            "have ended, or cancel those no longer needed.",
        )


class JobStoppedError(ServingError):
    """The job was cancelled, or its worker was given up: what it computed is dropped."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            zh=f"作业“{job_id}”已停止，其结果不保留。需要时请重新提交。",
            en=f"Job '{job_id}' was stopped and its result is not kept. Submit it again where it is needed.",
        )


class UnknownKeyError(ServingError):
    """There is no such API key."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(
            zh=f"没有编号为“{key_id}”的密钥。请用 `zhiheng keys list` 核对。",
            en=f"There is no key '{key_id}'. Check with `zhiheng keys list`.",
        )


class KeyArgumentError(ServingError):
    """A key cannot be made from these arguments."""


class AddressError(ServingError):
    """The address to bind to is taken or not ours."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host, self.port = host, port
        super().__init__(
            zh=f"无法监听 {host}:{port}（{reason}）。请停掉占用者，或用 ZHIHENG_PORT / ZHIHENG_HOST 另选。",
            en=f"Cannot listen on {host}:{port} ({reason}). Stop what holds it or set ZHIHENG_PORT / ZHIHENG_HOST.",
        )


class UnexpectedError(ServingError):
    """A programmer's error; the caller learns nothing about its inside."""

    def __init__(self) -> None:
        super().__init__(
            zh="服务内部出现未预料的错误，未出具结果。请将 request_id 告知运维人员。",
            en="An unexpected error occurred; no answer is given. Tell the operators the request_id.",
        )


@dataclass(frozen=True)
class Problem:
    """How one type of error is shown: RFC 9457 type, status and title."""

    slug: str
    status: int
    zh: str
    en: str


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        MalformedJsonError: Problem("malformed-json", 400, "请求体不是合法 JSON", "Body is not valid JSON"),
        UnauthorizedError: Problem("unauthorized", 401, "未通过身份验证", "Not authenticated"),
        ForbiddenError: Problem("forbidden", 403, "没有权限", "Not allowed"),
        OutsideScopeError: Problem("outside-scope", 403, "超出密钥的企业范围", "Outside the key's companies"),
        RouteNotFoundError: Problem("route-not-found", 404, "没有这个接口", "No such address"),
        UnknownPartyError: Problem("unknown-party", 404, "没有该主体", "Unknown party"),
        UnknownSeriesError: Problem("unknown-series", 404, "没有该序列", "Unknown series"),
        UnknownLineError: Problem("unknown-line", 404, "没有该产线或产品", "Unknown line or product"),
        UnknownOverrideError: Problem("unknown-override", 404, "没有该调整", "Unknown override"),
        UnknownJobError: Problem("unknown-job", 404, "没有该作业", "Unknown job"),
        UnknownAnswerError: Problem("unknown-answer", 404, "没有该结果", "Unknown result"),
        MethodNotAllowedError: Problem("method-not-allowed", 405, "请求方法不允许", "Method not allowed"),
        BodyTooLargeError: Problem("body-too-large", 413, "请求体过大", "Body too large"),
        MediaTypeError: Problem("media-type", 415, "请求体类型不支持", "Unsupported media type"),
        InvalidRequestError: Problem("invalid-request", 422, "请求不符合要求", "Invalid request"),
        NoFeaturesError: Problem("no-features", 422, "没有可用特征", "No feature has a value"),
        NoScoreError: Problem("no-score", 422, "此条线与阶段不出分", "No score for this line and stage"),
        ScenarioError: Problem("scenario", 422, "情景无法推演", "Scenario cannot be run"),
        CapacityScenarioError: Problem("scenario", 422, "情景无法推演", "Scenario cannot be run"),
        LineHistoryError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        LinePanelError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        UnknownProfileError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        ProfileUnitError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        PlanError: Problem("plan", 422, "无法制定计划", "Plan cannot be made"),
        PlanInfeasibleError: Problem("plan-infeasible", 422, "计划不可行", "No plan meets all constraints"),
        AdditivityError: Problem("not-additive", 500, "解释与得分不一致", "Explanation does not add up"),
        UnexpectedError: Problem("unexpected", 500, "内部错误", "Internal error"),
        NotReadyError: Problem("not-ready", 503, "服务尚未就绪", "Not ready"),
        FeatureMismatchError: Problem("not-ready", 503, "服务尚未就绪", "Not ready"),
        ModelError: Problem("not-ready", 503, "服务尚未就绪", "Not ready"),
        ForecasterBusyError: Problem(
            "forecaster-busy", 503, "正在计算其他预测", "Another forecast is under way"
        ),
        JobQueueFullError: Problem("job-queue-full", 503, "作业队列已满", "Too many jobs"),
        JobStoppedError: Problem("job-stopped", 503, "作业已停止", "Job was stopped"),
        LedgerUnavailableError: Problem("ledger-unavailable", 503, "决策台账不可用", "Ledger not available"),
        SolverTimeoutError: Problem("solver-timeout", 504, "求解超时", "Solver ran out of time"),
        DeadlineError: Problem("deadline", 504, "处理超时", "Took too long"),
    }
)
