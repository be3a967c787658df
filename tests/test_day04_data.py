"""Day 4's reference held against other libraries, real files, random texts and real loading processes."""

import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from solutions.day04_data import bpe_by_hand, download, speed
from solutions.day04_data import tokenizer as tokens
from solutions.day04_data.dataset import BlockDataset, open_tokens, write_tokens
from solutions.day04_data.loaders import eval_loader, train_loader

DATA = Path(os.environ.get("COURSE_DATA", "nowhere"))
GPT2 = DATA / "gpt2"
needs_gpt2 = pytest.mark.skipif(
    not GPT2.is_dir(), reason="GPT-2's vocab.json and merges.txt are not in COURSE_DATA/gpt2"
)
needs_wikitext = pytest.mark.skipif(not (DATA / "wikitext-2").is_dir(), reason="WikiText-2 is not in COURSE_DATA")

TEXTS = [
    "",
    " ",
    "\x00\x01\x1b\x1f\x7f",
    " two  spaces   three\n\n \n\ttab\r\n",
    "Héron, 你好，世界。 こんにちは 안녕 שלום مرحبا",
    "😀 👩‍👩‍👧 🏳️‍🌈 e\u0301 ﬁ \u00a0\u2028\ufeff",
    "don't I'LL we've 3.14 @-@ 1,000 <unk> ##x",
    "one<|endoftext|>two <|endoftext|>\n<|endoftext|",
]


def random_texts(count):
    """Characters of every length in UTF-8, whitespace more often than it deserves; no half of a surrogate pair."""
    draw = random.Random(4)
    ranges = [(0, 127), (128, 2047), (2048, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]
    for _ in range(count):
        characters = [
            draw.choice([" ", "\n", chr(draw.randint(*draw.choice(ranges)))]) for _ in range(draw.randint(0, 30))
        ]
        yield "".join(characters)


def words(count):
    draw = random.Random(5)
    syllables = ["ba", "na", "lo", "wer", "th", "e", "ron", "ing", "é"]
    return ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(count)]


@needs_gpt2
def test_gpt2_gives_the_ids_of_transformers():
    transformers = pytest.importorskip("transformers")
    theirs = transformers.GPT2TokenizerFast(vocab=str(GPT2 / "vocab.json"), merges=str(GPT2 / "merges.txt"))
    ours = tokens.load_gpt2(GPT2 / "vocab.json", GPT2 / "merges.txt")
    assert ours.get_vocab_size() == len(theirs) == 50_257
    assert tokens.encode(ours, tokens.END_OF_TEXT) == [50_256]
    for text in [*TEXTS, *random_texts(300), *words(50)]:
        ids = tokens.encode(ours, text)
        assert ids == theirs(text)["input_ids"], repr(text)
        assert tokens.decode(ours, ids) == text


@needs_gpt2
def test_gpt2_gives_published_ids():
    ours = tokens.load_gpt2(GPT2 / "vocab.json", GPT2 / "merges.txt")
    assert tokens.encode(ours, "Hello, world!") == [15496, 11, 995, 0]


def test_a_learned_tokenizer_returns_every_text():
    trained = tokens.train_bpe([" ".join(words(2000))], 600, ("<|endoftext|>", "<unk>"))
    assert trained.get_vocab_size() == 600
    for text in [*TEXTS, *random_texts(500)]:
        assert tokens.decode(trained, tokens.encode(trained, text)) == text


def test_training_twice_gives_the_same_tokenizer():
    texts = [" ".join(words(2000))]
    assert tokens.train_bpe(texts, 500).to_str() == tokens.train_bpe(texts, 500).to_str()


@pytest.mark.parametrize("length", [1, 7, 40])
def test_a_text_in_pieces_has_the_tokens_of_the_whole(length):
    trained = tokens.train_bpe([" ".join(words(2000))], 600)
    for text in [" ".join(TEXTS), *random_texts(300)]:
        pieces = list(tokens._pieces(text, length))
        assert "".join(pieces) == text
        assert [i for piece in pieces for i in trained.encode(piece).ids] == trained.encode(text).ids, repr(text)


def test_bpe_by_hand_encodes_as_the_library_does():
    trained = tokens.train_bpe([" ".join(words(2000))], 400, special_tokens=())
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = sorted(set(range(256)) - set(printable))
    number = {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}
    merges = {}
    for left, right in json.loads(trained.to_str())["model"]["merges"]:
        number[left + right] = merges[number[left], number[right]] = 256 + len(merges)
    assert len(merges) == 144
    for word in words(300):
        theirs = [number[trained.id_to_token(i)] for i in tokens.encode(trained, word)]
        assert bpe_by_hand.encode_bytes(word, merges) == theirs, word


def test_bpe_by_hand_returns_every_text():
    merges = bpe_by_hand.train_merges(" ".join(words(200)), 300)
    assert list(merges.values()) == list(range(256, 300))
    for text in [*TEXTS, *random_texts(100)]:
        assert bpe_by_hand.decode_bytes(bpe_by_hand.encode_bytes(text, merges), merges) == text


def test_every_target_is_scored_once_whatever_the_sizes():
    draw = random.Random(6)
    for _ in range(300):
        count, block_size = draw.randint(2, 60), draw.randint(1, 12)
        stride = draw.randint(1, block_size)
        blocks = BlockDataset(np.arange(count, dtype=np.uint16), block_size, stride, keep_tail=True)
        targets = []
        for x, y in blocks:
            scored = y != -100
            assert torch.equal(x[scored] + 1, y[scored])
            assert scored.any()
            targets += y[scored].tolist()
        assert targets == list(range(1, count))


def test_a_whole_file_is_there_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "ids.npy"
    write_tokens([1, 2, 3], path, 10)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        write_tokens([4, 5, 6], path, 10)
    assert open_tokens(path).tolist() == [1, 2, 3]


class Draws(Dataset):
    """What NumPy, random and PyTorch draw for an item, in whatever process it is loaded."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([np.random.rand(), random.random(), torch.rand(()).item()], dtype=torch.float64)


def test_loading_processes_give_the_same_batches_and_draw_numbers_of_their_own(tmp_path):
    write_tokens(range(500), tmp_path / "ids.npy", 50_257)
    blocks = BlockDataset(open_tokens(tmp_path / "ids.npy"), 8, stride=5, keep_tail=True)
    for make in (
        lambda workers: train_loader(blocks, 4, seed=1, num_workers=workers),
        lambda workers: eval_loader(blocks, 4, workers),
    ):
        for (x, y), (other_x, other_y) in zip(make(0), make(2), strict=True):
            assert torch.equal(x, other_x) and torch.equal(y, other_y)
    loader = train_loader(Draws(), 1, seed=1, num_workers=2)
    drawn = [torch.cat(list(loader)) for _ in range(2)]
    again = torch.cat(list(train_loader(Draws(), 1, seed=1, num_workers=2)))
    assert torch.equal(drawn[0], again)
    assert all(torch.cat(drawn)[:, column].unique().numel() == 16 for column in range(3))


def test_download_prints_sizes_splits_and_an_article(tmp_path, capsys):
    for split in download.SPLITS:
        (tmp_path / f"{split}.txt").write_text(f" \n = {split} = \n \n The heron stands . \n", encoding="utf-8")
    download.main(["--name", str(tmp_path)])
    printed = capsys.readouterr().out
    assert all(split in printed for split in download.SPLITS)
    assert " = validation = \n \n The heron stands . \n" in printed


@needs_wikitext
def test_wikitext_has_the_published_number_of_words():
    from course_data.text import load_text

    text = load_text("wikitext2-tokens", "validation", data_dir=str(DATA)).text
    assert download.sizes(text)["words"] == 217_646
    assert len(download.articles(text)) == 60
    assert "".join(download.articles(text)) == text[text.index(" = Homarus") :]


def test_speed_prints_a_table(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["speed", "--tokens", "20000", "--workers", "0"])
    speed.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("1.00x")
