"""Tidying up after a start: what it left in memory is set aside for good, and what it freed is given back.

A start leaves some hundred thousand objects that stay until the end: modules, classes, models of settings. Python's
collector would look through all of them again and again, a tenth of a second each time, in which nobody is answered.
What an answer makes and drops is hardly ever a circle: looking every ten thousand objects, not every 700, is enough.
And the C library keeps ten megabytes that the start has freed. See ``gc.freeze`` and
https://man7.org/linux/man-pages/man3/malloc_trim.3.html.
"""

import ctypes
import gc
from contextlib import suppress

_NEW_OBJECTS = 10_000


def tidy() -> None:
    """Do it once, when everything is open; it takes about a millisecond."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    with suppress(OSError, AttributeError):  # only glibc knows it
        ctypes.CDLL(None).malloc_trim(0)
