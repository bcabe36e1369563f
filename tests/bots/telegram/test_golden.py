"""A nasty document in all three forms, beside this test for people to read.

Delete a file, and the next run draws it anew and fails once, so that somebody reads what has changed.
"""

import json
from pathlib import Path

import pytest

from bots.telegram.paging import FORMS, pages
from core.values import Page, Reply

FOLDER = Path(__file__).parent / "golden"


def drawn(page: Page) -> str:
    """A page as a person can read it: rich HTML a tag a line, or the text and what of it is marked."""
    body = json.loads(page.body)
    if "rich_message" in body:
        html: str = body["rich_message"]["html"]
        for tag in ("p", "h1", "h2", "ul", "ol", "li", "table", "tr", "pre", "blockquote", "details", "hr"):
            html = html.replace(f"<{tag}", f"\n<{tag}")
        return html.strip()
    units = body["text"].encode("utf-16-le")
    marks = []
    for mark in body.get("entities", ()):
        words = units[mark["offset"] * 2 : (mark["offset"] + mark["length"]) * 2].decode("utf-16-le")
        more = mark.get("url") or mark.get("language") or ""
        marks.append(f"{mark['type']:14}{json.dumps(words, ensure_ascii=False)} {more}".rstrip())
    return "\n".join((body["text"], "", "-" * 80, *marks))


@pytest.mark.parametrize("form", FORMS)
def test_a_nasty_document_looks_as_it_was_found_good(form: str) -> None:
    """Whatever an answer holds is said in each form without harm, and as its reader would expect."""
    reply = Reply(markdown=(FOLDER / "nasty.md").read_text(encoding="utf-8"))
    text = "\n\n======== next page\n\n".join(map(drawn, pages(reply, form))) + "\n"
    path = FOLDER / f"nasty.{form}.txt"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was drawn anew: read it")
    assert text == path.read_text(encoding="utf-8")
