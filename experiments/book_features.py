"""A Parquet file of the features of a book, checked before anything is scored and read in pieces that fit in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.errors import BookFeaturesError
from features.errors import UnreadableFileError

__all__ = ["KEY", "BookFeatures"]

KEY: Final = ("party_id", "as_of")
_BUFFER: Final = 1 << 20  # without a buffer whole column chunks would be read, all of them at once
_SHOWN: Final = 5


class BookFeatures:
    """An open file with party_id, as_of and features, one row per party and date."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises UnreadableFileError when it is no Parquet file."""
        self.path = path
        with _reading(path):
            self._file = pq.ParquetFile(path, buffer_size=_BUFFER)
            self.empty = _frame(self._file.schema_arrow.empty_table())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self._file.metadata.num_rows)

    def keys(self) -> pl.DataFrame:
        """Return [party_id, as_of] of every row, in the order of the file.

        Raises BookFeaturesError when there is no row, or naming the first row without a party or date, or the parties that
        stand there more than once on a date.
        """
        lacking = [name for name in KEY if name not in self.empty.columns]
        if lacking:
            text = ", ".join(lacking)
            raise BookFeaturesError(self.path, f"缺少列 {text}", f"it lacks the column(s) {text}")
        for name, dtype in zip(KEY, (pl.String, pl.Date), strict=True):
            if (found := self.empty.schema[name]) != dtype:
                raise BookFeaturesError(
                    self.path,
                    f"列 {name} 的类型为 {found}，应为 {dtype}",
                    f"column {name} is {found}, it must be {dtype}",
                )
        if self.rows == 0:
            raise BookFeaturesError(self.path, "没有数据行", "it holds no row")
        keys = pl.concat(self.batches(1 << 17, KEY))
        self._check_known(keys)
        self._check_once(keys)
        return keys

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the columns in pieces of so many rows (the last may be shorter), in the order of the file.

        Raises UnreadableFileError when the file breaks off.
        """
        with _reading(self.path):
            for batch in self._file.iter_batches(rows, columns=list(columns), use_threads=False):
                yield _frame(pa.Table.from_batches([batch]))

    def _check_known(self, keys: pl.DataFrame) -> None:
        for name in KEY:
            unknown = keys[name].is_null()
            if name == "party_id":
                unknown |= (keys[name] == "").fill_null(value=False)
            if unknown.any():
                first, count = int(unknown.arg_true()[0]) + 1, unknown.sum()
                raise BookFeaturesError(
                    self.path,
                    f"{count:,} 行没有 {name}，首先是第 {first:,} 行",
                    f"{count:,} row(s) have no {name}, the first is row {first:,}",
                )

    def _check_once(self, keys: pl.DataFrame) -> None:
        repeated = keys.filter(keys.is_duplicated()).unique(maintain_order=True)
        if not repeated.is_empty():
            shown = ", ".join(f"{party} ({day})" for party, day in repeated.head(_SHOWN).iter_rows())
            zh, en = ("……", ", …") if repeated.height > _SHOWN else ("", "")
            raise BookFeaturesError(
                self.path,
                f"{repeated.height:,} 个主体在同一日期重复出现：{shown}{zh}",
                f"{repeated.height:,} parties stand there more than once on a date: {shown}{en}",
            )


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):  # for the type checker: a table becomes a frame
        raise TypeError(f"a table became a {type(frame).__name__}")
    return frame


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading into an error that names the file."""
    try:
        yield
    except (OSError, pa.ArrowException) as problem:
        raise UnreadableFileError(
            path,
            f"不是完整的 Parquet 文件（{problem}）。请用 `zhiheng features build` 重新生成，或重新导出。",
            f"it is not a whole Parquet file ({problem}). Build it with `zhiheng features build` or export it again.",
        ) from problem
