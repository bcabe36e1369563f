"""Saves notes as Markdown files in a folder the operator named: a notebook other programs can open.

What is saved leaves the assistant's own keeping, so every note needs the person's tap on its exact words.
"""

import os
import unicodedata
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.errors import ToolFailed
from core.plugin import Plugin, PluginSite, PluginSpec, ToolContext
from core.private import make_folder, open_file
from core.site import Spec
from core.text.fencing import fenced
from core.tools import tool

_SAME_NAME = 1000
_NAME_BYTES = 120  # file systems take 255, of which the date and a number need some


class NotesSettings(BaseModel):
    """``[plugins.notes]``.

    Attributes:
        folder: Where notes are saved; without one the tool is not offered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = None

    @field_validator("folder", mode="before")
    @classmethod
    def _empty_is_none(cls, folder: object) -> object:
        return None if folder == "" else folder  # or notes would end up wherever the program was started


Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="A short title, one line, without a date.",
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=20_000, description="The note itself, in Markdown.")]


def _summary(title: str, text: str) -> str:
    """The note as it would be saved; nothing in it can pass for something else."""
    return f"Save this note:\n\n{fenced(f'{title}{chr(10) * 2}{text}')}"


def _file_name(title: str) -> str:
    """A title as a harmless file name: letters, digits and spaces of any script."""
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in unicodedata.normalize("NFC", title))
    return " ".join(kept.split()).encode()[:_NAME_BYTES].decode(errors="ignore").strip() or "note"


def _write(folder: Path, day: str, title: str, text: str) -> str:
    """Write a new file for its owner alone, never over an old one; returns its name. It is on the disk by then.

    A folder that is there already keeps the rights its operator gave it.
    """
    make_folder(folder)
    name = f"{day} {_file_name(title)}"
    for number in range(1, _SAME_NAME):
        path = folder / f"{name}{f' {number}' if number > 1 else ''}.md"
        try:
            file = os.fdopen(open_file(path, os.O_WRONLY | os.O_EXCL), "w", encoding="utf-8")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(f"# {title}\n\n{text}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)  # half a note is none
            raise
        return path.name
    raise ToolFailed("there are too many notes of this title today")


@asynccontextmanager
async def open_notes(site: PluginSite, settings: NotesSettings) -> AsyncGenerator[Plugin]:
    """Offer ``save_note``."""
    folder = settings.folder
    if folder is None:
        yield Plugin(name=site.name)
        return

    @tool(effect="writes", summary=_summary)
    def save_note(title: Title, text: Text, caller: ToolContext) -> str:
        """Save a note as a file in the person's own notes folder. They are asked before it happens."""
        try:
            return f"Saved as {_write(folder.expanduser(), f'{caller.now:%Y-%m-%d}', title, text)}."
        except OSError as error:
            raise ToolFailed(f"the note could not be written ({error.strerror})") from error

    yield Plugin(name=site.name, tools=(save_note,))


def _missing(settings: NotesSettings) -> str | None:
    return None if settings.folder else "no folder: set plugins.notes.folder to where notes should be saved"


spec: PluginSpec[NotesSettings] = Spec(name="notes", settings=NotesSettings, open=open_notes, configured=_missing)
