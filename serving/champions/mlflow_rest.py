"""MLflow over its REST API, as much of it as a service needs: aliases, versions, files of a run. mlflow itself is not imported."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, Final
from urllib.request import Request

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from serving.champions.errors import RegistryAwayError

__all__ = ["MlflowRest", "RegistryAnswerError", "RemoteVersion", "is_server"]

_API: Final = "/api/2.0/mlflow"
_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts/"
_PROXIED: Final = "mlflow-artifacts:"
_ABSENT: Final = frozenset({"RESOURCE_DOES_NOT_EXIST"})
_BLOCK: Final = 1 << 20
_JSON_LIMIT: Final = 16 << 20


@dataclass(frozen=True)
class RemoteVersion:
    """A registered version: MLflow's running number, the bundle's own version, its run and who started that."""

    name: str
    number: str
    bundle_version: str
    run_id: str


class RegistryAnswerError(RegistryAwayError):
    """MLflow is there, and what it holds of a version cannot be taken."""


class _Tag(BaseModel):
    key: str
    value: str = ""


class _Version(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    version: str
    run_id: str = ""
    tags: list[_Tag] = []


class _RunInfo(BaseModel):
    model_config = ConfigDict(extra="ignore")

    artifact_uri: str
    user_id: str = ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another host."""

    def redirect_request(  # noqa: PLR0917 - the signature is urllib's
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        """Follow none."""


@dataclass(frozen=True)
class MlflowRest:
    """One MLflow server. Everything raises RegistryAwayError when it cannot be reached, RegistryAnswerError for nonsense."""

    uri: str
    token: SecretStr | None = None
    timeout_seconds: float = 10.0
    limit_bytes: int = 1 << 30

    def by_alias(self, name: str, alias: str) -> RemoteVersion | None:
        """Return the version that an alias points at, None where the model or the alias is not there."""
        found = self._get(f"{_API}/registered-models/alias", {"name": name, "alias": alias})
        return None if found is None else _version(found.get("model_version"))

    def by_bundle_version(self, name: str, version: str) -> RemoteVersion | None:
        """Return the registered version of a bundle, None where it is not registered."""
        query = f"name = '{_quoted(name)}' and tag.bundle_version = '{_quoted(version)}'"
        found = self._get(f"{_API}/model-versions/search", {"filter": query, "max_results": "1"})
        listed = (found or {}).get("model_versions")
        return _version(listed[0]) if isinstance(listed, list) and listed else None

    def set_alias(self, name: str, alias: str, number: str) -> None:
        """Point an alias at a registered version."""
        body = json.dumps({"name": name, "alias": alias, "version": number}).encode()
        try:
            with self._open(f"{_API}/registered-models/alias", body=body) as answer:
                self._read(answer)
        except _AbsentError as error:
            raise RegistryAnswerError(f"没有 {name}", f"there is no {name}") from error

    def run(self, run_id: str) -> tuple[str, str]:
        """Return where a run's files lie below the server's artifacts, and who started it."""
        found = self._get(f"{_API}/runs/get", {"run_id": run_id}) or {}
        run = found.get("run")
        try:
            info = _RunInfo.model_validate(run.get("info") if isinstance(run, Mapping) else None)
            path = urllib.parse.urlsplit(info.artifact_uri).path
        except ValueError as error:  # ValidationError is one
            raise RegistryAnswerError(
                f"没有运行 {run_id}", f"there is no run {run_id} that can be read"
            ) from error
        if not info.artifact_uri.startswith(_PROXIED):
            raise RegistryAnswerError(
                "模型文件不经 MLflow 服务提供；请以 --serve-artifacts 启动 MLflow，并以其默认位置登记模型",
                "the files of models are not served by MLflow itself; start it with --serve-artifacts and register models "
                "at its default location",
            )
        return path.strip("/"), info.user_id

    def download(self, path: str, target: IO[bytes], *, limit: int | None = None) -> None:
        """Copy a file of the artifact store; more bytes than the limit are refused."""
        most, taken = limit or self.limit_bytes, 0
        with self._file(path) as answer:
            while block := self._read(answer):
                taken += len(block)
                if taken > most:
                    raise RegistryAnswerError(
                        f"文件超过 {most} 字节的上限（ZHIHENG_MODEL_LIMIT_BYTES）",
                        f"a file is larger than {most} bytes (ZHIHENG_MODEL_LIMIT_BYTES)",
                    )
                target.write(block)

    def point(self, name: str, alias: str, version: str) -> str:
        """Point an alias at a bundle's version. Raises RegistryAwayError where it is not registered."""
        found = self.by_bundle_version(name, version)
        if found is None:
            raise RegistryAwayError(
                f"登记库中没有 {name} 的版本 {version}", f"{version} is not registered under {name}"
            )
        self.set_alias(name, alias, found.number)
        return "moved"

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, object] | None:
        """Return an answer as JSON, None where MLflow says that what was asked for does not exist."""
        try:
            with self._open(f"{path}?{urllib.parse.urlencode(query)}") as answer:
                found = json.loads(answer.read(_JSON_LIMIT))
        except _AbsentError:
            return None
        except (ValueError, RecursionError, OSError, HTTPException) as error:
            raise RegistryAnswerError("回答无法读取", "its answer cannot be read") from error
        if not isinstance(found, dict):
            raise RegistryAnswerError("回答不是 JSON 对象", "its answer is no JSON object")
        return found

    def _file(self, path: str) -> IO[bytes]:
        try:
            return self._open(_ARTIFACTS + urllib.parse.quote(path))
        except _AbsentError as error:
            raise RegistryAnswerError("缺少文件", "a file is missing") from error

    def _open(self, path: str, *, body: bytes | None = None) -> IO[bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token is not None and self.token.get_secret_value():
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        request = Request(self.uri.rstrip("/") + path, body, headers)  # noqa: S310 - http(s) alone, see is_server
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            answer: IO[bytes] = opener.open(request, timeout=self.timeout_seconds)
        except urllib.error.HTTPError as error:
            with error:
                if _absent(error):
                    raise _AbsentError from error
                raise RegistryAnswerError(f"HTTP {error.code}", f"HTTP {error.code}") from error
        except (OSError, HTTPException) as error:
            raise RegistryAwayError("无法连接", f"no connection ({type(error).__name__})") from error
        return answer

    def _read(self, answer: IO[bytes]) -> bytes:
        try:
            return answer.read(_BLOCK)
        except (OSError, HTTPException) as error:
            raise RegistryAnswerError("回答中断", "its answer broke off") from error


class _AbsentError(Exception):
    """What was asked for does not exist."""


def is_server(uri: str) -> bool:
    """Say whether an address is that of an MLflow server; the embedded default is a file."""
    return urllib.parse.urlsplit(uri).scheme in ("http", "https")


def _absent(error: urllib.error.HTTPError) -> bool:
    """Say whether an error means that a model or an alias is not there; MLflow calls a missing alias a wrong parameter."""
    try:
        said = json.loads(error.read(_BLOCK))
    except (ValueError, RecursionError, OSError, HTTPException):
        return False
    if not isinstance(said, dict):
        return False
    code, message = str(said.get("error_code")), str(said.get("message"))
    return code in _ABSENT or (
        code == "INVALID_PARAMETER_VALUE" and "alias" in message and "not found" in message
    )


def _version(found: object) -> RemoteVersion:
    try:
        version = _Version.model_validate(found)
    except ValidationError as error:
        raise RegistryAnswerError("版本信息无法读取", "a version cannot be read") from error
    tags = {tag.key: tag.value for tag in version.tags}
    return RemoteVersion(version.name, version.version, tags.get("bundle_version", ""), version.run_id)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
