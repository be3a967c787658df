"""Have the next batch ready when the model asks for it."""

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


def workers_needed(load_seconds: float, step_seconds: float, cores: int) -> int:
    """How many workers of a DataLoader are enough to make the model wait no longer.

    Each loads one batch at a time, and all load at once: w workers give w batches in load_seconds.

    Args:
        load_seconds: to load one batch, in one process; not below 0.
        step_seconds: of one training step that has its batch already, above 0.
        cores: of the CPU. One stays free for the training itself, so there are at most cores - 1 workers; but one at
            least, if any is needed.

    Returns:
        The smallest number w with load_seconds / w <= step_seconds, as far as there are cores. 0 if loading takes less
        than a hundredth of a step: a worker would cost more than it brings.
    """
    if load_seconds < step_seconds / 100:
        return 0
    return max(min(math.ceil(load_seconds / step_seconds), cores - 1), 1)


def ahead(batches: Iterable[T], start: Callable[[T], U], depth: int = 1) -> Iterator[U]:
    """Start something with each batch `depth` batches before it is needed; give what `start` gave, in order.

    For copies to a GPU: `lambda batch: batch.pin_memory().to("cuda", non_blocking=True)` returns at once, and the copy
    goes on while the model computes.

    Args:
        batches: no more of them are taken than are started, and none before the first one is asked for.
        start: called once for each batch, in order. When batch n is given out, it has been called for the batches up to
            n + depth, if there are so many, and for no more.
        depth: at least 0; 0 starts each batch when it is asked for.

    Raises:
        ValueError: depth is below 0. It is raised by the call itself, not by the first batch.
    """
    if depth < 0:
        raise ValueError(f"depth says how many batches are started early: not {depth}")
    return _ahead(batches, start, depth)


def _ahead(batches, start, depth):
    started: deque = deque()
    for batch in batches:
        started.append(start(batch))
        if len(started) > depth:
            yield started.popleft()
    yield from started


class Background:
    """Takes batches from an iterable in a thread, ahead of whoever uses them. Use it once, in a `with` statement.

        with Background(loader, depth=2) as batches:
            for batch in batches:
                ...

    The batches come in order, each once. The thread begins when `with` is entered, and keeps at most `depth` finished
    batches ready, besides the one that it is loading. Leaving `with`, at the end or before it, ends the thread, also if
    it was waiting for a place; it has ended when `with` is left. An error in the iterable reaches the user in the place
    of the batch that failed, after all batches before it. After the end, or the error, there is only StopIteration.

    Args:
        batches: iterated in the thread alone, from the first batch on.
        depth: at least 1.

    Raises:
        ValueError: depth is below 1.
    """

    def __init__(self, batches: Iterable[Any], depth: int = 2) -> None:
        if depth < 1:
            raise ValueError(f"depth says how many batches are kept ready: not {depth}")
        self._batches = batches
        self._ready: queue.Queue = queue.Queue(depth)
        self._closed = threading.Event()
        self._finished = False
        self._thread = threading.Thread(target=self._fill, daemon=True)

    def __enter__(self) -> Iterator[Any]:
        """Start loading."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread, and wait until it has ended."""
        self._closed.set()
        while self._thread.is_alive():
            self._make_room()
            self._thread.join(0.01)

    def __iter__(self) -> Iterator[Any]:
        """Itself."""
        return self

    def __next__(self) -> Any:
        """The next batch; waits if it is not ready yet."""
        if self._finished:
            raise StopIteration
        batch, error = self._ready.get()
        if error is not None:
            self._finished = True
            raise error
        return batch

    def _fill(self):
        """In the thread: batches, then the error that ended them; StopIteration if all went well."""
        try:
            for batch in self._batches:
                self._ready.put((batch, None))
                if self._closed.is_set():
                    return
            self._ready.put((None, StopIteration()))
        except BaseException as error:
            self._ready.put((None, error))

    def _make_room(self):
        """Let a thread go on that waits for a place."""
        while not self._ready.empty():
            self._ready.get()
