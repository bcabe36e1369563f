"""Addresses: where one stands in a text, and whether the words of a link name another host than it leads to.

What a platform makes a link of is its adapter's affair. Everything here is linear in the text, whatever it holds.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

MAX_SHOWN_CHARS: Final = 2_000
"""Characters of an address that are printed; what is longer is no address to read, but data."""

_MAX_HOST_CHARS: Final = 253
_START = re.compile(r"(?<![A-Za-z0-9])(?:https?://|www\.(?=[\w-]))(?=\S)", re.IGNORECASE)
# What ends an address (white space, brackets of HTML, marks of code, quotation marks, the stops of East Asia), or may.
_TURN = re.compile(
    '(?P<stop>[\\s<>`"\x00-\x1f\x7f\u00ab\u00bb\u2018-\u201f\u2026\u3000-\u3003\u3008-\u3011\u3014-\u301b\uff01\uff08\uff09'
    "\uff0c\uff1a\uff1b\uff1f\uff5e])|[][()]|(?<=[A-Za-z0-9])(?P<letter>[\u1100-\u11ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\U00020000-\U0003ffff])"
)
_TRAILING: Final = "?!.,:;*_~'|"
_MARKS: Final = frozenset("*_~")
_PAIRS: Final = {")": "(", "]": "["}
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")

# Letters of other scripts that are drawn like Latin ones: Cyrillic, then Greek.
_LOOK_ALIKES: Final = frozenset("аеорсухіїјѕԁһԛԝӏьвнкмтгпυνοικρταβεγωχ")

# The ends of names that words may name a host by. All of the countries', and those of the others that people meet;
# https://data.iana.org/TLD/tlds-alpha-by-domain.txt has far more, most of them words of programs as well.
_COUNTRIES: Final = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv bw by bz ca cc"
    " cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb"
    " gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke"
    " kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu"
    " mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw"
    " sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz"
    " ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_OTHERS: Final = (
    "com org net edu gov mil int arpa aero app asia bank biz blog business capital cash center chat click cloud club"
    " company coop credit crypto dev digital download email energy example exchange finance fun fund game games global"
    " google group health help host info insurance invalid invest jobs legal life link live loan local ltd media mobi"
    " money mov museum name network news online onion page pay pics plus pro santander sbs security services shop site"
    " social software solutions space store stream studio support systems tech test today tools top travel trade vip"
    " wallet watch web website wiki win work world xxx xyz zip zone"
)
_ENDS: Final = frozenset(_COUNTRIES.split()) | frozenset(_OTHERS.split())
_FILES_TOO: Final = frozenset({"cc", "md", "mk", "ml", "mov", "pl", "ps", "py", "rs", "sh", "so", "zip"})


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where the bare web addresses of a text begin and end, in order.

    An address ends before punctuation that ends a sentence or a mark that may close around it (but not before one that
    it holds another of, such as those of ``/__init__``), before a bracket that was not opened in it, and where letters
    of East Asia follow its own without anything between.
    """
    at = 0
    while found := _START.search(text, at):
        end = _end(text, found.end(), wrapped=text[found.start() - 1 : found.start()] in _MARKS)
        at = max(end, found.end())
        if end > found.end():
            yield found.start(), end


def _end(text: str, start: int, *, wrapped: bool) -> int:
    opened = {"(": 0, "[": 0}
    end = len(text)
    for turn in _TURN.finditer(text, start):
        bracket = turn[0]
        if bracket in opened:
            opened[bracket] += 1
        elif bracket not in _PAIRS or not opened[_PAIRS[bracket]]:
            end = turn.start()
            break
        else:
            opened[_PAIRS[bracket]] -= 1
    while end > start and (last := text[end - 1]) in _TRAILING:
        if last in _MARKS:
            before = start + len(text[start:end].rstrip(last))
            if not wrapped and last in text[start:before]:
                break  # the second of a pair within the address: ``/__init__``
            end = before
        else:
            end -= 1
    return end


def host_of(url: str) -> str:
    """The host an address leads to, as names are asked for: small ASCII letters; of mail its domain. "" for none."""
    try:
        parts = urlsplit(url)
        host = parts.path.rpartition("@")[2] if parts.scheme.lower() == "mailto" else parts.hostname or ""
    except ValueError:
        return ""
    return _ascii(host)


def deceptive(url: str) -> str:
    """The host that has to be named beside an address which reads like another: "" for most.

    A name and password before the host (``https://bank.example@evil.example``) read like one, and so do hosts in
    letters that are drawn like Latin ones.
    """
    try:
        parts = urlsplit(url)
        named, host = "@" in parts.netloc, parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"}:
        return ""
    return _ascii(host) if named or _looks_alike(host) else ""


def shortened(url: str, max_chars: int = MAX_SHOWN_CHARS) -> str:
    """An address to read; what is far too long for one is cut."""
    return url if len(url) <= max_chars else url[:max_chars] + "…"


def misleads(words: str, url: str) -> bool:
    """Whether the words of a link name a host, and another one than it leads to, or it reads like another itself."""
    if deceptive(url):
        return True
    host = host_of(url).removeprefix("www.")
    return any(not _same(named, host, url) for named in _named(words))


def _same(named: str, host: str, url: str) -> bool:
    if named.removeprefix("www.") == host:
        return True
    end = named.rpartition(".")[2]
    return end in _FILES_TOO and urlsplit(url).path.lower().endswith(named)  # a file called so, and no host


def _named(words: str) -> Iterator[str]:
    """The hosts that words name, as names are asked for."""
    said = _INVISIBLE.sub("", unicodedata.normalize("NFKC", words)).replace("\u3002", ".").lower()
    for word in said.split():
        _, mark, rest = word.partition("://")
        authority = re.split(r"[/?#\\]", rest if mark else word, maxsplit=1)[0]
        name, at, host = authority.rpartition("@")
        if mark:
            host = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
            yield _ascii(host.strip(".-"))
        elif at:
            name = ""  # of mail, and no host
        names = re.split(r"[^\w.-]+", name if mark else host)
        yield from (_ascii(one) for found in names if _is_host(one := found.strip(".-")))


def _is_host(name: str) -> bool:
    rest, dot, end = name.rpartition(".")
    if not (dot and rest):
        return False
    return end in _ENDS or end.startswith("xn--") or not end.isascii() or bool(_NUMBERS.fullmatch(name))


def _ascii(host: str) -> str:
    host = host.rstrip(".").lower()
    if host.isascii() or len(host) > _MAX_HOST_CHARS:
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _looks_alike(host: str) -> bool:
    """Whether part of a host is written in letters that are drawn like Latin ones, all others being Latin."""
    if host.isascii() and "xn--" not in host:
        return False
    try:
        shown = host.encode().decode("idna") if host.isascii() else host
    except UnicodeError:
        return True
    return any(_is_look_alike(label) for label in shown.split("."))


def _is_look_alike(label: str) -> bool:
    letters = [char for char in label.lower() if not char.isascii()]
    return bool(letters) and all(char in _LOOK_ALIKES for char in letters)
