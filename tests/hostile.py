"""Texts that make a reader of Markdown slow, as long as is asked for: what a model may say, by mischief or by mistake.

Each is told by a name and a function of the length. Whoever renders is to take twice as long for twice as much, with
any of them.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

Text = Callable[[int], str]


def _over(piece: str) -> Text:
    """One piece again and again."""
    return lambda length: (piece * (length // len(piece) + 1))[:length]


def _growing(piece: str, between: str, *, down: bool = False) -> Text:
    """Longer and longer runs of one piece, or shorter and shorter ones."""

    def text(length: int) -> str:
        sizes = range(1, int((2 * length / len(piece)) ** 0.5))
        return between.join(piece * size for size in (reversed(sizes) if down else sizes))

    return text


def _nested(before: str, inside: str, after: str) -> Text:
    """So many openings, and as many ends."""

    def text(length: int) -> str:
        depth = length // (len(before) + len(after))
        return before * depth + inside + after * depth

    return text


def _headed(head: str, piece: str, tail: str = "") -> Text:
    """One beginning, then one piece again and again."""
    return lambda length: head + (piece * (length // len(piece) + 1))[:length] + tail


def _numbered(line: str, shorter: int) -> Text:
    """The same line with other numbers."""
    return lambda length: "".join(line.format(number) for number in range(length // shorter))


_RUNS: Final = {
    "images": "![",
    "images apart": "![ ",
    "links begun": "[a](",
    "brackets": "[",
    "brackets closed": "]",
    "empty brackets": "[]",
    "empty references": "[][",
    "words in brackets": "[a]",
    "references begun": "[a][",
    "wiki links": "[[a]]",
    "images in links": "[![a](",
    "nested brackets": "[a](((",
    "links to brackets": "[a](<",
    "links with titles": '[a](b "',
    "definitions": "[a]: ",
    "definitions on two lines": "[a]:\n",
    "definitions to brackets": "[a]: <",
    "footnotes": "[^1]",
    "footnotes defined": "[^1]: ",
    "formulas begun": "\\(",
    "formula blocks begun": "\\[",
    "formulas closed": "\\) ",
    "dollars": "$a ",
    "dollar pairs": "$$a ",
    "dollar triples": "$$$",
    "money": "$5 ",
    "money to money": "$5-$6 ",
    "names of a shell": "$a_b ",
    "fractions begun": "$\\frac{",
    "bold in italics": "*a **b ",
    "italics in bold": "**a *b ",
    "italics": "*a ",
    "underscored italics": "_a ",
    "crossed italics": "*a_ ",
    "bold amid words": "a**b",
    "bold italics": "***a ",
    "crossed marks": "*_",
    "crossed double marks": "**__",
    "bold in underscores": "**a _b ",
    "all marks": "*a_b~~c`d[e",
    "struck amid words": "~~a",
    "struck": "~~a ",
    "spoilers": "||a ",
    "empty spoilers": "|| ",
    "character data": "<![CDATA[",
    "comments": "<!--",
    "comments with words": "<!-- a ",
    "instructions": "<?",
    "instructions with words": "<?php ",
    "declarations": "<!A ",
    "document types": "<!DOCTYPE html ",
    "angles": "<",
    "tags begun": "<a ",
    "attributes begun": '<a b="c ',
    "attributes with ticks": "<a href='",
    "tags closed": "</a",
    "tags": "<b>",
    "blocks of HTML": "<div>",
    "subscripts": "<sub>",
    "subscripts closed": "<sub></sub>",
    "breaks": "<br>",
    "breaks on lines": "<br>\n",
    "folded": "<details>",
    "folded with summaries": "<details><summary>",
    "summaries": "<summary>",
    "addresses in angles": "<http://a",
    "addresses without a scheme": "www.a_",
    "beginnings of addresses": "www.",
    "schemes": "http://",
    "addresses with underscores": "https://a_",
    "addresses with brackets": "https://a.b/(",
    "addresses with closed brackets": "https://a)",
    "addresses with dots": "https://a.b/c.",
    "addresses": "https://a.b/c ",
    "mail": "a@b",
    "mail with dots": "a@b.",
    "dots before mail": "a.b@",
    "dots": "a.",
    "entities": "&amp",
    "entities closed": "&amp;",
    "entities by number": "&#1",
    "quotes and angles": "&quot;&lt;",
    "ticks": "`a ",
    "two ticks and one": "`` ` ",
    "many ticks": "`",
    "backslashes": "\\",
    "escapes": "\\a",
    "quotations": ">",
    "quotations apart": "> ",
    "bullets": "- ",
    "numbers": "1. ",
    "hashes": "# ",
    "bars": "|",
    "cells": "|a",
    "equals": "=",
    "colons": ":",
    "dashes": "-",
    "underscores": "_",
    "stars": "*",
    "tildes": "~",
    "exclamations": "!",
    "parentheses": "(",
    "braces": "{",
    "quotation marks": "'\"",
    "tabs": "\t",
    "blanks": " ",
    "empty lines": "\n",
    "carriage returns": "\r",
    "lines of Unicode": "a\u2028",
    "letters": "a",
    "words": "word ",
    "combining marks": "e\u0301",
    "nothing but combining marks": "\u0301",
    "joined emoji": "\U0001f468\u200d",
    "emoji": "\U0001f600",
    "East Asian letters": "\u65e5",
    "bold East Asian words": "**日本**語",
    "no characters": "\0",
    "people": "@a_ ",
    "tags of people": "#_a ",
    "special names": "__a",
    "paths": "a/_b_",
    "paths of Windows": "C:\\_a",
    "bold words": "**a** ",
    "code": "`a` ",
    "struck words": "~~a~~ ",
    "hidden words": "||a|| ",
    "formulas": "$x^2$ ",
    "formulas in brackets": "\\(x^2\\) ",
    "links": "[a](https://a.b/c) ",
    "pictures": "![a](https://a.b/c) ",
}
_LINES: Final = {
    "quoted lines": "> a",
    "items": "- a",
    "numbered items": "1. a",
    "items set apart": "- a\n\n  b\n",
    "tasks": "- [ ] a",
    "items of code": "- ```\n  a\n",
    "rows": "|a|",
    "rows without edges": "a|a",
    "tables": "|a|\n|-|\n|b|\n",
    "tables without edges": "a|b\n-|-\n",
    "quoted tables": "> |a|\n> |-|",
    "headers": "-|-",
    "fences": "```",
    "other fences": "~~~",
    "fences with a language": "```a",
    "quoted fences": "> ```",
    "code set in": "    a",
    "titles": "# a",
    "underlined titles": "a\n---",
    "rules": "---",
    "definitions of addresses": "[a]: b",
    "definitions with a torn title": '[a]: b "c',
    "dollar lines": "$$",
    "bracketed formulas": "\\[",
    "HTML": "<div>",
    "preformatted HTML": "<pre>",
    "scripts": "<script>",
    "comments on lines": "<!--",
    "folded lines": "<details>\n",
    "folded parts": "<details>\n<summary>a</summary>\n\nb\n\n</details>\n",
    "hard ends": "a\\",
    "short lines": "a",
    "announcing lines": "a:",
    "lines of quotations without a mark": "> a\nb",
    "footnotes on lines": "[^1]: a",
}

TEXTS: Final[Mapping[str, Text]] = {
    **{name: _over(piece) for name, piece in _RUNS.items()},
    **{name: _over(f"{line}\n") for name, line in _LINES.items()},
    "a table to be filled up": lambda n: "a|" * (n // 4) + "\n" + "-|" * (n // 4) + "\n" + "a\n" * (n // 8),
    "a wide table": lambda n: "".join(f"{cell * (n // 6)}|\n" for cell in ("|a", "|-", "|b")),
    "a long table": _headed("|a|b|\n|-|-|\n", "|c|d|\n"),
    "a table of twenty columns": _headed("|a" * 20 + "\n" + "|-" * 20 + "\n", "a\n"),
    "one line of cells": _over("a|"),
    "a header without an end": _headed("a|b\n", "-|", "x"),
    "a table of fences": _headed("|a|\n|-|\n", "```\n"),
    "deep quotations": lambda n: ">" * (n // 2) + " a\n" + "> b\n" * (n // 8),
    "deeper and deeper quotations": lambda n: "".join(">" * d + " a\n" for d in range(1, int((2 * n) ** 0.5))),
    "deeper and deeper items": lambda n: "".join("  " * d + "- a\n" for d in range(1, int(n**0.5))),
    "a deep item and empty lines": lambda n: "- " * (n // 2) + "a\n" + "\n" * (n // 2),
    "items in quotations": _over("> - "),
    "nested italics": _nested("*a ", "", " b*"),
    "nested bold": _nested("**a ", "", " b**"),
    "nested both": _nested("*a **b ", "", " c** d*"),
    "nested in brackets": _nested("[", "a", "]"),
    "nested links": _nested("[", "a", "](b)"),
    "nested pictures": _nested("![", "a", "](b)"),
    "a link to nested parentheses": lambda n: "[a](" + "(" * (n // 2) + ")" * (n // 2) + ")",
    "nested subscripts": _nested("<sub>", "a", "</sub>"),
    "nested folds": _nested("<details>\n\n", "a\n\n", "</details>\n\n"),
    "a nested formula": lambda n: "$" + "{" * (n // 2) + "}" * (n // 2) + "$",
    "nested fractions": lambda n: "$$" + "\\frac{" * (n // 10) + "1" + "}{2}" * (n // 10) + "$$",
    "nested roots": lambda n: "$" + "\\sqrt{" * (n // 7) + "x" + "}" * (n // 7) + "$",
    "nested brackets in a formula": lambda n: "$" + "\\left(" * (n // 13) + "x" + "\\right)" * (n // 13) + "$",
    "a long formula": _headed("$$", "x^2 + ", "1$$"),
    "formulas that all differ": _numbered("$x^{{{0}}}$ ", 10),
    "growing ticks": _growing("`", " "),
    "shrinking ticks": _growing("`", " ", down=True),
    "growing fences": _growing("`", "\n"),
    "growing stars": _growing("*", " a"),
    "growing stars amid words": _growing("*", "a"),
    "deeper and deeper set in": lambda n: "\n".join(" " * d + "a" for d in range(int((2 * n) ** 0.5))),
    "many definitions": _numbered("[a{0}]: http://b.c/{0}\n", 22),
    "definitions and references": lambda n: (
        _numbered("[a{0}]: http://b.c/{0}\n", 40)(n) + "\n" + _numbered("[a{0}] ", 40)(n)
    ),
    "a long definition, often used": lambda n: "[a]: http://b.c/" + "d" * (n // 2) + "\n\n" + "[a] " * (n // 8),
    "sources": _headed("[1]: http://a.b\n\n", "[1] "),
    "many footnotes": lambda n: _numbered("a[^{0}] ", 24)(n) + "\n\n" + _numbered("[^{0}]: b\n", 24)(n),
    "many links": _numbered("[a{0}](http://b.c/{0}) ", 24),
    "code without an end": _headed("```python\n", "x = [1, 2]\n"),
    "one line of code without an end": _headed("```python\n", "("),
    "a string without an end": _headed('```python\n"""', "a"),
    "templates without an end": _headed("```js\n", "`${"),
    "tags in code": _headed("```html\n", "<a "),
    "names in code": _headed("```typescript\n", "a."),
    "short lines of code": _headed("```csharp\n", "a\n"),
    "empty lines of code": _headed("```c\n", "\n"),
    "letters of code": _headed("```css\n", "a-"),
    "ticks in code": _headed("~~~\n", "```\n"),
    "many blocks of code": _over("```py\nx\n```\n\n"),
    "a long title": _headed("# ", "a "),
    "many titles": _over("## a\n\nb\n\n"),
    "blanks amid a line": _headed("a", " ", "b"),
    "blanks at the ends of lines": _over("a" + " " * 99 + "\n"),
    "escaped bars": _over("a\\|"),
    "a long bold text": _headed("**", "a ", "**"),
    "long words of a link": _headed("[", "a ", "](http://b.c)"),
    "a long address": _headed("http://b.c/", "a_"),
    "a long address of a link": _headed("[a](http://b.c/", "d", ")"),
    "a long title of a link": _headed('[a](b "', "d", '")'),
    "a long spoiler": _headed("||", "a"),
    "prose": _over("Some **bold** text with `code`, a [link](https://example.org) and more words here.\n\n"),
    "lists": _over("- item **one** of `two`\n  - sub *item*\n"),
}
"""The texts, by what they are full of."""


_NOTHING_S: Final = 0.03
_TRIES: Final = 4


def assert_linear(work: Callable[[int], object], length: int) -> None:
    """Four times as much may take ten times as long, or next to nothing; the best of several tries counts."""
    tries: list[str] = []
    while len(tries) < _TRIES:
        short_s, long_s = _seconds(work, length), _seconds(work, 4 * length)
        if long_s < _NOTHING_S or long_s < 10 * short_s:
            return
        tries.append(f"{short_s:.3f} s and {long_s:.3f} s")
    raise AssertionError(f"{length} and {4 * length} characters took {', '.join(tries)}")


def _seconds(work: Callable[[int], object], length: int) -> float:
    """CPU seconds of this process: what else the machine does counts for little."""
    began = time.process_time()
    work(length)
    return time.process_time() - began
