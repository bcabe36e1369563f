"""Whatever is sent to the pages by whoever is inside: it is taken or refused in words, and never breaks a handler."""

import itertools
import json
import random
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse
from structlog.testing import capture_logs

from core.testing import FakeMemo
from simulators.pages import FakeArchive, Page, World, living

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}

NO_FIELDS = {
    "nothing": b"",
    "a word": b"hello",
    "half an object": b'{"c": "c1", "text": ',
    "a list": b'["c1"]',
    "a string": b'"text"',
    "a number": b"1",
    "null": b"null",
    "a nested list": b"[" * 200_000,
    "a nested object": b'{"a":' * 200_000,
    "a number as text": b'{"c": "c1", "text": 5, "what": 5, "everywhere": 1}',
    "an object as text": b'{"c": "c1", "text": {"a": 1}, "what": {}, "everywhere": {}}',
    "a list as text": b'{"c": "c1", "text": ["a"], "what": [], "everywhere": []}',
    "null as text": b'{"c": "c1", "text": null, "what": null, "everywhere": null}',
    "true as text": b'{"c": "c1", "text": true, "what": true, "everywhere": true}',
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "half of UTF-16": b'\xff\xfe{\x00"',
    "NUL": b"\x00" * 100,
    "an endless number": b'{"text": ' + b"9" * 100_000 + b"}",
    "not a number": b'{"text": NaN}',
    "two values": b'{"text": "a"} {"text": "b"}',
}
TYPES = (
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/xml",
    "image/png",
    "nonsense",
)


async def sent(page: Page, path: str, body: bytes | BytesIO, content_type: str = JSON) -> ClientResponse:
    """Send a body from our own page."""
    headers = {"Origin": page.url, "Content-Type": content_type, "Accept": "application/json"}
    async with page.session.post(page.url + path, data=body, headers=headers, allow_redirects=False) as response:
        await response.read()
        return response


@pytest.mark.parametrize("kind", NO_FIELDS)
@pytest.mark.parametrize("path", ["/say", "/do", "/leave"])
async def test_a_body_that_our_pages_could_not_send_is_refused(world: World, path: str, kind: str) -> None:
    """With a sentence and the headers of every other answer; nothing reaches the core, and nobody is signed out."""
    page = await world.owner()
    with capture_logs() as logs:
        response = await sent(page, path, NO_FIELDS[kind])
    assert response.status in REFUSED
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert not [line for line in logs if line["log_level"] == "error"]
    assert world.core.batches == []
    assert (await page.get("/"))[0] == HTTPStatus.OK


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("path", ["/say", "/do", "/leave"])
async def test_a_body_of_another_type_is_not_read(world: World, path: str, content_type: str) -> None:
    """Our pages send forms and JSON; another type is how other sites get around being asked."""
    page = await world.owner()
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n--x--\r\n'
    response = await sent(page, path, body, content_type)
    assert response.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert world.core.batches == []


@pytest.mark.parametrize(
    "body", [b"text=%ff%fe", b"text=\xff\xfe", b"&".join([b"a=b"] * 1000), b"=&=&=", b"text", b"%", b"\x00=\x00"]
)
async def test_an_odd_form_is_taken_or_refused(world: World, body: bytes) -> None:
    """As a browser without scripts would send it, and as none would."""
    page = await world.owner()
    for path in ("/say", "/do"):
        assert (await sent(page, path, body, FORM)).status in {HTTPStatus.SEE_OTHER, *REFUSED}


async def test_a_body_that_is_too_long_is_refused(world: World) -> None:
    """A megabyte of words is more than anybody says."""
    page = await world.owner()
    body = BytesIO(json.dumps({"c": "c1", "text": "x" * (1 << 20)}).encode())
    assert (await sent(page, "/say", body)).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_control_characters_are_not_said(world: World) -> None:
    """What no keyboard writes is left out of what is said; line feeds stay."""
    page = await world.owner()
    await page.post("/say", c="c1", text="a\x00b\x1bc\nd", key="12345678")
    (body,) = world.core.bodies
    assert getattr(body, "text", "") == "abc\nd"


ODD = (
    "",
    "c1",
    "\x00",
    "\r\nX: y",
    "../../etc/passwd",
    "new-",
    "new-\xff",
    "%",
    "%00",
    "\ud7ff",
    "a" * 5000,
    "<b>",
    '"',
    "c1/",
)


async def test_odd_addresses_are_answered(world: World) -> None:
    """Names, stamps and positions come from anywhere."""
    page = await world.owner()
    with capture_logs() as logs:
        for path, odd in itertools.product(("/c/", "/files/", "/static/", "/enter/", "/nowhere/"), ODD):
            assert (await page.get(path + quote(odd, safe="")))[0] < HTTPStatus.INTERNAL_SERVER_ERROR
        for path, field, odd in itertools.product(("/", "/log", "/list", "/new"), ("c", "all", "before", "after"), ODD):
            status, _ = await page.get(f"{path}?{field}={quote(odd, safe='')}")
            assert status < HTTPStatus.INTERNAL_SERVER_ERROR
    assert not [line for line in logs if line["log_level"] == "error"]


@pytest.mark.parametrize("last", ["", "7", "-1", "\u00e9", "x" * 4000, "0\t0"])
async def test_a_stream_is_opened_whatever_was_heard_last(world: World, last: str) -> None:
    """A browser that was away names the last event; we tell states, so it means nothing."""
    page = await world.owner()
    headers = {"Last-Event-ID": last}
    for stamp in ("", last, "\x00"):
        params = {"c": "c1", "stamp": stamp}
        async with page.session.get(f"{page.url}/events", params=params, headers=headers) as response:
            assert response.status == HTTPStatus.OK
            assert (await response.content.readline()).startswith(b": hello")


@pytest.mark.parametrize("name", ["", "\x00", "../../x", "a" * 5000, "\u202egpj.exe", "%00", "CON", "\r\nX: y"])
async def test_a_file_of_any_name_is_taken(world: World, name: str) -> None:
    """Under a name that hides nothing."""
    page = await world.owner()
    response = await sent(page, f"/files?name={quote(name, safe='')}", b"hello", "application/octet-stream")
    assert response.status == HTTPStatus.OK


@pytest.mark.parametrize("seed", range(4))
async def test_no_bytes_break_a_handler(tmp_path: Path, memo: FakeMemo, archive: FakeArchive, seed: int) -> None:
    """Pieces of what our pages send, put together at random: none is answered by an error of ours."""
    rng = random.Random(seed)
    words = [b"text", b"c1", b"what", b"tap", b"again", b"stop", b"model", b"key", b"files", b"null", b"1e999"]
    marks = [b"{", b"}", b'"', b":", b",", b"[", b"]", b"=", b"&", b"%", b"/", b"\\u00", b"\\ud800", b"\xff", b"\x00"]
    async with living(tmp_path, memo, archive) as world:
        page = await world.owner()
        with capture_logs() as logs:
            for _ in range(150):
                body = b"".join(rng.choices(words + marks, k=rng.randrange(30)))
                path, kind = (
                    rng.choice(["/say", "/do", "/files"]),
                    rng.choice([JSON, FORM, f"{JSON}; charset=utf-16", ""]),
                )
                response = await sent(page, path, body, kind)
                assert response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        assert not [line for line in logs if line["log_level"] == "error"]
