"""Fetching files: true bytes, and never more of them than allowed."""

from contextlib import aclosing

import pytest

from contracts.rigs.telegram import MOST_BYTES, Ear, Rig
from core.errors import MediaUnavailable, PlatformDown
from core.values import Media, Message
from simulators.telegram import Refused, cut, refuse, server_error


async def download(rig: Rig, media: Media, into: bytearray | None = None) -> bytes:
    """All of a file, or what came of it."""
    got = bytearray() if into is None else into
    async with aclosing(rig.adapter.fetch(media)) as pieces:
        async for piece in pieces:
            got += piece
    return bytes(got)


def stored(rig: Rig, data: bytes, *, size: int | None = -1, declared: int = 0) -> Media:
    """A file that lies on the platform, which says of it what we like."""
    file = rig.telegram.world.files.add(data, name="file.bin", size=size)
    return Media(adapter="telegram", ref=file.file_id, kind="document", size_bytes=declared)


async def test_a_file_a_person_sent_can_be_fetched(rig: Rig, ear: Ear) -> None:
    """The reference of an event is all that is needed, and the bytes are the person's."""
    data = bytes(range(256)) * 300
    rig.person.document(data, name="all.bin")
    (event,) = await ear.hear()
    assert isinstance(event.body, Message)
    assert await download(rig, event.body.media[0]) == data


async def test_a_file_declared_too_large_is_not_even_asked_for(rig: Rig) -> None:
    """What the event itself says of the size is believed when it says too much."""
    with pytest.raises(MediaUnavailable, match="larger"):
        await download(rig, stored(rig, b"small", declared=MOST_BYTES + 1))
    assert rig.telegram.calls == []


async def test_a_file_the_platform_calls_too_large_is_not_downloaded(rig: Rig) -> None:
    """The event may not have known the size; the platform's second word counts too."""
    with pytest.raises(MediaUnavailable, match="larger"):
        await download(rig, stored(rig, b"small", size=MOST_BYTES + 1))
    assert rig.telegram.calls_of("file") == []


@pytest.mark.parametrize("size", [None, 5])
async def test_a_file_that_turns_out_too_large_is_broken_off(rig: Rig, size: int | None) -> None:
    """What is declared is a claim; the bytes that come are counted."""
    got = bytearray()
    with pytest.raises(MediaUnavailable, match="larger"):
        await download(rig, stored(rig, bytes(3 * MOST_BYTES), size=size), into=got)
    assert len(got) <= MOST_BYTES


async def test_a_file_that_is_gone_is_unavailable(rig: Rig) -> None:
    """Nothing will bring it back, so it is not asked for again."""
    with pytest.raises(MediaUnavailable):
        await download(rig, Media(adapter="telegram", ref="nonsense", kind="photo"))
    rig.telegram.fail("file", refuse(Refused(404, "Not Found")))
    with pytest.raises(MediaUnavailable):
        await download(rig, stored(rig, b"data"))


@pytest.mark.parametrize("method", ["getFile", "file"])
async def test_a_platform_in_trouble_may_have_the_file_later(rig: Rig, method: str) -> None:
    """A failure on the way is no verdict on the file."""
    for fault in (server_error(502), cut()):
        rule = rig.telegram.fail(method, fault, times=2)  # downloads are tried twice by aiohttp, being harmless
        with pytest.raises(PlatformDown):
            await download(rig, stored(rig, b"data"))
        rule.remove()


async def test_a_path_on_the_servers_own_disk_is_not_followed(rig: Rig) -> None:
    """A local server names files on its disk; opening what a server names would be a hole."""
    media = stored(rig, b"data")
    file = rig.telegram.world.files.get(media.ref)
    assert file is not None
    object.__setattr__(file, "path", "/etc/passwd")
    with pytest.raises(MediaUnavailable):
        await download(rig, media)
