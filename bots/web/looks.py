"""How things look in a browser: templates filled in, and the style sheet, script and icon as they are."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bots.web.history import Line, MessageWindow
from bots.web.items import Item
from bots.web.models import ModelLine, ProviderModels
from bots.web.rendering import render
from bots.web.views import View
from core.text.fencing import one_line
from core.values import Conversation, value

_HERE: Final = Path(__file__).parent
_MIMES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
Commands = Sequence[tuple[str, str]]
"""Names without the slash, and what each does."""

_MOST_LISTED: Final = 300
_REMEMBERED_CHARS: Final = 4_000_000


@value
class Static:
    """A file that never changes while we run, with what names its content."""

    body: bytes
    mime: str
    tag: str


class Looks:
    """The templates."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["ago"] = ago
        self._templates.filters["plain"] = one_line
        self._templates.filters["brief"] = brief
        self._drawn = _Drawn()

    def page(
        self,
        view: View,
        log: "Log",
        known: Sequence[Conversation],
        line: ModelLine,
        *,
        commands: Commands,
        most_bytes: int,
    ) -> str:
        """The whole page of one conversation."""
        title = next((one.title for one in known if one.id == view.id), "")
        told = {"known": known[:_MOST_LISTED], "title": title, "most_bytes": most_bytes}
        told |= {"line": line, "commands": commands}
        return self._fill("chat.html", view=view, log=log, messages=self._messages(log), **told)

    def log(self, view: View, log: "Log") -> str:
        """The messages alone."""
        return self._fill("log.html", view=view, log=log, messages=self._messages(log))

    def list(self, view: View, known: Sequence[Conversation]) -> str:
        """The list of conversations alone."""
        return self._fill("list.html", view=view, known=known[:_MOST_LISTED])

    def model(self, view: View, line: ModelLine) -> str:
        """Which model answers, alone."""
        return self._fill("model.html", view=view, line=line)

    def models(self, view: View, line: ModelLine, offers: Sequence[ProviderModels], *, alone: bool) -> str:
        """What there is to choose from, as a page of its own or for one."""
        return self._fill("models.html" if alone else "models_page.html", view=view, line=line, offers=offers)

    def shell(self, item: Item) -> str:
        """A message that just came; an answer without what it says, which follows."""
        return self._fill("message.html", message=self._shown(item, item.id, filled=item.mine))

    def door(self) -> str:
        """What a link that works shows."""
        return self._fill("door.html")

    def locked(self, *, used: bool) -> str:
        """What whoever is not inside sees."""
        return self._fill("locked.html", used=used)

    def _fill(self, template: str, **told: object) -> str:
        return self._templates.get_template(template).render(**told)

    def _messages(self, log: "Log") -> Sequence["Message"]:
        """The messages as the templates want them; several of one place are told apart by a number."""
        seen: Counter[str] = Counter()
        shown = []
        for one in log.messages:
            name = one.id if isinstance(one, Item) else f"h{one.place}"
            seen[name] += 1
            name = name if seen[name] == 1 else f"{name}-{seen[name]}"
            shown.append(self._shown(one, name, filled=True))
        return shown

    def _shown(self, one: Line | Item, name: str, *, filled: bool) -> "Message":
        html: Sequence[str] = ()
        if filled and not one.mine:
            html = [*one.html.complete, one.html.tail] if isinstance(one, Item) else self._drawn(one.text)
        return Message(of=one, id=name, blocks=tuple(Markup(block) for block in html))  # noqa: S704 - it passed the wall

    def static(self, name: str) -> Static | None:
        """One of our own files, None where there is none of this name."""
        return _statics().get(name)


@value
class Log:
    """A part of a conversation.

    Attributes:
        stamp: What had happened by then.
        window: What of the archive is in it.
    """

    messages: Sequence[Line | Item]
    stamp: str
    window: MessageWindow

    @property
    def first(self) -> str:
        """The place of its first message."""
        return self.window.lines[0].place if self.window.lines else ""


@value
class Message:
    """A message as the templates want it: what it is, its name on the page, and its HTML."""

    of: Line | Item
    id: str
    blocks: tuple[Markup, ...]


class _Drawn:
    """HTML of the archive's answers, so that a page is read again at little cost. The oldest go first."""

    def __init__(self) -> None:
        self._kept: dict[str, list[str]] = {}
        self._size = 0

    def __call__(self, text: str) -> list[str]:
        html = self._kept.pop(text, None)
        if html is None:
            html = render(text)
            self._size += len(text)
        self._kept[text] = html
        while self._size > _REMEMBERED_CHARS and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._size -= len(oldest)
        return html


@cache
def _statics() -> dict[str, Static]:
    found = {}
    for path in (_HERE / "static").iterdir():
        if path.suffix in _MIMES:
            body = path.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
            found[path.name] = Static(body=body, mime=_MIMES[path.suffix], tag=tag)
    return found


def brief(note: str) -> str:
    """What a note on a model says first."""
    return re.split(r"[:.]", note, maxsplit=1)[0]


def ago(at: datetime) -> str:
    """About when something was, in a word."""
    now = datetime.now(UTC)
    days = (now.astimezone().date() - at.astimezone().date()).days
    match days:
        case 0:
            return at.astimezone().strftime("%H:%M")
        case 1:
            return "yesterday"
        case _ if 0 < days < 7:  # noqa: PLR2004 - a week
            return at.astimezone().strftime("%A")
        case _:
            return at.astimezone().strftime("%d %b %Y").lstrip("0")
