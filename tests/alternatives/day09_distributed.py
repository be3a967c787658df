"""Right answers of day 9, written another way."""

import itertools
import math
from collections import Counter
from contextlib import ExitStack
from types import SimpleNamespace

import numpy
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from grader.catalogue import alternative
from solutions.day09_distributed import memory, nodes
from solutions.day09_distributed.ring_all_reduce import all_gather, reduce_scatter

DAY = "day09_distributed"

# 9.1 ring_all_reduce


@alternative(DAY, "ring_all_reduce", "cut")
def cut_with_slices(values, parts):
    length, longer = divmod(len(values), parts)
    ends = [(i + 1) * length + min(i + 1, longer) for i in range(parts)]
    return [values[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@alternative(DAY, "ring_all_reduce", "exchange")
def rank_0_receives_first(outgoing, incoming, link):
    """Sendings that stand still do no harm if one rank begins by receiving."""
    if link.rank == 0:
        link.receive(incoming)
        link.send(outgoing)
    else:
        link.send(outgoing)
        link.receive(incoming)


@alternative(DAY, "ring_all_reduce", "reduce_scatter")
def with_a_running_index(parts, link):
    sending = (link.rank - 1) % link.size
    while sending != link.rank:
        receiving = (sending - 1) % link.size
        incoming = torch.zeros(len(parts[receiving]), dtype=parts[receiving].dtype)
        started = link.start_send(parts[sending])
        link.receive(incoming)
        started.wait()
        parts[receiving].add_(incoming)
        sending = receiving


@alternative(DAY, "ring_all_reduce", "all_gather")
def copied_into_place(parts, link):
    travelling = parts[link.rank].clone()
    for owner in ((link.rank - step) % link.size for step in range(1, link.size)):
        arrived = torch.empty_like(parts[owner])
        started = link.start_send(travelling)
        link.receive(arrived)
        started.wait()
        parts[owner].copy_(arrived)
        travelling = arrived


@alternative(DAY, "ring_all_reduce", "ring_all_reduce")
def padded_to_equal_parts(tensor, link, average=False):
    """Zeros at the end, so that it divides; the mean is taken before anything is sent."""
    flat = tensor.reshape(-1) / (link.size if average else 1)
    length = -(-len(flat) // link.size)
    parts = list(F.pad(flat, (0, link.size * length - len(flat))).view(link.size, length))  # N times (length,)
    reduce_scatter(parts, link)
    all_gather(parts, link)
    return torch.cat(parts)[: len(flat)].view(tensor.shape)


# 9.4 broken on purpose


@alternative(DAY, "broken_hang", "run")
def asks_before_every_step(model, batches, lr):
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr)
    step = 0
    while True:
        everybody = torch.tensor(int(step < len(batches)))
        dist.all_reduce(everybody, op=dist.ReduceOp.MIN)
        if not everybody:
            return step
        x, y = batches[step]
        optimizer.zero_grad()
        F.mse_loss(wrapped(x), y).backward()
        optimizer.step()
        step += 1


@alternative(DAY, "broken_report", "run")
def gathered_on_every_rank(losses, report):
    everybodys = [None] * dist.get_world_size()
    dist.all_gather_object(everybodys, losses.tolist())
    mean = sum(map(sum, everybodys)) / sum(map(len, everybodys))
    if not dist.get_rank():
        report(f"validation loss {mean:.3f}")
    return mean


@alternative(DAY, "broken_drift", "run")
def weights_from_rank_0(make_model, batches, lr, seed):
    """Every rank has a seed of its own from the start; the weights are rank 0's."""
    torch.manual_seed(seed + dist.get_rank())
    model = make_model()
    for parameter in model.parameters():
        dist.broadcast(parameter.data, src=0)
    for x, y in batches:
        gradients = torch.autograd.grad(F.mse_loss(model(x), y), list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            dist.all_reduce(gradient)
            parameter.data -= lr * gradient / dist.get_world_size()
    return model


@alternative(DAY, "broken_crash", "run")
def every_parameter_takes_part(model, batches, lr):
    """Nothing of every parameter is added to the loss: its gradient is 0 in place of None."""

    class WithNothingOfAll(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x, task):
            return self.inner(x, task) + 0.0 * sum(p.sum() for p in self.inner.parameters())

    wrapped = DistributedDataParallel(WithNothingOfAll())
    optimizer = torch.optim.SGD(model.parameters(), lr)
    losses = []
    for x, y, task in batches:
        loss = F.mse_loss(wrapped(x, task), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@alternative(DAY, "broken_lie", "run")
@torch.no_grad()
def means_weighed_by_their_sizes(model, batches):
    sizes = torch.tensor([float(len(y)) for _, y in batches])
    means = torch.stack([F.mse_loss(model(x), y) for x, y in batches])
    total, count = (sizes * means).sum(), sizes.sum()
    dist.all_reduce(total)
    dist.all_reduce(count)
    return (total / count).item()


@alternative(DAY, "broken_shuffle", "run")
def dealt_by_hand(examples, epochs, seed):
    rank, size = dist.get_rank(), dist.get_world_size()
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(examples, generator=generator)[rank::size].tolist() for _ in range(epochs)]


# 9.5 accumulate_ddp


@alternative(DAY, "accumulate_ddp", "tokens_of_all_ranks")
def gathered_counts(micro_batches):
    mine = sum((torch.count_nonzero(y + 100) for _, y in micro_batches), start=torch.tensor(0))
    if not dist.is_initialized():
        return mine
    counts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, mine)
    return torch.stack(counts).sum()


@alternative(DAY, "accumulate_ddp", "accumulated_ddp_step")
def divided_after_the_last(model, micro_batches, optimizer, lr, max_norm=1.0, inspect=None):
    """Sums travel, and are divided when they have arrived."""
    if len(micro_batches) == 0:
        raise ValueError("nothing to learn from")
    optimizer.zero_grad(set_to_none=False)
    *silent, (last_x, last_y) = micro_batches
    with ExitStack() as stack:
        if isinstance(model, DistributedDataParallel):
            stack.enter_context(model.no_sync())
        sums = [_backward_of_the_sum(model, x, y) for x, y in silent]
    sums.append(_backward_of_the_sum(model, last_x, last_y))
    factor = _ranks() / torch.clamp(_tokens(micro_batches), min=1)
    for parameter in model.parameters():
        parameter.grad.mul_(factor)
    return _finish(model, optimizer, lr, max_norm, inspect, sum(sums) * factor)


@alternative(DAY, "accumulate_ddp", "accumulated_ddp_step")
def with_the_switch_itself(model, micro_batches, optimizer, lr, max_norm=1.0, inspect=None):
    """As nanoGPT does it: what no_sync turns off and on is an attribute."""
    if not micro_batches:
        raise ValueError("no micro-batch")
    optimizer.zero_grad()
    factor = _ranks() / _tokens(micro_batches).clamp(min=1)
    losses = []
    for index, (x, y) in enumerate(micro_batches):
        if dist.is_initialized():
            model.require_backward_grad_sync = index == len(micro_batches) - 1
        loss = F.cross_entropy(model(x)[0].float().transpose(1, 2), y, reduction="sum", ignore_index=-100) * factor
        loss.backward()
        losses.append(loss.detach())
    return _finish(model, optimizer, lr, max_norm, inspect, torch.stack(losses).sum())


def _ranks():
    return dist.get_world_size() if dist.is_initialized() else 1


def _tokens(micro_batches):
    count = torch.cat([y.flatten() for _, y in micro_batches]).ne(-100).sum()
    if dist.is_initialized():
        dist.all_reduce(count)
    return count


def _backward_of_the_sum(model, x, y):
    log_p = model(x)[0].float().log_softmax(-1)
    loss = -(log_p.gather(-1, y.clamp(min=0)[..., None])[..., 0] * (y != -100)).sum()
    loss.backward()
    return loss.detach()


def _finish(model, optimizer, lr, max_norm, inspect, loss):
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    for group in optimizer.param_groups:
        group["lr"] = lr
    go = True if inspect is None else inspect(loss, norm)
    if go is None or go:
        optimizer.step()
    return SimpleNamespace(loss=loss, grad_norm=norm)


# --- part: 9.2, 9.3, 9.6 ---


# 9.2 throughput


@alternative(DAY, "throughput", "elapsed")
def with_numpy(readings):
    differences = numpy.diff(numpy.asarray(readings, dtype=float))
    if differences.size == 0 or differences.min() < 0:
        raise ValueError("readings")
    return differences.tolist()


@alternative(DAY, "throughput", "slowest")
def process_by_process(seconds_by_rank):
    longest = list(next(iter(seconds_by_rank), []))
    if not seconds_by_rank:
        raise ValueError("nobody")
    for seconds in seconds_by_rank:
        if len(seconds) != len(longest):
            raise ValueError("steps")
        longest = [max(pair) for pair in zip(longest, seconds, strict=True)]
    return longest


@alternative(DAY, "throughput", "typical_step")
def sorted_by_hand(seconds, warmup=3):
    if not 0 <= warmup < len(seconds):
        raise ValueError("warmup")
    ordered = sorted(list(seconds)[warmup:])
    return (ordered[len(ordered) // 2] + ordered[(len(ordered) - 1) // 2]) / 2


@alternative(DAY, "throughput", "efficiency")
def by_tokens_of_each_process(one, many):
    """Tokens per second and process, of the one run and of the other."""
    rates = [run.tokens_per_step / run.seconds_per_step / run.processes for run in (one, many)]
    return rates[1] / rates[0]


@alternative(DAY, "throughput", "where_the_time_goes")
def ideal_by_the_work(one, many, silent):
    if silent.processes != many.processes or silent.tokens_per_step != many.tokens_per_step:
        raise ValueError("not the same run")
    tokens_of_a_process = many.tokens_per_step / many.processes
    ideal = one.seconds_per_step * tokens_of_a_process / (one.tokens_per_step / one.processes)
    talking = many.seconds_per_step - silent.seconds_per_step
    return {"rest": many.seconds_per_step - ideal - talking, "talking": talking, "ideal": ideal}


# 9.3 nodes


@alternative(DAY, "nodes", "global_rank")
def looked_up(cluster, node_rank, local_rank):
    nodes, processes = len(cluster.addresses), cluster.processes_per_node
    everyone = list(itertools.product(range(nodes), range(processes)))
    return everyone.index((node_rank, local_rank))  # ValueError if it is not there


@alternative(DAY, "nodes", "torchrun_command")
def one_word_after_another(cluster, node_rank, program):
    if node_rank not in range(len(cluster.addresses)):
        raise ValueError(f"there is no node {node_rank}")
    words = ["torchrun"]
    if cluster.rendezvous == "c10d":
        words += [f"--local-addr={cluster.addresses[node_rank]}", f"--rdzv-conf=is_host={0 if node_rank else 1}"]
        words += [f"--rdzv-id={cluster.job}", f"--rdzv-endpoint={cluster.addresses[0]}:{cluster.port}"]
        words += ["--rdzv-backend=c10d"]
    if cluster.rendezvous == "static":
        words += [f"--master-port={cluster.port}", f"--master-addr={cluster.addresses[0]}", f"--node-rank={node_rank}"]
    words += [f"--nproc-per-node={cluster.processes_per_node}", f"--nnodes={len(cluster.addresses)}"]
    return words + list(program)


@alternative(DAY, "nodes", "read_command")
def asking_for_each_option(command):
    options, program = nodes.split_command(command)

    def need(name):
        if name not in options:
            raise ValueError(f"--{name} is missing")
        return options[name]

    if not program:
        raise ValueError("there is no program")
    c10d = options.get("rdzv-backend") == "c10d"
    host, port = need("rdzv-endpoint").split(":") if c10d else (need("master-addr"), need("master-port"))
    return nodes.Launch(
        int(need("nnodes")),
        int(need("nproc-per-node")),
        "c10d" if c10d else "static",
        host,
        int(port),
        need("rdzv-id") if c10d else None,
        options.get("local-addr"),
        None if c10d else int(need("node-rank")),
        program,
    )


# 9.6 memory


@alternative(DAY, "memory", "parameter_count")
def layer_by_layer(config):
    c, v, s = config.n_embd, config.vocab_size, config.block_size
    linear = [(c, 3 * c), (c, c), (c, 4 * c), (4 * c, c)]
    block = sum(inputs * outputs + outputs for inputs, outputs in linear) + 2 * (c + c)
    return v * c + s * c + sum(block for _ in range(config.n_layer)) + (c + c)


@alternative(DAY, "memory", "activation_bytes")
def tensor_by_tensor(config, batch, length, precision="float32", fused=False):
    """The shapes of all that is kept, as a list, multiplied out."""
    if batch <= 0 or length <= 0 or length > config.block_size:
        raise ValueError("batch, length")
    size = {"float32": 4, "bfloat16": 2}.get(precision)
    if size is None:
        raise ValueError("precision")
    c, h, v = config.n_embd, config.n_head, config.vocab_size
    kept = Counter()

    def keep(part, each, *shape):
        kept[part] += each * math.prod(shape)

    for _ in range(config.n_layer):
        for _ in range(2):
            keep("norms", 4, batch, length, c + 1 + 1)
        for width in (c, c, c, 4 * c):
            keep("linear inputs", size, batch, length, width)
        for _ in "qkv":
            keep("qkv", size, batch, length, c)
        keep("gelu", size, batch, length, 4 * c)
        if fused:
            keep("attention", 4, batch, h, length)
        else:
            keep("attention", 4, batch, h, length, length)
            keep("attention", 2 if size == 2 else 0, batch, h, length, length)
            keep("attention", 1, length, length)
        for inputs, outputs in ((c, 3 * c), (c, c), (c, 4 * c), (4 * c, c)):
            keep("copies of weights", 2 if size == 2 else 0, inputs, outputs)
    keep("norms", 4, batch, length, c + 2)
    keep("linear inputs", size, batch, length, c)
    keep("log-probabilities", 4, batch, length, v)
    keep("copies of weights", 2 if size == 2 else 0, c, v)
    return dict(kept)


@alternative(DAY, "memory", "largest_batch")
def one_more_each_time(config, length, available, precision="float32", fused=False):
    batch = 0
    while memory.predict(config, batch + 1, length, precision, fused).peak() <= available:
        batch += 1
    return batch


@alternative(DAY, "memory_measured", "bytes_of")
def with_a_set_of_places(tensors):
    seen, total = set(), 0
    for tensor in tensors:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.size()
    return total


@alternative(DAY, "memory_measured", "saved_bytes")
def with_sizes_by_place(model, forward):
    own = [parameter.untyped_storage().data_ptr() for parameter in model.parameters()]
    sizes, alive = {}, []

    def note(tensor):
        alive.append(tensor.detach())
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda kept: kept):
        alive.append(forward())
    return sum(size for place, size in sizes.items() if place not in own)
