"""Measures the installed product beside a bare bot: `make bench`.

Starts the command in ``command.py`` with this tree and its tests on the path, where the simulators are.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from benchmarks.command import main

    sys.exit(main())
