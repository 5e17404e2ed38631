"""Names taken apart: what distinguishes a party, its legal form, its region, its branch, how it sounds."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

__all__ = ["NAME_SCHEMA", "NameTables", "name_parts", "name_tables"]

NAME_SCHEMA: Final = pl.Schema(
    {
        "name": pl.String,  # as it was written
        "text": pl.String,  # in one width, case and script, without spaces and punctuation
        "core": pl.String,  # what distinguishes: brand and trade; of a person the whole name
        "brief": pl.String,  # the core with its trade in the short form
        "sound": pl.String,  # the core with each character replaced by one that stands for its reading
        "form": pl.String,  # class of the legal form; "" where none is written
        "group": pl.Boolean,  # 集团 is part of the name
        "branch": pl.String,  # what follows the head office's name; "" for a head office
        "province": pl.String,
        "city": pl.String,
        "district": pl.String,
        "marker": pl.String,  # a remark in brackets that is no part of the name (虚构, 已注销 …)
    }
)
_HAN: Final = r"\p{Han}"
_LEVEL_1_END: Final = 0xD7FA
_ROW_START: Final = 0xA1
_SUFFIXES: Final = {"内蒙古": "自治区", "西藏": "自治区", "广西": "壮族自治区", "宁夏": "回族自治区", "新疆": "维吾尔自治区",
                    "香港": "特别行政区", "澳门": "特别行政区"}  # fmt: skip
_MUNICIPALITIES: Final = ("北京", "天津", "上海", "重庆")
_NOTHING: Final = pl.lit(None, dtype=pl.String)
# not 某某市政, 某某市场, 某某区块链: there the character belongs to the trade
_CITY_SUFFIX: Final = "^(市|地区|盟)([^政场域].)"
_DISTRICT: Final = f"^({_HAN}{{2,3}}?)(?:市|县|区)([^政场块域].+)$"


@dataclass(frozen=True)
class NameTables:
    """The tables of names.toml as the patterns and replacements that the normaliser applies."""

    traditional: dict[str, str]
    sounds: Mapping[str, str]
    look_alikes: frozenset[tuple[str, str]]
    abbreviations: Mapping[str, str]
    numerals: str
    forms: Mapping[str, str]
    latin_forms: Mapping[str, str]
    latin_group: str
    branch: str
    latin_branch: str
    marker: str
    country: str
    provinces: Mapping[str, str]
    cities: Mapping[str, str]


@lru_cache(maxsize=1)
def name_tables() -> NameTables:
    """Read names.toml once."""
    data = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
    words = data["words"]
    shapes = _pairs(data["look_alikes"])
    return NameTables(
        traditional=dict(_pairs(data["traditional"])),
        sounds=_sounds(data["syllables"], data["sounds"]),
        look_alikes=frozenset(shapes) | {(there, here) for here, there in shapes},
        abbreviations=data["abbreviations"],
        numerals=data["numerals"],
        forms={text: kind for kind, texts in data["forms"].items() for text in texts},
        latin_forms={text: kind for kind, texts in data["latin_forms"].items() for text in texts},
        latin_group=_any(words["latin_group"]),
        branch=_any(words["branches"]),
        latin_branch=_any(words["latin_branches"]),
        marker=_any(words["markers"]),
        country=_any(words["countries"]),
        provinces={
            name + end: name
            for name in data["provinces"]
            for end in ("", "省", "市", _SUFFIXES.get(name, ""))
        },
        cities={city: province for province, cities in data["provinces"].items() for city in cities},
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(pair[0], pair[1]) for pair in text.split()]


def _any(words: Iterable[str]) -> str:
    """Return an alternation that prefers the longest word."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(set(words), key=lambda w: (-len(w), w))) + ")"


def _sounds(syllables: str, others: str) -> dict[str, str]:
    """Map each character to the first one of its syllable in GB/T 2312."""
    starts = "".join(syllables.split())
    edges = [int.from_bytes(char.encode("gb2312"), "big") for char in starts] + [_LEVEL_1_END]
    sounds = {}
    for start, (low, high) in zip(starts, pairwise(edges), strict=True):
        for code in range(low, high):
            if code % 256 >= _ROW_START:  # a row of the standard ends at 0xFE, the next begins at 0xA1
                sounds[code.to_bytes(2, "big").decode("gb2312", errors="ignore")] = start
    sounds.pop("", None)
    return sounds | {char: sounds[like] for char, like in _pairs(others)}


def name_parts(names: pl.Series, *, people: bool = False) -> pl.DataFrame:
    """Take names apart into the columns of `NAME_SCHEMA`, one row per name, in the order given.

    `names` is a String series of n names; a null or empty one gives an empty text and core. `people` says that they
    are persons' names, of which only width, spaces, dots and script are evened out. Legal forms, regions and branches
    are kept in columns of their own, so that nothing that tells two companies apart is lost. Regions follow GB/T 2260,
    readings the order of the first-level characters of GB/T 2312-1980; a character with several readings has one.
    """
    frame = pl.DataFrame({"name": names.cast(pl.String)}).with_columns(text=_clean(pl.col("name")))
    if people:
        return _filled(frame.with_columns(core=_letters(pl.col("text"))))
    latin = ~pl.col("text").str.contains(_HAN)
    frame = frame.with_row_index("row")
    apart = [_latin(frame.filter(latin)), _chinese(frame.filter(~latin))]
    return _filled(pl.concat(apart, how="diagonal").sort("row"))


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    tables = name_tables()
    absent = {
        "form": "",
        "group": False,
        "branch": "",
        "province": "",
        "city": "",
        "district": "",
        "marker": "",
    }
    frame = frame.with_columns(
        pl.lit(default).alias(column) for column, default in absent.items() if column not in frame.columns
    )
    return frame.with_columns(
        text=_letters(pl.col("text")),
        brief=pl.col("core").str.replace_many(tables.abbreviations, leftmost=True),
        sound=pl.col("core").str.replace_many(tables.sounds),
        **{column: pl.col(column).fill_null(default) for column, default in absent.items()},
    ).select(NAME_SCHEMA.names())


def _clean(name: pl.Expr) -> pl.Expr:
    """Even out width, case, script and kinds of brackets."""
    tables = name_tables()
    one_width = name.fill_null("").str.normalize("NFKC").str.to_lowercase()
    brackets = dict.fromkeys("[{【〔〖〘「『〈《<", "(") | dict.fromkeys("]}】〕〗〙」』〉》>", ")")
    plain = one_width.str.replace_many(tables.traditional | brackets)
    return plain.str.replace_all(r"[\p{Cf}\p{Cc}]", "").str.replace_all("&", " and ")


def _letters(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"[^\p{L}\p{N}]", "")


def _latin(frame: pl.DataFrame) -> pl.DataFrame:
    tables = name_tables()
    marker = rf"\(\s*({tables.marker})\s*\)"
    text = pl.col("text").str.replace_all(r"\b(co|ltd|inc|corp|s|a|g|b|v|l|p|c)\.", "$1")
    tokens = text.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    form = rf"^(.*?) ({_any(tables.latin_forms)})$"
    branch = rf"^(.*) ({tables.latin_branch})$"
    cut = (
        frame.with_columns(
            marker=pl.col("text").str.extract(marker), text=pl.col("text").str.replace_all(marker, "")
        )
        .with_columns(rest=tokens)
        .with_columns(branch=pl.col("rest").str.extract(branch, 2), rest=_head(branch))
        .with_columns(form=pl.col("rest").str.extract(form, 2), rest=_head(form))
        .with_columns(group=pl.col("rest").str.contains(rf" {tables.latin_group}$"))
    )
    return cut.with_columns(
        form=_class_of("form", tables.latin_forms),
        core=pl.col("rest").str.replace(rf" {tables.latin_group}$", ""),
    ).drop("rest")


def _head(pattern: str) -> pl.Expr:
    """Return the first group of the pattern in `rest`, or all of it where the pattern is not found."""
    return pl.coalesce(pl.col("rest").str.extract(pattern, 1), "rest")


def _class_of(column: str, forms: Mapping[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(forms, default="", return_dtype=pl.String)


def _chinese(frame: pl.DataFrame) -> pl.DataFrame:
    bare = pl.col("text").str.replace_all(r"[^\p{L}\p{N}()]", "")
    frame = frame.with_columns(
        rest=bare, marker=_NOTHING, branch=_NOTHING, in_city=_NOTHING, in_province=_NOTHING
    )
    frame = _where(frame, pl.col("text").str.contains(r"[()\-—_]"), _without_marker)
    frame = _where(frame, pl.col("rest").str.contains("(", literal=True), _without_bracketed_region)
    frame = _where(frame, pl.col("rest").str.contains(f"{name_tables().branch}\\)?$"), _without_branch)
    frame = frame.with_columns(rest=pl.col("rest").str.replace_all(r"[()]", ""))
    return _without_region(_without_form(frame)).rename({"rest": "core"})


def _where(
    frame: pl.DataFrame, rows: pl.Expr, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """Apply a change to the few rows that may need it: a pattern with groups is slow."""
    chosen = frame.select(rows.fill_null(value=False)).to_series()
    return pl.concat([change(frame.filter(chosen)), frame.filter(~chosen)]) if chosen.any() else frame


def _without_marker(frame: pl.DataFrame) -> pl.DataFrame:
    marker = rf"[\(\-—_]+({name_tables().marker})\)?$|\(({name_tables().marker})\)"
    text = pl.col("text").str.strip_chars()
    without = text.str.replace_all(marker, "")
    return frame.with_columns(
        marker=pl.coalesce(text.str.extract(marker, 1), text.str.extract(marker, 2)),
        text=without,
        rest=without.str.replace_all(r"[^\p{L}\p{N}()]", ""),
    )


def _without_bracketed_region(frame: pl.DataFrame) -> pl.DataFrame:
    tables = name_tables()
    places = rf"\((?:{_any(tables.provinces)})?({_any(tables.cities)})市?\)"
    provinces, country = rf"\(({_any(tables.provinces)})\)", rf"\({tables.country}\)"
    rest = pl.col("rest")
    return frame.with_columns(
        in_city=rest.str.extract(places),
        in_province=rest.str.extract(provinces),
        rest=rest.str.replace(places, "").str.replace(provinces, "").str.replace(country, ""),
    )


def _without_branch(frame: pl.DataFrame) -> pl.DataFrame:
    """Cut off a branch: what stands after the head office's name, or else the branch word alone."""
    word = name_tables().branch
    patterns = (
        rf"^(.*?公司\)?)\(?([^()]{{0,12}}?{word})\)?$",
        rf"^(.*?(?:银行|集团|合作社|厂)\)?)\(?([^()]{{0,12}}?{word})\)?$",
        rf"^(.{{2,}}?)\(?({word})\)?$",
    )
    rest = pl.col("rest")
    return frame.with_columns(
        branch=pl.coalesce(rest.str.extract(pattern, 2) for pattern in patterns),
        rest=pl.coalesce(*(rest.str.extract(pattern, 1) for pattern in patterns), rest),
    )


def _without_form(frame: pl.DataFrame) -> pl.DataFrame:
    tables = name_tables()
    form = _known_end("rest", tables.forms, least=0)
    cut = frame.with_columns(ending=form).with_columns(
        form=_class_of("ending", tables.forms), rest=_cut_end("ending")
    )
    groups = ("企业集团", "集团")
    cut = cut.with_columns(ending=_known_end("rest", groups, least=1))
    return cut.with_columns(group=pl.col("ending").is_not_null(), rest=_cut_end("ending")).drop("ending")


def _known_end(column: str, words: Iterable[str], *, least: int) -> pl.Expr:
    """Return the longest of the words that the text ends with and that leaves `least` characters before it."""
    text, every = pl.col(column), list(words)
    lengths = sorted({len(word) for word in every}, reverse=True)
    return pl.coalesce(
        pl.when((text.str.len_chars() >= length + least) & text.str.tail(length).is_in(every)).then(
            text.str.tail(length)
        )
        for length in lengths
    )


def _cut_end(column: str) -> pl.Expr:
    length = pl.col(column).str.len_chars().fill_null(0)
    return pl.col("rest").str.slice(0, pl.col("rest").str.len_chars() - length)


def _without_region(frame: pl.DataFrame) -> pl.DataFrame:
    tables = name_tables()
    cut = _without_beginning(frame, ("中华人民共和国", "中国"), "country", least=4)
    cut = _without_beginning(cut, tables.provinces, "province", least=2)
    cut = _without_beginning(cut, tables.cities, "city", least=2)
    municipal = pl.col("province").replace(tables.provinces).is_in(_MUNICIPALITIES)
    placed = pl.col("city").is_not_null() | municipal.fill_null(value=False)
    cut = _where(cut.with_columns(district=_NOTHING), placed, _without_district)
    place = rf"^({_HAN}{{2,3}}?)(?:市|县)([^政场域].{{3,}})$"
    cut = _where(cut, pl.col("rest").str.contains(place), lambda part: part.with_columns(
        rest=pl.col("rest").str.replace(place, "$1$2")))  # fmt: skip
    # a municipality is its own city
    own = pl.coalesce("province", "in_province").replace(tables.provinces)
    city = pl.coalesce("city", "in_city", pl.when(own.is_in(_MUNICIPALITIES)).then(own))
    of_city = city.replace_strict(tables.cities, default=None, return_dtype=pl.String)
    return cut.with_columns(
        city=city, province=pl.coalesce("province", "in_province", of_city).replace(tables.provinces)
    ).drop("in_city", "in_province", "country")


def _without_beginning(frame: pl.DataFrame, words: Iterable[str], into: str, *, least: int) -> pl.DataFrame:
    """Move the longest of the words that begins the text, and leaves `least` characters, to a column of its own."""
    text, every = pl.col("rest"), list(words)
    lengths = sorted({len(word) for word in every}, reverse=True)
    found = pl.coalesce(
        pl.when((text.str.len_chars() >= length + least) & text.str.head(length).is_in(every)).then(
            text.str.head(length)
        )
        for length in lengths
    )
    frame = frame.with_columns(found.alias(into))
    rest = text.str.slice(pl.col(into).str.len_chars().fill_null(0))
    if into == "city":
        suffix = pl.col(into).is_not_null() & rest.str.contains(_CITY_SUFFIX)
        rest = pl.when(suffix).then(rest.str.replace(_CITY_SUFFIX, "$2")).otherwise(rest)
    return frame.with_columns(rest=rest)


def _without_district(frame: pl.DataFrame) -> pl.DataFrame:
    rest = pl.col("rest")
    return frame.with_columns(
        district=rest.str.extract(_DISTRICT, 1), rest=pl.coalesce(rest.str.extract(_DISTRICT, 2), "rest")
    )
