"""The verdict on a run: every chat and every note judged, and what the kills explain taken out."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos.arena import Run
from chaos.cuts import Cuts, Death, Place
from chaos.judge import LOST, Finding, Line, judge
from chaos.people import Asker
from chaos.script import answer, plain, title
from simulators.telegram import Chat
from simulators.telegram.chats import text_of


@dataclass(slots=True)
class Verdict:
    """What is wrong, and what the stated exception excuses.

    Attributes:
        unknown: Answers that never came, since nobody knows whether they were sent and the operator wants no second
            try (``bots.telegram.unknown_send = "mark"``).
        effects: Wrong with notes: saved twice, or not though the person was told so.
    """

    lost: list[Finding] = field(default_factory=list)
    doubled: list[Finding] = field(default_factory=list)
    excused: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, and nothing doubled that no kill explains."""
        return not (self.lost or self.doubled or self.effects)


def verdict(run: Run) -> Verdict:
    """Judge a run that is over."""
    result = Verdict()
    excuses = Cuts(_deaths(run), run.taken)
    saved = _saved(run.notes)
    surplus: list[tuple[Finding, set[Place]]] = []
    for asker in run.people:
        for finding in judge(asker.number, asker.asked, _lines(asker.chat), _seen(asker.chat)):
            if finding.fault in LOST:
                unknown = run.plan.mark and finding.fault != "order"
                unknown = unknown and excuses.unheard(asker.asked_at[finding.question])
                (result.unknown if unknown else result.lost).append(finding)
            else:
                surplus.append((finding, _copies(asker.chat, finding)))
        _judge_notes(saved, asker, result)
    # Whoever wants no second try is never to see anything twice, whatever was cut.
    cut = set() if run.plan.mark else excuses.explain([copies for _, copies in surplus])
    for number, (finding, _) in enumerate(surplus):
        (result.excused if number in cut else result.doubled).append(finding)
    return result


def _copies(chat: Chat, finding: Finding) -> set[Place]:
    """The message itself and those that read the same: any of them may be the one that was cut."""
    if not finding.message or finding.fault == "internal":
        return set()
    text = plain(finding.text)
    bots = ((number, entry) for number, entry in chat.entries.items() if entry.bot_id is not None)
    alike = {(chat.id, number) for number, entry in bots if plain(text_of(entry.raw)) == text}
    return alike | {(chat.id, finding.message)}


def _deaths(run: Run) -> list[Death]:
    """Every life, also the last one, which had no open sendings."""
    wall = run.wall_offset_s
    return [
        Death(life.began_at, tuple(begun.at - wall for begun in life.log.sends.values()) if life.killed_at else ())
        for life in run.lives
    ]


def _lines(chat: Chat) -> list[Line]:
    return [
        Line(shown.message_id, shown.text, draft=shown.kind == "draft") for shown in chat.visible() if shown.from_bot
    ]


def _seen(chat: Chat) -> set[str]:
    past = {version.text for entry in chat.entries.values() if entry.bot_id is not None for version in entry.history}
    return past | {text_of(draft.content) for draft in chat.draft_log}


def _judge_notes(saved: Counter[str], asker: Asker, result: Verdict) -> None:
    """A note is saved at most once; exactly once where its person was told so, never where they refused."""
    texts = {plain(text) for text in _seen(asker.chat)}
    for question in asker.asked:
        if question.kind not in {"allow", "deny"}:
            continue
        times = saved[title(question.label)]
        told_saved = plain(answer(question.label, outcome="saved")) in texts
        result.notes["saved" if times else "refused" if question.kind == "deny" else "not saved"] += 1
        result.notes["told unknown"] += plain(answer(question.label, outcome="unknown")) in texts
        if times > 1 or (times and question.kind == "deny") or (told_saved and not times):
            result.effects.append(f"note {question.label} was saved {times} times ({question.kind})")


def _saved(folder: Path) -> Counter[str]:
    """How often a note of each title was saved; titles stand in the first line."""
    return Counter(path.read_text().partition("\n")[0].removeprefix("# ") for path in folder.glob("*.md"))


def shortened(finding: Finding) -> Finding:
    """A finding with no more text than a report takes."""
    return replace(finding, text=finding.text[:300])
