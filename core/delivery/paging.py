"""A reply becomes pages: quickly, or beside the loop; at most a dozen, and what is more as a file.

A model's words decide how much there is to be rendered. What is short is rendered at once. What is longer is rendered
in a thread, so that nobody else waits for it, and for a few seconds at most: then the next plainer form is tried. What
is long is committed as it is, and rendered when it is to be sent: if the process dies of it, the next life renders it
more plainly, and then not at all.
"""

import asyncio
from dataclasses import replace
from functools import partial

import structlog

from core import phrases
from core.exchange import Blob
from core.files import made
from core.seams import Adapter
from core.storage import paged, unpaged
from core.threads import Threads
from core.values import Capabilities, Page, Put, Reply

log = structlog.get_logger(__name__)

MOST_PAGES = 12
"""Messages that one answer may become; the rest comes as a file."""
LONG_CHARS = 30_000
"""So much is rendered only when it is to be sent."""
QUICK_CHARS = 2_000
"""So much is rendered at once."""
_PLAIN_CHARS = 200_000  # likewise where nothing is rendered
_WITHIN_S = 5.0

_threads = Threads(at_once=4)


def is_long(markdown: str, can: Capabilities) -> bool:
    """Whether there is so much to be rendered that it waits until it is to be sent, and is not previewed."""
    return len(markdown) > (min(LONG_CHARS, can.max_chars) if can.renders else can.max_chars)


async def written_pages(adapter: Adapter, reply: Reply, can: Capabilities) -> tuple[Page, ...]:
    """A reply as pages in the chat's first form that can be made; else, and where it is long, unpaged."""
    if not is_long(reply.markdown, can):
        for form in can.forms:
            pages = await _paged(adapter, reply, form, can)
            if pages is not None:
                return pages if len(pages) <= MOST_PAGES else (unpaged(reply),)
    return (unpaged(reply),)


async def bounded_pages(
    adapter: Adapter, reply: Reply, can: Capabilities, scope: str, tries: int
) -> tuple[tuple[Page, ...], tuple[Put, ...]]:
    """An unpaged reply as at most a dozen pages, and the rows that keep the file that holds what is more.

    Args:
        scope: Whose the file is.
        tries: How often this was begun before, and not ended: each time it is done more plainly.
    """
    cut = replace(reply, markdown=_beginning(reply.markdown, can.max_chars))
    pages: tuple[Page, ...] | None = None
    for form in can.forms[tries:]:
        if (pages := await _paged(adapter, cut, form, can)) is not None:
            break
    if pages is None:
        pages = ()
    elif len(pages) <= MOST_PAGES and cut.markdown == reply.markdown:
        return pages, ()
    blob = Blob(mime="text/markdown", data=reply.markdown.encode("utf-8", "replace"), name=phrases.ANSWER_FILE)
    media, rows = made(blob, scope)
    ends = replace(reply, markdown=phrases.REST_IN_FILE if pages else phrases.ALL_IN_FILE, media=(media, *reply.media))
    last = paged(adapter, ends, can.forms[-1])
    kept = (replace(page, media=(), choices=()) for page in pages[: max(1, MOST_PAGES - len(last))])
    return (*kept, *last), rows


async def rendered(adapter: Adapter, reply: Reply, form: str, can: Capabilities) -> tuple[Page, ...]:
    """A reply as pages in one form.

    Raises:
        TimeoutError: It took too long, beside the loop.
    """
    if len(reply.markdown) <= (QUICK_CHARS if can.renders else _PLAIN_CHARS):
        return paged(adapter, reply, form)
    async with asyncio.timeout(_WITHIN_S):
        return await _threads.run(partial(paged, adapter, reply, form))


async def _paged(adapter: Adapter, reply: Reply, form: str, can: Capabilities) -> tuple[Page, ...] | None:
    """Pages in one form, None where they cannot be made."""
    try:
        return await rendered(adapter, replace(reply, max_pages=MOST_PAGES + 1), form, can)
    except Exception:
        # A bug in a form must cost neither the answer nor the turn that made it.
        log.exception("pages broke", adapter=adapter.name, form=form, chars=len(reply.markdown))
        return None


def _beginning(markdown: str, max_chars: int) -> str:
    """As much of a text as its messages can hold, to the end of a paragraph or a line where there is one."""
    if len(markdown) <= max_chars:
        return markdown
    cut = markdown[:max_chars]
    end = max(cut.rfind("\n\n"), cut.rfind("\n", max(0, max_chars - 2_000)))
    return cut[:end] if end > max_chars // 2 else cut
