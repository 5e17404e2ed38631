"""Which profile a line has: the one it names, the one of its family and unit, or the generic one, with a finding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from graph.ontology import Wording
from models.capacity.profiles.profile import GENERIC, Profile
from models.errors import ProfileUnitError, UnknownProfileError

__all__ = ["LineProfile", "profile_of_line"]


@dataclass(frozen=True)
class LineProfile:
    """A line's profile; `finding` says what was assumed where the line does not name it."""

    profile: Profile
    finding: Wording | None = None


def profile_of_line(line: Mapping[str, object], profiles: Mapping[str, Profile]) -> LineProfile:
    """Return the profile of a row of lines (line_id, unit; profile, family, name, bottleneck where there are any).

    A line that names none takes the only profile of its family and unit. Where several are (two kinds of salt), the one
    whose words (`recognise`) stand in the line's name or bottleneck, longest first. Without a family the words must
    decide. Else the generic profile. Raises UnknownProfileError for a name that no file describes, ProfileUnitError
    where the line counts in another unit than the profile it names.
    """
    line_id, named = str(line.get("line_id")), _text(line, "profile")
    if named is not None:
        return LineProfile(_named(line_id, named, _text(line, "unit"), profiles))
    likely = _likely(line, profiles)
    if likely is None:
        return LineProfile(profiles[GENERIC], _NO_PROFILE)
    return LineProfile(likely, _assumed(likely))


def _named(line_id: str, named: str, unit: str | None, profiles: Mapping[str, Profile]) -> Profile:
    if named not in profiles:
        raise UnknownProfileError(line_id, named, tuple(profiles))
    profile = profiles[named]
    if unit is not None and profile.unit is not None and unit != profile.unit:
        raise ProfileUnitError(line_id, unit, named, profile.unit)
    return profile


def _likely(line: Mapping[str, object], profiles: Mapping[str, Profile]) -> Profile | None:
    family, unit = _text(line, "family"), _text(line, "unit")
    able = [
        one
        for one in profiles.values()
        if one.family is not None and family in {None, one.family} and unit in {None, one.unit}
    ]
    if family is not None and len(able) == 1:
        return able[0]
    told = " ".join(_text(line, key) or "" for key in ("name", "bottleneck")).lower()
    scores = {one.id: _length_of_words(one, told) for one in able}
    best = [one for one in able if scores[one.id] == max(scores.values())]
    return best[0] if len(best) == 1 and scores[best[0].id] > 0 else None


def _length_of_words(profile: Profile, told: str) -> int:
    return max((len(word) for word in profile.recognise if word.lower() in told), default=0)


def _text(line: Mapping[str, object], key: str) -> str | None:
    value = line.get(key)
    return value if isinstance(value, str) and value else None


def _assumed(profile: Profile) -> Wording:
    return Wording(
        zh=f"未写明行业档案，按产品族、单位和名称取“{profile.label.zh}”。请在 lines.profile（自有表格为 profile 列，请求为 "
        f"payload.profile）中填写 {profile.id} 予以确认。",
        en=f"No profile is named; '{profile.label.en}' is taken by family, unit and name. Confirm it with {profile.id} in "
        "lines.profile (the column profile of a table of one's own, payload.profile of a request).",
    )


_NO_PROFILE: Final = Wording(
    zh="未写明行业档案，也无从判断，按通用档案处理。请填写 lines.profile（自有表格为 profile 列，请求为 payload.profile），"
    "或为该行业添加档案文件。",
    en="No profile is named and none fits clearly; the generic one is taken. Fill in lines.profile (the column profile of a "
    "table of one's own, payload.profile of a request) or add a profile file for the industry.",
)
