"""The wrong ways of day 5: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 5.1 loss


@mistake(
    "loss",
    says="Logits and targets are laid out in different orders: the logits of all first positions come first.",
    why="Each prediction is then scored against the next token of another text, and the shapes do not tell.",
    read="#one-long-list-of-predictions",
)
def logits_in_another_order(source):
    return change(
        source,
        "logits.float().reshape(-1, logits.size(-1))",
        "logits.float().transpose(0, 1).reshape(-1, logits.size(-1))",
    )


@mistake(
    "loss",
    says="The logits became (B·T, V) with T and V swapped: that is cross_entropy's (B, V, T) form, flattened.",
    why="A view keeps the memory's order: each row now holds scores of several positions for a few tokens.",
    read="#one-long-list-of-predictions",
)
def time_and_vocabulary_swapped(source):
    return change(
        source,
        "logits.float().reshape(-1, logits.size(-1))",
        "logits.float().transpose(1, 2).reshape(-1, logits.size(-1))",
    )


@mistake(
    "loss",
    says="The targets are shifted once more: the logits of a position are scored against the token after the next.",
    why="The targets come shifted from day 4. Shifted twice, the model learns to skip a token.",
    read="#one-long-list-of-predictions",
    seen="huggingface/transformers issue 32944",
)
def shifted_again(source):
    return change(
        source,
        "    logits = logits.float()",
        "    logits, targets = logits[:, :-1], targets[:, 1:]\n    logits = logits.float()",
    )


@mistake(
    "loss",
    says="The sum over the scored tokens is divided by the number of all tokens, padding included.",
    why="The more padding a batch has, the smaller its loss and its gradient look.",
    read="#what-the-mean-is-over",
    seen="tracel-ai/burn issue 5568",
)
def padding_counted(source):
    return change(source, "scored = (targets != ignore_index).sum()", "scored = (targets == targets).sum()")


@mistake(
    "loss",
    says="The loss is the sum over the tokens, not their mean.",
    why="It grows with the batch, and so does the gradient: learning rate and clipping then fit one batch size only.",
    read="#what-the-mean-is-over",
)
def summed(source):
    return change(source, "return total / scored.clamp(min=1)", "return total")


@mistake(
    "loss",
    says="The logits went through softmax before cross-entropy, which takes softmax itself.",
    why="Softmax of probabilities is nearly uniform: the loss cannot come near 0 and the gradient is small.",
    read="#logits-not-probabilities",
    seen="ariecattan/SciCo issue 2",
)
def softmax_first(source):
    return change(source, "F.cross_entropy(logits, targets", "F.cross_entropy(logits.softmax(-1), targets")


@mistake(
    "loss",
    says="ignore_index is not handed on: only -100 is ever ignored.",
    why="Whoever marks padding with another number has it scored, and the mean divided by too few.",
    read="#what-the-mean-is-over",
)
def ignore_index_not_handed_on(source):
    return change(source, ", ignore_index=ignore_index, reduction", ", reduction")


@mistake(
    "loss",
    says="A batch in which nothing is scored gives 0/0 = NaN.",
    why="One such batch puts NaN into every parameter, and the run is lost.",
    read="#what-the-mean-is-over",
    seen="pytorch/pytorch issue 70348",
)
def nan_for_nothing(source):
    return change(source, "scored.clamp(min=1)", "scored")


@mistake(
    "loss",
    says="The loss was computed in the dtype of the logits and made float32 afterwards.",
    why="bfloat16 keeps three digits: what it rounded away does not come back.",
    read="#in-float32",
)
def float32_too_late(source):
    source = change(source, "logits.float().reshape", "logits.reshape")
    return change(source, "return total / scored", "return total.float() / scored")


@mistake(
    "loss",
    says="The loss comes out in the dtype of the logits, not in float32.",
    why="Losses are added up over many steps and batches, and bfloat16 keeps only three digits.",
    read="#in-float32",
    seen="Modalities/modalities pull request 464",
)
def not_in_float32(source):
    return change(source, "logits.float().reshape", "logits.reshape")


@mistake(
    "loss",
    says="An `if` in Python looks whether anything is scored.",
    why="It reads the number from the GPU, and waits for it, at every step. Divide so that 0 tokens do no harm.",
    read="#what-not-to-keep-and-not-to-read",
)
def an_if_on_a_tensor(source):
    return change(
        source,
        "    return total / scored.clamp(min=1)",
        "    if scored == 0:\n        return total\n    return total / scored",
    )


@mistake(
    "loss",
    says="Targets of another shape are accepted as long as there are equally many.",
    why="Targets of shape (T, B) then train without an error and learn nonsense.",
    read="#one-long-list-of-predictions",
)
def any_shape(source):
    return change(source, "logits.shape[:-1] != targets.shape", "logits.shape[:-1].numel() != targets.numel()")


# 5.2 optimizer


@mistake(
    "optimizer",
    says="Weight decay is applied to biases and norms too.",
    why="A gain that is pulled towards 0 switches its channel off; and biases and gains hardly overfit.",
    read="#what-decays-and-what-does-not",
    seen="Lightning-AI/lit-llama issue 254",
)
def decay_on_everything(source):
    return change(source, '"weight_decay": 0.0}', '"weight_decay": weight_decay}')


@mistake(
    "optimizer",
    says="What decays was chosen by the name `weight`: gains of norms decay too, matrices of other names do not.",
    why="nn.LayerNorm calls its gain `weight`. The number of dimensions tells a matrix, a name does not.",
    read="#what-decays-and-what-does-not",
    seen="huggingface/transformers issue 16908",
)
def chosen_by_name(source):
    source = change(
        source,
        "p for p in model.parameters() if p.requires_grad]",
        "(n, p) for n, p in model.named_parameters() if p.requires_grad]",
    )
    source = change(source, "[p for p in trained if p.dim() >= 2]", '[p for n, p in trained if n.endswith("weight")]')
    return change(source, "[p for p in trained if p.dim() < 2]", '[p for n, p in trained if not n.endswith("weight")]')


@mistake(
    "optimizer",
    says="The tied weight of embedding and head stands in the group twice.",
    why="It is updated twice in each step: twice the learning rate, twice the decay.",
    read="#what-decays-and-what-does-not",
    seen="pytorch/pytorch issue 40967",
)
def tied_twice(source):
    return change(
        source, "for p in model.parameters() if", "for m in model.modules() for p in m.parameters(recurse=False) if"
    )


@mistake(
    "optimizer",
    says="Frozen parameters are handed to the optimizer.",
    why="As soon as one of them has a gradient, from wherever, it moves, although it is frozen.",
    read="#what-decays-and-what-does-not",
)
def frozen_included(source):
    return change(source, " if p.requires_grad]", "]")


@mistake(
    "optimizer",
    says="This is Adam with L2, not AdamW: the decay goes through the gradient.",
    why="Adam divides it by √v: weights with large gradients hardly decay at all.",
    read="#decay-beside-the-gradient-not-in-it",
    seen="Loshchilov and Hutter (2019), who found it in the libraries of the time",
)
def adam_with_l2(source):
    return change(source, "    return torch.optim.AdamW(", "    return torch.optim.Adam(")


@mistake(
    "optimizer",
    says="The weight decay of the argument is not used: it is always 0.1.",
    why="A search over weight decay would give the same run again and again.",
    read="#what-decays-and-what-does-not",
)
def decay_fixed(source):
    return change(source, "groups = parameter_groups(model, weight_decay)", "groups = parameter_groups(model, 0.1)")


@mistake(
    "optimizer",
    says="The two betas are swapped.",
    why="The gradient is then averaged over 1000 steps and its square over 10: the step is late and jumpy.",
    read="#two-memories",
)
def betas_swapped(source):
    return change(source, "betas=betas", "betas=betas[::-1]")


@mistake(
    "optimizer",
    says="The betas of the argument are not used.",
    why="PyTorch's default happens to be the plan's; GPT-3's 0.95 would be ignored in silence.",
    read="#two-memories",
)
def betas_ignored(source):
    return change(source, "lr=lr, betas=betas, fused", "lr=lr, fused")


@mistake(
    "optimizer",
    says="The optimizer is not fused where it could be.",
    why="A kernel for each operation on each parameter: on a GPU the update takes several times as long.",
    read="#one-kernel-for-all",
)
def not_fused(source):
    return change(source, ", fused=fused)", ")")


@mistake(
    "optimizer",
    says="fused=True is asked for on every device.",
    why="Where there is no fused kernel, PyTorch refuses to take a step.",
    read="#one-kernel-for-all",
    seen="jbarnes850/deepseek-r1-finetune issue 1",
)
def always_fused(source):
    return change(source, "fused=fused", "fused=True")


# 5.3 schedule


@mistake(
    "schedule",
    says="The warm-up begins at 0: the first step changes nothing.",
    why="A batch is wasted; and where the step's number never moves on, so is the run.",
    read="#the-straight-line",
    seen="meta-pytorch/torchtune issue 2010",
)
def begins_at_zero(source):
    return change(source, "peak_lr * (step + 1) / (warmup + 1)", "peak_lr * step / max(warmup, 1)")


@mistake(
    "schedule",
    says="The warm-up arrives one step early: its last step has the peak's learning rate already.",
    why="From step 0 to step W there are W + 1 points. A line of W points is at the peak one step too soon.",
    read="#the-straight-line",
)
def peak_one_step_early(source):
    return change(source, "peak_lr * (step + 1) / (warmup + 1)", "peak_lr * min((step + 1) / max(warmup, 1), 1.0)")


@mistake(
    "schedule",
    says="The cosine ends one step after the end: the last step is not at the floor.",
    why="Steps are counted from 0, so the last is total_steps - 1.",
    read="#half-a-cosine",
)
def ends_one_step_late(source):
    return change(source, "max(total_steps - 1 - warmup, 1)", "max(total_steps - warmup, 1)")


@mistake(
    "schedule",
    says="The warm-up is counted in the cosine: right after the peak the learning rate jumps down.",
    why="The cosine's progress is 0 at the peak, not at step 0.",
    read="#half-a-cosine",
)
def warmup_counted_in_the_cosine(source):
    return change(source, "(step - warmup) / max(total_steps - 1 - warmup, 1)", "step / max(total_steps - 1, 1)")


@mistake(
    "schedule",
    says="The cosine got degrees: math.cos takes radians.",
    why="180 radians are 28 turns and a bit: the learning rate goes up and down all through the run.",
    read="#half-a-cosine",
)
def degrees(source):
    return change(source, "math.cos(math.pi * progress)", "math.cos(180 * progress)")


@mistake(
    "schedule",
    says="This is a whole turn of the cosine: the learning rate comes up again to the peak at the end.",
    why="Half a turn, 0 to π, goes from 1 to -1; a whole one comes back.",
    read="#half-a-cosine",
)
def a_whole_turn(source):
    return change(source, "math.pi * progress", "2 * math.pi * progress")


@mistake(
    "schedule",
    says="After the last step the learning rate rises again.",
    why="A cosine goes on. A run that is made longer by a few steps would tear up what it has settled.",
    read="#half-a-cosine",
    seen="Nerogar/OneTrainer issue 1604",
)
def rises_after_the_end(source):
    return change(
        source,
        "progress = min((step - warmup) / max(total_steps - 1 - warmup, 1), 1.0)",
        "progress = (step - warmup) / max(total_steps - 1 - warmup, 1)",
    )


@mistake(
    "schedule",
    says="The floor is ignored: the cosine goes down to 0.",
    why="With a learning rate of 0 the last steps are wasted.",
    read="#half-a-cosine",
)
def no_floor(source):
    return change(
        source,
        "return floor_lr + 0.5 * (1 + math.cos(math.pi * progress)) * (peak_lr - floor_lr)",
        "return 0.5 * (1 + math.cos(math.pi * progress)) * peak_lr",
    )


@mistake(
    "schedule",
    says="The floor is added to a cosine of full height.",
    why="Right after the peak the learning rate would be above it, by the floor.",
    read="#half-a-cosine",
)
def floor_added_on_top(source):
    return change(source, " * (peak_lr - floor_lr)", " * peak_lr")


@mistake(
    "schedule",
    says="The floor is a maximum taken at the end: the cosine goes down to 0 and is cut off.",
    why="The curve then meets the floor early, at an angle, and stays there.",
    read="#half-a-cosine",
)
def floor_cuts_off(source):
    return change(
        source,
        "return floor_lr + 0.5 * (1 + math.cos(math.pi * progress)) * (peak_lr - floor_lr)",
        "return max(floor_lr, 0.5 * (1 + math.cos(math.pi * progress)) * peak_lr)",
    )


@mistake(
    "schedule",
    says="The number of warm-up steps is cut off, not rounded: 28.999… became 28.",
    why="0.29 · 100 is a little less than 29 in floating point; int() drops the fraction.",
    read="#the-straight-line",
)
def warmup_truncated(source):
    return change(source, "round(warmup_fraction * total_steps)", "int(warmup_fraction * total_steps)")


@mistake(
    "schedule",
    says="The learning rate depends on how often it was asked for, not on the step alone.",
    why="After a resume the count begins at 0 again, and the run gets a second warm-up.",
    read="#a-pure-function-of-the-step",
    seen="lightly-ai/lightly-train pull request 301",
)
def counts_its_calls(source):
    source = change(source, "    warmup = min(", "    step = next(_calls)\n    warmup = min(")
    return change(source, "import math\n", "import itertools\nimport math\n") + "\n\n_calls = itertools.count()\n"


@mistake(
    "schedule",
    says="A run without room for the cosine divides by 0.",
    why="One step, or nothing but warm-up, is what a debug run looks like.",
    read="#a-pure-function-of-the-step",
)
def short_runs_divide_by_zero(source):
    return change(source, "max(total_steps - 1 - warmup, 1)", "(total_steps - 1 - warmup)")


@mistake(
    "schedule",
    says="If everything is warm-up, the peak is never reached.",
    why="The warm-up has at most total_steps - 1 steps, so that the last step is at the peak.",
    read="#the-straight-line",
)
def warmup_longer_than_the_run(source):
    return change(
        source, "min(round(warmup_fraction * total_steps), total_steps - 1)", "round(warmup_fraction * total_steps)"
    )


@mistake(
    "schedule",
    says="Arguments that make no sense are not refused.",
    why="A warm-up of 10 instead of 10 % would give a run that never warms up.",
    read="#a-pure-function-of-the-step",
)
def nothing_refused(source):
    return change(source, "    if step < 0 or total_steps < 1 or not 0 <= warmup_fraction <= 1:", "    if False:")


@mistake(
    "schedule",
    says="Only the first parameter group gets the learning rate.",
    why="Biases and norms then go on with the learning rate that the optimizer was made with.",
    read="#a-pure-function-of-the-step",
    seen="speedinghzl/pytorch-segmentation-toolbox issue 12",
)
def first_group_only(source):
    return change(source, "for group in optimizer.param_groups:", "for group in optimizer.param_groups[:1]:")


# 5.4 train_step


@mistake(
    "train_step",
    says="The gradients of earlier steps are not cleared: each backward adds to them.",
    why="PyTorch adds gradients up on purpose. The step then follows the sum of all batches so far.",
    read="#the-order",
    seen="pytorch/pytorch issue 47175",
)
def zero_grad_missing(source):
    return change(source, "    optimizer.zero_grad()\n", "")


@mistake(
    "train_step",
    says="The gradients are cleared between backward and clipping.",
    why="What backward just computed is thrown away, and the optimizer has nothing to apply.",
    read="#the-order",
)
def cleared_after_backward(source):
    source = change(source, "    optimizer.zero_grad()\n", "")
    return change(source, "    grad_norm = ", "    optimizer.zero_grad()\n    grad_norm = ")


@mistake(
    "train_step",
    says="The gradients are cleared right before the optimizer's step.",
    why="The norm looks healthy, and the parameters do not move.",
    read="#the-order",
)
def cleared_before_the_step(source):
    source = change(source, "    optimizer.zero_grad()\n", "")
    return change(source, "    optimizer.step()", "    optimizer.zero_grad()\n    optimizer.step()")


@mistake(
    "train_step",
    says="The optimizer takes its step before backward has computed the gradients.",
    why="There is nothing to apply yet; and the gradients that come after are cleared before the next step.",
    read="#the-order",
)
def step_before_backward(source):
    source = change(source, "    optimizer.step()\n", "")
    return change(source, "    loss.backward()", "    optimizer.step()\n    loss.backward()")


@mistake(
    "train_step",
    says="The optimizer's step uses gradients that are not clipped: the clipping comes after it, or not at all.",
    why="One bad batch moves the parameters as far as its gradient is large.",
    read="#clipping",
    seen="VGraphRNN/VGRNN issue 4",
)
def clipped_after_the_step(source):
    source = change(source, "    optimizer.step()\n", "")
    return change(source, "    grad_norm = ", "    optimizer.step()\n    grad_norm = ")


@mistake(
    "train_step",
    says="The gradients are clipped before backward has computed them.",
    why="There is nothing to clip yet, so nothing is clipped, and the norm is 0.",
    read="#clipping",
)
def clipped_before_backward(source):
    clip = "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
    return change(change(source, clip, ""), "    loss.backward()", clip + "    loss.backward()")


@mistake(
    "train_step",
    says="max_norm is not used: the gradients are always clipped to 1.0.",
    why="Clipping at another norm, or not at all, was asked for.",
    read="#clipping",
)
def max_norm_ignored(source):
    return change(source, "clip_grad_norm_(model.parameters(), max_norm)", "clip_grad_norm_(model.parameters(), 1.0)")


@mistake(
    "train_step",
    says="Each parameter's gradient is clipped on its own.",
    why="That changes the direction of the whole gradient. One factor for all keeps it.",
    read="#clipping",
    seen="carpedm20/MemN2N-tensorflow issue 19",
)
def clipped_one_by_one(source):
    return change(
        source,
        "nn.utils.clip_grad_norm_(model.parameters(), max_norm)",
        "torch.stack([nn.utils.clip_grad_norm_(p, max_norm) for p in model.parameters()]).norm()",
    )


@mistake(
    "train_step",
    says="The gradients' values were cut at max_norm, not their norm.",
    why="Cutting each value changes the direction, and values below max_norm can still have a large norm together.",
    read="#clipping",
)
def values_clipped(source):
    clip = "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
    return change(
        source,
        clip,
        '    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), float("inf"))\n'
        "    nn.utils.clip_grad_value_(model.parameters(), max_norm)\n",
    )


@mistake(
    "train_step",
    says="The norm that is reported was measured after clipping.",
    why="It is then never above max_norm: the one curve that shows trouble coming is flat.",
    read="#clipping",
)
def norm_after_clipping(source):
    clip = "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
    return change(source, clip, clip + '    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), float("inf"))\n')


@mistake(
    "train_step",
    says="The learning rate is never given to the optimizer.",
    why="The schedule is computed, perhaps even shown, and changes nothing.",
    read="#the-order",
)
def lr_never_applied(source):
    return change(source, "    set_lr(optimizer, lr)\n", "")


@mistake(
    "train_step",
    says="The learning rate is given to the optimizer after its step: each step uses that of the step before.",
    why="The first step of the run then has whatever learning rate the optimizer was made with: the peak.",
    read="#the-order",
)
def lr_one_step_late(source):
    source = change(source, "    set_lr(optimizer, lr)\n", "")
    return change(source, "    optimizer.step()\n", "    optimizer.step()\n    set_lr(optimizer, lr)\n")


@mistake(
    "train_step",
    says="The loss is returned with its graph.",
    why="Whoever keeps it for a running mean keeps every activation of the step in memory.",
    read="#what-not-to-keep-and-not-to-read",
    seen="PyTorch's documentation: Frequently Asked Questions",
)
def loss_with_its_graph(source):
    return change(source, "return StepResult(loss.detach(), grad_norm)", "return StepResult(loss, grad_norm)")


@mistake(
    "train_step",
    says="Loss and norm are read into Python at every step.",
    why="Reading waits until the GPU has finished, so the CPU cannot prepare the next step meanwhile.",
    read="#what-not-to-keep-and-not-to-read",
    seen="dmlc/dgl issue 5302",
)
def read_at_every_step(source):
    return change(source, "StepResult(loss.detach(), grad_norm)", "StepResult(loss.item(), grad_norm.item())")


@mistake(
    "train_step",
    says="A comparison in Python decides whether to clip.",
    why="To compare the norm, Python reads it from the GPU, and waits for it. PyTorch can decide on the device.",
    read="#what-not-to-keep-and-not-to-read",
)
def compared_in_python(source):
    clip = "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
    return change(
        source,
        clip,
        '    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), float("inf"))\n'
        "    if grad_norm > max_norm:\n"
        "        nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
    )


@mistake(
    "train_step",
    says="The step puts the model into train mode.",
    why="Whoever wants a step without dropout, to overfit one batch, cannot have it. The loop chooses the mode.",
    read="#what-not-to-keep-and-not-to-read",
)
def train_mode_set(source):
    return change(source, "    x, y = batch\n", "    x, y = batch\n    model.train()\n")


@mistake(
    "train_step",
    says="inspect is called after clipping.",
    why="One NaN makes the norm NaN, and clipping by it makes every gradient NaN: the culprit can no longer be told.",
    read="#the-guard",
)
def inspected_after_clipping(source):
    source = change(source, "    if inspect is not None:\n        inspect(loss.detach())\n", "")
    return change(
        source,
        "    optimizer.step()",
        "    if inspect is not None:\n        inspect(loss.detach())\n    optimizer.step()",
    )


@mistake(
    "train_step",
    says="inspect is called after the optimizer's step.",
    why="By then the NaN is in every parameter: there is nothing left to go on with.",
    read="#the-guard",
)
def inspected_after_the_step(source):
    source = change(source, "    if inspect is not None:\n        inspect(loss.detach())\n", "")
    return change(
        source,
        "    return StepResult",
        "    if inspect is not None:\n        inspect(loss.detach())\n    return StepResult",
    )


# 5.5 running_log


@mistake(
    "running_log",
    says="The running mean starts at 0 and is pulled down by it for its first hundreds of steps.",
    why="After one update it is (1 - decay) of the loss. The curve seems to rise while the loss falls.",
    read="#a-running-mean-that-is-right-from-the-first-step",
    seen="PaddlePaddle/Paddle pull request 17677",
)
def biased_towards_zero(source):
    return change(source, "return float(self.total) / self.weight", "return float(self.total) * (1 - self.decay)")


@mistake(
    "running_log",
    says="The running mean starts as the first value and gives it the weight of the whole past.",
    why="The first loss, ln V, is the worst of the run: it hangs on for hundreds of steps.",
    read="#a-running-mean-that-is-right-from-the-first-step",
    seen="tensorflow/tensorboard issue 610",
)
def first_value_weighs_too_much(source):
    return change(
        source,
        "        self.total = self.decay * self.total + value\n        self.weight = self.decay * self.weight + 1.0",
        "        new = 1 - self.decay if self.weight else 1.0\n"
        "        self.total = self.decay * self.total + new * value\n"
        "        self.weight = 1.0",
    )


@mistake(
    "running_log",
    says="This is the mean of all values since the beginning, without any fading.",
    why="It shows where the run has been, not where it is.",
    read="#a-running-mean-that-is-right-from-the-first-step",
)
def mean_of_everything(source):
    source = change(source, "self.total = self.decay * self.total + value", "self.total = self.total + value")
    return change(source, "self.weight = self.decay * self.weight + 1.0", "self.weight = self.weight + 1.0")


@mistake(
    "running_log",
    says="decay and 1 - decay are swapped: the past is nearly forgotten at each update.",
    why="The line jumps as much as the loss itself.",
    read="#a-running-mean-that-is-right-from-the-first-step",
)
def decay_swapped(source):
    return change(source, "self.decay = decay", "self.decay = 1 - decay")


@mistake(
    "running_log",
    says="Each update reads the loss from the device.",
    why=".item() at every step makes the CPU wait for the GPU, and then the GPU for the CPU.",
    read="#what-not-to-keep-and-not-to-read",
    seen="dmlc/dgl issue 5302",
)
def update_reads(source):
    return change(source, "value = value.detach() if", "value = value.item() if")


@mistake(
    "running_log",
    says="The running mean keeps the graph of every loss.",
    why="Memory grows with each step, until it is full.",
    read="#what-not-to-keep-and-not-to-read",
    seen="deepspeedai/DeepSpeedExamples issue 824",
)
def mean_keeps_the_graph(source):
    return change(source, "        value = value.detach() if isinstance(value, Tensor) else value\n", "")


@mistake(
    "running_log",
    says="Before the first update the mean divides by 0.",
    why="A run that stops before its first log then ends in another error than its own.",
    read="#a-running-mean-that-is-right-from-the-first-step",
)
def no_value_yet(source):
    return change(source, ' if self.weight else float("nan")', "")


@mistake(
    "running_log",
    says="The tokens are divided by what the clock shows, not by the time that has passed.",
    why="A clock counts from some start of its own: the rate would be tiny, and fall for ever.",
    read="#tokens-per-second",
)
def divided_by_the_clock(source):
    return change(source, "self.tokens / seconds if", "self.tokens / now if")


@mistake(
    "running_log",
    says="The time begins anew after each reading, but the tokens do not.",
    why="Tokens of all stretches over the time of the last: the rate grows and grows.",
    read="#tokens-per-second",
)
def tokens_not_restarted(source):
    return change(source, "self.tokens, self.began = 0, now", "self.began = now")


@mistake(
    "running_log",
    says="The tokens begin anew after each reading, but the time does not.",
    why="Tokens of the last stretch over the time of all: the rate falls and falls.",
    read="#tokens-per-second",
)
def time_not_restarted(source):
    return change(source, "self.tokens, self.began = 0, now", "self.tokens = 0")


@mistake(
    "running_log",
    says="The rate is the mean since the start, not that of the last stretch.",
    why="The slow first steps and every validation stay in it; a run that has become slow hardly shows.",
    read="#tokens-per-second",
)
def mean_since_the_start(source):
    return change(source, "        self.tokens, self.began = 0, now\n", "")


@mistake(
    "running_log",
    says="Only the tokens of the last batch are counted.",
    why="The time is that of all batches since the last reading.",
    read="#tokens-per-second",
)
def last_batch_only(source):
    return change(source, "self.tokens += tokens", "self.tokens = tokens")


@mistake(
    "running_log",
    says="If no time has passed, the rate divides by 0.",
    why="Clocks are coarse on some systems, and a log line is no reason to end a run.",
    read="#tokens-per-second",
)
def rate_divides_by_zero(source):
    return change(source, "self.tokens / seconds if seconds > 0 else 0.0", "self.tokens / seconds")


@mistake(
    "running_log",
    says="The learning rate is shown with a fixed number of decimals.",
    why="6e-5 then reads 0.0001, and the end of the cosine 0.0000.",
    read="#the-progress-bar",
)
def lr_with_fixed_decimals(source):
    return change(source, "{lr:.2e}", "{lr:.4f}")


@mistake(
    "running_log",
    says="wandb is imported although nobody asked for it.",
    why="Whoever has not installed it cannot train at all.",
    read="#logging-elsewhere",
    seen="allenai/rslearn issue 120",
)
def wandb_always_imported(source):
    return change(source, "    if project is None:\n", "    import wandb\n\n    if project is None:\n")


@mistake(
    "running_log",
    says="A missing wandb is passed over in silence.",
    why="After a night of training there are no curves, and nothing said so.",
    read="#logging-elsewhere",
)
def missing_wandb_passed_over(source):
    source = change(
        source,
        "    except ModuleNotFoundError as error:\n        raise ModuleNotFoundError(\n",
        "    except ModuleNotFoundError:\n        return lambda metrics, step: None\n        print(\n",
    )
    return change(source, "        ) from error\n", "        )\n")


@mistake(
    "running_log",
    says="The error for a missing wandb does not say what to type.",
    why="An error should say what to do next.",
    read="#logging-elsewhere",
)
def missing_wandb_without_advice(source):
    return change(source, "is not installed: pip install wandb, or run without it", "is not installed")


@mistake(
    "running_log",
    says="The metrics are sent without their step.",
    why="W&B then counts the calls: the axis of the curves is wrong as soon as not every step is logged.",
    read="#logging-elsewhere",
)
def wandb_without_step(source):
    return change(source, "run.log(dict(metrics), step=step)", "run.log(dict(metrics))")


@mistake(
    "running_log",
    says="The run's settings are not kept with it.",
    why="A curve without its settings cannot be compared with another.",
    read="#logging-elsewhere",
)
def wandb_without_config(source):
    return change(source, "project=project, config=dict(config))", "project=project)")


# 5.6 validation


@mistake(
    "validation",
    says="The result is the mean of the batches' means.",
    why="A token in a short batch, or among much padding, weighs more than others.",
    read="#every-token-counts-the-same",
    seen="https-deeplearning-ai/tensorflow-3 issue 3",
)
def mean_of_batch_means(source):
    source = change(
        source,
        "        losses.append(language_model_loss(logits, y) * count)",
        "        losses.append(language_model_loss(logits, y))",
    )
    return change(
        source,
        "loss = torch.stack(losses).cpu().double().sum() / tokens",
        "loss = torch.stack(losses).cpu().double().mean()",
    )


@mistake(
    "validation",
    says="Ignored targets are counted as tokens.",
    why="They add nothing to the loss, but the loss is divided by more: padding makes the model look better.",
    read="#every-token-counts-the-same",
    seen="neulab/xnmt pull request 229",
)
def ignored_tokens_counted(source):
    source = change(
        source,
        "        count = (y != -100).sum()\n",
        "        count = (y != -100).sum()\n        everything = torch.tensor(y.numel())\n",
    )
    return change(source, "counts.append(count)", "counts.append(everything)")


@mistake(
    "validation",
    says="Each batch's mean is weighted with all its tokens, ignored ones included.",
    why="The mean is over the scored tokens; multiplied with all of them, it says too much of a batch with padding.",
    read="#every-token-counts-the-same",
)
def weighted_by_all_tokens(source):
    source = change(source, "        count = (y != -100).sum()\n", "        count = torch.tensor(y.numel())\n")
    return source


@mistake(
    "validation",
    says="The batches are not taken to the device.",
    why="On a GPU the first of them stops the run: the model is there, and its tokens are not.",
    read="#every-token-counts-the-same",
    seen="Lung-Yi/rxn_yield_context issue 3",
)
def batches_left_behind(source):
    return change(source, "        x, y = x.to(device), y.to(device)\n", "")


@mistake(
    "validation",
    says="The perplexity is the mean of the batches' perplexities.",
    why="Perplexity is exp of the mean loss. exp is convex: the mean of the batches' exponentials is above that.",
    read="#perplexity",
    seen="keras-team/keras-hub pull request 2958",
)
def mean_of_perplexities(source):
    source = change(
        source,
        "    return Validation(loss.item(), loss.exp().item(), tokens)",
        "    each = [(a / n).exp() for a, n in zip(losses, counts, strict=True) if n]\n"
        "    return Validation(loss.item(), torch.stack(each).double().mean().item(), tokens)",
    )
    return source


@mistake(
    "validation",
    says="The perplexity is 2 to the power of the loss.",
    why="The loss is in nats, not in bits: its base is e.",
    read="#perplexity",
)
def base_two(source):
    return change(source, "loss.exp().item()", "loss.exp2().item()")


@mistake(
    "validation",
    says="A large loss makes math.exp overflow, and validation crashes.",
    why="A run that has gone wrong should say so in a number, not in an OverflowError.",
    read="#perplexity",
)
def perplexity_overflows(source):
    source = change(source, "loss.exp().item()", "math.exp(loss.item())")
    return change(source, "import torch\n", "import math\n\nimport torch\n")


@mistake(
    "validation",
    says="Dropout is on while the model is scored.",
    why="You measure a model with a tenth of its numbers missing, and a different one each time.",
    read="#leave-the-model-as-it-was",
    seen="IBM/pytorch-seq2seq issue 33",
)
def dropout_on(source):
    return change(source, "    model.eval()\n", "")


@mistake(
    "validation",
    says="A graph is built for every batch.",
    why="All activations are kept for a backward that never comes: validation runs out of memory where training fits.",
    read="#leave-the-model-as-it-was",
    seen="skorch-dev/skorch issue 218",
)
def graph_is_built(source):
    return change(source, "@torch.inference_mode()\n", "")


@mistake(
    "validation",
    says="The last batch is left out.",
    why="It is smaller than the others, and its tokens are part of the split all the same.",
    read="#every-token-counts-the-same",
    seen="OpenNMT/OpenNMT issue 68",
)
def last_batch_lost(source):
    return change(source, "for x, y in loader:", "for x, y in list(loader)[:-1]:")


@mistake(
    "validation",
    says="The model stays in eval mode.",
    why="The rest of the training then goes on without dropout, and nothing says so.",
    read="#leave-the-model-as-it-was",
    seen="shubhamagarwal92/mmd issue 14",
)
def left_in_eval_mode(source):
    return change(source, "            module.training = training", "            pass")


@mistake(
    "validation",
    says="The model is put into train mode afterwards, whatever it was in.",
    why="Who validates a finished model gets dropout in the text that it writes next.",
    read="#leave-the-model-as-it-was",
    seen="IBM/pytorch-seq2seq pull request 38",
)
def always_train_mode(source):
    return change(
        source,
        "        for module, training in modes:\n            module.training = training",
        "        model.train()",
    )


@mistake(
    "validation",
    says="The model gets its mode back as a whole: a part that was in another mode loses it.",
    why="A frozen part that was kept in eval mode has dropout again from here on.",
    read="#leave-the-model-as-it-was",
)
def one_mode_for_all(source):
    return change(
        source,
        "        for module, training in modes:\n            module.training = training",
        "        model.train(modes[0][1])",
    )


@mistake(
    "validation",
    says="After an exception the model stays in eval mode.",
    why="Ctrl-C in a validation, and what goes on from there trains without dropout.",
    read="#leave-the-model-as-it-was",
)
def eval_mode_after_an_exception(source):
    back = "for module, training in modes:\n            module.training = training\n"
    return change(
        source,
        "    finally:\n        " + back,
        "    except ZeroDivisionError:\n        pass\n    if True:\n        " + back,
    )


@mistake(
    "validation",
    says="A loader without a token to score gives a number.",
    why="A loss of 0 and a perplexity of 1 would be the best model ever.",
    read="#every-token-counts-the-same",
)
def perfect_on_nothing(source):
    source = change(
        source,
        "    if tokens == 0:\n",
        "    if tokens == 0:\n        return Validation(0.0, 1.0, 0)\n    if tokens < 0:\n",
    )
    return source


@mistake(
    "validation",
    says="What is returned as loss is a tensor, not a number.",
    why="It cannot be written to a file as it is, and keeps a place on the device.",
    read="#every-token-counts-the-same",
)
def loss_is_a_tensor(source):
    return change(source, "Validation(loss.item(), ", "Validation(loss, ")


# 5.7 guard


@mistake(
    "guard",
    says="Only NaN is looked for, not infinity.",
    why="An infinity is a NaN one step earlier: inf - inf.",
    read="#the-guard",
)
def infinity_passes(source):
    source = change(source, "if not torch.isfinite(parameter).all():", "if torch.isnan(parameter).any():")
    return change(source, "not torch.isfinite(parameter.grad).all()", "torch.isnan(parameter.grad).any()")


@mistake(
    "guard",
    says="Gradients are looked at before parameters.",
    why="One bad parameter makes every gradient bad, and the wrong one is named.",
    read="#the-guard",
)
def gradients_first(source):
    first = '        if not torch.isfinite(parameter).all():\n            return f"parameter {name}"\n'
    second = first.replace("not torch", "parameter.grad is not None and not torch").replace(
        "(parameter)", "(parameter.grad)"
    )
    second = second.replace("parameter {name}", "gradient of {name}")
    return change(change(change(source, first, "FIRST"), second, first), "FIRST", second)


@mistake(
    "guard",
    says="Parameter and gradient are looked at together, one name after the other.",
    why="An early gradient is named before the late parameter that spoilt it.",
    read="#the-guard",
)
def name_by_name(source):
    return change(
        source,
        '            return f"parameter {name}"\n    for name, parameter in model.named_parameters():\n',
        '            return f"parameter {name}"\n',
    )


@mistake(
    "guard",
    says="A parameter without a gradient makes the guard crash.",
    why="Frozen parameters, and those that a batch does not use, have none.",
    read="#the-guard",
)
def missing_gradient_crashes(source):
    return change(source, "parameter.grad is not None and not", "not")


@mistake(
    "guard",
    says="Only the loss is looked at.",
    why="A gradient can overflow while the loss is still finite; after the step it is too late.",
    read="#the-guard",
)
def only_the_loss(source):
    return change(source, "if culprit is None and torch.isfinite(loss):", "if torch.isfinite(loss):")


@mistake(
    "guard",
    says="The loss itself is not looked at.",
    why="A loss can be infinite with gradients that are finite.",
    read="#the-guard",
)
def loss_not_looked_at(source):
    return change(source, "if culprit is None and torch.isfinite(loss):", "if culprit is None:")


@mistake(
    "guard",
    says="The message does not name the step.",
    why="To find the batch that did it, you need its number.",
    read="#the-guard",
)
def step_not_named(source):
    return change(source, "stopped at step {step}: the loss", "stopped: the loss")


@mistake(
    "guard",
    says="The message does not name what was not finite.",
    why="That the loss is NaN is known; where it came from is the question.",
    read="#the-guard",
)
def culprit_not_named(source):
    return change(source, "is {float(loss)}; {reason}", "is {float(loss)}")


# 5.7 trainer


@mistake(
    "trainer",
    says="The schedule runs anew in every epoch.",
    why="At each epoch the learning rate jumps up from the floor, and the model is shaken out of what it found.",
    read="#a-pure-function-of-the-step",
)
def schedule_per_epoch(source):
    return change(
        source, "lr = warmup_cosine(step, total_steps,", "lr = warmup_cosine(step % steps_per_epoch, steps_per_epoch,"
    )


@mistake(
    "trainer",
    says="The schedule moves on once per epoch, not once per step.",
    why="The whole first epoch has the learning rate of the first step of the warm-up.",
    read="#a-pure-function-of-the-step",
    seen="sthalles/SimCLR issue 8",
)
def schedule_stepped_per_epoch(source):
    return change(source, "lr = warmup_cosine(step, total_steps,", "lr = warmup_cosine(epoch, config.epochs,")


@mistake(
    "trainer",
    says="The schedule is one step ahead: the first learning rate is never used.",
    why="Steps count from 0. If the count moves on first, the last step asks for one beyond the end.",
    read="#a-pure-function-of-the-step",
)
def schedule_one_ahead(source):
    return change(source, "lr = warmup_cosine(step, total_steps,", "lr = warmup_cosine(step + 1, total_steps,")


@mistake(
    "trainer",
    says="The schedule is that of one epoch: after it, the learning rate stays at the floor.",
    why="total_steps counts the steps of all epochs.",
    read="#a-pure-function-of-the-step",
)
def total_of_one_epoch(source):
    return change(source, "warmup_cosine(step, total_steps,", "warmup_cosine(step, steps_per_epoch,")


@mistake(
    "trainer",
    says="Every epoch gets the batches of epoch 0.",
    why="The same examples then meet in the same batches, in the same order. Another order each time learns better.",
    read="#the-trainer",
    seen="lucidrains/DALLE-pytorch pull request 230",
)
def same_order_each_epoch(source):
    return change(source, "in loader_of_epoch(epoch):", "in loader_of_epoch(0):")


@mistake(
    "trainer",
    says="The model is not put into train mode.",
    why="It came in eval mode, from a validation or a checkpoint: dropout stays off for the whole run.",
    read="#the-trainer",
    seen="pytorch/tutorials issue 1624",
)
def not_in_train_mode(source):
    return change(source, "model.to(device).train()", "model.to(device)")


@mistake(
    "trainer",
    says="The result of .to(device) is thrown away, and the batch stays where it was.",
    why="A module moves itself; a tensor does not: it gives you a copy that lies there.",
    read="#the-trainer",
    seen="pytorch/pytorch issue 43313",
)
def moved_in_vain(source):
    return change(
        source,
        "                result = train_step(model, (x.to(device), y.to(device)),",
        "                x.to(device), y.to(device)\n                result = train_step(model, (x, y),",
    )


@mistake(
    "trainer",
    says="The model is not taken to the device.",
    why="The batches are, and on a GPU the first of them stops the run.",
    read="#the-trainer",
    seen="yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch issue 7",
)
def model_left_behind(source):
    return change(source, "model.to(device).train()", "model.train()")


@mistake(
    "trainer",
    says="The progress bar stands still.",
    why="It knows how many steps there will be, but nobody tells it that one is done.",
    read="#the-progress-bar",
)
def bar_stands_still(source):
    return change(source, "                bar.update()\n", "")


@mistake(
    "trainer",
    says="Each epoch makes a new optimizer.",
    why="Adam's running means are lost, and its first steps are as coarse as at the start.",
    read="#the-trainer",
)
def new_optimizer_each_epoch(source):
    line = "    optimizer = build_optimizer(model, config.peak_lr, config.betas, config.weight_decay)\n"
    return change(
        change(source, line, ""),
        "            rate = TokenRate(clock)\n",
        "            rate = TokenRate(clock)\n        " + line,
    )


@mistake(
    "trainer",
    says="The weight decay of the settings does not reach the optimizer.",
    why="A setting that changes nothing is worse than none.",
    read="#the-trainer",
)
def weight_decay_not_handed_on(source):
    return change(source, "config.betas, config.weight_decay)", "config.betas)")


@mistake(
    "trainer",
    says="The floor of the settings does not reach the schedule.",
    why="A setting that changes nothing is worse than none.",
    read="#the-trainer",
)
def floor_not_handed_on(source):
    return change(source, "config.warmup_fraction, config.floor_lr)", "config.warmup_fraction)")


@mistake(
    "trainer",
    says="The last step of the run is not logged.",
    why="The curve ends before the run does.",
    read="#the-trainer",
)
def last_step_not_logged(source):
    return change(source, " or step == total_steps - 1", "")


@mistake(
    "trainer",
    says="Every step is logged, whatever log_every says.",
    why="Each reading waits for the device; and a file with a line per step is no easier to read.",
    read="#the-trainer",
)
def every_step_logged(source):
    return change(source, "logged = step % config.log_every == 0 or step == total_steps - 1", "logged = True")


@mistake(
    "trainer",
    says="The logged steps are those before a multiple of log_every: step 0 is missing.",
    why="Step 0 is the most telling one: it should be near ln V.",
    read="#the-trainer",
)
def first_step_not_logged(source):
    return change(source, "logged = step % config.log_every == 0", "logged = (step + 1) % config.log_every == 0")


@mistake(
    "trainer",
    says="The running mean takes in only the losses of the logged steps.",
    why="It is there to smooth over the steps in between, and does not see them.",
    read="#the-trainer",
)
def mean_of_logged_steps(source):
    source = change(source, "                mean_loss.update(result.loss)\n", "")
    return change(
        source,
        "                    entry = _read(",
        "                    mean_loss.update(result.loss)\n                    entry = _read(",
    )


@mistake(
    "trainer",
    says="The time of the validation is counted as training.",
    why="The rate drops after each epoch although the training is as fast as before.",
    read="#tokens-per-second",
)
def validation_time_counted(source):
    source = change(source, "            rate = TokenRate(clock)\n", "")
    return change(
        source,
        "        for epoch in range(config.epochs):\n",
        "        rate = TokenRate(clock)\n        for epoch in range(config.epochs):\n",
    )


@mistake(
    "trainer",
    says="Texts are counted, not tokens.",
    why="Texts per second change with block_size; tokens per second can be compared.",
    read="#tokens-per-second",
)
def texts_counted(source):
    return change(source, "rate.add(x.numel())", "rate.add(len(x))")


@mistake(
    "trainer",
    says="Only the scored tokens are counted for tokens per second, not all of the batch.",
    why="The model works as hard for a token that is not scored: padding would make it look slow.",
    read="#tokens-per-second",
)
def scored_tokens_counted(source):
    return change(source, "rate.add(x.numel())", "rate.add((y != -100).sum())")


@mistake(
    "trainer",
    says="The progress bar shows the loss of the last batch, not the running mean.",
    why="The loss of single batches jumps about: whether it falls cannot be seen in it.",
    read="#a-running-mean-that-is-right-from-the-first-step",
)
def bar_shows_one_batch(source):
    return change(source, 'status_line(entry["mean_loss"], ', 'status_line(entry["loss"], ')


@mistake(
    "trainer",
    says="A number is read from the device at every step, such as the loss.",
    why="The CPU waits for the GPU each time, and then the GPU for the CPU.",
    read="#what-not-to-keep-and-not-to-read",
)
def fit_reads_every_step(source):
    return change(source, "mean_loss.update(result.loss)", "mean_loss.update(result.loss.item())")


@mistake(
    "trainer",
    says="The guard looks at every step.",
    why="It reads every parameter and gradient from the device: in a long run that costs more than the step.",
    read="#the-guard",
)
def guarded_at_every_step(source):
    return change(
        source,
        "guard = partial(stop_if_not_finite, model, step) if logged else None",
        "guard = partial(stop_if_not_finite, model, step)",
    )


@mistake(
    "trainer",
    says="The guard looks after the step: the NaN is in the parameters already.",
    why="Nothing is left of the model, and everything is bad, so that no culprit can be named.",
    read="#the-guard",
)
def guard_after_the_step(source):
    source = change(
        source,
        "config.max_norm, guard)\n",
        "config.max_norm)\n                if guard is not None:\n                    guard(result.loss)\n",
    )
    return source


@mistake(
    "trainer",
    says="A NaN does not stop the run.",
    why="It trains on until morning with parameters that are all NaN.",
    read="#the-guard",
)
def no_guard(source):
    return change(source, "optimizer, lr, config.max_norm, guard)", "optimizer, lr, config.max_norm)")


@mistake(
    "trainer",
    says="The model is validated once, at the end, not after every epoch.",
    why="Overfitting shows in the course of the validation loss, and one point has no course.",
    read="#the-trainer",
)
def validated_at_the_end_only(source):
    a = source.index("            validation = validate(")
    b = source.index("    return history\n")
    return source[:a] + source[a:b].replace("            ", "        ") + source[b:]


@mistake(
    "trainer",
    says="A loader without a batch ends the run without a word.",
    why="Fewer examples than one batch, the short batch dropped, and nothing is left: no step is no success.",
    read="#the-trainer",
)
def empty_loader_accepted(source):
    return change(
        source,
        "    if steps_per_epoch == 0:\n",
        "    if steps_per_epoch == 0:\n        return History()\n    if steps_per_epoch < 0:\n",
    )


# 5.7 debug_run


@mistake(
    "debug_run",
    says="Dropout is on while one batch is learned by heart.",
    why="Then the loss cannot come near 0, and you look for a mistake where there is none.",
    read="#two-short-runs",
)
def overfit_with_dropout(source):
    return change(source, "    model.eval()\n", "    model.train()\n")


@mistake(
    "debug_run",
    says="Weight decay is on while one batch is learned by heart.",
    why="It pulls against learning by heart; that is what it is for.",
    read="#two-short-runs",
)
def overfit_with_decay(source):
    return change(source, "build_optimizer(model, lr=lr, weight_decay=0.0)", "build_optimizer(model, lr=lr)")


@mistake(
    "debug_run",
    says="Each step makes a new optimizer.",
    why="Without its running means Adam moves every parameter by the whole learning rate at every step.",
    read="#two-short-runs",
)
def new_optimizer_each_step(source):
    source = change(source, "    optimizer = build_optimizer(model, lr=lr, weight_decay=0.0)\n", "")
    return change(
        source,
        "train_step(model, batch, optimizer, lr)",
        "train_step(model, batch, build_optimizer(model, lr=lr, weight_decay=0.0), lr)",
    )


@mistake(
    "debug_run",
    says="A small part of a small dataset is empty.",
    why="1 % of 40 examples is none, and a run over nothing proves nothing.",
    read="#two-short-runs",
)
def part_may_be_empty(source):
    return change(source, "max(1, round(fraction * size))", "round(fraction * size)")


@mistake(
    "debug_run",
    says="The part is cut off, not rounded: 29 % of 100 became 28.",
    why="0.29 · 100 is a little less than 29 in floating point.",
    read="#two-short-runs",
)
def part_truncated(source):
    return change(source, "round(fraction * size)", "int(fraction * size)")


@mistake(
    "debug_run",
    says="The debug run takes all of the data.",
    why="Then it takes as long as the run that it should save you from.",
    read="#two-short-runs",
)
def whole_dataset(source):
    return change(source, "DataLoader(first_part(dataset, fraction), batch_size", "DataLoader(dataset, batch_size")


@mistake(
    "debug_run",
    says="The last, smaller batch is dropped.",
    why="Of 1 % of a small set that may be all there is.",
    read="#two-short-runs",
)
def debug_drops_the_last(source):
    return change(source, "batch_size=batch_size)", "batch_size=batch_size, drop_last=True)")


@mistake(
    "debug_run",
    says="The debug run keeps the number of epochs of the long run.",
    why="One pass is enough to see whether the loss falls.",
    read="#two-short-runs",
)
def debug_keeps_epochs(source):
    return change(source, "replace(config, epochs=1, log_every=1)", "replace(config, log_every=1)")


@mistake(
    "debug_run",
    says="The debug run does not look at every step.",
    why="A NaN is found steps later, when everything is NaN.",
    read="#two-short-runs",
)
def debug_keeps_log_every(source):
    return change(source, "replace(config, epochs=1, log_every=1)", "replace(config, epochs=1)")


@mistake(
    "debug_run",
    says="Whether the loss fell goes by the last batch alone, not by the running mean.",
    why="One batch that is hard at the end hides that the loss fell, and one that is easy hides that it did not.",
    read="#two-short-runs",
)
def fell_by_the_last_batch(source):
    return change(source, 'last["mean_loss"] < first["loss"]', 'last["loss"] < first["loss"]')


@mistake(
    "debug_run",
    says="The first loss is held against the logarithm of V to base 2.",
    why="The loss is in nats: a model that knows nothing has ln V.",
    read="#two-short-runs",
)
def log_to_base_two(source):
    return change(source, "guess = math.log(vocab_size)", "guess = math.log2(vocab_size)")


@mistake(
    "debug_run",
    says="A first loss far below ln V passes as a good start.",
    why="An untrained model cannot know anything: it sees the answer, or the loss is divided wrongly.",
    read="#two-short-runs",
)
def good_start_unquestioned(source):
    return change(source, 'abs(first["loss"] - guess) <= 0.1 * guess', 'first["loss"] - guess <= 0.1 * guess')
