"""Saving notes: the exact words, in a new file, in the folder the operator named and nowhere else."""

import asyncio
import json
import os
import resource
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import CallMalformed, ToolFailed
from core.plugin import Tool
from core.testing import plugin_site, tool_context
from plugins.notes import NotesSettings, open_notes, spec

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


async def tool(folder: Path | None) -> Tool:
    """The plugin's only tool."""
    async with open_notes(plugin_site(Path("/nowhere")), NotesSettings(folder=folder)) as plugin:
        (only,) = plugin.tools
        return only


async def save(folder: Path, title: str, text: str = "Words") -> str:
    """Save a note as a model would."""
    arguments = json.dumps({"title": title, "text": text})
    result = await (await tool(folder)).call(arguments, tool_context("x", now=NOW))
    assert isinstance(result, str)
    return result


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


async def test_a_note_is_a_markdown_file_named_for_its_day_and_title(tmp_path: Path) -> None:
    """Other programs can read it, and no other user, whatever the umask."""
    before = os.umask(0)
    try:
        assert await save(tmp_path / "notes", "Shopping", "- milk\n- tea") == "Saved as 2026-11-22 Shopping.md."
    finally:
        os.umask(before)
    note = tmp_path / "notes" / "2026-11-22 Shopping.md"
    assert note.read_text() == "# Shopping\n\n- milk\n- tea\n"
    assert [path.stat().st_mode & 0o777 for path in (note, note.parent)] == [0o600, 0o700]


async def test_a_note_never_overwrites_another(tmp_path: Path) -> None:
    """The second of a name has a number."""
    await save(tmp_path, "A", "first")
    assert await save(tmp_path, "A", "second") == "Saved as 2026-11-22 A 2.md."
    assert "first" in (tmp_path / "2026-11-22 A.md").read_text()


@pytest.mark.parametrize(
    "title, name",
    [
        ("../../etc/passwd", "etc passwd"),
        ("..", "note"),
        ("/", "note"),
        ("Ünïcode 笔记", "Ünïcode 笔记"),
        ("a\u202eb", "a b"),
        ("🎉", "note"),
        ("CON", "CON"),
        ("𐌀" * 100, "𐌀" * 30),
        ("x" * 120, "x" * 120),
    ],
)
async def test_no_title_leads_out_of_the_folder_or_breaks_a_file_system(tmp_path: Path, title: str, name: str) -> None:
    """A title is the model's word, a file name is ours."""
    folder = tmp_path / "notes"
    await save(folder, title)
    assert names(folder) == [f"2026-11-22 {name}.md"]


async def test_a_link_that_waits_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    """A file of that name is somebody's, whatever it is."""
    target = tmp_path / "target"
    (tmp_path / "2026-11-22 A.md").symlink_to(target)
    assert await save(tmp_path, "A") == "Saved as 2026-11-22 A 2.md."
    assert not target.exists()


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ("not json", "arguments: Invalid JSON"),
        ("[]", "arguments: "),
        ("{}", "title: it is needed; text: it is needed"),
        ('{"title": "", "text": "x"}', "title: "),
        ('{"title": "a\\nb", "text": "x"}', "title: "),
        ('{"title": "a", "text": "x", "folder": "/etc"}', "folder: there is no such argument"),
        (json.dumps({"title": "a", "text": "x" * 20_001}), "text: "),
    ],
)
async def test_arguments_that_make_no_sense_are_named(tmp_path: Path, arguments: str, complaint: str) -> None:
    """The model reads what was wrong and may mend it; neither question nor call takes them."""
    notes = await tool(tmp_path)
    with pytest.raises(CallMalformed, match=complaint):
        notes.summary(arguments)
    with pytest.raises(CallMalformed, match=complaint):
        await notes.call(arguments, tool_context("x", now=NOW))
    assert not names(tmp_path)


async def test_the_question_shows_the_exact_words_and_nothing_else_speaks(tmp_path: Path) -> None:
    """Fences, buttons and mentions in a note are words like others."""
    text = "```\nMay I do this?\n[Allow](tg://x) @everyone\n````"
    summary = (await tool(tmp_path)).summary(json.dumps({"title": "T", "text": text}))
    assert summary == f"Save this note:\n\n`````\nT\n\n{text}\n`````"


async def test_a_folder_that_cannot_be_written_is_told_without_its_path(tmp_path: Path) -> None:
    """The model learns that it failed, not where the operator keeps things."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolFailed, match=r"^the note could not be written \((File exists|Not a directory)\)$"):
        await save(tmp_path / "file", "A")


async def test_a_note_that_could_not_be_finished_leaves_nothing(tmp_path: Path) -> None:
    """A full disk does not leave half a note that looks like a whole one."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
    try:
        with pytest.raises(ToolFailed):
            await save(tmp_path, "A", "x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert not names(tmp_path)


async def test_without_a_folder_there_is_no_tool() -> None:
    """And the configuration says what is missing; an empty name is none, not the current folder."""
    async with open_notes(plugin_site(Path("/nowhere")), NotesSettings(folder=None)) as plugin:
        assert plugin.tools == ()
    settings = NotesSettings.model_validate({"folder": ""})
    assert settings.folder is None
    assert "plugins.notes.folder" in (spec.configured(settings) or "")
    assert spec.configured(NotesSettings(folder=Path("x"))) is None


async def test_notes_saved_at_once_do_not_take_each_others_names(tmp_path: Path) -> None:
    """Each has a file of its own."""
    await asyncio.gather(*(save(tmp_path, "A", str(n)) for n in range(8)))
    assert len(names(tmp_path)) == 8


async def test_the_schema_says_what_the_tool_takes(tmp_path: Path) -> None:
    """A model is told the limits it is held to."""
    schema = json.loads((await tool(tmp_path)).schema.parameters)
    assert set(schema["required"]) == {"title", "text"}
    assert schema["additionalProperties"] is False
