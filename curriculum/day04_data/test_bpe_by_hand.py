"""Checks of the optional part of task 4.2, bpe_by_hand.py."""

from grader import raised

A, B, D, N, SPACE = b"abdn "


def counts_of_pairs(bpe):
    return {
        "banana": [[*pair, count] for pair, count in bpe.count_pairs([B, A, N, A, N, A]).items()],
        "overlapping": [[*pair, count] for pair, count in bpe.count_pairs((7, 7, 7, 8, 7)).items()],
        "one id has no neighbour": len(bpe.count_pairs([5])),
    }


def test_count_pairs(lesson, compare):
    """Every place of every pair counts, in the order of first meeting."""
    compare(
        counts_of_pairs,
        lesson("bpe_by_hand"),
        expected={
            "banana": [[B, A, 1], [A, N, 2], [N, A, 2]],
            "overlapping": [[7, 7, 2], [7, 8, 1], [8, 7, 1]],
            "one id has no neighbour": 0,
        },
    )


def merged_pairs(bpe):
    given = [1, 2, 1, 2, 3]
    return {
        "twice": list(bpe.merge_pair(given, (1, 2), 9)),
        "the list that was given": given,
        "at the end": list(bpe.merge_pair([3, 1, 2], (1, 2), 9)),
        "the last alone": list(bpe.merge_pair([1, 2, 1], (1, 2), 9)),
        "three in a row": list(bpe.merge_pair([1, 1, 1], (1, 1), 9)),
        "four in a row": list(bpe.merge_pair((1, 1, 1, 1), (1, 1), 9)),
        "backwards is another pair": list(bpe.merge_pair([2, 1, 3], (1, 2), 9)),
        "nothing": list(bpe.merge_pair([], (1, 2), 9)),
    }


def test_merge_pair(lesson, compare):
    """From left to right, without overlap, and up to the end."""
    compare(
        merged_pairs,
        lesson("bpe_by_hand"),
        expected={
            "twice": [9, 9, 3],
            "the list that was given": [1, 2, 1, 2, 3],
            "at the end": [3, 9],
            "the last alone": [9, 1],
            "three in a row": [9, 1],
            "four in a row": [9, 9],
            "backwards is another pair": [2, 1, 3],
            "nothing": [],
        },
    )


def learned(bpe, text, vocab_size):
    return [[*pair, new] for pair, new in bpe.train_merges(text, vocab_size).items()]


def trained_merges(bpe):
    return {
        "banana bandana": learned(bpe, "banana bandana", 300),
        "room for one": learned(bpe, "banana bandana", 257),
        "no room": learned(bpe, "banana bandana", 256),
        "no pair twice": learned(bpe, "band", 300),
        "é is two bytes": learned(bpe, "éé", 300),
        "nothing": learned(bpe, "", 300),
    }


def test_train_merges(lesson, compare):
    """The lesson's example: banana bandana."""
    compare(
        trained_merges,
        lesson("bpe_by_hand"),
        expected={
            "banana bandana": [[A, N, 256], [B, 256, 257], [256, A, 258]],
            "room for one": [[A, N, 256]],
            "no room": [],
            "no pair twice": [],
            "é is two bytes": [[0xC3, 0xA9, 256]],
            "nothing": [],
        },
    )


MERGES = {(A, N): 256, (B, 256): 257, (256, A): 258, (257, 258): 259}


def encoded_and_decoded(bpe):
    texts = ["banana bandana", "héron 你好 😀\x00\r\n", ""]
    return {
        "banana bandana": list(bpe.encode_bytes("banana bandana", MERGES)),
        "another text by the same merges": list(bpe.encode_bytes("anaban", MERGES)),
        "a merge of merges": list(bpe.encode_bytes("banana", MERGES)),
        "two merges want the same byte": list(bpe.encode_bytes("aba", {(B, A): 256, (A, B): 257})),
        "never seen": list(bpe.encode_bytes("é", MERGES)),
        "what it gives before any merge": type(bpe.encode_bytes("é", {})).__name__,
        "decoded": bpe.decode_bytes([259, 257, D, 258, SPACE], MERGES),
        "there and back": [bpe.decode_bytes(bpe.encode_bytes(text, MERGES), MERGES) for text in texts],
        "half a character": raised(lambda: bpe.decode_bytes([0xC3], MERGES)),
        "half a character as text": [bpe.decode_bytes([0xC3, A], MERGES)] if lenient(bpe) else [],
        "a byte of no character": raised(lambda: bpe.decode_bytes([0xFF], MERGES)),
    }


def lenient(bpe):
    return raised(lambda: bpe.decode_bytes([0xC3, A], MERGES)) == "nothing"


def test_encode_and_decode(lesson, compare):
    """Merges in the order of training; bytes first, characters last."""
    compare(
        encoded_and_decoded,
        lesson("bpe_by_hand"),
        expected={
            "banana bandana": [259, SPACE, 257, D, 258],
            "another text by the same merges": [258, 257],
            "a merge of merges": [259],
            "two merges want the same byte": [A, 256],
            "never seen": [0xC3, 0xA9],
            "what it gives before any merge": "list",
            "decoded": "bananabandana ",
            "there and back": ["banana bandana", "héron 你好 😀\x00\r\n", ""],
            "half a character": "nothing",
            "half a character as text": ["\ufffda"],
            "a byte of no character": "nothing",
        },
    )
