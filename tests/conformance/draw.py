"""Draws the nasty document anew for every platform, and the page that shows it; says which files have changed."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from conformance.drawing import DOCUMENT, DRAWINGS, drawn, golden, page

    def write(path: Path, text: str) -> None:
        """Write a file where it reads otherwise."""
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"changed: {path.name}")

    for name in DRAWINGS:
        write(golden(name), drawn(name))
    write(DOCUMENT, page())
