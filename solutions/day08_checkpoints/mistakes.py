"""The wrong ways of day 8: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 8.1 standing


@mistake(
    "standing",
    says="The perplexity per token of the run is held against the target as it is, though their tokens differ.",
    why="Smaller tokens are easier to guess: with 4,096 of them a model looks better and knows no more.",
    read="#one-loss-four-units",
    seen="EleutherAI/lm-evaluation-harness issue 2301",
)
def token_against_token(source):
    return change(source, "mine.ppl_word < aim.ppl_word)", "mine.ppl_token < target)")


@mistake(
    "standing",
    says="The target was converted with the run's number of tokens, not with GPT-2's.",
    why="55 is meant per GPT-2 token. Read as 55 per token of the run, it is another target for each tokenizer.",
    read="#the-target-in-the-same-unit",
)
def target_in_own_tokens(source):
    return change(
        source, "units_of(math.log(target), GPT2_TOKENS[split],", 'units_of(math.log(target), record["tokens"],'
    )


@mistake(
    "standing",
    says="The perplexity per token was multiplied by the tokens per word; it is the loss that is multiplied.",
    why="Surprises add up, so perplexities multiply: two tokens of perplexity 3 make a word of perplexity 9, not 6.",
    read="#one-loss-four-units",
)
def perplexity_times_tokens(source):
    return change(source, "_exp(nats / words)", "_exp(loss) * tokens / words")


@mistake(
    "standing",
    says="The bits per byte are nats per byte: ln 2 is missing.",
    why="A bit is ln 2 = 0.69 nats. The number looks better by a third, and can be compared with nobody's.",
    read="#one-loss-four-units",
    seen="jlizier/jidt issue 12",
)
def nats_for_bits(source):
    return change(source, "nats / (math.log(2) * size)", "nats / size")


@mistake(
    "standing",
    says="The two counts of in_other_units are swapped.",
    why="Fewer pieces mean more surprise in each: 12 tokens of perplexity 3 are 6 words of perplexity 9.",
    read="#the-target-in-the-same-unit",
)
def counts_swapped(source):
    return change(source, "* count / other_count", "* other_count / count")


@mistake(
    "standing",
    says="The target is applied to any text.",
    why="Raw text has no <unk>, a drawn encyclopedia is easier by far: 55 means something else on each.",
    read="#the-target-in-the-same-unit",
)
def any_text(source):
    return change(source, 'if text != "wikitext2-tokens" or split not in', "if split not in")


# 8.2 experiments


@mistake(
    "experiments",
    says="A setting that only the later run has is overlooked.",
    why="Last week's run does not have the setting that you added today, and that may have made the difference.",
    read="#what-changed",
)
def only_what_was_there(source):
    return change(source, "sorted(before.keys() | after.keys())", "sorted(before)")


@mistake(
    "experiments",
    says="The names of the runs count as a difference.",
    why="They always differ, and then every run seems to have changed something.",
    read="#what-changed",
)
def names_count(source):
    return change(source, "name not in ignore and ", "")


@mistake(
    "experiments",
    says="Settings that became 0, None or empty are left out.",
    why="dropout 0.0 is a setting like any other: compare values, do not ask whether they are true.",
    read="#what-changed",
)
def false_is_nothing(source):
    return change(
        source, "and before.get(name) != after.get(name)", "and (before.get(name) or 0) != (after.get(name) or 0)"
    )


@mistake(
    "experiments",
    says="A | inside a cell ends the cell, also where it is written as \\|.",
    why="A person writes what they like into a cell; one bar, and the row has five cells.",
    read="#a-file-that-both-can-read",
)
def bar_ends_the_cell(source):
    return change(source, 're.split(r"(?<!\\\\)\\|", inside)', 'inside.split("|")')


@mistake(
    "experiments",
    says="The last character of every row is taken for its closing |.",
    why="Where that | is missing, the last cell loses its last letter.",
    read="#a-file-that-both-can-read",
)
def last_bar_taken_for_granted(source):
    return change(source, ' if line.endswith("|") and not line.endswith("\\\\|") else line[1:]', "")


@mistake(
    "experiments",
    says="A cell is written as it is: a | or a line break in it tears the row apart.",
    why="What add_row writes, read_log must be able to read.",
    read="#a-file-that-both-can-read",
)
def cells_as_they_are(source):
    return change(source, '" ".join(value.split()).replace("|", "\\\\|") for value', "value for value")


@mistake(
    "experiments",
    says="The new row went to the end of the file, not to the end of the table.",
    why="After the first note below the table no row is part of it any more.",
    read="#a-file-that-both-can-read",
)
def at_the_end_of_the_file(source):
    return change(source, "place = head + 2 + rows", "place = len(lines)")


@mistake(
    "experiments",
    says="Every row of every table in the file is taken for an experiment.",
    why="A log is a person's file: they may draw another table in it.",
    read="#a-file-that-both-can-read",
)
def table_never_ends(source):
    return change(source, "            break\n", "            continue\n")


@mistake(
    "experiments",
    says="A cell counts as filled as soon as it is not empty: dots and question marks do.",
    why="A log full of dots is complete for a program and empty for you, in three months.",
    read="#what-makes-a-log-worth-keeping",
)
def dots_are_words(source):
    return change(source, 'bool(re.search(r"\\w", cell))', "bool(cell.strip())")


@mistake(
    "experiments",
    says="What came may be what was expected, word for word.",
    why="Then nothing was looked at. The number that came is what the experiment was made for.",
    read="#what-makes-a-log-worth-keeping",
)
def copied_is_fine(source):
    return change(source, 'column == "came" and cell == experiment.expected', 'column == "came" and not cell')


# 8.3 accumulation


@mistake(
    "accumulation",
    says="The losses of the micro-batches are added up, each its own mean: nothing is divided by how many there are.",
    why="The gradient is as many times too large, and so is the loss that is shown.",
    read="#what-each-micro-batch-must-be-divided-by",
    seen="agokrani/distillKitPlus issue 5",
)
def not_divided(source):
    return change(source, "loss = total / scored", "loss = total / (y != -100).sum().clamp(min=1)")


@mistake(
    "accumulation",
    says="Each micro-batch is divided twice: by all scored tokens, and again by the number of micro-batches.",
    why="With four micro-batches the learning rate is a quarter of what you set, unless clipping hides it.",
    read="#what-each-micro-batch-must-be-divided-by",
)
def divided_twice(source):
    return change(source, "loss = total / scored ", "loss = total / scored / len(micro_batches) ")


@mistake(
    "accumulation",
    says="This is the mean of the micro-batches' means: their numbers of scored tokens are ignored.",
    why="A token in a short micro-batch then counts more than one in a long one; in the large batch it does not.",
    read="#what-each-micro-batch-must-be-divided-by",
    seen="huggingface/transformers issue 34191",
)
def mean_of_means(source):
    return change(
        source, "loss = total / scored ", "loss = total / (y != -100).sum().clamp(min=1) / len(micro_batches) "
    )


@mistake(
    "accumulation",
    says="All targets were counted, also those that are not scored.",
    why="Padding then makes the step smaller.",
    read="#what-each-micro-batch-must-be-divided-by",
    seen="PrimeIntellect-ai/prime-rl pull request 674",
)
def padding_counted(source):
    return change(source, "(y != -100).sum() for", "(y == y).sum() for")


@mistake(
    "accumulation",
    says="The optimizer takes a step after each micro-batch.",
    why="Then nothing was accumulated: these are small steps, each with a fraction of the gradient.",
    read="#the-order",
)
def stepped_each_time(source):
    source = change(
        source,
        "        losses.append(loss.detach())\n",
        "        losses.append(loss.detach())\n"
        "        grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
        "        if inspect is None or inspect(loss.detach(), grad_norm) is not False:\n"
        "            optimizer.step()\n"
        "            optimizer.zero_grad()\n",
    )
    source = change(
        source, "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n    result", "    result"
    )
    return change(source, "    if inspect is None or inspect(*result) is not False:\n        optimizer.step()\n", "")


@mistake(
    "accumulation",
    says="The gradients are cleared before each micro-batch: only the last one counts.",
    why="backward adds to what is there; that is all that accumulation needs. Clear once a step.",
    read="#the-order",
)
def cleared_each_time(source):
    source = change(source, "    optimizer.zero_grad()\n", "")
    return change(
        source, "        logits, _ = model(x)\n", "        optimizer.zero_grad()\n        logits, _ = model(x)\n"
    )


@mistake(
    "accumulation",
    says="The gradients of the step before are still there, and are added to.",
    why="Somebody has to clear them, once a step, before the first backward.",
    read="#the-order",
)
def never_cleared(source):
    return change(source, "    optimizer.zero_grad()\n", "")


@mistake(
    "accumulation",
    says="The gradients are clipped after each micro-batch, before all of them are there.",
    why="What is clipped is the norm of a part; and the parts that come later are added to a clipped one.",
    read="#the-order",
    seen="huggingface/transformers issue 1563",
)
def clipped_each_time(source):
    source = change(
        source,
        "        losses.append(loss.detach())\n",
        "        losses.append(loss.detach())\n"
        "        grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
    )
    return change(
        source, "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n    result", "    result"
    )


@mistake(
    "accumulation",
    says="All micro-batches go forward first, and backward comes once, for the sum of their losses.",
    why="The numbers are right, but all the graphs live at once: the memory is that of the large batch.",
    read="#one-graph-at-a-time",
    seen="meta-pytorch/torchtune pull request 1875",
)
def all_graphs_at_once(source):
    source = change(
        source, "        loss.backward()\n        losses.append(loss.detach())\n", "        losses.append(loss)\n"
    )
    return change(
        source,
        "    grad_norm = nn.utils",
        "    torch.stack(losses).sum().backward()\n"
        "    losses = [loss.detach() for loss in losses]\n"
        "    grad_norm = nn.utils",
    )


@mistake(
    "accumulation",
    says="The loss that comes back is that of the last micro-batch.",
    why="The curve shows a fraction of each step: as noisy as the small batch, and lower than the truth.",
    read="#the-loss-that-is-shown",
    seen="karpathy/nanochat pull request 52",
)
def last_loss_shown(source):
    return change(source, "torch.stack(losses).sum()", "losses[-1]")


@mistake(
    "accumulation",
    says="The loss that is shown is the sum of the micro-batches' means, while the gradients are right.",
    why="With accumulation_steps = 4 the curve begins at 4 ln V. Show the mean over the tokens of the step.",
    read="#the-loss-that-is-shown",
    seen="agokrani/distillKitPlus issue 5",
)
def summed_loss_shown(source):
    return change(
        source, "losses.append(loss.detach())", "losses.append(loss.detach() * scored / (y != -100).sum().clamp(min=1))"
    )


@mistake(
    "accumulation",
    says="The loss that comes back still has its graph.",
    why="Whoever keeps it for the log keeps the activations of all micro-batches.",
    read="#the-loss-that-is-shown",
)
def keeps_the_graph(source):
    return change(source, "losses.append(loss.detach())", "losses.append(loss)")


@mistake(
    "accumulation",
    says="Each loss is read into Python, with .item() or float().",
    why="A GPU waits at each micro-batch until Python has the number.",
    read="#the-loss-that-is-shown",
)
def loss_is_read(source):
    return change(source, "losses.append(loss.detach())", "losses.append(torch.tensor(loss.item()))")


@mistake(
    "accumulation",
    says="The loss was computed in the dtype of the logits, not in float32.",
    why="bfloat16 keeps three digits, and here a sum over all tokens is taken in it.",
    read="#what-each-micro-batch-must-be-divided-by",
    seen="google-deepmind/optax issue 1020",
)
def not_in_float32(source):
    return change(source, "logits.float().flatten", "logits.flatten")


@mistake(
    "accumulation",
    says="A step in which nothing is scored is 0/0 = NaN.",
    why="One such step puts NaN into every parameter.",
    read="#what-each-micro-batch-must-be-divided-by",
)
def nan_for_nothing(source):
    return change(source, ".sum().clamp(min=1)\n", ".sum()\n")


@mistake(
    "accumulation",
    says="The answer of inspect is not looked at: the optimizer always takes its step.",
    why="In 8.6 a monitor answers False when a gradient would do harm.",
    read="#the-order",
)
def answer_ignored(source):
    return change(
        source,
        "    if inspect is None or inspect(*result) is not False:\n        optimizer.step()\n",
        "    if inspect is not None:\n        inspect(*result)\n    optimizer.step()\n",
    )


@mistake(
    "accumulation",
    says="An inspect that answers nothing (None) leaves the step out, too.",
    why="A function that only looks, and returns nothing, would stop the training without a word.",
    read="#the-order",
)
def none_is_no(source):
    return change(source, "inspect(*result) is not False", "inspect(*result)")


@mistake(
    "accumulation",
    says="inspect is asked before the gradients are clipped.",
    why="Whoever looks at the gradients there sees others than those that would be applied.",
    read="#the-order",
)
def inspected_before_clipping(source):
    source = change(source, "    result = StepResult(torch.stack(losses).sum(), grad_norm)\n", "")
    source = change(
        source,
        "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
        "    norms = [p.grad.norm() for p in model.parameters() if p.grad is not None]\n"
        "    result = StepResult(torch.stack(losses).sum(), torch.stack(norms).norm())\n"
        "    wanted = inspect is None or inspect(*result) is not False\n"
        "    nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
    )
    return change(source, "    if inspect is None or inspect(*result) is not False:\n", "    if wanted:\n")


@mistake(
    "accumulation",
    says="The batches that are left over at the end are dropped.",
    why="Seven batches, three at a time: one batch in seven is never learned from.",
    read="#the-order",
    seen="tomhosking/torchseq issue 8",
)
def tail_dropped(source):
    return change(source, "    if group:\n        yield group\n", "")


@mistake(
    "accumulation",
    says="An empty list is given at the end when nothing is left over.",
    why="A step without a batch: accumulated_step refuses it, at the end of the epoch.",
    read="#the-order",
)
def empty_group(source):
    return change(source, "    if group:\n        yield group\n", "    yield group\n")


@mistake(
    "accumulation",
    says="All batches are fetched before the first group is given.",
    why="An epoch does not fit into memory, and an endless stream of batches never begins.",
    read="#the-order",
)
def all_fetched_first(source):
    return change(source, "for batch in batches:", "for batch in list(batches):")


# 8.4 board


@mistake(
    "board",
    says="The numbers are recorded against the steps only.",
    why="Of two runs with different batches the one with the larger batch always looks better per step.",
    read="#two-axes",
)
def steps_only(source):
    return change(source, '                self._writer.add_scalar(f"by_tokens/{name}", value, tokens)\n', "")


@mistake(
    "board",
    says="by_tokens is drawn at the steps, not at the tokens.",
    why="Then both curves are the same, and neither can be compared between batch sizes.",
    read="#two-axes",
)
def tokens_at_steps(source):
    return change(source, 'f"by_tokens/{name}", value, tokens', 'f"by_tokens/{name}", value, step')


@mistake(
    "board",
    says="Numbers that are not finite are left out.",
    why="The NaN is the most important point of the curve: without it the run seems to have ended by itself.",
    read="#two-axes",
)
def nan_left_out(source):
    return change(
        source,
        "            for name, value in values.items():\n",
        "            for name, value in values.items():\n"
        "                if value - value != 0:\n"
        "                    continue\n",
    )


@mistake(
    "board",
    says="Closing does not close the writer: what is in memory is not written out.",
    why="TensorBoard's writer collects for up to two minutes. The end of the run is lost, and a short run altogether.",
    read="#only-when-asked",
    seen="allenai/allennlp issue 3082",
)
def never_closed(source):
    source = change(source, "            self._writer.close()\n", "            pass\n")
    return change(source, "self._writer = self._run = None\n", "self._run = None\n")


@mistake(
    "board",
    says="TensorBoard is imported for every backend, also for none.",
    why="Who wants no board should need none installed.",
    read="#only-when-asked",
)
def always_imported(source):
    return change(
        source,
        '        if backend == "none":\n            return\n',
        '        import torch.utils.tensorboard  # noqa: F401\n\n        if backend == "none":\n            return\n',
    )


@mistake(
    "board",
    says="A missing package gives a board that records nothing, without a word.",
    why="Nobody wants to find out in the morning that nothing was recorded.",
    read="#only-when-asked",
)
def silently_nothing(source):
    return change(
        source,
        "            raise ModuleNotFoundError(\n"
        '                f"{backend} was asked for, but is not installed: pip install {backend}, or run without it"\n'
        "            ) from error\n",
        "            del error\n",
    )


@mistake(
    "board",
    says="An unknown backend is taken for W&B.",
    why="A slip of the pen asks for another package instead of being refused.",
    read="#only-when-asked",
)
def any_backend(source):
    return change(source, "if backend not in BACKENDS:", "if not backend:")


@mistake(
    "board",
    says="W&B is online unless somebody says otherwise.",
    why="It asks for an account in the middle of the night, and sends your numbers to a server unasked.",
    read="#only-when-asked",
)
def online_by_default(source):
    return change(source, 'os.environ.get("WANDB_MODE", "offline")', 'os.environ.get("WANDB_MODE", "online")')


@mistake(
    "board",
    says="W&B is always offline, whatever WANDB_MODE says.",
    why="Who wants to see the curves on the server has no way to say so.",
    read="#only-when-asked",
)
def always_offline(source):
    return change(source, 'os.environ.get("WANDB_MODE", "offline")', '"offline"')


@mistake(
    "board",
    says="W&B does not get the number of tokens.",
    why="Its curves can then be drawn against steps only.",
    read="#two-axes",
)
def wandb_without_tokens(source):
    return change(source, '{**values, "tokens": tokens}', "dict(values)")


# 8.5 checkpoint


@mistake(
    "checkpoint",
    says="The file has its name before it is written: the old checkpoint is gone as soon as the new one begins.",
    why="A crash in the middle leaves half a file under the name that the resume looks for.",
    read="#whole-or-not-at-all",
    seen="Lightning-AI/pytorch-lightning issue 688",
)
def named_before_written(source):
    source = change(source, 'unfinished = path.with_name(path.name + ".unfinished")', "unfinished = path")
    return change(source, "    finally:\n        unfinished.unlink(missing_ok=True)\n", "    finally:\n        pass\n")


@mistake(
    "checkpoint",
    says="torch.save writes straight to the checkpoint's own name.",
    why="While it writes, there is no whole checkpoint; and the bytes may be in a cache when the power goes.",
    read="#whole-or-not-at-all",
    seen="PrimeIntellect-ai/prime-rl pull request 2992",
)
def straight_to_its_place(source):
    start = source.index('    unfinished = path.with_name(path.name + ".unfinished")')
    end = source.index("def load_checkpoint")
    return source[:start] + "    torch.save(state, path)\n\n\n" + source[end:]


@mistake(
    "checkpoint",
    says="The file is renamed without being forced to the disk first.",
    why="The name may reach the disk before the contents do: after a power cut the checkpoint is full of zeros.",
    read="#whole-or-not-at-all",
)
def not_forced(source):
    return change(source, "            os.fsync(file.fileno())\n", "")


@mistake(
    "checkpoint",
    says="The file is forced to the disk while some of it is still in Python's own memory.",
    why="What was not there yet is not forced: a power cut leaves a file without its end.",
    read="#whole-or-not-at-all",
)
def forced_before_flushed(source):
    return change(source, "            file.flush()\n", "")


@mistake(
    "checkpoint",
    says="A save that fails leaves its unfinished file behind.",
    why="A full disk is the worst place to leave half a checkpoint lying about.",
    read="#whole-or-not-at-all",
)
def leaves_the_unfinished(source):
    return change(source, "    finally:\n        unfinished.unlink(missing_ok=True)\n", "    finally:\n        pass\n")


@mistake(
    "checkpoint",
    says="An error of a full disk is swallowed.",
    why="The run goes on for hours and believes that it is saved.",
    read="#whole-or-not-at-all",
)
def full_disk_swallowed(source):
    return change(source, "    finally:\n", "    except OSError:\n        pass\n    finally:\n")


@mistake(
    "checkpoint",
    says="The checksums are not compared: a checkpoint with a flipped bit is loaded as if nothing were.",
    why="torch.load does not look at them. The run goes on with a weight that nobody has trained.",
    read="#a-file-that-cannot-lie",
)
def checksums_not_compared(source):
    return change(source, "broken = archive.testzip()", "broken = None")


@mistake(
    "checkpoint",
    says="The file is loaded with weights_only=False: code in it is run.",
    why="A pickle can do whatever the one who wrote it liked, with your rights, the moment you load it.",
    read="#a-file-that-cannot-lie",
    seen="rohitg00/ai-engineering-from-scratch pull request 260",
)
def runs_what_is_in_it(source):
    return change(source, "weights_only=True)", "weights_only=False)")


@mistake(
    "checkpoint",
    says="A file that is not there is called damaged.",
    why='The one means "begin anew", the other "take the one before".',
    read="#a-file-that-cannot-lie",
)
def missing_is_damaged(source):
    return change(
        source, 'raise FileNotFoundError(f"{path} is not there")', 'raise ValueError(f"{path} is no whole checkpoint")'
    )


@mistake(
    "checkpoint",
    says="What the libraries raise goes through as it is: another error for each way to be damaged.",
    why="Whoever looks for the newest whole checkpoint would have to know them all.",
    read="#a-file-that-cannot-lie",
)
def errors_as_they_come(source):
    return change(source, "    except Exception as error:", "    except EOFError as error:")


@mistake(
    "checkpoint",
    says="Python's own random generator is lost.",
    why="Whatever uses `random` (a shuffle, an augmentation) goes on with other numbers.",
    read="#every-generator",
    seen="huggingface/transformers pull request 11582",
)
def python_lost(source):
    return change(source, '    random.setstate(state["python"])\n', "")


@mistake(
    "checkpoint",
    says="NumPy's random generator is lost.",
    why="The code that prepares data draws from it more often than you think.",
    read="#every-generator",
)
def numpy_lost(source):
    return change(source, "    np.random.set_state((name, keys.numpy(), *rest))\n", "")


@mistake(
    "checkpoint",
    says="PyTorch's random generator is lost.",
    why="Dropout draws other masks: the next loss is another one.",
    read="#every-generator",
    seen="huggingface/transformers pull request 17055",
)
def torch_lost(source):
    return change(source, '    torch.set_rng_state(state["torch"])\n', "")


@mistake(
    "checkpoint",
    says="The generators of the CUDA devices are lost.",
    why="On a GPU, dropout draws from the device's own generator.",
    read="#every-generator",
)
def cuda_lost(source):
    return change(source, 'enumerate(state["cuda"][: torch.cuda.device_count()])', "enumerate([])")


@mistake(
    "checkpoint",
    says="The generators of devices that are not here are put back, too: an error.",
    why="What was saved on eight GPUs should still be of use on one, or on none.",
    read="#every-generator",
)
def devices_not_here(source):
    return change(source, 'state["cuda"][: torch.cuda.device_count()]', 'state["cuda"]')


@mistake(
    "checkpoint",
    says="Each generator is seeded anew instead of being put back.",
    why="A seed is where it began, not where it was: the numbers of the run's beginning come once more.",
    read="#every-generator",
    seen="ai2cm/ace issue 690",
)
def seeded_anew(source):
    return change(
        source,
        '    random.setstate(state["python"])\n',
        "    random.seed(0), np.random.seed(0), torch.default_generator.manual_seed(0)\n    return\n"
        '    random.setstate(state["python"])\n',
    )


@mistake(
    "checkpoint",
    says="NumPy's state went into the checkpoint as an array.",
    why="It is no tensor: a file with it can only be loaded by running the code in it.",
    read="#every-generator",
    seen="NVIDIA/Isaac-GR00T pull request 300",
)
def numpy_array_kept(source):
    source = change(source, "torch.from_numpy(keys)", "keys")
    return change(source, "keys.numpy()", "keys")


# 8.5 checkpoint_folder


@mistake(
    "checkpoint_folder",
    says="The names are sorted as text: step 100000000 comes before step 99999999.",
    why="The oldest is then taken for the newest, and the newest is deleted.",
    read="#names-and-what-they-promise",
    seen="allenai/open-instruct pull request 541",
)
def sorted_as_text(source):
    return change(source, "sorted(found, key=_step_of, reverse=True)", "sorted(found, reverse=True)")


@mistake(
    "checkpoint_folder",
    says="The newest is the one with the youngest date of its file.",
    why="Dates change when a folder is copied or taken from a backup; the step stands in the name.",
    read="#names-and-what-they-promise",
    seen="huggingface/transformers issue 26961",
)
def newest_by_date(source):
    return change(
        source,
        "        for path in self._steps():\n            try:",
        "        for path in sorted(self._steps(), key=lambda path: path.stat().st_mtime, reverse=True):\n"
        "            try:",
    )


@mistake(
    "checkpoint_folder",
    says="Old checkpoints are deleted before the new one is written.",
    why="If that save fails, the last good checkpoint may be gone.",
    read="#keep-the-last-few",
    seen="bghira/SimpleTuner pull request 2989",
)
def deleted_first(source):
    return change(
        source,
        "        save_checkpoint(path, state)\n        past =",
        "        for old in [there for there in self._steps() if _step_of(there) < step][self.keep - 1 :]:\n"
        "            old.unlink()\n"
        "        save_checkpoint(path, state)\n        past =",
    )


@mistake(
    "checkpoint_folder",
    says="One checkpoint too many is kept.",
    why="On a full disk that one is the reason.",
    read="#keep-the-last-few",
    seen="bghira/SimpleTuner pull request 2989",
)
def one_too_many(source):
    return change(source, "past[self.keep :]", "past[self.keep + 1 :]")


@mistake(
    "checkpoint_folder",
    says="Nothing is ever deleted.",
    why="A checkpoint of GPT-2 small with AdamW's memory is 1.5 GB; an hour's run has dozens.",
    read="#keep-the-last-few",
)
def nothing_deleted(source):
    return change(source, "            old.unlink()\n", "            pass\n")


@mistake(
    "checkpoint_folder",
    says="The newest of all checkpoints are kept, so that a save at a lower step deletes itself.",
    why="When the newest is damaged, the run goes on from an earlier step: its next checkpoint must stay.",
    read="#keep-the-last-few",
    seen="huggingface/transformers pull request 37260",
)
def later_ones_count(source):
    return change(
        source, "past = [there for there in self._steps() if _step_of(there) <= step]", "past = self._steps()"
    )


@mistake(
    "checkpoint_folder",
    says="Everything that ends in .pt is taken for an old checkpoint.",
    why="best.pt goes with them.",
    read="#keep-the-last-few",
)
def every_pt_is_old(source):
    return change(
        source,
        "        past = [there for there in self._steps() if _step_of(there) <= step]\n"
        "        for old in past[self.keep :]:\n",
        "        past = [there for there in self._steps() if _step_of(there) <= step]\n"
        '        others = [there for there in self.folder.glob("*.pt") if there not in self._steps()]\n'
        "        for old in [*past[self.keep :], *others]:\n",
    )


@mistake(
    "checkpoint_folder",
    says="What a killed save left unfinished stays for ever.",
    why="Each kill in the middle of a save leaves a file as large as a checkpoint.",
    read="#keep-the-last-few",
    seen="howervoo/speechturn issue 15",
)
def unfinished_stay(source):
    return change(source, "            unfinished.unlink()\n", "            pass\n")


@mistake(
    "checkpoint_folder",
    says="The best loss is remembered in the object only: after a restart anything is the best.",
    why="The first validation after a resume then overwrites best.pt, however bad it is.",
    read="#best-means-best-so-far",
    seen="NVIDIA-NeMo/Automodel issue 3040",
)
def best_forgotten(source):
    return change(source, "self._best = self._loss_of_best()", "self._best = math.inf")


@mistake(
    "checkpoint_folder",
    says="best.pt is overwritten by every validation.",
    why="Then it is the last, not the best.",
    read="#best-means-best-so-far",
    seen="karpathy/nanoGPT, train.py: best_val_loss with always_save_checkpoint",
)
def every_one_is_best(source):
    return change(source, "        if not val_loss < self._best:\n            return False\n", "")


@mistake(
    "checkpoint_folder",
    says="A loss of NaN can become the best.",
    why="`NaN >= best` is False, so a test written that way lets it through; and nothing is ever lower than NaN.",
    read="#best-means-best-so-far",
    seen="Bjarten/early-stopping-pytorch pull request 28",
)
def nan_is_best(source):
    return change(source, "if not val_loss < self._best:", "if val_loss >= self._best:")


@mistake(
    "checkpoint_folder",
    says="The loss was noted as the best before the file was written.",
    why="If the save fails, later and better models are measured against one that does not exist.",
    read="#best-means-best-so-far",
)
def noted_before_written(source):
    source = change(source, "        self._best = float(val_loss)\n        return True", "        return True")
    return change(
        source,
        '        save_checkpoint(self.folder / "best.pt"',
        '        self._best = float(val_loss)\n        save_checkpoint(self.folder / "best.pt"',
    )


@mistake(
    "checkpoint_folder",
    says="A loss from NumPy is stored as NumPy's.",
    why="It is no plain number: best.pt cannot be loaded any more, and after a restart anything is the best.",
    read="#best-means-best-so-far",
    seen="deepmodeling/deepmd-kit pull request 4147",
)
def numpy_loss_kept(source):
    return change(source, '"val_loss": float(val_loss)}', '"val_loss": val_loss}')


@mistake(
    "checkpoint_folder",
    says="val_loss is put into the caller's own dict.",
    why="The same state is often saved as the newest as well; it should be what the caller made it.",
    read="#best-means-best-so-far",
)
def state_is_changed(source):
    return change(
        source,
        '        save_checkpoint(self.folder / "best.pt", {**state, "val_loss": float(val_loss)})',
        '        state["val_loss"] = float(val_loss)\n        save_checkpoint(self.folder / "best.pt", state)',
    )


@mistake(
    "checkpoint_folder",
    says="The newest checkpoint is loaded, damaged or not: an error comes up instead of the one before.",
    why="That is what the older ones are kept for.",
    read="#the-newest-that-is-whole",
)
def no_second_try(source):
    return change(source, "                self.damaged.append((path, str(error)))\n", "                raise error\n")


@mistake(
    "checkpoint_folder",
    says="Damaged checkpoints are passed over without being listed.",
    why="A run that starts again two hours back should say why.",
    read="#the-newest-that-is-whole",
)
def damage_not_listed(source):
    return change(source, "                self.damaged.append((path, str(error)))\n", "                continue\n")


@mistake(
    "checkpoint_folder",
    says="Damaged checkpoints are deleted.",
    why="Perhaps the disk was only not there for a moment. Deleting somebody's file is their business.",
    read="#the-newest-that-is-whole",
)
def damaged_deleted(source):
    return change(
        source,
        "                self.damaged.append((path, str(error)))\n",
        "                self.damaged.append((path, str(error)))\n                path.unlink()\n",
    )


# 8.5 training_state


@mistake(
    "training_state",
    says="The optimizer's memory is lost: its running means begin at 0 again.",
    why="The first steps after the resume are as wild as the first of a run, and now without a warm-up.",
    read="#what-the-next-loss-depends-on",
    seen="NVlabs/stylegan2-ada-pytorch issue 108",
)
def optimizer_lost(source):
    return change(source, '    run.optimizer.load_state_dict(state["optimizer"])\n', "")


@mistake(
    "training_state",
    says="The schedule is lost: it counts from 0 again.",
    why="The learning rate goes along the curve of another run.",
    read="#what-the-next-loss-depends-on",
    seen="YehLi/xmodaler issue 15",
)
def schedule_lost(source):
    return change(source, '    run.schedule.load_state_dict(state["schedule"])\n', "")


@mistake(
    "training_state",
    says="The scaler is lost: it begins with its first scale again.",
    why="The steps after the resume overflow, and are left out until the scale has come down once more.",
    read="#what-the-next-loss-depends-on",
    seen="huggingface/transformers pull request 11663",
)
def scaler_lost(source):
    return change(source, '    run.scaler.load_state_dict(state["scaler"])\n', "")


@mistake(
    "training_state",
    says="The place in the data is lost: the resumed run begins with the first batch again.",
    why="The first texts are learned from twice, the last ones never, at each resume.",
    read="#what-the-next-loss-depends-on",
    seen="karpathy/nanoGPT issue 467; Lightning-AI/litgpt issue 1712",
)
def place_lost(source):
    source = change(source, '    run.batches.epoch = state["data"]["epoch"]\n', "")
    return change(source, '    run.batches.taken = state["data"]["taken"]\n', "")


@mistake(
    "training_state",
    says="The epoch is remembered, but not the place in it: the epoch begins from its start.",
    why="Half an epoch is learned from twice.",
    read="#what-the-next-loss-depends-on",
    seen="huggingface/transformers issue 17032",
)
def epoch_begun_again(source):
    return change(source, '    run.batches.taken = state["data"]["taken"]\n', "")


@mistake(
    "training_state",
    says="The random generators are lost.",
    why="Dropout and everything else that is drawn goes on with other numbers.",
    read="#what-the-next-loss-depends-on",
    seen="pytorch/torchtitan issue 1194",
)
def generators_lost(source):
    return change(source, '    restore_rng(state["rng"])\n', "")


@mistake(
    "training_state",
    says="The number of steps is not put back.",
    why="The run then trains as many steps more as it has done, and its checkpoints get names that were used before.",
    read="#what-the-next-loss-depends-on",
)
def step_lost(source):
    return change(source, '    run.step = state["step"]\n', "")


@mistake(
    "training_state",
    says="The model itself went into the state, not its state_dict.",
    why="A pickled module holds the names of your classes and files: it can only be loaded by running code, and not "
    "after you have renamed one of them.",
    read="#state-dicts-not-objects",
    seen="pytorch/pytorch issue 18325",
)
def whole_module(source):
    source = change(source, '"model": run.model.state_dict()', '"model": run.model')
    return change(
        source, 'run.model.load_state_dict(state["model"])', 'run.model.load_state_dict(state["model"].state_dict())'
    )


@mistake(
    "training_state",
    says="The object that deals out the data went into the state, not its two numbers.",
    why="It is a class of yours: only by running code can a checkpoint with it be loaded, and not after you have "
    "renamed it.",
    read="#state-dicts-not-objects",
)
def whole_batches(source):
    source = change(source, '{"epoch": run.batches.epoch, "taken": run.batches.taken}', "run.batches")
    source = change(source, 'state["data"]["epoch"]', 'state["data"].epoch')
    return change(source, 'state["data"]["taken"]', 'state["data"].taken')


@mistake(
    "training_state",
    says="The weights are loaded with strict=False.",
    why="What does not fit is passed over without a word. Names that have changed leave a model half random.",
    read="#state-dicts-not-objects",
    seen="pytorch/examples issue 1029",
)
def not_strict(source):
    return change(
        source,
        '    run.model.load_state_dict(state["model"])\n',
        '    fitting = {n: w for n, w in state["model"].items() if w.shape == run.model.state_dict()[n].shape}\n'
        "    run.model.load_state_dict(fitting, strict=False)\n",
    )


@mistake(
    "training_state",
    says="The model comes last: when it does not fit, the rest has been put back already.",
    why="An error should leave things as they were.",
    read="#what-the-next-loss-depends-on",
)
def model_last(source):
    source = change(source, '    run.model.load_state_dict(state["model"])\n', "")
    return change(
        source,
        '    restore_rng(state["rng"])\n',
        '    restore_rng(state["rng"])\n    run.model.load_state_dict(state["model"])\n',
    )


# 8.6 monitor


@mistake(
    "monitor",
    says="The limit is built on mean and standard deviation.",
    why="One outlier moves both so far that it hides itself: of 1 2 3 4 100, the mean is 22 and the deviation 39.",
    read="#an-ordinary-value",
)
def mean_and_deviation(source):
    source = change(source, "median = statistics.median(values)", "median = statistics.fmean(values)")
    return change(
        source, "1.4826 * statistics.median(abs(value - median) for value in values)", "statistics.pstdev(values)"
    )


@mistake(
    "monitor",
    says="The median of the distances is not multiplied by 1.4826.",
    why="It is two thirds of a standard deviation: the limit is lower than it says, and ordinary steps are left out.",
    read="#an-ordinary-value",
)
def spread_not_scaled(source):
    return change(source, "spread = 1.4826 * statistics.median(", "spread = statistics.median(")


@mistake(
    "monitor",
    says="The spread may become 0.",
    why="After a stretch of values that hardly differ, the next one that does is taken for a spike.",
    read="#an-ordinary-value",
)
def no_least_spread(source):
    return change(source, "max(spread, 0.05 * abs(median))", "spread")


@mistake(
    "monitor",
    says="Of an even number of values one of the two in the middle was taken, not their mean.",
    why="With few values the limit then depends on which.",
    read="#an-ordinary-value",
)
def upper_median(source):
    return change(source, "    median = statistics.median(values)\n", "    median = statistics.median_high(values)\n")


@mistake(
    "monitor",
    says="Low values are spikes too.",
    why="A loss that falls quickly is what you are here for.",
    read="#what-counts-as-bad",
)
def low_is_bad(source):
    return change(
        source,
        "                if value > limit:",
        "                if value > limit or value < 2 * statistics.median(good) - limit:",
    )


@mistake(
    "monitor",
    says="Only the loss is watched for spikes, not the gradient norm.",
    why="The norm jumps first: when the loss does, the step that caused it has been taken.",
    read="#what-counts-as-bad",
)
def norm_not_watched(source):
    return change(
        source, "            if len(good) >= self.least:", '            if name == "loss" and len(good) >= self.least:'
    )


@mistake(
    "monitor",
    says="NaN slips through: it is above no limit, for every comparison with NaN is False.",
    why="No limit catches it, so it must be asked for by itself.",
    read="#what-counts-as-bad",
)
def nan_slips_through(source):
    return change(source, "            if not math.isfinite(value):", "            if math.isinf(value):")


@mistake(
    "monitor",
    says="The loss is held against the limit of the gradient norms, and the norm against that of the losses.",
    why="The two have nothing to do with each other: each has its own window, and its own limit.",
    read="#what-counts-as-bad",
)
def limits_swapped(source):
    return change(
        source,
        '("loss", loss, self.losses), ("gradient norm", grad_norm, self.grad_norms)',
        '("loss", loss, self.grad_norms), ("gradient norm", grad_norm, self.losses)',
    )


@mistake(
    "monitor",
    says="Spikes are looked for from the first step on.",
    why="Two values do not tell what is ordinary, and at the start everything changes quickly.",
    read="#what-counts-as-bad",
)
def too_little_known(source):
    return change(source, "len(good) >= self.least", "len(good) >= 1")


@mistake(
    "monitor",
    says="Bad steps are remembered among the good ones.",
    why="A few spikes, and spikes are ordinary; one NaN, and the median is NaN.",
    read="#what-is-remembered",
)
def bad_ones_remembered(source):
    return change(
        source,
        "        self.bad_in_a_row += 1\n",
        "        if math.isfinite(loss) and math.isfinite(grad_norm):\n"
        "            self.losses.append(loss)\n            self.grad_norms.append(grad_norm)\n"
        "        self.bad_in_a_row += 1\n",
    )


@mistake(
    "monitor",
    says="All steps since the beginning are remembered, not the newest `window`.",
    why="The losses of the first hour say what is ordinary in the tenth.",
    read="#what-is-remembered",
)
def window_without_end(source):
    source = change(source, "self.losses: deque[float] = deque(maxlen=window)", "self.losses: deque[float] = deque()")
    return change(
        source, "self.grad_norms: deque[float] = deque(maxlen=window)", "self.grad_norms: deque[float] = deque()"
    )


@mistake(
    "monitor",
    says="A good step does not end the row of bad ones: all bad steps of the run are counted.",
    why="Five bad steps in a week are none in a row. The run would stop for nothing.",
    read="#skip-and-in-the-end-stop",
)
def row_never_ends(source):
    return change(
        source, "            self.bad_in_a_row = 0\n            return Decision", "            return Decision"
    )


@mistake(
    "monitor",
    says="It stops one bad step too late.",
    why="`patience` bad steps in a row end the run: the one with that number is the last.",
    read="#skip-and-in-the-end-stop",
)
def one_too_late(source):
    return change(source, "self.bad_in_a_row >= self.patience", "self.bad_in_a_row > self.patience")


@mistake(
    "monitor",
    says="It never stops.",
    why="When the parameters themselves are broken, every step is bad: a night of skipping is a night lost.",
    read="#skip-and-in-the-end-stop",
)
def never_stops(source):
    return change(source, '            action = "stop"\n', "            pass\n")


@mistake(
    "monitor",
    says="What was done is not written down: there are no events.",
    why="In the morning you want to know which steps were left out, and why.",
    read="#skip-and-in-the-end-stop",
)
def no_events(source):
    return change(source, "        self.events.append(", "        dict(")


@mistake(
    "monitor",
    says="A spike of the loss is reported before a gradient norm that is NaN.",
    why="The NaN is the worse of the two, and the one to look for.",
    read="#what-counts-as-bad",
)
def spike_before_nan(source):
    start, end = (
        source.index("        for name, value, _ in numbers:"),
        source.index("        for name, value, good in numbers:"),
    )
    finite = source[start:end]
    source = source.replace(finite, "")
    return change(source, '        return ""\n', finite.replace("value, _ in", "value, _ in") + '        return ""\n')


@mistake(
    "monitor",
    says="After load_state_dict the window has no end any more.",
    why="What is made anew from a saved list does not know how long it may be: the resumed run decides otherwise.",
    read="#what-is-remembered",
)
def window_lost(source):
    source = change(source, 'deque(state["losses"], self.losses.maxlen)', 'deque(state["losses"])')
    return change(source, 'deque(state["grad_norms"], self.grad_norms.maxlen)', 'deque(state["grad_norms"])')


@mistake(
    "monitor",
    says="The count of bad steps in a row is missing in the state.",
    why="A run that is killed and resumed in the middle of a bad row begins to count anew, and may do so for ever.",
    read="#what-is-remembered",
)
def row_not_kept(source):
    return change(source, 'self.bad_in_a_row = state["bad_in_a_row"]', "self.bad_in_a_row = 0")


@mistake(
    "monitor",
    says="The state shares its lists with the monitor, and changes as the monitor goes on.",
    why="A state is what was then. Copy the lists.",
    read="#what-is-remembered",
)
def state_is_shared(source):
    source = change(source, '"losses": list(self.losses)', '"losses": self.losses')
    source = change(source, '"grad_norms": list(self.grad_norms)', '"grad_norms": self.grad_norms')
    return change(source, '"events": [dict(event) for event in self.events],', '"events": self.events,')
