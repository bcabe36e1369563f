"""Ids of calls as every lab takes them: letters, digits, dashes and underscores, no more than forty of them."""

import hashlib
import re

_VALID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGITS = 24


def valid(identity: str) -> str:
    """The id itself where any lab would take it, else one made of it: the same each time, and no other's."""
    if _VALID.fullmatch(identity):
        return identity
    return "call_" + hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:_DIGITS]
