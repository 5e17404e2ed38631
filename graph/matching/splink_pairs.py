"""Pairs of organisations by splink, Fellegi and Sunter's probabilistic linkage: an extra behind `resolve`."""

import logging
from typing import Final

import polars as pl
import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI
from splink.internals.exceptions import EMTrainingException
from splink.internals.linker_components.training import LinkerTraining

from graph.matching.errors import TooFewExamplesError
from graph.matching.likeness import LIKELY, UNSURE, of_two_seats, seat, two_offices
from graph.matching.records import Records

__all__ = ["PROBABLE", "splink_pairs"]

PROBABLE: Final = 0.95
"""The match probability that counts as `LIKELY`: the threshold of splink's own guide for clusters."""
_ASKED: Final = 0.5
_RECALL: Final = 0.7  # of the deterministic rules below; splink's prior needs a guess
_PAIRS: Final = 1e6
_THREADS: Final = 1  # sums in another order end in other digits
_LEARNT_FROM: Final = ("credit_code", "core")
_FEWEST: Final = 3  # fewer records teach nothing


def splink_pairs(read: Records, *, seed: int) -> pl.DataFrame:
    """Return [a, b, score, method, doubt]: pairs of parties that splink finds likely, its probability as score.

    It compares the parts that `graph.matching.names` takes names into and the credit code, with splink's own comparisons and
    training (u by random sampling from `seed`, m by expectation maximisation); I. Fellegi and A. Sunter, A theory for
    record linkage, JASA 64 (1969). Probabilities are mapped onto the scale of the rules, so that PROBABLE is LIKELY.
    What the rules know of branches, groups and other kinds of party is asked, not joined. Raises TooFewExamplesError
    where no two records share a code or a name.
    """
    table = _table(read)
    empty = pl.DataFrame(
        schema={"a": pl.UInt32, "b": pl.UInt32, "score": pl.Float64, "method": pl.String, "doubt": pl.String}
    )
    if table.height < _FEWEST:
        return empty
    found = _predicted(table, seed)
    if found.is_empty():
        return empty
    sides = table.select(pl.col("unique_id"), "kind", "branch", "group", "city", "seat")
    joined = found.join(sides, left_on="unique_id_l", right_on="unique_id").join(
        sides, left_on="unique_id_r", right_on="unique_id", suffix="_b"
    )
    elsewhere = (pl.col("city") != pl.col("city_b")).fill_null(value=False)
    doubts = [
        pl.when((pl.col(name) != pl.col(f"{name}_b")).fill_null(value=False)).then(pl.lit(name))
        for name in ("kind", "branch", "group")
    ]
    doubts.append(pl.when(of_two_seats()).then(pl.lit("seat")))
    return joined.filter(~elsewhere & ~two_offices()).select(
        a="unique_id_l", b="unique_id_r", score=_scaled(), method=pl.lit("splink"), doubt=pl.coalesce(doubts)
    )


def _scaled() -> pl.Expr:
    probability = pl.col("match_probability")
    high = LIKELY + (probability - PROBABLE) / (1 - PROBABLE) * (1 - LIKELY)
    low = UNSURE + (probability - _ASKED) / (PROBABLE - _ASKED) * (LIKELY - UNSURE)
    return pl.when(probability >= PROBABLE).then(high).otherwise(low)


def _table(read: Records) -> pl.DataFrame:
    """Return one row per organisation with the parts of its name, null where nothing is said."""
    units = read.units.filter(~pl.col("person") & (pl.col("core") != "")).unique(
        "party", keep="first", maintain_order=True
    )
    joined = units.join(read.spellings, on="spelling", maintain_order="left")
    texts = ["core", "brief", "sound", "city", "credit_code"]
    given = [pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts]
    return joined.select(
        pl.col("party").cast(pl.Int64).alias("unique_id"), "kind", "branch", "group", *given, seat=seat()
    )


def _predicted(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    logging.getLogger("splink").setLevel(logging.ERROR)  # it tells each step of the training on the console
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("core", [0.95, 0.88]),
            cl.ExactMatch("city"),
            cl.LevenshteinAtThresholds("credit_code", [2]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("credit_code"),
            block_on("core"),
            block_on("sound"),
            block_on("substr(core, 1, 3)", "city"),
        ],
    )
    api = DuckDBAPI()
    api.duckdb_con.execute(f"SET threads TO {_THREADS}")
    linker = Linker(api.register(table.to_arrow()), settings, log_level=logging.ERROR)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("credit_code"), block_on("core", "city")], recall=_RECALL
    )
    training.estimate_u_using_random_sampling(max_pairs=_PAIRS, seed=seed)
    _learn(training)
    frame: pl.DataFrame = (
        linker.inference.predict(threshold_match_probability=_ASKED).as_duckdbpyrelation().pl()
    )
    return frame.select("unique_id_l", "unique_id_r", "match_probability").sort("unique_id_l", "unique_id_r")


def _learn(training: LinkerTraining) -> None:
    """Learn from records of one code and of one name; where there are none of either, raise TooFewExamplesError."""
    failures = 0
    for column in _LEARNT_FROM:
        try:
            training.estimate_parameters_using_expectation_maximisation(block_on(column))
        except EMTrainingException:
            failures += 1
    if failures == len(_LEARNT_FROM):
        raise TooFewExamplesError
