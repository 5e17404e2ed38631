"""The list of doubtful pairs that a person decides: one question per two clusters, with the reason in words."""

from collections.abc import Mapping
from typing import Final

import polars as pl

__all__ = ["METHODS", "REASONS", "REVIEW_SCHEMA", "review_list"]

REVIEW_SCHEMA: Final = pl.Schema(
    {
        "party_a": pl.String,
        "party_b": pl.String,
        "name_a": pl.String,
        "name_b": pl.String,
        "credit_code_a": pl.String,
        "credit_code_b": pl.String,
        "score": pl.Float64,
        "method": pl.String,
        "reason": pl.String,
        "reason_zh": pl.String,
        "reason_en": pl.String,
        "pairs": pl.UInt32,
    }
)

METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "credit_code": ("统一社会信用代码相同", "the same credit code"),
    "id_hash": ("证件号相同", "the same identity number"),
    "same_name": ("名称相同", "the same name"),
    "abbreviated_trade": ("行业用语为简称", "the trade is abbreviated"),
    "sounds_alike": ("有同音字之差", "characters differ that sound the same"),
    "doubled_character": ("多了一个重复的字", "a character is doubled"),
    "looks_alike": ("有形近字之差", "characters differ that look the same"),
    "swapped_words": ("词序不同", "the words stand in another order"),
    "swapped_characters": ("相邻两字颠倒", "two neighbouring characters are swapped"),
    "omitted_character": ("少了一个字", "one character is missing"),
    "abbreviation": ("一方为简称", "one is the beginning of the other"),
    "other_character": ("有一字不同", "one character differs"),
    "similar": ("名称相近", "the names are similar"),
    "near_code": ("信用代码仅差一两位", "the credit codes differ in one or two characters"),
    "splink": ("概率匹配", "probabilistic linkage"),
    "accepted": ("人工认定为同一主体", "a person accepted it"),
}
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "kind": ("主体类型不同，请核对类型", "the kinds of party differ; check them"),
    "person_without_id": ("同名自然人，缺少证件号，请补录证件号", "persons of one name, an identity number is missing; add it"),
    "branch": ("一方是分支机构，另一方是总部，请确认交易对手是哪一方", "one is a branch of the other; find out which of them is meant"),
    "group": ("一方名称带“集团”，可能是母公司", "one is called a group: perhaps the parent"),
    "form": ("组织形式不同", "the legal forms differ"),
    "district": ("所在区县不同", "the districts differ"),
    "region": ("一方冠省名，另一方冠市名，可能是两家企业", "one name has the province, the other a city: perhaps two companies"),
    "seat": ("政府机构，一方未写所在地区，请确认是哪一级", "a government body: one name lacks the region; find out which level it is"),
    "short_name": ("名称过短，不足以认定", "the name is too short to tell"),
    "both_written": ("两种写法都有多个主体使用，可能是两家公司", "several parties use each of the two spellings: perhaps two companies"),
    "several_fit": ("与多个主体相符，无法确定是哪一个", "it fits more than one party"),
    "codes_conflict": ("合并会使两个不同的有效信用代码归为一个主体", "joining them would bring two different valid credit codes together"),
    "invalid_code": ("信用代码校验位有误，请核对", "a credit code has a wrong check character; check it"),
    "weak": ("名称相近，但不足以认定", "the names are alike, yet not enough to tell"),
}  # fmt: skip


def review_list(doubtful: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Return one question per two clusters (`REVIEW_SCHEMA`), the likeliest first.

    `doubtful` [a, b, score, method, doubt, cluster_a, cluster_b] with parties by number; `parties` as in `Records`.
    The pair shown is the likeliest between the two clusters; `pairs` says how many pairs of spellings or codes there are.
    """
    low, high = pl.min_horizontal("cluster_a", "cluster_b"), pl.max_horizontal("cluster_a", "cluster_b")
    best = (
        doubtful.with_columns(low=low, high=high)
        .sort("score", "a", "b", descending=[True, False, False])
        .group_by("low", "high", maintain_order=True)
        .agg(pl.first("a", "b", "score", "method", "doubt"), pairs=pl.len().cast(pl.UInt32))
    )
    shown = parties.select(
        "party",
        "party_id",
        "name",
        "credit_code",
        bad=pl.col("credit_code").is_not_null() & ~pl.col("code_valid"),
    )
    for side in ("a", "b"):
        columns = {
            "party_id": f"party_{side}",
            "name": f"name_{side}",
            "credit_code": f"credit_code_{side}",
            "bad": f"bad_{side}",
        }
        best = best.join(
            shown.rename(columns), left_on=side, right_on="party", how="left", maintain_order="left"
        )
    bad_code = pl.when(pl.col("bad_a") | pl.col("bad_b")).then(pl.lit("invalid_code"))
    # a doubt says why it is asked; where there is none the score was simply too low
    best = best.with_columns(reason=pl.coalesce("doubt", bad_code, pl.lit("weak")))
    words = [_words(language, also=bad_code) for language in (0, 1)]
    return best.with_columns(reason_zh=words[0], reason_en=words[1]).select(
        pl.col(name).cast(dtype) for name, dtype in REVIEW_SCHEMA.items()
    )


def _words(language: int, also: pl.Expr) -> pl.Expr:
    def told(table: Mapping[str, tuple[str, str]], column: pl.Expr) -> pl.Expr:
        return column.replace_strict(
            {name: texts[language] for name, texts in table.items()}, return_dtype=pl.String
        )

    flagged = pl.when(pl.col("reason") != also).then(also)
    mark = "；" if language == 0 else "; "
    parts = [told(METHODS, pl.col("method")), told(REASONS, pl.col("reason")), told(REASONS, flagged)]
    return pl.concat_str(parts, separator=mark, ignore_nulls=True)
