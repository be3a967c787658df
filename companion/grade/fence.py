"""The fence around a submission: what Linux lets a process give up, for itself and for all that it starts, for good.

Namespaces take away the network and the sight of other processes, Landlock (Linux 5.13) every file that is not named.
Neither needs a privilege. Other systems have no fence, and `Fence.says` tells the instructor what is not fenced.
"""

import ctypes
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAMESPACES = 0x00020000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000  # mount, ipc, user, pid, net
PRIVATE, UNUSUAL = 0x4000 | 0x40000, 0x2 | 0x4 | 0x8  # mount: recursive and private; no setuid, no devices, no programs
DEATH_SIGNAL, DUMPABLE, DROP_CAPABILITY, NO_NEW_PRIVILEGES = 1, 4, 24, 38  # prctl
CREATE_RULESET, ADD_RULE, RESTRICT = 444, 445, 446  # Landlock's system calls
EXECUTE, WRITE, READ, LIST, TRUNCATE, IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15  # its rights
OF_FILES = EXECUTE | WRITE | READ | TRUNCATE | IOCTL
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # its version → how many rights it knows
SHARED = "size=256m"  # of memory


@dataclass(frozen=True)
class Fence:
    """What is taken away from a submission on this system."""

    network: bool = False
    processes: bool = False  # those of others: to see them, or to end them
    files: bool = False  # of others: to read the reference and other submissions, or to write anything

    @property
    def whole(self) -> bool:
        return self.network and self.processes and self.files

    @property
    def says(self) -> str:
        """A sentence or two for the instructor."""
        if self.whole:
            return "A submission has no network, sees no other process, nor the reference, and writes only to its own."
        left = {
            "the network": self.network,
            "your processes": self.processes,
            "your files, the reference too": self.files,
        }
        within = ", ".join(name for name, taken in left.items() if not taken)
        return f"Within reach of submissions on this system: {within}. Whom you do not trust, grade in a container."


@dataclass(frozen=True)
class Ways:
    """Absolute folders. What is not hidden can be read; `own` can be written, too."""

    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()  # although they stand in hidden ones
    own: tuple[str, ...] = ()


class FenceError(Exception):
    """A part of the fence that was there a moment ago cannot be had."""


def possible() -> Fence:
    """What this system allows. Everything is tried, in processes that end with it."""
    if sys.platform != "linux":
        return Fence()
    apart = _works(lambda: enter(Ways(), Fence(network=True)))
    return Fence(apart, apart or _works(_signals_are_fenced), _works(_files_are_fenced))


def _files_are_fenced() -> None:
    enter(Ways(hidden=(str(Path(__file__).resolve().parent),)), Fence(files=True))
    with suppress(PermissionError):
        os.close(os.open(__file__, os.O_RDONLY))
        raise FenceError("a hidden file can be read")


def _signals_are_fenced() -> None:
    enter(Ways(), Fence(files=True))
    with suppress(PermissionError):
        os.kill(os.getppid(), 0)
        raise FenceError("another process can be ended")


def _works(attempt: Callable[[], None]) -> bool:
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            attempt()
            os._exit(0)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def enter(ways: Ways, fence: Fence) -> None:
    """Go behind the fence; it is a child of this process that returns. Must be called before there are threads.

    Raises:
        FenceError: the system refuses a part of the fence.
    """
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None, use_errno=True)
    if fence.network:
        _leave(system)
        _begin_again(system)
    if fence.files:
        _restrict(system, ways, shared=fence.network)
    _drop_privileges(system)


def _need(answer: int, what: str) -> int:
    if answer < 0:
        raise FenceError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return answer


def _leave(system: ctypes.CDLL) -> None:
    """Into namespaces of one's own, as the same user as before."""
    user, group = os.getuid(), os.getgid()
    _need(system.unshare(NAMESPACES), "unshare")
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path("/proc/self", name).write_bytes(text.encode())
    except OSError as error:
        raise FenceError(f"{error}") from error


def _begin_again(system: ctypes.CDLL) -> None:
    """As the first process of the new namespaces: when it ends, or this one does, all others there end with it."""
    child = os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    system.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    _need(system.mount(None, b"/", None, PRIVATE, None), "mount")
    system.mount(b"proc", b"/proc", b"proc", UNUSUAL, None)  # refused in most containers; Landlock guards the old one
    _need(system.mount(b"none", b"/dev/shm", b"tmpfs", UNUSUAL, SHARED.encode()), "mount /dev/shm")
    if not any(Path(place).resolve().is_relative_to("/run") for place in (sys.prefix, sys.base_prefix)):
        system.mount(b"none", b"/run", b"tmpfs", UNUSUAL | 1, b"size=4k")  # services listen there
    _switch_loopback_on()


def _switch_loopback_on() -> None:
    """The machine's way to itself, off in a new network; ranks meet there."""
    import fcntl
    import socket
    import struct

    up, running, set_flags = 0x1, 0x40, 0x8914
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, set_flags, struct.pack("16sH14s", b"lo", up | running, b""))


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def _restrict(system: ctypes.CDLL, ways: Ways, shared: bool) -> None:
    """Landlock: names can be listed everywhere, files read where nothing is hidden, and written in own folders."""
    version = _need(system.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1), "Landlock")
    every = (1 << RIGHTS.get(version, 16)) - 1
    asked = _Ruleset(every, 0, 3 if version >= 6 else 0)  # scoped: sockets without a place, and signals
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _need(system.syscall(CREATE_RULESET, ctypes.byref(asked), ctypes.c_size_t(size), 0), "Landlock")
    places = [("/", LIST), *((place, EXECUTE | READ | LIST) for place in (*_not_hidden(ways.hidden), *ways.shown))]
    places += [("/dev/null", OF_FILES), *((place, every) for place in (*ways.own, *["/dev/shm"] * shared))]
    for place, rights in places:
        with suppress(FileNotFoundError, PermissionError):
            handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
            allowed = rights if stat.S_ISDIR(os.fstat(handle).st_mode) else rights & OF_FILES
            rule = _Beneath(allowed & every, handle)
            _need(system.syscall(ADD_RULE, rules, 1, ctypes.byref(rule), 0), f"Landlock, {place}")
            os.close(handle)
    _need(system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    _need(system.syscall(RESTRICT, rules, 0), "Landlock")
    os.close(rules)


def _not_hidden(hidden: tuple[str, ...]) -> Iterator[str]:
    """The fewest places that hold all that is in no hidden folder. A link counts for nothing: its target does."""
    folders = {Path(place) for place in hidden}
    above = {parent for folder in folders for parent in folder.parents}
    if not folders:
        yield "/"
    for folder in above:
        if not folders & {folder, *folder.parents}:
            with suppress(PermissionError), os.scandir(folder) as entries:
                found = [Path(entry.path) for entry in entries if not entry.is_symlink()]
                yield from (str(path) for path in found if path not in folders | above)


def _drop_privileges(system: ctypes.CDLL) -> None:
    """Nothing that a namespace gives, nor what root has; and no look into this process from those that it starts."""
    for number in range(64):
        system.prctl(DROP_CAPABILITY, number, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    system.capset(header, none)
    system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    system.prctl(DUMPABLE, 0, 0, 0, 0)
