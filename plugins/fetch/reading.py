"""What was fetched, as text: by which characters it was written, and whether it is a page or text already."""

import codecs
import re

from core.errors import ToolFailed
from core.site import Fetched
from plugins.fetch.page import Page, Reading
from plugins.fetch.pages import main_text
from plugins.fetch.tree import TooDeep

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_IN_PAGE = re.compile(rb"""<meta\s[^>]*charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_IN_PAGE_BYTES = 2048
_CHARSETS = re.compile(
    r"utf-?(8|16(le|be)?)|(iso-?8859|windows|cp)-?\d{1,4}|us-?ascii|latin-?\d|koi8-[ru]|shift_?jis|sjis|euc-(jp|kr)"
    r"|iso-2022-(jp|kr)|gb(k|2312|18030)|big5(-hkscs)?|tis-620|macroman|macintosh|mac-cyrillic|x-sjis|johab|hz"
)
"""Alphabets only: Python also knows codecs that unpack, or that take their time."""
_WIDER = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "us-ascii": "windows-1252", "gb2312": "gb18030"}
"""What pages mean by these: https://encoding.spec.whatwg.org/#names-and-labels."""


def read(reading: Reading) -> Page:
    """Make text of what was fetched. Runs in the limited process."""
    fetched, most = reading.fetched, reading.max_chars
    is_html = fetched.mime in _HTML
    text = _decoded(fetched, is_html=is_html)
    try:
        title, text = main_text(text, fetched.url) if is_html else ("", text.strip())
    except TooDeep as error:
        raise ToolFailed("the page is nested too deeply to be read") from error
    return Page(title=title, text=text[:most], chars=len(text))


def _decoded(fetched: Fetched, *, is_html: bool) -> str:
    body = fetched.body
    marked = next((charset for mark, charset in _MARKS if body.startswith(mark)), "")
    said = _IN_PAGE.search(body[:_IN_PAGE_BYTES]) if is_html else None
    for charset in (marked, fetched.charset, said[1].decode("ascii", "replace").lower() if said else ""):
        if (known := _known(charset)) is not None:
            return body.decode(known, "replace")
    return body.decode("utf-8", "replace")


def _known(charset: str) -> str | None:
    name = _WIDER.get(charset, charset)
    if name != "utf-8-sig" and not _CHARSETS.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
