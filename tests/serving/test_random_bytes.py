"""Ids come from the system's generator, asked now and then."""

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

from serving.random_bytes import RandomBytes, new_id


def test_every_byte_is_given_out_once_and_in_order() -> None:
    asked: list[int] = []

    def source(count: int) -> bytes:
        asked.append(count)
        return bytes((len(asked) + place) % 256 for place in range(count))

    given = RandomBytes(source)
    assert [given(2), given(1)] == [bytes([1, 2]), bytes([3])]
    assert len(given(4090)) == 4090
    assert asked == [4096]
    assert given(16) == bytes(range(2, 18))
    assert len(given(5000)) == 5000
    assert asked == [4096, 4096, 5000]


def test_ids_taken_by_threads_at_once_differ() -> None:
    given = RandomBytes()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: given(16), range(4000)))
    assert len(set(found)) == 4000


def test_what_is_held_is_not_given_out_after_it_was_forgotten() -> None:
    blocks = iter([b"a" * 4096, b"b" * 4096])
    given = RandomBytes(lambda _: next(blocks))
    assert given(1) == b"a"
    given.forget()
    assert given(1) == b"b"


_FORKED = """
import os
from serving.random_bytes import new_bytes
new_bytes(1)  # from here on both would hold the same block
if os.fork():
    os.wait()
print(new_bytes(16).hex(), flush=True)
"""


def test_a_forked_process_gives_out_other_bytes_than_its_parent() -> None:
    # in a process of its own: one that has threads, as this may, should not be forked
    told = subprocess.run([sys.executable, "-c", _FORKED], check=True, capture_output=True, text=True)
    assert len(set(told.stdout.split())) == 2


def test_an_id_is_a_random_uuid_without_hyphens() -> None:
    found = uuid.UUID(new_id())
    assert (found.version, found.variant) == (4, uuid.RFC_4122)
    assert len({new_id() for _ in range(1000)}) == 1000
