"""Thoughts that come as one text with the answer: none reaches a chat, whatever marks them, wherever they are cut."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from contracts.rigs.providers import answered, said, site
from core import phrases
from core.exchange import Delta, Entry, Finished, ModelEvent, Part, Retracted, Usage
from core.testing import FakeProvider
from providers.chat import marks
from providers.chat.thinking import Habits, Thinking
from providers.compatible import Compatible, spec
from servers import ask, end, request, serving, settings
from turns import Lane, assistant

THOUGHT = "Hm. A <b> of 3 < 4, it's `x`."
ANSWER = "It is 4.\n\n- `a` < b"


Opened = Literal["", "likely", "known"]


class Sorted:
    """What becomes of a text that comes in these pieces.

    Attributes:
        shown: All that was ever said as the answer, also where it was taken back.
        late: How many characters behind the last piece the answer was at most, before the end.
    """

    def __init__(self, pieces: Iterable[str], *, cut: bool = False, asked: bool = False, opened: Opened = "") -> None:
        thinking = Thinking(asked=asked, opened=opened)
        self.answer = self.reasoning = self.shown = ""
        self.late, fed = 0, 0
        for piece in pieces:
            fed += len(piece)
            self._take(thinking.feed(piece))
            self.late = max(self.late, fed - len(self.answer) - len(self.reasoning))
        self._take(thinking.rest(cut=cut))
        self.unopened = thinking.unopened

    def _take(self, pieces: Sequence[tuple[str, str]]) -> None:
        for kind, text in pieces:
            if kind == "retract":
                self.reasoning += self.answer
                self.answer = ""
            elif kind == "answer":
                self.answer += text
                self.shown += text
            else:
                self.reasoning += text


def cuts(text: str) -> list[list[str]]:
    """The text whole, a character at a time, three at a time, and cut in two at each position."""
    ways = [[text], list(text), [text[at : at + 3] for at in range(0, len(text), 3)]]
    return ways + [[text[:at], text[at:]] for at in range(1, len(text))]


CHANNELS = "<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant<|channel|>final<|message|>{answer}"
MARKED = {
    **{opening: f"{opening}{{thought}}{closing}\n\n{{answer}}" for opening, closing in marks.PAIRS.items()},
    "[THINK]": "[THINK]{thought}[/THINK]{answer}",
    "blank-before": "\n\n <think>\n{thought}\n</think>\n\n{answer}",
    "twice": "<think>{thought}</think>\n<think>{thought}</think>\n{answer}",
    "channels": CHANNELS,
    "channels-whole": f"<|start|>assistant{CHANNELS}<|return|>",
    "channels-call": CHANNELS.replace(
        "<|end|>", "<|end|><|start|>assistant<|channel|>commentary to=f <|constrain|>json<|message|>{{}}<|call|>"
    ),
    "channels-final-alone": "<|channel|>final<|message|>{answer}",
    "channels-no-start": "<|channel|>analysis<|message|>{thought}<|channel|>final<|message|>{answer}",
    "channels-bare": "analysisWe should answer.assistantfinal{answer}",
}


@pytest.mark.parametrize("form", MARKED.values(), ids=MARKED)
def test_a_marked_thought_is_never_shown(form: str) -> None:
    """By the marks of each family, wherever the stream is cut; the blank lines after it go with it."""
    text = form.format(thought=THOUGHT, answer=ANSWER)
    for pieces in cuts(text):
        found = Sorted(pieces)
        assert found.answer == found.shown == ANSWER, pieces
        assert (THOUGHT in found.reasoning) == ("{thought}" in form)
        assert not found.unopened


UNOPENED = {
    "spaces": "I should add them… </think> {answer}",
    "line": "I should add them: 2 + 2.\n</think>\n\n{answer}",
    "close": "I should add them.</think>{answer}",
    "ticks": "It says `x\n</think>\n\n{answer}",
    "thinking": "I should add them.\n</thinking>\n{answer}",
    "THINK": "I should add them.[/THINK]{answer}",
    "thought": "I should add them.\n</thought>\n{answer}",
    "kimi": "I should add them.◁/think▷{answer}",
    "channel": "I should add them.<|end|><|start|>assistant<|channel|>final<|message|>{answer}",
}


@pytest.mark.parametrize("form", UNOPENED.values(), ids=UNOPENED)
def test_a_thought_that_only_its_end_tells_is_taken_back(form: str) -> None:
    """Templates open a thought themselves; what was said before its end is no answer, wherever the stream is cut."""
    for pieces in cuts(form.format(answer=ANSWER)):
        found = Sorted(pieces)
        assert found.answer == ANSWER, pieces
        assert found.unopened


@pytest.mark.parametrize("opened", ["likely", "known"])
@pytest.mark.parametrize("form", UNOPENED.values(), ids=UNOPENED)
def test_who_is_expected_to_send_such_a_thought_has_it_never_shown(form: str, opened: Opened) -> None:
    """Nothing of it is said as the answer, not even to be taken back."""
    for pieces in cuts(form.format(answer=ANSWER)):
        found = Sorted(pieces, opened=opened)
        assert found.answer == found.shown == ANSWER, pieces


@pytest.mark.parametrize(
    "thought",
    ["Okay, so the user wants a sum.", "The user asks for a sum.", "Hmm, the user is greeting me.", "User asked: hi."],
)
def test_a_text_that_speaks_of_the_user_is_kept_back(thought: str) -> None:
    """Nobody speaks so to the person they answer, so nothing is shown until it is clear that no thought ends."""
    if thought.startswith("User"):
        assert Sorted([thought, "</think>Hi."]).answer == "Hi."
        return
    for pieces in cuts(f"{thought} It is easy.\n</think>\n\n{ANSWER}"):
        found = Sorted(pieces)
        assert found.answer == found.shown == ANSWER, pieces
    assert Sorted(list(thought)).answer == thought


ABOUT = {
    "code": "It ends with `</think>`, then the answer comes.",
    "fence": "Like so:\n\n```\n<think>\nHm.\n</think>\nHi.\n```\n\nThat is all.",
    "quotes": 'Look for "</think>" in the text.',
    "tag": "The tag </think> closes it.",
    "sentence": "R1 ends its thoughts with </think>, and Mistral with [/THINK].",
    "tag-behind": "A </think> tag closes it.",
    "pair": "You write <think> first and </think> last.",
    "bracket": "Mistral writes `[THINK]` and `[/THINK]`.",
    "channels": "The token <|channel|>final<|message|> begins the answer.",
    "opening": "They begin with <think> and go on.",
}


@pytest.mark.parametrize("text", ABOUT.values(), ids=ABOUT)
def test_a_mark_that_is_talked_of_stays(text: str) -> None:
    """In code, in quotes, or called what it is: an answer may name a mark, to the letter."""
    for pieces in cuts(text):
        assert Sorted(pieces).answer == text, pieces


@pytest.mark.parametrize(
    "text",
    [
        *ABOUT.values(),
        "The model writes </think> when it is done.",
        "- </think>\n- </thought>\n",
        "<think> marks the beginning, </think> the end.",
        "It is written like this:\n<think>\nHm.</think>\n",
        "</think> comes last.",
        "A newline, then </think> and the answer",
        "[/THINK] is Mistral's.",
    ],
)
def test_who_asks_about_a_mark_has_it_explained(text: str) -> None:
    """Where the conversation is about marks, only one on a line of its own ends a thought."""
    for pieces in cuts(text):
        assert Sorted(pieces, asked=True).answer == text, pieces


@pytest.mark.parametrize("opened", ["", "known"])
def test_who_asks_about_a_mark_sees_no_thought_either(opened: Opened) -> None:
    """The thought names the mark, and ends with it on a line of its own."""
    for lead in ("", "<think>\n"):
        thought = "They ask about </think>. I say that </think> ends a thought."
        text = f"{lead}{thought}\n</think>\n\nThe mark `</think>` ends it."
        for pieces in cuts(text):
            found = Sorted(pieces, asked=True, opened=opened)
            assert found.answer == "The mark `</think>` ends it.", pieces


@pytest.mark.parametrize(
    "entries, about",
    [
        ([said("What does </think> mean?")], True),
        ([said("What is [THINK]?"), answered("A mark."), said("And its end?")], True),
        ([said("I think so. What do you think?")], False),
        ([said("What does <think> do?"), *([answered("x"), said("y")] * 8)], False),
        ([Entry(role="user", parts=(Part(kind="result", body="<thinking> is used"),))], True),
        ([said("What is <|channel|>?")], True),
        ([said("What are thinking tags good for?")], True),
    ],
)
def test_what_a_conversation_is_about_is_told_by_its_words(entries: list[Entry], *, about: bool) -> None:
    """By those of the last few messages, and of what tools have found."""
    assert marks.asked_about(entries) is about


@pytest.mark.parametrize(
    "text",
    [
        "The river runs past the old mill. " * 9,
        "Okay, here is the list you wanted: one, two, three.",
        "So, 3 < 4 and a <b> is [bold].",
        "The users table has two columns.",
        "First, wash the rice. Well, twice.",
        "<p>Hello</p> [Then] <thin> lines",
        "analysis of the text shows that it is short",
    ],
)
def test_an_ordinary_answer_is_not_held_up(text: str) -> None:
    """It is never more than a word or a mark's length behind."""
    found = Sorted(list(text))
    assert found.answer == text
    assert found.late <= 16


@given(
    text=st.text(alphabet="<think/> a\n[]`", max_size=60).filter(
        lambda text: not marks.OPEN.search(text) and not marks.CLOSE.search(text)
    ),
    asked=st.booleans(),
)
def test_a_text_without_marks_is_left_as_it_is(text: str, *, asked: bool) -> None:
    """To the letter."""
    assert Sorted(list(text), asked=asked).answer == text
    assert Sorted([text], asked=asked).answer == text


PIECES = [
    "<think>",
    "</think>",
    "\n",
    "a",
    "`",
    "```\n",
    "[THINK]",
    "[/THINK]",
    "<|end|>",
    marks.FINAL,
    " tag ",
    "the user ",
]


@given(
    text=st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    asked=st.booleans(),
    opened=st.sampled_from(get_args(Opened)),
    data=st.data(),
)
def test_how_a_text_is_cut_changes_nothing(text: str, *, asked: bool, opened: Opened, data: st.DataObject) -> None:
    """Whatever stands in it, the answer is the same."""
    whole = Sorted([text], asked=asked, opened=opened)
    at = data.draw(st.integers(0, len(text)))
    for pieces in (list(text), [text[:at], text[at:]]):
        assert Sorted(pieces, asked=asked, opened=opened).answer == whole.answer


@pytest.mark.parametrize("opening", ["<think>", "[THINK]", "<|channel|>analysis<|message|>"])
def test_a_thought_without_end_is_no_answer(opening: str) -> None:
    """A model that only thought has said nothing."""
    for pieces in cuts(f"{opening}Hm, let me see."):
        found = Sorted(pieces)
        assert (found.answer, found.shown) == ("", "")
        assert found.reasoning == "Hm, let me see."


def test_a_thought_that_was_cut_is_no_answer() -> None:
    """Of a model that sends its thoughts unopened; one that came to its end by itself has answered."""
    assert Sorted(["I add two and two, and"], opened="known", cut=True).answer == ""
    assert Sorted(["It is 4."], opened="known").answer == "It is 4."


def test_a_thought_amid_an_answer_is_no_answer() -> None:
    """Between two of its paragraphs; a mark amid a line is only named."""
    for pieces in cuts("One.\n<think>\nTwo?\n</think>\nThree."):
        assert Sorted(pieces).answer == "One.\nThree."
    assert Sorted(list("One.\n<think> is how it begins.")).answer == "One.\n<think> is how it begins."


def test_a_name_lets_expect_thoughts_until_the_model_answers_without() -> None:
    """One whole answer without a thought is enough to hold back no more; a thought is remembered for a while."""
    habits = Habits()
    for model in ("deepseek-r1:8b", "QwQ-32B", "Qwen3-4B-Thinking-2507", "zai/glm-4.6"):
        asked = request(model=model)
        assert Sorted(["Hm"], cut=True, opened=habits.thinking(asked)._opened).answer == ""
        thinking = habits.thinking(asked)
        thinking.feed("Hi.")
        thinking.rest()
        habits.seen(model, thinking)
        assert habits.thinking(asked).feed("Hi there") == [("answer", "Hi there")]
    thinking = habits.thinking(request(model="plain"))
    thinking.feed("Hm.</think>It is four, and no more.")
    habits.seen("plain", thinking)
    assert habits.thinking(request(model="plain")).feed("Hm, and so on") == []
    assert habits.thinking(request(model="other")).feed("Hm, and so on") != []


# ---------------------------------------------------------------------------------------------------------------------
# Over a server


async def stream_of(pieces: Sequence[str | dict[str, object]], model: str = "sim-small") -> list[list[ModelEvent]]:
    """A server that says this in deltas; ask it twice."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(asked)
        for piece in pieces:
            delta = {"content": piece} if isinstance(piece, str) else piece
            await response.write(b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n")
            await asyncio.sleep(0.03)
        last = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        await response.write(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    async with serving(app) as base_url, spec.open(site("local"), settings(base_url)) as server:
        assert isinstance(server, Compatible)
        return [await ask(server, request(model=model)) for _ in range(2)]


async def test_a_server_is_remembered_to_send_thoughts_without_a_beginning() -> None:
    """The first time what was shown is taken back; from then on nothing is shown."""
    first, second = await stream_of(["I add", " two", " and two.", "\n</think>\n\n", "It is", " 4."])
    for events in (first, second):
        assert end(events).parts == (Part(kind="text", body="It is 4."),)
    assert any(isinstance(event, Retracted) for event in first)
    assert not any(isinstance(event, Retracted) for event in second)
    assert "".join(event.text for event in second if isinstance(event, Delta) and event.kind == "answer") == "It is 4."


async def test_a_server_that_tells_thoughts_apart_is_not_held_up() -> None:
    """Whatever its model is called: the first words of the answer come before the last."""
    for events in await stream_of([{"reasoning_content": "Hm."}, "It", " is", " 4."], "deepseek-r1"):
        assert [event.text for event in events if isinstance(event, Delta)][:2] == ["Hm.", "It"]


async def test_thoughts_in_typed_parts_are_thoughts() -> None:
    """As Mistral sends them."""
    part = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    for events in await stream_of([{"content": [part]}, {"content": [{"type": "text", "text": "It is 4."}]}]):
        deltas = [(event.kind, event.text) for event in events if isinstance(event, Delta)]
        assert deltas == [("reasoning", "Hm."), ("answer", "It is 4.")]


# ---------------------------------------------------------------------------------------------------------------------
# In a chat


async def test_what_was_taken_back_is_not_in_the_chat() -> None:
    """The answer begins anew, and what is kept of the conversation is the answer alone."""
    lane = Lane()
    whole = Part(kind="text", body="It is 4.")
    script = (
        Delta(text="I add."),
        Retracted(),
        Delta(text="It is 4."),
        Finished(reason="stop", parts=(whole,), usage=Usage()),
    )
    model = FakeProvider(script)
    lane.hear("What is 2 + 2?")
    await lane.run(assistant(lane, model))
    assert lane.texts() == ["It is 4."]


async def test_a_model_that_only_thought_does_not_leave_silence() -> None:
    """The person is told that there is no answer, and may ask again."""
    lane = Lane()
    lane.hear("What is 2 + 2?")
    await lane.run(
        assistant(
            lane, FakeProvider((Delta(text="Hm.", kind="reasoning"), Finished(reason="stop", parts=(), usage=Usage())))
        )
    )
    assert lane.texts() == [phrases.ONLY_THOUGHT]
