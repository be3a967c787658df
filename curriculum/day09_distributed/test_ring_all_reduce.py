"""Checks of task 9.1, ring_all_reduce.py."""

import torch
import torch.distributed as dist

from grader.ranks import on_ranks

# cut


def cuts(ring):
    values = torch.arange(7.0)
    seen = {f"{n} values in {parts} parts": [p.tolist() for p in ring.cut(values[:n], parts)] for n, parts in CUTS}
    ring.cut(values, 3)[1].fill_(9.0)
    return seen | {"the vector after its second part of three was filled with 9": values}


CUTS = {
    (6, 3): [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
    (7, 3): [[0.0, 1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    (5, 4): [[0.0, 1.0], [2.0], [3.0], [4.0]],
    (2, 3): [[0.0], [1.0], []],
}


def test_cut(lesson, compare):
    """Every value is in exactly one part, also if they do not divide; the parts are views"""
    expected = {f"{n} values in {parts} parts": lists for (n, parts), lists in CUTS.items()}
    after = torch.tensor([0.0, 1.0, 2.0, 9.0, 9.0, 5.0, 6.0])
    compare(
        cuts,
        lesson("ring_all_reduce"),
        expected=expected | {"the vector after its second part of three was filled with 9": after},
    )


# exchange


def exchange_on_rank(rank, ring, link):
    wires = link.Link()
    first, second = torch.zeros(2), torch.zeros((rank - 1) % 3 + 1)
    ring.exchange(torch.tensor([rank + 1.0, 10.0]), first, wires)
    ring.exchange(torch.full((rank + 1,), rank + 0.5), second, wires)
    waiting = len(wires.under_way)
    dist.barrier()
    return {"first": first.tolist(), "second": second.tolist(), "sent": wires.sent_bytes, "waiting": waiting}


def exchanges(ring, link):
    ranks = on_ranks(3, exchange_on_rank, ring, link)
    return {
        "what came first, by rank": [seen["first"] for seen in ranks],
        "what came second, by rank": [seen["second"] for seen in ranks],
        "sendings that nobody waited for, by rank": [seen["waiting"] for seen in ranks],
        "bytes sent, by rank": [seen["sent"] for seen in ranks],
    }


def test_exchange(lesson, compare):
    """Three ranks send and receive at once, twice: nobody waits for ever, and nothing is left on its way"""
    expected = {
        "what came first, by rank": [[3.0, 10.0], [1.0, 10.0], [2.0, 10.0]],
        "what came second, by rank": [[2.5, 2.5, 2.5], [0.5], [1.5, 1.5]],
        "sendings that nobody waited for, by rank": [0, 0, 0],
        "bytes sent, by rank": [12, 16, 20],
    }
    compare(exchanges, lesson("ring_all_reduce", "link"), expected=expected)


# the two phases


def values_of(rank):
    """(7,) for each of three ranks: no two partial sums are alike."""
    return torch.tensor([[1.0, 2, 3, 4, 5, 6, 7], [10.0, 20, 30, 40, 50, 60, 70], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]])[
        rank
    ]


LENGTHS = [3, 2, 2]  # of the parts


def phases_on_rank(rank, ring, link):
    wires = link.Link()
    parts = list(values_of(rank).split(LENGTHS))
    ring.reduce_scatter(parts, wires)
    mine, first_bytes = parts[rank].clone(), wires.sent_bytes
    parts = [torch.full_like(part, -1.0) for part in parts]
    parts[rank] = torch.full_like(parts[rank], rank + 0.25)  # the second phase from a start of its own
    ring.all_gather(parts, wires)
    everything = torch.cat(parts)
    dist.barrier()
    return {"mine": mine, "bytes": [first_bytes, wires.sent_bytes - first_bytes], "everything": everything}


def phases(ring, link):
    ranks = on_ranks(3, phases_on_rank, ring, link)
    return {
        "the sum that each rank holds after the first phase": torch.cat([seen["mine"] for seen in ranks]),
        "bytes sent in the first phase, by rank": [seen["bytes"][0] for seen in ranks],
        "what each rank holds after the second phase": torch.stack([seen["everything"] for seen in ranks]),
        "bytes sent in the second phase, by rank": [seen["bytes"][1] for seen in ranks],
    }


def test_phases(lesson, compare):
    """Each phase by itself, on three ranks with parts of 3, 2 and 2 values"""
    expected = {
        "the sum that each rank holds after the first phase": torch.tensor([11.1, 22.2, 33.3, 44.4, 55.5, 66.6, 77.7]),
        "bytes sent in the first phase, by rank": [16, 20, 20],
        "what each rank holds after the second phase": torch.tensor([[0.25] * 3 + [1.25] * 2 + [2.25] * 2] * 3),
        "bytes sent in the second phase, by rank": [20, 20, 16],
    }
    compare(phases, lesson("ring_all_reduce", "link"), expected=expected)


# the whole


def rings_on_rank(rank, ring, link):
    wires = link.Link()
    even = torch.arange(8.0).view(2, 4) + 100 * rank
    summed = ring.ring_all_reduce(even, wires)
    counted = [wires.sent_bytes, wires.sent_messages]
    uneven = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64).t() * (rank + 1)  # (3, 2), strided
    mean = ring.ring_all_reduce(uneven, wires, average=True)
    short = ring.ring_all_reduce(torch.tensor([1.0, rank]), wires)
    dist.barrier()
    return {"sum": summed, "counted": counted, "given": even, "mean": mean, "short": short}


def rings(ring, link):
    ranks = on_ranks(4, rings_on_rank, ring, link)
    return {
        "sum of 8 values, by rank": torch.stack([seen["sum"] for seen in ranks]),
        "bytes that each rank sent for it": [seen["counted"][0] for seen in ranks],
        "messages that each rank sent for it": [seen["counted"][1] for seen in ranks],
        "what was given, afterwards": torch.stack([seen["given"] for seen in ranks]),
        "mean of 6 values, by rank": torch.stack([seen["mean"] for seen in ranks]),
        "sum of 2 values, by rank": torch.stack([seen["short"] for seen in ranks]),
    }


def rings_by_hand():
    given = torch.arange(8.0).view(2, 4) + 100 * torch.arange(4.0).view(4, 1, 1)
    mean = 2.5 * torch.tensor([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]], dtype=torch.float64)
    return {
        "sum of 8 values, by rank": given.sum(0).expand(4, 2, 4),
        "bytes that each rank sent for it": [48] * 4,  # 2 · 3/4 of 32
        "messages that each rank sent for it": [6] * 4,
        "what was given, afterwards": given,
        "mean of 6 values, by rank": mean.expand(4, 3, 2),
        "sum of 2 values, by rank": torch.tensor([4.0, 6.0]).expand(4, 2),
    }


def test_ring(lesson, compare):
    """Four ranks: sum and mean, sizes that do not divide, and 2 · 3/4 of the tensor sent by each"""
    compare(rings, lesson("ring_all_reduce", "link"), expected=rings_by_hand)


class LinkToNobody:
    """A ring of one rank."""

    rank, size = 0, 1

    def __init__(self):
        self.calls = []

    def send(self, tensor):
        self.calls.append("send")

    start_send = receive = send


def alone(ring):
    wires, given = LinkToNobody(), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    result = ring.ring_all_reduce(given, wires, average=True)
    result_before = result.clone()
    result.fill_(0.0)
    return {"result": result_before, "sent or received": wires.calls, "what was given, when the result changes": given}


def test_alone(lesson, compare):
    """A ring of one rank: nothing is sent, and the result is a tensor of its own"""
    given = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    compare(
        alone,
        lesson("ring_all_reduce"),
        expected={"result": given, "sent or received": [], "what was given, when the result changes": given},
    )
