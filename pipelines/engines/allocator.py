"""Lets the C library keep memory that was freed, for the next table of the same size."""

import ctypes
from functools import cache

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # parameters of mallopt(3)
LARGEST_KEPT = 64 << 20  # bytes of an allocation that is taken from the heap
FREE_KEPT = 256 << 20  # free bytes at the end of the heap that are not returned to the system


@cache
def keep_freed_memory() -> None:
    """Keep up to FREE_KEPT bytes of freed memory in this process; where the C library has no `mallopt`, do nothing.

    By default, glibc returns large arrays to the system as soon as they are freed, and the system clears every page
    before it hands it out again. A worker that goes through tables of one size pays for that with each of them.

    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(TRIM_THRESHOLD, FREE_KEPT)
