"""The published rules for rich messages: one source, its size, and the blocks it becomes.

See https://core.telegram.org/bots/api#sendrichmessage.
"""

from __future__ import annotations

from markdown_it import MarkdownIt

from .calls import Json, bad_request
from .rich_blocks import blocks_of
from .rich_tree import MAX_BLOCKS, TreeBuilder

MAX_RICH_CHARS = 32_768
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def rich_content(rich: Json, *, draft: bool) -> Json:
    """Return the RichMessage that an InputRichMessage becomes.

    HTML is read exactly; Markdown roughly, without its formulas and footnotes, and never refused.

    Raises:
        Refused: When it breaks the rules.
    """
    given = [name for name in ("html", "markdown", "blocks") if rich.get(name)]
    if len(given) != 1:
        raise bad_request("exactly one of the fields html, markdown or blocks must be specified")
    content: Json = {"is_rtl": True} if rich.get("is_rtl") else {}
    source = rich[given[0]]
    if given[0] == "blocks":
        if len(source) > MAX_BLOCKS:
            raise bad_request("rich message has too many blocks")
        return {"blocks": source} | content
    if len(str(source)) > MAX_RICH_CHARS:
        raise bad_request("rich message is too long")
    html = str(source) if given[0] == "html" else _MARKDOWN.render(str(source))
    tree = TreeBuilder().read(html)
    if tree.reason and given[0] == "html":
        raise bad_request(f"can't parse rich message: {tree.reason}")
    blocks = blocks_of(tree.root)
    if not draft and any(block["type"] == "thinking" for block in blocks):
        raise bad_request("can't parse rich message: thinking blocks are allowed only in drafts")
    if not blocks:
        raise bad_request("rich message must be non-empty")
    return {"blocks": blocks} | content
