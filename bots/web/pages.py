"""What browsers ask for, and what they are answered: the page and its parts, what is said, the stream of news, files.

Every request but the style sheet's, the script's and the entrance's comes from a session; the server has checked by
then that it comes from one of our own pages. What is asked without a script (a form) is answered by a page again.
"""

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web

from bots.web.adapter import Unready, Web
from bots.web.door import SESSION_S, Door, name_of
from bots.web.files import Stored, TooLarge, stored_of
from bots.web.looks import Commands, Log, Looks
from bots.web.models import ModelsShown
from bots.web.views import View
from core.context.parts import whole
from core.errors import MediaUnavailable, StoreError
from core.files import MADE, read_whole
from core.site import Fetch, Routes
from core.values import Command, Media, Tap

_HEARTBEAT_S: Final = 15.0
_MODEL_S: Final = 0.3
"""How long a page waits to hear which model answers; its script asks again, and waits for so long:"""
_MODELS_S: Final = 10.0
_BEGINNING: Final = "new-"
_NAME = re.compile(r"[A-Za-z0-9._~-]{1,80}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PLACE = re.compile(r"[0-9./~]{0,40}", re.ASCII)
_MOST_SHOWN: Final = 300
"""Entries of a conversation that a page reads again at once; the script shows about as many messages."""
_MOST_FIELDS: Final = 20
_MOST_WAITING: Final = 500
_MOST_TEXT_BYTES: Final = 1 << 20
_MAX_MADE_BYTES: Final = 100_000_000
_FILE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",  # whoever leaves takes along nothing that could still be opened
}

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Malformed(Exception):
    """A request says nothing that our pages could have said; the sentence says what is wrong."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Pages:
    """The handlers of requests.

    Args:
        url: Where people reach them.
        fetch: Yields files that were made here.
    """

    def __init__(  # noqa: PLR0917 - each is another part of the page
        self, chat: Web, door: Door, url: str, models: ModelsShown, commands: Commands, fetch: Fetch
    ) -> None:
        self._web = chat
        self._door = door
        self._url = url
        self._looks = Looks()
        self._secure = url.startswith("https://")
        self._cookie = "__Host-waystation" if self._secure else f"waystation_{urlsplit(url).port or 80}"
        self._models = models
        self._commands = commands
        self._fetch = fetch
        self._handed_in: dict[str, Media] = {}

    def register(self, routes: Routes) -> None:
        """Answer on the server."""
        self._door.token()  # the one that is told at the start
        routes.add("GET", "/static/*", self._static)
        routes.add("GET", "/enter/*", self._at_door)
        routes.add("POST", "/enter/*", self._enter, most_bytes=1024)
        gets: dict[str, Answers] = {
            "/": self._page,
            "/new": self._page,
            "/c/*": self._page,
            "/log": self._log,
            "/list": self._list,
            "/model": self._model,
            "/models": self._offers,
            "/events": self._events,
            "/files/*": self._file,
            "/made/*": self._made,
        }
        for path, handler in gets.items():
            routes.add("GET", path, self._inside(handler))
        for path, handler in {"/say": self._say, "/do": self._do, "/leave": self._leave}.items():
            routes.add("POST", path, self._inside(handler), most_bytes=_MOST_TEXT_BYTES)
        routes.add("POST", "/files", self._inside(self._take), most_bytes=self._web.files.most_bytes)

    # -- the door

    def link(self) -> str:
        """A link that lets one browser in."""
        return f"{self._url}/enter/{self._door.token()}"

    def notice(self) -> str:
        """What whoever runs this should know, wherever that is kept."""
        return f"The web chat is at {self._url}. `waystation link` prints a link that lets a browser in."

    def invitation(self) -> str:
        """The link until it is used, for nobody but the person at the terminal."""
        return f"Open it here, in one browser: {self.link()}" if self._door.unused else ""

    def _session(self, request: web.Request) -> str:
        """The session a request comes from, "" for none."""
        session = request.cookies.get(self._cookie, "")
        return session if session and self._door.knows(session) else ""

    def _inside(self, handler: Answers) -> Answers:
        """The handler for whoever was let in; everybody else is told how to get in."""

        async def checked(request: web.Request) -> web.StreamResponse:
            if not self._session(request):
                return self._locked(request, 401)
            try:
                return await handler(request)
            except Unready as reason:
                return _plainly(503, str(reason))
            except Malformed as problem:
                return _plainly(problem.status, str(problem))
            except StoreError:
                return _plainly(503, "This could not be kept just now. Please try again in a moment.")

        return checked

    def _locked(self, request: web.Request, status: int) -> web.Response:
        if "text/html" not in request.headers.get("Accept", ""):
            return _plainly(status, "This browser is not let in.")
        return _html(self._looks.locked(used=request.path.startswith("/enter/")), status)

    async def _at_door(self, request: web.Request) -> web.StreamResponse:
        """What a link shows: a button. Whoever is inside already wants to get to the chat, however old the link is."""
        if self._session(request):
            return _see_other("/")
        if not self._door.opens(request.path.removeprefix("/enter/")):
            return self._locked(request, 403)
        return _html(self._looks.door())

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """The button was pressed: the link is spent, and this browser is in."""
        session = await self._door.enter(request.path.removeprefix("/enter/"))
        if session is None:
            return _see_other("/") if self._session(request) else self._locked(request, 403)
        response = _see_other("/")
        response.set_cookie(
            self._cookie, session, max_age=SESSION_S, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )
        return response

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        form = await _fields(request)
        session = self._session(request)
        everywhere = form.get("everywhere") == "1"
        await self._door.leave(session, everywhere=everywhere)
        for view in self._web.views.all():
            view.close_all(None if everywhere else name_of(session))
        response = _see_other("/")
        response.del_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response

    async def _static(self, request: web.Request) -> web.StreamResponse:
        found = self._looks.static(request.path.removeprefix("/static/"))
        if found is None:
            return _plainly(404, "There is nothing here.")
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == found.tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=found.body, content_type=found.mime, charset="utf-8", headers=headers)

    # -- the page

    async def _view(self, name: str) -> View:
        """The conversation a page means: by its name, or the current one for ""."""
        if (view := self._web.views.known(name)) is not None:
            return view
        if name.startswith(_BEGINNING) and _NAME.fullmatch(name):
            view = self._web.views.get(name)
            view.begun = frozenset()
            return view
        known = await self._web.conversations()
        chosen = next((one.id for one in known if one.id == name), "") or next(
            (one.id for one in known if one.current), ""
        )
        return self._web.views.get(chosen)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.path.removeprefix("/c/") if request.path.startswith("/c/") else ""
        if request.path == "/new":
            name = f"{_BEGINNING}{secrets.token_urlsafe(9)}"
        elif name.startswith(_BEGINNING) and self._web.views.known(name) is None:
            return _see_other("/")  # it was begun before a restart, and has its own name by now
        view = await self._view(name)
        log = await self._window(request, view)
        if name and not name.startswith(_BEGINNING) and view.id != name:
            return _see_other("/")
        known = await self._web.conversations()
        line = await self._models.line(_MODEL_S)
        most_bytes = self._web.files.most_bytes
        return _html(self._looks.page(view, log, known, line, commands=self._commands, most_bytes=most_bytes))

    async def _log(self, request: web.Request) -> web.StreamResponse:
        view = await self._view(request.query.get("c", ""))
        return _html(self._looks.log(view, await self._window(request, view)))

    async def _window(self, request: web.Request, view: View) -> Log:
        """The part of a conversation that is asked for: by its places, else the end.

        ``before`` and ``after`` ask for what stands there, ``since`` for all from a place on, if that is not too much.
        """
        asked = {name: place for name, place in request.query.items() if _PLACE.fullmatch(place)}
        if request.query.get("all"):  # what pages of an earlier version linked to
            archived = await self._web.read(view, after="", limit=_MOST_SHOWN)
        elif "before" in asked:
            archived = await self._web.read(view, before=asked["before"])
        elif "after" in asked:
            archived = await self._web.read(view, after=asked["after"])
        elif "since" in asked:
            archived = await self._web.read(view, after=asked["since"], limit=_MOST_SHOWN)
            archived = archived if archived.ends else await self._web.read(view)
        else:
            archived = await self._web.read(view)
        stamp = view.stamp
        return Log(messages=view.merged(archived), stamp=stamp, window=archived)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        view = await self._view(request.query.get("c", ""))
        return _html(self._looks.list(view, await self._web.conversations()))

    async def _model(self, request: web.Request) -> web.StreamResponse:
        view = await self._view(request.query.get("c", ""))
        return _html(self._looks.model(view, await self._models.line(_MODELS_S)))

    async def _offers(self, request: web.Request) -> web.StreamResponse:
        view = await self._view(request.query.get("c", ""))
        offers = await self._models.offers()
        line = await self._models.line(_MODEL_S)
        return _html(self._looks.models(view, line, offers, alone=bool(request.query.get("alone"))))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        view = await self._view(request.query.get("c", ""))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        tab = view.open(name_of(self._session(request)), request.query.get("stamp", ""), self._looks.shell)
        try:
            await response.write(b": hello\n\n")
            while (news := await tab.next(_HEARTBEAT_S)) is not None:
                await response.write(news.encode())
        except ConnectionError:
            pass  # the page was closed
        finally:
            view.close(tab)
        return response

    # -- what people do

    async def _say(self, request: web.Request) -> web.StreamResponse:
        said = await _fields(request)
        text = said.get("text", "").strip()
        names = said.get("files", "").split()
        files = [self._handed_in[ref] for ref in names if ref in self._handed_in]
        if len(files) < len(names):
            return _plainly(400, "A file got lost on the way. Please attach it again.")
        if not (text or files):
            return _plainly(400, "There is nothing to send.")
        view = await self._view(said.get("c", ""))
        await self._web.say(view, text, files, _key(said))
        for ref in names:
            self._handed_in.pop(ref, None)
            await self._web.files.settle(ref)
        return _done(request, view)

    async def _do(self, request: web.Request) -> web.StreamResponse:
        said = await _fields(request)
        view, key = await self._view(said.get("c", "")), _key(said)
        match said.get("what", "tap"):
            case "stop":
                await self._web.tell(view, Command(name="stop"), key)
            case "tap" if said.get("tap"):
                await self._web.tell(view, Tap(token=said["tap"]), key)
            case "model" if said.get("model"):
                await self._web.choose(view, said["model"], key)
            case "again":
                await self._web.again(view, said.get("text", "").strip(), key)
            case _:
                return _plainly(400, "This cannot be done here.")
        return _done(request, view)

    # -- files

    async def _take(self, request: web.Request) -> web.StreamResponse:
        try:
            media = await self._web.files.keep(request.content.iter_chunked(1 << 16), request.query.get("name", ""))
        except TooLarge:
            return _plainly(413, f"This file is too large: {self._web.files.most_bytes >> 20} MB are taken at most.")
        self._handed_in[media.ref] = media
        if len(self._handed_in) > _MOST_WAITING:
            del self._handed_in[next(iter(self._handed_in))]
        return web.json_response({"ref": media.ref, "name": media.name, "kind": media.kind})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        ref = request.path.removeprefix("/files/").partition("/")[0]
        tag = f'"{ref[:32]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={**_FILE_HEADERS, "ETag": tag})
        try:
            stored = await self._web.files.read(ref)
        except MediaUnavailable:
            return _plainly(404, "This file is not there any more.")
        return _as_file(stored, tag)

    async def _made(self, request: web.Request) -> web.StreamResponse:
        """A file that was made here, by its reference: nobody can guess one."""
        ref = "/".join(request.path.removeprefix("/made/").split("/")[:2])
        try:
            body = await read_whole(self._fetch, Media(adapter=MADE, ref=ref, kind="document"), _MAX_MADE_BYTES)
        except MediaUnavailable:
            return _plainly(404, "This file is not there any more.")
        return _as_file(stored_of(body), f'"{ref[-32:]}"')


# ---------------------------------------------------------------------------------------------------------------------
# Requests and answers


async def _fields(request: web.Request) -> dict[str, str]:
    """What a form or a script said, by name.

    Raises:
        Malformed: It is of no kind that our pages send, or not what it says it is.
    """
    body = await request.read()
    if request.content_type == "application/json":
        told = _of_json(body)
    elif request.content_type == "application/x-www-form-urlencoded":
        told = _of_form(body)
    elif body:
        raise Malformed(415, "This kind of content is not taken here.")
    else:
        told = {}
    return {name: _CONTROL.sub("", whole(text)) for name, text in told.items()}


def _of_json(body: bytes) -> dict[str, str]:
    try:
        told: object = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
        raise Malformed(400, "This is not the JSON that our pages send.")
    return told


def _of_form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Malformed(400, "This is not a form that our pages send.") from None


def _key(said: dict[str, str]) -> str:
    """The name of what is done, which a browser that asks twice gives twice."""
    key = said.get("key", "")
    return key if _KEY.fullmatch(key) else secrets.token_hex(16)


def _done(request: web.Request, view: View) -> web.Response:
    if request.content_type == "application/json":
        return web.json_response({"c": view.id})
    return _see_other(f"/c/{quote(view.id)}")


def _as_file(stored: Stored, tag: str) -> web.Response:
    shown = "inline" if stored.mime.startswith("image/") else "attachment"
    headers = {**_FILE_HEADERS, "Content-Disposition": shown, "ETag": tag}
    return web.Response(body=stored.body, content_type=stored.mime, headers=headers)


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html")


def _plainly(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)


def _see_other(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
