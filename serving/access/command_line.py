"""Who sits at the keyboard: commands act without a key, and the chain says for which system user and in whose name."""

import getpass
from collections.abc import Sequence
from typing import Final

from serving.access.caller import Call, Caller
from serving.access.roles import ALL_COMPANIES

__all__ = ["COMMAND_LINE", "command_line_caller", "system_user"]

COMMAND_LINE: Final = "command-line"
"""What stands where records of requests have the caller's key."""


def command_line_caller(
    request_id: str, roles: Sequence[str] = (), *, by: str | None = None, user: str | None = None
) -> Caller:
    """Return who runs a command, `by` in whose name where that is another; whoever reads the database sees all of it."""
    user = user or system_user()
    call = Call(request_id, COMMAND_LINE, tuple(roles), os_user=user)
    return Caller(call, (by or "").strip() or user, (ALL_COMPANIES,))


def system_user() -> str:
    """Return who runs this process."""
    return getpass.getuser()
