"""The file of public keys that tokens are checked against: read again when it changed, the last good one kept."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serving.access.errors import TokenFileError

if TYPE_CHECKING:
    from jwt import PyJWK

__all__ = ["JwksFile", "PublicKeys", "read_jwks"]

PublicKeys = Mapping[str, "PyJWK"]
_LOG: Final = logging.getLogger("bentoml.zhiheng")
_LOOK_SECONDS: Final = 1.0
_MOST_BYTES: Final = 1 << 20
_KINDS: Final = {"RSA", "EC", "OKP"}
_PRIVATE: Final = "d"


class JwksFile:
    """The keys by their id. A new file that is broken is reported and not used."""

    def __init__(self, path: Path, *, timer: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.problem: TokenFileError | None = None
        self._timer = timer
        self._keys: PublicKeys = {}
        self._stamp: tuple[int, int, int] | None = None
        self._looked = -_LOOK_SECONDS
        self._turn = threading.Lock()

    @property
    def fresh(self) -> bool:
        """Whether the file was looked at within the last second, so that nothing has to be read now."""
        return self._timer() - self._looked < _LOOK_SECONDS

    def keys(self) -> PublicKeys:
        """Return the keys of the last good file, none where there never was one."""
        if not self.fresh:
            with self._turn:
                if not self.fresh:
                    self._look()
                    self._looked = self._timer()
        return self._keys

    def _look(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp and (stamp is not None or self.problem is not None):
            return
        self._stamp = stamp
        try:
            self._keys, self.problem = read_jwks(self.path), None
        except TokenFileError as error:
            self.problem = error
            _LOG.warning("%s", error.en)


def read_jwks(path: Path) -> PublicKeys:
    """Read public keys by kid. Raises TokenFileError where one of them is not what it must be."""
    from jwt import PyJWK  # noqa: PLC0415 - with cryptography 15 MB, for those who have a sign-on
    from jwt.exceptions import PyJWTError  # noqa: PLC0415

    found: dict[str, PyJWK] = {}
    for number, entry in enumerate(_entries(path), start=1):
        if entry.get("use", "sig") != "sig":
            continue
        kid = entry.get("kid")
        if entry.get("kty") not in _KINDS or _PRIVATE in entry:
            raise TokenFileError(
                str(path),
                problem_zh=f"的第 {number} 个密钥不是非对称公钥（RSA、EC、OKP）",
                problem_en=f"its key {number} is no public key of a pair (RSA, EC, OKP)",
            )
        if not isinstance(kid, str) or not kid or kid in found:
            raise TokenFileError(
                str(path),
                problem_zh=f"的第 {number} 个密钥没有 kid 或 kid 重复",
                problem_en=f"its key {number} has no kid, or one that was there before",
            )
        try:
            found[kid] = PyJWK(entry)
        except (PyJWTError, ValueError, TypeError) as error:
            raise TokenFileError(
                str(path),
                problem_zh=f"的第 {number} 个密钥无法读取（{type(error).__name__}）",
                problem_en=f"its key {number} cannot be read ({type(error).__name__})",
            ) from error
    if not found:
        raise TokenFileError(
            str(path), problem_zh="没有签名用的公钥", problem_en="it holds no key for signatures"
        )
    return found


def _entries(path: Path) -> list[dict[str, object]]:
    try:
        with path.open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TokenFileError(
            str(path), problem_zh=f"无法打开（{reason}）", problem_en=f"it cannot be opened ({reason})"
        ) from error
    try:
        listed = json.loads(text)["keys"] if len(text) <= _MOST_BYTES else None
    except (ValueError, KeyError, TypeError, RecursionError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise TokenFileError(
            str(path),
            problem_zh="不是 JWKS（含 keys 列表的 JSON，至多 1 MB）",
            problem_en="it is no JWKS (JSON with a list of keys, 1 MB at most)",
        )
    return listed


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
