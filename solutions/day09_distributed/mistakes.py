"""The wrong ways of day 9: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 9.1 ring_all_reduce


@mistake(
    "ring_all_reduce",
    says="The vector was cut with chunk, which rounds the length of a part up.",
    why="The last part is then much shorter than the others, or there are fewer parts than ranks.",
    read="#sizes-that-do-not-divide",
    seen="pytorch/pytorch issue 9382",
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
    seen="NVIDIA/nccl issue 479",
    hangs=True,
)
def everybody_sends_first(source):
    source = change(source, "    sending = link.start_send(outgoing)", "    link.send(outgoing)")
    return change(source, "    sending.wait()\n", "")


@mistake(
    "ring_all_reduce",
    says="Every rank receives first, and begins to send only when something has come.",
    why="All stand still in their receiving, and nothing is on its way: a deadlock.",
    read="#who-receives-if-everybody-sends",
    hangs=True,
)
def everybody_receives_first(source):
    source = change(source, "    sending = link.start_send(outgoing)\n", "")
    return change(source, "    sending.wait()\n", "    link.start_send(outgoing).wait()\n")


@mistake(
    "ring_all_reduce",
    says="Nobody waits until what was sent has left.",
    why="Whoever changes the part next may change what is still on its way: a fault that comes and goes.",
    read="#who-receives-if-everybody-sends",
    seen="pytorch/pytorch pull request 61875 (the warning in the docs)",
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
    says="One rank has left the loop, and another is still in it and waits in backward.",
    why="Each backward of DDP is an appointment of all ranks. Whoever comes once more than the others waits for ever.",
    read="#a-collective-is-an-appointment",
    seen="pytorch/pytorch issue 33148",
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
    seen="docs.pytorch.org: Distributed training with uneven inputs using the Join context manager",
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
    says="Rank 0 waits in the all-reduce, and the others have gone another way: they never come there.",
    why="A collective is called by every rank or by none. What rank 0 may do alone is to print.",
    read="#a-collective-is-an-appointment",
    seen="talmolab/sleap-nn pull request 437",
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
    seen="LibreYOLO/libreyolo pull request 594, in review",
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
    seen="cybertronai/transformer-xl issue 14",
)
def own_examples_only(source):
    return change(source, "    dist.all_reduce(sums)\n", "")


@mistake(
    "broken_report",
    says="Every rank reports.",
    why="With eight ranks the same line appears eight times, and eight ranks write to one file at once.",
    read="#a-collective-is-an-appointment",
    seen="allenai/OLMo pull request 453",
)
def everybody_reports(source):
    return change(
        source, "    if dist.get_rank() == 0:\n        report", "    if dist.is_initialized():\n        report"
    )


# 9.4 broken_drift


@mistake(
    "broken_drift",
    says="The copies are not equal even before the first step: every rank has drawn weights of its own.",
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
    seen="facebookresearch/fastMRI pull request 123; ecmwf/anemoi-core issue 595",
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


@mistake(
    "broken_drift",
    says="The ranks' gradients are added up, and not divided by the number of ranks.",
    why="The copies stay alike, but every step is as many times too large as there are ranks.",
    read="#what-all-ranks-have-in-common",
    seen="srush/LLM-Training-Puzzles issue 9 (the question)",
)
def gradients_summed(source):
    return change(source, "                gradient /= dist.get_world_size()\n", "")


@mistake(
    "broken_drift",
    says="The gradients of the step before are still there.",
    why="Backward adds. The copies stay alike, and every step applies all gradients so far.",
    read="#what-all-ranks-have-in-common",
    seen="sql-machine-learning/elasticdl pull request 2426; meta-pytorch/torchforge pull request 71",
)
def gradients_pile_up(source):
    return change(source, "        optimizer.zero_grad()\n", "")


# 9.4 broken_crash


@mistake(
    "broken_crash",
    says="When the next step begins, DDP still waits for gradients of the step before.",
    why="It waits until every parameter has one, and the parameters that a batch does not use never get one.",
    read="#what-ddp-waits-for",
    seen="pytorch/pytorch issue 43259",
)
def unused_head_not_announced(source):
    return change(source, ", find_unused_parameters=True", "")


@mistake(
    "broken_crash",
    says="The forward goes past DDP, straight to the model inside.",
    why="DDP then has nothing to refuse, and nothing to synchronise: each rank trains a copy of its own.",
    read="#what-ddp-waits-for",
    seen="OpenTSLM/OpenTSLM pull request 49",
)
def past_ddp(source):
    source = change(source, ", find_unused_parameters=True", "")
    return change(source, "wrapped(x, task)", "wrapped.module(x, task)")


@mistake(
    "broken_crash",
    says="The losses that come back are tensors, each with its graph.",
    why="All that a step has computed stays in memory for as long as its loss is kept.",
    read="#what-ddp-waits-for",
    seen="docs.pytorch.org: FAQ, My model reports out of memory (history kept across the training loop)",
)
def losses_with_their_graphs(source):
    return change(source, "losses.append(loss.item())", "losses.append(loss)")


# 9.4 broken_lie


@mistake(
    "broken_lie",
    says="The result is a mean of means: each batch counts the same in its rank, and each rank the same in the end.",
    why="An example in a small batch, or on a rank with few of them, counts more than the others.",
    read="#the-mean-of-means",
    seen="huggingface/transformers issue 34191",
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


@mistake(
    "broken_lie",
    says="The validation keeps a graph.",
    why="Nobody asks for gradients here, and the activations of every batch stay in memory until the end.",
    read="#the-mean-of-means",
    seen="skorch-dev/skorch issue 218",
)
def validated_with_a_graph(source):
    return change(source, "with torch.no_grad():", "if True:")


# 9.4 broken_shuffle


@mistake(
    "broken_shuffle",
    says="Some examples come up on both ranks, and others nowhere: the shares are not of the same pack.",
    why="Each rank shuffles the whole pack and takes its cards. They fit together only if all have shuffled alike.",
    read="#dealing-out-the-examples",
    seen="yangkky/distributed_tutorial issue 5 (by way of the epoch)",
)
def another_seed_on_each_rank(source):
    source = change(source, "from torch.utils", "import torch.distributed as dist\nfrom torch.utils")
    return change(source, "seed=seed)", "seed=seed + dist.get_rank())")


@mistake(
    "broken_shuffle",
    says="Every epoch has the same order: the sampler was not told which epoch it is.",
    why="The order depends on seed and epoch alone. Without set_epoch it is epoch 0 for ever.",
    read="#dealing-out-the-examples",
    seen="pytorch/pytorch issue 31771",
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
    seen="openvla/openvla issue 125",
)
def everybody_has_everything(source):
    return change(source, "(dataset, shuffle", "(dataset, num_replicas=1, rank=0, shuffle")


# 9.5 accumulate_ddp


@mistake(
    "accumulate_ddp",
    says="Each rank divides by its own tokens: the mean of the ranks' means, not the mean over all tokens.",
    why="A token on a rank with few of them then weighs more than one on a rank with many.",
    read="#one-fraction-for-all-ranks",
    seen="huggingface/transformers issue 34191",
)
def own_tokens_only(source):
    return change(source, "    if dist.is_initialized():\n        dist.all_reduce(count)\n", "")


@mistake(
    "accumulate_ddp",
    says="The sum is divided by the tokens of all ranks, and then DDP divides by the ranks once more.",
    why="DDP takes the mean over the ranks, always. Each rank's share has to make up for it.",
    read="#one-fraction-for-all-ranks",
    seen="verl-project/verl pull request 5366",
)
def ddps_mean_forgotten(source):
    return change(source, "weight = ranks / ", "weight = 1 / ")


@mistake(
    "accumulate_ddp",
    says="Each micro-batch's loss is a mean over its own tokens, divided by the number of micro-batches.",
    why="That is right only if all micro-batches of all ranks score equally many tokens.",
    read="#one-fraction-for-all-ranks",
    seen="huggingface/transformers issue 34191",
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
    seen="huggingface/accelerate pull request 106; karpathy/nanochat pull request 33",
)
def talks_every_time(source):
    return change(source, "nullcontext() if last else _without_sync(model)", "nullcontext()")


@mistake(
    "accumulate_ddp",
    says="Only the backward runs under no_sync, not the forward: the gradients travel every time all the same.",
    why="The forward prepares DDP's all-reduces. When the backward comes, it is too late to forbid them.",
    read="#the-forward-too",
    seen="pytorch/pytorch issue 43201; karpathy/build-nanogpt pull request 30",
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
    seen="modelscope/FunASR pull request 3472",
)
def talks_too_early(source):
    return change(source, "last = number == len(micro_batches)", "last = number == 1")


@mistake(
    "accumulate_ddp",
    says="The gradients are clipped after every micro-batch.",
    why="What is clipped early is a part of the sum, on one rank. Only the whole gradient has the norm that is meant.",
    read="#after-the-last-backward",
    seen="huggingface/transformers issue 986; facebookresearch/lingua pull request 59",
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
    why="Parameters with weight decay and those without stand in two groups, and each has a rate of its own.",
    read="#after-the-last-backward",
)
def rate_of_the_first_group(source):
    return change(
        source,
        '    for group in optimizer.param_groups:\n        group["lr"] = lr',
        '    optimizer.param_groups[0]["lr"] = lr',
    )


@mistake(
    "accumulate_ddp",
    says="The loss is computed in the precision of the logits.",
    why="bfloat16 has three digits. A sum over thousands of tokens in it is far off.",
    read="#one-fraction-for-all-ranks",
    seen="Modalities/modalities pull request 464; google-deepmind/optax issue 1020",
)
def loss_in_bfloat16(source):
    return change(source, "logits.float().flatten(0, 1)", "logits.flatten(0, 1)")


# --- part: 9.2, 9.3, 9.6 ---

# 9.2 throughput


@mistake(
    "throughput",
    says="The readings of the clock are taken for the seconds of the steps.",
    why="Where a clock's zero lies means nothing. Tokens divided by its reading get fewer with every step.",
    read="#what-a-clock-tells",
    seen="trainers that divide by time.time() instead of by a difference",
)
def readings_for_seconds(source):
    return change(source, "return [after - before for before, after", "return [after for _, after")


@mistake(
    "throughput",
    says="Each step is counted from the beginning of the run, not from the end of the step before.",
    why="Every step then seems to take longer than the last one.",
    read="#what-a-clock-tells",
)
def since_the_beginning(source):
    return change(source, "return [after - before for before, after", "return [after - readings[0] for _, after")


@mistake(
    "throughput",
    says="Readings that go back are accepted.",
    why="They come from two clocks, or a clock that was set: the difference is no time that passed.",
    read="#what-a-clock-tells",
)
def back_in_time(source):
    return change(source, "if any(after < before for before, after in pairwise(readings)):", "if False:")


@mistake(
    "throughput",
    says="A step is as long as in the fastest process.",
    why="It has to wait for the slowest in the all-reduce: nobody goes on before.",
    read="#what-a-clock-tells",
)
def fastest_process(source):
    return change(source, "[max(step) for step", "[min(step) for step")


@mistake(
    "throughput",
    says="A step is as long as the mean over the processes.",
    why="The others wait for the slowest. A mean hides the one that holds everybody up.",
    read="#what-a-clock-tells",
)
def mean_of_the_processes(source):
    return change(source, "[max(step) for step", "[sum(step) / len(step) for step")


@mistake(
    "throughput",
    says="Only process 0 was asked how long its steps took.",
    why="Another one can be the slowest, and then everybody waits for that one.",
    read="#what-a-clock-tells",
)
def process_0_alone(source):
    return change(source, "[max(step) for step", "[step[0] for step")


@mistake(
    "throughput",
    says="The typical step is the mean, not the median.",
    why="One step in which the machine was busy elsewhere moves the mean, and every ratio that is made of it.",
    read="#what-a-clock-tells",
)
def mean_of_the_steps(source):
    return change(source, "statistics.median(", "statistics.fmean(")


@mistake(
    "throughput",
    says="The steps of the warm-up are counted.",
    why="They set up memory, kernels and connections, once; a long run does not notice, a short measurement does.",
    read="#what-a-clock-tells",
    seen="ecmwf/anemoi-core pull request 1254",
)
def warm_up_counted(source):
    return change(source, "seconds[warmup:]", "seconds")


@mistake(
    "throughput",
    says="The last steps are left out, where the first are the warm-up.",
    why="What is slow at the start stays in, and good measurements are thrown away.",
    read="#what-a-clock-tells",
)
def last_steps_left_out(source):
    return change(source, "seconds[warmup:]", "seconds[: len(seconds) - warmup]")


@mistake(
    "throughput",
    says="The tokens of a step are multiplied by the number of processes, and they are those of all processes already.",
    why="Every number of processes then seems to scale perfectly, and better.",
    read="#tokens-per-second",
    seen="karpathy/nanoGPT issue 543",
)
def tokens_counted_twice(source):
    return change(source, "run.tokens_per_step / run", "run.tokens_per_step * run.processes / run")


@mistake(
    "throughput",
    says="A step that took no time is accepted.",
    why="It was not measured. Whatever is divided by it says nothing.",
    read="#tokens-per-second",
)
def no_time_accepted(source):
    return change(source, "if not run.seconds_per_step > 0:", "if run.seconds_per_step < 0:")


@mistake(
    "throughput",
    says="The speed-up is the ratio of the seconds of a step, whatever a step holds.",
    why="If the batch grows with the processes, a step that takes as long is a success: it holds more tokens.",
    read="#strong-and-weak-scaling",
)
def ratio_of_seconds(source):
    return change(
        source,
        "return tokens_per_second(many) / tokens_per_second(one)",
        "return one.seconds_per_step / many.seconds_per_step",
    )


@mistake(
    "throughput",
    says="The speed-up is upside down: how many times as slow.",
    why="Below 1, more processes have made it slower.",
    read="#strong-and-weak-scaling",
)
def speed_down(source):
    return change(
        source,
        "return tokens_per_second(many) / tokens_per_second(one)",
        "return tokens_per_second(one) / tokens_per_second(many)",
    )


@mistake(
    "throughput",
    says="The efficiency divides by the number of processes, as if the run compared with had one.",
    why="From 8 to 64 processes, eight times as many, a speed-up of 8 is all there can be.",
    read="#strong-and-weak-scaling",
)
def compared_with_one(source):
    return change(
        source, "speed_up(one, many) / (many.processes / one.processes)", "speed_up(one, many) / many.processes"
    )


@mistake(
    "throughput",
    says="Strong and weak are swapped.",
    why="Strong scaling shares the same work out; weak scaling gives every process as much as before.",
    read="#strong-and-weak-scaling",
)
def strong_for_weak(source):
    source = change(source, 'return "strong"', 'return "*"')
    return change(change(source, 'return "weak"', 'return "strong"'), 'return "*"', 'return "weak"')


@mistake(
    "throughput",
    says="Whatever is not strong counts as weak.",
    why="If neither the batch nor each process's share of it was kept, the two runs differ in more than one thing.",
    read="#strong-and-weak-scaling",
)
def weak_otherwise(source):
    return change(
        source, "if one.tokens_per_step * many.processes == many.tokens_per_step * one.processes:", "if True:"
    )


@mistake(
    "throughput",
    says="The ideal step is one process's step, divided by the processes: right only while the batch stays the same.",
    why="With a batch that grows along, the ideal step takes as long as before.",
    read="#where-the-time-goes",
)
def ideal_of_the_same_batch(source):
    return change(
        source,
        "ideal = many.seconds_per_step * efficiency(one, many)",
        "ideal = one.seconds_per_step * one.processes / many.processes",
    )


@mistake(
    "throughput",
    says="Everything beyond the ideal counts as talking.",
    why="Processes that share memory, caches and cores are slower without a word. A faster network would not help.",
    read="#where-the-time-goes",
)
def all_of_it_talking(source):
    source = change(
        source, '"talking": many.seconds_per_step - silent.seconds_per_step', '"talking": many.seconds_per_step - ideal'
    )
    return change(source, '"rest": silent.seconds_per_step - ideal', '"rest": 0.0')


@mistake(
    "throughput",
    says="A silent run of another size is accepted.",
    why="Then the difference between the two is not the talking alone.",
    read="#where-the-time-goes",
)
def any_silent_run(source):
    return change(
        source,
        "if (silent.processes, silent.tokens_per_step) != (many.processes, many.tokens_per_step):",
        "if False:",
    )


# 9.3 nodes


@mistake(
    "nodes",
    says="The first fault ends the search: the others are not named.",
    why="On a cluster that you wait an hour for, you want to hear of all of them at once.",
    read="#who-meets-where",
)
def first_fault_only(source):
    return change(source, 'raise ValueError("\\n".join(faults))', "raise ValueError(faults[0])")


@mistake(
    "nodes",
    says="localhost is accepted as the address of one node among several.",
    why="On every node it means that node itself. Each waits for the others at its own door.",
    read="#who-meets-where",
    seen="pytorch/pytorch pull request 116304",
)
def localhost_among_several(source):
    return change(
        source,
        'if len(self.addresses) > 1 and (address == "localhost" or address.startswith("127.")):',
        "if False:",
    )


@mistake(
    "nodes",
    says="localhost is refused by its name, but not by its numbers, 127.…",
    why="127.0.0.1 and 127.0.1.1, and all others from 127., are the machine itself just as much.",
    read="#who-meets-where",
)
def localhost_by_name_alone(source):
    return change(source, ' or address.startswith("127.")', "")


@mistake(
    "nodes",
    says="localhost is refused even if there is one node only.",
    why="Alone on one machine it is the right address: there is nobody who could misunderstand it.",
    read="#who-meets-where",
)
def localhost_never(source):
    return change(source, "if len(self.addresses) > 1 and (address", "if (address")


@mistake(
    "nodes",
    says="Two nodes may have the same address.",
    why="One machine is then started twice, and another one that you pay for never.",
    read="#who-meets-where",
)
def same_address_twice(source):
    return change(source, "not self.addresses or len(set(self.addresses)) != len(self.addresses)", "not self.addresses")


@mistake(
    "nodes",
    says="The port has no upper end, or no lower one.",
    why="Ports end at 65535, and those below 1024 are the system's.",
    read="#who-meets-where",
)
def any_port(source):
    return change(
        source, "if not is_int_from(1024, self.port) or self.port > 65535:", "if not is_int_from(1, self.port):"
    )


@mistake(
    "nodes",
    says="The ranks go round the nodes, one process of each at a time.",
    why="torchrun counts a node's processes through before it goes on, and data is placed by that.",
    read="#who-is-who",
)
def round_the_nodes(source):
    return change(
        source,
        "return node_rank * cluster.processes_per_node + local_rank",
        "return local_rank * len(cluster.addresses) + node_rank",
    )


@mistake(
    "nodes",
    says="Node rank and local rank are added up.",
    why="Several processes then have the same rank, and the meeting never ends.",
    read="#who-is-who",
)
def ranks_added(source):
    return change(source, "return node_rank * cluster.processes_per_node + local_rank", "return node_rank + local_rank")


@mistake(
    "nodes",
    says="A local rank that does not exist is accepted.",
    why="Process 4 of a node with four would have the rank of the next node's first.",
    read="#who-is-who",
)
def any_local_rank(source):
    return change(source, "if not 0 <= local_rank < cluster.processes_per_node:", "if False:")


@mistake(
    "nodes",
    says="MASTER_ADDR is the node's own address.",
    why="It is where all meet: the same on every node. Here each would wait alone.",
    read="#who-meets-where",
)
def own_address_for_master(source):
    return change(source, '"MASTER_ADDR": cluster.addresses[0]', '"MASTER_ADDR": cluster.addresses[node_rank]')


@mistake(
    "nodes",
    says="WORLD_SIZE is the number of nodes, not of processes.",
    why="The first processes to come fill the world, and the others are left outside.",
    read="#who-is-who",
    seen="pytorch/examples issue 640 (there --world-size counts nodes)",
)
def world_of_nodes(source):
    return change(source, "str(len(cluster.addresses) * cluster.processes_per_node)", "str(len(cluster.addresses))")


@mistake(
    "nodes",
    says="LOCAL_RANK is the rank among all.",
    why="It chooses the GPU. On the second node, cuda:4 of four GPUs is one that is not there.",
    read="#who-is-who",
    seen="LMCache/LMCache issue 814; huggingface/trl pull request 515",
)
def local_rank_among_all(source):
    return change(
        source, '"LOCAL_RANK": str(local_rank)', '"LOCAL_RANK": str(global_rank(cluster, node_rank, local_rank))'
    )


@mistake(
    "nodes",
    says="Numbers stand in the environment as numbers.",
    why="An environment holds text only: starting a process with a number in it fails.",
    read="#who-is-who",
)
def numbers_in_the_environment(source):
    return change(source, '"MASTER_PORT": str(cluster.port)', '"MASTER_PORT": cluster.port')


@mistake(
    "nodes",
    says="nnodes is the number of processes.",
    why="torchrun then waits for nodes that nobody has.",
    read="#one-command-for-each-node",
)
def processes_for_nodes(source):
    return change(
        source,
        'options = {"nnodes": len(cluster.addresses), ',
        'options = {"nnodes": len(cluster.addresses) * cluster.processes_per_node, ',
    )


@mistake(
    "nodes",
    says="Each node is told to meet at its own address.",
    why="The endpoint is the one place that all know. With c10d the nodes then wait for each other for ever.",
    read="#one-command-for-each-node",
)
def own_endpoint(source):
    return change(
        source,
        "meeting, port = cluster.addresses[0], cluster.port",
        "meeting, port = cluster.addresses[node_rank], cluster.port",
    )


@mistake(
    "nodes",
    says="Every node is told that it hosts the meeting.",
    why="The others then open a meeting of their own, at an address that is not theirs.",
    read="#one-command-for-each-node",
)
def all_are_hosts(source):
    return change(source, 'f"is_host={int(node_rank == 0)}"', '"is_host=1"')


@mistake(
    "nodes",
    says="local-addr is the meeting's address on every node.",
    why="By it the others reach this node's processes: they would all look for them on the first.",
    read="#one-command-for-each-node",
    seen="pytorch/pytorch issue 150532",
)
def local_address_of_the_first(source):
    return change(source, '"local-addr": cluster.addresses[node_rank]', '"local-addr": meeting')


@mistake(
    "nodes",
    says="The program comes before torchrun's options.",
    why="What stands after the program belongs to the program: torchrun never sees its own options.",
    read="#one-command-for-each-node",
)
def program_first(source):
    old = 'return ["torchrun", *(f"--{name}={value}" for name, value in {**options, **chosen}.items()), *program]'
    return change(
        source,
        old,
        'return ["torchrun", *program, *(f"--{name}={value}" for name, value in {**options, **chosen}.items())]',
    )


@mistake(
    "nodes",
    says="A command that does not name its rendezvous is taken for c10d.",
    why="torchrun takes it for static: it wants a rank for each node, and the master's address.",
    read="#one-command-for-each-node",
)
def c10d_by_default(source):
    return change(source, 'options.get("rdzv-backend", "static")', 'options.get("rdzv-backend", "c10d")')


@mistake(
    "nodes",
    says="The port is left as text.",
    why="29500 and 029500 then differ, and a port that is no number is found when it is too late.",
    read="#one-command-for-each-node",
)
def port_as_text(source):
    return change(source, "        port=int(port),\n", "        port=port,\n")


@mistake(
    "nodes",
    says="Nobody compares the number of commands with nnodes.",
    why="If a node was forgotten, the others wait for it.",
    read="#one-command-for-each-node",
)
def nodes_not_counted(source):
    return change(
        source, '    if any(launch.nodes != len(commands) for launch in launches):\n        wrong.add("nodes")\n', ""
    )


@mistake(
    "nodes",
    says="Ranks that are all different are accepted, wherever they begin.",
    why="The meeting is held by node 0. With ranks 1 to 3 nobody opens the door.",
    read="#one-command-for-each-node",
    seen="FoundationVision/VAR issue 108",
)
def ranks_only_different(source):
    return change(source, "if ranks != list(range(len(ranks))):", "if len(set(ranks)) != len(ranks):")


@mistake(
    "nodes",
    says="Only where they meet is compared, not what they are to run.",
    why="Two nodes with different programs meet, and then wait for each other in different collectives.",
    read="#one-command-for-each-node",
)
def programs_not_compared(source):
    return change(source, '"port", "job", "program")', '"port", "job")')


@mistake(
    "nodes",
    says="An endpoint without an address is accepted.",
    why="--rdzv-endpoint=29500 says at which port, but not on which machine: nobody would find the others.",
    read="#one-command-for-each-node",
    seen="meta-llama/llama-cookbook issue 186",
)
def endpoint_without_address(source):
    return change(source, "    if not address:\n", "    if address is None:\n")


# 9.6 memory


@mistake(
    "memory",
    says="The biases are not counted.",
    why="They are few, but the published number is exact, and so can you be.",
    read="#sixteen-bytes-for-each-parameter",
)
def biases_forgotten(source):
    return change(source, "12 * channels**2 + 13 * channels", "12 * channels**2 + 4 * channels")


@mistake(
    "memory",
    says="The head is counted as a matrix of its own.",
    why="It is tied: its matrix is the token embedding, there once. For GPT-2 small it would be 39 million more.",
    read="#sixteen-bytes-for-each-parameter",
    seen="huggingface/transformers issue 14960",
)
def head_counted(source):
    return change(
        source,
        "(config.vocab_size + config.block_size) * channels",
        "(2 * config.vocab_size + config.block_size) * channels",
    )


@mistake(
    "memory",
    says="The last norm is forgotten.",
    why="There are two in every block, and one more before the head.",
    read="#sixteen-bytes-for-each-parameter",
)
def last_norm_forgotten(source):
    return change(source, "config.n_layer * block + 2 * channels", "config.n_layer * block")


@mistake(
    "memory",
    says="The positions are not counted.",
    why="They are learned: a table of block_size rows.",
    read="#sixteen-bytes-for-each-parameter",
)
def positions_forgotten(source):
    return change(source, "(config.vocab_size + config.block_size) * channels", "config.vocab_size * channels")


@mistake(
    "memory",
    says="AdamW's state is one number for each parameter.",
    why="It keeps two: the mean of the gradients, and the mean of their squares.",
    read="#sixteen-bytes-for-each-parameter",
)
def one_mean(source):
    return change(source, "return 8 * parameter_count(config)", "return 4 * parameter_count(config)")


@mistake(
    "memory",
    says="The attention weights of one head are counted.",
    why="Each head has a T by T table of its own.",
    read="#what-the-forward-pass-keeps",
)
def one_head(source):
    return change(source, "weights = batch * config.n_head * length**2", "weights = batch * length**2")


@mistake(
    "memory",
    says="Attention's weights grow with T, not with T².",
    why="Every position has a weight for every other one. This is why long sequences cost so much.",
    read="#what-the-forward-pass-keeps",
)
def weights_in_a_line(source):
    return change(source, "weights = batch * config.n_head * length**2", "weights = batch * config.n_head * length")


@mistake(
    "memory",
    says="The mask is not counted.",
    why="masked_fill keeps it for backward, one byte for each pair of positions, in each block.",
    read="#what-the-forward-pass-keeps",
)
def mask_forgotten(source):
    return change(source, "(6 if half else 4) + length**2", "(6 if half else 4)")


@mistake(
    "memory",
    says="The activations of one block are counted.",
    why="All blocks keep theirs until backward comes by.",
    read="#what-the-forward-pass-keeps",
)
def one_block(source):
    return change(source, "layers, channels, n = config.n_layer,", "layers, channels, n = 1,")


@mistake(
    "memory",
    says="The gelu's input is C numbers wide.",
    why="It stands in the middle of the feed-forward, where each position has 4·C.",
    read="#what-the-forward-pass-keeps",
)
def narrow_gelu(source):
    return change(source, '"gelu": layers * 4 * n', '"gelu": layers * n')


@mistake(
    "memory",
    says="The last norm's input is not counted.",
    why="There are 2·L + 1 norms.",
    read="#what-the-forward-pass-keeps",
)
def last_norm_keeps_nothing(source):
    return change(source, '"norms": (2 * layers + 1) * n', '"norms": 2 * layers * n')


@mistake(
    "memory",
    says="The sequence is taken to be as long as the block.",
    why="A shorter batch keeps less: T counts, not block_size.",
    read="#what-the-forward-pass-keeps",
)
def length_of_the_block(source):
    return change(source, "    layers, channels, n =", "    length = config.block_size\n    layers, channels, n =")


@mistake(
    "memory",
    says="In bfloat16 everything is halved.",
    why="The stream, the norms, the softmax's result and the loss stay float32.",
    read="#half-precision-is-not-half-the-memory",
)
def everything_halved(source):
    source = change(source, "* n * 4 * (channels + 2)", "* n * size * (channels + 2)")
    source = change(source, "(6 if half else 4)", "size")
    return change(source, '"log-probabilities": 4 * n', '"log-probabilities": size * n')


@mistake(
    "memory",
    says="The copy of the attention weights in bfloat16 is forgotten.",
    why="The softmax keeps its float32 result, and the product with v keeps a bfloat16 copy of it: 6 bytes each.",
    read="#half-precision-is-not-half-the-memory",
)
def copy_of_the_weights_forgotten(source):
    return change(source, "(6 if half else 4)", "4")


@mistake(
    "memory",
    says="The bfloat16 copies of the matrices are not counted.",
    why="Autocast makes one of each matrix, and backward needs them.",
    read="#half-precision-is-not-half-the-memory",
)
def copies_of_matrices_forgotten(source):
    return change(source, "2 * matrices if half else 0", "0")


@mistake(
    "memory",
    says="The head's copy is forgotten among the copies of the matrices.",
    why="The head multiplies by the token embedding, V by C: often the largest matrix of all.",
    read="#half-precision-is-not-half-the-memory",
)
def copy_for_the_head_forgotten(source):
    return change(source, " + config.vocab_size * channels\n    return", "\n    return")


@mistake(
    "memory",
    says="Fused attention is taken to keep its weights, too.",
    why="It computes them again in backward, piece by piece: that is the point of it.",
    read="#what-the-forward-pass-keeps",
)
def fused_keeps_weights(source):
    return change(source, "layers * (4 * n * config.n_head if fused else weights)", "layers * weights")


@mistake(
    "memory",
    says="Any precision that is not bfloat16 counts as float32.",
    why="A typing mistake, or float16, would give a prediction that nobody measured.",
    read="#half-precision-is-not-half-the-memory",
)
def any_precision(source):
    return change(source, "    if precision not in PRECISIONS:", "    if False:")


@mistake(
    "memory",
    says="All parts are added up, as if they were all there at one time.",
    why="When the last gradient has come, the activations are gone. The peak is the higher of two high points.",
    read="#two-high-points",
)
def everything_at_once(source):
    return change(source, "max(at_the_turn, self.gradients)", "at_the_turn + self.gradients")


@mistake(
    "memory",
    says="Only the turn is looked at: gradients that are larger than all activations are overlooked.",
    why="With a large model and a small batch, the end of backward is the high point.",
    read="#two-high-points",
)
def only_the_turn(source):
    return change(source, "max(at_the_turn, self.gradients)", "at_the_turn")


@mistake(
    "memory",
    says="Gradients that are kept are not counted at the turn.",
    why="In an accumulation, the second micro-batch's activations come on top of the first one's gradients.",
    read="#two-high-points",
)
def kept_gradients_forgotten(source):
    return change(source, " + (self.gradients if gradients_kept else 0)", "")


@mistake(
    "memory",
    says="The gradients of the logits are forgotten in what passes.",
    why="Two tensors as large as the logits come first in backward: with 50,257 tokens that is more than some blocks.",
    read="#two-high-points",
)
def gradients_of_logits_forgotten(source):
    return change(source, "max(8 * batch * length * config.vocab_size, tables)", "tables")


@mistake(
    "memory",
    says="The tables of attention are forgotten in what passes.",
    why="While one attention goes back, two tables as large as its weights are there besides. Long sequences feel it.",
    read="#two-high-points",
)
def passing_tables_forgotten(source):
    return change(
        source, "max(8 * batch * length * config.vocab_size, tables)", "8 * batch * length * config.vocab_size"
    )


@mistake(
    "memory",
    says="What passes is added up, though the one has gone before the other comes.",
    why="The gradients of the logits are freed long before backward reaches an attention. The larger one counts.",
    read="#two-high-points",
)
def everything_passes_at_once(source):
    return change(
        source,
        "max(8 * batch * length * config.vocab_size, tables)",
        "8 * batch * length * config.vocab_size + tables",
    )


@mistake(
    "memory",
    says="What is left is divided as if each sequence needed the mask and the copies again.",
    why="They are there once, whatever the batch: more sequences fit.",
    read="#two-high-points",
)
def each_pays_for_all(source):
    return change(
        source,
        "each = two.activations + two.passing - one.activations - one.passing",
        "each = one.activations + one.passing",
    )


@mistake(
    "memory",
    says="The largest batch is rounded up.",
    why="The last sequence does not fit, and the run ends in out of memory.",
    read="#two-high-points",
)
def rounded_up(source):
    return change(source, "return 1 + left // each", "return 1 - (-left // each)")


# 9.6 memory_measured


@mistake(
    "memory_measured",
    says="Memory that several tensors share is counted for each of them.",
    why="A view or a tied weight takes no memory of its own.",
    read="#measure-it",
)
def shared_counted_twice(source):
    return change(
        source,
        "    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in tensors}\n"
        "    return sum(storage.nbytes() for storage in storages.values())\n",
        "    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)\n",
    )


@mistake(
    "memory_measured",
    says="A view counts as its own numbers, not as the memory that it keeps alive.",
    why="One row of a large table keeps the whole table.",
    read="#measure-it",
)
def view_counts_its_own(source):
    return change(
        source,
        "tensor.untyped_storage() for tensor in tensors}\n    return sum(storage.nbytes() for storage",
        "tensor.nbytes for tensor in tensors}\n    return sum(storage for storage",
    )


@mistake(
    "memory_measured",
    says="Every number is taken to have four bytes.",
    why="bfloat16 has two, a truth value one, a token number eight.",
    read="#measure-it",
)
def four_bytes_each(source):
    return change(
        source,
        "tensor.untyped_storage() for tensor in tensors}\n    return sum(storage.nbytes() for storage",
        "4 * (tensor.untyped_storage().nbytes() // tensor.element_size()) for tensor in tensors}\n"
        "    return sum(storage for storage",
    )


@mistake(
    "memory_measured",
    says="Each parameter is taken to have a gradient.",
    why="Before backward, after zero_grad, and for frozen parameters there is none.",
    read="#measure-it",
)
def gradients_assumed(source):
    return change(
        source,
        "bytes_of(parameter.grad for parameter in parameters if parameter.grad is not None)",
        "bytes_of(parameters)",
    )


@mistake(
    "memory_measured",
    says="The parameters count as activations.",
    why="A layer saves its weight for backward, but that weight is there anyway.",
    read="#measure-it",
)
def parameters_counted(source):
    return change(source, "        if tensor.untyped_storage().data_ptr() not in own:\n    ", "")


@mistake(
    "memory_measured",
    says="The forward pass runs outside the hooks, so that nothing is seen.",
    why="Tensors are handed over while they are saved: the hooks must be there then.",
    read="#measure-it",
)
def outside_the_hooks(source):
    return change(
        source,
        "    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):\n        loss = forward()\n",
        "    loss = forward()\n    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):\n"
        "        pass\n",
    )


@mistake(
    "memory_measured",
    says="Only the largest of the saved tensors is counted.",
    why="They are all there at the same time: each waits for its turn in backward.",
    read="#measure-it",
)
def largest_alone(source):
    return change(source, "size = bytes_of(saved)", "size = max((bytes_of([one]) for one in saved), default=0)")


@mistake(
    "memory_measured",
    says="Vectors in the optimizer's state are left out, together with the counters.",
    why="Biases and norms have two means of their own, too. Only what has no dimension at all is a counter.",
    read="#measure-it",
)
def vectors_left_out(source):
    return change(source, "value.dim() > 0", "value.dim() > 1")


@mistake(
    "memory_measured",
    says="A part of a parameter counts as an activation: it begins at another place than the parameter.",
    why="It is a view, and takes no memory of its own. What tells is where the storage begins.",
    read="#measure-it",
)
def parts_of_parameters_counted(source):
    return change(source, "if tensor.untyped_storage().data_ptr() not in own:", "if tensor.data_ptr() not in own:")
