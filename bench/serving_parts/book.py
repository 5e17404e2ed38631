"""A book of a million rows, Parquet to Parquet, as the service answers it, beside LightGBM's `pred_contrib` on a sample."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import Usage, measured

__all__ = ["main", "measure_book"]

_SAMPLE: Final = 3_000
_PIECE: Final = 50_000
_CHUNK: Final = 16_384
_BOOK: Final = "bench_book.parquet"
# What the service hands out as Parquet is this very file, see serving/credit/books/run.py.
_ANSWER: Final = "bench_answer/rows.parquet"
_ROUNDED: Final = 4  # decimals, as books have them


def measure_book(home: Path, rows: int) -> list[Goal]:
    """Make a book, answer it in one process and explain a sample of it in another."""
    _job("make", home, rows)
    ours = _job("ours", home, rows)
    told = json.loads((home / "book.json").read_text())
    _job("peer", home, min(_SAMPLE, rows))
    peer = json.loads((home / "book_peer.json").read_text())
    speed, theirs = rows / ours.cpu, peer["rows"] / peer["cpu"]
    print(
        f"book: {speed:,.0f} rows per CPU second, the whole process counted; pred_contrib {theirs:,.0f} on {peer['rows']:,} "
        f"rows, explaining alone; {(home / _BOOK).stat().st_size / 1e6:,.0f} MB in, "
        f"{(home / _ANSWER).stat().st_size / 1e6:,.0f} MB out"
    )
    (home / _BOOK).unlink()
    shutil.rmtree((home / _ANSWER).parent)
    return [
        Goal(
            f"book of {rows:,} rows: rows per CPU second / pred_contrib", speed / theirs, 3, "x", higher=True
        ),
        Goal(f"book of {rows:,} rows: peak memory", ours.peak_mb, 2048, "MB"),
        Goal(f"book of {rows:,} rows: answered with contributions", told["answered"], rows, "", higher=True),
        Goal(f"book of {rows:,} rows: times that progress was told", told["told"], 10, "", higher=True),
    ]


def _job(work: str, home: Path, rows: int) -> Usage:
    usage = measured([sys.executable, "-m", "bench.serving_parts.book", work, str(home), str(rows)])
    if usage.code != 0:
        raise SystemExit(f"book, {work}: ended with code {usage.code} (see above), nothing is claimed of it")
    print(f"book, {work:<5} {rows:>9,} rows: {usage.line()}", flush=True)
    return usage


def main() -> None:
    """Do one piece of work in a home, so that its cost can be told apart."""
    works: dict[str, Callable[[Path, int], None]] = {"make": _make, "ours": _ours, "peer": _peer}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=list(works))
    parser.add_argument("home", type=Path)
    parser.add_argument("rows", type=int)
    chosen = parser.parse_args()
    works[chosen.work](chosen.home, chosen.rows)


def _make(home: Path, rows: int) -> None:
    import numpy as np
    import polars as pl
    import pyarrow.parquet as pq

    from bench.serving_parts.home import COLUMNS, matrix

    names = [f"feature_{number:03}" for number in range(COLUMNS)]
    writer = None
    for start in range(0, rows, _PIECE):
        x = np.round(matrix(min(_PIECE, rows - start), seed=start + 1), _ROUNDED)
        table = pl.DataFrame(x, schema=names, orient="row").fill_nan(None)
        arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(home / _BOOK, arrow.schema)
        writer.write_table(arrow)
    if writer is not None:
        writer.close()


def _ours(home: Path, rows: int) -> None:
    """Answer the book with the parts that the service answers with."""
    from features.catalogue import catalogue
    from serving.access.caller import Call, Caller
    from serving.credit.books.bases import LookedUpBases, terms_of
    from serving.credit.books.reasons import ReasonTexts
    from serving.credit.books.rows import book_columns
    from serving.credit.books.run import run_book
    from serving.credit.books.scoring import BookScorer
    from serving.settings import ServiceSettings
    from serving.uploads.limits import TableLimits
    from serving.uploads.media import TableKind
    from serving.uploads.reading import open_table
    from serving.wiring import Deployment

    deployment = Deployment(ServiceSettings(home=home))
    deployment.start()
    scorer = deployment.parts.scorer()
    caller = Caller(Call("bench", "bench", ("risk_officer",)), "bench", ("*",))
    table = open_table(home / _BOOK, TableKind.PARQUET, TableLimits(rows=rows))
    columns = book_columns(table, scorer.model.features, scorer.terms.texts, ignore_unknown=False)
    cards = {card.name: card for card in catalogue("credit")}
    texts = ReasonTexts(scorer.model.features, cards, "zh")
    bases, terms = LookedUpBases(scorer, caller), terms_of(scorer)
    book = BookScorer(scorer.model, terms, bases, texts=texts, language="zh", at=datetime.now(UTC))
    progress = _Progress()
    (home / _ANSWER).parent.mkdir()
    counts = run_book(
        table,
        columns,
        book,
        (home / _ANSWER).parent,
        chunk_rows=_CHUNK,
        num_threads=2,
        progress=progress.tell,
    )
    deployment.stop()
    (home / "book.json").write_text(json.dumps({"answered": counts.answered, "told": progress.times}))


class _Progress:
    """Prints each tenth of the work, and counts how often it was told."""

    def __init__(self) -> None:
        self.times, self._tenth = 0, 0

    def tell(self, share: float) -> None:
        """Take the share that is done."""
        self.times += 1
        if share * 10 >= self._tenth + 1:
            self._tenth = int(share * 10)
            print(f"  {share:.0%}", flush=True)


def _peer(home: Path, rows: int) -> None:
    """Explain a sample with one thread; only the explaining counts, neither import nor reading nor writing."""
    import lightgbm as lgb
    import numpy as np
    import polars as pl

    from bench.serving_parts.home import BOOSTER

    booster = lgb.Booster(model_file=str(home / BOOSTER))
    frame = pl.scan_parquet(home / _BOOK).head(rows).collect()
    x = np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy())
    booster.predict(x[:10], pred_contrib=True, num_threads=1)
    begun = time.process_time()
    booster.predict(x, pred_contrib=True, num_threads=1)
    (home / "book_peer.json").write_text(json.dumps({"rows": len(x), "cpu": time.process_time() - begun}))


if __name__ == "__main__":
    main()
