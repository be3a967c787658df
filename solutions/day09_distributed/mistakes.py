"""The wrong ways of day 9: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 9.1 ring_all_reduce


@mistake(
    "ring_all_reduce",
    says="The vector was cut with chunk, which rounds the length of a part up.",
    why="The last part is then much shorter than the others, or there are fewer parts than ranks.",
    read="#sizes-that-do-not-divide",
)
def cut_with_chunk(source):
    return change(source, "values.tensor_split(parts)", "values.chunk(parts)")


@mistake(
    "ring_all_reduce",
    says="Each part has n // parts values, and what is left at the end belongs to no part.",
    why="The last values of the gradient are then never added up: those weights drift apart, rank by rank.",
    read="#sizes-that-do-not-divide",
)
def tail_in_no_part(source):
    return change(
        source,
        "    return list(values.tensor_split(parts))",
        "    n = len(values) // parts\n    return [values[i * n : (i + 1) * n] for i in range(parts)]",
    )


@mistake(
    "ring_all_reduce",
    says="The parts are copies, not views of the vector.",
    why="The sums then arrive in the parts, and the vector that they were cut from knows nothing of it.",
    read="#two-phases",
)
def parts_are_copies(source):
    return change(source, "list(values.tensor_split(parts))", "[part.clone() for part in values.tensor_split(parts)]")


@mistake(
    "ring_all_reduce",
    says="Every rank sends first and receives afterwards; a sending ends only when the next rank receives.",
    why="All stand still in their sending, and nobody ever comes to receive: a deadlock.",
    read="#who-receives-if-everybody-sends",
    hangs=True,
)
def everybody_sends_first(source):
    source = change(source, "    sending = link.start_send(outgoing)", "    link.send(outgoing)")
    return change(source, "    sending.wait()\n", "")


@mistake(
    "ring_all_reduce",
    says="Nobody waits until what was sent has left.",
    why="Whoever changes the part next may change what is still on its way: a fault that comes and goes.",
    read="#who-receives-if-everybody-sends",
)
def sending_not_waited_for(source):
    source = change(source, "    sending = link.start_send(outgoing)", "    link.start_send(outgoing)")
    return change(source, "    sending.wait()\n", "")


@mistake(
    "ring_all_reduce",
    says="The first phase begins one part too late: at its end rank r holds the sum of part r + 1.",
    why="Many texts number it so. Then the second phase has to begin there too, and here it begins with part r.",
    read="#which-part-in-which-step",
)
def finished_part_is_the_next(source):
    source = change(
        source,
        "parts[(link.rank - step - 1) % link.size], parts[(link.rank - step - 2)",
        "parts[(link.rank - step) % link.size], parts[(link.rank - step - 1)",
    )
    return source


@mistake(
    "ring_all_reduce",
    says="In the first phase, what comes in takes the place of the rank's own part; it is not added to it.",
    why="The parts travel round the ring, and nothing is ever summed.",
    read="#two-phases",
)
def replaced_not_added(source):
    return change(source, "        own += incoming", "        own.copy_(incoming)")


@mistake(
    "ring_all_reduce",
    says="The first phase ends one step too early.",
    why="Each part has then seen all ranks but one.",
    read="#which-part-in-which-step",
)
def one_step_too_few(source):
    return change(source, "range(link.size - 1):\n        outgoing", "range(link.size - 2):\n        outgoing")


@mistake(
    "ring_all_reduce",
    says="The first phase takes N steps, one more than there are others to hear from.",
    why="A part that has been round comes back to a rank that has counted already.",
    read="#which-part-in-which-step",
)
def one_step_too_many(source):
    return change(source, "range(link.size - 1):\n        outgoing", "range(link.size):\n        outgoing")


@mistake(
    "ring_all_reduce",
    says="In the second phase, what comes in is added to the rank's own part; it does not take its place.",
    why="What comes in is finished. Added to an unfinished sum, it counts several ranks twice.",
    read="#two-phases",
)
def added_not_replaced(source):
    return change(
        source,
        "        exchange(parts[(link.rank - step) % link.size], parts[(link.rank - step - 1) % link.size], link)",
        "        own = parts[(link.rank - step - 1) % link.size]\n"
        "        incoming = torch.empty_like(own)\n"
        "        exchange(parts[(link.rank - step) % link.size], incoming, link)\n"
        "        own += incoming",
    )


@mistake(
    "ring_all_reduce",
    says="The second phase begins with a part that is not finished.",
    why="Rank r has finished part r, and sends another one first: an unfinished sum goes round.",
    read="#which-part-in-which-step",
)
def gather_begins_elsewhere(source):
    return change(
        source,
        "parts[(link.rank - step) % link.size], parts[(link.rank - step - 1) % link.size], link",
        "parts[(link.rank - step - 1) % link.size], parts[(link.rank - step - 2) % link.size], link",
    )


@mistake(
    "ring_all_reduce",
    says="The whole tensor goes round the ring, N - 1 times.",
    why="The sum is right, but each rank sends N - 1 tensors in place of 2 (N - 1)/N: it gets slower with every rank.",
    read="#what-the-ring-costs",
)
def whole_tensor_round_the_ring(source):
    source = change(
        source,
        "    parts = cut(result, link.size)\n    reduce_scatter(parts, link)\n",
        "    outgoing = result.clone()\n"
        "    for _ in range(link.size - 1):\n"
        "        incoming = torch.empty_like(outgoing)\n"
        "        exchange(outgoing, incoming, link)\n"
        "        result += incoming\n"
        "        outgoing = incoming\n",
    )
    source = change(source, "        parts[link.rank] /= link.size", "        result /= link.size")
    return change(source, "    all_gather(parts, link)\n", "")


@mistake(
    "ring_all_reduce",
    says="The sum comes back although the mean was asked for.",
    why="The gradient grows with the number of ranks, and so does every step.",
    read="#sum-or-mean",
)
def sum_not_averaged(source):
    return change(source, "    if average:\n", "    if False:\n")


@mistake(
    "ring_all_reduce",
    says="The mean was divided by the number of ranks twice: once between the phases, and once at the end.",
    why="A part that comes in was divided by the rank that finished it.",
    read="#sum-or-mean",
)
def averaged_twice(source):
    return change(
        source,
        "    all_gather(parts, link)\n    return result.reshape(tensor.shape)",
        "    all_gather(parts, link)\n    return (result / link.size if average else result).reshape(tensor.shape)",
    )


@mistake(
    "ring_all_reduce",
    says="The given tensor is overwritten: the vector that was cut is a view of it.",
    why="flatten and reshape copy only if they have to, so some tensors would be changed and others not.",
    read="#two-phases",
)
def given_tensor_overwritten(source):
    return change(source, "tensor.flatten().clone()", "tensor.flatten()")


@mistake(
    "ring_all_reduce",
    says="The result is still the flat vector.",
    why="A gradient must have the shape of its parameter.",
    read="#two-phases",
)
def still_flat(source):
    return change(source, "result.reshape(tensor.shape)", "result")


@mistake(
    "ring_all_reduce",
    says="view was asked for the flat vector, and a tensor with other strides cannot give it.",
    why="A transposed gradient is not contiguous: view refuses it, where flatten makes a copy.",
    read="#two-phases",
)
def view_of_strided(source):
    return change(source, "tensor.flatten().clone()", "tensor.view(-1).clone()")


# 9.4 broken_hang


@mistake(
    "broken_hang",
    says="Each rank trains on every batch that it has: one has left the loop, and another still waits in backward.",
    why="Each backward of DDP is an appointment of all ranks. Whoever takes one more step waits there for ever.",
    read="#a-collective-is-an-appointment",
    hangs=True,
)
def every_batch_of_its_own(source):
    source = change(
        source,
        "    steps = torch.tensor(len(batches))\n    dist.all_reduce(steps, op=dist.ReduceOp.MIN)\n",
        "",
    )
    return change(source, "batches[: int(steps)]", "batches")


@mistake(
    "broken_hang",
    says="The steps go on until the last rank has run out of batches, as DDP's Join does it.",
    why="Nothing hangs, but the last steps are taken on some of the ranks' batches alone, and were not to be taken.",
    read="#a-collective-is-an-appointment",
    seen="https://docs.pytorch.org/tutorials/advanced/generic_join.html",
)
def until_the_last_has_run_out(source):
    source = change(source, "batches[: int(steps)]", "batches")
    source = change(source, "    for x, y", "    with Join([wrapped]):\n     for x, y")
    return change(
        source,
        "from torch.nn.parallel import",
        "from torch.distributed.algorithms.join import Join\nfrom torch.nn.parallel import",
    )


@mistake(
    "broken_hang",
    says="A rank that has run out begins again with its first batch, until the others have finished.",
    why="Nothing hangs, but some examples count twice in the epoch.",
    read="#a-collective-is-an-appointment",
)
def begins_again(source):
    source = change(source, "ReduceOp.MIN", "ReduceOp.MAX")
    return change(
        source,
        "for x, y in batches[: int(steps)]:",
        "for x, y in [batches[number % len(batches)] for number in range(int(steps))]:",
    )


# 9.4 broken_report


@mistake(
    "broken_report",
    says="The all-reduce stands under `if rank == 0`: rank 0 waits there for the others, and they never come.",
    why="A collective is called by every rank or by none. What rank 0 may do alone is to print.",
    read="#a-collective-is-an-appointment",
    hangs=True,
)
def collective_on_rank_0(source):
    source = change(source, "    dist.all_reduce(sums)\n    mean = float(sums[0] / sums[1])\n", "")
    source = change(
        source,
        "    if dist.get_rank() == 0:\n",
        "    if dist.get_rank() == 0:\n        dist.all_reduce(sums)\n        mean = float(sums[0] / sums[1])\n",
    )
    return change(source, "    return mean", "    return float(sums[0] / sums[1])")


@mistake(
    "broken_report",
    says="Rank 0 stands in the all-reduce, and the others stand at a barrier.",
    why="Both are collectives, but not the same one: everybody has come, to different places.",
    read="#a-collective-is-an-appointment",
    hangs=True,
)
def others_at_a_barrier(source):
    source = change(
        source,
        "    dist.all_reduce(sums)\n",
        "    if dist.get_rank() == 0:\n        dist.all_reduce(sums)\n    else:\n        dist.barrier()\n",
    )
    return source


@mistake(
    "broken_report",
    says="Each rank has the mean over its own examples, and rank 0 reports its own.",
    why="Nothing waits any more, because nothing is exchanged: what is reported is a part of the validation.",
    read="#a-collective-is-an-appointment",
)
def own_examples_only(source):
    return change(source, "    dist.all_reduce(sums)\n", "")


@mistake(
    "broken_report",
    says="Every rank reports.",
    why="With eight ranks the same line appears eight times, and eight ranks write to one file at once.",
    read="#a-collective-is-an-appointment",
)
def everybody_reports(source):
    return change(
        source, "    if dist.get_rank() == 0:\n        report", "    if dist.is_initialized():\n        report"
    )


# 9.4 broken_drift


@mistake(
    "broken_drift",
    says="The weights are drawn with the rank in the seed: every rank starts from a model of its own.",
    why="The mean gradient moves all copies by the same amount. What differs at the start differs for ever.",
    read="#what-all-ranks-have-in-common",
)
def rank_in_the_seed_of_the_weights(source):
    source = change(source, "    torch.manual_seed(seed)\n", "    torch.manual_seed(seed + dist.get_rank())\n")
    return change(source, "    torch.manual_seed(seed + 1 + dist.get_rank())\n", "")


@mistake(
    "broken_drift",
    says="All ranks draw the same numbers in the training: dropout drops the same values on each of them.",
    why="The copies agree, but two ranks that drop the same values average less noise away than two that do not.",
    read="#what-all-ranks-have-in-common",
)
def same_numbers_on_every_rank(source):
    return change(source, "    torch.manual_seed(seed + 1 + dist.get_rank())\n", "")


@mistake(
    "broken_drift",
    says="The copies are trained apart, and made alike at the end.",
    why="All ranks end with rank 0's weights, but every gradient was a mean over models that were not the same.",
    read="#what-all-ranks-have-in-common",
)
def made_alike_at_the_end(source):
    source = change(source, "    torch.manual_seed(seed)\n", "    torch.manual_seed(seed + dist.get_rank())\n")
    source = change(source, "    torch.manual_seed(seed + 1 + dist.get_rank())\n", "")
    return change(
        source,
        "    return model",
        "    for parameter in model.parameters():\n        dist.broadcast(parameter.data, 0)\n    return model",
    )


# 9.4 broken_crash


@mistake(
    "broken_crash",
    says="DDP waits for the gradient of every parameter, and the head that a batch does not use never gets one.",
    why="The step never counts as finished, and at the next forward DDP refuses to go on.",
    read="#what-ddp-waits-for",
    seen="https://github.com/pytorch/pytorch/issues/43259",
)
def unused_head_not_announced(source):
    return change(source, ", find_unused_parameters=True", "")


@mistake(
    "broken_crash",
    says="The forward goes past DDP, straight to the model inside.",
    why="DDP then has nothing to refuse, and nothing to synchronise: each rank trains a copy of its own.",
    read="#what-ddp-waits-for",
)
def past_ddp(source):
    source = change(source, ", find_unused_parameters=True", "")
    return change(source, "wrapped(x, task)", "wrapped.module(x, task)")


# 9.4 broken_lie


@mistake(
    "broken_lie",
    says="The result is a mean of means: each batch counts the same in its rank, and each rank the same in the end.",
    why="An example in a small batch, or on a rank with few of them, counts more than the others.",
    read="#the-mean-of-means",
    seen="https://github.com/huggingface/transformers/issues/34191",
)
def mean_of_means(source):
    source = change(source, "    total, count = torch.tensor(0.0), torch.tensor(0.0)\n", "    means = []\n")
    source = change(
        source,
        '            total += F.mse_loss(model(x), y, reduction="sum")\n            count += len(y)\n',
        "            means.append(F.mse_loss(model(x), y))\n",
    )
    source = change(source, "    sums = torch.stack([total, count])\n", "    mean = torch.stack(means).mean()\n")
    source = change(source, "dist.all_reduce(sums)", "dist.all_reduce(mean)")
    return change(source, "float(sums[0] / sums[1])", "float(mean / dist.get_world_size())")


@mistake(
    "broken_lie",
    says="Each rank has the exact mean over its own examples, and then each rank counts the same.",
    why="A rank with four examples has as much to say as one with two.",
    read="#the-mean-of-means",
)
def ranks_count_alike(source):
    source = change(source, "sums = torch.stack([total, count])", "mean = total / count")
    source = change(source, "dist.all_reduce(sums)", "dist.all_reduce(mean)")
    return change(source, "float(sums[0] / sums[1])", "float(mean / dist.get_world_size())")


@mistake(
    "broken_lie",
    says="The batches of all ranks count the same, whatever their size.",
    why="The last batch of an epoch is smaller: its examples count more than the others.",
    read="#the-mean-of-means",
)
def batches_count_alike(source):
    source = change(source, ', reduction="sum")', ")")
    return change(source, "count += len(y)", "count += 1")


# 9.4 broken_shuffle


@mistake(
    "broken_shuffle",
    says="Every rank shuffles with a seed of its own, and then takes every second one of its own order.",
    why="The shares are of different packs: some examples come up on both ranks, others nowhere, and no error tells.",
    read="#dealing-out-the-examples",
)
def another_seed_on_each_rank(source):
    source = change(source, "from torch.utils", "import torch.distributed as dist\nfrom torch.utils")
    return change(source, "seed=seed)", "seed=seed + dist.get_rank())")


@mistake(
    "broken_shuffle",
    says="Every epoch has the same order: the sampler was not told which epoch it is.",
    why="The order depends on seed and epoch alone. Without set_epoch it is epoch 0 for ever.",
    read="#dealing-out-the-examples",
    seen="https://github.com/pytorch/pytorch/issues/31771",
)
def same_order_in_every_epoch(source):
    return change(source, "        sampler.set_epoch(epoch)\n", "")


@mistake(
    "broken_shuffle",
    says="Nothing is shuffled.",
    why="The shares fit together, but every epoch deals the same examples to the same ranks in the same order.",
    read="#dealing-out-the-examples",
)
def not_shuffled(source):
    return change(source, "shuffle=True", "shuffle=False")


@mistake(
    "broken_shuffle",
    says="Every rank goes through all examples.",
    why="Each example comes up on every rank: all do the same work, and an epoch takes as long as with one.",
    read="#dealing-out-the-examples",
)
def everybody_has_everything(source):
    return change(source, "range(examples), shuffle", "range(examples), num_replicas=1, rank=0, shuffle")


# 9.5 accumulate_ddp


@mistake(
    "accumulate_ddp",
    says="Each rank divides by its own tokens: the mean of the ranks' means, not the mean over all tokens.",
    why="A token on a rank with few of them then weighs more than one on a rank with many.",
    read="#one-fraction-for-all-ranks",
    seen="https://github.com/huggingface/transformers/issues/34191",
)
def own_tokens_only(source):
    return change(source, "    if dist.is_initialized():\n        dist.all_reduce(count)\n", "")


@mistake(
    "accumulate_ddp",
    says="The sum is divided by the tokens of all ranks, and then DDP divides by the ranks once more.",
    why="DDP takes the mean over the ranks, always. Each rank's share has to make up for it.",
    read="#one-fraction-for-all-ranks",
)
def ddps_mean_forgotten(source):
    return change(source, "weight = ranks / ", "weight = 1 / ")


@mistake(
    "accumulate_ddp",
    says="Each micro-batch's loss is a mean over its own tokens, divided by the number of micro-batches.",
    why="That is right only if all micro-batches of all ranks score equally many tokens.",
    read="#one-fraction-for-all-ranks",
)
def micro_batches_count_alike(source):
    return change(
        source,
        "share = _summed_loss(logits, y) * weight",
        "share = _summed_loss(logits, y) / (y != -100).sum().clamp(min=1) / len(micro_batches)",
    )


@mistake(
    "accumulate_ddp",
    says="Targets that are not scored are counted as tokens.",
    why="The more padding there is, the smaller loss and gradient look.",
    read="#one-fraction-for-all-ranks",
)
def padding_counted(source):
    return change(source, "(y != -100).sum() for", "(y == y).sum() for")


@mistake(
    "accumulate_ddp",
    says="If nothing is scored, 0 is divided by 0 and the loss is NaN.",
    why="One such step puts NaN into every parameter on every rank.",
    read="#one-fraction-for-all-ranks",
)
def nan_for_nothing(source):
    return change(source, ".clamp(min=1)", "")


@mistake(
    "accumulate_ddp",
    says="The number of tokens is read into Python.",
    why="Python stands still until the GPU has caught up, in every step.",
    read="#one-fraction-for-all-ranks",
)
def count_read(source):
    return change(
        source, "tokens_of_all_ranks(micro_batches).clamp(min=1)", "max(int(tokens_of_all_ranks(micro_batches)), 1)"
    )


@mistake(
    "accumulate_ddp",
    says="The gradients travel after every micro-batch.",
    why="The result is the same, for as many times the traffic: it is the reason to accumulate that is lost.",
    read="#when-ddp-talks",
)
def talks_every_time(source):
    return change(source, "nullcontext() if last else _without_sync(model)", "nullcontext()")


@mistake(
    "accumulate_ddp",
    says="Only the backward runs under no_sync, not the forward: the gradients travel every time all the same.",
    why="The forward prepares DDP's all-reduces. When the backward comes, it is too late to forbid them.",
    read="#the-forward-too",
    seen="https://github.com/pytorch/pytorch/issues/43201",
)
def only_the_backward_is_silent(source):
    return change(
        source,
        """        with nullcontext() if last else _without_sync(model):
            logits, _ = model(x)
            share = _summed_loss(logits, y) * weight
            share.backward()
""",
        """        logits, _ = model(x)
        share = _summed_loss(logits, y) * weight
        with nullcontext() if last else _without_sync(model):
            share.backward()
""",
    )


@mistake(
    "accumulate_ddp",
    says="The last micro-batch runs under no_sync too: the gradients never travel.",
    why="Each rank steps with its own gradients, and the copies drift apart from the first step on.",
    read="#when-ddp-talks",
)
def never_talks(source):
    return change(source, "nullcontext() if last else _without_sync(model)", "_without_sync(model)")


@mistake(
    "accumulate_ddp",
    says="The gradients travel with the first micro-batch, and those of the others stay where they are.",
    why="An all-reduce sends what has been summed so far. What comes after it is each rank's own.",
    read="#when-ddp-talks",
)
def talks_too_early(source):
    return change(source, "last = number == len(micro_batches)", "last = number == 1")


@mistake(
    "accumulate_ddp",
    says="The gradients are clipped after every micro-batch.",
    why="What is clipped early is a part of the sum, on one rank. Only the whole gradient has the norm that is meant.",
    read="#after-the-last-backward",
)
def clipped_every_time(source):
    source = change(
        source,
        "            share.backward()\n",
        "            share.backward()\n"
        "            grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
    )
    return change(source, "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n    if", "    if")


@mistake(
    "accumulate_ddp",
    says="The loss that comes back is that of the last micro-batch.",
    why="The curve then shows a small part of each step, and jumps about more than the training does.",
    read="#after-the-last-backward",
)
def loss_of_the_last(source):
    return change(source, "loss = torch.stack(shares).sum()", "loss = shares[-1]")


@mistake(
    "accumulate_ddp",
    says="The loss keeps its graph.",
    why="The activations of every micro-batch stay in memory: accumulation then needs as much as the large batch.",
    read="#after-the-last-backward",
)
def graph_kept(source):
    return change(source, "shares.append(share.detach())", "shares.append(share)")


@mistake(
    "accumulate_ddp",
    says="When inspect answers nothing (None), the step is skipped.",
    why="Only False means no. A function that just looks returns None, and then nothing is ever learned.",
    read="#after-the-last-backward",
)
def nothing_taken_for_no(source):
    return change(source, "inspect(loss, grad_norm) is not False", "inspect(loss, grad_norm)")


@mistake(
    "accumulate_ddp",
    says="inspect looks before the gradients are clipped.",
    why="It gets the norm from before clipping anyway; the gradients are to be those that the step will use.",
    read="#after-the-last-backward",
)
def inspected_too_early(source):
    return change(
        source,
        "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
        "    if inspect is None or inspect(loss, grad_norm) is not False:\n",
        "    grad_norm = nn.utils.get_total_norm([p.grad for p in model.parameters()])\n"
        "    go = inspect is None or inspect(loss, grad_norm) is not False\n"
        "    nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
        "    if go:\n",
    )


@mistake(
    "accumulate_ddp",
    says="The gradients that were there before the step are counted in.",
    why="Backward adds. Accumulation begins with nothing, at every step.",
    read="#after-the-last-backward",
)
def gradients_of_before(source):
    return change(source, "    optimizer.zero_grad()\n", "")


@mistake(
    "accumulate_ddp",
    says="Only the first group of parameters gets the learning rate.",
    why="Decayed and undecayed parameters stand in two groups, and each has a rate of its own.",
    read="#after-the-last-backward",
)
def rate_of_the_first_group(source):
    return change(
        source,
        '    for group in optimizer.param_groups:\n        group["lr"] = lr',
        '    optimizer.param_groups[0]["lr"] = lr',
    )


# --- part: 9.2, 9.3, 9.6 ---
