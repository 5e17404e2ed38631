"""Errors of keys, tokens and limits, and how they are shown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from serving.access.identity import Identity
from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "ForbiddenError",
    "KeyArgumentError",
    "LimitExceededError",
    "NoCompaniesError",
    "OutsideScopeError",
    "OverloadedError",
    "RefusedKeyError",
    "RoleCombinationError",
    "TokenFileError",
    "TokenRolesError",
    "TooManyRowsError",
    "UnauthorizedError",
    "UnknownKeyError",
    "WithdrawnKeyError",
]


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


class LimitExceededError(ServingError):
    """A key asks for more than its limit."""

    def __init__(self, rule: str, *, limit: int, retry_after: float, zh: str, en: str) -> None:
        self.rule, self.limit, self.retry_after = rule, limit, retry_after
        super().__init__(zh=zh, en=en)


class OverloadedError(ServingError):
    """More requests are being answered than the worker takes at once; whose they are does not matter."""

    retry_after: float = 1.0

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            zh=f"服务正在处理 {limit} 个请求，已达上限，本次未接收。请稍后重试（见 Retry-After）。",
            en=f"The service is answering {limit} requests, as many as it takes at once; this one was not taken. Try again "
            "in a moment (see Retry-After).",
        )


class TooManyRowsError(ServingError):
    """A book has more rows than the key may ever send."""

    def __init__(self, rows: int, limit: int) -> None:
        self.rows, self.limit = rows, limit
        super().__init__(
            zh=f"名单有 {rows} 行，该密钥一次最多 {limit} 行。请拆成几份分别提交，或请运维放宽限额（`zhiheng keys limit`）。",
            en=f"The book has {rows} rows; the key may send {limit} at once. Send it in parts, or ask the operators for more "
            "(`zhiheng keys limit`).",
        )


class RefusedKeyError(UnauthorizedError):
    """A key that was valid once; the caller reads the same words as for one that never was."""

    def __init__(self, key: Identity, cause: str) -> None:
        self.key, self.cause = key, cause
        super().__init__()


class NoCompaniesError(ServingError):
    """A token names no company, so there is nothing it may see."""

    def __init__(self, claim: str) -> None:
        self.claim = claim
        super().__init__(
            zh=f"登录令牌的 {claim} 中没有企业，不能查看任何内容。请统一认证平台的管理员为该用户登记企业。",
            en=f"The token's claim {claim} names no company, so nothing may be seen. Ask the administrators of the single "
            "sign-on to enter the user's companies.",
        )


class TokenRolesError(ServingError):
    """A token joins roles that one person must not have together."""

    def __init__(self, first: str, second: str) -> None:
        self.first, self.second = first, second
        super().__init__(
            zh=f"登录令牌同时含有角色 {first} 与 {second}，二者须由不同的人担任（职责分离）。请统一认证平台的管理员去掉其中之一。",
            en=f"The token joins the roles {first} and {second}, which different people must have (separation of duties). Ask "
            "the administrators of the single sign-on to take one away.",
        )


class WithdrawnKeyError(ServingError):
    """A key that cannot be changed any more."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(
            zh=f"密钥“{key_id}”已撤销，不能再轮换。请用 `zhiheng keys create` 签发新的密钥。",
            en=f"Key '{key_id}' is withdrawn and cannot be rotated. Make a new one with `zhiheng keys create`.",
        )


class RoleCombinationError(ServingError):
    """Roles that one key must not have together."""

    def __init__(self, first: str, second: str) -> None:
        self.first, self.second = first, second
        super().__init__(
            zh=f"一个密钥不得同时具有角色 {first} 与 {second}（职责分离）。请分别签发两个密钥；"
            "确有必要时用 --allow-combination 写明理由，理由会保留并供审计查看。",
            en=f"One key must not have the roles {first} and {second} together (separation of duties). Make two keys; where "
            "it must be, give the reason with --allow-combination: it is kept for the auditor.",
        )


class TokenFileError(ServingError):
    """The file of the single sign-on's public keys cannot be used."""

    def __init__(self, path: str, *, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"单点登录公钥文件“{path}”{problem_zh}。请从统一认证平台重新导出 JWKS 并放到 ZHIHENG_SSO_JWKS 所指之处。",
            en=f"File of the single sign-on's public keys '{path}': {problem_en}. Export the JWKS from the sign-on again and "
            "put it where ZHIHENG_SSO_JWKS points.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnauthorizedError: Problem("unauthorized", 401, "未通过身份验证", "Not authenticated"),
        ForbiddenError: Problem("forbidden", 403, "没有权限", "Not allowed"),
        OutsideScopeError: Problem("outside-scope", 403, "超出密钥的企业范围", "Outside the key's companies"),
        NoCompaniesError: Problem("no-companies", 403, "没有企业范围", "No companies"),
        TokenRolesError: Problem("token-roles", 403, "角色相互排斥", "Roles exclude each other"),
        TooManyRowsError: Problem("too-many-rows", 413, "行数过多", "Too many rows"),
        LimitExceededError: Problem("limit-exceeded", 429, "超出密钥的限额", "Limit of the key exceeded"),
        OverloadedError: Problem("overloaded", 503, "服务繁忙", "Too many requests at once"),
    }
)
