"""Days 8 and 9: one large batch for many small ones, logs that come back, rings without a network, sums of speed."""

import copy
import math
import queue
import statistics
import threading
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from solutions.day03_gpt_model.config import GPTConfig
from solutions.day08_checkpoints import experiments, standing
from solutions.day08_checkpoints.accumulation import accumulated_step, in_groups
from solutions.day08_checkpoints.monitor import spike_limit
from solutions.day09_distributed import memory, nodes, throughput
from solutions.day09_distributed.ring_all_reduce import cut, ring_all_reduce
from tests.oracles.draws import Drawn, close, numbers, seeds, sizes, texts


class Tiny(nn.Module):
    """Logits from a table: enough of a language model to have gradients."""

    def __init__(self, vocab: int):
        super().__init__()
        self.table = nn.Embedding(vocab, 3)
        self.head = nn.Linear(3, vocab)

    def forward(self, x):
        return self.head(self.table(x)), None


@given(seeds, st.lists(st.tuples(sizes(3), sizes(4)), min_size=1, max_size=4), st.sampled_from([0.0, 0.6, 1.0]),
       st.sampled_from([0.05, math.inf]))  # fmt: skip
def test_many_small_batches_are_one_large_one(seed, shapes, share, max_norm):
    drawn, vocab = Drawn(seed), 5
    model = Tiny(vocab)
    for parameter in model.parameters():
        parameter.data = drawn.normal(*parameter.shape, dtype=torch.float32)
    other = copy.deepcopy(model)
    batches = [(drawn.whole(vocab, *shape), drawn.targets(vocab, *shape, share=share)) for shape in shapes]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)  # of an earlier step: it must not count
    result = accumulated_step(model, batches, torch.optim.SGD(model.parameters(), 1.0), 0.3, max_norm)

    x, y = (torch.cat([batch[place].flatten() for batch in batches]) for place in (0, 1))
    logits, scored = other(x)[0], max(int((y != -100).sum()), 1)
    loss = F.cross_entropy(logits, y, ignore_index=-100, reduction="sum") / scored
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in other.parameters()]).norm()
    factor = min(1.0, max_norm / (norm.item() + 1e-6))
    close(result.loss, loss)
    close(result.grad_norm, norm)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        close(mine, theirs - 0.3 * factor * theirs.grad)


@given(st.integers(0, 20), sizes(6))
def test_groups_leave_nothing_out(count, size):
    assert list(in_groups(range(count), size)) == [list(range(count))[i : i + size] for i in range(0, count, size)]


@given(st.lists(numbers(), min_size=1, max_size=15), numbers(0, 30))
def test_a_spike_is_far_from_the_median(values, threshold):
    median = np.median(values)
    spread = max(1.4826 * np.median(np.abs(np.array(values) - median)), 0.05 * abs(median))
    assert math.isclose(spike_limit(values, threshold), median + threshold * spread, rel_tol=1e-9, abs_tol=1e-9)


@given(numbers(0.01, 12), sizes(10**6), sizes(10**6), sizes(10**7))
def test_a_loss_is_the_same_in_every_unit(loss, tokens, words, size):
    units = standing.units_of(loss, tokens, words, size)
    nats = units.bits_per_byte * math.log(2) * size
    assert math.isclose(nats, loss * tokens, rel_tol=1e-9)
    if nats / words < 700:
        assert math.isclose(math.log(units.ppl_word) * words, nats, rel_tol=1e-6)
        assert math.isclose(standing.in_other_units(units.ppl_token, tokens, words), units.ppl_word, rel_tol=1e-6)


LOG = "# Log\n\n| run | changed | expected | came |\n| --- | --- | --- | --- |\n"
cells = texts


@given(st.lists(st.tuples(cells, cells, cells, cells), max_size=4), st.sampled_from(["", "\nAfterwards.\n"]))
def test_every_experiment_comes_back(rows, rest):
    text = LOG + rest
    for row in rows:
        text = experiments.add_row(text, experiments.Experiment(*row))
    expected = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    assert [(e.run, e.changed, e.expected, e.came) for e in experiments.read_log(text)] == expected
    assert text.startswith(LOG) and text.endswith(rest)


class Wire:
    """A ring of threads in place of processes: what a rank sends waits in the queue of the next one."""

    def __init__(self, rank: int, queues: list[queue.Queue]):
        self.rank, self.size, self.queues = rank, len(queues), queues
        self.sent_values = 0

    def start_send(self, tensor):
        self.sent_values += tensor.numel()
        self.queues[(self.rank + 1) % self.size].put(tensor.clone())
        return self

    def wait(self):
        pass

    def receive(self, into):
        into.copy_(self.queues[self.rank].get(timeout=20))


@given(seeds, sizes(5), st.lists(sizes(4, 0), max_size=3), st.booleans())
def test_a_ring_has_the_sum_everywhere(seed, size, shape, average):
    drawn = Drawn(seed)
    values = [drawn.normal(*shape) for _ in range(size)]
    kept = [value.clone() for value in values]
    queues = [queue.Queue() for _ in range(size)]
    links = [Wire(rank, queues) for rank in range(size)]
    results: list = [None] * size

    def run(rank):
        results[rank] = ring_all_reduce(values[rank], links[rank], average)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = torch.stack(values).sum(0) / (size if average else 1)
    for rank, result in enumerate(results):
        close(result, expected)
        assert result.shape == values[rank].shape and torch.equal(values[rank], kept[rank])
        assert torch.equal(result, results[0])
        assert links[rank].sent_values <= 2 * values[rank].numel()


@given(st.integers(0, 20), sizes(6))
def test_parts_are_nearly_equal(length, parts):
    made = cut(torch.arange(length), parts)
    assert [len(part) for part in made] == [length // parts + (i < length % parts) for i in range(parts)]
    assert torch.cat(made).tolist() == list(range(length))


runs = st.builds(throughput.Measurement, sizes(8), sizes(4096), numbers(0.001, 10))


@given(runs, runs, numbers(0.001, 10))
def test_speeds_fit_together(one, many, silent_seconds):
    one_rate, many_rate = (run.tokens_per_step / run.seconds_per_step for run in (one, many))
    assert math.isclose(throughput.speed_up(one, many), many_rate / one_rate)
    efficiency = throughput.efficiency(one, many)
    assert math.isclose(efficiency * many.processes / one.processes, many_rate / one_rate)
    silent = throughput.Measurement(many.processes, many.tokens_per_step, silent_seconds)
    parts = throughput.where_the_time_goes(one, many, silent)
    assert math.isclose(sum(parts.values()), many.seconds_per_step)
    assert math.isclose(parts["ideal"], many.seconds_per_step * efficiency)


@given(sizes(8), sizes(8), sizes(64), sizes(64))
def test_scaling_is_strong_or_weak(processes, more, tokens, other):
    one, many = (throughput.Measurement(p, t, 1.0) for p, t in ((processes, tokens), (more, other)))
    strong, weak = tokens == other, Fraction(tokens, processes) == Fraction(other, more)
    if processes == more or not (strong or weak):
        with pytest.raises(ValueError):
            throughput.scaling(one, many)
        return
    assert throughput.scaling(one, many) == ("strong" if strong else "weak")


@given(st.lists(numbers(0, 10), min_size=1, max_size=12), st.integers(0, 12), st.integers(1, 3))
def test_a_typical_step_is_the_median_of_the_slowest(steps, warmup, ranks):
    readings = list(np.cumsum([0.0, *steps]))
    seconds = throughput.slowest([throughput.elapsed(readings)] * ranks)
    assert np.allclose(seconds, steps)
    assume(warmup < len(steps))
    assert math.isclose(throughput.typical_step(seconds, warmup), statistics.median(seconds[warmup:]))


@given(sizes(50), sizes(12), sizes(3), sizes(2), sizes(4), st.integers(0, 2**21), st.sampled_from(memory.PRECISIONS),
       st.booleans())  # fmt: skip
def test_one_more_sequence_would_not_fit(vocab, block, layers, heads, size, available, precision, fused):
    config = GPTConfig(vocab, block, layers, heads, heads * size)
    best = memory.largest_batch(config, block, available, precision, fused)
    peaks = [memory.predict(config, max(batch, 1), block, precision, fused).peak() for batch in (best, best + 1)]
    assert (best == 0 or peaks[0] <= available) and peaks[1] > available


@given(sizes(4), sizes(4))
def test_ranks_are_counted_node_by_node(node_count, each):
    cluster = nodes.Cluster([f"node{n}" for n in range(node_count)], each)
    ranks = [nodes.global_rank(cluster, node, local) for node in range(node_count) for local in range(each)]
    assert ranks == list(range(node_count * each))


names = st.text("abc-.0189", min_size=1, max_size=8).filter(lambda name: name != "localhost" and name[:4] != "127.")
words = st.lists(st.sampled_from(["--steps", "10", "a b", "--lr=0.1", "-v", "--nnodes=7"]), max_size=3)
clusters = st.builds(
    nodes.Cluster,
    st.lists(names, min_size=1, max_size=4, unique=True),
    sizes(8),
    st.integers(1024, 65535),
    st.sampled_from(["c10d", "static"]),
    st.text("ab= -é/:", min_size=1, max_size=6),
)


@given(clusters, st.sampled_from([["train.py"], ["-m", "package.train"]]), words)
def test_every_command_is_read_back(cluster, program, arguments):
    program = [*program, *arguments]
    commands = [nodes.torchrun_command(cluster, node, program) for node in range(len(cluster.addresses))]
    for node, command in enumerate(commands):
        launch, c10d = nodes.read_command(command), cluster.rendezvous == "c10d"
        assert (launch.nodes, launch.processes_per_node) == (len(commands), cluster.processes_per_node)
        assert (launch.rendezvous, launch.meeting_address, launch.port) == (
            cluster.rendezvous,
            cluster.addresses[0],
            cluster.port,
        )
        assert (launch.job, launch.node_rank) == ((cluster.job, None) if c10d else (None, node))
        assert launch.local_address == (cluster.addresses[node] if c10d else None)
        assert list(launch.program) == program
    assert nodes.disagreements(commands) == []
    if len(commands) > 1:
        assert nodes.disagreements(commands[:-1]) != [] and nodes.disagreements([*commands[:-1], commands[0]]) != []
