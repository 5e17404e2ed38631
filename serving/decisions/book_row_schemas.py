"""Shapes of a kept row of a book with its proof."""

from pydantic import Field

from serving.review.schemas import Reading
from serving.schemas import StrictModel

__all__ = ["BookRowAnswer", "ProofStep", "RowLeaf"]


class RowLeaf(StrictModel):
    """被哈希的内容：SHA-256(0x00 ‖ words ‖ 0x00 ‖ floats)。 / What is hashed: SHA-256(0x00 ‖ words ‖ 0x00 ‖ floats)."""

    words: str = Field(description="UTF-8 文本，逐字节 / text in UTF-8, byte for byte")
    floats: str = Field(
        description="各浮点数按 float_names 的次序，小端 float64，十六进制；缺失为 0x7ff8000000000000 / floats in the order of "
        "float_names, little-endian float64, in hexadecimal; missing is 0x7ff8000000000000"
    )
    float_names: list[str]
    sha256: str


class ProofStep(StrictModel):
    """向上一步：SHA-256(0x01 ‖ 左 ‖ 右)。 / One step up: SHA-256(0x01 ‖ left ‖ right)."""

    side: str = Field(description="对方在 left 还是 right / on which side the other stands: left or right")
    sha256: str


class BookRowAnswer(Reading):
    """批次中的一行及其证明。 / A row of a book with its proof."""

    of_decision: str
    book_id: str
    row: int
    values: dict[str, str | float | int | None] = Field(description="保留的这一行 / the row as it is kept")
    leaf: RowLeaf
    path: list[ProofStep] = Field(description="由下至上 / from the bottom up")
    merkle_root: str = Field(description="台账所记 / as the ledger has it")
    proven: bool = Field(
        description="由这一行算得的根与台账相同；false 表示文件被改动 / the root computed from the row is the ledger's; false: the "
        "file was changed"
    )
    seq: int = Field(description="台账序号 / place in the chain")
    record_hash: str = Field(description="该记录的链哈希 / hash of the record in the chain")
    record_intact: bool
