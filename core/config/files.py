"""Finds plugins that are single files in a folder the operator named, each with a ``spec`` in it.

Whoever can write there runs programs as Waystation, so a folder or file that others may write is not read, nor is one
below a folder where they could put another in its place. What is wrong with one file is kept with it, and costs no
other anything.
"""

import importlib.util
import sys
from contextlib import ExitStack
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from core.config.specs import Found
from core.errors import SettingsError
from core.private import writable_by_others
from core.site import Spec

_MODULE = "waystation_plugins_dir_"


class _Source(SourceFileLoader):
    """Reads the source each time: the bytecode beside it may have been put there by somebody else."""

    def get_code(self, fullname: str) -> CodeType:
        """The file's own code."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def find_in(folder: Path) -> dict[str, Found]:
    """The plugins of a folder, by the names of their files; those that begin with ``_`` or ``.`` are none.

    Raises:
        SettingsError: The folder cannot be used; one sentence why.
    """
    try:
        if trouble := writable_by_others(folder):
            raise SettingsError(trouble)
        files = sorted(file for file in folder.iterdir() if file.suffix == ".py" and file.name[0] not in "._")
    except OSError as problem:
        raise SettingsError(f"{folder} cannot be read ({problem.strerror})") from problem
    return {file.stem: _load(file) for file in files}


def _load(file: Path) -> Found:
    try:
        trouble = writable_by_others(file)
        spec = None if trouble else _spec(file)
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - a stranger's file, and what it does when it is read
        return Found(name=file.stem, broken=f"{file} cannot be loaded: {type(problem).__name__}: {problem}")
    if trouble:
        return Found(name=file.stem, broken=trouble)
    if not isinstance(spec, Spec):
        return Found(name=file.stem, broken=f"{file} has no spec in it")
    if spec.name != file.stem:
        return Found(name=file.stem, broken=f"{file} holds the plugin {spec.name}: call it {spec.name}.py")
    return Found(name=file.stem, spec=spec)


def _spec(file: Path) -> object:
    name = f"{_MODULE}{file.stem}"
    about = importlib.util.spec_from_file_location(name, file, loader=_Source(name, str(file)))
    if about is None or about.loader is None:
        return None
    module = importlib.util.module_from_spec(about)
    sys.modules[name] = module  # or its types could not be looked up by name
    with ExitStack() as unless_loaded:
        unless_loaded.callback(sys.modules.pop, name, None)
        about.loader.exec_module(module)
        unless_loaded.pop_all()
    return getattr(module, "spec", None)
