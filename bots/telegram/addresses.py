"""Which addresses may hide behind words in a Telegram message, and how the others are printed."""

import re
from typing import Final
from urllib.parse import urlsplit

LONGEST: Final = 2048
"""Characters of an address that a link may have."""

LONGEST_SHOWN: Final = 200
"""Characters of an address that is printed; what is longer is no address to read, but data."""

_DIALOGUE = re.compile(r"tg://resolve\?domain=\w{4,32}", re.ASCII)


def may_link(url: str) -> bool:
    """Whether Telegram makes a link of this address, and following it does no more than open it.

    https://core.telegram.org/bots/api#formatting-options. Mail addresses and telephone numbers have no entity that a
    bot may send: printed, they become links by themselves. Telegram drops a link to a host without a dot.
    """
    if len(url) > LONGEST or not url.isprintable() or re.search(r"[\s\\]", url):
        return False
    if _DIALOGUE.fullmatch(url):
        return True
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in host.strip(".") and "@" not in parts.netloc


def shown(url: str) -> str:
    """An address to read; mail and telephone without their scheme, so that Telegram sees what they are."""
    address = re.sub(r"^(?:mailto|tel):", "", url, flags=re.IGNORECASE)
    return address if len(address) <= LONGEST_SHOWN else address[:LONGEST_SHOWN] + "…"
