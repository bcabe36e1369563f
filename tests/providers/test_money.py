"""What the labs and servers count, wherever they say it: no money is lost, also of a stream that broke."""

import pytest

from core.errors import ProviderError
from core.exchange import Spent, Usage
from providers.chat.answer import Answer as ChatAnswer
from providers.gemini.answer import Answer as GeminiAnswer
from providers.messages.answer import Answer as MessagesAnswer
from providers.responses.answer import Answer as ResponsesAnswer
from providers.words import JSON

FOUND: JSON = {"type": "web_search_result", "url": "https://example.org", "title": "", "encrypted_content": "x"}


def chat(*chunks: JSON) -> Usage:
    """What an answer of these chunks costs."""
    answer = ChatAnswer("local", lambda: 99)
    for chunk in chunks:
        answer.add(chunk)
        answer.take()
    return answer.spent().usage


def says(text: str, **more: object) -> JSON:
    """A chunk with some text."""
    return {"choices": [{"delta": {"content": text}, **more}]}


@pytest.mark.parametrize(
    "chunks, meant",
    [
        (
            [says("one two"), {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}],
            Usage(input_tokens=7, output_tokens=3),
        ),
        (
            [says("one two", finish_reason="stop") | {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}],
            Usage(input_tokens=7, output_tokens=3),
        ),
        (
            [says("a") | {"usage": {"prompt_tokens": 7, "completion_tokens": n}} for n in (1, 2, 3)],
            Usage(input_tokens=7, output_tokens=3),
        ),
        (
            [says("a", usage={"prompt_tokens": 7, "completion_tokens": 3, "cached_tokens": 5})],
            Usage(input_tokens=7, output_tokens=3, cached_tokens=5),
        ),
        (
            [says("a") | {"x_groq": {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}}],
            Usage(input_tokens=7, output_tokens=3),
        ),
        (
            [{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 0}}, says("one two three")],
            Usage(input_tokens=7, output_tokens=3),
        ),
        (
            [says("one two three"), {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 5}}],
            Usage(input_tokens=99, output_tokens=5),
        ),
    ],
    ids=["alone", "last", "every", "choice", "groq", "first", "half"],
)
def test_usage_is_read_wherever_it_comes(chunks: list[JSON], meant: Usage) -> None:
    """Alone, in the last chunk, in each, in the choice; what a server leaves out is estimated."""
    assert chat(*chunks) == meant


@pytest.mark.parametrize(
    "told, meant",
    [
        ({"prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5}}, (4, 5, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 4}, "cache_creation_input_tokens": 5}, (4, 5, 0)),
        ({"prompt_cache_hit_tokens": 4}, (4, 0, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 9, "cache_write_tokens": 5}}, (9, 1, 0)),
        ({"num_search_queries": 2}, (0, 0, 2)),
        ({"server_tool_use": {"web_search_requests": 3}}, (0, 0, 3)),
    ],
    ids=["openrouter", "gateway", "deepseek", "too-many", "perplexity", "searches"],
)
def test_what_has_a_price_of_its_own_is_counted(told: JSON, meant: tuple[int, int, int]) -> None:
    """What was read from a cache, what was written to one, and searches."""
    usage = chat({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 1} | told})
    assert (usage.cached_tokens, usage.written_tokens, usage.searches) == meant


def test_anthropic_searches_are_counted_as_they_come() -> None:
    """A stream that is cut after them has cost them; in the end the lab's own count is the true one."""
    answer = MessagesAnswer("anthropic", "m", 10)
    answer.add({"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_creation_input_tokens": 20}}})
    for place, content in enumerate([[FOUND], [FOUND], {"type": "web_search_tool_result_error"}]):
        block = {"type": "web_search_tool_result", "tool_use_id": "s", "content": content}
        answer.add({"type": "content_block_start", "index": place, "content_block": block})
    assert answer.spent().usage == Usage(input_tokens=25, written_tokens=20, searches=2)
    counted = {"output_tokens": 9, "server_tool_use": {"web_search_requests": 3}}
    answer.add({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": counted})
    assert answer.spent().usage == Usage(input_tokens=25, output_tokens=9, written_tokens=20, searches=3)


def searched(place: int, action: str) -> JSON:
    """What OpenAI tells of one thing it did in the web."""
    item = {"type": "web_search_call", "id": f"ws_{place}", "status": "completed", "action": {"type": action}}
    return {"type": "response.output_item.done", "output_index": place, "item": item}


@pytest.mark.parametrize("told, searches", [(None, 2), ({"web_search": {"num_requests": 1}}, 1)])
def test_openai_searches_are_counted_and_pages_are_not(told: JSON | None, searches: int) -> None:
    """As they come, and in the end as the lab counts them, where it does."""
    answer = ResponsesAnswer("openai", "m", 10)
    heard = [answer.add(searched(*one)) for one in enumerate(["search", "open_page", "find_in_page", "search"])]
    assert [event.usage.searches for events in heard for event in events if isinstance(event, Spent)] == [1, 2]
    usage = {"input_tokens": 30, "input_tokens_details": {"cache_write_tokens": 20}, "output_tokens": 4}
    answer.add({"type": "response.completed", "response": {"usage": usage, "tool_usage": told}})
    assert answer.spent().usage == Usage(input_tokens=30, output_tokens=4, written_tokens=20, searches=searches)


def test_an_answer_that_failed_has_cost_what_the_lab_says() -> None:
    """The count comes with the complaint."""
    answer = ResponsesAnswer("openai", "m", 10)
    failed = {"error": {"code": "server_error", "message": "Sorry."}, "usage": {"input_tokens": 30, "output_tokens": 4}}
    with pytest.raises(ProviderError):
        answer.add({"type": "response.failed", "response": failed})
    assert answer.spent().usage == Usage(input_tokens=30, output_tokens=4)


@pytest.mark.parametrize("model, searches", [("gemini-3.8-flash", 2), ("gemini-2.5-flash-lite", 1)])
def test_google_searches_are_counted_whenever_they_are_told(model: str, searches: int) -> None:
    """Also after the tokens were; older models take money for each answer, newer ones for each query."""
    answer = GeminiAnswer("google", model, 10)
    answer.add({"usageMetadata": {"promptTokenCount": 30, "candidatesTokenCount": 4, "thoughtsTokenCount": 2}})
    heard = answer.add({"candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}]})
    meant = Usage(input_tokens=30, output_tokens=6, reasoning_tokens=2, searches=searches)
    assert heard == [Spent(usage=meant)]
    answer.add({"usageMetadata": {"promptTokenCount": 30}})
    assert answer.spent().usage == meant


def test_google_searches_beside_functions_are_counted() -> None:
    """There the lab shows its calls instead."""
    answer = GeminiAnswer("google", "gemini-3.8-flash", 10)
    part = {"toolCall": {"id": "1", "toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "s"}
    answer.add({"candidates": [{"content": {"parts": [part]}}]})
    assert answer.spent().usage.searches == 1
