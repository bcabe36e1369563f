"""What people send as a file is told by its bytes, whatever its type says, and only what is of use is fetched."""

from collections.abc import AsyncGenerator

import pytest

from core.site import Fetch
from core.values import Media, MediaKind
from providers.attachments import shown

WORDS = "name: Jürgen\nports: [80, 443]\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)


def sent(name: str, mime: str = "", *, kind: MediaKind = "document", size: int = 0) -> Media:
    """A file as a messenger tells of it."""
    return Media(adapter="fake", ref="1", kind=kind, name=name, mime=mime, size_bytes=size)


class Store:
    """Where a file lies: hands it out in pieces, and counts them."""

    def __init__(self, data: bytes, piece_bytes: int = 4096) -> None:
        self.fetched = 0
        self._data = data
        self._piece_bytes = piece_bytes

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Fetch``."""
        del media
        for at in range(0, len(self._data), self._piece_bytes):
            piece = self._data[at : at + self._piece_bytes]
            self.fetched += len(piece)
            yield piece


def of(data: bytes) -> Fetch:
    """Where this file lies."""
    return Store(data).fetch


@pytest.mark.parametrize(
    "name, mime",
    [
        ("a.yml", "application/x-yaml"),
        ("a.yaml", ""),
        ("a.js", "application/javascript"),
        ("a.js", "application/x-javascript"),
        ("a.sh", "application/x-sh"),
        ("a.sql", "application/sql"),
        ("a.sql", "application/x-sql"),
        ("a.ipynb", "application/x-ipynb+json"),
        ("a.md", ""),
        ("a.log", "application/octet-stream"),
        ("a.toml", "application/toml"),
        ("a.ts", "video/mp2t"),
        ("a.php", "application/x-httpd-php"),
        ("a.tex", "application/x-tex"),
        ("a.srt", "application/x-subrip"),
        ("a.svg", "image/svg+xml"),
        ("a", "application/zip"),
    ],
)
async def test_a_text_is_shown_whatever_its_type_says(name: str, mime: str) -> None:
    """Types are made of the ends of names, by programs that know few of them."""
    file = await shown(sent(name, mime), of(WORDS.encode()), images=False, documents=False)
    assert (file.kind, file.text) == ("words", f"[document: {name}]\n{WORDS}")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le"])
async def test_a_text_is_read_in_its_encoding_and_a_guess_is_told(encoding: str) -> None:
    """The model may have to doubt it."""
    file = await shown(sent("a.txt", "text/plain"), of(WORDS.encode(encoding)), images=True, documents=True)
    assert file.text.endswith(WORDS)
    assert ("read as cp1252" in file.text) == (encoding == "cp1252")


@pytest.mark.parametrize("data", [PNG, b"%PDF-1.7\nhello\n", b"PK\x03\x04hello", b"\x7fELF" + bytes(5000)])
@pytest.mark.parametrize("mime", ["text/plain", "application/json", "application/octet-stream"])
async def test_what_is_no_text_is_not_shown_as_one(data: bytes, mime: str) -> None:
    """Though it is called a text."""
    file = await shown(sent("a.txt", mime), of(data), images=False, documents=False)
    assert file.text == "[document: a.txt; its content cannot be shown to you]"


async def test_a_picture_that_is_called_a_text_is_shown_as_the_picture_it_is() -> None:
    """To a model that sees pictures."""
    file = await shown(sent("a.txt", "text/plain"), of(PNG), images=True, documents=False)
    assert (file.kind, file.mime, file.data) == ("image", "image/png", PNG)


async def test_of_a_long_text_the_beginning_is_shown_and_no_more_is_fetched() -> None:
    """Megabytes cost no more than their beginning."""
    store = Store(b"a line of a log\n" * 1_000_000)
    file = await shown(sent("a.log", size=16_000_000), store.fetch, images=True, documents=True)
    assert file.text.startswith("[document: a.log]\na line of a log\n")
    assert file.text.endswith("[cut here: the whole is 16000000 bytes long]")
    assert len(file.text) < 201_000
    assert store.fetched < 210_000


async def test_a_file_that_is_nothing_to_show_is_not_fetched_to_its_end() -> None:
    """Its first bytes tell."""
    store = Store(b"PK\x03\x04" + bytes(5_000_000))
    file = await shown(sent("a.docx", "application/octet-stream"), store.fetch, images=True, documents=True)
    assert "cannot be shown" in file.text
    assert store.fetched <= 8192


async def test_an_image_that_is_too_large_is_not_shown_in_part() -> None:
    """Half a picture is refused by every lab."""
    file = await shown(sent("a.png", "image/png"), of(PNG + bytes(11 << 20)), images=True, documents=False)
    assert "too large" in file.text


async def test_an_empty_text_is_told_as_such() -> None:
    """There is nothing to be read in it."""
    file = await shown(sent("a.txt", "text/plain"), of(b""), images=True, documents=True)
    assert file.text == "[document: a.txt; it is empty]"


async def test_a_recording_is_not_fetched() -> None:
    """No model reads it so."""
    store = Store(b"OggS")
    await shown(sent("a.ogg", "audio/ogg", kind="voice"), store.fetch, images=True, documents=True)
    assert store.fetched == 0
