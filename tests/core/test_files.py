"""Files by reference: who has one, how much of them is kept at hand, and how large one may be."""

from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from core import testing
from core.errors import MediaUnavailable
from core.files import Files, read_whole
from core.values import Media


class Shelf(testing.FakeAdapter):
    """An adapter whose files are as long as their names say."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: Counter[str] = Counter()

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        self.fetched[media.ref] += 1
        for _ in range(int(media.ref) // 10):
            yield b"0123456789"


def file(size: int, adapter: str = "fake") -> Media:
    """So long a file."""
    return Media(adapter=adapter, ref=str(size), kind="photo")


async def test_a_small_file_is_fetched_once_and_a_large_one_each_time() -> None:
    """A conversation that shows an image shows it again with each question."""
    shelf, files = Shelf(), Files(most_bytes=400)
    files.join(shelf)
    for size in (100, 110, 100, 110):
        assert len(await read_whole(files.fetch, file(size), 1000)) == size
    assert shelf.fetched == {"100": 1, "110": 2}


async def test_what_was_asked_for_longest_ago_makes_room() -> None:
    """What is kept in memory has a bound."""
    shelf, files = Shelf(), Files(most_bytes=200)
    files.join(shelf)
    for size in (10, 20, 30, 40, 50, 10, 20, 30, 40, 50, 10):  # together 150
        await read_whole(files.fetch, file(size), 1000)
    assert set(shelf.fetched.values()) == {1}
    for size in (41, 42):  # 40 each: more than there is room for
        await read_whole(files.fetch, file(size), 1000)
    await read_whole(files.fetch, file(20), 1000)
    await read_whole(files.fetch, file(10), 1000)
    assert (shelf.fetched["20"], shelf.fetched["10"]) == (2, 1)


async def test_a_file_of_an_adapter_that_is_not_there_cannot_be_had() -> None:
    """A messenger that was switched off since."""
    with pytest.raises(MediaUnavailable, match="no adapter 'gone'"):
        await read_whole(Files().fetch, file(10, "gone"), 1000)


async def test_reading_stops_at_the_bound() -> None:
    """Whoever reads a file whole says how large it may be."""
    files = Files()
    files.join(Shelf())
    with pytest.raises(MediaUnavailable, match="larger than 50 bytes"):
        await read_whole(files.fetch, file(1000), 50)
