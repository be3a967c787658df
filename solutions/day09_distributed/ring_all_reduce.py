"""All-reduce in a ring: how the gradients of many ranks become one mean, and no rank has to send it all twice over."""

import torch
from torch import Tensor

from .link import Link


def cut(values: Tensor, parts: int) -> list[Tensor]:
    """Cut a vector into consecutive parts of nearly the same length.

    Args:
        values: (n,), any n.
        parts: how many.

    Returns:
        Exactly `parts` views of `values`, in order: who writes into a part writes into `values`. If n does not divide,
        the first n % parts of them are one value longer than the others; if n < parts, the last ones are empty.
    """
    return list(values.tensor_split(parts))


def exchange(outgoing: Tensor, incoming: Tensor, link: Link) -> None:
    """Send `outgoing` to the next rank while `incoming` is filled with what the rank before sends.

    All ranks call it at the same time. When it returns, both ways are done: nothing is still on its way.

    Args:
        outgoing, incoming: vectors, of different lengths perhaps.
    """
    sending = link.start_send(outgoing)
    link.receive(incoming)
    sending.wait()


def reduce_scatter(parts: list[Tensor], link: Link) -> None:
    """First phase: every rank gets the sum of one part. In place.

    In N - 1 steps (N = link.size) each rank sends one part to the next rank, and adds to one of its own parts what
    comes from the rank before. Each rank sends every part but parts[rank], each once.

    Args:
        parts: N vectors, on every rank of the same lengths: this rank's values. On return, parts[rank] holds the sum
            over all ranks; what the others hold is of no account.
    """
    for step in range(link.size - 1):
        outgoing, own = parts[(link.rank - step - 1) % link.size], parts[(link.rank - step - 2) % link.size]
        incoming = torch.empty_like(own)
        exchange(outgoing, incoming, link)
        own += incoming


def all_gather(parts: list[Tensor], link: Link) -> None:
    """Second phase: every rank gets every part. In place.

    In N - 1 steps each rank sends a finished part to the next rank, and takes over another one from the rank before.
    Each rank sends every part but parts[rank + 1], each once.

    Args:
        parts: N vectors, on every rank of the same lengths; parts[rank] is finished. On return, parts[i] on every rank
            is what it was on rank i.
    """
    for step in range(link.size - 1):
        exchange(parts[(link.rank - step) % link.size], parts[(link.rank - step - 1) % link.size], link)


def ring_all_reduce(tensor: Tensor, link: Link, average: bool = False) -> Tensor:
    """The sum, or the mean, of the ranks' tensors, the same on every rank.

    Each rank sends 2 (N - 1) messages of about 1/N of the tensor: less than two tensors, however many ranks there are.

    Args:
        tensor: of floating-point numbers, any shape and strides, on every rank the same. It is left as it is.
        link: this rank's place in the ring. In a ring of one rank nothing is sent.
        average: divide the sum by the number of ranks.

    Returns:
        A new tensor of the same shape and dtype.

    Source: Patarasuk and Yuan 2009, Bandwidth optimal all-reduce algorithms for clusters of workstations.
    """
    result = tensor.flatten().clone()  # (n,)
    parts = cut(result, link.size)
    reduce_scatter(parts, link)
    if average:
        parts[link.rank] /= link.size  # each rank divides what it has finished
    all_gather(parts, link)
    return result.reshape(tensor.shape)
