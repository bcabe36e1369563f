"""Finds plugins that are single files in a folder the operator named, each with a ``spec`` in it.

Whoever can write there runs programs as Waystation, so a folder or file that everybody may write is not read. What is
wrong with one file is kept with it, and costs no other anything.
"""

import importlib.util
import stat
import sys
from pathlib import Path

from core.config.specs import Found
from core.errors import SettingsError
from core.site import Spec

_MODULE = "waystation_plugins_dir_"


def find_in(folder: Path) -> dict[str, Found]:
    """The plugins of a folder, by the names of their files; those that begin with ``_`` or ``.`` are none.

    Raises:
        SettingsError: The folder cannot be used; one sentence why.
    """
    try:
        if trouble := _open_to_all(folder):
            raise SettingsError(trouble)
        files = sorted(file for file in folder.iterdir() if file.suffix == ".py" and file.name[0] not in "._")
    except OSError as problem:
        raise SettingsError(f"{folder} cannot be read ({problem.strerror})") from problem
    return {file.stem: _load(file) for file in files}


def _open_to_all(path: Path) -> str:
    if path.stat().st_mode & stat.S_IWOTH:
        return f"{path} can be written by everybody, so it is not read: chmod o-w {path}"
    return ""


def _load(file: Path) -> Found:
    try:
        trouble = _open_to_all(file)
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
    about = importlib.util.spec_from_file_location(name, file)
    if about is None or about.loader is None:
        return None
    module = importlib.util.module_from_spec(about)
    sys.modules[name] = module  # or its types could not be looked up by name
    try:
        about.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return getattr(module, "spec", None)
