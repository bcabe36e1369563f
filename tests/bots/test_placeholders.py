"""What is held back from the parser comes back everywhere: no placeholder is ever seen."""

import re

import pytest

from bots.discord.paging import FORMS as DISCORD_FORMS
from bots.discord.paging import pages as discord
from bots.telegram.paging import FORMS as TELEGRAM_FORMS
from bots.telegram.paging import pages as telegram
from bots.web.rendering import render as web
from bots.whatsapp.paging import pages as whatsapp
from core.values import Reply

_PIECES = (
    "||x||",
    r"a\|b",
    "$x$",
    r"\(a\)",
    "~~a~~",
    "https://a.example/||x||",
    "||https://a.example/x||",
    "__init__",
    "www.a_b.example/__x__",
    "<b>",
    "a@b_c.example",
    r"\[x\]",
    r"C:\a_b\__c__",
    "[^1]",
    "&amp;",
    "|",
    "`||`",
)
_PLACES = (
    "%s",
    "- %s",
    "> %s",
    "# %s",
    "[%s](https://b.example)",
    "![%s](https://b.example/i.png)",
    '[%s][r]\n\n[r]: https://b.example "%s"',
    "|h|k|\n|-|-|\n|%s|y|",
    "<details><summary>%s</summary>\n%s\n</details>",
    "**%s**",
    "`%s`",
    "```\n%s\n```",
    "[x](https://b.example/%s)",
    "<https://b.example/%s>",
    '[x](https://b.example "%s")',
    "[r]: https://b.example/%s",
    "$$%s$$",
    "||%s||",
)
_PLACEHOLDER = re.compile("[\ufdd0-\ufdef]|\\\\ufd[de]", re.IGNORECASE)


@pytest.mark.parametrize("place", _PLACES)
def test_no_placeholder_is_seen_on_any_app(place: str) -> None:
    """In any form, wherever in a text it stands."""
    for piece in _PIECES:
        reply = Reply(markdown=place.replace("%s", piece))
        shown = web(reply.markdown)
        for forms, pages in ((TELEGRAM_FORMS, telegram), (DISCORD_FORMS, discord), (("text",), whatsapp)):
            shown += [page.body for form in forms for page in pages(reply, form)]
        assert not [text for text in shown if _PLACEHOLDER.search(text)], reply.markdown
