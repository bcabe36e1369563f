"""The figures as a picture: an SVG of bars, ours above the bare bot's, each pair on a scale of its own."""

from collections.abc import Sequence
from html import escape

from benchmarks.figures import Figure
from benchmarks.report import said

_WIDTH, _LEFT, _BAR, _ROW, _TOP = 760, 270, 360, 44, 74
_OURS, _BARE, _INK, _FAINT, _AIM = "#0b7a75", "#b9c0c7", "#1f2933", "#66717c", "#c0392b"
_FONT = "font-family='system-ui, -apple-system, Segoe UI, sans-serif'"


def plot(figures: Sequence[Figure], note: str) -> str:
    """Draw what can be drawn: figures that have a unit and are not both nothing."""
    drawn = [figure for figure in figures if figure.row.unit and max(figure.ours, figure.bare) > 0]
    height = _TOP + _ROW * len(drawn) + 20
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' role='img' {_FONT}>",
        f"<rect width='{_WIDTH}' height='{height}' rx='8' fill='#ffffff'/>",
        _text(24, 30, "Waystation beside a bare bot, less is better", size=16, weight=600),
        _text(24, 50, note, fill=_FAINT),
        _key(_WIDTH - 210, 30),
    ]
    for number, figure in enumerate(drawn):
        parts += _pair(figure, _TOP + number * _ROW)
    return "\n".join([*parts, "</svg>", ""])


def _key(x: int, y: int) -> str:
    ours = f"<rect x='{x}' y='{y - 10}' width='12' height='12' rx='2' fill='{_OURS}'/>"
    bare = f"<rect x='{x + 100}' y='{y - 10}' width='12' height='12' rx='2' fill='{_BARE}'/>"
    return ours + _text(x + 18, y, "Waystation") + bare + _text(x + 118, y, "bare bot")


def _pair(figure: Figure, top: int) -> list[str]:
    aim = _aim(figure)
    scale = _BAR / max(figure.ours, figure.bare, aim or 0.0)
    ours, bare = max(1.0, figure.ours * scale), max(1.0, figure.bare * scale)
    drawn = [
        _text(_LEFT - 12, top + 20, figure.row.label, anchor="end"),
        f"<rect x='{_LEFT}' y='{top + 2}' width='{ours:.1f}' height='14' rx='2' fill='{_OURS}'/>",
        f"<rect x='{_LEFT}' y='{top + 18}' width='{bare:.1f}' height='12' rx='2' fill='{_BARE}'/>",
        _text(_LEFT + ours + 8, top + 13, said(figure, figure.ours), weight=600),
        _text(_LEFT + bare + 8, top + 28, said(figure, figure.bare), fill=_FAINT),
    ]
    if aim is not None:
        x = _LEFT + aim * scale
        drawn.append(f"<path d='M{x:.1f} {top}v18' stroke='{_AIM}' stroke-width='1.5' stroke-dasharray='3 2'/>")
    return drawn


def _aim(figure: Figure) -> float | None:
    """Where the aim stands on the pair's scale, if it does."""
    if figure.row.most is None or figure.row.beside not in {"", "bare"}:
        return None
    return figure.row.most * (figure.bare if figure.row.beside else 1.0)


def _text(
    x: float, y: int, words: str, *, size: int = 12, weight: int = 400, fill: str = _INK, anchor: str = ""
) -> str:
    style = f"font-size='{size}' font-weight='{weight}' fill='{fill}'" + (f" text-anchor='{anchor}'" if anchor else "")
    return f"<text x='{x:.0f}' y='{y}' {style}>{escape(words)}</text>"
