"""Right answers of day 11, written another way."""

import math
from collections import Counter
from fractions import Fraction
from statistics import fmean

import torch
import torch.nn.functional as F

from grader.catalogue import alternative
from solutions.day11_generation import convergence, fine_tuning, kv_cache, perplexity, sampling

DAY = "day11_generation"


@alternative(DAY, "convergence", "verdict")
def with_two_dictionaries(records, share=0.25, least=0.01):
    border, before = convergence.part_borders(records, share)
    by_step = {record["step"]: record["val_loss"] for record in records if "val_loss" in record}
    if not by_step:
        raise ValueError("no validation")
    losses = {record["step"]: record["loss"] for record in records if "loss" in record}
    rates = {record["step"]: record["lr"] for record in records if "lr" in record}
    early = min((loss for step, loss in by_step.items() if step <= border), default=math.nan)
    late = min((loss for step, loss in by_step.items() if step > border), default=math.nan)
    new = [losses[step] for step in losses if step > border]
    old = [losses[step] for step in losses if before < step <= border]
    last = by_step[max(by_step)]
    risen = last - min(by_step.values())
    if len(by_step) < 4 or math.isnan(early + late):
        state = "too short"
    elif risen > least and new and old and fmean(new) < fmean(old):
        state = "overfitting"
    elif risen > least:
        state = "unstable"
    else:
        state = ("converged", "improving")[early - late >= least]
    left = rates[max(rates)] / max(rates.values()) if rates else math.nan
    return convergence.Verdict(state, early - late, risen, last - fmean(new) if new else math.nan, left)


@alternative(DAY, "perplexity", "windows")
def as_hugging_face_does(length, context, stride):
    if length < 2 or stride < 1 or stride > context:
        raise ValueError("length or stride")
    found, previous_end = [], 0
    for begin in range(0, length, stride):
        end = min(begin + context + 1, length)
        target = end - previous_end - (begin == 0)  # the first token of the text has no past
        found.append(perplexity.Window(begin, end, target))
        previous_end = end
        if end == length:
            break
    return found


@alternative(DAY, "perplexity", "score")
def window_after_window(model, tokens, context, stride, batch_size=16):
    """One window at a time; log_softmax and gather. Batches of one are at most batch_size."""
    cut = perplexity.windows(tokens.numel(), context, stride)
    modes = {module: module.training for module in model.modules()}
    total = torch.zeros((), dtype=torch.float64)
    try:
        model.eval()
        with torch.inference_mode():
            for rows in (cut[i : i + batch_size] for i in range(0, len(cut), batch_size)):
                short = [row for row in rows if row.end - row.begin != rows[0].end - rows[0].begin]
                for group in ([row for row in rows if row not in short], short):
                    if not group:
                        continue
                    idx = torch.stack([tokens[row.begin : row.end] for row in group])
                    log_p = model(idx[:, :-1])[0].double().log_softmax(dim=-1)
                    found = log_p.gather(-1, idx[:, 1:, None]).squeeze(-1)
                    total -= sum(line[-row.scored :].sum() for line, row in zip(found, group, strict=True))
    finally:
        for module, training in modes.items():
            module.training = training
    return perplexity.Score(float(total), sum(row.scored for row in cut))


@alternative(DAY, "perplexity", "in_every_unit")
def line_by_line(result, text):
    if not result.tokens or not text:
        raise ValueError("nothing")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    words = sum(len(line.split()) + 1 for line in lines)

    def exp(x):
        return math.exp(x) if x < 700 else math.inf

    size = len(bytes(text, "utf8"))
    loss = result.nats / result.tokens
    return perplexity.Perplexity(loss, exp(loss), exp(result.nats / words), result.nats * math.log2(math.e) / size)


@alternative(DAY, "fine_tuning", "replay")
def with_a_fraction(steps, share):
    if steps < 0 or share < 0 or share > 1:
        raise ValueError("steps or share")
    exact, owed, plan = Fraction(share).limit_denominator(10**9), Fraction(0), []
    for _ in range(steps):
        owed += exact
        plan.append(owed >= 1)
        owed -= plan[-1]
    return plan


@alternative(DAY, "fine_tuning", "best_trial")
def in_a_loop(before, trials, allowed):
    best, most = None, 0.0
    for trial in trials:
        learned, forgotten = fine_tuning.change(before, trial)
        if forgotten <= allowed and learned > most:
            best, most = trial, learned
    return best


@alternative(DAY, "sampling", "next_token_probabilities")
def all_in_sorted_order(logits, temperature=1.0, top_k=None, top_p=None):
    if temperature < 0:
        raise ValueError("temperature")
    if top_k is not None and top_k <= 0:
        raise ValueError("top_k")
    if top_p is not None and (top_p <= 0 or top_p > 1):
        raise ValueError("top_p")
    if temperature == 0:
        return F.one_hot(logits.argmax(dim=-1), logits.size(-1)).float()
    ranked, order = torch.sort(logits.float() / temperature, dim=-1, descending=True)
    if top_k is not None:
        ranked[:, top_k:] = float("-inf")
    if top_p is not None:
        reached = ranked.softmax(dim=-1).cumsum(dim=-1)
        late = torch.roll(reached, 1, dims=-1) >= top_p
        late[:, 0] = False
        ranked[late & (top_p < 1)] = -float("inf")
    return torch.softmax(ranked, dim=-1).gather(-1, order.argsort(dim=-1))


@alternative(DAY, "sampling", "generate")
@torch.inference_mode()
def with_a_buffer(model, idx, max_new_tokens, temperature=1.0, top_k=None, top_p=None, generator=None, stop_token=None):
    modes = {name: module.training for name, module in model.named_modules()}
    batch, length = idx.shape
    buffer = torch.cat((idx, idx.new_zeros(batch, max_new_tokens)), dim=1)
    alive = torch.ones(batch, dtype=torch.bool, device=idx.device)
    end = length
    try:
        model.eval()
        while end < length + max_new_tokens and alive.any():
            window = buffer[:, max(0, end - model.config.block_size) : end]
            p = sampling.next_token_probabilities(model(window)[0][:, -1, :], temperature, top_k, top_p)
            token = p.multinomial(1, generator=generator).squeeze(1)
            if stop_token is not None:
                token = torch.where(alive, token, stop_token)
                alive &= token != stop_token
            buffer[:, end] = token
            end += 1
    finally:
        for name, module in model.named_modules():
            module.training = modes[name]
    return buffer[:, :end].clone()


@alternative(DAY, "sampling", "generate_batch")
@torch.no_grad()
def groups_of_equal_length(
    model, prompts, max_new_tokens, temperature=1.0, top_k=None, top_p=None, generator=None, stop_token=None
):
    """No padding: the rows whose windows are equally long are read together."""
    texts = [prompt.tolist() for prompt in prompts]
    if not all(texts):
        raise ValueError("empty")
    starts = [len(text) for text in texts]
    modes = [(module, module.training) for module in model.modules()]
    model.train(False)
    try:
        for _ in range(max_new_tokens):
            windows = [text[-model.config.block_size :] for text in texts]
            logits = [None] * len(texts)
            for size in {len(window) for window in windows}:
                rows = [row for row, window in enumerate(windows) if len(window) == size]
                found = model(torch.tensor([windows[row] for row in rows], device=prompts[0].device))[0][:, -1]
                for row, line in zip(rows, found, strict=True):
                    logits[row] = line
            p = sampling.next_token_probabilities(torch.stack(logits), temperature, top_k, top_p)
            for text, token in zip(texts, torch.multinomial(p, 1, generator=generator).flatten().tolist(), strict=True):
                text.append(token)
            ended = [stop_token in text[start:] for text, start in zip(texts, starts, strict=True)]
            if stop_token is not None and all(ended):
                break
    finally:
        for module, training in modes:
            module.training = training
    cut = [
        text[: text.index(stop_token, start) + 1] if stop_token is not None and stop_token in text[start:] else text
        for text, start in zip(texts, starts, strict=True)
    ]
    return [torch.tensor(text) for text in cut]


@alternative(DAY, "kv_cache", "KVCache")
class GrowingCache:
    """Tensors that grow when a position needs it, for keys and values at once."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.clear()

    def clear(self):
        self.kept = {}

    def extend(self, layer, k, v, positions):
        need = positions.max().item() + 1
        if need > self.capacity:
            raise ValueError("capacity")
        both = torch.stack((k, v))  # (2, B, H, T, D)
        kept = self.kept.get(layer, both[:, :, :, :0])
        if kept.size(3) < need:
            kept = torch.cat((kept, kept.new_zeros(*kept.shape[:3], need - kept.size(3), kept.size(4))), dim=3)
        where = positions[None, :, None, :, None].expand_as(both)
        self.kept[layer] = kept.scatter(3, where, both)
        keys, values = self.kept[layer][:, :, :, :need]
        return keys, values


@alternative(DAY, "kv_cache", "cached_attention")
def fused(q, keys, values, positions):
    mask = torch.arange(keys.size(2), device=q.device)[None, None, None, :] <= positions[:, None, :, None]
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)


@alternative(DAY, "kv_cache", "cached_attention")
def with_an_added_mask(q, keys, values, positions):
    late = torch.arange(keys.shape[-2], device=q.device).view(1, 1, 1, -1) > positions.unsqueeze(1).unsqueeze(-1)
    scores = torch.einsum("bhtd,bhsd->bhts", q * q.shape[-1] ** -0.5, keys) + late * -1e9
    return torch.einsum("bhts,bhsd->bhtd", torch.softmax(scores, dim=-1), values)


@alternative(DAY, "kv_cache", "generate_with_cache")
def with_a_cache_of_its_own_kind(
    model, prompts, max_new_tokens, temperature=1.0, top_k=None, top_p=None, generator=None, stop_token=None
):
    """Lists of numbers; the window of every row is made anew at each step, and only its end is read if it can be."""
    texts, context = [prompt.tolist() for prompt in prompts], model.config.block_size
    if min(map(len, texts)) == 0:
        raise ValueError("empty")
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    cache, new = kv_cache.KVCache(context), False
    try:
        for _ in range(max_new_tokens):
            if not new or max(map(len, texts)) > context:
                cache.clear()
                windows = [text[-context:] for text in texts]
                begins = [0] * len(texts)
            else:
                windows = [text[-1:] for text in texts]
                begins = [len(text) - 1 for text in texts]
            longest = max(map(len, windows))
            device = prompts[0].device
            idx = torch.tensor([window + [0] * (longest - len(window)) for window in windows], device=device)
            positions = torch.tensor([list(range(begin, begin + longest)) for begin in begins], device=device)
            with torch.no_grad():
                logits = model(idx, positions, cache)[0]
            ends = torch.tensor([len(window) - 1 for window in windows], device=device)
            last = logits.gather(1, ends[:, None, None].expand(-1, 1, logits.size(2))).squeeze(1)
            p = sampling.next_token_probabilities(last, temperature, top_k, top_p)
            for text, token in zip(texts, torch.multinomial(p, 1, generator=generator).view(-1).tolist(), strict=True):
                text.append(token)
            new = True
            drawn = [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]
            if stop_token is not None and all(stop_token in row for row in drawn):
                break
    finally:
        for module, training in modes:
            module.training = training
    rows = []
    for text, prompt in zip(texts, prompts, strict=True):
        size = len(prompt)
        if stop_token is not None and stop_token in text[size:]:
            text = text[: text.index(stop_token, size) + 1]
        rows.append(torch.tensor(text))
    return rows


@alternative(DAY, "samples", "repetition")
def with_a_counter(tokens, n=4):
    if n <= 0:
        raise ValueError("n")
    counts = Counter(zip(*(list(tokens)[i:] for i in range(n)), strict=False))
    return sum(count - 1 for count in counts.values()) / max(1, sum(counts.values()))


@alternative(DAY, "samples", "ranks")
def by_sorting(values):
    order = sorted(values)
    return [(order.index(value) + 1 + len(order) - order[::-1].index(value)) / 2 for value in values]
