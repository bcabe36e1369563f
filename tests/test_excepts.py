"""Excepts that catch everything are rare: most failures have a name, and what has none is a bug that should be seen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BROAD = {"Exception", "BaseException"}
MAX_PER_1000_LINES = 1.0


def broad(tree: ast.AST) -> Iterator[int]:
    """The lines on which everything is caught: by name, by no name, among others, or by ``suppress``."""
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=None):
                yield node.lineno
            case ast.ExceptHandler(type=ast.expr() as caught) if names(caught) & BROAD:
                yield node.lineno
            case ast.Call(func=function) if names(function) & {"suppress"} and names(*node.args) & BROAD:
                yield node.lineno


def names(*nodes: ast.expr) -> set[str]:
    """The names in some expressions, without what stands before a dot."""
    inside = [one for node in nodes for one in ast.walk(node)]
    return {one.id for one in inside if isinstance(one, ast.Name)} | {
        one.attr for one in inside if isinstance(one, ast.Attribute)
    }


@pytest.mark.parametrize("folder", ["core", "bots", "providers", "plugins"])
def test_few_excepts_catch_everything(folder: str) -> None:
    """At most one in a thousand lines: where a task is supervised, or a stranger's code is called."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py")}
    found = [f"{path.relative_to(ROOT)}:{line}" for path, text in texts.items() for line in broad(ast.parse(text))]
    lines = sum(text.count("\n") for text in texts.values())
    assert len(found) <= MAX_PER_1000_LINES * lines / 1000, found


@pytest.mark.parametrize(
    "text, count",
    [
        ("try: ...\nexcept Exception: ...", 1),
        ("try: ...\nexcept (ValueError, builtins.BaseException) as error: ...", 1),
        ("try: ...\nexcept: ...", 1),
        ("with contextlib.suppress(Exception): ...", 1),
        ("with suppress(OSError, BaseException): ...", 1),
        ("try: ...\nexcept (ValueError, ExceptionGroup): ...", 0),
        ("with suppress(OSError): raise Exception", 0),
    ],
)
def test_each_way_to_catch_everything_is_counted(text: str, count: int) -> None:
    """However it is written."""
    assert len(list(broad(ast.parse(text)))) == count
