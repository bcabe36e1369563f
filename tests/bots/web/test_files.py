"""Files: kept encrypted and open to their reference alone; what a browser is told they are can run nothing."""

import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bots.web.files import FOLDER, Files, TooLarge, picture, plain_name
from core.errors import MediaUnavailable

PNG = b"\x89PNG\r\n\x1a\n rest"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


async def pieces(*parts: bytes) -> AsyncGenerator[bytes, None]:
    """A body as it comes."""
    for part in parts:
        yield part


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An empty folder."""
    return Files(tmp_path, "web", 1000)


async def test_a_file_is_read_as_it_was_kept(files: Files) -> None:
    """By its reference, with what it is."""
    media = await files.keep(pieces(PNG[:3], PNG[3:]), "dot.png")
    assert (media.kind, media.mime, media.name, media.size_bytes) == ("photo", "image/png", "dot.png", len(PNG))
    stored = await files.read(media.ref)
    assert (stored.body, stored.mime) == (PNG, "image/png")


async def test_the_disk_alone_tells_nothing(files: Files, tmp_path: Path) -> None:
    """Neither the name nor a byte of the content, and no other user of the machine gets that far."""
    media = await files.keep(pieces(b"a secret text"), "secret.txt")
    (path,) = (tmp_path / FOLDER).iterdir()
    assert b"secret" not in path.read_bytes()
    assert "secret" not in path.name
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert media.ref.partition(".")[2].encode() not in path.read_bytes()


@pytest.mark.parametrize("ref", ["", "..", "../waystation.db", "0" * 32, f"{'0' * 32}.{'0' * 32}", "a/b", "\x00"])
async def test_a_reference_that_is_none_opens_nothing(files: Files, ref: str) -> None:
    """Wherever it points."""
    with pytest.raises(MediaUnavailable):
        await files.read(ref)


async def test_another_key_or_a_changed_file_is_refused(files: Files, tmp_path: Path) -> None:
    """A flipped byte is noticed, and a guessed key is of no use."""
    media = await files.keep(pieces(b"text"), "a.txt")
    number, _, key = media.ref.partition(".")
    with pytest.raises(MediaUnavailable):
        await files.read(f"{number}.{'0' * len(key)}")
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(MediaUnavailable):
        await files.read(media.ref)


async def test_a_file_that_is_too_large_is_not_kept(files: Files, tmp_path: Path) -> None:
    """It is noticed on the way, whatever it said of its length."""
    with pytest.raises(TooLarge):
        await files.keep(pieces(*[b"x" * 100] * 11), "big")
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize(
    "name, body, kind, mime",
    [
        ("a.svg", SVG, "document", "application/octet-stream"),
        ("a.png", SVG, "document", "application/octet-stream"),
        ("a.html", b"<script>", "document", "text/html"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "photo", "image/jpeg"),
        ("a.webp", b"RIFF1234WEBPVP8 ", "photo", "image/webp"),
        ("a.gif", b"GIF89a", "photo", "image/gif"),
        ("a.mp3", b"ID3", "audio", "audio/mpeg"),
        ("a.mp4", b"....ftyp", "video", "video/mp4"),
        ("a", b"", "document", "application/octet-stream"),
    ],
)
async def test_a_picture_is_one_by_its_bytes_only(files: Files, name: str, body: bytes, kind: str, mime: str) -> None:
    """What a name says is a hint for models; a browser is only ever told of pictures, or of bytes."""
    media = await files.keep(pieces(body), name)
    assert (media.kind, media.mime) == (kind, mime)
    assert (await files.read(media.ref)).mime == (mime if kind == "photo" else "application/octet-stream")


@pytest.mark.parametrize(
    "given, name",
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("\u202etxt.exe", "txt.exe"),
        ("", "file"),
        ("...", "file"),
        ("a" * 500 + ".txt", "a" * 116 + ".txt"),
        ("x\r\nSet-Cookie: a=b", "xSet-Cookie: a=b"),
    ],
)
def test_a_name_leads_nowhere_and_hides_nothing(given: str, name: str) -> None:
    """It is shown, and offered for saving."""
    assert plain_name(given) == name


async def test_what_was_never_sent_is_removed_after_a_day(files: Files, tmp_path: Path) -> None:
    """What was sent stays."""
    sent, unsent, fresh = [await files.keep(pieces(b"x"), name) for name in ("a", "b", "c")]
    await files.settle(sent.ref)
    for media in (sent, unsent):
        (path,) = (tmp_path / FOLDER).glob(f"{media.ref.partition('.')[0]}*")
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    await files.tidy()
    assert (await files.read(sent.ref)).body == (await files.read(fresh.ref)).body == b"x"
    with pytest.raises(MediaUnavailable):
        await files.read(unsent.ref)


def test_only_what_begins_like_a_picture_is_one() -> None:
    """Some bytes in the middle are not enough."""
    assert picture(b"x" + PNG) == picture(b"") == picture(b"RIFF") == ""
