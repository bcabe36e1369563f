"""Kills the installed product again and again while it works, and judges what every simulated chat finally shows.

Starts the command in ``command.py`` with the folder of tests on the path, where it and the simulators are found.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from chaos.command import main

    sys.exit(main())
