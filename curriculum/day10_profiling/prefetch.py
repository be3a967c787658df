"""Have the next batch ready when the model asks for it."""

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
    # TODO 1: is loading so quick that nobody is needed?
    # TODO 2: how many load at once so that one batch comes per step? As far as there are cores.
    raise NotImplementedError("10.4 workers_needed")


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
    # TODO 1: a negative depth: ValueError, at once. (A function with `yield` in it runs nothing before it is asked
    #         for its first value.)
    # TODO 2: start batches until `depth` are ahead; from then on give out the oldest whenever a new one is started.
    # TODO 3: when no more come: give out those that are left.
    raise NotImplementedError("10.4 ahead")


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
        # TODO 1: refuse a depth below 1.
        # TODO 2: what do the thread and the user need in common: a place for `depth` batches, and a way to say that
        #         it is over?
        raise NotImplementedError("10.4 Background")

    def __enter__(self) -> Iterator[Any]:
        """Start loading."""
        # TODO: the thread begins to load; give back what the user iterates over.
        raise NotImplementedError("10.4 Background")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread, and wait until it has ended."""
        # TODO 1: say that it is over.
        # TODO 2: the thread may be waiting for a place: make room. Wait until it has ended.
        raise NotImplementedError("10.4 Background")

    def __iter__(self) -> Iterator[Any]:
        """Itself."""
        # TODO: give back itself.
        raise NotImplementedError("10.4 Background")

    def __next__(self) -> Any:
        """The next batch; waits if it is not ready yet."""
        # TODO 1: after the end there is only StopIteration.
        # TODO 2: what comes next: a batch, the end, or an error to raise?
        raise NotImplementedError("10.4 Background")
