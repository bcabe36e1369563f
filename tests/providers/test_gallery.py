"""Files that a lab would refuse are told in words, and the request is answered."""

import struct
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.rigs.providers import PDF, PNG, site
from core.exchange import Entry, Finished, Model, Part, Request
from core.site import ProviderSite
from core.values import Media
from providers import anthropic, google
from providers.attachments import mime_of
from providers.dimensions import side
from providers.gallery import Limits, gallery
from providers.integrity import broken
from simulators.anthropic import AnthropicSimulator
from simulators.google import GoogleSimulator
from simulators.telegram.files import PIXEL_PNG

MODEL = Model(id="m", images=True, documents=True)


def chunk(name: bytes, body: bytes) -> bytes:
    """A piece of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int = 1, size: int = 100) -> bytes:
    """An image of this size, with so many bytes, that has all its pieces."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    last = chunk(b"IEND", b"")
    return head + chunk(b"IDAT", bytes(size - len(head) - len(last) - 12)) + last


def jpeg(width: int, height: int) -> bytes:
    """A photo with a note of its camera before its size."""
    note = b"\xff\xe1" + struct.pack(">H", 50) + b"x" * 48
    frame = b"\xff\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + bytes(10)
    return b"\xff\xd8" + note + frame + b"\xff\xda" + struct.pack(">H", 8) + bytes(26) + b"\xff\xd9"


def gif(width: int, height: int) -> bytes:
    """An animation of one picture."""
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
        + bytes(6)
        + b"\x21\xf9\x04\0\0\0\0\0"
        + b"\x2c"
        + struct.pack("<HHHHB", 0, 0, width, height, 0)
        + b"\x02\x02\x44\x01\0;"
    )


def webp(kind: bytes, rest: bytes) -> bytes:
    """An image of one of the three kinds of WebP."""
    return b"RIFF" + struct.pack("<I", 12 + len(rest)) + b"WEBP" + kind + b"\0\0\0\0" + rest


def photo(ref: str) -> Media:
    """A photo."""
    return Media(adapter="fake", ref=ref, kind="photo", mime="image/png")


def asked(*refs: str) -> Request:
    """A question about photos, the oldest first."""
    parts = tuple(Part(kind="media", media=photo(ref)) for ref in refs)
    return Request(model="m", entries=tuple(Entry(role="user", parts=(part,)) for part in parts))


def of(**files: bytes) -> ProviderSite:
    """A site that has these files; the name of each is its ``ref``."""

    async def fetch(media: Media) -> AsyncGenerator[bytes, None]:
        yield files[media.ref]

    return replace(site("lab"), fetch=fetch)


async def kinds(request: Request, limits: Limits, **files: bytes) -> dict[str, str]:
    """What becomes of each photo: shown, or the words for it."""
    placed = await gallery(request, MODEL, limits, of(**files).fetch)
    return {media.ref: file.text or file.kind for media, file in placed.items()}


@pytest.mark.parametrize(
    "data, pixels",
    [
        (PNG, 1),
        (png(9000, 20), 9000),
        (gif(300, 4000), 4000),
        (jpeg(4032, 3024), 4032),
        (webp(b"VP8X", b"\0\0\0\0" + b"\x0f\x27\x00" + b"\x63\x00\x00"), 10000),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", (99 << 14) | 1999)), 2000),
        (webp(b"VP8 ", b"\0" * 6 + struct.pack("<HH", 640, 480)), 640),
        (b"\xff\xd8\xff\xe1", 0),
        (b"%PDF-1.4", 0),
    ],
    ids=["png", "png-wide", "gif", "jpeg", "webp-extended", "webp-lossless", "webp-lossy", "cut", "none"],
)
def test_the_size_of_an_image_is_read_from_its_head(data: bytes, pixels: int) -> None:
    """The longer side."""
    assert side(data) == pixels


@given(
    st.sampled_from([b"\x89PNG", b"GIF8", b"\xff\xd8\xff", webp(b"VP8X", b""), webp(b"VP8 ", b"")]),
    st.binary(max_size=80),
)
def test_a_head_of_any_kind_is_read_to_its_end(head: bytes, rest: bytes) -> None:
    """Whatever somebody sends, it is a number."""
    assert side(head + rest) >= 0


WHOLE = {
    "image/png": png(3, 2),
    "image/jpeg": jpeg(3, 2),
    "image/gif": gif(3, 2),
    "image/webp": webp(b"VP8L", b"\x2f" + bytes(9)),
    "application/pdf": PDF,
}


@pytest.mark.parametrize("mime", WHOLE)
def test_a_whole_file_is_whole_and_one_that_is_cut_off_is_not(mime: str) -> None:
    """Wherever it was cut, but for the last few bytes of a format that needs no end."""
    data = WHOLE[mime]
    assert mime_of(data) == mime
    assert broken(data, mime) == ""
    assert broken(data + b"and more", mime) == ""
    most = {"image/gif": len(data) - 1, "application/pdf": data.find(b"%%EOF")}.get(mime, len(data))
    assert all(broken(data[:at], mime) for at in range(most))


@pytest.mark.parametrize("data", [PNG, PIXEL_PNG], ids=["contract", "telegram"])
def test_a_real_image_is_whole(data: bytes) -> None:
    """As programs write it."""
    assert broken(data, mime_of(data)) == ""


@pytest.mark.parametrize(
    "data, mime",
    [
        (png(3, 2).replace(b"IDAT", b"IDAT\1", 1)[:-1], "image/png"),
        (png(0, 2), "image/png"),
        (png(3, 2).replace(b"IDAT", b"tEXt"), "image/png"),
        (jpeg(0, 2), "image/jpeg"),
        (jpeg(3, 2).replace(b"\xff\xff\xc2", b"\xff\xff\xe3"), "image/jpeg"),
        (b"\xff\xd8\xff" + b"plain words" * 9, "image/jpeg"),
        (b"GIF89a" + bytes(7) + b";", "image/gif"),
        (b"RIFF\4\0\0\0WEBPplain words", "image/webp"),
        (b"", "image/png"),
    ],
)
def test_a_damaged_file_is_told(data: bytes, mime: str) -> None:
    """A piece that is not what it says, a picture without a size or without a picture."""
    assert broken(data, mime)


@given(st.sampled_from(list(WHOLE)), st.binary(max_size=80), st.integers(0, 40))
def test_whatever_is_in_a_file_it_is_read_to_an_end(mime: str, rest: bytes, at: int) -> None:
    """Nothing that somebody sends goes round in circles, or breaks anything."""
    assert isinstance(broken(WHOLE[mime][:at] + rest, mime), str)


async def test_a_damaged_file_is_told_in_words_with_the_reason() -> None:
    """The others are shown, and there is room for them."""
    files = {"cut": png(50, size=300)[:48], "whole": png(50, size=300)}
    told = await kinds(asked(*files), Limits(image_bytes=400, all_bytes=900), **files)
    assert told["whole"] == "image"
    assert "it is cut off and cannot be read" in told["cut"]


async def test_an_image_that_is_too_large_is_told_in_words() -> None:
    """In bytes as they are sent, in pixels, or of a kind that the lab does not take."""
    limits = Limits(image_bytes=400, all_bytes=4000, side=100, kinds=frozenset({"image/png"}))
    files = {"fits": png(100, size=300), "heavy": png(1, size=301), "long": png(101), "odd": jpeg(1, 1)}
    told = await kinds(asked(*files), limits, **files)
    assert told["fits"] == "image"
    assert "too large" in told["heavy"]
    assert "101 pixels" in told["long"]
    assert "image/jpeg" in told["odd"]


async def test_the_newest_files_have_precedence() -> None:
    """Where there is no room for all of them, or there are too many."""
    files = {name: png(1, size=300) for name in ("oldest", "older", "newest")}
    told = await kinds(asked(*files), Limits(image_bytes=400, all_bytes=900), **files)
    assert "no room" in told["oldest"]
    assert (told["older"], told["newest"]) == ("image", "image")
    told = await kinds(asked(*files), Limits(image_bytes=400, all_bytes=9000, images=1), **files)
    assert "too many" in told["older"]
    assert told["newest"] == "image"


@pytest.mark.parametrize("newest, shown", [(50, 4), (51, 2)])
async def test_many_images_are_small_ones(newest: int, shown: int) -> None:
    """A large one among the few newest keeps the others out; a large one among the many stays out itself."""
    files = {f"small{number}": png(50) for number in range(2)} | {"large": png(99), "last": png(50), "new": png(newest)}
    limits = Limits(image_bytes=400, all_bytes=9000, few=2, side_of_many=50)
    told = await kinds(asked(*files), limits, **files)
    assert sum(text == "image" for text in told.values()) == shown
    assert told["new"] == "image"


async def test_anthropic_answers_whatever_it_is_sent() -> None:
    """Beside an image that is too heavy, one that is too long, and more than it takes of large ones."""
    files = {"heavy": png(1, size=(5 << 20) * 3 // 4 + 1), "long": png(8001)}
    files |= {f"photo{number}": png(3000) for number in range(22)}
    async with AnthropicSimulator() as lab:
        settings = anthropic.AnthropicSettings(api_key=SecretStr("sk-1"), base_url=lab.address)
        async with anthropic.spec.open(of(**files), settings) as provider:
            request = replace(asked(*files), model="claude-sim-sonnet")
            async with aclosing(provider.stream(request)) as events:
                heard = [event async for event in events]
        assert isinstance(heard[-1], Finished)
        blocks = [block["type"] for message in lab.requests[0].body["messages"] for block in message["content"]]
        assert (blocks.count("image"), blocks.count("text")) == (20, 4)
        assert lab.violations == []


async def test_google_is_shown_no_animation() -> None:
    """It knows none."""
    async with GoogleSimulator() as lab:
        settings = google.GoogleSettings(api_key=SecretStr("sk-1"), base_url=lab.address)
        async with google.spec.open(of(moves=gif(1, 1)), settings) as provider:
            request = replace(asked("moves"), model="gemini-sim-flash")
            async with aclosing(provider.stream(request)) as events:
                heard = [event async for event in events]
        assert isinstance(heard[-1], Finished)
        assert "image/gif" in str(lab.requests[0].body)
        assert lab.violations == []
