"""Ids come from the system's generator, asked now and then."""

from concurrent.futures import ThreadPoolExecutor

from serving.random_bytes import RandomBytes


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
