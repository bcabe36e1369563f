"""What is on, what is off and why: as a value the running process can send, and as a few calm lines for people."""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from core.config.settings import Off, Settings
from core.process.supervision import State
from core.values import value


@value
class Bot:
    """An adapter and how it is doing."""

    name: str
    state: State


@value
class Provider:
    """A provider: what it offers, best first, or why it offers nothing."""

    name: str
    models: tuple[str, ...] = ()
    trouble: str = ""


@value
class Report:
    """One look at a running process.

    Attributes:
        model: Which answers now (``local/qwen3``), "" where that was not asked; ``note`` is what to know about it.
        counts: The engine's: how much is where.
        unowned: Adapters that nobody has claimed with the code yet.
        notices: What adapters want whoever runs this to know, a line each.
        at_terminal: Lines that hold a way in, for a terminal alone.
        rejected: How many requests the HTTP server rejected since the start, by reason; most first.
    """

    version: str
    pid: int
    since: datetime
    data_dir: str
    source: str
    bots: tuple[Bot, ...]
    providers: tuple[Provider, ...]
    plugins: tuple[str, ...]
    counts: dict[str, int]
    off: tuple[Off, ...]
    model: str = ""
    note: str = ""
    unowned: tuple[str, ...] = ()
    code: str = ""
    notices: tuple[str, ...] = ()
    at_terminal: tuple[str, ...] = ()
    rejected: tuple[tuple[str, int], ...] = ()


_report: TypeAdapter[Report] = TypeAdapter(Report)


def dump(report: Report) -> str:
    """One line of JSON."""
    return _report.dump_json(report).decode()


def load(line: str) -> Report:
    """Read it again.

    Raises:
        ValueError: It is something else.
    """
    return _report.validate_json(line)


def of_settings(settings: Settings) -> list[str]:
    """What would be on, for people: before anything is opened."""
    groups = (("bots", settings.bots), ("providers", settings.providers), ("plugins", settings.plugins))
    lines = [_row(group, ", ".join(section.name for section in sections) or "none") for group, sections in groups]
    source = str(settings.source) if settings.source else "none, so all defaults"
    return [_row("configuration", source), _row("data", str(settings.data_dir)), *lines, *_off(settings.off)]


def of_start(report: Report, *, at_terminal: bool = False) -> list[str]:
    """What is on, when it just began.

    Args:
        at_terminal: Whether only a person at a terminal sees it, and no journal keeps it.
    """
    names = ", ".join(bot.name for bot in report.bots)
    lines = [
        f"Waystation {report.version}",
        _row("data", report.data_dir),
        _row("bots", names or "none"),
        _row("providers", ", ".join(provider.name for provider in report.providers) or "none"),
    ]
    if report.plugins:
        lines.append(_row("plugins", ", ".join(report.plugins)))
    return [*lines, *_off(report.off), *_notices(report, at_terminal=at_terminal), *_claim(report)]


def of_status(report: Report, *, at_terminal: bool = False) -> list[str]:
    """How it is doing; ``at_terminal`` as above."""
    up = datetime.now(UTC) - report.since
    return [
        f"Waystation {report.version}, process {report.pid}, up {_span(up.total_seconds())}",
        _row("configuration", report.source or "none, so all defaults"),
        _row("data", report.data_dir),
        *(_row(f"bot {bot.name}", _doing(bot.state)) for bot in report.bots),
        *(_row(f"provider {provider.name}", _offers(provider)) for provider in report.providers),
        *([_row("answers", answers(report))] if report.model else []),
        *([_row("plugins", ", ".join(report.plugins))] if report.plugins else []),
        _row("store", ", ".join(f"{name} {count}" for name, count in report.counts.items())),
        *([_row("rejected", _rejected(report.rejected))] if report.rejected else []),
        *_off(report.off),
        *_notices(report, at_terminal=at_terminal),
        *_claim(report),
    ]


def answers(report: Report) -> str:
    """Which model answers, and what to know about it."""
    return f"{report.model}. {report.note}".strip() if report.note else report.model


def _row(name: str, text: str) -> str:
    return f"  {name:<18} {text}"


def _off(off: tuple[Off, ...]) -> list[str]:
    return [_row("off", f"{one.section}: {one.why}") for one in off]


def _notices(report: Report, *, at_terminal: bool) -> list[str]:
    return [*report.notices, *(line for line in report.at_terminal if at_terminal and line)]


def _rejected(counts: tuple[tuple[str, int], ...]) -> str:
    most = 5
    told = [f"{reason}: {count:,}" for reason, count in counts[:most]]
    rest = sum(count for _, count in counts[most:])
    more = [f"others: {rest:,}"] if rest else []
    return f"{sum(count for _, count in counts):,} requests ({'; '.join([*told, *more])})"


def _claim(report: Report) -> list[str]:
    if not report.unowned:
        return []
    where = " and ".join(report.unowned)
    return [f"Nobody owns {where} yet. Send this code there, in a private chat, to be its owner: {report.code}"]


def _doing(state: State) -> str:
    ago = _span((datetime.now(UTC) - state.since).total_seconds())
    match state.doing:
        case "listening" if state.failures:
            return f"listening for {ago}, after {state.failures} failures (the last: {state.reason})"
        case "listening":
            return f"listening for {ago}"
        case "waiting":
            return f"tries again soon, after {state.failures} failures: {state.reason}"
        case "stopped":
            return f"stopped {ago} ago: {state.reason}"
        case _:
            return "starting"


def _offers(provider: Provider) -> str:
    if provider.trouble:
        return f"nothing now: {provider.trouble}"
    most = 5
    more = f" and {len(provider.models) - most} more" if len(provider.models) > most else ""
    return ", ".join(provider.models[:most]) + more if provider.models else "no models"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
