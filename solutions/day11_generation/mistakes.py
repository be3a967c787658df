"""The wrong ways of day 11: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 11.1 convergence


@mistake(
    "convergence",
    says="The verdict comes from the last two validations, and not from the last part of the run.",
    why="Two neighbours differ by little in any long run: with enough validations every run looks converged.",
    read="#two-parts-not-two-points",
)
def last_two_validations(source):
    return change(
        source,
        'gain = min(early) - min(late) if early and late else float("nan")',
        'gain = validations[-2][1] - validations[-1][1] if early and late else float("nan")',
    )


@mistake(
    "convergence",
    says="The gain compares the last losses of both parts, and not the best ones.",
    why="The curve wobbles. One unlucky validation at the end of a part would decide what the whole run is called.",
    read="#two-parts-not-two-points",
)
def last_instead_of_best(source):
    return change(source, "gain = min(early) - min(late)", "gain = early[-1] - late[-1]")


@mistake(
    "convergence",
    says="The last part is a share of the validations' number, and not of the steps.",
    why="Where validations are not evenly spread, that is another stretch of the run: an early one, perhaps.",
    read="#two-parts-not-two-points",
)
def share_of_the_validations(source):
    return change(
        source,
        """    early = [loss for step, loss in validations if step <= border]
    late = [loss for step, loss in validations if step > border]
""",
        """    kept = len(validations) - round(share * len(validations))
    early = [loss for step, loss in validations[:kept]]
    late = [loss for step, loss in validations[kept:]]
""",
    )


@mistake(
    "convergence",
    says="A validation that lies exactly on the border is counted in the last part.",
    why="The last part is what came after the border. What was reached at it is what there is to be beaten.",
    read="#two-parts-not-two-points",
)
def border_in_the_last_part(source):
    source = change(source, "validations if step <= border]", "validations if step < border]")
    return change(source, "validations if step > border]", "validations if step >= border]")


@mistake(
    "convergence",
    says="The validations are taken in the order of the file, and not of their steps.",
    why="A run that was resumed may have written them in another order; the last line is not the last step.",
    read="#two-parts-not-two-points",
)
def order_of_the_file(source):
    return change(
        source,
        'sorted((r["step"], r["val_loss"]) for r in records if "val_loss" in r)',
        '[(r["step"], r["val_loss"]) for r in records if "val_loss" in r]',
    )


@mistake(
    "convergence",
    says="A validation that rises is called overfitting, whatever the training loss does.",
    why="If the training loss rises too, nothing was learned by heart: the learning rate is too high.",
    read="#four-answers",
)
def rising_is_overfitting(source):
    return change(source, '"overfitting" if train_late < train_before else "unstable"', '"overfitting"')


@mistake(
    "convergence",
    says="That the validation has gone up again is not looked at: the best of the run decides alone.",
    why="A run that overfits since yesterday is called improving, because it was better than ever the day before.",
    read="#four-answers",
)
def rise_ignored(source):
    return change(source, "elif above_best > least:", "elif above_best > 1e9:")


@mistake(
    "convergence",
    says="The learning rate that is left is a share of the first one, and not of the highest.",
    why="The first belongs to the warm-up and is tiny. Whether the schedule has run out shows against the peak.",
    read="#what-the-schedule-hides",
)
def share_of_the_first_rate(source):
    return change(source, "rates[-1] / max(rates)", "rates[-1] / rates[0]")


@mistake(
    "convergence",
    says="The gap is that to the last training loss, and not to the mean of the last part.",
    why="One batch is easy, the next one hard: the gap would jump about from one step to the other.",
    read="#four-answers",
)
def gap_to_the_last_step(source):
    return change(source, "last - train_late,", "last - losses[-1][1] if losses else train_late,")


@mistake(
    "convergence",
    says="A step that the guard left out is read for a loss, and it has none.",
    why="The records of a long run hold such steps. The one run that needs a verdict would end in an error.",
    read="#two-parts-not-two-points",
)
def skipped_steps_read(source):
    return change(
        source,
        '[(r["step"], r["loss"]) for r in records if "loss" in r]',
        '[(r["step"], r["loss"]) for r in records if "lr" in r]',
    )


@mistake(
    "convergence",
    says="The last validation is held against the best one before the last part, and not against the best of all.",
    why="A run that was best within its last part and has got worse since would seem to have got worse by nothing.",
    read="#four-answers",
)
def above_the_early_best(source):
    return change(
        source,
        "last - min(loss for _, loss in validations)",
        "max(0.0, last - min(early or [loss for _, loss in validations]))",
    )


@mistake(
    "convergence",
    says="A gain of exactly the least counts as none.",
    why="Where the limit lies is part of the rule: what is at least the least is progress.",
    read="#four-answers",
)
def more_than_the_least(source):
    return change(source, "gain >= least", "gain > least")


@mistake(
    "convergence",
    says="A validation that lies above the best by exactly the least counts as one that has gone up.",
    why="The rule says: more than. So little is the wobble that every run has.",
    read="#four-answers",
)
def as_far_as_the_least(source):
    return change(source, "above_best > least", "above_best >= least")


@mistake(
    "convergence",
    says="Three validations are enough for a verdict.",
    why="Then one of the two parts consists of a single number, and a single number may be luck.",
    read="#four-answers",
)
def three_are_enough(source):
    return change(source, "len(validations) < 4", "len(validations) < 3")


@mistake(
    "convergence",
    says="The training loss of the last part is held against that of the whole run before, not of the part before.",
    why="At the beginning of a run the loss is high: the last part is below that mean even if it is rising.",
    read="#four-answers",
)
def training_since_the_beginning(source):
    return change(source, "if before < step <= border]", "if step <= border]")


@mistake(
    "convergence",
    says="The learning rate that is left is that of the last record in the file, and not of the last step.",
    why="A run that was resumed may have written them in another order.",
    read="#what-the-schedule-hides",
)
def rate_of_the_last_record(source):
    return change(
        source,
        'rates = [rate for _, rate in sorted((r["step"], r["lr"]) for r in records if "lr" in r)]',
        'rates = [r["lr"] for r in records if "lr" in r]',
    )


# 11.2 perplexity


@mistake(
    "perplexity",
    says="Every window scores all that it predicts: tokens in the overlap are scored again.",
    why="They count twice, once with hardly any past. A smaller stride then brings nothing.",
    read="#each-token-once",
    seen="huggingface/transformers issue 4415",
)
def context_scored_again(source):
    return change(source, "Window(begin, end, end - scored_up_to)", "Window(begin, end, end - begin - 1)")


@mistake(
    "perplexity",
    says="The window moves by a whole context, whatever the stride is.",
    why="The first token of each window then has next to no past, and the perplexity is that of the largest stride.",
    read="#each-token-once",
    seen="AOSSIE-Org/OpenVerifiableLLM pull request 83, in review",
)
def stride_ignored(source):
    return change(source, "scored_up_to, begin = end, begin + stride", "scored_up_to, begin = end, begin + context")


@mistake(
    "perplexity",
    says="What is left after the last full window is not scored.",
    why="The end of the text is missing, and the sum belongs to another text than the words and bytes.",
    read="#each-token-once",
)
def tail_lost(source):
    return change(
        source,
        "    while scored_up_to < length:\n",
        "    while scored_up_to < length and (not found or begin + context + 1 <= length):\n",
    )


@mistake(
    "perplexity",
    says="A window holds one token less: the model reads context - 1 tokens.",
    why="The window needs one token more than the model reads, since the last one is only predicted.",
    read="#each-token-once",
)
def window_too_short(source):
    return change(source, "end = min(begin + context + 1, length)", "end = min(begin + context, length)")


@mistake(
    "perplexity",
    says="Behind the window that reaches the end stands another one, which has nothing left to score.",
    why="The end of the text has been scored. What begins behind that is work for nothing.",
    read="#each-token-once",
)
def a_window_too_many(source):
    return change(source, "    while scored_up_to < length:\n", "    while begin < length - 1:\n")


@mistake(
    "perplexity",
    says="The last window scores as many tokens as the stride, although fewer are new.",
    why="It is short: a part of what it predicts has been scored by the window before.",
    read="#each-token-once",
)
def last_scores_a_whole_stride(source):
    return change(source, "Window(begin, end, end - scored_up_to)", "Window(begin, end, stride if begin else end - 1)")


@mistake(
    "perplexity",
    says="A stride of one more than the context is let through, and leaves tokens out.",
    why="Between two windows there is a token that nobody scores: the perplexity is that of a text with holes.",
    read="#each-token-once",
)
def stride_not_checked(source):
    return change(source, "if not 1 <= stride <= context:", "if not 1 <= stride <= 2 * context:")


@mistake(
    "perplexity",
    says="The result is the mean of the windows' mean losses, and not the mean over all tokens.",
    why="The last window scores few tokens, and each of them would count more than the others.",
    read="#one-sum-one-count",
    seen="huggingface/transformers issue 34138",
)
def mean_of_windows(source):
    source = change(
        source, "losses.double().sum().item()", "(losses.double().sum(dim=1) / (y != -100).sum(dim=1)).sum().item()"
    )
    return change(source, "return Score(nats, count)", "return Score(nats / len(cut) * count, count)")


@mistake(
    "perplexity",
    says="The first predictions of a window are scored, and not the last ones.",
    why="Those are the ones with the least past, and they have been scored by the window before.",
    read="#each-token-once",
)
def first_instead_of_last(source):
    return change(
        source,
        "        y[row, size - scored : size] = tokens[end - scored : end]\n",
        "        y[row, :scored] = tokens[begin + 1 : begin + 1 + scored]\n",
    )


@mistake(
    "perplexity",
    says="What a short window scores is looked for at the end of its padding.",
    why="A padded row ends before its columns do: its last predictions stand where its own tokens end.",
    read="#each-token-once",
)
def scored_in_the_padding(source):
    return change(
        source,
        "        y[row, size - scored : size] = tokens[end - scored : end]\n",
        "        y[row, longest - scored :] = tokens[end - scored : end]\n",
    )


@mistake(
    "perplexity",
    says="The text is scored in train mode, with dropout.",
    why="Dropout makes the model worse than it is, and another one at every call.",
    read="#one-sum-one-count",
    seen="karpathy/nanoGPT pull request 240",
)
def scored_in_train_mode(source):
    return change(source, "    model.eval()\n", "")


@mistake(
    "perplexity",
    says="Afterwards the whole model is in train mode, also what was not before.",
    why="A part that was frozen in eval mode would be noisy from then on.",
    read="#one-sum-one-count",
)
def everything_to_train(source):
    return change(
        source,
        "        for module, training in modes:\n            module.training = training\n",
        "        model.train(modes[0][1])\n",
    )


@mistake(
    "perplexity",
    says="The softmax is taken in the precision of the logits.",
    why="bfloat16 has three digits, and the error of each token is far larger than what one compares.",
    read="#one-sum-one-count",
)
def softmax_in_bfloat16(source):
    return change(source, "logits.float().transpose(1, 2)", "logits.transpose(1, 2)")


@mistake(
    "perplexity",
    says="Words are counted without the ends of lines.",
    why="The end of a line is predicted, too. The literature counts it, and its perplexities are lower for it.",
    read="#per-word-and-per-byte",
)
def no_ends_of_lines(source):
    return change(source, "words = len(text.split()) + lines", "words = len(text.split())")


@mistake(
    "perplexity",
    says="The perplexity per word divides by tokens: it is the one per token once more.",
    why="With another tokenizer the same model gives another number. Words are counted in the text, before it is cut.",
    read="#per-word-and-per-byte",
    seen="huggingface/transformers issue 483",
)
def words_counted_after_tokenizing(source):
    return change(source, "words = len(text.split()) + lines", "words = result.tokens")


@mistake(
    "perplexity",
    says="Bytes are counted as characters.",
    why="An ë has two bytes and a 中 three. In English it hardly shows, in other languages it is a factor.",
    read="#per-word-and-per-byte",
    seen="facebookresearch/adaptive-span issue 17",
)
def characters_for_bytes(source):
    return change(source, 'len(text.encode("utf-8"))', "len(text)")


@mistake(
    "perplexity",
    says="Nats are given out as bits: nothing was divided by ln 2.",
    why="One bit is 0.69 nats: the model looks 31 % better than it is.",
    read="#per-word-and-per-byte",
)
def nats_for_bits(source):
    return change(source, "bits = result.nats / math.log(2)", "bits = result.nats")


@mistake(
    "perplexity",
    says="Between two windows a token is lost: the first one of each window is read, and nobody has predicted it.",
    why="A window has one token more than the model reads, so the next one begins with the last token of this one.",
    read="#each-token-once",
    seen="huggingface/transformers issue 30975",
)
def token_lost_at_each_border(source):
    source = change(source, "end - scored_up_to))", "min(end - scored_up_to, end - begin - 1)))")
    source = change(source, "end, begin + stride", "end, begin + stride + 1")
    return change(
        source, "    while scored_up_to < length:\n", "    while scored_up_to < length and begin < length - 1:\n"
    )


@mistake(
    "perplexity",
    says="The tokens are counted with the first one, which was not scored.",
    why="It has no past, and its surprise is not in the sum. The mean over a short text comes out too low.",
    read="#each-token-once",
)
def first_token_counted(source):
    return change(source, "return Score(nats, count)", "return Score(nats, len(tokens))")


@mistake(
    "perplexity",
    says="The mean loss of a batch is multiplied by all its positions, and not by those that are scored.",
    why="Context and padding then bring surprise into the sum that nobody has measured.",
    read="#one-sum-one-count",
    seen="huggingface.co: Perplexity of fixed-length models (loss * trg_len, where one label less is scored)",
)
def multiplied_by_all_positions(source):
    return change(
        source,
        "nats += losses.double().sum().item()",
        "nats += losses.double().sum().item() * y.numel() / int((y != -100).sum())",
    )


@mistake(
    "perplexity",
    says="The perplexities of the windows are averaged, and not their losses.",
    why="exp comes last, once. Before, a single hard window lifts the mean of all the others.",
    read="#one-sum-one-count",
)
def mean_of_perplexities(source):
    source = change(
        source,
        "nats += losses.double().sum().item()",
        "nats += (losses.double().sum(dim=1) / (y != -100).sum(dim=1)).exp().sum().item()",
    )
    return change(source, "return Score(nats, count)", "return Score(math.log(nats / len(cut)) * count, count)")


@mistake(
    "perplexity",
    says="Each position is asked for the token that it has just read, and not for the next one.",
    why="The targets are not shifted. A model that has learned to look ahead is bad at repeating what it reads.",
    read="#each-token-once",
)
def not_shifted(source):
    return change(source, "= tokens[end - scored : end]", "= tokens[end - 1 - scored : end - 1]")


@mistake(
    "perplexity",
    says="The losses are added up in float32.",
    why="Beside a large sum the digits of a small loss have no place, and are lost without a word.",
    read="#one-sum-one-count",
)
def added_in_float32(source):
    return change(source, "losses.double().sum().item()", "losses.sum().item()")


@mistake(
    "perplexity",
    says="All windows are read at once, whatever batch_size is.",
    why="A validation split has thousands of them: the memory is full before anything is scored.",
    read="#one-sum-one-count",
)
def all_windows_at_once(source):
    source = change(source, "range(0, len(cut), batch_size)", "range(0, len(cut), len(cut))")
    return change(source, "cut[first : first + batch_size]", "cut")


@mistake(
    "perplexity",
    says="Scoring keeps a graph.",
    why="Nobody will ask for gradients, and the activations of every batch stay in memory until it is over.",
    read="#one-sum-one-count",
)
def scored_with_a_graph(source):
    return change(source, "@torch.no_grad()\ndef score(", "def score(")


@mistake(
    "perplexity",
    says="If the model fails while it is scored, it stays in eval mode.",
    why="Who catches the error and trains on, trains without dropout and is not told.",
    read="#one-sum-one-count",
)
def modes_lost_with_an_error(source):
    return change(source, "    finally:\n", "    except ZeroDivisionError:\n        raise\n    else:\n")


@mistake(
    "perplexity",
    says="The text is split at every single space, and at nothing else.",
    why="Two spaces in a row give a word without letters, and the words on both sides of a line's end become one.",
    read="#per-word-and-per-byte",
)
def split_at_each_space(source):
    return change(source, "len(text.split())", 'len(text.split(" "))')


@mistake(
    "perplexity",
    says="A last line without an end is not counted as a line.",
    why="Then the same text has another perplexity per word, depending on how its file was saved.",
    read="#per-word-and-per-byte",
)
def open_line_not_counted(source):
    return change(source, ' + (not text.endswith("\\n"))', "")


@mistake(
    "perplexity",
    says="After the last end of a line, one more line is counted: an empty one.",
    why="Then the same text has another perplexity per word, depending on how its file was saved.",
    read="#per-word-and-per-byte",
)
def empty_line_counted(source):
    return change(source, ' + (not text.endswith("\\n"))', " + 1")


@mistake(
    "perplexity",
    says="Bits are divided by the tokens, and not by the bytes.",
    why="A larger vocabulary makes fewer tokens: the number says more about the tokenizer than about the model.",
    read="#per-word-and-per-byte",
)
def bits_per_token(source):
    return change(source, 'bits / len(text.encode("utf-8"))', "bits / result.tokens")


@mistake(
    "perplexity",
    says="A surprise of more than 709 nats, which no float can hold as a perplexity, ends in an error.",
    why="A model that is still untrained can have it, per word: the other units would be worth knowing all the same.",
    read="#per-word-and-per-byte",
)
def overflow_is_an_error(source):
    return change(
        source, "    except OverflowError:\n        return math.inf\n", "    except OverflowError:\n        raise\n"
    )


@mistake(
    "perplexity",
    says="The score comes back as tensors, and not as a float and a whole number.",
    why="Tensors stay on their device, and a record cannot be written from them.",
    read="#one-sum-one-count",
)
def tensors_for_numbers(source):
    source = change(source, "nats += losses.double().sum().item()", "nats += losses.double().sum()")
    return change(source, "count += int((y != -100).sum())", "count += (y != -100).sum()")


# 11.3 fine-tuning


@mistake(
    "fine_tuning",
    says="All batches of the old text come first, and then none.",
    why="What was refreshed at first is forgotten by the end: the last steps decide.",
    read="#mixing-in-the-old-text",
)
def old_text_first(source):
    return change(
        source,
        "return [after > before for before, after in pairwise(taken)]",
        "return [step < taken[-1] for step in range(steps)]",
    )


@mistake(
    "fine_tuning",
    says="A rounding error costs an old batch: 0.29 · 100 is 28.999… and was cut to 28.",
    why="The share that the table says is then not the share that was taken.",
    read="#mixing-in-the-old-text",
)
def rounding_costs_a_step(source):
    return change(source, "int(step * share + 1e-9)", "int(step * share)")


@mistake(
    "fine_tuning",
    says="Learned and forgotten have the wrong sign: after minus before, and before minus after.",
    why="Bits per byte are a cost: learning lowers them. With the signs turned, the worst attempt looks best.",
    read="#what-was-learned-what-was-lost",
)
def signs_turned(source):
    return change(
        source,
        "Change(before.new - after.new, after.old - before.old)",
        "Change(after.new - before.new, before.old - after.old)",
    )


@mistake(
    "fine_tuning",
    says="Forgotten has the wrong sign: it is before minus after, as for learned.",
    why="The two texts go opposite ways: the new one is to become easier, and what is forgotten has become harder.",
    read="#what-was-learned-what-was-lost",
)
def forgotten_turned(source):
    return change(source, "after.old - before.old)", "before.old - after.old)")


@mistake(
    "fine_tuning",
    says="The attempt that learned most is kept, however much it has forgotten.",
    why="A model that writes the new text well and the old one no more is another model, and not a better one.",
    read="#what-was-learned-what-was-lost",
)
def forgetting_ignored(source):
    return change(source, "if made.learned > 0 and made.forgotten <= allowed]", "if made.learned > 0]")


@mistake(
    "fine_tuning",
    says="An attempt that made the new text harder can be kept.",
    why="Then the model as it was is the better one, and the answer is: none.",
    read="#what-was-learned-what-was-lost",
)
def useless_attempt_kept(source):
    return change(source, "if made.learned > 0 and made.forgotten <= allowed]", "if made.forgotten <= allowed]")


@mistake(
    "fine_tuning",
    says="Every n-th step takes an old batch, with n rounded to a whole number.",
    why="A share of two thirds becomes a half then: only 1/2, 1/3, 1/4 and so on come out as they were asked for.",
    read="#mixing-in-the-old-text",
)
def every_nth_step(source):
    return change(
        source,
        "return [after > before for before, after in pairwise(taken)]",
        "every = round(1 / share) if share else steps + 1\n"
        "    return [step % every == 0 for step in range(1, steps + 1)]",
    )


@mistake(
    "fine_tuning",
    says="Each group of steps begins with the old batch, and does not end with it.",
    why="With three steps and a quarter there would be an old batch already, and the number is to be rounded down.",
    read="#mixing-in-the-old-text",
)
def old_batch_begins(source):
    return change(source, "int(step * share + 1e-9)", "int(step * share + 1 - 1e-9)")


@mistake(
    "fine_tuning",
    says="An attempt that forgot exactly as much as is allowed is refused.",
    why="What is allowed is allowed: with 0, an attempt that forgot nothing at all could never be kept.",
    read="#what-was-learned-what-was-lost",
)
def exactly_allowed_is_too_much(source):
    return change(source, "made.forgotten <= allowed", "made.forgotten < allowed")


@mistake(
    "fine_tuning",
    says="Of attempts that learned equally much, the last one is kept.",
    why="The first one had it already. What came later changed something, and it brought nothing.",
    read="#what-was-learned-what-was-lost",
)
def last_of_equal_trials(source):
    return change(source, "max(fit, key=", "max(fit[::-1], key=")


@mistake(
    "fine_tuning",
    says="The attempt that forgot least is kept, and not the one that learned most.",
    why="Whoever does nothing forgets least of all. How much may be forgotten, `allowed` says.",
    read="#what-was-learned-what-was-lost",
)
def least_forgetful(source):
    return change(
        source, "fit = [(made.learned, trial) for made, trial", "fit = [(-made.forgotten, trial) for made, trial"
    )


@mistake(
    "fine_tuning",
    says="An attempt that has learned nothing can be kept, as long as it has not forgotten too much.",
    why="Then there is no reason to change the model: the answer is none.",
    read="#what-was-learned-what-was-lost",
)
def idle_attempt_kept(source):
    return change(source, "made.learned > 0", "made.learned >= 0")


# 11.4 sampling


@mistake(
    "sampling",
    says="The temperature comes after top-p: the set is chosen at temperature 1.",
    why="A sharper distribution needs fewer tokens to reach p. Chosen too early, the set has a tail too many.",
    read="#in-this-order",
    seen="huggingface/transformers pull request 8686; fishaudio/fish-speech pull request 1150",
)
def temperature_after_the_filter(source):
    source = change(source, "    logits = logits / temperature\n", "")
    return change(
        source,
        "    return probabilities / probabilities.sum(dim=1, keepdim=True)\n",
        "    probabilities = probabilities ** (1 / temperature)\n"
        "    return probabilities / probabilities.sum(dim=1, keepdim=True)\n",
    )


@mistake(
    "sampling",
    says="The logits are multiplied by the temperature, and not divided.",
    why="Then a high temperature makes the text tame, and a low one wild.",
    read="#temperature",
)
def multiplied_by_temperature(source):
    return change(source, "logits = logits / temperature", "logits = logits * temperature")


@mistake(
    "sampling",
    says="The probabilities are divided by the temperature, which their sum undoes again.",
    why="A common factor says nothing. It is the logits that are divided, before the softmax.",
    read="#temperature",
)
def probabilities_divided(source):
    source = change(source, "    logits = logits / temperature\n", "")
    return change(
        source,
        "    probabilities = logits.softmax(dim=1)\n",
        "    probabilities = logits.softmax(dim=1) / temperature\n",
    )


@mistake(
    "sampling",
    says="Top-p drops the token that crosses p.",
    why="What is left has less than p. If one token alone has more than p, nothing is left at all.",
    read="#top-p",
    seen="rasbt/reasoning-from-scratch issue 164; Biohub/esm pull request 360",
)
def crossing_token_dropped(source):
    source = change(source, "before = ranked.cumsum(dim=1) - ranked  #", "before = ranked.cumsum(dim=1)  #")
    return change(
        source,
        "ranked.masked_fill(before >= top_p, 0.0)",
        "ranked.masked_fill(before > top_p, 0.0)",
    )


@mistake(
    "sampling",
    says="Top-p drops the most likely token.",
    why="A shift by one place in the wrong direction: what the model is surest of never comes.",
    read="#top-p",
)
def first_token_dropped(source):
    return change(
        source,
        "        ranked = ranked.masked_fill(before >= top_p, 0.0)\n",
        "        ranked = ranked.masked_fill(before >= top_p, 0.0)\n        ranked[:, 0] = 0.0\n",
    )


@mistake(
    "sampling",
    says="The probabilities that top-p kept are not put back into their places.",
    why="They are still in the order of their size: token 0 gets the probability of the most likely one.",
    read="#top-p",
    seen="lucidrains/PaLM-rlhf-pytorch issue 60",
)
def not_put_back(source):
    return change(source, "torch.zeros_like(probabilities).scatter_(1, order, ranked)", "ranked")


@mistake(
    "sampling",
    says="The probabilities that top-p kept are put back by reading at the sorted places, and not by writing to them.",
    why="The order says where each probability came from. To take it back there, it must be written to that place.",
    read="#top-p",
)
def gathered_not_scattered(source):
    source = change(
        source,
        "ranked, order = _most_likely(probabilities, top_p)",
        "ranked, order = probabilities.sort(dim=1, descending=True)",
    )
    return change(source, "torch.zeros_like(probabilities).scatter_(1, order, ranked)", "ranked.gather(1, order)")


@mistake(
    "sampling",
    says="After top-p the probabilities do not sum to 1.",
    why="multinomial forgives it, and so nobody notices, until somebody compares them or takes their logarithm.",
    read="#top-p",
)
def not_normalised(source):
    return change(source, "return probabilities / probabilities.sum(dim=1, keepdim=True)", "return probabilities")


@mistake(
    "sampling",
    says="A top-k above V crashes.",
    why="Nobody can keep more tokens than there are. More than all is all.",
    read="#top-k",
    seen="TransformerLensOrg/TransformerLens pull request 1347",
)
def k_above_v(source):
    return change(source, "top_k is not None and top_k < logits.size(1)", "top_k is not None")


@mistake(
    "sampling",
    says="Top-k keeps everything that is as good as the k-th: of equal tokens more than k.",
    why="Where many tokens are equally likely, the filter lets all of them through.",
    read="#top-k",
    seen="vllm-project/vllm pull request 50979",
)
def ties_kept(source):
    return change(
        source,
        """        dropped = torch.ones_like(logits, dtype=torch.bool)
        dropped.scatter_(1, logits.topk(top_k, dim=1).indices, False)
""",
        "        dropped = logits < logits.topk(top_k, dim=1).values[:, -1:]\n",
    )


@mistake(
    "sampling",
    says="Top-k sets the logits that it drops to 0, and not to -∞.",
    why="A logit of 0 is a probability like any other: the dropped tokens come all the same.",
    read="#top-k",
)
def dropped_to_zero(source):
    return change(source, 'logits.masked_fill(dropped, float("-inf"))', "logits.masked_fill(dropped, 0.0)")


@mistake(
    "sampling",
    says="Softmax twice: once over the logits, and once over what came of it.",
    why="The probabilities lie between 0 and 1, and the softmax of such numbers is nearly uniform: gibberish.",
    read="#temperature",
)
def softmax_twice(source):
    return change(
        source, "probabilities = logits.softmax(dim=1)", "probabilities = logits.softmax(dim=1).softmax(dim=1)"
    )


@mistake(
    "sampling",
    says="generate takes the most likely token always, whatever the temperature.",
    why="Then there is one text for each prompt, and it soon goes round in circles.",
    read="#one-token-after-another",
)
def argmax_always(source):
    return change(
        source,
        """            token = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
            if stop_token""",
        """            token = probabilities.argmax(dim=1, keepdim=True)
            if stop_token""",
    )


@mistake(
    "sampling",
    says="generate does not use the generator that it was given.",
    why="A seed then gives another text each time, and no sample can be shown again.",
    read="#one-token-after-another",
)
def generator_ignored(source):
    return change(
        source,
        """            token = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
            if stop_token""",
        """            token = torch.multinomial(probabilities, 1)  # (B, 1)
            if stop_token""",
    )


@mistake(
    "sampling",
    says="Of a long text the model reads the beginning, and not the end.",
    why="Cropped from the wrong end, the window stands still: the model does not see what it has just written.",
    read="#one-token-after-another",
)
def cropped_from_the_wrong_end(source):
    return change(source, "idx[:, -model.config.block_size :]", "idx[:, : model.config.block_size]")


@mistake(
    "sampling",
    says="The model is asked in train mode: dropout is on.",
    why="Each token then comes from another, damaged model.",
    read="#one-token-after-another",
    seen="pytorch/examples pull request 114; karpathy/nanoGPT pull request 749",
)
def sampled_in_train_mode(source):
    return change(
        source, "    finished = torch.zeros(idx.size(0)", "    model.train()\n    finished = torch.zeros(idx.size(0)"
    )


@mistake(
    "sampling",
    says="After generate the model stays in eval mode.",
    why="Samples are drawn in the middle of a training: from the first one on it goes on without dropout.",
    read="#one-token-after-another",
    seen="rohitg00/ai-engineering-from-scratch pull request 206, in review",
)
def stays_in_eval_mode(source):
    return change(
        source,
        """        for module, training in modes:
            module.training = training
    return idx
""",
        "        pass\n    return idx\n",
    )


@mistake(
    "sampling",
    says="A row goes on after its stop token.",
    why="What follows the end of a text belongs to another one.",
    read="#where-a-text-ends",
    seen="lucidrains/h-transformer-1d issue 9; mistralai/mistral-inference pull request 270",
)
def goes_on_after_stop(source):
    return change(source, "                token[finished] = stop_token\n", "")


@mistake(
    "sampling",
    says="A stop token in the prompt ends the row.",
    why="Our prompts begin with an end-of-text, so nothing would be written at all. Only what is drawn counts.",
    read="#where-a-text-ends",
)
def stop_in_the_prompt_counts(source):
    return change(
        source,
        "    finished = torch.zeros(idx.size(0), dtype=torch.bool, device=idx.device)\n",
        "    finished = (idx == (-1 if stop_token is None else stop_token)).any(dim=1)\n",
    )


@mistake(
    "sampling",
    says="In a batch the next token comes from the last column, which is padding in a shorter row.",
    why="Short prompts are continued as if zeros stood behind them.",
    read="#prompts-of-unequal-length",
    seen="huggingface/transformers issue 26569",
)
def logits_of_the_padding(source):
    return change(
        source,
        "ends = torch.tensor([len(row) - 1 for row in seen], device=idx.device)",
        "ends = torch.tensor([idx.size(1) - 1 for row in seen], device=idx.device)",
    )


@mistake(
    "sampling",
    says="In a batch shorter prompts are padded on the left, and nothing tells the model.",
    why="The padding is their past, then, and their tokens stand at other positions than alone.",
    read="#prompts-of-unequal-length",
    seen="huggingface/transformers issue 21080; ndif-team/nnsight issue 672",
)
def padded_on_the_left(source):
    source = change(
        source, "pad_sequence(seen, batch_first=True)", 'pad_sequence(seen, batch_first=True, padding_side="left")'
    )
    return change(
        source,
        "ends = torch.tensor([len(row) - 1 for row in seen], device=idx.device)",
        "ends = torch.tensor([idx.size(1) - 1 for row in seen], device=idx.device)",
    )


@mistake(
    "sampling",
    says="In a batch all rows are cut to the length of the shortest prompt.",
    why="The longer ones lose their beginning, and are continued as another text.",
    read="#prompts-of-unequal-length",
)
def cut_to_the_shortest(source):
    return change(
        source,
        "seen = [row[-model.config.block_size :] for row in rows]",
        "seen = [row[-min(model.config.block_size, *map(len, rows)) :] for row in rows]",
    )


@mistake(
    "sampling",
    says="Top-k keeps k + 1 tokens.",
    why="With k = 1 the most likely token is to come always, and here the second one comes, too.",
    read="#top-k",
    seen="kingoflolz/mesh-transformer-jax issue 164",
)
def one_token_too_many(source):
    return change(source, "logits.topk(top_k, dim=1)", "logits.topk(top_k + 1, dim=1)")


@mistake(
    "sampling",
    says="Top-p comes before top-k: the set is chosen among all tokens.",
    why="The probability that top-k has cut away still counts towards p, so more tokens are needed to reach it.",
    read="#in-this-order",
    seen="openai/gpt-2 issue 187 (which of the two comes first)",
)
def top_p_first(source):
    block = """    if top_k is not None and top_k < logits.size(1):
        dropped = torch.ones_like(logits, dtype=torch.bool)
        dropped.scatter_(1, logits.topk(top_k, dim=1).indices, False)
        logits = logits.masked_fill(dropped, float("-inf"))
"""
    source = change(source, block, "")
    later = block.replace(
        'logits = logits.masked_fill(dropped, float("-inf"))', "probabilities = probabilities.masked_fill(dropped, 0.0)"
    )
    last = "    return probabilities / probabilities.sum(dim=1, keepdim=True)\n"
    return change(source, last, later + last)


@mistake(
    "sampling",
    says="All rows keep the tokens of the first row.",
    why="Each row has an order of its own. Here the probabilities of one row land on the tokens of another.",
    read="#top-p",
    seen="Blaizzy/mlx-vlm pull request 1094",
)
def order_of_the_first_row(source):
    return change(source, "scatter_(1, order, ranked)", "scatter_(1, order[:1].expand_as(order), ranked)")


@mistake(
    "sampling",
    says="The softmax goes over the rows of the batch, and not over the vocabulary.",
    why="Then what a row may say depends on the rows beside it, and no row sums to 1 before the end.",
    read="#temperature",
)
def softmax_over_the_batch(source):
    return change(source, "logits.softmax(dim=1)", "logits.softmax(dim=0)")


@mistake(
    "sampling",
    says="A set that reaches p exactly gets one token more.",
    why="With p before it, a token is not needed any more: of four equally likely ones, two are a half already.",
    read="#top-p",
)
def exactly_p_is_not_enough(source):
    return change(source, "before >= top_p", "before > top_p")


@mistake(
    "sampling",
    says="With p = 1 some tokens of small probability are dropped.",
    why="A sum of rounded numbers reaches 1 before the last token. Whoever asks for 1 asks for no filter at all.",
    read="#top-p",
    seen="NVIDIA/TensorRT-LLM pull request 19496 (the same rounding, the other way)",
)
def filtered_at_one(source):
    return change(source, "top_p is not None and top_p < 1:", "top_p is not None:")


@mistake(
    "sampling",
    says="Temperature 0 is no case of its own: the logits are divided by 0.",
    why="What comes of it is infinite, or NaN, and nothing can be drawn from that.",
    read="#temperature",
    seen="karpathy/nanoGPT pull request 749",
)
def divided_by_zero(source):
    return change(source, "    if temperature == 0:\n", "    if temperature < 0:\n")


@mistake(
    "sampling",
    says="The logits that were handed over are changed.",
    why="They belong to somebody else, who may want to compute a loss from them.",
    read="#in-this-order",
)
def logits_changed(source):
    return change(source, "    logits = logits / temperature\n", "    logits /= temperature\n")


@mistake(
    "sampling",
    says="The probabilities have the precision of the logits.",
    why="bfloat16 has three digits: a sum over thousands of tokens is not 1 then, and small ones are lost in it.",
    read="#in-this-order",
)
def sampled_in_bfloat16(source):
    return change(source, "logits = logits.float()", "logits = logits.clone()")


@mistake(
    "sampling",
    says="A top-k of 0 is taken for: all.",
    why="None says that. With a 0 somebody has made a mistake, and had better hear of it.",
    read="#top-k",
    seen="huggingface/transformers, where top_k = 0 switches the filter off",
)
def zero_keeps_all(source):
    source = change(source, "top_k is not None and top_k < 1)", "top_k is not None and top_k < 0)")
    return change(source, "if top_k is not None and", "if top_k and")


@mistake(
    "sampling",
    says="generate divides by the temperature, and next_token_probabilities does it again.",
    why="A temperature of 0.5 becomes one of 0.25: the text is far tamer than was asked for.",
    read="#one-token-after-another",
)
def temperature_twice(source):
    return change(
        source,
        "next_token_probabilities(logits[:, -1], temperature, top_k, top_p)",
        "next_token_probabilities(logits[:, -1] / (temperature or 1), temperature, top_k, top_p)",
    )


@mistake(
    "sampling",
    says="The text is not cropped: the model gets more tokens than it can read.",
    why="It has no embedding for a position beyond block_size, and ends with an error as soon as the text is longer.",
    read="#one-token-after-another",
)
def not_cropped(source):
    return change(source, "model(idx[:, -model.config.block_size :])", "model(idx)")


@mistake(
    "sampling",
    says="A long text has lost its beginning: what was cropped for the model is gone from the result, too.",
    why="Only what the model reads is cropped. Who asked for a text gets all of it.",
    read="#one-token-after-another",
)
def beginning_lost(source):
    return change(
        source,
        "            logits, _ = model(idx[:, -model.config.block_size :])",
        "            idx = idx[:, -model.config.block_size :]\n            logits, _ = model(idx)",
    )


@mistake(
    "sampling",
    says="What comes back begins after the prompt.",
    why="A text is prompt and what follows it: a reader needs both, and so does whoever asks for more.",
    read="#one-token-after-another",
)
def prompt_left_out(source):
    source = change(
        source,
        "    model.eval()\n    finished = torch.zeros(",
        "    prompt = idx.size(1)\n    model.eval()\n    finished = torch.zeros(",
    )
    return change(
        source,
        "            module.training = training\n    return idx\n",
        "            module.training = training\n    return idx[:, prompt:]\n",
    )


@mistake(
    "sampling",
    says="A batch ends only when all rows draw their stop token in the same step.",
    why="That hardly ever happens. Each row has to remember that it is done.",
    read="#where-a-text-ends",
    seen="Dao-AILab/flash-attention pull request 2784",
)
def all_in_the_same_step(source):
    source = change(source, "                token[finished] = stop_token\n", "")
    return change(source, "finished |= token[:, 0] == stop_token", "finished = token[:, 0] == stop_token")


@mistake(
    "sampling",
    says="All rows of generate end as soon as one has drawn its stop token.",
    why="The others are cut off in the middle of a sentence.",
    read="#where-a-text-ends",
)
def ends_with_the_first(source):
    return change(source, "bool(finished.all())", "bool(finished.any())")


@mistake(
    "sampling",
    says="When all rows of generate have ended, the model is asked again all the same, up to max_new_tokens.",
    why="It is work for nothing: the rows hold their stop token again and again.",
    read="#where-a-text-ends",
    seen="google/gemma_pytorch pull request 57",
)
def goes_on_for_nothing(source):
    return change(
        source, "            if stop_token is not None and bool(finished.all()):\n                break\n", ""
    )


@mistake(
    "sampling",
    says="After generate the whole model is in train mode, also what was not before.",
    why="A part that was frozen in eval mode would be noisy from then on.",
    read="#one-token-after-another",
)
def all_to_train_mode(source):
    return change(
        source,
        "        for module, training in modes:\n            module.training = training\n    return idx\n",
        "        model.train(modes[0][1])\n    return idx\n",
    )


@mistake(
    "sampling",
    says="In generate_batch a row goes on after its stop token, as long as another one does.",
    why="What follows the end of a text belongs to another one.",
    read="#where-a-text-ends",
    seen="mistralai/mistral-inference pull request 270",
)
def batch_row_goes_on(source):
    return change(
        source,
        """                if not finished[row]:
                    rows[row] = torch.cat((rows[row], drawn[row]))
                    finished[row] = token == stop_token
""",
        """                rows[row] = torch.cat((rows[row], drawn[row]))
                finished[row] |= token == stop_token
""",
    )


@mistake(
    "sampling",
    says="All rows of generate_batch end as soon as one has drawn its stop token.",
    why="The others are cut off in the middle of a sentence.",
    read="#where-a-text-ends",
)
def batch_ends_with_the_first(source):
    return change(source, "if all(finished):", "if any(finished):")


@mistake(
    "sampling",
    says="In generate_batch the last token of a row is looked for where the whole text ends, and not its window.",
    why="A text that is longer than block_size has its newest token at the end of the window.",
    read="#prompts-of-unequal-length",
)
def end_of_the_whole_text(source):
    return change(source, "[len(row) - 1 for row in seen]", "[len(row) - 1 for row in rows]")


@mistake(
    "sampling",
    says="When all rows of generate_batch have ended, the model is asked again all the same, up to max_new_tokens.",
    why="It is work for nothing: no row takes what comes of it.",
    read="#where-a-text-ends",
    seen="google/gemma_pytorch pull request 57",
)
def batch_goes_on_for_nothing(source):
    return change(source, "            if all(finished):\n                break\n", "")


@mistake(
    "sampling",
    says="In generate_batch the stop token is cut off the end of its row.",
    why="It was drawn, and it says that the text is complete. Without it a row looks as if the space had run out.",
    read="#where-a-text-ends",
)
def batch_stop_cut_off(source):
    return change(
        source,
        """                    rows[row] = torch.cat((rows[row], drawn[row]))
                    finished[row] = token == stop_token
""",
        """                    finished[row] = token == stop_token
                    if not finished[row]:
                        rows[row] = torch.cat((rows[row], drawn[row]))
""",
    )


@mistake(
    "sampling",
    says="generate_batch does not use the generator that it was given.",
    why="A seed then gives other texts each time, and no sample can be shown again.",
    read="#one-token-after-another",
)
def batch_generator_ignored(source):
    return change(
        source,
        """            drawn = torch.multinomial(probabilities, 1, generator=generator)""",
        """            drawn = torch.multinomial(probabilities, 1)""",
    )


@mistake(
    "sampling",
    says="After generate_batch the whole model is in train mode, also what was not before.",
    why="A part that was frozen in eval mode would be noisy from then on.",
    read="#one-token-after-another",
)
def batch_all_to_train_mode(source):
    return change(
        source,
        "        for module, training in modes:\n            module.training = training\n    return rows\n",
        "        model.train(modes[0][1])\n    return rows\n",
    )


@mistake(
    "sampling",
    says="If the model fails while generate writes, it stays in eval mode.",
    why="Whoever catches the error, and goes on with the training, goes on without dropout.",
    read="#one-token-after-another",
)
def eval_mode_after_an_error(source):
    return change(
        source,
        "    finally:\n"
        "        for module, training in modes:\n            module.training = training\n    return idx\n",
        "    except ZeroDivisionError:\n        pass\n"
        "    for module, training in modes:\n        module.training = training\n    return idx\n",
    )


@mistake(
    "sampling",
    says="If the model fails while generate_batch writes, it stays in eval mode.",
    why="Whoever catches the error, and goes on with the training, goes on without dropout.",
    read="#one-token-after-another",
)
def batch_in_eval_mode_after_an_error(source):
    return change(
        source,
        "    finally:\n"
        "        for module, training in modes:\n            module.training = training\n    return rows\n",
        "    except ZeroDivisionError:\n        pass\n"
        "    for module, training in modes:\n        module.training = training\n    return rows\n",
    )


@mistake(
    "sampling",
    says="generate keeps a graph.",
    why="Nobody will ask for gradients, and the activations of every step stay in memory until the text is written.",
    read="#one-token-after-another",
    seen="karpathy/ng-video-lecture pull request 62",
)
def sampled_with_a_graph(source):
    return change(source, "@torch.no_grad()\ndef generate(", "def generate(")


@mistake(
    "sampling",
    says="generate_batch keeps a graph.",
    why="Nobody will ask for gradients, and the activations of every step stay in memory until the texts are written.",
    read="#one-token-after-another",
)
def batch_with_a_graph(source):
    return change(source, "@torch.no_grad()\ndef generate_batch(", "def generate_batch(")


@mistake(
    "sampling",
    says="What generate keeps of each row is made on the CPU, wherever the prompts are.",
    why="On a GPU the two meet, and that is an error. What is made anew goes where the input is.",
    read="#one-token-after-another",
)
def finished_on_the_cpu(source):
    return change(source, "dtype=torch.bool, device=idx.device)", "dtype=torch.bool)")


# 11.4 the cache


@mistake(
    "kv_cache",
    says="New keys are appended at the end of the row, wherever they belong.",
    why="In a shorter row they stand behind its padding, and the padding is never overwritten: it is seen as text.",
    read="#each-key-in-its-place",
)
def appended_at_the_end(source):
    source = change(
        source,
        "        rows = torch.arange(len(positions), device=positions.device)[:, None]  # (B, 1)\n",
        "        rows = torch.arange(len(positions), device=positions.device)[:, None]  # (B, 1)\n"
        "        positions = torch.arange(length - positions.size(1), length).expand_as(positions)\n",
    )
    return source


@mistake(
    "kv_cache",
    says="All layers share one cache.",
    why="The second layer's keys overwrite the first one's.",
    read="#each-key-in-its-place",
)
def layers_share(source):
    return change(
        source,
        "        length = int(positions.max()) + 1\n",
        "        layer, length = 0, int(positions.max()) + 1\n",
    )


@mistake(
    "kv_cache",
    says="clear leaves everything where it was.",
    why="A shorter text would see the rest of the one before.",
    read="#each-key-in-its-place",
    seen="EleutherAI/gpt-neox pull request 532; ml-explore/mlx-lm pull request 1039",
)
def nothing_cleared(source):
    return change(source, "        self.layers.clear()\n", "        self.layers = self.layers\n")


@mistake(
    "kv_cache",
    says="A query sees all that is in the cache, later positions too.",
    why="When the prompt is read, each position sees what comes after it; and shorter rows see their padding.",
    read="#who-sees-what",
    seen="meta-pytorch/torchtune issue 959",
)
def no_mask(source):
    return change(
        source,
        "may_look = places <= positions[:, None, :, None]",
        "may_look = places < keys.size(-2)",
    )


@mistake(
    "kv_cache",
    says="A query does not see its own position.",
    why="Off by one: the newest token is left out, and the first one sees nothing, which is NaN.",
    read="#who-sees-what",
)
def not_itself(source):
    return change(
        source,
        "may_look = places <= positions[:, None, :, None]",
        "may_look = places < positions[:, None, :, None]",
    )


@mistake(
    "kv_cache",
    says="The causal mask is that of T queries at positions 0 to T - 1.",
    why="With one query it lets only the first key through: the model sees the first token, and nothing else.",
    read="#who-sees-what",
    seen="pytorch/pytorch issues 103082 and 144858",
)
def mask_without_positions(source):
    return change(
        source,
        "may_look = places <= positions[:, None, :, None]",
        "may_look = places <= torch.arange(q.size(-2))[None, None, :, None]",
    )


@mistake(
    "kv_cache",
    says="The scores are not divided by √D.",
    why="It is the model's attention once more, and must be the very same: otherwise it is another model.",
    read="#who-sees-what",
)
def not_scaled(source):
    return change(source, " / math.sqrt(q.size(-1))", "")


@mistake(
    "kv_cache",
    says="The newest token is read at the position after its own.",
    why="The positions are off by one: the model is told that a word is missing before each word.",
    read="#one-position-a-step",
)
def one_position_too_far(source):
    return change(
        source,
        "model(newest, positions, cache)",
        "model(newest, (positions + 1).clamp(max=cache.capacity - 1), cache)",
    )


@mistake(
    "kv_cache",
    says="All rows are read at the position of the longest.",
    why="A shorter prompt's next word stands where it does not belong, behind a gap of padding.",
    read="#one-position-a-step",
    seen="unslothai/unsloth issue 3699",
)
def position_of_the_longest(source):
    return change(
        source,
        "model(newest, positions, cache)",
        "model(newest, positions.max().expand_as(positions), cache)",
    )


@mistake(
    "kv_cache",
    says="The cache is never used: every step reads all rows anew.",
    why="The text is right, and the work grows with the square of its length: that is what the cache was for.",
    read="#one-position-a-step",
)
def cache_never_used(source):
    return change(source, "if step > 0 and longest", "if step > 0 and not cache and longest")


@mistake(
    "kv_cache",
    says="Beyond block_size the cache is kept, and the newest token is written over the last position.",
    why="The window has moved: each token stands one place further left, and every key in the cache is an old one.",
    read="#beyond-block_size",
)
def kept_beyond_block_size(source):
    source = change(source, "if step > 0 and longest <= cache.capacity:", "if step > 0:")
    return change(
        source, "model(newest, positions, cache)", "model(newest, positions.clamp(max=cache.capacity - 1), cache)"
    )


@mistake(
    "kv_cache",
    says="A row goes on after its stop token, as long as another one does.",
    why="What follows the end of a text belongs to another one.",
    read="#where-a-text-ends",
    seen="mistralai/mistral-inference pull request 270",
)
def cached_row_goes_on(source):
    return change(source, "        if len(places):\n", "        if len(places) > len(row):\n")


@mistake(
    "kv_cache",
    says="With a cache, the draws do not follow the generator that was given.",
    why="A seed then gives another text each time.",
    read="#one-token-after-another",
)
def cached_generator_ignored(source):
    return change(
        source, "torch.multinomial(probabilities, 1, generator=generator)", "torch.multinomial(probabilities, 1)"
    )


@mistake(
    "kv_cache",
    says="Every row gets the mask of the first row.",
    why="Rows of unequal length stand at different positions, and each needs a mask of its own.",
    read="#who-sees-what",
)
def mask_of_the_first_row(source):
    return change(source, "positions[:, None, :, None]", "positions[:1, None, :, None]")


@mistake(
    "kv_cache",
    says="The mask comes after the softmax: what is hidden has taken its share already.",
    why="The weights that are left do not sum to 1. The mask belongs to the scores, with -∞.",
    read="#who-sees-what",
)
def masked_after_softmax(source):
    return change(
        source,
        'scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1) @ values',
        "scores.softmax(dim=-1).masked_fill(~may_look, 0.0) @ values",
    )


@mistake(
    "kv_cache",
    says="A position beyond the capacity is not refused.",
    why="What comes of it is an error from deep inside, or memory that belongs to somebody else.",
    read="#each-key-in-its-place",
    seen="karpathy/llama2.c pull request 348",
)
def capacity_not_checked(source):
    return change(source, "if length > self.capacity:", "if length > 2 * self.capacity:")


@mistake(
    "kv_cache",
    says="The cache holds float32, whatever the keys are.",
    why="Keys in half precision then take twice the memory, and come back in a type that the queries do not have.",
    read="#each-key-in-its-place",
    seen="Lightning-AI/litgpt pull request 146",
)
def always_float32(source):
    return change(source, "k.new_zeros(shape), v.new_zeros(shape)", "torch.zeros(shape), torch.zeros(shape)")


@mistake(
    "kv_cache",
    says="The whole cache comes back, also the places where nothing has been written yet.",
    why="Attention then looks at zeros, and every step costs as much as the longest one.",
    read="#each-key-in-its-place",
    seen="ml-explore/mlx-examples issue 977",
)
def whole_capacity(source):
    return change(source, "return keys[:, :, :length], values[:, :, :length]", "return keys, values")


@mistake(
    "kv_cache",
    says="The newest token is read at position 0, always.",
    why="It is the only one in this call, but not in its row: its position has to be said.",
    read="#one-position-a-step",
    seen="mlfoundations/open_lm pull request 74",
)
def always_position_0(source):
    return change(
        source,
        "model(newest, positions, cache)",
        "model(newest, torch.zeros_like(positions), cache)",
    )


@mistake(
    "kv_cache",
    says="After the prompts the next token comes from the last column, which is padding in a shorter row.",
    why="Short prompts are continued as if zeros stood behind them.",
    read="#one-position-a-step",
    seen="huggingface/transformers issue 26569",
)
def cached_logits_of_the_padding(source):
    return change(source, "return logits[torch.arange(len(last)), last[:, 0]]", "return logits[:, -1]")


@mistake(
    "kv_cache",
    says="With a cache, a stop token in the prompt ends the row there.",
    why="Our prompts begin with an end-of-text: nothing else would be left of them. Only what is drawn counts.",
    read="#where-a-text-ends",
)
def cached_stop_in_the_prompt(source):
    return change(source, "_up_to(row[:size], prompt, stop_token)", "_up_to(row[:size], 0, stop_token)")


@mistake(
    "kv_cache",
    says="With a cache, the stop token is cut off the end of its row.",
    why="It was drawn, and it says that the text is complete. Without it a row looks as if the space had run out.",
    read="#where-a-text-ends",
)
def stop_token_cut_off(source):
    return change(source, "prompt + int(places[0]) + 1", "prompt + int(places[0])")


@mistake(
    "kv_cache",
    says="With a cache, the model is asked up to max_new_tokens, although all rows have ended.",
    why="It is work for nothing: what comes after the stop tokens is cut away.",
    read="#where-a-text-ends",
    seen="google/gemma_pytorch pull request 57",
)
def cached_goes_on_for_nothing(source):
    return change(source, "                if bool(finished.all()):\n                    break\n", "")


@mistake(
    "kv_cache",
    says="With a cache, a row that has ended is forgotten: all must draw their stop token in the same step.",
    why="That hardly ever happens. Each row has to remember that it is done.",
    read="#where-a-text-ends",
    seen="Dao-AILab/flash-attention pull request 2784",
)
def cached_all_in_the_same_step(source):
    return change(source, "finished |= drawn == stop_token", "finished = drawn == stop_token")


@mistake(
    "kv_cache",
    says="With a cache, all rows end as soon as one has drawn its stop token.",
    why="The others are cut off in the middle of a sentence.",
    read="#where-a-text-ends",
)
def cached_ends_with_the_first(source):
    return change(source, "finished.all()", "finished.any()")


@mistake(
    "kv_cache",
    says="With a cache, the model is asked in train mode: dropout is on.",
    why="Each token comes from another, damaged model, and so do the keys that are kept for all later ones.",
    read="#one-position-a-step",
)
def cached_in_train_mode(source):
    return change(source, "    model.eval()\n", "")


@mistake(
    "kv_cache",
    says="After generating with a cache the whole model is in train mode, also what was not before.",
    why="A part that was frozen in eval mode would be noisy from then on.",
    read="#one-token-after-another",
)
def cached_all_to_train_mode(source):
    return change(
        source,
        "        for module, training in modes:\n            module.training = training\n",
        "        model.train(modes[0][1])\n",
    )


@mistake(
    "kv_cache",
    says="If the model fails while it writes with a cache, it stays in eval mode.",
    why="Whoever catches the error, and goes on with the training, goes on without dropout.",
    read="#one-token-after-another",
)
def cached_in_eval_mode_after_an_error(source):
    return change(source, "    finally:\n", "    except ZeroDivisionError:\n        raise\n    else:\n")


@mistake(
    "kv_cache",
    says="Generating with a cache keeps a graph.",
    why="Keys and values would hold on to all that they were computed from, step after step.",
    read="#one-token-after-another",
)
def cached_with_a_graph(source):
    return change(source, "@torch.no_grad()\ndef generate_with_cache(", "def generate_with_cache(")


@mistake(
    "kv_cache",
    says="The positions are made on the CPU, wherever the prompts are.",
    why="On a GPU they meet with what is there, and that is an error. What is made anew goes where the input is.",
    read="#one-position-a-step",
)
def positions_on_the_cpu(source):
    source = change(source, "torch.tensor(begun, device=tokens.device)", "torch.tensor(begun)")
    return change(source, "torch.arange(length, device=tokens.device)", "torch.arange(length)")


# 11.5 samples


@mistake(
    "samples",
    says="The last n-gram is missing.",
    why="Of T tokens there are T - n + 1 n-grams; with one less, a sample of n tokens has none.",
    read="#repetition-and-variety",
)
def last_ngram_missing(source):
    return change(source, "range(len(tokens) - n + 1)", "range(len(tokens) - n)")


@mistake(
    "samples",
    says="N-grams do not overlap: the sample is cut into pieces of n tokens.",
    why="Whether a phrase is found twice then depends on where the cuts fall.",
    read="#repetition-and-variety",
)
def cut_into_pieces(source):
    return change(source, "range(len(tokens) - n + 1)", "range(0, len(tokens) - n + 1, n)")


@mistake(
    "samples",
    says="Repetition is given as the share of different n-grams: 1 for a sample that never repeats itself.",
    why="It is the wrong way round: the worst sample looks best.",
    read="#repetition-and-variety",
)
def repetition_reversed(source):
    return change(
        source,
        "return 1 - len(set(grams)) / len(grams) if grams else 0.0",
        "return len(set(grams)) / len(grams) if grams else 0.0",
    )


@mistake(
    "samples",
    says="Distinct-n is the mean of the samples' own values.",
    why="Five times the same sample then has the variety of one. What they share shows only in one count.",
    read="#repetition-and-variety",
    seen="neural-dialogue-metrics/Distinct-N issue 2",
)
def mean_over_samples(source):
    return change(
        source,
        "    return len(set(grams)) / len(grams)\n",
        "    own = [_ngrams(tokens, n) for tokens in samples if len(tokens) >= n]\n"
        "    return sum(len(set(each)) / len(each) for each in own) / len(own)\n",
    )


@mistake(
    "samples",
    says="N-grams reach from one sample into the next.",
    why="The samples were strung together before they were counted. Such phrases stand in none of them.",
    read="#repetition-and-variety",
)
def across_the_border(source):
    return change(
        source,
        "grams = [gram for tokens in samples for gram in _ngrams(tokens, n)]",
        "grams = _ngrams([token for tokens in samples for token in tokens], n)",
    )


@mistake(
    "samples",
    says="Equal values get different ranks, by the order in which they stand.",
    why="Then the result depends on the order of the samples, and judgements from 1 to 5 are full of equal ones.",
    read="#does-your-eye-agree",
    seen="TheAlgorithms/Python pull request 14889; jmschrei/bpnet-lite issue 32",
)
def ties_by_order(source):
    return change(
        source,
        "    return [less + (same + 1) / 2 for less, same in zip(below, equal, strict=True)]\n",
        "    seen = [sum(other == value for other in values[:i]) for i, value in enumerate(values)]\n"
        "    return [float(less + before + 1) for less, before, _ in zip(below, seen, equal, strict=True)]\n",
    )


@mistake(
    "samples",
    says="The correlation is that of the values themselves, and not of their ranks.",
    why="One sample far off decides alone. Marks from 1 to 5 say which is better, and not by how much.",
    read="#does-your-eye-agree",
)
def values_instead_of_ranks(source):
    return change(
        source,
        "a, b = ([rank - middle for rank in ranks(values)] for values in (x, y))",
        "a, b = ([value - sum(values) / len(values) for value in values] for values in (x, y))",
    )


@mistake(
    "samples",
    says="Every n-gram that comes more than once counts, its first time included.",
    why="When it comes first, it repeats nothing. Only what has been said before is a repetition.",
    read="#repetition-and-variety",
)
def first_time_counted(source):
    return change(
        source,
        "return 1 - len(set(grams)) / len(grams) if grams else 0.0",
        "return sum(grams.count(gram) > 1 for gram in grams) / len(grams) if grams else 0.0",
    )


@mistake(
    "samples",
    says="Distinct-n divides by the tokens, and not by the n-grams.",
    why="T tokens have only T - n + 1 n-grams: even samples in which nothing comes twice would stay below 1.",
    read="#repetition-and-variety",
    seen="Li et al. 2016, section 4.4, quoted in facebookresearch/ParlAI issue 3255",
)
def divided_by_the_tokens(source):
    return change(
        source, "    return len(set(grams)) / len(grams)\n", "    return len(set(grams)) / sum(map(len, samples))\n"
    )


@mistake(
    "samples",
    says="Rank 1 goes to the highest value.",
    why="Two lists that are ranked in opposite ways seem to disagree where they agree.",
    read="#does-your-eye-agree",
)
def rank_1_for_the_highest(source):
    return change(source, "sum(other < value for other in values)", "sum(other > value for other in values)")


@mistake(
    "samples",
    says="Ranks begin at 0.",
    why="The correlation takes their mean off, (N + 1) / 2, and that is the mean of 1 to N.",
    read="#does-your-eye-agree",
)
def ranks_from_0(source):
    return change(source, "(same + 1) / 2", "(same - 1) / 2")


@mistake(
    "samples",
    says="The places in the sorted order are taken for ranks.",
    why="They say which value comes first, second, third; a rank says of each value how many are lower.",
    read="#does-your-eye-agree",
    seen="statlab/permute issue 191",
)
def order_for_ranks(source):
    return change(
        source,
        "    return [less + (same + 1) / 2 for less, same in zip(below, equal, strict=True)]\n",
        "    return [float(place + 1) for place in sorted(range(len(values)), key=values.__getitem__)]\n",
    )


@mistake(
    "samples",
    says="Equal values all get the lowest of the ranks that they take up.",
    why="The ranks then sum to less than 1 + 2 + … + N, and their mean is another in each list.",
    read="#does-your-eye-agree",
)
def lowest_rank_for_all(source):
    return change(source, "less + (same + 1) / 2 for", "less + 1.0 for")


@mistake(
    "samples",
    says="The correlation comes from the short formula, with the squares of the differences of the ranks.",
    why="It is right as long as no two values are equal. Marks from 1 to 5 are full of equal ones.",
    read="#does-your-eye-agree",
    seen="TheAlgorithms/Python pull request 14915; future-agi/future-agi pull request 2629",
)
def short_formula(source):
    return change(
        source,
        '    return sum(p * q for p, q in zip(a, b, strict=True)) / size**0.5 if size else float("nan")',
        "    squares = sum((p - q) ** 2 for p, q in zip(a, b, strict=True))\n"
        "    return 1 - 6 * squares / (len(x) * (len(x) ** 2 - 1))",
    )


@mistake(
    "samples",
    says="Where all values are equal, the correlation is 0.",
    why="0 means that two orders have nothing to do with each other. Here there is no order at all.",
    read="#does-your-eye-agree",
    seen="future-agi/future-agi pull request 2629",
)
def no_order_is_0(source):
    return change(source, 'if size else float("nan")', "if size else 0.0")


@mistake(
    "samples",
    says="The mean is not taken off the ranks before they are multiplied.",
    why="Ranks are positive: without it two opposite orders would still seem to agree a little.",
    read="#does-your-eye-agree",
)
def mean_not_taken_off(source):
    return change(source, "[rank - middle for rank in ranks(values)]", "[rank for rank in ranks(values)]")
