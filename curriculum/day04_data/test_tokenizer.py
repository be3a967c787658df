"""Checks of task 4.2, tokenizer.py."""

import json
import tempfile
from pathlib import Path

from grader import raised

BIRDS = ["The heron stands in the reeds , and the lapwing calls over the reeds . \n"] * 3

TEXTS = {
    "a sentence": "The heron stands.",
    "spaces in front of commas": "The heron stands , and calls .",
    "spaces in front and behind": "  the heron   ",
    "spaces alone": "   ",
    "nothing": "",
    "line ends": "one\r\ntwo\n\n\tthree\r",
    "control characters": "\x00\x01\x1b[0m\x7f",
    "accents whole and combined": "é e\u0301 ﬁ Å",
    "Chinese": "你好，世界。",
    "emoji": "😀 👩‍👩‍👧 🏳️‍🌈",
    "rare spaces": "a\u00a0b\u2028c\u200bd\ufeff",
    "capitals and contractions": "I'LL don't WE'VE",
    "a special token in a sentence": "the end <|endoftext|> the beginning",
    "special tokens side by side": "<|endoftext|><|endoftext|>\n",
    "nearly a special token": "<|endoftext| >",
}


def there_and_back(tokenizer):
    birds = tokenizer.train_bpe(BIRDS, 280)
    return {name: tokenizer.decode(birds, tokenizer.encode(birds, text)) for name, text in TEXTS.items()}


def test_round_trips(lesson, compare):
    """Any text comes back exactly, also what training has never seen."""
    compare(there_and_back, lesson("tokenizer"), expected=TEXTS)


def long_text(tokenizer):
    """The library needs much memory for a text at once; whoever cuts it must not lose or repeat anything."""
    birds = tokenizer.train_bpe(BIRDS, 280)
    text = BIRDS[0] * 3_000
    ids = tokenizer.encode(birds, text)
    return {
        "tokens of the text are tokens of the lines": len(ids) == 3_000 * len(tokenizer.encode(birds, BIRDS[0])),
        "comes back": tokenizer.decode(birds, ids) == text,
    }


def test_long_text(lesson, compare):
    """Three thousand times the same line has three thousand times its tokens."""
    compare(
        long_text,
        lesson("tokenizer"),
        expected={"tokens of the text are tokens of the lines": True, "comes back": True},
    )


def cut_short(tokenizer):
    """The emoji is four bytes, and no merge was learned for it."""
    birds = tokenizer.train_bpe(BIRDS, 280)
    ids = tokenizer.encode(birds, "a😀")
    return {
        "tokens": len(ids),
        "cut after three": tokenizer.decode(birds, ids[:3]),
        "no ids": tokenizer.decode(birds, []),
    }


def test_cut_short(lesson, compare):
    """A sample that stops in the middle of a character is no error."""
    compare(cut_short, lesson("tokenizer"), expected={"tokens": 5, "cut after three": "a\ufffd", "no ids": ""})


def byte_symbols():
    """GPT-2's symbol for each byte, in the order of its vocabulary: printable bytes stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]


def pieces(trained, ids):
    return [trained.id_to_token(token) for token in ids]


def learned_merges(tokenizer):
    """Of the pairs, xy comes 7 times, zw 5 times, and then xy+zw twice: there are no ties."""
    texts = ["xy"] * 5 + ["zw"] * 3 + ["xyzw"] * 2
    two = tokenizer.train_bpe(iter(texts), 259)
    three = tokenizer.train_bpe(texts, 300)
    words = tokenizer.train_bpe(["a b a b a b a b"], 300)
    return {
        "room for two merges": pieces(two, tokenizer.encode(two, "xyzw xy")),
        "room for more than there are": pieces(three, tokenizer.encode(three, "xyzw xy")),
        "sizes": [two.get_vocab_size(), three.get_vocab_size()],
        "bytes in the vocabulary": sum(symbol in two.get_vocab() for symbol in byte_symbols()),
        "words apart": pieces(words, tokenizer.encode(words, "a b a")),
        "a word at the start": pieces(words, tokenizer.encode(words, "b a")),
    }


def test_learned_merges(lesson, compare):
    """The merges of a text small enough to count by hand; Ġ is the symbol of the space."""
    compare(
        learned_merges,
        lesson("tokenizer"),
        expected={
            "room for two merges": ["xy", "zw", "Ġ", "xy"],
            "room for more than there are": ["xyzw", "Ġ", "xy"],
            "sizes": [259, 260],
            "bytes in the vocabulary": 256,
            "words apart": ["a", "Ġb", "Ġa"],
            "a word at the start": ["b", "Ġa"],
        },
    )


def refused_by_training(tokenizer):
    specials = ("<|endoftext|>", "<unk>")
    return {
        "one string in place of a list": raised(lambda: tokenizer.train_bpe("xyzw", 300)),
        "no room for the bytes": raised(lambda: tokenizer.train_bpe(["xyzw"], 100)),
        "no room for two special tokens": raised(lambda: tokenizer.train_bpe(["xyzw"], 257, specials)),
        "just enough room": raised(lambda: tokenizer.train_bpe(["xyzw"], 258, specials)),
    }


def test_refused_by_training(lesson, compare):
    """What cannot become a tokenizer is an error."""
    compare(
        refused_by_training,
        lesson("tokenizer"),
        expected={
            "one string in place of a list": "TypeError",
            "no room for the bytes": "ValueError",
            "no room for two special tokens": "ValueError",
            "just enough room": "nothing",
        },
    )


def ids_of_special_tokens(tokenizer):
    texts = ["the <unk> heron <unk> stands <unk> <unk> <|endoftext|>"] * 3
    trained = tokenizer.train_bpe(texts, 300, ("<|endoftext|>", "<unk>"))
    joined = tokenizer.encode(trained, "x<unk>y<|endoftext|>z")
    text = "the <unk> <|endoftext|> heron"
    usual = tokenizer.train_bpe(texts, 300)
    return {
        "alone": [tokenizer.encode(trained, "<|endoftext|>"), tokenizer.encode(trained, "<unk>")],
        "among letters": pieces(trained, joined),
        "and back": tokenizer.decode(trained, tokenizer.encode(trained, text)),
        "nothing added": tokenizer.encode(trained, ""),
        "by default": [tokenizer.encode(usual, "<|endoftext|>"), len(tokenizer.encode(usual, "<unk>")) > 1],
    }


def test_special_tokens(lesson, compare):
    """A special token is one id, the first ones, wherever it stands; and nothing is added."""
    compare(
        ids_of_special_tokens,
        lesson("tokenizer"),
        expected={
            "alone": [[0], [1]],
            "among letters": ["x", "<unk>", "y", "<|endoftext|>", "z"],
            "and back": "the <unk> <|endoftext|> heron",
            "nothing added": [],
            "by default": [[0], True],
        },
    )


def tokens_from_the_train_split(tokenizer):
    splits = {"train": "xy xy xy xy", "validation": "zw zw zw zw zw zw", "test": "uv uv uv uv uv uv"}
    trained = tokenizer.train_on_splits(splits, 300)
    named = tokenizer.train_on_splits(splits, 300, ("<pad>", "<|endoftext|>"))
    return {
        "pieces": pieces(trained, tokenizer.encode(trained, "xyzwuv xy zw uv")),
        "special tokens": pieces(named, range(2)),
        "size": trained.get_vocab_size(),
    }


def test_train_on_splits(lesson, compare):
    """The train split has xy; what stands in the others alone stays in single bytes."""
    compare(
        tokens_from_the_train_split,
        lesson("tokenizer"),
        expected={
            "pieces": ["xy", "z", "w", "u", "v", "Ġxy", "Ġ", "z", "w", "Ġ", "u", "v"],
            "special tokens": ["<pad>", "<|endoftext|>"],
            "size": 259,  # a special token, 256 bytes, xy and Ġxy
        },
    )


def small_gpt2(folder):
    """Files as GPT-2's: 256 bytes, the tokens of six merges, then the special token."""
    merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "Ġ he"]
    tokens = [*byte_symbols(), *(merge.replace(" ", "") for merge in merges), "<|endoftext|>"]
    vocab_file, merges_file = Path(folder, "vocab.json"), Path(folder, "merges.txt")
    vocab_file.write_text(json.dumps({token: number for number, token in enumerate(tokens)}), encoding="utf-8")
    merges_file.write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    return vocab_file, merges_file


def gpt2_from_files(tokenizer, folder):
    folder = tempfile.mkdtemp(dir=folder)
    vocab_file, merges_file = small_gpt2(folder)
    gpt2 = tokenizer.load_gpt2(vocab_file, merges_file)
    text = " hello hello<|endoftext|> é\n"
    return {
        "the end of a text": tokenizer.encode(gpt2, "<|endoftext|>"),
        "at the start": tokenizer.encode(gpt2, "hello"),
        "merges in order": tokenizer.encode(gpt2, "hell he"),
        "ids": tokenizer.encode(gpt2, text),
        "and back": tokenizer.decode(gpt2, tokenizer.encode(gpt2, text)),
        "size": gpt2.get_vocab_size(),
        "names that are strings": raised(lambda: tokenizer.load_gpt2(str(vocab_file), str(merges_file))),
        "no vocab.json": raised(lambda: tokenizer.load_gpt2(Path(folder, "vocab2.json"), merges_file)),
        "no merges.txt": raised(lambda: tokenizer.load_gpt2(vocab_file, Path(folder, "merges2.txt"))),
    }


def test_gpt2_files(lesson, compare, tmp_path):
    """GPT-2's two files, in miniature: the ids are the files' own."""
    compare(
        lambda tokenizer: gpt2_from_files(tokenizer, tmp_path),
        lesson("tokenizer"),
        expected={
            "the end of a text": [262],
            "at the start": [259],
            "merges in order": [258, 261],
            "ids": [260, 260, 262, 220, 127, 102, 198],
            "and back": " hello hello<|endoftext|> é\n",
            "size": 263,
            "names that are strings": "nothing",
            "no vocab.json": "FileNotFoundError",
            "no merges.txt": "FileNotFoundError",
        },
    )


def by_string(tokenizer, trained, path):
    return raised(lambda: (tokenizer.save(trained, path), tokenizer.load(path)))


def saved_and_loaded(tokenizer, folder):
    folder = Path(tempfile.mkdtemp(dir=folder))
    birds = tokenizer.train_bpe(BIRDS, 300)
    text = " the  heron<|endoftext|> stands é\n"
    path = folder / "made" / "for you" / "tokenizer.json"
    failure = raised(lambda: tokenizer.save(birds, path))
    failure_again = raised(lambda: tokenizer.save(birds, path))
    (folder / "broken.json").write_text('{"a half', encoding="utf-8")
    loaded = tokenizer.load(path) if path.is_file() else None
    ids = tokenizer.encode(loaded, text) if loaded else []
    return {
        "saving raised": failure,
        "by a name that is a string": by_string(tokenizer, birds, str(folder / "string.json")),
        "saving again raised": failure_again,
        "file is there": path.is_file(),
        "same ids": ids == tokenizer.encode(birds, text),
        "and back": tokenizer.decode(loaded, ids) if loaded else "",
        "loading a file that is missing": raised(lambda: tokenizer.load(folder / "none.json")),
        "loading something else": raised(lambda: tokenizer.load(folder / "broken.json")),
    }


def test_saved_and_loaded(lesson, compare, tmp_path):
    """One file holds the whole tokenizer."""
    compare(
        lambda tokenizer: saved_and_loaded(tokenizer, tmp_path),
        lesson("tokenizer"),
        expected={
            "saving raised": "nothing",
            "by a name that is a string": "nothing",
            "saving again raised": "nothing",
            "file is there": True,
            "same ids": True,
            "and back": " the  heron<|endoftext|> stands é\n",
            "loading a file that is missing": "FileNotFoundError",
            "loading something else": "ValueError",
        },
    )
