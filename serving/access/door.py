"""Finds who sent a request: by API key, or by token where a single sign-on is set."""

from typing import Final

from serving.access.identity import Identity
from serving.access.keys import KeyStore
from serving.access.tokens import Tokens
from serving.schemas import PartHealth

__all__ = ["Door"]

_KEY: Final = "bearer zh_"


class Door:
    """Keys and tokens behind one header."""

    def __init__(self, keys: KeyStore, tokens: Tokens | None = None) -> None:
        self.keys, self.tokens = keys, tokens

    def held(self, authorization: str | None) -> Identity | None:
        """Return who sent the header without waiting for anything; None where something must be read first.

        Raises UnauthorizedError.
        """
        if self._is_token(authorization):
            return self.tokens.held(authorization) if self.tokens and authorization else None
        return self.keys.held(authorization)

    def check(self, authorization: str | None) -> Identity:
        """Return who sent the header. Raises UnauthorizedError, NoCompaniesError, TokenRolesError, LedgerUnavailableError."""
        if self.tokens is not None and authorization and self._is_token(authorization):
            return self.tokens.check(authorization)
        return self.keys.check(authorization)

    def health(self) -> PartHealth | None:
        """Say whether tokens can be checked; None where no sign-on is set."""
        if self.tokens is None:
            return None
        file = self.tokens.file
        keys, problem = file.keys(), file.problem
        return PartHealth(
            ready=bool(keys),
            count=len(keys),
            problem_zh=problem.zh if problem else None,
            problem_en=problem.en if problem else None,
        )

    def _is_token(self, authorization: str | None) -> bool:
        header = (authorization or "")[: len(_KEY)].lower()
        return self.tokens is not None and header.startswith("bearer ") and header != _KEY
