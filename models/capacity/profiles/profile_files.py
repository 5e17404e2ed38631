"""Read industry profiles: the built-in files, and a folder of the user's whose files come first."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from models.capacity.file_problems import listed, problems_of
from models.capacity.profiles.profile import Profile
from models.errors import ProfileFileError

__all__ = ["check_profile", "load_profiles"]


def load_profiles(folder: Path | None = None) -> Mapping[str, Profile]:
    """Return all profiles by id, sorted: the built-in ones and those of a folder, if there is one.

    A file of the folder replaces the built-in profile of its id. A folder that does not exist holds no files. Raises
    ProfileFileError naming file, field and remedy, also where two files of the folder have one id.
    """
    found = {one.id: one for one in map(_read, _built_in())}
    found.update(_of_folder(folder) if folder is not None else {})
    return MappingProxyType(dict(sorted(found.items())))


def check_profile(path: Path) -> Profile:
    """Read one file and return its profile. Raises ProfileFileError naming every wrong field."""
    return _read(path)


def _of_folder(folder: Path) -> dict[str, Profile]:
    if folder.exists() and not folder.is_dir():
        raise ProfileFileError(
            str(folder), (), zh="这不是目录，请给出目录", en="it is not a folder; give a folder"
        )
    files: dict[str, Path] = {}
    found: dict[str, Profile] = {}
    for path in sorted(folder.glob("*.toml")):
        profile = _read(path)
        if profile.id in files:
            raise ProfileFileError(
                str(path),
                ("id",),
                zh=f"id “{profile.id}”与“{files[profile.id].name}”重复，请改名或删去其一",
                en=f"id '{profile.id}' is also that of '{files[profile.id].name}'; rename or remove one of them",
            )
        files[profile.id], found[profile.id] = path, profile
    return found


def _built_in() -> list[Path]:
    """Return the files beside this module, which are package data of the wheel."""
    with resources.as_file(resources.files(__package__)) as folder:
        return sorted(folder.glob("*.toml"))


def _read(path: Path) -> Profile:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProfileFileError(
            str(path),
            (),
            zh=f"读不到文件（{reason}），请核对路径",
            en=f"it cannot be read ({reason}); check the path",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileFileError(
            str(path),
            (),
            zh=f"不是 UTF-8 的 TOML（{error}），请修正",
            en=f"it is not TOML in UTF-8 ({error}); correct it",
        ) from error
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        problems = problems_of(error, whole="profile")
        zh, en = listed(problems)
        raise ProfileFileError(str(path), [one.field for one in problems], zh=zh, en=en) from error
