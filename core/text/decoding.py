"""Whether bytes are text, and which: judged by the bytes alone, since neither names nor types of files can be trusted.

In this order: known signatures of what is no text, byte order marks, UTF-16 and UTF-32 without one, UTF-8, and then a
guess by chardet among the encodings that are still met. What is looked at is bounded, so megabytes cost no more.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from core.values import value

_SIGNATURES = (
    b"%PDF-",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x7fELF",
    b"\x1f\x8b",
    b"7z\xbc\xaf\x27\x1c",
    b"\xfd7zXZ\x00",
    b"(\xb5/\xfd",
    b"Rar!\x1a\x07",
    b"\xd0\xcf\x11\xe0",
    b"\xca\xfe\xba\xbe",
    b"\x00asm",
    b"SQLite format 3\x00",
    b"OggS\x00",
    b"fLaC\x00",
    b"ID3\x02",
    b"ID3\x03",
    b"ID3\x04",
    b"wOFF",
    b"wOF2",
)
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""Byte order marks, those that begin like another one first: https://www.unicode.org/faq/utf_bom.html ."""

_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_LEGACY = (
    "gb18030",
    "big5hkscs",
    "cp932",
    "euc-jis-2004",
    "cp949",
    "koi8-r",
    "koi8-u",
    "cp866",
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp1258",
    "cp874",
)
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2")
_MANY_BYTES = frozenset({"gb18030", "big5hkscs", "cp932", "euc_jis_2004", "cp949"})

_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\a\b\t\n\f\r\x1b"))
_CONTROLS_AS_TEXT = dict.fromkeys(_CONTROLS)
_NO_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\f\r\x85"}
_FEW = 1000  # of so many characters one may be broken, and one in any case: a log with a bad byte is a log
_PROVEN = 50  # and of so many where others prove the encoding
_OTHERS = 10  # of so many characters one may be in another script
_LETTERS = 100  # and of so many, one is at least a space or an end of a line
_HAN, _HANGUL = -1, -2
_HAN_LETTERS, _HANGUL_LETTERS = ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3")
_KANA = 0.3  # of a Japanese text, at least
_HANJA = 0.1  # of a Korean text, at most
_SAMPLE_BYTES = 32_768
_BEFORE_BYTES = 256
_AS_GOOD = 0.85  # of the best guess's confidence: cp1252 is by far the most usual of the Latin encodings
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_JAPANESE_SHIFT = re.compile(rb"\x1b\$[@B]")


@value
class Decoded:
    """Bytes as text.

    Attributes:
        text: Without control characters other than tabs and ends of lines.
        encoding: By Python's name for it; ``utf-8`` for plain ASCII.
    """

    text: str
    encoding: str

    @property
    def guessed(self) -> bool:
        """Whether nothing in the bytes proves the encoding."""
        return not self.encoding.startswith("utf-")


def decoded(data: bytes, *, whole: bool = True) -> Decoded | None:
    """Read bytes as text; None for what is no text.

    Args:
        whole: False where more follows: the last character may be cut.
    """
    if data.startswith(_SIGNATURES) or (data[:4] == b"RIFF" and data[8:12] in {b"WEBP", b"WAVE", b"AVI "}):
        return None
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _read(data[len(mark) :], encoding, whole=whole)
    if b"\x00" in data[:_SAMPLE_BYTES] and (wide := _wide(data[:_SAMPLE_BYTES])):
        return _read(data, wide, whole=whole)
    if len(data) - len(data.translate(None, _CONTROLS)) > _tolerated(len(data)):
        return None
    return _read(data, _narrow(data, whole=whole), whole=whole)


def _tolerated(length: int) -> int:
    return 1 + length // _FEW


def _read(data: bytes, encoding: str, *, whole: bool) -> Decoded | None:
    """Decode; None where too much of it is no character."""
    text = data.decode(encoding, "replace")
    text = text if whole else text.removesuffix("\ufffd")
    sample = text[:_SAMPLE_BYTES]
    broken = sample.count("\ufffd")
    allowed = _tolerated(len(sample)) + (len(sample) // _PROVEN if encoding == "utf-8" else 0)
    if broken > allowed or _strange(sample) > _tolerated(len(sample)):
        return None
    return Decoded(text=text.translate(_NO_CONTROLS), encoding=encoding)


def _strange(text: str) -> int:
    """How many characters no text has: controls, and numbers that stand for nothing."""
    unassigned = sum(unicodedata.category(char) in {"Cn", "Co", "Cs"} for char in text if char > "\xff")
    return unassigned + len(text) - len(text.translate(_CONTROLS_AS_TEXT))


def _wide(sample: bytes) -> str:
    """Which encoding of two or four bytes a character this is in, without a mark; "" for none.

    The right one makes the most letters of the first 256; and a text is in one script, besides those.
    """
    best, most = "", 0
    for encoding in _WIDE:
        width = 4 if "32" in encoding else 2
        text = sample[: len(sample) // width * width].decode(encoding, "replace").removesuffix("\ufffd")
        letters = sum(char < "\u0100" for char in text)
        scripts = Counter(_script(char) for char in text if char >= "\u0100")
        others = scripts.total() - max(scripts.values(), default=0)
        enough = letters * _LETTERS >= len(text)
        if letters > most and enough and others <= len(text) // _OTHERS and _strange(text) <= len(text) // _FEW:
            best, most = encoding, letters
    return best


def _script(char: str) -> int:
    """Which part of Unicode this is from, roughly: Han with kana and what goes with them, Hangul, 2,048 of the rest."""
    if "\u3000" <= char < "\ua000" or "\uff00" <= char <= "\uffef":
        return _HAN
    return _HANGUL if "\uac00" <= char < "\ud800" else ord(char) >> 11


def _narrow(data: bytes, *, whole: bool) -> str:
    """Which encoding without zero bytes this is in."""
    if _JAPANESE_SHIFT.search(data, 0, _SAMPLE_BYTES):
        return "iso2022_jp"
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd") - (0 if whole or not text.endswith("\ufffd") else 1)
    if broken <= 0:
        return "utf-8"
    valid = len(text) - broken - len(text.encode("ascii", "ignore"))
    return "utf-8" if valid >= broken else _guessed(_telling(data))


def _telling(data: bytes) -> bytes:
    """The lines that tell something of the encoding: those that are not ASCII."""
    lines: list[bytes] = []
    room = _SAMPLE_BYTES
    for line in data.split(b"\n"):
        if room <= 0:
            break
        if not line.isascii():
            found = _BEYOND_ASCII.search(line)
            begin = max(0, found.start() - _BEFORE_BYTES) if found and len(line) > room else 0
            lines.append(line[begin : begin + room])
            room -= len(lines[-1])
    return b"\n".join(lines)


@lru_cache(maxsize=64)
def _guessed(sample: bytes) -> str:
    """The most likely of the older encodings. A conversation shows its files again with each question.

    chardet counts pairs of bytes, which says little of a few words: so what a script shows by itself comes first.
    """
    for encoding in ("cp932", "euc_jp"):
        if _share(sample, encoding, "\u3041", "\u30fa") > _KANA:
            return encoding
    best = _ranked(sample, (*_LEGACY, *_LATIN))[0][0]
    if best == "cp949" and _share(sample, best, *_HAN_LETTERS) > _HANJA and _share(sample, "gb18030", *_HAN_LETTERS):
        return "gb18030"
    if best in _MANY_BYTES:
        return best
    if _share(sample, "cp949", *_HANGUL_LETTERS) == 1:
        return "cp949"
    return _latin(sample) if _is_latin(sample) else best


def _ranked(sample: bytes, candidates: tuple[str, ...]) -> list[tuple[str, float]]:
    """Encodings with chardet's confidence in them, best first; cp1252, which must be a candidate, where it has none."""
    import chardet  # noqa: PLC0415 - 36 MB of models, for whoever is sent such a file

    found = chardet.detect_all(sample, ignore_threshold=True, compat_names=False, include_encodings=candidates)
    named = [(str(one["encoding"]), float(one["confidence"] or 0.0)) for one in found if one["encoding"]]
    return named or [("cp1252", 0.0)]


def _latin(sample: bytes) -> str:
    """The most likely encoding of a text in the Latin alphabet."""
    ranked = _ranked(sample, _LATIN)
    best, confidence = ranked[0]
    return "cp1252" if dict(ranked).get("cp1252", 0.0) >= _AS_GOOD * confidence else best


def _share(sample: bytes, encoding: str, first: str, last: str) -> float:
    """How much of what is beyond ASCII lies between two letters, 0 where the bytes are not in this encoding."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError as error:
        if error.end < len(sample):
            return 0.0
        text = sample[: error.start].decode(encoding)
    beyond = [char for char in text if char > "\xff"]
    return sum(first <= char <= last for char in beyond) / len(beyond) if beyond else 0.0


def _is_latin(sample: bytes) -> bool:
    """Whether most words with a letter beyond ASCII have letters of ASCII, too: no other script mixes them."""
    words = [word for word in _WORD.findall(sample) if not word.isascii()]
    return sum(any(byte < 0x80 for byte in word) for word in words) * 2 > len(words)  # noqa: PLR2004
