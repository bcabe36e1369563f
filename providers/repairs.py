"""Asking again where a provider has something against the request: what it is against is repaired or left out.

A conversation that was refused once must not be refused for ever. Each refusal is held against the table of
``quirks.py``; where no row helps, ever simpler forms of the conversation are tried. What helped is remembered of that
server's model, about that thing alone, and forgotten again after a while: servers are changed, and nobody tells us.
"""

import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from http import HTTPStatus

import structlog

from core.errors import ContextTooLong, ProviderDown, ProviderError, RequestRefused
from core.exchange import Delta, Finished, LeftOut, Model, ModelEvent, Request, Retracted
from core.models.needs import is_image
from core.values import Media
from providers import cures, simpler
from providers.attachments import Shown
from providers.cures import Cure, Refused, Way
from providers.learned import Learned
from providers.quirks import CURES, QUIRKS, RUNGS, Protocol
from providers.words import JSON

log = structlog.get_logger(__name__)

_MOST_TRIES = 8
_BLIND_AFTER = 3  # images that a model refused, when it has not taken a single one
_HOPELESS_FOR_S = 300.0
_REFUSALS = frozenset({0, HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
_PASSING = re.compile(r"(?=\w*\d)(?=\w*[A-Za-z])[\w-]{10,}|\d{10,}")
"""Ids of requests and the like, which are others each time."""

Lesson = tuple[str, Hashable]
"""The name of a cure, and what it leaves out."""


class Repairs:
    """What one server was seen to refuse, by model.

    Args:
        protocol: How it is spoken with.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.lessons: defaultdict[str, Learned] = defaultdict(Learned)
        self.accepted: defaultdict[str, Learned] = defaultdict(Learned)
        self.hopeless = Learned(_HOPELESS_FOR_S)

    def attempt(self, request: Request, files: Mapping[Media, Shown]) -> "Attempt":
        """Begin to ask this, in the way that was learned.

        Args:
            files: How the model is shown each file.
        """
        return Attempt(self, request, files)

    def described(self, model: Model) -> Model:
        """The model, less what it was seen not to take."""
        if model.id not in self.lessons:
            return model
        cannot = {name for name, subject in _lessons(self.lessons[model.id]) if subject == ""}
        return replace(
            model,
            tools=model.tools and cures.NO_TOOLS.name not in cannot,
            images=model.images and cures.NO_IMAGES.name not in cannot,
            documents=model.documents and cures.NO_DOCUMENTS.name not in cannot,
            search=model.search and cures.NO_SEARCH.name not in cannot,
        )


class Attempt:
    """One request, as it is asked and asked again.

    Attributes:
        files: How the model is shown each file.
        request: What is asked now.
    """

    def __init__(self, repairs: Repairs, request: Request, files: Mapping[Media, Shown]) -> None:
        self.files = files
        self._repairs = repairs
        self._asked = request
        self._known = list(_lessons(repairs.lessons[request.model])) if request.model in repairs.lessons else []
        self._new: list[Lesson] = []
        self._tried: set[tuple[str, frozenset[Hashable]]] = set()
        self._body: JSON = {}
        self._tries = 0
        self._last: tuple[Sequence[Lesson], str] = ((), "")
        self._hopeless: tuple[str, str] | None = None
        self.request = self._mended()

    def worded(self, body: JSON) -> JSON:
        """The request's body, in the words that were learned."""
        self._body = body
        for cure, found in self._cures():
            body = cure.reword(body, found)
        return body

    def learn(self, error: ProviderError) -> bool:
        """Whether there is another way to ask, after the last one was refused; ``request`` and ``worded`` have it."""
        words = error.said or str(error)
        self._unlearn(words)
        self._tries += 1
        if self._tries == 1 and self._key(words) in self._repairs.hopeless:
            self._hopeless = self._key(words)
        if self._tries <= _MOST_TRIES:
            for name, cure in self._candidates(error, words):
                for found in cure.find(self._refused(words)):
                    if self._try(cure, found, words):
                        log.info("request mended", model=self._asked.model, complaint=name, cure=cure.name)
                        return True
        if isinstance(error, RequestRefused):
            self._repairs.hopeless.add(self._key(words))
        return False

    def accept(self) -> None:
        """It was taken: what was learned on the way is remembered."""
        model = self._asked.model
        self._repairs.hopeless.discard(self._hopeless)
        for lesson in self._new:
            self._repairs.lessons[model].add(lesson)
        accepted = self._repairs.accepted[model]
        for media in self._shown():
            accepted.add(media)
        left_out = [subject for name, subject in self._new + self._known if name == cures.FILES.name]
        images = [one for one in left_out if isinstance(one, Media) and is_image(one)]
        if len(images) >= _BLIND_AFTER and not any(isinstance(one, Media) and is_image(one) for one in accepted):
            self._repairs.lessons[model].add((cures.NO_IMAGES.name, ""))

    def left_out(self) -> list[LeftOut]:
        """What of the request is left out now that was not before, and what of the question nobody could read."""
        told = [cure.left_out(found) for cure, found in self._grouped(self._new)]
        asked = self._asked.entries[simpler.question(self._asked.entries)].parts if self._asked.entries else ()
        files = [part.media for part in asked if part.media is not None and part.media in self.files]
        names = tuple(media.name for media in files if self.files[media].damaged)
        return [*([LeftOut(what="files", names=names)] if names else []), *(one for one in told if one is not None)]

    # -- one refusal

    def _candidates(self, error: ProviderError, words: str) -> Iterator[tuple[str, Cure]]:
        """What may help, with the name of what is complained of, the likeliest first."""
        if self._hopeless is not None:  # a short while ago nothing helped: the last resort alone is tried
            yield "hopeless", simpler.ONLY_WORDS
            return
        if isinstance(error, ContextTooLong):  # a text that is too long is for whoever asks to shorten
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and self._shown():
                yield from (("too large", cure) for cure in (simpler.NO_EARLIER_FILES, cures.LARGE_FILES))
            return
        refused = isinstance(error, RequestRefused)
        failed = isinstance(error, ProviderDown) and error.status in {0, HTTPStatus.INTERNAL_SERVER_ERROR}
        if not (refused or (failed and error.said)):
            return
        for quirk in QUIRKS:
            fits = self._repairs.protocol in quirk.protocols and (refused or quirk.anywhere)
            if fits and quirk.complaint.search(words):
                yield quirk.name, quirk.cure
        if refused and error.status in _REFUSALS:
            yield from (("unknown", rung) for rung in RUNGS)

    def _try(self, cure: Cure, found: Way, words: str) -> bool:
        """Whether this changes anything that has not been tried."""
        way = (cure.name, frozenset(found))
        lessons = [(cure.name, subject) for subject in found]
        if way in self._tried or all(lesson in [*self._known, *self._new] for lesson in lessons):
            return False
        self._tried.add(way)
        before = (self.request, self.worded(self._body))
        self._new += lessons
        self.request = self._mended()
        if (self.request, self.worded(self._body)) == before:
            self._forget(lessons)
            return False
        self._last = (lessons, self._key(words)[1])
        return True

    def _unlearn(self, words: str) -> None:
        """Take back what was tried last, if it changed nothing about the complaint."""
        lessons, before = self._last
        if lessons and before == self._key(words)[1]:
            self._forget(lessons)
        self._last = ((), "")

    def _forget(self, lessons: Sequence[Lesson]) -> None:
        self._new = [lesson for lesson in self._new if lesson not in lessons]
        self.request = self._mended()

    def _key(self, words: str) -> tuple[str, str]:
        return self._asked.model, _PASSING.sub("", words)

    def _refused(self, words: str) -> Refused:
        return Refused(
            words=words,
            asked=self._asked,
            request=self.request,
            body=self.worded(self._body),
            files=self.files,
            accepted=self._repairs.accepted[self._asked.model],
        )

    # -- what is asked

    def _mended(self) -> Request:
        request = self._asked
        for cure, found in self._cures():
            request = cure.mend(request, found)
        return request

    def _cures(self) -> Iterator[tuple[Cure, Way]]:
        return self._grouped([*self._known, *self._new])

    def _grouped(self, lessons: Sequence[Lesson]) -> Iterator[tuple[Cure, Way]]:
        """Lessons by their cures, in the order in which those are applied."""
        if not lessons:
            return
        for name, cure in CURES.items():
            if found := tuple(dict.fromkeys(subject for of, subject in lessons if of == name)):
                yield cure, found

    def _shown(self) -> list[Media]:
        """The files that are sent now."""
        sent = dict.fromkeys(part.media for entry in self.request.entries for part in entry.parts if part.media)
        return [media for media in sent if media in self.files and self.files[media].kind != "words"]


async def repaired(
    attempt: Attempt, once: Callable[[Attempt], AsyncGenerator[ModelEvent, None]]
) -> AsyncGenerator[ModelEvent, None]:
    """Ask until it is taken, or until there is no other way to ask.

    Args:
        once: Asks once, for ``request``, by what ``worded`` makes of its body.

    Raises:
        ProviderError: What was said last.
    """
    while True:
        begun = False
        try:
            async with aclosing(once(attempt)) as events:
                async for event in events:
                    if not begun and isinstance(event, Delta | Retracted | Finished):
                        begun = True
                        attempt.accept()
                        for one in attempt.left_out():
                            yield one
                    yield event
        except ProviderError as error:
            if begun or not attempt.learn(error):
                raise
        else:
            return


def _lessons(learned: Learned) -> Iterator[Lesson]:
    for fact in learned:
        if isinstance(fact, tuple):
            yield fact
