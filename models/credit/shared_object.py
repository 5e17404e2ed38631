"""Turn the object code of functions that need nothing but themselves into a library that the system can load: no linker."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["UnlinkableError", "shared_object"]

_PAGE: Final = 4096
_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_MOVE: Final = struct.Struct("<QQq")
_MACHINE: Final = 62  # x86-64
_MAGIC: Final = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian
_PROGBITS, _SYMTAB, _RELA, _NOBITS = 1, 2, 4, 8
_WRITE, _ALLOC = 1, 2
_RELATIVE: Final = (2, 4)  # PC32 and PLT32: the distance to a symbol
_FUNCTION: Final = 0x12  # a global function
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_R, _W, _X = 4, 2, 1


class UnlinkableError(Exception):
    """Object code that asks for more than itself, or is for another machine."""


@dataclass(frozen=True)
class _Section:
    kind: int
    flags: int
    data: bytes
    link: int
    info: int
    align: int


def shared_object(relocatable: bytes, names: Mapping[str, str]) -> bytes:
    """Return an ELF library that holds the code and constants of a relocatable object, its functions under given names.

    `names` maps symbols of the object to exported names. Raises UnlinkableError where the code refers to anything outside
    the object, has data that is written to, or is not for x86-64.
    Source: System V ABI, ELF-64 and its supplement for AMD64.
    """
    sections = _sections(relocatable)
    table = next((one for one in sections if one.kind == _SYMTAB), None)
    if table is None:
        raise UnlinkableError("no symbols")
    texts = sections[table.link].data
    symbols = [_SYMBOL.unpack_from(table.data, at) for at in range(0, len(table.data), _SYMBOL.size)]
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names.values())
    head = _HEADER.size + 4 * _SEGMENT.size
    symbols_at = head
    strings_at = symbols_at + (1 + len(names)) * _SYMBOL.size
    hash_at = _up(strings_at + len(strings), 8)
    places, end = _placed(sections, hash_at + 4 * (4 + len(names)))
    image = bytearray(_up(end, _PAGE))
    for number, place in places.items():
        image[place : place + len(sections[number].data)] = sections[number].data
    _move(image, sections, symbols, places)
    exported = {}
    for name_at, _, _, section, value, _ in symbols:
        name = texts[name_at : texts.index(b"\0", name_at)].decode()
        if name in names and section in places:
            exported[names[name]] = places[section] + value
    if len(exported) != len(names):
        raise UnlinkableError("a function is missing")
    at = 1
    for row, name in enumerate(names.values(), 1):
        _SYMBOL.pack_into(image, symbols_at + row * _SYMBOL.size, at, _FUNCTION, 0, 1, exported[name], 0)
        at += len(name.encode()) + 1
    image[strings_at : strings_at + len(strings)] = strings
    # A hash table with a single chain: first the number of chains and symbols, then the way through the symbols.
    chain = [1, 1 + len(names), 1, 0, *range(2, 1 + len(names)), 0]
    struct.pack_into(f"<{len(chain)}I", image, hash_at, *chain)
    entries = ((4, hash_at), (5, strings_at), (6, symbols_at), (10, len(strings)), (11, _SYMBOL.size), (0, 0))
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    _write_head(image, len(dynamic))
    return bytes(image) + dynamic


def _sections(relocatable: bytes) -> list[_Section]:
    if len(relocatable) < _HEADER.size or not relocatable.startswith(_MAGIC):
        raise UnlinkableError("not an ELF object")
    _, _, machine, _, _, _, at, *_, size, count, _ = _HEADER.unpack_from(relocatable)
    if machine != _MACHINE:
        raise UnlinkableError("not for x86-64")
    found = []
    for number in range(count):
        _, kind, flags, _, offset, length, link, info, align, _ = _SECTION.unpack_from(
            relocatable, at + number * size
        )
        data = b"" if kind == _NOBITS else relocatable[offset : offset + length]
        if flags & _ALLOC and flags & _WRITE and length:
            raise UnlinkableError("data that is written to")
        found.append(_Section(kind, flags, data, link, info, max(align, 1)))
    return found


def _placed(sections: list[_Section], start: int) -> tuple[dict[int, int], int]:
    """Lay code and constants one after the other; tables for unwinding are left out, as nothing is thrown."""
    places, end = {}, start
    for number, section in enumerate(sections):
        if section.kind == _PROGBITS and section.flags & _ALLOC:
            places[number] = _up(end, section.align)
            end = places[number] + len(section.data)
    return places, end


def _move(
    image: bytearray, sections: list[_Section], symbols: list[tuple[int, ...]], places: Mapping[int, int]
) -> None:
    """Fill in the distances from the code to its constants and functions."""
    for moves in sections:
        if moves.kind != _RELA or moves.info not in places:
            continue
        for offset, info, addend in _MOVE.iter_unpack(moves.data):
            _, _, _, section, value, _ = symbols[info >> 32]
            if info & 0xFFFFFFFF not in _RELATIVE or section not in places:
                raise UnlinkableError("a reference to something else")
            at = places[moves.info] + offset
            struct.pack_into("<i", image, at, places[section] + value + addend - at)


def _write_head(image: bytearray, dynamic: int) -> None:
    """Write the header: what is mapped to read and run, and what the loader itself notes down."""
    size = len(image)
    segments = (
        (_LOAD, _R | _X, 0, size, _PAGE),
        (_LOAD, _R | _W, size, dynamic, _PAGE),
        (_DYNAMIC, _R | _W, size, dynamic, 8),
        (_STACK, _R | _W, 0, 0, 16),
    )
    magic = _MAGIC.ljust(16, b"\0")
    _HEADER.pack_into(
        image, 0, magic, 3, _MACHINE, 1, 0, _HEADER.size, 0, 0, _HEADER.size, _SEGMENT.size, len(segments), 64, 0, 0
    )  # fmt: skip
    for row, (kind, flags, at, length, align) in enumerate(segments):
        place = _HEADER.size + row * _SEGMENT.size
        _SEGMENT.pack_into(image, place, kind, flags, at, at, at, length, length, align)


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
