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
    why="Of the share that the table says, one was not there; on the next machine it may be.",
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
    says="After top-p the probabilities do not sum to 1.",
    why="multinomial forgives it, and so nobody notices, until somebody compares them or takes their logarithm.",
    read="#top-p",
)
def not_normalised(source):
    return change(source, "return probabilities / probabilities.sum(dim=1, keepdim=True)", "return probabilities")


@mistake(
    "sampling",
    says="A top-k above V crashes.",
    why="topk cannot give more than there is. More than all is all.",
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
    why="Each token comes from another, crippled model.",
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
        "positions = torch.tensor(sizes, device=idx.device)[:, None] - 1  # (B, 1)",
        "positions = torch.tensor(sizes, device=idx.device)[:, None].clamp(max=block_size - 1)  # (B, 1)",
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
        "positions = torch.tensor(sizes, device=idx.device)[:, None] - 1  # (B, 1)",
        "positions = torch.full((len(rows), 1), max(sizes) - 1, device=idx.device)  # (B, 1)",
    )


@mistake(
    "kv_cache",
    says="The cache is never used: every step reads all rows anew.",
    why="The text is right, and the work grows with the square of its length: that is what the cache was for.",
    read="#one-position-a-step",
)
def cache_never_used(source):
    return change(source, "if not first and max(", "if not first and not cache and max(")


@mistake(
    "kv_cache",
    says="Beyond block_size the cache is kept, and the newest token is written over the last position.",
    why="The window has moved: each token stands one place further left, and every key in the cache is an old one.",
    read="#beyond-block_size",
)
def kept_beyond_block_size(source):
    return change(source, "if not first and max(len(row) for row in rows) <= block_size:", "if not first:")


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
        "grams = _ngrams([token for tokens in samples if len(tokens) >= n for token in tokens], n)",
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
