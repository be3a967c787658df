"""Where the processes of a run meet: torchrun's store of addresses, or after a restart a new one."""

import os
import secrets
import time
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from .errors import CapstoneError
from .failures import WATCH
from .job import first, number, processes
from .pieces import Choice, differences, digests
from .together import gathered

KEY = "capstone/meeting"
KEPT: list[dist.Store] = []  # rank 0 serves it as long as it lives


def join(pieces: Any, device: torch.device, timeout: float) -> Any:
    """Find the other processes of the run, if there are any; returns day 6's World.

    Raises:
        CapstoneError: the processes were not all started by torchrun.
    """
    may_restart = number("TORCHELASTIC_MAX_RESTARTS", 0) > 0
    if processes() > 1 and may_restart and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        meet_anew(timedelta(seconds=timeout))
    try:
        world = pieces.start(device.type, timeout)
    except ValueError as error:
        raise CapstoneError(f"{error}.") from None
    if world.size > 1:
        WATCH.start(timeout)
    return world


def agree_on_pieces(choices: list[Choice]) -> None:
    """See to it that all processes have the same pieces, on whatever machines they are.

    Raises:
        CapstoneError: they have not; the same sentence on each of them.
    """
    main, *others = gathered(digests(choices))
    for rank, theirs in enumerate(others, start=1):
        changed = differences(main, theirs)
        if changed:
            raise CapstoneError(
                f"Rank {rank} has other pieces than rank 0:\n"
                + "\n".join(f"  - {change}" for change in changed)
                + "\nGive all machines the same folder of the course."
            )


def meet_anew(timeout: timedelta) -> None:
    """Have rank 0 serve a store of this attempt alone, and tell the others through torchrun's where it is.

    torchrun keeps its store when it starts the processes again, and with it the addresses of those that are gone: a new
    process may take one of these for its neighbour's, and wait for it in vain (pytorch/pytorch#135712, #167288). The
    word that rank 0 leaves there may be an old one, too. So the others try the door, and ask who is there.
    """
    host = os.environ["MASTER_ADDR"]
    known = dist.TCPStore(host, number("MASTER_PORT", 0), is_master=False, timeout=timeout)
    if first():
        own, word = dist.TCPStore(host, 0, is_master=True, wait_for_workers=False), secrets.token_hex(8)
        own.set(KEY, word)
        known.set(KEY, f"{own.port} {word}")
        KEPT.append(own)
        os.environ["MASTER_PORT"] = str(own.port)
        return
    end = time.monotonic() + timeout.total_seconds()
    while True:
        port, word = known.get(KEY).decode().split()
        if answers(host, int(port), word):
            os.environ["MASTER_PORT"] = port
            return
        if time.monotonic() > end:
            raise dist.DistStoreError(f"rank 0 has not opened a store within {timeout.total_seconds():g} seconds")
        time.sleep(0.2)


def answers(host: str, port: int, word: str) -> bool:
    """Whether the store of this attempt's rank 0 is there."""
    try:
        store = dist.TCPStore(host, port, is_master=False, timeout=timedelta(seconds=5))
        return store.get(KEY).decode() == word
    except dist.DistError:
        return False
