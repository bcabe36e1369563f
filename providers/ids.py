"""Ids and names of calls as every lab takes them: letters, digits, dashes and underscores, and not many of them."""

import hashlib
import re

_VALID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_NAME_CHARS = 64
_DIGITS = 24


def valid(identity: str) -> str:
    """The id itself where any lab would take it, else one made of it: the same each time, and no other's."""
    if _VALID.fullmatch(identity):
        return identity
    return "call_" + hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def named(name: str) -> str:
    """A tool's name as any lab takes it: models call also what was never offered to them, by names of any kind."""
    if _NAME.fullmatch(name):
        return name
    return f"_{_NOT_IN_NAMES.sub('_', name)}"[:_NAME_CHARS]
