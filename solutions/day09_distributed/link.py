"""The wires of one rank in a ring: to the next rank, and from the one before. What is sent is counted."""

import torch
import torch.distributed as dist
from torch import Tensor

LENGTH, VALUES = 0, 1  # tags: each tensor is announced by its length


class Sending:
    """A tensor on its way. Until wait() has returned it must not be changed, for it may not have left yet."""

    def __init__(self, link: "Link", works: list[dist.Work]):
        self._link, self._works = link, works

    def wait(self) -> None:
        """Stand still until the next rank has taken the tensor."""
        for work in self._works:
            work.wait()
        self._link.under_way.discard(self)


class Link:
    """Where a rank stands in the ring of all ranks, and all that it can do there: send on and receive.

    The next rank is (rank + 1) % size, the one before is (rank - 1) % size. There is no other way to anybody.

    Attributes:
        rank, size: who I am among how many.
        sent_bytes, sent_messages: what this rank has sent so far.
        under_way: the sendings that were started and not waited for.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.sent_bytes = self.sent_messages = 0
        self.under_way: set[Sending] = set()

    def send(self, tensor: Tensor) -> None:
        """Send to the next rank, and stand still until it has taken the tensor: until it receives, that is."""
        self._count(tensor)
        dist.send(torch.tensor([tensor.numel()]), self._following, tag=LENGTH)
        dist.send(tensor, self._following, tag=VALUES)

    def start_send(self, tensor: Tensor) -> Sending:
        """Begin to send to the next rank, and return at once; the tensor, contiguous, goes on its way meanwhile."""
        self._count(tensor)
        length = dist.isend(torch.tensor([tensor.numel()]), self._following, tag=LENGTH)
        values = dist.isend(tensor, self._following, tag=VALUES)
        sending = Sending(self, [work for work in (length, values) if work is not None])
        self.under_way.add(sending)  # a sending that nobody remembers never arrives
        return sending

    def receive(self, into: Tensor) -> None:
        """Stand still until a tensor has come from the rank before, and overwrite `into`, contiguous, with it.

        Raises:
            ValueError: what comes has another number of values than `into`.
        """
        before = (self.rank - 1) % self.size
        length = torch.zeros(1, dtype=torch.long)
        dist.recv(length, before, tag=LENGTH)
        if length.item() != into.numel():
            raise ValueError(f"rank {before} sends {length.item()} values, but there is room for {into.numel()}")
        dist.recv(into, before, tag=VALUES)

    @property
    def _following(self) -> int:
        return (self.rank + 1) % self.size

    def _count(self, tensor: Tensor) -> None:
        self.sent_bytes += tensor.numel() * tensor.element_size()
        self.sent_messages += 1
