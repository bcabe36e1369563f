"""Get uv, install the locked packages into `.venv`, and run a command there; needs Python's standard library only.

    python3 .ci/uv.py sync               install what uv.lock names, if that has changed
    python3 .ci/uv.py run COMMAND ...    the same, then become COMMAND with `.venv/bin` first on PATH
    python3 .ci/uv.py uv ARGUMENT ...    become uv itself (`uv lock`, `uv add` ...)

A uv on PATH is used if it is recent enough. Otherwise one pinned wheel is fetched from the package index
(UV_DEFAULT_INDEX, UV_INDEX_URL or PIP_INDEX_URL, else pypi.org), checked against its digest, and unpacked into `.uv`.
This file keeps to what Python 3.8 can read, so that an old one gets an answer instead of a traceback.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "waystation.stamp"
OLDEST_PYTHON = (3, 11)
OLDEST_UV = (0, 9)

VERSION = "0.13.9"
# One wheel a platform, with its SHA-256. The Linux ones hold static programs and run over any C library.
WHEELS = {
    ("linux", "x86_64"): (
        "musllinux_1_1_x86_64",
        "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    ),
    ("linux", "aarch64"): (
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
    ("darwin", "x86_64"): (
        "macosx_10_12_x86_64",
        "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    ),
    ("darwin", "arm64"): (
        "macosx_11_0_arm64",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
}


class Stop(Exception):
    """What went wrong, why, and how to mend it, in words for the person at the terminal."""


def say(line: str) -> None:
    """Tell how far it is, apart from whatever the command prints."""
    print(line, file=sys.stderr, flush=True)


# uv itself


def find_uv() -> str:
    """Return the path of a usable uv, fetching it if there is none.

    A fetched one is told, through the environment, to trust what the system trusts, as the fetch itself did.
    """
    on_path = shutil.which("uv")
    if on_path and uv_version(on_path) >= OLDEST_UV:
        return on_path
    ours = ROOT / ".uv" / VERSION / "uv"
    if not ours.exists():
        unpack(fetch_wheel(), ours)
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    return str(ours)


def uv_version(path: str) -> tuple[int, ...]:
    """Return a uv's version as numbers, (0,) where it cannot be told."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def fetch_wheel() -> bytes:
    """Return the pinned wheel for this platform, its digest checked."""
    key = (sys.platform, platform.machine().lower())
    if key not in WHEELS:
        raise Stop(
            f"No uv is pinned for {key[0]} on {key[1]}. Install uv {'.'.join(map(str, OLDEST_UV))} or newer yourself "
            "(https://docs.astral.sh/uv/getting-started/installation/), put it on PATH and try again."
        )
    tag, digest = WHEELS[key]
    name = f"uv-{VERSION}-py3-none-{tag}.whl"
    index = (
        os.environ.get("UV_DEFAULT_INDEX")
        or os.environ.get("UV_INDEX_URL")
        or os.environ.get("PIP_INDEX_URL")
        or "https://pypi.org/simple"
    )
    host = urllib.parse.urlsplit(index).hostname or "the local index"
    say(f"Fetching uv {VERSION} from {host} (once, about 19 MB) ...")
    page_url = index.rstrip("/") + "/uv/"
    page = download(page_url).decode("utf-8", "replace")
    link = re.search(r'href\s*=\s*["\']([^"\'#]*' + re.escape(name) + ")", page)
    if link is None:
        raise Stop(
            f"{host} does not list {name}. Point UV_INDEX_URL to an index that does (https://pypi.org/simple), "
            "or install uv yourself and put it on PATH."
        )
    wheel = download(urllib.parse.urljoin(page_url, html.unescape(link.group(1))))
    found = hashlib.sha256(wheel).hexdigest()
    if found != digest:
        raise Stop(
            f"{name} from {host} has the SHA-256 {found}, but {digest} is pinned: it is not the file that was "
            "reviewed, so it is not used. Try again; if it stays so, something between here and the index changes it."
        )
    return wheel


def download(url: str) -> bytes:
    """Return what a URL holds, trying three times; a name and password in the URL are sent as basic credentials."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Accept": "text/html, */*;q=0.1", "User-Agent": "waystation-setup"}
    if parts.username:
        pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    for pause_s in (1, 3, None):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
                body: bytes = answer.read()
                return body
        except (OSError, urllib.error.URLError) as error:
            if pause_s is None or isinstance(error, urllib.error.HTTPError):
                raise Stop(f"Could not fetch {url}: {getattr(error, 'reason', error)}. {mend(error)}") from error
            time.sleep(pause_s)
    raise AssertionError(url)


def mend(error: Exception) -> str:
    """Return what a person can do about a failed download."""
    if "CERTIFICATE" in str(error).upper():
        return (
            "Install the system's certificates (Debian: apt-get install ca-certificates), "
            "or name your own in SSL_CERT_FILE."
        )
    if isinstance(error, urllib.error.HTTPError):
        return "Is UV_INDEX_URL (or PIP_INDEX_URL) right? Without either, pypi.org is asked."
    return (
        "Is the machine online? Behind a proxy, set HTTPS_PROXY; with a mirror, set UV_INDEX_URL; "
        "or install uv yourself and put it on PATH."
    )


def unpack(wheel: bytes, target: pathlib.Path) -> None:
    """Put the wheel's program at `target`, complete or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"uv.{os.getpid()}.part")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        part.write_bytes(archive.read(f"uv-{VERSION}.data/scripts/uv"))
    part.chmod(0o755)
    part.replace(target)


# The environment


def find_python() -> str:
    """Return the Python to build `.venv` with: this one, or a newer one on PATH."""
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python3"):
        path = shutil.which(name)
        if path and runs(path):
            return path
    have = f"{sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})"
    raise Stop(
        f"Python {have} is too old: Waystation needs {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer, and there is "
        "none on PATH. Install one, or set UV_PYTHON_DOWNLOADS=automatic to have uv fetch one into its own folder."
    )


def runs(python: str) -> bool:
    """Tell whether a Python starts and is recent enough."""
    question = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    try:
        return subprocess.run([python, "-c", question], capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def environment() -> dict[str, str]:
    """Return the variables under which uv and the command run."""
    env = dict(os.environ)
    env.pop("PYTHONHOME", None)
    env["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = os.pathsep.join((str(VENV / "bin"), env.get("PATH", os.defpath)))
    return env


def wanted() -> str:
    """Return a digest of all that decides what is installed."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + (ROOT / "uv.lock").read_bytes()).hexdigest()


def sync() -> None:
    """Bring `.venv` to what uv.lock says; returns at once when nothing has changed since the last time."""
    if STAMP.exists() and STAMP.read_text() == wanted() and (VENV / "bin" / "python").exists():
        return
    command = [find_uv(), "sync", "--frozen", "--quiet"]
    env = environment()
    env.setdefault("UV_PYTHON_DOWNLOADS", "never")
    if not runs(str(VENV / "bin" / "python")) and env["UV_PYTHON_DOWNLOADS"] == "never":
        env.setdefault("UV_PYTHON", find_python())
    if not has_embedded_engine():
        say("The embedded model has no build for this platform and is left out; every other provider works.")
        command.append("--no-group=embedded")
    say("Installing the locked packages into .venv ...")
    start = time.monotonic()
    if wait(subprocess.Popen(command, cwd=ROOT, env=env)):
        raise Stop(
            "uv could not install the locked packages; its reason stands above. "
            "Without a network, try again once there is one: what has been fetched is kept."
        )
    STAMP.write_text(wanted())
    say(f"Ready after {time.monotonic() - start:.0f} s.")


def wait(process: subprocess.Popen[bytes]) -> int:
    """Return a process's exit status, saying now and then that it is still at work."""
    start = time.monotonic()
    while True:
        try:
            return process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            say(f"... still installing ({time.monotonic() - start:.0f} s)")


def has_embedded_engine() -> bool:
    """Tell whether the embedded model's engine is built for this platform: macOS, and Linux with the GNU C library."""
    if (sys.platform, platform.machine().lower()) not in WHEELS:
        return False
    return sys.platform == "darwin" or platform.libc_ver()[0] == "glibc"


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; returns only when there is no command to become."""
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if verb == "sync" and not rest:
        sync()
    elif verb == "run" and rest:
        sync()
        become(rest, environment())
    elif verb == "uv":
        command = [find_uv(), *rest]
        become(command, {"UV_PYTHON_DOWNLOADS": "never", **os.environ})
    else:
        print(__doc__)
        return 2
    return 0


def become(command: list[str], env: dict[str, str]) -> None:
    """Replace this process, so that signals and the exit status are the command's own."""
    try:
        os.execvpe(command[0], command, env)
    except OSError as error:
        raise Stop(f"Could not start {command[0]}: {error.strerror}. `make clean`, then try again.") from error


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        say(f"error: {stop}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
