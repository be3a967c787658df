"""Right answers of day 10, written another way."""

import bisect
import contextlib
import math
import threading
from collections import Counter, defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.checkpoint import checkpoint

from grader.catalogue import alternative
from solutions.day10_profiling import amp_accumulate, bottleneck, gains, hotspots, precision
from solutions.day10_profiling.trace import read_trace

DAY = "day10_profiling"

# 10.1 precision


@alternative(DAY, "precision", "lost_in")
def lost_in_numpy_manner(values, dtype, scale=1.0):
    flat = [value for value in values.flatten().double().tolist() if value]
    stored = [torch.tensor(value * scale, dtype=torch.float64).to(dtype).item() for value in flat]
    return precision.Lost(
        *(sum(bad) / max(len(flat), 1) for bad in ([v == 0 for v in stored], map(math.isinf, stored)))
    )


@alternative(DAY, "precision", "safe_scale")
def safe_scale_by_trial(gradients, dtype):
    """Halve and double until it fits."""
    flat = torch.cat([torch.zeros(1), *(gradient.flatten() for gradient in gradients)]).abs()
    if not flat.isfinite().all():
        raise ValueError("not finite")
    largest, limit = flat.max().double().item(), torch.finfo(dtype).max
    scale = 1.0
    while largest and largest * scale > limit:
        scale /= 2
    while largest and largest * scale * 2 <= limit:
        scale *= 2
    return scale


@alternative(DAY, "precision", "rms_norm")
def rms_norm_by_torch(x, gain, eps=1e-5):
    return F.rms_norm(x.to(torch.float32), gain.shape, gain, eps).type_as(x)


@alternative(DAY, "precision", "rms_norm")
def rms_norm_by_length(x, gain, eps=1e-5):
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    return (gain * x.float() / (length.square() / x.size(-1) + eps).sqrt()).to(x.dtype)


@alternative(DAY, "precision", "linear_in_float32")
@torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
def linear_with_inputs_cast(x, weight, bias=None):
    """What custom_fwd is for: inputs in float32 and autocast off. It casts only where autocast is on."""
    return F.linear(x.float(), weight, bias)


# 10.1 loss_scaler


@alternative(DAY, "loss_scaler", "LossScaler")
class ScalerOfTensors:
    """As in torch: the scale and the count are tensors, and update reads nothing."""

    def __init__(self, init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        if not (init_scale > 0 and growth_factor > 1 and 0 < backoff_factor < 1 and growth_interval >= 1):
            raise ValueError("settings")
        self.value, self.count = torch.tensor(init_scale), torch.tensor(0)
        self.settings = [growth_factor, backoff_factor, growth_interval]
        self.turns = {}

    def get_scale(self):
        return self.value.item()

    def scale(self, loss):
        return torch.mul(loss.to(torch.promote_types(loss.dtype, torch.float32)), self.value)

    def unscale_(self, optimizer):
        if optimizer in self.turns:
            raise RuntimeError("twice")
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not gradients:
            raise RuntimeError("none")
        if torch.float16 in {gradient.dtype for gradient in gradients}:
            raise ValueError("float16")
        found = torch.zeros(())
        for dtype in {gradient.dtype for gradient in gradients}:
            torch._amp_foreach_non_finite_check_and_unscale_(
                [gradient for gradient in gradients if gradient.dtype == dtype], found, self.value.reciprocal()
            )
        self.turns[optimizer] = [found, False]

    def step(self, optimizer, *args, **kwargs):
        if self.turns.get(optimizer, [None, False])[1]:
            raise RuntimeError("twice")
        if optimizer not in self.turns:
            self.unscale_(optimizer)
        self.turns[optimizer][1] = True
        if self.turns[optimizer][0].item() == 0:
            return optimizer.step(*args, **kwargs)
        return None

    def update(self):
        if not self.turns:
            raise RuntimeError("nothing")
        found = sum(turn[0] for turn in self.turns.values())
        growth, backoff, interval = self.settings
        grown = self.count + 1 >= interval
        bigger = torch.where((self.value * growth).isfinite() & grown, self.value * growth, self.value)
        self.value = torch.where(found > 0, self.value * backoff, bigger)
        self.count = torch.where((found > 0) | grown, 0, self.count + 1)
        self.turns = {}

    def state_dict(self):
        growth, backoff, interval = self.settings
        state = {"scale": self.get_scale(), "growth_factor": growth, "backoff_factor": backoff}
        return state | {"growth_interval": interval, "_growth_tracker": self.count.item()}

    def load_state_dict(self, state):
        try:
            new = [state[key] for key in ("growth_factor", "backoff_factor", "growth_interval")]
            value, count = torch.tensor(state["scale"]), torch.tensor(state["_growth_tracker"])
        except KeyError as error:
            raise ValueError("a key is missing") from error
        self.settings, self.value, self.count = new, value, count


# 10.2


@alternative(DAY, "amp_accumulate", "share_overflow")
def share_overflow_by_counting(parameters):
    parameters = list(parameters)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    none = torch.tensor(0, device=parameters[0].device) if parameters else torch.tensor(0)
    bad = torch.stack([none, *((~g.isfinite()).sum() for g in gradients)]).sum()
    if dist.is_initialized():
        dist.all_reduce(bad)
    for gradient in gradients:
        gradient.copy_(torch.where(bad != 0, torch.inf, gradient))


@alternative(DAY, "amp_accumulate", "accumulated_amp_step")
def with_float32_logits_inside(model, micro_batches, tokens, optimizer, scaler, dtype=torch.float16, max_norm=1.0):
    """One context for each micro-batch, and the skip told by the weights."""
    if len(micro_batches) == 0:
        raise ValueError("nothing to do")
    parameters = list(optimizer.param_groups[0]["params"])
    for parameter in parameters:
        parameter.grad = None
    size = dist.get_world_size() if dist.is_initialized() else 1
    shares = []
    for number, (x, y) in enumerate(micro_batches):
        with contextlib.ExitStack() as stack:
            if number + 1 != len(micro_batches) and hasattr(model, "no_sync"):
                stack.enter_context(model.no_sync())
            with torch.amp.autocast("cpu", dtype=dtype):
                logits = model(x)[0]
            losses = F.cross_entropy(logits.double().flatten(0, 1), y.flatten(), ignore_index=-100, reduction="none")
            share = (losses.sum() * size / max(tokens.item(), 1)).float()
            scaler.scale(share).backward()
        shares.append(share.detach())
    amp_accumulate.share_overflow(parameters)
    scaler.unscale_(optimizer)
    norm = torch.linalg.vector_norm(torch.cat([parameter.grad.flatten() for parameter in parameters]))
    for parameter in parameters:
        parameter.grad.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
    scaler.step(optimizer)
    scaler.update()
    return amp_accumulate.AmpStep(sum(shares), norm, bool(norm.isfinite()))


@alternative(DAY, "scaler_health", "scaler_health")
def health_from_the_end(scales, patience=20, most=0.02):
    if len(scales) < 2:
        raise ValueError("no step")
    fell = [after < before for before, after in pairwise(scales)]
    if len(fell) >= patience and all(fell[-patience:]):
        return "diverged"
    if scales[-1] < 1:
        return "below one"
    while fell and fell[0]:
        fell.pop(0)
    return "restless" if fell and sum(fell) / len(fell) > most else "healthy"


# 10.3


@alternative(DAY, "profile_steps", "profile_steps")
def profiled_by_hand(batches, step, trace, wait=1, warmup=1, active=3):
    """start() and stop() in place of `with`, and the trace written by its handler."""

    def plan(number):
        actions = [torch.profiler.ProfilerAction.NONE] * wait + [torch.profiler.ProfilerAction.WARMUP] * warmup
        actions += [torch.profiler.ProfilerAction.RECORD] * (active - 1)
        return [*actions, torch.profiler.ProfilerAction.RECORD_AND_SAVE, torch.profiler.ProfilerAction.NONE][number]

    steps = wait + warmup + active

    def write(profiler):
        if profiler.step_num < steps:
            return
        trace.parent.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(trace))

    profiler = profile(
        activities=[ProfilerActivity.CPU], schedule=plan, record_shapes=True, on_trace_ready=write, with_stack=False
    )
    profiler.start()
    try:
        for _ in range(steps):
            with record_function("data"):
                found = list(islice(batches, 1))
            if not found:
                raise ValueError("too few")
            step(found[0])
            profiler.step()
    finally:
        profiler.stop()
    return read_trace(trace)


@alternative(DAY, "hotspots", "self_times")
def self_times_by_looking_back(events):
    """For each event the innermost one around it, by searching."""
    own = [event.duration for event in events]
    by_thread = defaultdict(list)
    for index, event in enumerate(events):
        if event.kind != "kernel":
            by_thread[event.thread].append(index)
    for indices in by_thread.values():
        for place, index in enumerate(indices):
            around = [i for i in indices[:place] if events[i].end > events[index].start]
            if around:
                own[around[-1]] -= events[index].end - events[index].start
    return own


@alternative(DAY, "hotspots", "covered")
def covered_by_counting(intervals):
    """How many are open at each moment at which that changes."""
    changes = Counter()
    for start, end in intervals:
        changes[start] += 1
        changes[end] -= 1
    total, active, before = 0.0, 0, 0.0
    for moment in sorted(changes):
        total += (moment - before) * (active > 0)
        active, before = active + changes[moment], moment
    return total


@alternative(DAY, "hotspots", "share_of_steps")
def share_step_by_step(events, wanted):
    steps = hotspots.steps_of(events)
    intervals = [(event.start, event.end) for event in events if wanted(event)]
    busy = 0.0
    for step in steps:
        cut = [(max(start, step.start), min(end, step.end)) for start, end in intervals]
        busy += hotspots.covered([one for one in cut if one[0] < one[1]])
    return busy / sum(step.end - step.start for step in steps)


@alternative(DAY, "hotspots", "costliest")
def costliest_with_counters(events, count, kind="operation"):
    times, calls = Counter(), Counter()
    for event, own in zip(events, hotspots.self_times(events), strict=True):
        if event.kind == kind:
            times[event.name] += own
            calls[event.name] += 1
    whole = sum(times.values())
    names = sorted(times)
    names.sort(key=times.__getitem__, reverse=True)
    return [hotspots.Row(name, calls[name], times[name], times[name] / max(whole, 1e-9)) for name in names[:count]]


@alternative(DAY, "bottleneck", "repeated_forwards")
def repeated_by_bisection(events):
    steps = sorted((event.start, event.end) for event in hotspots.steps_of(events))
    found, seen = [], set()
    for event in sorted((e for e in events if (e.kind, e.name) == ("range", "forward")), key=lambda e: e.start):
        place = bisect.bisect([start for start, _ in steps], event.start) - 1
        if place >= 0 and event.start < steps[place][1]:
            if place in seen:
                found.append(event)
            seen.add(place)
    return found


@alternative(DAY, "bottleneck", "bottleneck")
def bottleneck_by_sorting(events, least=0.3):
    name, share = sorted(bottleneck.suspects(events).items(), key=lambda item: item[1])[-1]
    return "none" if share < least else name


# 10.4


@alternative(DAY, "prefetch", "workers_needed")
def workers_by_trying(load_seconds, step_seconds, cores):
    if 100 * load_seconds < step_seconds:
        return 0
    return next((w for w in range(1, cores) if load_seconds / w <= step_seconds), max(cores - 1, 1))


@alternative(DAY, "prefetch", "ahead")
def ahead_with_islice(batches, start, depth=1):
    if depth < 0:
        raise ValueError("depth")

    def given():
        source = map(start, batches)
        waiting = deque(islice(source, depth))
        for value in source:
            waiting.append(value)
            yield waiting.popleft()
        yield from waiting

    return given()


@alternative(DAY, "prefetch", "Background")
class WithCondition:
    """A deque, a lock, and a wait that both sides share; a place is taken before a batch is loaded."""

    def __init__(self, batches, depth=2):
        if depth < 1:
            raise ValueError("depth")
        self.batches, self.depth, self.ready = batches, depth, deque()
        self.moved, self.closed, self.error = threading.Condition(), False, None
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        error = StopIteration()
        try:
            source = iter(self.batches)
            while True:
                with self.moved:
                    self.moved.wait_for(lambda: self.closed or len(self.ready) < self.depth)
                    if self.closed:
                        return
                batch = next(source)
                with self.moved:
                    self.ready.append(batch)
                    self.moved.notify_all()
        except BaseException as found:
            error = found
        finally:
            with self.moved:
                self.error = error
                self.moved.notify_all()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with self.moved:
            self.closed = True
            self.moved.notify_all()
        self.thread.join()

    def __iter__(self):
        return self

    def __next__(self):
        with self.moved:
            self.moved.wait_for(lambda: self.ready or self.error is not None)
            if self.ready:
                batch = self.ready.popleft()
                self.moved.notify_all()
                return batch
            error, self.error = self.error, StopIteration()
            raise error


@alternative(DAY, "prefetch", "Background")
class WithFutures:
    """A pool of one thread, and `depth` futures under way."""

    def __init__(self, batches, depth=2):
        if depth < 1:
            raise ValueError("depth")
        self.source, self.depth, self.futures, self.over = iter(batches), depth, deque(), False

    def __enter__(self):
        self.pool = ThreadPoolExecutor(1)
        for _ in range(self.depth):
            self.futures.append(self.pool.submit(self.load))
        return self

    def load(self):
        try:
            return next(self.source), None
        except BaseException as error:
            return None, error

    def __exit__(self, *_):
        self.pool.shutdown(cancel_futures=True)

    def __iter__(self):
        return self

    def __next__(self):
        if self.over:
            raise StopIteration
        batch, error = self.futures.popleft().result()
        if error is not None:
            self.over = True
            raise error
        self.futures.append(self.pool.submit(self.load))
        return batch


# 10.5


@alternative(DAY, "fast_attention", "causal_attention")
def attention_with_its_scale_said(q, k, v, dropout=0.0):
    return F.scaled_dot_product_attention(q, k, v, None, dropout, True, scale=1 / math.sqrt(q.size(-1)))


@alternative(DAY, "chunked_loss", "chunked_cross_entropy")
def recomputed_in_backward(hidden, weight, targets, chunk=1024, ignore_index=-100):
    """Nothing is kept but hidden: each chunk's logits are made again in backward."""
    if hidden.shape[:-1] != targets.shape or chunk < 1:
        raise ValueError("shapes")

    def loss(x, weight, y):
        return F.cross_entropy((x @ weight.T).float(), y, ignore_index=ignore_index, reduction="sum")

    total = torch.zeros(())
    for x, y in zip(hidden.flatten(0, 1).split(chunk), targets.flatten().split(chunk), strict=True):
        total = total + checkpoint(loss, x, weight, y, use_reentrant=False)
    return total / (targets != ignore_index).sum().clamp(min=1)


@alternative(DAY, "chunked_loss", "chunked_cross_entropy")
def by_hooks(hidden, weight, targets, chunk=1024, ignore_index=-100):
    """Autograd computes each chunk's gradients at once; a sum with these as slopes hands them on."""
    if hidden.shape[:-1] != targets.shape or chunk < 1:
        raise ValueError("shapes")
    x, w = hidden.detach().float().contiguous().requires_grad_(), weight.detach().float().requires_grad_()
    count, total = (targets != ignore_index).sum().clamp(min=1), 0.0
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else hidden.dtype
    flat, ids = x.view(-1, x.size(-1)), targets.reshape(-1)
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        for start in range(0, len(ids), chunk):
            some = flat.detach()[start : start + chunk].requires_grad_()
            logits = (some.to(kind) @ w.to(kind).T).float() if kind != torch.float16 else some @ w.T
            loss = (
                F.cross_entropy(logits, ids[start : start + chunk], ignore_index=ignore_index, reduction="sum") / count
            )
            total = total + loss.detach()
            slopes = torch.autograd.grad(loss, (some, w))
            w.grad = slopes[1] if w.grad is None else w.grad + slopes[1]
            x.grad = torch.zeros_like(x) if x.grad is None else x.grad
            x.grad.view(-1, x.size(-1))[start : start + chunk] = slopes[0]
    return _Handed.apply(hidden, weight, total, x.grad, w.grad)


class _Handed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, total, for_hidden, for_weight):
        ctx.save_for_backward(for_hidden, for_weight)
        ctx.dtypes = hidden.dtype, weight.dtype
        return total.clone()

    @staticmethod
    def backward(ctx, at_total):
        hidden, weight = ((at_total * one).to(kind) for one, kind in zip(ctx.saved_tensors, ctx.dtypes, strict=True))
        return hidden, weight, None, None, None


@alternative(DAY, "merged_linear", "merged_linear")
def merged_with_skip_init(layers):
    if len({layer.in_features for layer in layers}) != 1 or len({layer.bias is None for layer in layers}) != 1:
        raise ValueError("they do not fit")
    weight = torch.cat([layer.weight.data for layer in layers])
    merged = nn.Linear(*weight.T.shape, bias=layers[0].bias is not None)
    merged.weight = nn.Parameter(weight)
    if layers[0].bias is not None:
        merged.bias = nn.Parameter(torch.cat([layer.bias.data for layer in layers]))
    return merged


# 10.6


@alternative(DAY, "gains", "speed_ratio")
def speed_ratio_sorted(before, after):
    if len(before) != len(after) or len(after) == 0:
        raise ValueError("rounds")
    ratios = sorted(before[i] / after[i] for i in range(len(before)))
    return (ratios[(len(ratios) - 1) // 2] + ratios[len(ratios) // 2]) / 2


@alternative(DAY, "gains", "largest_difference")
def largest_difference_by_torch(losses, others):
    if len(losses) != len(others) or len(losses) == 0:
        raise ValueError("losses")
    gap = (torch.tensor(losses, dtype=torch.float64) - torch.tensor(others, dtype=torch.float64)).abs()
    return gap.nan_to_num(math.inf, math.inf).max().item()


@alternative(DAY, "gains", "table")
def table_by_comprehension(seconds, losses, tolerances, tokens):
    first = next(iter(seconds))
    before = dict(zip(seconds, [first, *seconds], strict=False))
    gaps = {name: gains.largest_difference(losses[first], losses[name]) for name in seconds}
    middle = {name: sorted(times)[len(times) // 2] for name, times in seconds.items()}
    return [
        gains.Gain(
            name,
            tokens / middle[name],
            gains.speed_ratio(seconds[before[name]], times),
            gains.speed_ratio(seconds[first], times),
            gaps[name],
            not gaps[name] > tolerances[name],
        )
        for name, times in seconds.items()
    ]
