"""How the C library keeps freed memory (mallopt(3))."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 256 * 1024


def return_large_blocks() -> bool:
    """Let the memory of large responses go back to the system when it is freed; return whether that can be set.

    glibc raises its threshold with the largest block that was freed. After a few responses of 10 MB their like share
    the heap with small objects, one of which at its end keeps hundreds of megabytes resident.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        # musl and macOS have no such function, and return large blocks anyway.
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES))
