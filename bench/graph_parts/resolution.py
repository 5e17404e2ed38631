"""Resolution of generated dirty names: pairwise precision, recall and F1, and records a second, beside splink."""

import logging
import time
from dataclasses import dataclass

import polars as pl

from bench.graph_parts.dirty_names import MIXES, dirty_records
from bench.graph_parts.goal import Goal
from graph.resolution import Engine, Resolution, resolve

__all__ = ["Quality", "measured", "run"]

_RECORDS = 100_000
_RECORDS_SMALL = 10_000
_THRESHOLDS = (0.05, 0.1, 0.2, 0.5, 0.95)  # with one name and one code splink's own 0.95 asks for too much


@dataclass(frozen=True)
class Quality:
    """How well clusters agree with the truth, over pairs of records."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def line(self, work: str, seconds: float, count: int) -> str:
        """Write the figures of one run."""
        figures = f"precision {self.precision:.4f} recall {self.recall:.4f} F1 {self.f1:.4f}"
        return f"  {work:<58} {figures} {count / seconds:>8,.0f} records/s"


def run(seed: int, small: bool) -> list[Goal]:  # noqa: FBT001 - the shape that bench/graph.py asks of its parts
    """Measure the rules on both mixes and splink on the first, and return the goals."""
    count = _RECORDS_SMALL if small else _RECORDS
    goals = []
    for mix in MIXES:
        records = dirty_records(count, mix=MIXES[mix], seed=seed)
        started = time.perf_counter()
        found = resolve(records.drop("truth"))
        seconds = time.perf_counter() - started
        quality = measured(records, found.clusters)
        print(quality.line(f"rules, {mix} mix, {records.height:,} records", seconds, records.height))
        print(_review_line(records, found))
        goals += [
            Goal(f"resolution of dirty names, {mix} mix: F1", quality.f1, 0.98, "", higher=True),
            Goal(
                f"resolution of dirty names, {mix} mix: speed",
                records.height / seconds,
                10_000,
                "/s",
                higher=True,
            ),
        ]
    _beside_splink(dirty_records(count, mix=MIXES["everyday"], seed=seed), seed)
    return goals


def measured(records: pl.DataFrame, clusters: pl.DataFrame) -> Quality:
    """Compare clusters [party_id, canonical_id] with `truth` over all pairs of records that either puts together."""
    joined = records.join(clusters, on="party_id")
    right = _pairs(joined, "truth", "canonical_id")
    return Quality(right / max(1, _pairs(joined, "canonical_id")), right / max(1, _pairs(joined, "truth")))


def _pairs(joined: pl.DataFrame, *by: str) -> int:
    size = pl.col("len").cast(pl.Int64)
    return int(joined.group_by(by).len().select((size * (size - 1) // 2).sum()).item())


def _review_line(records: pl.DataFrame, found: Resolution) -> str:
    """Tell how many questions there are, and what F1 would be after a person who knows answered them."""
    truth = records.select("party_id", "truth")
    asked = found.review.join(truth, left_on="party_a", right_on="party_id")
    asked = asked.join(truth, left_on="party_b", right_on="party_id", suffix="_b")
    right = asked.filter(pl.col("truth") == pl.col("truth_b"))
    joined = pl.concat([found.matches.select("party_a", "party_b"), right.select("party_a", "party_b")])
    after = measured(records, _components(records, joined))
    share = found.review.height / records.height
    return f"    {found.review.height:,} questions ({share:.1%} of the records), F1 {after.f1:.4f} when they are answered rightly"


def _components(records: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return clusters of links as they stand."""
    import networkx as nx

    graph = nx.Graph(list(links.iter_rows()))
    graph.add_nodes_from(records["party_id"].to_list())
    rows = [(party, min(cluster)) for cluster in nx.connected_components(graph) for party in cluster]
    return pl.DataFrame(rows, schema=["party_id", "canonical_id"], orient="row")


def _beside_splink(records: pl.DataFrame, seed: int) -> None:
    try:
        import splink  # noqa: F401
    except ImportError:
        print("  splink is not installed: not compared")
        return
    started = time.perf_counter()
    found = resolve(records.drop("truth"), engine=Engine.SPLINK, seed=seed)
    seconds = time.perf_counter() - started
    quality = measured(records, found.clusters)
    print(quality.line("splink behind resolve: our parts of names, our rules", seconds, records.height))
    started = time.perf_counter()
    clusters = _splink_alone(records, seed)
    seconds = time.perf_counter() - started
    for threshold, frame in clusters.items():
        quality = measured(records, frame)
        print(
            quality.line(
                f"splink alone, evened-out name and code, threshold {threshold}", seconds, records.height
            )
        )


def _splink_alone(records: pl.DataFrame, seed: int) -> dict[float, pl.DataFrame]:
    """Link as splink's tutorial does: cleaned columns, its comparisons, random sampling for u, two rounds of EM."""
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    clean = pl.col("name").str.normalize("NFKC").str.replace_all(r"[\s()]", "").str.to_lowercase()
    table = records.select(
        unique_id="party_id", name=clean, credit_code=pl.col("credit_code").str.to_uppercase()
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("name", [0.95, 0.9, 0.8]),
            cl.LevenshteinAtThresholds("credit_code", [1, 2]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("credit_code"),
            block_on("substr(name, 1, 4)"),
            block_on("substr(name, 3, 4)"),
        ],
    )
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI()
    api.duckdb_con.execute("SET threads TO 2")
    linker = Linker(api.register(table.to_arrow()), settings, log_level=logging.ERROR)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("credit_code"), block_on("name")], recall=0.7
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed)
    training.estimate_parameters_using_expectation_maximisation(block_on("credit_code"))
    training.estimate_parameters_using_expectation_maximisation(block_on("name"))
    predicted = linker.inference.predict(threshold_match_probability=min(_THRESHOLDS))
    found = {}
    for threshold in _THRESHOLDS:
        clustered = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=threshold
        )
        frame: pl.DataFrame = clustered.as_duckdbpyrelation().pl()
        found[threshold] = frame.select(party_id="unique_id", canonical_id="cluster_id")
    return found
