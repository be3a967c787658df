"""The wrong ways of day 6: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 6.1 curves


@mistake(
    "curves",
    says="The running mean looks into the future: its window has values on both sides.",
    why="At the end of a run there is no future yet: the last values would be means of fewer and fewer losses.",
    read="#smooth-before-you-judge",
)
def window_centred(source):
    return change(
        source,
        "losses[max(0, end - window) : end] for end in range(1, len(losses) + 1)",
        "losses[max(0, at - window // 2) : at + (window + 1) // 2] for at in range(len(losses))",
    )


@mistake(
    "curves",
    says="At the beginning, where there are fewer values, their sum is divided by the whole window.",
    why="The smoothed curve then starts near 0 and rises: it looks as if the run began well and got worse.",
    read="#smooth-before-you-judge",
)
def padded_with_zeros(source):
    return change(source, "sum(values) / len(values)", "sum(values) / window")


@mistake(
    "curves",
    says="The means are taken from a running sum, and a NaN that has gone into it stays there.",
    why="NaN minus NaN is NaN: all later means are NaN too, not only those that the value is part of.",
    read="#smooth-before-you-judge",
)
def from_a_running_sum(source):
    source = change(
        source,
        "    windows = (losses[max(0, end - window) : end] for end in range(1, len(losses) + 1))\n",
        "    sums = [0.0]\n    for loss in losses:\n        sums.append(sums[-1] + loss)\n",
    )
    return change(
        source,
        "[sum(values) / len(values) for values in windows]",
        "[(sums[end] - sums[max(0, end - window)]) / min(end, window) for end in range(1, len(losses) + 1)]",
    )


@mistake(
    "curves",
    says="The verdict looks at the raw training loss, not at the smoothed one.",
    why="One hard batch at the end of a good run would make it a diverged one.",
    read="#smooth-before-you-judge",
)
def raw_losses_judged(source):
    return change(source, "    smoothed = smooth(train_losses, window)", "    smoothed = list(train_losses)")


@mistake(
    "curves",
    says="A NaN is looked for with comparisons, and no comparison with NaN is true.",
    why="NaN > x is False, so a run that has died of NaN counts as one in which nothing rises: fine.",
    read="#the-rules-in-their-order",
    seen="Lightning-AI/pytorch-lightning issue 1008",
)
def nan_compared(source):
    return change(source, "not all(map(math.isfinite, [*train_losses, *val_losses])) or ", "")


@mistake(
    "curves",
    says="Only the training loss is looked at for NaN and infinity, not the validation loss.",
    why="A validation loss of NaN is the end of a run, whatever the last training batch gave.",
    read="#the-rules-in-their-order",
)
def validation_not_looked_at(source):
    return change(source, "[*train_losses, *val_losses]", "train_losses")


@mistake(
    "curves",
    says="The end of the training loss is compared with its start, not with its lowest value.",
    why="A run that fell from 8 to 2 and then rose to 5 has diverged, although 5 is less than 8.",
    read="#the-rules-in-their-order",
)
def compared_with_the_start(source):
    return change(source, "(1 + spike) * min(smoothed)", "(1 + spike) * smoothed[0]")


@mistake(
    "curves",
    says="The last validation loss is compared with the one before it, not with the lowest.",
    why="A validation loss that rises slowly, or wobbles on its way up, is never caught that way.",
    read="#the-rules-in-their-order",
)
def compared_with_the_one_before(source):
    return change(source, "(1 + tolerance) * min(val_losses)", "(1 + tolerance) * val_losses[-2:][0]")


@mistake(
    "curves",
    says="The tolerance is taken in nats, not as a share of the loss.",
    why="0.02 nats are nothing beside a loss of 10 and much beside one of 0.2.",
    read="#the-rules-in-their-order",
)
def tolerance_in_nats(source):
    source = change(source, "(1 + tolerance) * min(val_losses)", "min(val_losses) + tolerance")
    source = change(source, "(1 - tolerance) * val_losses[-2]", "val_losses[-2] - tolerance")
    return change(source, "(1 + tolerance) * target", "target + tolerance")


@mistake(
    "curves",
    says="What lies above or below by exactly the share counts already.",
    why="The rules say: more than. Where the limits lie is part of them.",
    read="#the-rules-in-their-order",
)
def exactly_the_share(source):
    source = change(source, "smoothed[-1] > (1 + spike)", "smoothed[-1] >= (1 + spike)")
    source = change(source, "val_losses[-1] > (1 + tolerance)", "val_losses[-1] >= (1 + tolerance)")
    source = change(source, "val_losses[-1] < (1 - tolerance)", "val_losses[-1] <= (1 - tolerance)")
    return change(source, "smoothed[-1] > (1 + tolerance)", "smoothed[-1] >= (1 + tolerance)")


@mistake(
    "curves",
    says="Underfitting is asked for before overfitting.",
    why="After a jump up, a validation loss falls for a while; its lowest value lies behind it all the same.",
    read="#the-rules-in-their-order",
)
def rules_in_another_order(source):
    source = change(
        source,
        '    if val_losses[-1] > (1 + tolerance) * min(val_losses):\n        return "overfitting"\n',
        "",
    )
    return change(
        source,
        '    return "underfitting" if still_falling or too_high else "fine"',
        '    if still_falling or too_high:\n        return "underfitting"\n'
        '    return "overfitting" if val_losses[-1] > (1 + tolerance) * min(val_losses) else "fine"',
    )


@mistake(
    "curves",
    says="The target is held against the validation loss, not against the training loss.",
    why="A model that learns its training data well and not the rest does not underfit: it has a gap.",
    read="#the-rules-in-their-order",
)
def target_for_validation(source):
    return change(source, "smoothed[-1] > (1 + tolerance) * target", "val_losses[-1] > (1 + tolerance) * target")


@mistake(
    "curves",
    says="Still falling is taken from the first validation to the last, not from the last but one.",
    why="Every run that has learned anything falls from its first validation; the question is whether it still does.",
    read="#the-rules-in-their-order",
)
def falling_since_the_first(source):
    return change(source, "(1 - tolerance) * val_losses[-2]", "(1 - tolerance) * val_losses[0]")


@mistake(
    "curves",
    says="The perplexity is that of the best validation, not of the last one.",
    why="It is the perplexity of a model that is gone, unless you have saved it.",
    read="#what-the-numbers-say",
)
def perplexity_of_the_best(source):
    return change(source, "math.exp(val_losses[-1])", "math.exp(min(val_losses))")


@mistake(
    "curves",
    says="Of several equally low validation losses, the last is taken for the best.",
    why="The earlier one has the same loss with less training: it is the one to keep.",
    read="#what-the-numbers-say",
)
def last_of_equals(source):
    return change(source, "known.index(min(known))", "max(i for i, loss in enumerate(known) if loss == min(known))")


@mistake(
    "curves",
    says="A validation loss of NaN can be the best: min() returns it if it comes first.",
    why="Every comparison with NaN is false, so whatever comes after it never replaces it.",
    read="#what-the-numbers-say",
    seen="Lightning-AI/pytorch-lightning issue 2636",
)
def nan_is_the_best(source):
    return change(source, "math.inf if math.isnan(loss) else loss for loss", "loss for loss")


@mistake(
    "curves",
    says="The gap is training minus validation.",
    why="A gap should grow when a model overfits; this one becomes negative.",
    read="#what-the-numbers-say",
)
def gap_the_other_way(source):
    return change(
        source,
        "val_losses[-1] - smooth(train_losses, window)[-1])",
        "smooth(train_losses, window)[-1] - val_losses[-1])",
    )


@mistake(
    "curves",
    says="The gap takes the last training loss as it is, not smoothed.",
    why="One batch decides it then: the gap jumps about from one reading to the next.",
    read="#what-the-numbers-say",
)
def gap_not_smoothed(source):
    return change(source, "smooth(train_losses, window)[-1])", "train_losses[-1])")


# 6.2 tune


@mistake(
    "tune",
    says="The first name changes fastest in the grid.",
    why="The order is part of the contract: for each value of the first name, all of the last.",
    read="#grid-or-random",
)
def first_name_fastest(source):
    return change(
        source,
        "dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())",
        "{name: dict(zip(reversed(space), values, strict=True))[name] for name in space} "
        "for values in itertools.product(*reversed(space.values()))",
    )


@mistake(
    "tune",
    says="The values are paired up, first with first and second with second, not combined.",
    why="Two lists of three values are nine settings, and this tries three of them.",
    read="#grid-or-random",
)
def paired_up(source):
    return change(source, "itertools.product(*space.values())", "zip(*space.values())")


@mistake(
    "tune",
    says="The settings are drawn from Python's global generator, which is seeded for it.",
    why="Whoever shuffles data with it elsewhere gets another order because you have tuned, and is seeded anew.",
    read="#drawn-from-a-seed",
)
def global_generator_seeded(source):
    return change(source, "    generator = random.Random(seed)", "    random.seed(seed)\n    generator = random")


@mistake(
    "tune",
    says="The settings are drawn from NumPy's global generator, which is seeded for it.",
    why="It is everybody's as much as Python's: who draws from it elsewhere is seeded anew because you have tuned.",
    read="#drawn-from-a-seed",
)
def numpys_generator_seeded(source):
    return change(
        source,
        "    generator = random.Random(seed)",
        "    import numpy\n\n    numpy.random.seed(seed)\n    generator = numpy.random",
    )


@mistake(
    "tune",
    says="The seed is not used: every search draws other settings.",
    why="Nobody can repeat the search, and a search that was stopped cannot go on.",
    read="#drawn-from-a-seed",
)
def seed_not_used(source):
    return change(source, "random.Random(seed)", "random.Random()")


@mistake(
    "tune",
    says="Every value is drawn from a fresh generator with the same seed.",
    why="All settings are then the same one.",
    read="#drawn-from-a-seed",
)
def same_numbers_again(source):
    return change(source, "_draw_one(choices, generator) for name", "_draw_one(choices, random.Random(seed)) for name")


@mistake(
    "tune",
    says="All values of one name are drawn first, then all of the next.",
    why="Ask for two settings more, and every one changes: what was tried cannot be used any more.",
    read="#drawn-from-a-seed",
)
def drawn_by_column(source):
    return change(
        source,
        "    return [{name: _draw_one(choices, generator) for name, choices in space.items()} for _ in range(number)]",
        "    columns = {name: [_draw_one(c, generator) for _ in range(number)] for name, c in space.items()}\n"
        "    return [{name: columns[name][i] for name in space} for i in range(number)]",
    )


@mistake(
    "tune",
    says="The range is drawn from uniformly, not by orders of magnitude.",
    why="Of a range from 0.0001 to 0.1, nine tenths are above 0.01: small learning rates are hardly tried.",
    read="#orders-of-magnitude",
)
def uniform(source):
    return change(
        source,
        "math.exp(generator.uniform(math.log(choices.low), math.log(choices.high)))",
        "generator.uniform(choices.low, choices.high)",
    )


@mistake(
    "tune",
    says="Only whole powers of ten are drawn.",
    why="The best learning rate is seldom one; and in a few draws the same value comes again and again.",
    read="#orders-of-magnitude",
)
def whole_powers(source):
    return change(
        source,
        "math.exp(generator.uniform(math.log(choices.low), math.log(choices.high)))",
        "10.0 ** generator.randint(round(math.log10(choices.low)), round(math.log10(choices.high)))",
    )


@mistake(
    "tune",
    says="Each trial gets a seed of its own.",
    why="Trials then differ in their luck as well as in their settings, and luck is easily the larger of the two.",
    read="#one-seed-for-all-trials",
)
def seed_per_trial(source):
    return change(source, "_run_one(run, setting, seed)", "_run_one(run, setting, seed + len(trials))")


@mistake(
    "tune",
    says="The results are written when all trials are done.",
    why="A search that is killed in its last minute has then found nothing.",
    read="#written-down-at-once",
)
def written_at_the_end(source):
    source = change(
        source,
        '            with open(file, "a", encoding="utf-8") as results:\n                results.write(_line(known))\n',
        "            new.append(known)\n",
    )
    source = change(source, "    trials = []\n", "    trials, new = [], []\n")
    return change(
        source,
        "    return trials\n\n\ndef _run_one",
        '    with open(file, "a", encoding="utf-8") as results:\n        results.writelines(map(_line, new))\n'
        "    return trials\n\n\ndef _run_one",
    )


@mistake(
    "tune",
    says="Each search begins its file anew.",
    why="What was found before is gone, and everything is run again.",
    read="#written-down-at-once",
)
def begun_anew(source):
    return change(source, "    done = _read(file)\n", '    file.write_text("", encoding="utf-8")\n    done = []\n')


@mistake(
    "tune",
    says="A setting that comes twice in the list is run twice.",
    why="A few values to choose from, and random search draws the same again: its result is known already.",
    read="#written-down-at-once",
    seen="optuna/optuna issues 2021 and 2915",
)
def drawn_twice_run_twice(source):
    return change(source, "            done.append(known)\n", "")


@mistake(
    "tune",
    says="What stands in the file is not looked at: every trial is run again and written again.",
    why="A search that was stopped in the middle costs its whole time once more.",
    read="#written-down-at-once",
)
def run_again(source):
    return change(source, "next((trial for trial in done if trial.settings == setting), None)", "None")


@mistake(
    "tune",
    says="Results are matched with settings by their place: the first line is taken for the first setting.",
    why="Change the space or the order, and results are given to settings that never had them.",
    read="#written-down-at-once",
)
def matched_by_place(source):
    source = change(
        source,
        "next((trial for trial in done if trial.settings == setting), None)",
        "Trial(dict(setting), done[place].val_loss) if place < len(done) else None",
    )
    return change(
        source, "for setting in settings:\n        known", "for place, setting in enumerate(settings):\n        known"
    )


@mistake(
    "tune",
    says="The torn last line stays in the file, and the next result is written behind it on the same line.",
    why="The line is then no JSON at all, and two results are lost instead of one.",
    read="#written-down-at-once",
)
def torn_line_stays(source):
    return change(source, '        file.write_text(whole, encoding="utf-8")\n', "        pass\n")


@mistake(
    "tune",
    says="The torn last line is read as if it were whole.",
    why="After a kill in the wrong moment, the search cannot be taken up any more.",
    read="#written-down-at-once",
)
def torn_line_read(source):
    return change(source, 'whole = text[: text.rfind("\\n") + 1]', "whole = text")


@mistake(
    "tune",
    says="A run that raises FloatingPointError ends the whole search.",
    why="Some settings of a wide range will diverge. That is a result, and the others are still to be tried.",
    read="#a-run-that-diverges",
)
def divergence_ends_it(source):
    return change(
        source,
        "    except FloatingPointError:\n        return math.inf",
        "    except FloatingPointError:\n        raise",
    )


@mistake(
    "tune",
    says="Whatever a run raises counts as diverged.",
    why="A typing error in the run, or memory that is full, would look like a search in which nothing works.",
    read="#a-run-that-diverges",
)
def everything_caught(source):
    return change(source, "except FloatingPointError:", "except Exception:")


@mistake(
    "tune",
    says="A validation loss of NaN is kept as it is.",
    why="NaN cannot be sorted or compared: where it stands, the table's order and the best are accidents.",
    read="#a-run-that-diverges",
    seen="Bjarten/early-stopping-pytorch pull request 28",
)
def nan_kept(source):
    return change(source, "return val_loss if math.isfinite(val_loss) else math.inf", "return val_loss")


@mistake(
    "tune",
    says="The best trial is the one with the highest validation loss.",
    why="It is a loss: the lower, the better.",
    read="#read-the-table",
)
def highest_is_best(source):
    return change(
        source,
        "best = min(trials, key=lambda trial: trial.val_loss, default=None)",
        "best = max(trials, key=lambda trial: trial.val_loss, default=None)",
    )


@mistake(
    "tune",
    says="A trial that diverged can be the best, if all have.",
    why="A run with such settings would be started, for a night.",
    read="#a-run-that-diverges",
)
def diverged_is_best(source):
    return change(source, "if best is None or not math.isfinite(best.val_loss):", "if best is None:")


@mistake(
    "tune",
    says="The table is in the order in which the trials were run.",
    why="One looks for the best first; in the order of running, it is anywhere.",
    read="#read-the-table",
)
def table_not_sorted(source):
    return change(source, "sorted(trials, key=lambda trial: trial.val_loss)", "trials")


@mistake(
    "tune",
    says="Numbers are shown with four decimals.",
    why="A learning rate of 0.00001 is then 0.0000.",
    read="#read-the-table",
)
def four_decimals(source):
    return change(source, 'f"{value:.4g}"', 'f"{value:.4f}"')


# 6.3 hello_ddp


@mistake(
    "tune",
    says="A row has the trial's values in their own order, not under their names.",
    why="Two trials whose settings were written in different orders: a width stands under `lr`.",
    read="#read-the-table",
)
def values_by_place(source):
    return change(
        source,
        "[*(_shown(trial.settings[name]) for name in names), *results]",
        "[*map(_shown, trial.settings.values()), *results]",
    )


@mistake(
    "hello_ddp",
    says="The main process is the one with local rank 0.",
    why="Every machine has one of those: on four machines, four processes write the same file.",
    read="#who-am-i",
    seen="NVIDIA/apex issue 886",
)
def main_by_local_rank(source):
    return change(source, "return self.rank == 0", "return self.local_rank == 0")


@mistake(
    "hello_ddp",
    says="The local rank is taken to be the rank.",
    why="On the second machine, rank 5 would look for a GPU number 5 where there are four.",
    read="#who-am-i",
    seen="huggingface/trl pull request 515 (the two confused the other way round)",
)
def local_rank_is_rank(source):
    return change(source, "return World(rank, local_rank, size)", "return World(rank, rank, size)")


@mistake(
    "hello_ddp",
    says="A variable that is missing counts as if there were one process.",
    why="If WORLD_SIZE is lost on the way, each process trains alone and writes over the others' files.",
    read="#who-am-i",
)
def missing_means_alone(source):
    return change(
        source,
        "    if missing:\n        raise ValueError(",
        "    if missing:\n        return World()\n        raise ValueError(",
    )


@mistake(
    "hello_ddp",
    says="The ranges are not looked at: rank 2 of 2, or a world of size 0, are accepted.",
    why="Ranks count from 0. A rank that is one too high waits for a group that is never complete.",
    read="#who-am-i",
)
def ranges_not_checked(source):
    source = change(source, "if not 0 <= value < size:", "if False:")
    return change(source, "if size < 1:", "if False:")


@mistake(
    "hello_ddp",
    says="A rank that is as large as WORLD_SIZE is accepted.",
    why="Ranks count from 0: the last of 2 is rank 1. A rank 2 waits for a group that is complete without it.",
    read="#who-am-i",
)
def rank_one_too_high(source):
    return change(source, "if not 0 <= value < size:", "if not 0 <= value <= size:")


@mistake(
    "hello_ddp",
    says="The GPU is chosen by the rank, not by the local rank.",
    why="Rank 6 may be the third process of the second machine: its GPU has the number 2.",
    read="#form-the-group",
    seen="meta-llama/llama-cookbook issue 90",
)
def gpu_by_rank(source):
    return change(source, 'torch.device("cuda", world.local_rank)', 'torch.device("cuda", world.rank)')


@mistake(
    "hello_ddp",
    says="No GPU is chosen: every process computes on number 0.",
    why="NCCL then stops, or waits for ever, because two ranks sit on one GPU.",
    read="#form-the-group",
    seen="facebookresearch/fairchem issue 597",
)
def no_gpu_chosen(source):
    source = change(source, "        torch.cuda.set_device(device)\n", "")
    return change(source, ", device_id=device)", ")")


@mistake(
    "hello_ddp",
    says="The GPU is chosen after the group was formed.",
    why="NCCL ties a rank to the GPU that is current when it starts: all ranks to number 0.",
    read="#form-the-group",
)
def gpu_after_group(source):
    source = change(source, "        torch.cuda.set_device(device)\n", "")
    return change(
        source,
        ", device_id=device)\n",
        ", device_id=device)\n        torch.cuda.set_device(device)\n",
    )


@mistake(
    "hello_ddp",
    says="The group talks by gloo on a GPU, too.",
    why="gloo copies every tensor to the CPU and back: training is many times slower.",
    read="#form-the-group",
)
def gloo_everywhere(source):
    return change(source, '"nccl", timeout', '"gloo", timeout')


@mistake(
    "hello_ddp",
    says="The time limit is not handed on.",
    why="With PyTorch's own limits, ranks that wait for each other cost you up to half an hour until the job says so.",
    read="#form-the-group",
)
def limit_not_handed_on(source):
    source = change(source, '"nccl", timeout=limit, ', '"nccl", ')
    return change(source, '"gloo", timeout=limit)', '"gloo")')


@mistake(
    "hello_ddp",
    says="One process under torchrun forms no group.",
    why="A script should do the same whether torchrun starts one process or eight; here it is another path.",
    read="#form-the-group",
)
def no_group_of_one(source):
    return change(source, 'if "RANK" not in os.environ:', "if world.size == 1:")


@mistake(
    "hello_ddp",
    says="A group is formed without torchrun, too.",
    why="There is nobody to tell the address and the rank: python -m … ends with an error.",
    read="#form-the-group",
)
def group_without_torchrun(source):
    return change(source, '    if "RANK" not in os.environ:\n        return world\n', "")


@mistake(
    "hello_ddp",
    says="stop leaves the group without asking whether there is one.",
    why="It stands in a finally, where a second error would hide the first.",
    read="#form-the-group",
)
def stop_without_group(source):
    return change(
        source,
        "    if dist.is_initialized():\n        dist.destroy_process_group()",
        "    dist.destroy_process_group()",
    )


@mistake(
    "hello_ddp",
    says="The group is never left.",
    why="NCCL warns, and a process may hang at its end because the others are gone.",
    read="#form-the-group",
    seen="pytorch/examples pull request 1387",
)
def never_left(source):
    return change(source, "    if dist.is_initialized():\n        dist.destroy_process_group()", "    return None")


@mistake(
    "hello_ddp",
    says="The sum overwrites the tensor that was given.",
    why="all_reduce works in place. Who looks at their own number afterwards finds the sum of all.",
    read="#the-all-reduce",
)
def sum_in_place(source):
    return change(source, "total = value.detach().clone()", "total = value.detach()")


@mistake(
    "hello_ddp",
    says="Only rank 0 has the sum: the others have parts of it.",
    why="That is reduce. After an all-reduce everybody has the result.",
    read="#the-all-reduce",
    seen="allenai/OLMo pull request 453",
)
def only_reduced(source):
    return change(source, "dist.all_reduce(total)", "dist.reduce(total, dst=0)")


@mistake(
    "hello_ddp",
    says="A group is taken for granted.",
    why="Started without torchrun, as one process on a laptop, the script ends with an error.",
    read="#the-all-reduce",
)
def group_taken_for_granted(source):
    return change(source, "    if dist.is_initialized():\n        dist.all_reduce(total)", "    dist.all_reduce(total)")


@mistake(
    "hello_ddp",
    says="Every rank first waits for the letter.",
    why="Nobody has sent one: all wait for ever.",
    read="#a-letter-round-the-ring",
    hangs=True,
)
def all_receive_first(source):
    return change(
        source,
        "    if rank > 0:\n        dist.recv(letter, src=rank - 1)",
        "    dist.recv(letter, src=(rank - 1) % size)",
    )


@mistake(
    "hello_ddp",
    says="Only rank 0 calls broadcast.",
    why="Every rank of the group must call a collective: those that are to receive, too.",
    read="#every-rank-calls-it",
    seen="huggingface/transformers-bloom-inference pull request 40 (a barrier)",
    hangs=True,
)
def broadcast_on_rank_0(source):
    return change(
        source,
        "    dist.broadcast(letter, src=0)",
        "    if rank == 0:\n        dist.broadcast(letter, src=0)\n    dist.barrier()",
    )


@mistake(
    "hello_ddp",
    says="The letter is not read out: only rank 0 has all the numbers.",
    why="The others passed it on when it was not yet full.",
    read="#a-letter-round-the-ring",
)
def not_read_out(source):
    return change(source, "    dist.broadcast(letter, src=0)\n", "")


@mistake(
    "hello_ddp",
    says="The letter is read out before it has come back to rank 0.",
    why="What rank 0 holds is the letter with one line. The full one is still at the last rank.",
    read="#a-letter-round-the-ring",
)
def read_out_too_early(source):
    source = change(source, "        if rank == 0:\n            dist.recv(letter, src=size - 1)\n", "")
    source = change(
        source, "    if size > 1:\n        dist.send(letter", "    if rank < size - 1:\n        dist.send(letter"
    )
    return source


# 6.4 ddp_data


@mistake(
    "ddp_data",
    says="The sampler is not told the epoch.",
    why="Every epoch has the order of the first: the model sees the same batches again and again.",
    read="#tell-it-the-epoch",
    seen="pytorch/pytorch issue 31771",
)
def no_set_epoch(source):
    return change(source, "    sampler.set_epoch(epoch)\n", "")


@mistake(
    "ddp_data",
    says="Every rank has all the data, in the same order: nothing was dealt out.",
    why="All ranks compute the same gradient, and their mean is that gradient: two GPUs do the work of one.",
    read="#dealing-out-the-indices",
    seen="NVIDIA/DeepLearningExamples pull request 622; innnky/so-vits-svc issue 70",
)
def same_data_everywhere(source):
    return change(source, "num_replicas=size, rank=rank", "num_replicas=1, rank=0")


@mistake(
    "ddp_data",
    says="Each rank gets one stretch of the shuffled order, not every size-th place of it.",
    why="No example is lost, but batch k of all ranks together is then not batch k of one process.",
    read="#dealing-out-the-indices",
)
def dealt_in_stretches(source):
    source = change(source, "num_replicas=size, rank=rank", "num_replicas=1, rank=0")
    return change(
        source,
        "    return DataLoader(dataset, batch_size=batch_size // size, sampler=sampler, drop_last=True)",
        "    share = examples // batch_size * batch_size // size\n"
        "    mine = list(sampler)[rank * share : (rank + 1) * share]\n"
        "    return DataLoader(dataset, batch_size=batch_size // size, sampler=mine, drop_last=True)",
    )


@mistake(
    "ddp_data",
    says="Every rank shuffles with a seed of its own.",
    why="The shares are cut from different orders: some examples come on two ranks, others on none.",
    read="#dealing-out-the-indices",
    seen="yangkky/distributed_tutorial issue 5 (by way of the epoch)",
)
def seed_of_its_own(source):
    return change(source, "seed=seed, drop_last=True", "seed=seed + rank, drop_last=True")


@mistake(
    "ddp_data",
    says="The seed is not handed on.",
    why="Two runs with different seeds then see the same data in the same order.",
    read="#dealing-out-the-indices",
    seen="LambdaLabsML/distributed-training-guide issue 40",
)
def sampler_seed_not_handed_on(source):
    return change(source, "seed=seed, drop_last=True", "drop_last=True")


@mistake(
    "ddp_data",
    says="The data are not shuffled.",
    why="Neighbours in the text come in the same batch in every epoch.",
    read="#dealing-out-the-indices",
)
def not_shuffled(source):
    return change(source, "shuffle=True", "shuffle=False")


@mistake(
    "ddp_data",
    says="Every rank has batches of the whole size.",
    why="With four ranks the global batch is four times as large: it is another run, with another best learning rate.",
    read="#the-batch-size-is-global",
    seen="Lightning-AI/pytorch-lightning issue 2684",
)
def whole_batch_each(source):
    return change(source, "batch_size=batch_size // size", "batch_size=batch_size")


@mistake(
    "ddp_data",
    says="The sampler fills up: examples from the beginning come a second time, so that the ranks have equally many.",
    why="They count twice in this epoch, and the batches are no longer those of one process.",
    read="#what-does-not-divide",
    seen="pytorch/pytorch issue 22584",
)
def filled_up(source):
    return change(source, "seed=seed, drop_last=True", "seed=seed")


@mistake(
    "ddp_data",
    says="The last batch, which is not full, is kept.",
    why="Its gradient is noisier than the others' and counts as much; and on some numbers of ranks it is filled up.",
    read="#what-does-not-divide",
)
def last_batch_kept(source):
    return change(source, "sampler=sampler, drop_last=True", "sampler=sampler")


@mistake(
    "ddp_data",
    says="A batch size that the ranks do not divide is rounded down in silence.",
    why="9 on 2 ranks becomes 8: the run is not the one that was asked for.",
    read="#the-batch-size-is-global",
    seen="pytorch/ignite issue 3234",
)
def rounded_in_silence(source):
    return change(source, "    if batch_size % size:\n        raise", "    if False:\n        raise")


@mistake(
    "ddp_data",
    says="Too few examples for one batch give a loader without batches.",
    why="The run is over at once, and says that it is done.",
    read="#what-does-not-divide",
)
def no_batch_no_error(source):
    return change(source, "    if examples < batch_size:\n        raise", "    if False:\n        raise")


@mistake(
    "ddp_data",
    says="The evaluation is dealt out by DistributedSampler, which repeats examples to fill up.",
    why="11 examples on 4 ranks become 12: the first one is scored twice, and the loss is not that of the split.",
    read="#evaluation-is-exact",
    seen="pytorch/pytorch issue 25162; pytorch/vision issue 4559",
)
def padding_scored_twice(source):
    return change(
        source,
        "    mine = range(rank, len(dataset), size)  # type: ignore[arg-type]  # a Dataset with a length\n",
        "    mine = list(DistributedSampler(dataset, num_replicas=size, rank=rank, shuffle=False))\n",
    )


@mistake(
    "ddp_data",
    says="In evaluation each rank gets a stretch of neighbours, not every size-th example.",
    why="Each example is scored once, but not by the rank that the contract says. Rank r takes r, r + N, r + 2N …",
    read="#evaluation-is-exact",
)
def evaluated_in_stretches(source):
    return change(
        source,
        "range(rank, len(dataset), size)",
        "range(rank * len(dataset) // size, (rank + 1) * len(dataset) // size)",
    )


@mistake(
    "ddp_data",
    says="The evaluation leaves out what does not divide.",
    why="The loss is that of a part of the split, and of another part for another number of ranks.",
    read="#evaluation-is-exact",
    seen="areal-project/AReaL pull request 1096",
)
def tail_not_scored(source):
    return change(
        source,
        "range(rank, len(dataset), size)",
        "range(rank, len(dataset) // size * size, size)",
    )


@mistake(
    "ddp_data",
    says="Every rank scores the whole split.",
    why="The loss is right, but each rank does all the work: N GPUs take as long as one.",
    read="#evaluation-is-exact",
)
def everybody_scores_all(source):
    return change(source, "range(rank, len(dataset), size)", "range(len(dataset))")


# 6.4 ddp


@mistake(
    "hello_ddp",
    says="The sum still hangs on the graph of what was handed in.",
    why="Who keeps such sums, of every step's loss, keeps every step's graph: memory fills up.",
    read="#the-all-reduce",
    seen="samuelyu2002/ImVisible issue 2 (a running sum)",
)
def sum_with_its_graph(source):
    return change(source, "value.detach().clone()", "value.clone()")


@mistake(
    "hello_ddp",
    says="In a group of one, rank 0 sends the letter to itself.",
    why="There is nobody to receive it: the library refuses, and what runs on two processes fails on one.",
    read="#a-letter-round-the-ring",
)
def letter_to_oneself(source):
    return change(source, "    if size > 1:\n", "    if size > 0:\n")


@mistake(
    "ddp",
    says="The model was wrapped before it was taken to its device.",
    why="DDP looks at the parameters when it is made: where they are, and in which buckets their gradients go.",
    read="#wrap",
)
def wrapped_before_moved(source):
    source = change(source, "    model = model.to(device)\n", "")
    source = change(source, "        return model\n    on_gpu", "        return model.to(device)\n    on_gpu")
    return change(
        source,
        "device_ids=[device] if on_gpu else None)",
        "device_ids=[device] if on_gpu else None).to(device)",
    )


@mistake(
    "ddp",
    says="The model is not taken to the device.",
    why="On a GPU the batch is there and the weights are not; or all ranks share GPU number 0.",
    read="#wrap",
)
def not_moved(source):
    return change(source, "    model = model.to(device)\n", "")


@mistake(
    "ddp",
    says="The model is not wrapped.",
    why="Each process trains a model of its own on its share of the data; nobody averages anything.",
    read="#wrap",
)
def not_wrapped(source):
    return change(
        source,
        "    if not dist.is_initialized():\n        return model\n    on_gpu",
        "    if True:\n        return model\n    on_gpu",
    )


@mistake(
    "ddp",
    says="Whatever has a part called `module` is unwrapped.",
    why="A bare model may have such a part, and would be cut in half.",
    read="#unwrap",
)
def any_module_unwrapped(source):
    return change(source, "if isinstance(model, DistributedDataParallel):", 'if hasattr(model, "module"):')


@mistake(
    "ddp",
    says="Only one wrapping is taken off.",
    why="A compiled model in DDP has two: `module._orig_mod.` stays in the keys, or half of it.",
    read="#unwrap",
    seen="facebookresearch/fairchem pull request 76",
)
def one_wrapping_only(source):
    source = change(source, "            model = model.module\n", "            return model.module\n")
    return change(source, "model = model._orig_mod  # type", "return model._orig_mod  # type")


@mistake(
    "ddp",
    says="torch.compile's wrapping is not taken off.",
    why="The checkpoint has `_orig_mod.` in all its keys, and a bare model refuses it.",
    read="#unwrap",
    seen="karpathy/nanoGPT issue 325",
)
def compiled_stays(source):
    return change(source, 'isinstance(getattr(model, "_orig_mod", None), nn.Module)', "False")


@mistake(
    "ddp",
    says="DDP's wrapping is not taken off.",
    why="The checkpoint has `module.` in all its keys, and a bare model refuses it.",
    read="#unwrap",
    seen="hpcaitech/ColossalAI issue 768",
)
def ddp_stays(source):
    return change(source, "if isinstance(model, DistributedDataParallel):", "if False:")


@mistake(
    "ddp",
    says="Each rank takes whole batches in turn instead of a share of each.",
    why="A step then is one of `size` batches at once: the global batch is larger, and the steps are fewer.",
    read="#sharing-a-batch",
)
def whole_batches_in_turn(source):
    source = change(
        source,
        "        for batch in self.batch_sampler:\n            yield batch[self.rank :: self.size]",
        "        yield from list(self.batch_sampler)[self.rank :: self.size]",
    )
    return change(
        source, "return len(self.batch_sampler)", "return len(range(self.rank, len(self.batch_sampler), self.size))"
    )


@mistake(
    "ddp",
    says="The shares are made once, when the sampler is made.",
    why="A batch sampler that reshuffles is never asked again: every epoch is the first one.",
    read="#sharing-a-batch",
)
def shares_made_once(source):
    return change(
        source, "        self.batch_sampler = batch_sampler", "        self.batch_sampler = list(batch_sampler)"
    )


@mistake(
    "ddp",
    says="An empty share is left out.",
    why="That rank takes one step less than the others, and they wait for it for ever.",
    read="#sharing-a-batch",
)
def empty_share_left_out(source):
    return change(
        source,
        "            yield batch[self.rank :: self.size]",
        "            if len(batch) > self.rank:\n                yield batch[self.rank :: self.size]",
    )


@mistake(
    "ddp",
    says="The mean of the ranks' means is taken.",
    why="A rank that has seen two things then counts as much as one that has seen ten.",
    read="#a-mean-over-ranks",
    seen="huggingface/transformers issue 34191",
)
def mean_of_means(source):
    return change(
        source,
        "sums = torch.stack([total.detach().to(double), count.to(double)])",
        "sums = torch.stack([total.detach().to(double) / count.to(double), torch.ones_like(count, dtype=double)])",
    )


@mistake(
    "ddp",
    says="Sums and counts are added up in float32.",
    why="It cannot count beyond 16,777,216: there, adding 1 changes nothing.",
    read="#a-mean-over-ranks",
    seen="apache/mxnet issue 8226; tensorflow/tensorboard pull request 5337",
)
def counted_in_float32(source):
    return change(source, "else torch.float64  # Apple", "else torch.float32  # Apple")


@mistake(
    "ddp",
    says="Every rank does it.",
    why="Eight processes write the same file at the same time; if they write different bytes, it is broken.",
    read="#what-one-rank-does",
    seen="deepmodeling/deepmd-kit pull request 5336, in review",
)
def every_rank_does_it(source):
    return change(source, "if dist.get_rank() == 0:\n        try", "if True:\n        try")


@mistake(
    "ddp",
    says="Nobody waits for rank 0.",
    why="The others go on to read a file that is not there, or run into the time limit at the next collective.",
    read="#what-one-rank-does",
    seen="KempnerInstitute/KempnerForge issue 49",
)
def nobody_waits(source):
    return change(source, "    dist.broadcast_object_list(news, src=0)\n", "")


@mistake(
    "ddp",
    says="The collective stands under `if rank == 0`.",
    why="Every rank of the group must call it. Rank 0 waits for the others, and they are elsewhere.",
    read="#every-rank-calls-it",
    seen="huggingface/transformers-bloom-inference pull request 40",
    hangs=True,
)
def collective_under_if(source):
    return change(
        source,
        "    dist.broadcast_object_list(news, src=0)\n",
        "    if dist.get_rank() == 0:\n        dist.barrier()\n",
    )


@mistake(
    "ddp",
    says="If rank 0 fails, the others wait for it for ever.",
    why="The exception jumps over the collective, and the job ends much later, at the time limit of the others.",
    read="#what-one-rank-does",
    seen="HDFGroup/hdf5 pull request 1183",
    hangs=True,
)
def failure_leaves_others_waiting(source):
    return change(
        source,
        "        except Exception as raised:\n            failure = raised\n",
        "        except ZeroDivisionError as raised:\n            failure = raised\n",
    )


@mistake(
    "ddp",
    says="If rank 0 fails, the others go on as if nothing had happened.",
    why="They are one process short: the next collective never ends.",
    read="#what-one-rank-does",
)
def others_go_on(source):
    return change(
        source, "    if news[0] is not None:\n        raise RuntimeError", "    if False:\n        raise RuntimeError"
    )


# 6.4 ddp_training


@mistake(
    "ddp_training",
    says="Forward goes to the model inside DDP, past the wrapper.",
    why="It is the wrapper's forward that gets the averaging ready: each rank's gradient stays its own.",
    read="#one-step-on-all-ranks",
    seen="jingyaogong/minimind pull request 854",
)
def forward_through_module(source):
    return change(
        source, "    logits, _ = model(x)\n    total, count", "    logits, _ = unwrap(model)(x)\n    total, count"
    )


@mistake(
    "ddp_training",
    says="Each rank's loss is the mean over its own tokens.",
    why="DDP then takes the mean of the ranks' means: a token in a short share counts more than one in a long share.",
    read="#the-mean-of-means-again",
    seen="huggingface/transformers issue 34191",
)
def mean_of_own_tokens(source):
    return change(
        source, "loss = total / mean_count.where(mean_count > 0, 1)", "loss = total / count.where(count > 0, 1)"
    )


@mistake(
    "ddp_training",
    says="Each rank's sum is divided by the number of all ranks' tokens, and DDP divides by the number of ranks again.",
    why="The gradient is too small by the number of ranks: on 8 GPUs, 8 times too small.",
    read="#the-mean-of-means-again",
    seen="verl-project/verl pull request 5366; facebookresearch/fairseq issue 494 undoes it",
)
def divided_twice(source):
    return change(
        source,
        "mean_count = mean_over_ranks(count, torch.ones_like(count))",
        "mean_count = mean_over_ranks(count, torch.ones_like(count)) * torch.distributed.get_world_size()",
    )


@mistake(
    "ddp_training",
    says="Each rank goes back from the mean over its own tokens, though the loss that is reported is right.",
    why="DDP averages gradients: the mean of the ranks' means moves the weights, and the right loss hides it.",
    read="#the-mean-of-means-again",
)
def gradient_of_own_tokens(source):
    return change(source, "    loss.backward()\n", "    (total / count.where(count > 0, 1)).backward()\n")


@mistake(
    "ddp_training",
    says="Each rank goes back from its sum divided by all ranks' tokens, though the loss that is reported is right.",
    why="DDP divides by the number of ranks once more: the gradient is too small by it, and the right loss hides it.",
    read="#the-mean-of-means-again",
)
def gradient_divided_twice(source):
    return change(
        source,
        "    loss.backward()\n",
        "    ranks = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1\n"
        "    (loss / ranks).backward()\n",
    )


@mistake(
    "ddp_training",
    says="Where no rank has a token to score, 0 is divided by 0.",
    why="The loss is NaN: by the rules of 6.1, a run with a NaN in its curve has diverged.",
    read="#one-step-on-all-ranks",
    seen="allenai/OLMo-core pull request 657",
)
def nothing_scored_is_nan(source):
    return change(source, "mean_count.where(mean_count > 0, 1)", "mean_count")


@mistake(
    "ddp_training",
    says="A rank that has nothing to score leaves the step.",
    why="The others wait in backward for its part of the gradient, for ever.",
    read="#every-rank-calls-it",
    seen="NVIDIA-NeMo/Automodel pull request 2468",
    hangs=True,
)
def leaves_the_step(source):
    return change(
        source,
        "    mean_count = mean_over_ranks(count",
        "    if torch.distributed.is_initialized() and count == 0:\n"
        "        return StepResult(total.detach(), total.detach())\n"
        "    mean_count = mean_over_ranks(count",
    )


@mistake(
    "ddp_training",
    says="The loss that is reported is this rank's own share, not the mean over the ranks.",
    why="Rank 0's curve is then that of a half of each batch: noisier, and another one on another number of ranks.",
    read="#one-step-on-all-ranks",
    seen="cybertronai/transformer-xl issue 14",
)
def own_loss_reported(source):
    return change(
        source,
        "StepResult(mean_over_ranks(loss, torch.ones_like(loss)), grad_norm)",
        "StepResult(loss.detach(), grad_norm)",
    )


@mistake(
    "ddp_training",
    says="The gradients of the step before are still there.",
    why="Backward adds to what is there: every step applies all gradients so far.",
    read="#one-step-on-all-ranks",
)
def gradients_kept(source):
    return change(source, "    optimizer.zero_grad()\n", "")


@mistake(
    "ddp_training",
    says="The gradient is not clipped.",
    why="One bad batch on one rank is a large gradient on all of them.",
    read="#one-step-on-all-ranks",
)
def not_clipped(source):
    return change(
        source, "clip_grad_norm_(model.parameters(), max_norm)", 'clip_grad_norm_(model.parameters(), float("inf"))'
    )


@mistake(
    "ddp_training",
    says="Padding is counted among the tokens.",
    why="The more padding a batch has, the smaller its loss and its gradient look.",
    read="#the-mean-of-means-again",
)
def padding_counted(source):
    return change(source, "(y != -100).sum()", "(y == y).sum()")


@mistake(
    "ddp_training",
    says="The evaluation is this rank's own.",
    why="Ranks come to different losses; what is best, each would decide otherwise.",
    read="#evaluation-on-all-ranks",
    seen="NVIDIA-BioNeMo/bionemo-recipes pull request 786",
)
def evaluation_of_its_own(source):
    return change(source, "return mean_over_ranks(total, count).item()", "return (total / count).item()")


@mistake(
    "ddp_training",
    says="The evaluation takes the mean of the batches' means.",
    why="The last batch is smaller, and its tokens count more.",
    read="#evaluation-on-all-ranks",
)
def mean_of_batch_means(source):
    return change(
        source,
        "torch.stack(seen).cpu().double().sum(0)",
        "torch.tensor([sum((t / c).item() for t, c in seen), len(seen)], dtype=torch.float64)",
    )


@mistake(
    "ddp_training",
    says="The loss is divided by 1 where the mean count of tokens is less than 1.",
    why="One token on two ranks is half a token each. Only 0 must be kept from dividing.",
    read="#the-mean-of-means-again",
    seen="facebookresearch/Mask2Former (of masks), quoted in huggingface/transformers issue 26844",
)
def at_least_one(source):
    return change(source, "mean_count.where(mean_count > 0, 1)", "mean_count.clamp(min=1)")


@mistake(
    "ddp_training",
    says="The evaluation calls the wrapper, not the bare model.",
    why="The wrapper's forward sends the model's buffers round: ranks with fewer batches are waited for.",
    read="#evaluation-on-all-ranks",
    seen="discuss.pytorch.org: Torch.distributed.barrier() hangs in DDP",
)
def wrapper_evaluated(source):
    return change(source, "    model = unwrap(model)\n    modes", "    modes")


@mistake(
    "ddp_training",
    says="Dropout is on while the model is evaluated.",
    why="A damaged model is measured, and another one each time.",
    read="#evaluation-on-all-ranks",
    seen="karpathy/nanoGPT pull request 240",
)
def dropout_on(source):
    return change(source, "    model.eval()\n    try", "    try")


@mistake(
    "ddp_training",
    says="A split without a token gives NaN and no error.",
    why="NaN is never lower than the best: nothing is ever saved, and nobody is told why.",
    read="#evaluation-on-all-ranks",
)
def empty_split_is_nan(source):
    return change(
        source,
        "    if mean_over_ranks(count, torch.ones_like(count)) == 0:\n        raise",
        "    if False:\n        raise",
    )


@mistake(
    "ddp_training",
    says="A graph is built while the model is evaluated.",
    why="Nobody goes back through it. It costs memory, and at a large split, all of it.",
    read="#evaluation-on-all-ranks",
    seen="hszhao/semseg issue 60; OpenNMT/OpenNMT-py issue 1141",
)
def evaluated_with_a_graph(source):
    return change(source, "with torch.no_grad():", "with torch.enable_grad():")


@mistake(
    "ddp_training",
    says="The batches of the evaluation are not taken to the device.",
    why="On the CPU nobody notices. On a GPU, the first validation ends the run.",
    read="#evaluation-on-all-ranks",
)
def evaluated_where_they_lie(source):
    return change(source, "_surprise(model(x.to(device))[0], y.to(device))", "_surprise(model(x)[0], y)")


@mistake(
    "ddp_training",
    says="The optimizer is made before the model is wrapped, and so before it is on its device.",
    why="Where taking it there makes new parameters, the optimizer has the old ones, and nothing is trained.",
    read="#the-whole-run",
    seen="docs.pytorch.org: Module.cuda (it warns of it)",
)
def optimizer_too_early(source):
    source = change(source, "    optimizer = make_optimizer(bare)\n", "")
    return change(
        source,
        "    wrapped = wrap(model, device)\n",
        "    optimizer = make_optimizer(model)\n    wrapped = wrap(model, device)\n",
    )


@mistake(
    "ddp_training",
    says="The run asks for epoch 0 every time.",
    why="Every epoch has the order of the first.",
    read="#tell-it-the-epoch",
)
def always_epoch_0(source):
    return change(source, "for x, y in loader_of_epoch(epoch)\n", "for x, y in loader_of_epoch(0)\n")


@mistake(
    "ddp_training",
    says="The training batches are not taken to the device.",
    why="On the CPU nobody notices. On a GPU, the model and its input are on different devices, which is an error.",
    read="#the-whole-run",
    seen="MITDeepLearning/introtodeeplearning pull request 224",
)
def batches_left_behind(source):
    return change(source, "(x.to(device), y.to(device)), optimizer", "(x, y), optimizer")


@mistake(
    "ddp_training",
    says="The targets are not taken to the device, only the inputs.",
    why="On the CPU nobody notices. On a GPU, the loss finds logits and targets on different devices.",
    read="#the-whole-run",
    seen="Lightning-AI/pytorch-lightning issue 2400",
)
def targets_left_behind(source):
    return change(source, "(x.to(device), y.to(device)), optimizer", "(x.to(device), y), optimizer")


@mistake(
    "ddp_training",
    says="A validation that is as good as the best so far counts as better.",
    why="The file is written again, with weights that are no better, and the first of equal ones is lost.",
    read="#the-whole-run",
)
def equal_is_better(source):
    return change(source, "is_best = val_loss < min(", "is_best = val_loss <= min(")


@mistake(
    "ddp_training",
    says="The model is not put into train mode.",
    why="Whoever hands over a model in eval mode trains without dropout.",
    read="#the-whole-run",
)
def never_in_train_mode(source):
    return change(source, "        wrapped.train()\n", "")


@mistake(
    "ddp_training",
    says="A number is read from the device at every step, such as the loss.",
    why="A GPU works ahead of Python. Reading makes both wait, at every step and on every rank.",
    read="#the-whole-run",
)
def read_at_every_step(source):
    source = change(source, "optimizer, max_norm).loss for x, y", "optimizer, max_norm).loss.item() for x, y")
    return change(source, "torch.stack(losses).tolist() if losses else []", "losses")


@mistake(
    "ddp_training",
    says="The saved weights have `module.` in their keys.",
    why="They are those of the wrapper. A bare model, without DDP, refuses them.",
    read="#the-whole-run",
    seen="pfnet/pfrl pull request 55",
)
def saved_with_module(source):
    return change(source, "torch.save(bare.state_dict(), best_file)", "torch.save(wrapped.state_dict(), best_file)")


@mistake(
    "ddp_training",
    says="Every rank writes the file.",
    why="Eight processes write the same file at the same time. Sometimes it goes well.",
    read="#what-one-rank-does",
)
def every_rank_writes(source):
    return change(
        source, "on_main(lambda: torch.save(bare.state_dict(), best_file))", "torch.save(bare.state_dict(), best_file)"
    )


@mistake(
    "ddp_training",
    says="Every rank logs.",
    why="Every line comes as often as there are ranks.",
    read="#what-one-rank-does",
    seen="allenai/OLMo pull request 453",
)
def every_rank_logs(source):
    return change(
        source,
        'on_main(lambda log=log, metrics={"val_loss": val_loss}: log(metrics, len(history.losses)))',
        'log({"val_loss": val_loss}, len(history.losses))',
    )


@mistake(
    "ddp_training",
    says="The weights are saved after every epoch, best or not.",
    why="The best are overwritten by worse ones.",
    read="#the-whole-run",
)
def saved_always(source):
    return change(source, "if best_file is not None and is_best:", "if best_file is not None:")


# 6.5 amp_ddp


@mistake(
    "amp_ddp",
    says="A rank whose loss is not finite leaves the step.",
    why="The others wait in backward for its part of the gradient, for ever. The scaler skips for all.",
    read="#all-skip-or-none",
    seen="Lightning-AI/pytorch-lightning pull request 5359",
    hangs=True,
)
def leaves_when_not_finite(source):
    return change(
        source,
        "    scaler.scale(loss).backward()",
        "    if dist.is_initialized() and not total.isfinite():\n"
        "        return AmpResult(total.detach(), total.detach(), False)\n"
        "    scaler.scale(loss).backward()",
    )


@mistake(
    "amp_ddp",
    says="Forward goes to the model inside DDP, past the wrapper.",
    why="The overflow stays on its rank: it skips, the others step, and weights and scales part for ever.",
    read="#all-skip-or-none",
    seen="jingyaogong/minimind pull request 854",
)
def amp_forward_through_module(source):
    return change(source, "        logits, _ = model(x)", '        logits, _ = getattr(model, "module", model)(x)')


@mistake(
    "amp_ddp",
    says="The gradient is clipped while it is still scaled.",
    why="Its norm is a thousand times too large then: every step is clipped down to next to nothing.",
    read="#unscale-clip-step",
    seen="docs.pytorch.org: Automatic mixed precision examples (it warns of it)",
)
def clipped_while_scaled(source):
    return change(source, "    scaler.unscale_(optimizer)\n", "")


@mistake(
    "amp_ddp",
    says="The optimizer steps by itself, not through the scaler.",
    why="A step that overflowed is taken all the same, and every weight is NaN.",
    read="#all-skip-or-none",
    seen="IAHispano/Applio pull request 860",
)
def optimizer_steps(source):
    return change(source, "    scaler.step(optimizer)\n", "    optimizer.step()\n")


@mistake(
    "amp_ddp",
    says="Each rank's loss is the mean over its own tokens.",
    why="DDP then takes the mean of the ranks' means: a token in a short share counts more than one in a long share.",
    read="#the-mean-of-means-again",
)
def mean_of_own_tokens_in_amp(source):
    return change(
        source, "loss = total / mean_count.where(mean_count > 0, 1)", "loss = total / count.where(count > 0, 1)"
    )


@mistake(
    "amp_ddp",
    says="A batch in which no rank has a token to score is divided by 0, and the loss is NaN.",
    why="The gradient is 0 all the same, and nothing is skipped. But a curve with a NaN passes for diverged.",
    read="#the-mean-of-means-again",
    seen="NVIDIA-NeMo/Automodel issue 3796",
)
def no_token_is_nan(source):
    return change(source, "mean_count.where(mean_count > 0, 1)", "mean_count")


@mistake(
    "amp_ddp",
    says="The loss is divided by 1 where the mean count of tokens is less than 1.",
    why="One token on two ranks is half a token each. Only 0 must be kept from dividing.",
    read="#the-mean-of-means-again",
    seen="facebookresearch/Mask2Former (of masks), quoted in huggingface/transformers issue 26844",
)
def at_least_one_token(source):
    return change(source, "mean_count.where(mean_count > 0, 1)", "mean_count.clamp(min=1)")


@mistake(
    "amp_ddp",
    says="The scale is never updated.",
    why="After the first overflow, every step overflows, and all are skipped.",
    read="#all-skip-or-none",
    seen="espnet/espnet pull request 2362; Azure/MS-AMP pull request 45",
)
def scale_never_updated(source):
    return change(source, "    scaler.update()\n", "    scaler._per_optimizer_states.clear()\n")


@mistake(
    "amp_ddp",
    says="The loss is not scaled before backward, but the gradient is unscaled.",
    why="Small gradients vanish in float16, and the rest is divided by a scale that was never there.",
    read="#unscale-clip-step",
)
def loss_not_scaled(source):
    return change(source, "scaler.scale(loss).backward()", "scaler.scale(loss)\n    loss.backward()")


@mistake(
    "amp_ddp",
    says="Backward runs under autocast.",
    why="It takes each operation's precision from forward by itself; PyTorch advises against it.",
    read="#unscale-clip-step",
    seen="docs.pytorch.org: Automatic mixed precision package (it advises against it)",
)
def backward_under_autocast(source):
    return change(
        source,
        "    scaler.scale(loss).backward()\n",
        "    with torch.autocast(x.device.type, dtype=dtype):\n        scaler.scale(loss).backward()\n",
    )


@mistake(
    "amp_ddp",
    says="Forward runs in autocast's own precision, not in the one that was asked for.",
    why="On the CPU that is bfloat16, on a GPU float16: the same script does two different things.",
    read="#unscale-clip-step",
)
def dtype_not_handed_on(source):
    return change(source, "torch.autocast(x.device.type, dtype=dtype)", "torch.autocast(x.device.type)")


@mistake(
    "amp_ddp",
    says="There is no autocast: everything is computed in float32.",
    why="Nothing overflows in float32, so nothing is skipped. It is right, and as slow as before.",
    read="#unscale-clip-step",
)
def no_autocast(source):
    return change(source, "dtype=dtype):", "dtype=dtype, enabled=False):")


@mistake(
    "amp_ddp",
    says="A step counts as taken, whatever the scaler did.",
    why="The schedule goes on after a step that was skipped: at the start of a run, that eats up the warm-up.",
    read="#did-it-step",
    seen="pytorch/pytorch issue 44511",
)
def always_stepped(source):
    return change(source, "scaler.get_scale() >= scale)", "True)")


@mistake(
    "amp_ddp",
    says="Whether it stepped is taken from this rank's own loss.",
    why="Rank 0's loss is finite when rank 1 overflows: the ranks' schedules part.",
    read="#did-it-step",
    seen="ecmwf/WeatherGenerator pull request 2718",
)
def stepped_by_own_loss(source):
    return change(source, "scaler.get_scale() >= scale)", "bool(total.isfinite()))")


@mistake(
    "amp_ddp",
    says="bfloat16 is scaled, too.",
    why="It has float32's range and needs none; its steps would be skipped for nothing.",
    read="#which-precision-needs-a-scaler",
    seen="huggingface/accelerate pull request 1036; ecmwf/WeatherGenerator issue 874",
)
def bfloat16_scaled(source):
    return change(source, ", enabled=dtype == torch.float16)", ")")


@mistake(
    "amp_ddp",
    says="The scaler is never enabled.",
    why="Without it, float16's small gradients are 0, and large ones become NaN in the weights.",
    read="#which-precision-needs-a-scaler",
)
def scaler_off(source):
    return change(source, "enabled=dtype == torch.float16)", "enabled=False)")


@mistake(
    "amp_ddp",
    says="Ranks are compared by their sum.",
    why="1 and 3 have the same sum as 2 and 2.",
    read="#do-they-agree",
)
def compared_by_sum(source):
    source = change(
        source,
        "    extremes = torch.stack([value, -value]).where(~value.isnan(), torch.inf)",
        "    total = value.clone()",
    )
    source = change(
        source,
        "dist.all_reduce(extremes, op=dist.ReduceOp.MAX)",
        "dist.all_reduce(total)\n        total /= dist.get_world_size()",
    )
    return change(source, "torch.equal(extremes[0], -extremes[1])", "torch.equal(total, value)")


@mistake(
    "amp_ddp",
    says="Each rank compares itself with rank 0.",
    why="Rank 0 never differs from itself: the ranks get different answers, and those who act on them part.",
    read="#do-they-agree",
)
def compared_with_rank_0(source):
    source = change(
        source,
        "    extremes = torch.stack([value, -value]).where(~value.isnan(), torch.inf)",
        "    first = value.clone()",
    )
    source = change(source, "dist.all_reduce(extremes, op=dist.ReduceOp.MAX)", "dist.broadcast(first, src=0)")
    return change(source, "torch.equal(extremes[0], -extremes[1])", "torch.equal(first, value)")


@mistake(
    "amp_ddp",
    says="Values that nearly agree count as the same.",
    why="Copies that have begun to part are a digit apart at first, and this is the question that should find it.",
    read="#do-they-agree",
)
def nearly_the_same(source):
    return change(source, "torch.equal(extremes[0], -extremes[1])", "torch.allclose(extremes[0], -extremes[1])")


@mistake(
    "amp_ddp",
    says="A NaN gets lost on the way to the largest value.",
    why="max(1, NaN) may be either of them: it depends on the order in which ranks are compared.",
    read="#do-they-agree",
)
def nan_lost(source):
    return change(source, ".where(~value.isnan(), torch.inf)  #", ".nan_to_num(0.0, torch.inf, -torch.inf)  #")
