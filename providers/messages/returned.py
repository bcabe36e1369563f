"""What of an answer goes back to Anthropic's Messages API: only what it would take.

An answer that was cut holds things without their end: a thought that nobody signed, a search without what it found.
The lab refuses the conversation for them, now and for ever after, so they are left out. It also refuses to go on with
words of the model's own (a "prefill"), save those of a turn that it paused itself: such a conversation gets an ending.

https://docs.claude.com/en/docs/build-with-claude/extended-thinking , /en/docs/agents-and-tools/tool-use/web-search-tool
"""

from providers.words import GO_ON, JSON

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def fit(messages: list[JSON]) -> list[JSON]:
    """The messages without what the lab would refuse, and such that it is the model's turn."""
    fitting: list[JSON] = []
    for place, message in enumerate(messages):
        content = message["content"]
        if message["role"] == "assistant" and isinstance(content, list):
            content = _whole(content, paused=place == len(messages) - 1)
        append(fitting, str(message["role"]), content if isinstance(content, list) else [])
    last = fitting[-1] if fitting else {}
    if last.get("role") == "assistant" and not _paused(last["content"]):
        append(fitting, "user", [{"type": "text", "text": GO_ON}])
    return fitting


def append(messages: list[JSON], role: str, blocks: list[JSON]) -> None:
    """Add what one side says; neighbours of one role become one message."""
    if not blocks:
        return
    last = messages[-1] if messages else {}
    content = last.get("content")
    if last.get("role") == role and isinstance(content, list):
        content.extend(blocks)
    else:
        messages.append({"role": role, "content": blocks})


def _whole(blocks: list[JSON], *, paused: bool) -> list[JSON]:
    """What of the model's blocks has its other half.

    Args:
        paused: It may be that the lab is to go on with these: then searches at the very end are not finished yet.
    """
    asked = {block.get("id"): place for place, block in enumerate(blocks) if block.get("type") == "server_tool_use"}
    found = {block.get("tool_use_id"): place for place, block in enumerate(blocks) if _is_found(block)}
    kept = [
        block
        for place, block in enumerate(blocks)
        if not (
            (_is_found(block) and asked.get(block.get("tool_use_id"), place) >= place)
            or (
                block.get("type") == "server_tool_use"
                and found.get(block.get("id"), -1) <= place
                and not (paused and _is_asked(blocks[place:]))
            )
            or (block.get("type") in _THOUGHTS and not (block.get("signature") or block.get("data")))
        )
    ]
    while kept and kept[-1].get("type") in _THOUGHTS:  # a thought that led to nothing may not be the last word
        kept.pop()
    return kept


def _is_found(block: JSON) -> bool:
    """What a search or another tool of the lab's own has brought."""
    return str(block.get("type")).endswith("_tool_result")


def _is_asked(blocks: list[JSON]) -> bool:
    """Whether there is nothing but tools of the lab's own that wait for it."""
    return all(block.get("type") == "server_tool_use" for block in blocks)


def _paused(content: object) -> bool:
    last = content[-1] if isinstance(content, list) and content else {}
    return last.get("type") == "server_tool_use" or _is_found(last)
