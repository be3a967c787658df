"""Keep a learner's code from hurting the machine."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

FILE_LIMIT = 256 * 2**20  # bytes that one file written by a check may have


def limit() -> None:
    """One thread, less memory than there is, no huge files; and Ctrl-C is the parent's affair."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = {resource.RLIMIT_FSIZE: FILE_LIMIT, resource.RLIMIT_CORE: 0, resource.RLIMIT_DATA: memory * 3 // 4}
    for kind, most in limits.items():
        allowed = resource.getrlimit(kind)[1]
        with contextlib.suppress(ValueError, OSError):  # not every system keeps every limit
            resource.setrlimit(kind, (most if allowed == resource.RLIM_INFINITY else min(most, allowed), allowed))


def lead_group() -> None:
    """On Linux: lead a group of processes, so that the parent can end it with all in it, and end with the parent."""
    if sys.platform == "linux":
        import ctypes

        os.setpgid(0, 0)
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


@contextlib.contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """A child that starts here ignores Ctrl-C from its first moment on: ending it is the parent's affair."""
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)
