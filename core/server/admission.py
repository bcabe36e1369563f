"""Which requests are let in, by what their head says: rules without a server.

Nothing a web page elsewhere makes a browser do gets through: the name it was called by must be one of ours (DNS
rebinding), and whatever changes something must come from our own pages (forged requests).
"""

from collections.abc import Mapping
from typing import Final

from core.values import value

SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""What every answer has, unless its handler has set something stricter."""


@value
class Refusal:
    """Why a request goes no further: an HTTP status, a sentence for whoever reads it, and whether to ask again."""

    status: int
    why: str
    later: bool = False


def host_of(netloc: str) -> str:
    """The name in a Host header, small, without its port."""
    name = netloc.rpartition(":")[0] if not netloc.endswith("]") and ":" in netloc else netloc
    return name.strip("[]").lower()


def forged(method: str, headers: Mapping[str, str], origins: set[str], *, programs: bool) -> Refusal | None:
    """Refuse what another site made a browser ask for.

    Browsers say where a request comes from: by ``Origin`` on whatever may change something, and all current ones by
    ``Sec-Fetch-Site``, which no page can forge. A program says neither, and only a webhook is meant for programs.

    Args:
        origins: Ours. The scheme before the name we were called by is not known behind a proxy, so it is not compared.
    """
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    foreign = Refusal(status=403, why="This request comes from another site.")
    if method in SAFE:
        # Being opened by a link elsewhere is harmless; being embedded or read there is not.
        opened = headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        return foreign if site in {"cross-site", "same-site"} and not opened else None
    if site in {"cross-site", "same-site"} or origin not in {None, "null", *origins}:
        return foreign
    if programs or origin in origins or site == "same-origin":
        return None
    return Refusal(status=403, why="This request does not say where it comes from.")


def too_large(headers: Mapping[str, str], most_bytes: int) -> Refusal | None:
    """Refuse a body that says itself that it is too long; one that says nothing is counted while it is read."""
    length = headers.get("Content-Length", "0")
    if length.isascii() and length.isdecimal() and int(length[:20]) <= most_bytes:
        return None
    return too_long(most_bytes)


def too_long(most_bytes: int) -> Refusal:
    """Refuse a body of more than so many bytes."""
    return Refusal(status=413, why=f"This is too large: at most {most_bytes:,} bytes are taken.")


def packed(headers: Mapping[str, str]) -> Refusal | None:
    """Refuse a compressed body: three kilobytes of one may be three megabytes, before a signature is checked.

    Neither browsers nor Telegram nor Meta send any (https://www.rfc-editor.org/rfc/rfc9110#section-8.4).
    """
    if headers.get("Content-Encoding", "identity").strip().lower() in {"identity", ""}:
        return None
    return Refusal(status=415, why="Compressed bodies are not taken.")
