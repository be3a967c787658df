"""Checks of task 1.2, text_dataset.py."""

import pickle

import torch

from grader import raised

TEXT = "Tea at nine.\n\nÉté\n!\nno end".encode()  # 13, 1, 6, 2 and 6 bytes
BLOCKS = [  # the numbers of each block with block_size 5: inputs and the last target
    b"Tea at",
    b"t nine",
    b"e.\n",
    "Été\n".encode(),
    b"!\n",
    b"no end",
]


def written(folder, text=TEXT):
    path = folder / "text.txt"
    path.write_bytes(text)
    return path


def every_block(folder, text_dataset):
    dataset = text_dataset.TextBlocks(written(folder), 5)
    items = [dataset[i] for i in range(len(dataset))]
    return {
        "number of blocks": len(dataset),
        "lengths": list(dataset.lengths),
        "x of each block": [x.tolist() for x, _ in items],
        "y of each block": [y.tolist() for _, y in items],
        "dtypes": sorted({str(part.dtype) for item in items for part in item}),
    }


def test_blocks(lesson, compare, tmp_path):
    """Five lines of 13, 1, 6, 2 and 6 bytes, in blocks of at most 5 targets"""
    expected = {
        "number of blocks": 6,
        "lengths": [5, 5, 2, 5, 1, 5],
        "x of each block": [list(block[:-1]) for block in BLOCKS],
        "y of each block": [list(block[1:]) for block in BLOCKS],
        "dtypes": ["torch.int64"],
    }
    compare(lambda text_dataset: every_block(tmp_path, text_dataset), lesson("text_dataset"), expected=expected)


def exact_fit(folder, text_dataset):
    """Lines of 5, 4 and 9 bytes: with blocks of 4, nothing is left over from the first and the last."""
    dataset = text_dataset.TextBlocks(written(folder, b"abcd\nxyz\n12345678\n"), 4)
    return {
        "number of blocks": len(dataset),
        "last targets": [dataset[i][1][-1].item() for i in range(len(dataset))],
    }


def test_lines_that_fit(lesson, compare, tmp_path):
    """Lines whose targets fill their blocks exactly leave no empty block behind"""
    expected = {"number of blocks": 4, "last targets": [ord("\n"), ord("\n"), ord("5"), ord("\n")]}
    compare(lambda text_dataset: exact_fit(tmp_path, text_dataset), lesson("text_dataset"), expected=expected)


def other_line_ends(folder, text_dataset):
    dataset = text_dataset.TextBlocks(written(folder, b"a\r\nb\rc\n"), 10)
    return {"x of each block": [dataset[i][0].tolist() for i in range(len(dataset))]}


def test_bytes_are_left_as_they_are(lesson, compare, tmp_path):
    r"""A carriage return is a byte like any other: only \n ends a line, on every system"""
    expected = {"x of each block": [list(b"a\r"), list(b"b\rc")]}
    compare(lambda text_dataset: other_line_ends(tmp_path, text_dataset), lesson("text_dataset"), expected=expected)


def after_the_file_has_changed(folder, text_dataset):
    path = written(folder)
    dataset = text_dataset.TextBlocks(path, 5)
    path.write_bytes(b"quite another text\nof 31 bytes\n")
    return {"x of block 1": dataset[1][0].tolist(), "number of blocks": len(dataset)}


def test_the_file_is_read_once(lesson, compare, tmp_path):
    """What is asked for later comes from the file as it was when the dataset was made"""
    compare(
        lambda text_dataset: after_the_file_has_changed(tmp_path, text_dataset),
        lesson("text_dataset"),
        expected={"x of block 1": list(b"t nin"), "number of blocks": 6},
    )


def edges(folder, text_dataset):
    dataset = text_dataset.TextBlocks(written(folder), 5)
    return {
        "block 6 of 6": raised(lambda: dataset[6]),
        "block_size 0": raised(lambda: text_dataset.TextBlocks(written(folder), 0)),
        "block_size -1": raised(lambda: text_dataset.TextBlocks(written(folder), -1)),
        "block_size 0, and nothing in the file": raised(lambda: text_dataset.TextBlocks(written(folder, b""), 0)),
        "blocks with block_size 1": len(text_dataset.TextBlocks(written(folder), 1)),
    }


def test_edges(lesson, compare, tmp_path):
    """There is no block beyond the last, and none of fewer than 1 target"""
    expected = {
        "block 6 of 6": "IndexError",
        "block_size 0": "ValueError",
        "block_size -1": "ValueError",
        "block_size 0, and nothing in the file": "ValueError",
        "blocks with block_size 1": 12 + 0 + 5 + 1 + 5,
    }
    compare(lambda text_dataset: edges(tmp_path, text_dataset), lesson("text_dataset"), expected=expected)


def pickles(value):
    """Whether a value survives the way into another process."""
    return raised(lambda: pickle.loads(pickle.dumps(value))) == "nothing"


def on_the_way_to_a_worker(folder, text_dataset):
    dataset = text_dataset.TextBlocks(written(folder), 5)
    return {
        "the dataset can be pickled": pickles(dataset),
        "its items can be pickled": pickles([dataset[0], dataset[2]]),
        "pad_batch can be pickled": pickles(text_dataset.pad_batch),
        "a batch can be pickled": pickles(text_dataset.pad_batch([dataset[0], dataset[2]])),
    }


def test_workers_can_have_it(lesson, compare, tmp_path):
    """The dataset, its items and the batches can be sent to another process and back"""
    expected = {
        "the dataset can be pickled": True,
        "its items can be pickled": True,
        "pad_batch can be pickled": True,
        "a batch can be pickled": True,
    }
    compare(
        lambda text_dataset: on_the_way_to_a_worker(tmp_path, text_dataset), lesson("text_dataset"), expected=expected
    )


ITEMS = [
    (torch.tensor([7, 8]), torch.tensor([8, 9])),
    (torch.tensor([1, 2, 3, 4]), torch.tensor([2, 3, 4, 5])),
    (torch.tensor([0]), torch.tensor([6])),
]


def padded(text_dataset):
    batch = text_dataset.pad_batch(ITEMS)
    return {"x": batch.x, "y": batch.y, "mask": batch.mask}


def test_pad_batch(lesson, compare):
    """Items of 2, 4 and 1 become a batch of (3, 4)"""
    expected = {
        "x": torch.tensor([[7, 8, 0, 0], [1, 2, 3, 4], [0, 0, 0, 0]]),
        "y": torch.tensor([[8, 9, 0, 0], [2, 3, 4, 5], [6, 0, 0, 0]]),
        "mask": torch.tensor([[True, True, False, False], [True] * 4, [True, False, False, False]]),
    }
    compare(padded, lesson("text_dataset"), expected=expected, shapes={"x": "B T", "y": "B T", "mask": "B T"})


def padded_twice(text_dataset):
    text_dataset.pad_batch(ITEMS)
    batch = text_dataset.pad_batch([ITEMS[0], ITEMS[2]])
    return {"x": batch.x, "the first item": ITEMS[0][0]}


def test_as_long_as_the_longest(lesson, compare):
    """Each batch is as long as its own longest item, and the items stay as they were"""
    expected = {"x": torch.tensor([[7, 8], [0, 0]]), "the first item": torch.tensor([7, 8])}
    compare(padded_twice, lesson("text_dataset"), expected=expected, shapes={"x": "B T"})


LOGITS = torch.tensor(
    [
        [[2.0, 0.0, -1.0], [0.5, 0.5, 0.0], [9.0, 1.0, 0.0]],
        [[0.0, 1.0, 0.0], [3.0, -3.0, 9.0], [0.0, 7.0, 2.0]],
    ]
)
TARGETS = torch.tensor([[1, 0, 2], [0, 0, 0]])
MASK = torch.tensor([[True, True, True], [True, False, False]])  # target 0 of row 1 is real, the padding is 0 too


def loss_of_a_batch(text_dataset):
    logits = LOGITS.clone().requires_grad_()
    loss = text_dataset.masked_loss(logits, TARGETS, MASK)
    loss.backward()
    return {"loss": loss, "gradient at the logits": logits.grad}


def loss_by_hand():
    """Over the four places that are there: the mean of -ln p[target], and (p - onehot) / 4."""
    p = torch.softmax(LOGITS, dim=-1)
    right = torch.eye(3)[TARGETS]
    there = MASK[..., None]
    return {
        "loss": -((p * right).sum(-1).log() * MASK).sum() / 4,
        "gradient at the logits": torch.where(there, (p - right) / 4, 0.0),
    }


def test_masked_loss(lesson, compare):
    """Four places count and two are padding: the mean over four, and no gradient at the padding"""
    compare(
        loss_of_a_batch,
        lesson("text_dataset"),
        expected=loss_by_hand,
        shapes={"gradient at the logits": "B T V"},
    )
