"""From the name of a text to batches of tokens."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from course_data.errors import CourseDataError
from course_data.text import Text, load_text

from .alone import World
from .config import Config
from .encoding import cuts_at_words, encode_on_all_cores
from .errors import CapstoneError
from .interrupt import ignore_interrupts
from .together import from_main

END_OF_TEXT = "<|endoftext|>"
FILES = ("tokenizer.json", "train.npy", "validation.npy")
ALONE = World()


@dataclass(frozen=True)
class Cut:
    """A text that has been cut into tokens, and where these are."""

    folder: Path  # where tokenizer.json and the tokens are cached
    validation_text: Text
    train_source: str  # where the train split came from
    digest: str  # of both splits' text
    tokenizer_digest: str
    notes: tuple[str, ...]  # what a person should know about the text


@dataclass(frozen=True)
class Data(Cut):
    """The same, opened."""

    tokenizer: Any
    vocab_size: int
    train: np.ndarray
    validation: np.ndarray


def read_text(config: Config, split: str) -> Text:
    """One split of the text.

    Raises:
        CapstoneError: it is missing or damaged; the sentence is course_data's.
    """
    try:
        return load_text(config.text, split, data_dir=config.data_dir or None)
    except (CourseDataError, ValueError) as error:
        raise CapstoneError(str(error)) from None


def load_data(pieces: Any, config: Config) -> Data:
    """Tokenizer and tokens of both splits, from the cache if these very texts were cut before.

    Of several processes rank 0 reads and cuts the texts, and the others wait for it.

    Raises:
        CapstoneError: the text is missing, damaged, or too short for the block size.
    """
    cut = from_main(lambda: _cut(pieces, config))
    try:
        tokenizer = pieces.load(cut.folder / "tokenizer.json")
        train, validation = (pieces.open_tokens(cut.folder / f"{split}.npy") for split in ("train", "validation"))
    except FileNotFoundError:
        raise CapstoneError(f"{cut.folder} is not there: --runs must be a folder that all machines share.") from None
    data = Data(
        **vars(cut), tokenizer=tokenizer, vocab_size=tokenizer.get_vocab_size(), train=train, validation=validation
    )
    _check_length(config, data)
    return data


def _cut(pieces: Any, config: Config) -> Cut:
    """Cut both splits into tokens, unless they are in the cache."""
    texts = {split: read_text(config, split) for split in ("train", "validation")}
    digests = [text.digest for text in texts.values()]
    special = [END_OF_TEXT, "<unk>"] if texts["train"].kind == "tokens" else [END_OF_TEXT]
    settings = _digest(Path(config.tokenizer).read_bytes()) if _given(config) else [config.vocab_size, special]
    key = _digest(json.dumps([digests, settings]).encode())
    folder, notes = Path(config.runs) / ".cache" / key[:16], []
    if folder.exists() and not _whole(folder):
        notes.append(f"the cached tokens in {folder} were damaged; they are made again")
        shutil.rmtree(folder)
    if not folder.exists():
        _fill(pieces, config, texts, special, folder)
    return Cut(
        folder=folder,
        validation_text=texts["validation"],
        train_source=texts["train"].source,
        digest=_digest("".join(digests).encode()),
        tokenizer_digest=_digest((folder / "tokenizer.json").read_bytes()),
        notes=tuple(notes),
    )


def encode(pieces: Any, tokenizer: Any, text: str) -> np.ndarray:
    """The token ids of a text, after one end-of-text, so that the first token of the text can be predicted, too.

    Raises:
        CapstoneError: the tokenizer cannot give the text back.
    """
    first = tokenizer.token_to_id(END_OF_TEXT)
    if first is None:
        raise CapstoneError(f"The tokenizer has no {END_OF_TEXT}; take one that day 4's train_bpe made.")
    beginning = text[:10_000]
    ids = pieces.encode(tokenizer, beginning)
    if pieces.decode(tokenizer, ids) != beginning:
        raise CapstoneError("The tokenizer does not give the text back as it was (day 4, task 4.2).")
    if cuts_at_words(tokenizer) and encode_on_all_cores(tokenizer, beginning).tolist() == list(ids):
        return np.concatenate(([first], encode_on_all_cores(tokenizer, text)))
    return np.array([first, *pieces.encode(tokenizer, text)], dtype=np.int64)


def train_batches(
    pieces: Any,
    config: Config,
    tokens: np.ndarray,
    epoch: int = 0,
    taken: int = 0,
    world: Any = ALONE,
    pinned: bool = False,
) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """Batches without end, as (epoch, batches taken of it, x, y), from any place on; order and blocks depend on
    (seed, epoch) alone. Of each batch this process gets its share: all of them together take the batches that one alone
    would.

    Each epoch cuts the text into blocks at another offset, so that no token always stands at the same place. Batches
    that a run has taken already are passed over without being read.

    Args:
        pinned: in memory that a GPU can read by itself, while the processor does something else.
    """
    while True:
        offset = int(np.random.default_rng((config.seed, epoch)).integers(config.block_size))
        loader = pieces.train_loader(
            pieces.BlockDataset(tokens[offset:], config.block_size), config.batch_size, config.seed, epoch
        )
        rest = DataLoader(
            loader.dataset,
            batch_sampler=pieces.ShardedBatches(list(loader.batch_sampler)[taken:], world.rank, world.size),
            collate_fn=loader.collate_fn,
            generator=loader.generator,
            num_workers=config.workers,
            worker_init_fn=partial(ignore_interrupts, loader.worker_init_fn),
            pin_memory=pinned,
        )
        for x, y in rest:
            taken += 1
            yield epoch, taken, x, y
        epoch, taken = epoch + 1, 0


def noised(x: Tensor, share: float) -> Tensor:
    """The tokens that a model reads, (B, T), some of them swapped for others of the batch, which are as frequent as in
    the text (Xie et al. 2017, "Data noising as smoothing", unigram noising). What it has to predict stays as it is.
    """
    if not share:
        return x
    others = x.flatten()[torch.randint(x.numel(), x.shape, device=x.device)]  # (B, T)
    return torch.where(torch.rand(x.shape, device=x.device) < share, others, x)


def validation_batches(
    pieces: Any, config: Config, tokens: np.ndarray, stride: int | None = None, world: Any = ALONE
) -> DataLoader:
    """All targets of a row of tokens, each once, in order. Several processes take turns: one may get a batch more than
    another, or none at all.
    """
    dataset = pieces.BlockDataset(tokens, config.block_size, stride=stride, keep_tail=True)
    batch_size = max(1, 2 * config.batch_size // (world.size * config.accumulate))
    loader = pieces.eval_loader(dataset, batch_size)
    if world.size == 1:
        return loader
    mine = list(loader.batch_sampler)[world.rank :: world.size]
    return DataLoader(dataset, batch_sampler=mine, collate_fn=loader.collate_fn)


def _fill(pieces: Any, config: Config, texts: dict[str, Text], special: list[str], folder: Path) -> None:
    """Train or copy the tokenizer, cut the texts, and put all of it into the cache at once."""
    building = folder.with_name(f"{folder.name}.{os.getpid()}.unfinished")
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
        tokenizer = _tokenizer(pieces, config, texts["train"].text, special)
        pieces.save(tokenizer, building / "tokenizer.json")
        for split, text in texts.items():
            ids = encode(pieces, tokenizer, text.text)
            pieces.write_tokens(ids, building / f"{split}.npy", tokenizer.get_vocab_size())
        manifest = {name: _digest((building / name).read_bytes()) for name in FILES}
        (building / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        if not folder.exists():  # another run may have been faster
            os.replace(building, folder)
    except OSError as error:
        raise CapstoneError(f"The tokens cannot be cached in {folder}: {error.strerror}.") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _tokenizer(pieces: Any, config: Config, text: str, special: list[str]) -> Any:
    try:
        if config.tokenizer:
            return pieces.load(config.tokenizer)
        return pieces.train_bpe([text], config.vocab_size, special)
    except ValueError as error:
        raise CapstoneError(f"There is no tokenizer: {error}.") from None


def _given(config: Config) -> bool:
    """Whether a tokenizer was handed over."""
    if config.tokenizer and not Path(config.tokenizer).is_file():
        raise CapstoneError(f"--tokenizer {config.tokenizer} is not there.")
    return bool(config.tokenizer)


def _whole(folder: Path) -> bool:
    """Whether every cached file is the one that was written."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return all(manifest[name] == _digest((folder / name).read_bytes()) for name in FILES)
    except (OSError, ValueError, KeyError):
        return False


def _check_length(config: Config, data: Data) -> None:
    needed = config.block_size * (config.batch_size + 1)  # the offset may take one block
    if len(data.train) <= needed:
        raise CapstoneError(
            f"The train split has {len(data.train):,} tokens; --batch-size {config.batch_size} blocks of --block-size "
            f"{config.block_size} need more than {needed:,}: choose smaller ones, or a longer text."
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
