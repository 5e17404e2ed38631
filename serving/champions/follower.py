"""Follow MLflow's aliases: what they point at is copied here, checked by its hashes, and only then pointed at."""

import contextlib
import logging
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from features.checked_files import write_text_atomically
from graph.errors import UserError
from models.bundle import MANIFEST, Manifest, read_bundle
from models.errors import BundleError
from serving.champions.errors import RegistryAwayError
from serving.champions.families import CREDIT, FAMILIES, Alias, Family
from serving.champions.mlflow_rest import MlflowRest, RegistryAnswerError, RemoteVersion
from serving.champions.old_copies import OldCopies
from serving.champions.store import Pointer, read_pointer, write_pointer
from serving.operations.metrics import observed_refused_version

__all__ = ["STATUS", "FollowStatus", "Follower", "Trouble", "read_status"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
STATUS: Final = "following.json"
"""File below the home's models in which the follower says how it stands; every worker reads it."""
_ARTIFACT_FOLDER: Final = "model"
_MANIFEST_LIMIT: Final = 8 << 20
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST_WAIT: Final = timedelta(minutes=5)
_STAGING: Final = ".fetch-"


class Trouble(BaseModel):
    """Why an alias is not followed; `version` is what it points at, empty where that is not known."""

    model_config = ConfigDict(frozen=True)

    family: str
    alias: str
    version: str
    zh: str
    en: str
    tries: int
    again_at: datetime


class FollowStatus(BaseModel):
    """How the follower stands: when it last looked, when MLflow last answered, and what it could not take."""

    model_config = ConfigDict(frozen=True)

    looked_at: datetime
    reached_at: datetime | None = None
    away_zh: str | None = None
    away_en: str | None = None
    troubles: tuple[Trouble, ...] = ()
    fetched: tuple[str, ...] = ()


def read_status(models: Path) -> FollowStatus | None:
    """Return how the follower stands, None where there is none or it has not looked yet."""
    try:
        return FollowStatus.model_validate_json((models / STATUS).read_bytes())
    except (OSError, ValidationError):
        return None


@dataclass(frozen=True)
class Follower:
    """Keeps the local store as the registry's aliases say; what it cannot take leaves the last good copy in place."""

    models: Path
    registry: MlflowRest
    clock: Callable[[], datetime]
    poll: timedelta
    copies: OldCopies

    def look(self) -> FollowStatus:
        """Follow every alias once, each whatever came of the others, until the registry is away; write down how it went."""
        now, before = self.clock(), read_status(self.models)
        troubles: list[Trouble] = []
        fetched = list(before.fetched) if before else []
        away: RegistryAwayError | None = None
        for family, alias in product(FAMILIES.values(), Alias):
            held = _held(before, family, alias)
            if away is not None:
                troubles.extend([held] if held else [])
                continue
            try:
                taken = self._follow(family, alias, held, now)
            except _RefusedError as refused:
                troubles.append(self._trouble(family, alias, refused, held, now))
            except RegistryAwayError as error:
                away = error
                troubles.extend([held] if held else [])
            else:
                fetched.extend([taken] if taken else [])
        status = FollowStatus(
            looked_at=now,
            reached_at=now if away is None else (before.reached_at if before else None),
            away_zh=away.reason_zh if away else None,
            away_en=away.reason_en if away else None,
            troubles=tuple(troubles),
            fetched=tuple(self.copies.clear(list(dict.fromkeys(fetched)), now)),
        )
        self._tell(before, status)
        write_text_atomically(status.model_dump_json() + "\n", self.models / STATUS)
        return status

    def _follow(self, family: Family, alias: Alias, held: Trouble | None, now: datetime) -> str | None:
        """Follow one alias. Raises _RefusedError, RegistryAwayError."""
        try:
            return self._take(family, alias, held, now)
        except (_RefusedError, RegistryAwayError):
            raise
        except Exception as error:  # one alias' surprise must not end following of the others
            raise _surprise("", error) from error

    def _take(self, family: Family, alias: Alias, held: Trouble | None, now: datetime) -> str | None:
        """Bring the pointer of an alias to where the registry's is; return the folder that was fetched, if one was."""
        pointer = family.pointer(self.models, alias)
        try:
            remote = self.registry.by_alias(family.registered, alias)
        except RegistryAnswerError as error:
            raise _RefusedError("", error.reason_zh, error.reason_en) from error
        if remote is None:
            # Without an alias the champion stays: taking it away is what the kill switch is for.
            if alias is Alias.CHALLENGER:
                pointer.unlink(missing_ok=True)
            return None
        if held is not None and held.version == remote.bundle_version and now < held.again_at:
            raise _RefusedError(remote.bundle_version, held.zh, held.en, again=False)
        folder = self.models / family.folder
        try:
            pointed = _points_at(pointer, remote)
            # Asked before the copy is made: a copy that lies here and is not returned would never be deleted.
            trained_by = "" if pointed else self.registry.run(remote.run_id)[1]
            fetched = self._fetch(family, remote, folder)
            if pointed:
                return fetched
            write_pointer(
                pointer,
                Pointer(
                    version=remote.bundle_version,
                    folder=remote.bundle_version,
                    registered=remote.number,
                    trained_by=trained_by,
                ),
            )
        except RegistryAnswerError as error:
            raise _RefusedError(remote.bundle_version, error.reason_zh, error.reason_en) from error
        except (BundleError, OSError) as error:
            zh, en = (error.zh, error.en) if isinstance(error, UserError) else (str(error), str(error))
            raise _RefusedError(remote.bundle_version, zh, en) from error
        except RegistryAwayError:
            raise
        except Exception as error:  # with its version, so that it is fetched again ever more seldom
            raise _surprise(remote.bundle_version, error) from error
        _LOG.info("%s: %s is now %s", family.name, alias, remote.bundle_version)
        return fetched

    def _fetch(self, family: Family, remote: RemoteVersion, folder: Path) -> str | None:
        """Copy a version here, whole or not at all; one that lies here whole stays. Raises BundleError."""
        if not _PLAIN_NAME.fullmatch(remote.bundle_version):
            raise _refused(remote, "登记的版本号不合规", "its bundle_version is no plain name")
        target = folder / remote.bundle_version
        if (target / MANIFEST).is_file():
            with contextlib.suppress(BundleError):
                if read_bundle(target).manifest.version == remote.bundle_version:
                    return None
        root, _ = self.registry.run(remote.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGING) as staging:
            copy = Path(staging) / "model"
            copy.mkdir()
            self._copy(f"{root}/{_ARTIFACT_FOLDER}", copy, remote)
            bundle = read_bundle(copy, family=CREDIT if family.name == CREDIT else None)
            if bundle.manifest.version != remote.bundle_version:
                raise _refused(remote, "内容与登记的版本不符", f"it holds {bundle.manifest.version}")
            if target.exists():  # its files were damaged: the whole copy takes their place
                target.rename(Path(staging) / "damaged")
            copy.rename(target)
        return f"{family.folder}/{target.name}"

    def _copy(self, root: str, copy: Path, remote: RemoteVersion) -> None:
        with (copy / MANIFEST).open("wb") as stream:
            self.registry.download(f"{root}/{MANIFEST}", stream, limit=_MANIFEST_LIMIT)
        try:
            manifest = Manifest.model_validate_json((copy / MANIFEST).read_bytes())
        except ValidationError as error:
            raise _refused(remote, f"的 {MANIFEST} 无法读取", f"its {MANIFEST} is not valid") from error
        # A name from elsewhere becomes a path here.
        wrong = [name for name in manifest.files if not _PLAIN_NAME.fullmatch(name) or name == MANIFEST]
        if wrong:
            raise _refused(remote, "的文件名不合规", "it names files that are no plain names")
        for name in manifest.files:
            with (copy / name).open("wb") as stream:
                self.registry.download(f"{root}/{name}", stream)

    def _trouble(
        self, family: Family, alias: Alias, refused: "_RefusedError", held: Trouble | None, now: datetime
    ) -> Trouble:
        if held is not None and not refused.again:
            return held
        tries = held.tries + 1 if held is not None and held.version == refused.version else 1
        wait = min(_LONGEST_WAIT, self.poll * 2 ** min(tries - 1, 16))
        return Trouble(
            family=family.name,
            alias=alias,
            version=refused.version,
            zh=refused.zh,
            en=refused.en,
            tries=tries,
            again_at=now + wait,
        )

    def _tell(self, before: FollowStatus | None, status: FollowStatus) -> None:
        """Log and count what is new: a registry that went away or came back, a version that was refused."""
        was_away = before is not None and before.away_en is not None
        if status.away_en is not None and not was_away:
            _LOG.warning("MLflow is away, the last good models go on answering: %s", status.away_en)
        if status.away_en is None and was_away:
            _LOG.info("MLflow is back")
        known = {(one.family, one.alias, one.version) for one in (before.troubles if before else ())}
        for one in status.troubles:
            if (one.family, one.alias, one.version) not in known:
                observed_refused_version(one.family, one.alias)
                _LOG.warning(
                    "%s %s %s is refused, the last good copy stays: %s",
                    one.family,
                    one.alias,
                    one.version,
                    one.en,
                )


class _RefusedError(Exception):
    """What an alias points at cannot be taken; `again` is false where it was not tried this time."""

    def __init__(self, version: str, zh: str, en: str, *, again: bool = True) -> None:
        self.version, self.zh, self.en, self.again = version, zh, en, again
        super().__init__(en)


def _surprise(version: str, error: Exception) -> _RefusedError:
    name = type(error).__name__
    return _RefusedError(version, f"出现未预料的错误（{name}）", f"an unexpected error ({name})")


def _refused(remote: RemoteVersion, zh: str, en: str) -> BundleError:
    return BundleError(f"{remote.name} {remote.number}", problem_zh=zh, problem_en=en)


def _held(before: FollowStatus | None, family: Family, alias: Alias) -> Trouble | None:
    troubles = before.troubles if before is not None else ()
    return next((one for one in troubles if one.family == family.name and one.alias == alias), None)


def _points_at(pointer: Path, remote: RemoteVersion) -> bool:
    try:
        found = read_pointer(pointer)
    except BundleError:
        return False
    return (found.version, found.registered) == (remote.bundle_version, remote.number)
