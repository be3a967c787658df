"""Right answers of day 1, written another way."""

import array
import itertools
import math
import random
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, RandomSampler, Sampler, TensorDataset, random_split

from grader.catalogue import alternative
from solutions.day01_pytorch_basics import amp_step, backprop_by_hand, bucketing, cifar10_amp, mlp, text_dataset

DAY = "day01_pytorch_basics"

# 1.1


@alternative(DAY, "backprop_by_hand", "forward")
def with_linear_and_where(parameters, x):
    z = F.linear(x, parameters.w1, parameters.b1)
    hidden = torch.where(z > 0, z, torch.zeros_like(z))
    return backprop_by_hand.Saved(z, hidden, torch.einsum("bu,ku->bk", hidden, parameters.w2) + parameters.b2)


@alternative(DAY, "backprop_by_hand", "softmax")
def by_way_of_logarithms(logits):
    return (logits - logits.logsumexp(dim=-1, keepdim=True)).exp()


@alternative(DAY, "backprop_by_hand", "cross_entropy")
def with_a_onehot_matrix(logits, targets):
    log_p = torch.log_softmax(logits, dim=1)
    return -(log_p * F.one_hot(targets, logits.size(1))).sum() / logits.size(0)


@alternative(DAY, "backprop_by_hand", "backward")
def example_by_example(parameters, x, targets, saved):
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for i, target in enumerate(targets.tolist()):
        at_logits = torch.softmax(saved.logits[i], dim=0)
        at_logits[target] -= 1
        at_z = (parameters.w2.T @ at_logits) * saved.hidden[i].sign()
        for place, gradient in enumerate((at_z.outer(x[i]), at_z, at_logits.outer(saved.hidden[i]), at_logits)):
            total[place] += gradient / len(x)
    return backprop_by_hand.Parameters(*total)


@alternative(DAY, "mnist_mlp", "Classifier")
class OfASequential(nn.Module):
    def __init__(self, inputs=784, hidden=256, classes=10):
        super().__init__()
        layers = nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes)
        self.everything = nn.Sequential(*layers)

    def forward(self, images):
        return self.everything(images)


@alternative(DAY, "mnist_mlp", "train_one_epoch")
def clears_afterwards(model, loader, optimizer, device="cpu"):
    model.zero_grad()
    losses = []
    for x, y in loader:
        loss = nn.CrossEntropyLoss()(model.train()(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses += [float(loss.detach())]
    return losses


@torch.inference_mode()
def _share(model, loader, device="cpu"):
    mode, right = model.training, []
    try:
        model.train(False)
        for x, y in loader:
            right += (torch.max(model(x.to(device)), -1).indices.cpu() == y).tolist()
    finally:
        model.train(mode)
    if not right:
        raise ValueError("nothing")
    return sum(right) / len(right)


counts_a_list_of_answers = alternative(DAY, "mnist_mlp", "accuracy")(_share)

# 1.2: what has to be pickled keeps its name, so it is entered without the decorator


class _Offsets(Dataset):
    """Keeps the file as one string of bytes, and where each block begins and ends."""

    def __init__(self, path, block_size):
        if block_size <= 0:
            raise ValueError("block_size")
        self.bytes = Path(path).read_bytes()
        ends = [i + 1 for i, byte in enumerate(self.bytes) if byte == 10]
        if not ends or ends[-1] < len(self.bytes):
            ends.append(len(self.bytes))
        self.spans = [
            (begin, min(begin + block_size, end - 1))
            for start, end in itertools.pairwise([0, *ends])
            for begin in range(start, end - 1, block_size)
        ]
        self.lengths = [stop - begin for begin, stop in self.spans]

    def __len__(self):
        return len(self.spans)

    def __getitem__(self, index):
        begin, stop = self.spans[index]
        whole = torch.tensor(array.array("B", self.bytes[begin : stop + 1]), dtype=torch.long)
        return whole[:-1].clone(), whole[1:].clone()


def _padded(items):
    xs, ys = zip(*items, strict=True)
    lengths = torch.tensor([len(x) for x in xs])
    x = pad_sequence(xs, batch_first=True, padding_value=text_dataset.PADDING)
    y = pad_sequence(ys, batch_first=True, padding_value=text_dataset.PADDING)
    return x, y, torch.arange(x.size(1))[None] < lengths[:, None]


class _Named(tuple):
    """x, y and mask, by number and by name."""

    x = property(lambda self: self[0])
    y = property(lambda self: self[1])
    mask = property(lambda self: self[2])


def _padded_and_named(items):
    return _Named(_padded(items))


offsets_into_one_string = alternative(DAY, "text_dataset", "TextBlocks")(_Offsets)
with_pad_sequence = alternative(DAY, "text_dataset", "pad_batch")(_padded_and_named)


@alternative(DAY, "text_dataset", "masked_loss")
def with_weights(logits, y, mask):
    each = F.cross_entropy(logits.transpose(1, 2), y, reduction="none")
    return (each * mask).sum() / mask.sum()


class _Keyed(Sampler):
    """Sorts by (length, a random key); Python's own generator draws."""

    def __init__(self, lengths, batch_size, seed=0, epoch=0):
        self.lengths, self.batch_size, self.key = list(lengths), batch_size, (seed, epoch)

    def set_epoch(self, epoch):
        self.key = self.key[0], epoch

    def __len__(self):
        return math.ceil(len(self.lengths) / self.batch_size)

    def __iter__(self):
        draw = random.Random(str(self.key))
        order = sorted(range(len(self.lengths)), key=lambda index: (self.lengths[index], draw.random()))
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        draw.shuffle(batches)
        return iter(batches)


with_random_keys = alternative(DAY, "bucketing", "BucketBatches")(_Keyed)


@alternative(DAY, "bucketing", "text_loader")
def with_a_partial(dataset, batch_size, seed=0, num_workers=0):
    sampler = bucketing.BucketBatches([len(dataset[i][0]) for i in range(len(dataset))], batch_size, seed=seed)
    settings = {"persistent_workers": True} if num_workers else {}
    return DataLoader(dataset, num_workers=num_workers, batch_sampler=sampler, collate_fn=partial(_padded), **settings)


# 1.3


@alternative(DAY, "mlp", "MLP")
class WithSequentials(nn.Module):
    """One Sequential for each level, initialised by modules()."""

    def __init__(self, sizes, activation="relu", dropout=0.0):
        super().__init__()
        *hidden, _ = sizes[1:] if len(sizes) > 1 else [None]
        if len(sizes) < 2 or activation not in ("relu", "tanh"):
            raise ValueError("sizes or activation")
        kind = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
        levels = [
            nn.Sequential(nn.Linear(a, b), kind(), nn.Dropout(dropout))
            for a, b in itertools.pairwise([sizes[0], *hidden])
        ]
        self.body = nn.Sequential(*levels)
        self.head = nn.Linear(sizes[-2], sizes[-1])
        for module in self.body.modules():
            if isinstance(module, nn.Linear):
                mlp.initialise(module, activation)
        mlp.initialise(self.head, "linear")

    def forward(self, x):
        return self.head(self.body(x))


@alternative(DAY, "mlp", "MLP")
class WithFunctions(nn.Module):
    """Activation and dropout are functions: no module stands for them."""

    def __init__(self, sizes, activation="relu", dropout=0.0):
        super().__init__()
        if len(sizes) < 2 or activation not in mlp.ACTIVATIONS:
            raise ValueError("sizes or activation")
        self.bend, self.p = {"relu": torch.relu, "tanh": torch.tanh}[activation], dropout
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        for layer in self.layers:
            mlp.initialise(layer, "linear" if layer is self.layers[-1] else activation)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.dropout(self.bend(layer(x)), self.p, self.training)
        return self.layers[-1](x)


@alternative(DAY, "mlp", "initialise")
@torch.no_grad()
def by_the_formulas(layer, activation):
    fan_out, fan_in = layer.weight.shape
    if activation == "relu":
        layer.weight.normal_(0.0, math.sqrt(2 / fan_in))
    else:
        bound = {"tanh": 5 / 3, "linear": 1.0}[activation] * math.sqrt(6 / (fan_in + fan_out))
        layer.weight.uniform_(-bound, bound)
    layer.bias.fill_(0)


# 1.4


@alternative(DAY, "amp_step", "amp_step")
def asks_the_norm(model, images, labels, optimizer, scaler, dtype, max_norm=1.0, scheduler=None):
    """A step was skipped if the scaler is at work and the norm is not finite."""
    short = dtype.itemsize == 2
    with torch.amp.autocast(images.device.type, dtype=dtype if short else None, enabled=short):
        logits = model(images)
    loss = F.cross_entropy(logits.float(), labels)
    model.zero_grad(set_to_none=False)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    scaler.step(optimizer)
    scaler.update()
    stepped = not scaler.is_enabled() or bool(norm.isfinite())
    if scheduler and stepped:
        scheduler.step()
    return amp_step.AmpResult(loss.detach(), norm, stepped)


@alternative(DAY, "amp_step", "make_scaler")
def case_by_case(device_type, dtype, init_scale=65536.0):
    if dtype is torch.float16:
        return torch.amp.GradScaler(device=device_type, init_scale=init_scale)
    return torch.amp.GradScaler(device=device_type, enabled=False)


# 1.5


@alternative(DAY, "cifar10_amp", "channel_statistics")
def by_counting_bytes(images):
    """How often each of the 256 values occurs says everything."""
    values = torch.arange(256, dtype=torch.float64) / 255
    shares = torch.stack([torch.bincount(images[:, c].flatten().long(), minlength=256).double() for c in range(3)])
    shares = shares / shares.sum(dim=1, keepdim=True)
    mean = shares @ values
    return cifar10_amp.Statistics(mean.float(), (shares @ values**2 - mean**2).sqrt().float())


@alternative(DAY, "cifar10_amp", "Pictures")
class OneFactorOneShift(Dataset):
    def __init__(self, images, labels, statistics, flip=False):
        self.images, self.labels, self.flip = images, labels, flip
        self.scale = 1 / (255 * statistics.std)
        self.shift = statistics.mean / statistics.std

    def __len__(self):
        return self.labels.numel()

    def __getitem__(self, i):
        image = self.images[i] * self.scale.view(3, 1, 1) - self.shift.view(3, 1, 1)
        if self.flip and torch.randint(2, ()).item() == 1:
            image = torch.flip(image, dims=(2,))
        return image, int(self.labels[i])


@alternative(DAY, "cifar10_amp", "make_loaders")
def with_random_split(images, labels, batch_size, val_size, seed=0, num_workers=0):
    if val_size < 1 or val_size >= len(images):
        raise ValueError("val_size")
    sizes = [len(images) - val_size, val_size]
    parts = random_split(TensorDataset(images, labels), sizes, torch.Generator().manual_seed(seed + 1))
    train, val = (torch.tensor(part.indices) for part in parts)
    statistics = cifar10_amp.channel_statistics(images[train])
    shown = cifar10_amp.Pictures(images[train], labels[train], statistics, True)
    asked = cifar10_amp.Pictures(images[val], labels[val], statistics, False)
    return cifar10_amp.Loaders(
        DataLoader(shown, batch_size, sampler=RandomSampler(shown), drop_last=True, num_workers=num_workers),
        DataLoader(asked, batch_size, shuffle=False, num_workers=num_workers),
        statistics,
    )


@alternative(DAY, "cifar10_amp", "cifar_mlp")
class Flattening(nn.Module):
    def __init__(self, hidden=(1024, 512), dropout=0.0, inputs=3072):
        super().__init__()
        self.mlp = mlp.MLP((inputs, *hidden, 10), dropout=dropout)

    def forward(self, images):
        return self.mlp(images.reshape(len(images), -1))


@alternative(DAY, "cifar10_amp", "train_classifier")
def reads_the_losses_at_the_end(
    model,
    train,
    val,
    optimizer,
    epochs,
    dtype=torch.float32,
    device="cpu",
    scheduler=None,
    init_scale=2.0**16,
    clock=None,
):
    scaler = amp_step.make_scaler(str(device).partition(":")[0], dtype, init_scale)
    results, shares, spent = [], [], []
    for _ in range(epochs):
        model.train()
        start = clock() if clock else 0.0
        for batch in train:
            x, y = (part.to(device, non_blocking=True) for part in batch)
            results.append(amp_step.amp_step(model, x, y, optimizer, scaler, dtype, 1.0, scheduler))
        spent.append((clock() if clock else 0.0) - start)
        shares.append(_share(model, val, device))
    losses = torch.stack([result.loss for result in results]).tolist()
    return cifar10_amp.Report(losses, shares, [result.stepped for result in results].count(False), sum(spent))
