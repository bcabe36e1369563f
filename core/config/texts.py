"""What people wrote, without what they did not mean to write.

That is the mark an editor puts before a file, and the spaces and quotes that come along when something is copied.
"""

import codecs
import unicodedata
from pathlib import Path

_MARKED = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_QUOTES = frozenset({('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("„", "“"), ("`", "`")})


def read_text(path: Path) -> str:
    """Read a file in UTF-8, or in what the byte order mark at its beginning says; without that mark.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is no such text.
    """
    data = path.read_bytes()
    encoding = next((name for mark, name in _MARKED.items() if data.startswith(mark)), "utf-8")
    return data.decode(encoding).lstrip("\ufeff")


def trimmed(text: str) -> str:
    """Text without white space around it, seen or unseen."""
    begin, end = 0, len(text)
    while begin < end and _is_blank(text[begin]):
        begin += 1
    while end > begin and _is_blank(text[end - 1]):
        end -= 1
    return text[begin:end]


def trimmed_secret(text: str) -> str:
    """A token or key without what is around it: white space, and the quotes that some files of variables keep."""
    text = trimmed(text)
    return trimmed(text[1:-1]) if len(text) > 1 and (text[0], text[-1]) in _QUOTES else text


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
