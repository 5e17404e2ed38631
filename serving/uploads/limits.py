"""How large a table that comes over HTTP may be, in each way that it can be large."""

from dataclasses import dataclass

from serving.uploads.errors import UploadTooLargeError

__all__ = ["TableLimits"]


@dataclass(frozen=True)
class TableLimits:
    """Rows and columns; bytes once unpacked (`unpacked`), times that packing may shrink (`ratio`), cells and sheets of xlsx."""

    rows: int
    columns: int = 3_000
    unpacked: int = 8 << 30
    sheet_unpacked: int = 1 << 30
    ratio: int = 250
    cells: int = 5_000_000
    sheets: int = 50
    entries: int = 1_000
    text: int = 32_767  # Excel's own limit of a cell

    def check_rows(self, rows: int) -> None:
        """Raise UploadTooLargeError where there are more rows than may be."""
        if rows > self.rows:
            raise UploadTooLargeError(
                f"有 {rows:,} 行，上限为 {self.rows:,} 行",
                f"it has {rows:,} rows, {self.rows:,} are allowed",
                remedy_zh="请分成几个文件提交。",
                remedy_en="Split it into several files.",
            )

    def check_columns(self, columns: int) -> None:
        """Raise UploadTooLargeError where there are more columns than may be."""
        if columns > self.columns:
            raise UploadTooLargeError(
                f"有 {columns:,} 列，上限为 {self.columns:,} 列",
                f"it has {columns:,} columns, {self.columns:,} are allowed",
                remedy_zh="请只保留模型需要的列（见 GET /v1/credit/scores/template）。",
                remedy_en="Keep the columns that the model needs (see GET /v1/credit/scores/template).",
            )

    def check_unpacked(self, size: int, limit: int) -> None:
        """Raise UploadTooLargeError where the content unpacks to more than may be."""
        if size > limit:
            raise UploadTooLargeError(
                f"解压后为 {size:,} 字节，上限为 {limit:,} 字节",
                f"it unpacks to {size:,} bytes, {limit:,} are allowed",
                remedy_zh="请分成几个文件提交；如文件并不大，请重新导出。",
                remedy_en="Split it into several files, or export it again where the table is not that large.",
            )
