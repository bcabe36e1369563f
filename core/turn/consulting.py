"""Whom to ask for an answer: what the conversation needs of a model, and what a person is told whose model lacks it."""

from collections.abc import Sequence

from core import phrases
from core.context import conversation
from core.context.conversation import History
from core.context.shortening import Cut
from core.exchange import Effort, Entry, LeftOut, ToolSchema
from core.models import wishes
from core.models.billing import Bill
from core.models.failover import Asker, Frame
from core.models.needs import Needs, sights
from core.models.routing import Router
from core.seams import Records


async def consulted(
    records: Records,
    router: Router,
    bill: Bill,
    *,
    history: History,
    question: Sequence[Entry],
    system: str,
    tools: tuple[ToolSchema, ...],
    search: bool = False,
    effort: Effort = "",
) -> Asker:
    """Somebody to ask for all of one answer.

    Raises:
        ProviderError: There is nobody.
    """
    images, documents = sights((*history.entries, *question))
    taken = conversation.tokens(history, question, overhead=len(system))
    needs = Needs(images=images, documents=documents, tools=bool(tools), tokens=taken)
    wish = await wishes.of(records, history.lane)
    thread = conversation.thread(history)
    frame = Frame(system=system, tools=tools, wish=wish, thread=thread, search=search, effort=effort)
    asker = Asker(router, bill, frame, needs)
    await asker.begin()
    return asker


def blind(asker: Asker, question: Sequence[Entry]) -> str:
    """What a person is told who chose a model that cannot see their picture or document; "" where there is nothing."""
    chosen = asker.window.chosen
    if not chosen.named:
        return ""  # there is no better one, and it says itself what it cannot see
    images, documents = sights(question)
    asked = [("pictures", images and "images" in chosen.lacks), ("PDFs", documents and "documents" in chosen.lacks)]
    what = " or ".join(word for word, unseen in asked if unseen)
    return phrases.BLIND.format(model=chosen.name, what=what) if what else ""


def left_out(cut: Cut) -> str:
    """What a person is told whose question had to be cut; "" where it was not."""
    files = "the file" if cut.files == 1 else f"{cut.files} files"
    what = " and ".join(filter(None, ["its middle" if cut.middle else "", files if cut.files else ""]))
    return phrases.SHORTENED.format(what=what) if what else ""


_MOST_NAMED = 3
_KINDS = {
    "images": "pictures",
    "more images": "so many pictures",
    "documents": "PDFs",
    "earlier files": "the files that were sent earlier",
    "all files": "the files",
    "search": "web searches",
    "history": "what was said before",
}


def untaken(left_out: Sequence[LeftOut]) -> str:
    """What a person is told of what the model's provider did not take, in one line; "" for nothing."""
    told = list(dict.fromkeys(map(_named, left_out)))
    return phrases.LEFT_OUT.format(what=" and ".join(told)) if told else ""


def _named(one: LeftOut) -> str:
    names = [name.replace("`", "'") for name in one.names]
    listed = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED] if name)
    if len(names) > _MOST_NAMED:
        listed += " and others"
    many = len(names) > 1
    match one.what:
        case "files":
            return " ".join(filter(None, ["these files" if many else "this file", listed]))
        case "tools":
            return f"the tool{'s' if many else ''} {listed}" if listed else "tools"
        case _:
            return _KINDS[one.what]
