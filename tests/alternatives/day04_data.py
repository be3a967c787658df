"""Right answers of day 4, written another way."""

import json
import math
import os
import random
import re
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import ByteLevelBPETokenizer, Tokenizer, decoders, models, pre_tokenizers
from torch.utils.data import DataLoader, Dataset, Sampler

from grader.catalogue import alternative


@alternative("day04_data", "download", "sizes")
def sizes_by_bytes(text):
    data = text.encode()
    newlines = data.count(b"\n")
    return {
        "lines": newlines,
        "words": len(re.findall(r"\S+", text)) + newlines,
        "characters": sum(1 for _ in text),
        "bytes": len(data),
    }


@alternative("day04_data", "download", "articles")
def articles_by_regular_expression(text):
    starts = [match.start() for match in re.finditer(r"^ = [^=\n].*[^=\n] = ?$", text, re.MULTILINE)]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=False)]


@alternative("day04_data", "tokenizer", "train_bpe")
def with_the_ready_made_class(texts, vocab_size, special_tokens=("<|endoftext|>",)):
    if isinstance(texts, str):
        raise TypeError("a list of texts, please")
    if vocab_size - len(special_tokens) < 256:
        raise ValueError("no room for the bytes")
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=False)
    tokenizer.train_from_iterator(texts, vocab_size, 2, show_progress=False, special_tokens=list(special_tokens))
    return Tokenizer.from_str(tokenizer.to_str())


@alternative("day04_data", "tokenizer", "load_gpt2")
def from_json_and_lines(vocab_file, merges_file):
    vocab = json.loads(Path(vocab_file).read_text(encoding="utf-8"))
    lines = Path(merges_file).read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


@alternative("day04_data", "tokenizer", "save")
def saved_as_text(tokenizer, path):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(tokenizer.to_str())


@alternative("day04_data", "tokenizer", "load")
def loaded_from_text(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return Tokenizer.from_str(text)
    except Exception as error:
        raise ValueError(f"{path} is not a tokenizer") from error


@alternative("day04_data", "tokenizer", "encode")
def encoded_at_once(tokenizer, text):
    return tokenizer.encode(text).ids


@alternative("day04_data", "tokenizer", "decode")
def decoded_by_own_alphabet(tokenizer, ids):
    """Byte by byte: printable bytes are their own symbols, the others are numbered from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = sorted(set(range(256)) - set(printable))
    byte_of = {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
    special = tokenizer.get_added_tokens_decoder()
    spelled = b""
    for token in ids:
        symbols = tokenizer.id_to_token(token)
        spelled += symbols.encode() if token in special else bytes(byte_of[symbol] for symbol in symbols)
    return spelled.decode("utf-8", "replace")


@alternative("day04_data", "bpe_by_hand", "count_pairs")
def with_counter(ids):
    return Counter((ids[i], ids[i + 1]) for i in range(len(ids) - 1))


@alternative("day04_data", "bpe_by_hand", "merge_pair")
def merged_by_looking_back(ids, pair, new):
    """Take the left neighbour back when the right one comes."""
    merged, fresh = [], False
    for number in ids:
        if merged and not fresh and (merged[-1], number) == pair:
            merged[-1], fresh = new, True
        else:
            merged.append(number)
            fresh = False
    return merged


@alternative("day04_data", "bpe_by_hand", "encode_bytes")
def lowest_merge_first(text, merges):
    """Always the merge that was learned earliest among those that are possible."""
    ids = list(text.encode())
    while True:
        possible = [pair for pair in pairwise(ids) if pair in merges]
        if not possible:
            return ids
        pair = min(possible, key=merges.__getitem__)
        i, merged = 0, []
        while i < len(ids):
            here = tuple(ids[i : i + 2]) == pair
            merged.append(merges[pair] if here else ids[i])
            i += 2 if here else 1
        ids = merged


@alternative("day04_data", "bpe_by_hand", "decode_bytes")
def taken_apart(ids, merges):
    """Every merge undone, the last one first."""
    data = list(ids)
    for pair, new in reversed(list(merges.items())):
        data = [part for number in data for part in (pair if number == new else (number,))]
    return bytes(data).decode(errors="replace")


@alternative("day04_data", "dataset", "write_tokens")
def written_with_tempfile(ids, path, vocab_size):
    values = list(ids)
    if not values or not all(0 <= value < vocab_size for value in values):
        raise ValueError("bad ids")
    array = np.array(values, dtype="<u2" if vocab_size <= 2**16 else "<u4")
    folder = os.path.dirname(os.fspath(path))
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        np.save(file, array)
    os.replace(file.name, path)


@alternative("day04_data", "dataset", "open_tokens")
def opened_with_load(path):
    return np.load(path, mmap_mode="r", allow_pickle=False)


class BlocksByTarget(Dataset):
    """Which targets does a block score? Everything follows from that; the file is opened when it is first read."""

    def __init__(self, tokens, block_size, stride=None, keep_tail=False):
        self.stride = block_size if stride is None else stride
        if self.stride not in range(1, block_size + 1):
            raise ValueError("stride")
        self.block_size, self.count = block_size, len(tokens)
        self.starts = [
            start
            for start in range(0, max(1, self.count), self.stride)
            if start + block_size < self.count or (keep_tail and self.first_new(start) < self.count)
        ]
        if not self.starts:
            raise ValueError("too few tokens")
        whole = isinstance(tokens, np.memmap) and np.load(tokens.filename, mmap_mode="r").shape == tokens.shape
        self.source = str(tokens.filename) if whole else np.array(tokens)
        self._tokens = None

    def first_new(self, start):
        """The first target that no earlier block has scored."""
        return 1 if start == 0 else start + self.block_size - self.stride + 1

    def __getstate__(self):
        return {**self.__dict__, "_tokens": None}

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, index):
        if self._tokens is None:
            named = isinstance(self.source, str)
            self._tokens = np.load(self.source, mmap_mode="r") if named else self.source
        start = self.starts[index]
        piece = torch.tensor(self._tokens[start : start + self.block_size + 1].tolist())
        missing = self.block_size + 1 - len(piece)
        x = F.pad(piece[:-1], (0, missing))
        y = F.pad(piece[1:], (0, missing), value=-100)
        scored = torch.arange(start + 1, start + 1 + self.block_size) >= self.first_new(start)
        return x, torch.where(scored, y, -100)


blocks_by_target = alternative("day04_data", "dataset", "BlockDataset")(BlocksByTarget)  # pickle finds it by its name


@alternative("day04_data", "loaders", "EpochSampler")
class SampledByNumpy(Sampler):
    def __init__(self, length, seed, epoch=0):
        self.length, self.seed, self.epoch = length, seed, epoch

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.length

    def __iter__(self):
        yield from np.random.default_rng([self.seed, self.epoch]).permutation(self.length).tolist()


@alternative("day04_data", "loaders", "eval_loader")
def evaluated_by_defaults(dataset, batch_size, num_workers=0, pin_memory=False):
    settings = {"num_workers": num_workers, "generator": torch.Generator().manual_seed(1)}
    if num_workers:
        settings |= {"persistent_workers": True, "prefetch_factor": 4}
    if torch.cuda.is_available():
        settings["pin_memory"] = pin_memory
    return DataLoader(dataset, batch_size, worker_init_fn=seeded_from_sequence.value, **settings)


@alternative("day04_data", "loaders", "seed_worker")
def seeded_from_sequence(worker_id):
    words = np.random.SeedSequence([torch.initial_seed(), worker_id]).generate_state(2)
    random.seed(int(words[0]))
    np.random.seed(words[1])


@alternative("day04_data", "validation", "leak")
def leak_by_tuples(train, validation, length=32):
    if len(validation) < length:
        raise ValueError("too short")
    train, validation = train.tolist(), validation.tolist()
    seen = {tuple(train[i : i + length]) for i in range(len(train))}
    pieces = [tuple(validation[i * length : (i + 1) * length]) for i in range(len(validation) // length)]
    return float(np.mean([piece in seen for piece in pieces]))


@alternative("day04_data", "data_flow", "data_flow")
def flow_by_autograd(model, batch, vocab_size):
    x, y = batch
    valid = (x >= 0) & (x < vocab_size) if x.shape == y.shape else torch.tensor(False)
    if not valid.all() or not ((y == -100) | ((y >= 0) & (y < vocab_size))).all():
        raise ValueError("the batch does not fit")
    modes = {name: module.training for name, module in model.named_modules()}
    model.train(False)
    for parameter in model.parameters():
        parameter.grad = None
    logits, loss = model(x, y)
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    gradients = dict(zip(named, torch.autograd.grad(loss, list(named.values()), allow_unused=True), strict=True))
    for name, mode in modes.items():
        model.get_submodule(name).training = mode
    looked_at = {"logits": logits, "loss": loss} | {k: g for k, g in gradients.items() if g is not None}
    return SimpleNamespace(
        logits_shape=logits.shape,
        loss=float(loss.detach()),
        uniform_loss=-math.log(1 / vocab_size),
        without_gradient=[k for k, g in gradients.items() if g is None or torch.count_nonzero(g) == 0],
        not_finite=[name for name, tensor in looked_at.items() if not tensor.isfinite().all()],
    )
