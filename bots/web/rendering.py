"""Markdown as HTML that can do no harm: what a model says, block by block.

Two walls stand between a model and the page. The parser knows no HTML, follows only plain addresses and loads no
image; and what it makes is cut down to a list of harmless elements all the same, so that a mistake in the first wall,
or in the library for formulas, changes nothing. What a page looks like is the style sheet's affair.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin
from mdit_py_plugins.texmath import texmath_plugin

from bots.web.code import highlighted
from bots.web.formulas import formula

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_LONGEST_ADDRESS: Final = 2048
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MONEY = re.compile(r"\d[^\\^_={}]*[^\W\d_]{3}[^\\^_={}]*")

_HTML: Final = {
    "a": {"href", "title", "target"},
    "blockquote": set(),
    "br": set(),
    "button": {"class", "type"},
    "code": set(),
    "del": set(),
    "div": {"class", "tabindex"},
    "em": set(),
    "figcaption": set(),
    "figure": {"class"},
    "h2": set(),
    "h3": set(),
    "h4": set(),
    "h5": set(),
    "h6": set(),
    "hr": set(),
    "input": {"class", "type", "checked", "disabled"},
    "li": {"class"},
    "ol": {"start", "class"},
    "p": set(),
    "pre": {"tabindex"},
    "s": set(),
    "span": {"class"},
    "strong": set(),
    "table": set(),
    "tbody": set(),
    "td": {"class"},
    "th": {"class"},
    "thead": set(),
    "tr": set(),
    "ul": {"class"},
}
_MATHML: Final = {
    **{tag: set() for tag in ("merror", "mmultiscripts", "mphantom", "mprescripts", "msub", "msubsup", "msup", "mtr")},
    **{tag: {"mathvariant", "mathcolor"} for tag in ("mi", "mn", "mroot", "mrow", "ms", "msqrt", "mtext")},
    "math": {"display"},
    "menclose": {"notation"},
    "mfrac": {"displaystyle", "linethickness"},
    "mo": {"fence", "form", "lspace", "mathcolor", "maxsize", "minsize", "movablelimits", "rspace", "stretchy"},
    "mover": {"accent"},
    "mpadded": {"depth", "height", "lspace", "voffset", "width"},
    "mspace": {"depth", "height", "width"},
    "mstyle": {"displaystyle", "mathcolor", "scriptlevel"},
    "mtable": {"displaystyle", "scriptlevel"},
    "mtd": {"class"},
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
}
_wall = nh3.Cleaner(
    tags={*_HTML, *_MATHML},
    attributes={tag: set(names) for tag, names in (_HTML | _MATHML).items() if names},
    clean_content_tags={"script", "style", "template", "iframe", "object", "svg", "title", "textarea", "noscript"},
    link_rel="noopener noreferrer nofollow",
    url_schemes=set(_SCHEMES),
    url_relative="deny",
)


def render(markdown: str) -> list[str]:
    """A text as HTML, one string for each of its blocks."""
    env: EnvType = {}
    return [html for _, html in blocks(markdown, env)]


def blocks(markdown: str, env: "EnvType") -> list[tuple[int, str]]:
    """The blocks of a text: the line each begins at, and its HTML.

    Args:
        env: What earlier pieces of the same text defined; what this one defines is added.
    """
    md = _parser()
    tokens = md.parse(markdown, env)
    return [(start, _clean(md, group, env)) for start, group in _groups(tokens)]


def _groups(tokens: "Sequence[Token]") -> "list[tuple[int, list[Token]]]":
    """The tokens of each block by themselves, with the block's first line."""
    groups: list[tuple[int, list[Token]]] = []
    for token in tokens:
        if token.level == 0 and token.nesting >= 0:
            groups.append((token.map[0] if token.map else 0, []))
        groups[-1][1].append(token)
    return groups


def _clean(md: MarkdownIt, tokens: "list[Token]", env: "EnvType") -> str:
    return _wall.clean(md.renderer.render(tokens, md.options, env)).strip()


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "breaks": True, "tasklists": True})
    md.enable(["table", "strikethrough"])
    md.use(gfm_autolink_plugin)
    md.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    md.use(texmath_plugin, delimiters="brackets")
    md.validateLink = may_follow  # type: ignore[method-assign]  # the library's own way to say it
    for name, rule in {
        "fence": _fence,
        "code_block": _fence,
        "image": _image,
        "link_open": _link,
        "table_open": lambda *_: '<div class="table" tabindex="0"><table>',
        "table_close": lambda *_: "</table></div>",
        "heading_open": _heading,
        "heading_close": _heading,
        "td_open": _cell,
        "th_open": _cell,
        "math_inline": _inline_math,
        "math_inline_double": _block_math,
        "math_block": _block_math,
        "math_block_eqno": _block_math,
    }.items():
        md.add_render_rule(name, rule)
    return md


def may_follow(url: str) -> bool:
    """Whether a link may lead there: the web and mail, by an address that can be read."""
    if len(url) > _LONGEST_ADDRESS or re.search(r"[\s\\\x00-\x1f]", url):
        return False
    try:
        parts = urlsplit(url)
        named = parts.scheme == "mailto" or ("@" not in parts.netloc and parts.hostname)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(named)


# ---------------------------------------------------------------------------------------------------------------------
# Rules of rendering, called by the parser


def _fence(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    info = tokens[at].info.split()
    name = info[0].lower() if info else ""
    code = highlighted(tokens[at].content, name)
    head = f'<span>{escape(name)}</span><button class="copy" type="button">Copy</button>'
    return f'<figure class="code"><figcaption>{head}</figcaption><pre tabindex="0"><code>{code}</code></pre></figure>'


def _image(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    """A link with the whole address: loading a picture would tell its server what was asked here."""
    address = str(tokens[at].attrs.get("src", ""))
    words = tokens[at].content.strip()
    said = f"{words}: {_readable(address)}" if words else _readable(address)
    return f'<a href="{escape(address)}" target="_blank">{escape(said)}</a>'


def _link(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    """A link that opens elsewhere; where its words are another address, they are not to be believed."""
    address = str(tokens[at].attrs.get("href", ""))
    words = tokens[at + 1].content if at + 1 < len(tokens) else ""
    warning = f"{escape(_readable(address))} ← " if disguises(words, address) else ""
    return f'{warning}<a href="{escape(address)}" title="{escape(_readable(address))}" target="_blank">'


def disguises(words: str, address: str) -> bool:
    """Whether the words of a link are themselves an address, of another host."""
    if not _ADDRESS.match(words.strip()):
        return False
    said = words.strip() if "://" in words else f"//{words.strip()}"
    try:
        hosts = [(urlsplit(one).hostname or "").removeprefix("www.") for one in (said, address)]
    except ValueError:
        return True
    return hosts[0] != hosts[1]


def _readable(address: str) -> str:
    """An address as a person reads it; what would change the order of reading, or hide, stays encoded."""
    decoded = unquote(address)
    return decoded if decoded.isprintable() and " " not in decoded else address


def _heading(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    """One level lower: the first belongs to the page."""
    level = min(6, int(tokens[at].tag[1]) + 1)
    return f"<h{level}>" if tokens[at].nesting > 0 else f"</h{level}>"


def _cell(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    """A cell aligned by a class, since the page allows no style of its own in an element."""
    align = re.search(r"text-align:\s*(center|right)", str(tokens[at].attrs.get("style", "")))
    return f'<{tokens[at].tag} class="{align[1]}">' if align else f"<{tokens[at].tag}>"


def _inline_math(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    text, mark = tokens[at].content, tokens[at].markup
    if mark == "$" and _MONEY.fullmatch(text):  # "$20 (about 15$)" speaks of money
        return escape(f"${text}$")
    return formula(text, block=False)


def _block_math(_: "RendererHTML", tokens: "Sequence[Token]", at: int, __: "OptionsDict", ___: "EnvType") -> str:
    return formula(tokens[at].content, block=True)
