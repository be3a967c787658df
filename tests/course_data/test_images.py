"""load_images: names, splits, and the two sets that are drawn; `show` on the command line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from torch import nn
from torch.nn import functional as F

from course_data import CourseDataError, DataMissing
from course_data.__main__ import main
from course_data.contact_sheet import contact_sheet, write_contact_sheet
from course_data.images import image_sets, load_images

ROOT = Path(__file__).parents[2]
SHAPES = {"digits": (1, 28, 28), "textures": (3, 32, 32)}
DIGESTS = {
    ("digits", "train"): "c7cc11cea376ab1b0f8f488f0a96ad3d1a2a6b0db1a6f5bce6d90a44757ad69a",
    ("digits", "test"): "1710c6810938eda05e0666a6ffc529bb5fd43c6dc5aa82eb05a8bd41ca14943e",
    ("textures", "train"): "9562c3272284ba9078aab2ecb8f9439a6e2acf6c3ce9552f8e6115027e85e065",
    ("textures", "test"): "f4c52aea27a7e6a7af32e9d9cc6cf51f7fa0b8511262d57c7701246bc5cac147",
}


def test_names():
    assert image_sets() == ("mnist", "cifar10", "digits", "textures")


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("MNIST", "train", "Did you mean 'mnist'?"),
        ("cifar", "train", "There is no set of images 'cifar'. Did you mean 'cifar10'?"),
        ("encyclopedia", "train", "Choose from mnist, cifar10, digits, textures."),
        ("digits", "training", "Did you mean 'train'? Choose from train, test."),
        ("mnist", "validation", "mnist has no split 'validation', only train and test: hold a part of train back."),
    ],
)
def test_unknown_names_list_the_choices(name, split, said):
    with pytest.raises(ValueError) as caught:
        load_images(name, split)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_drawn_set_never_takes_the_place_of_a_real_one(name, tmp_path):
    with pytest.raises(DataMissing, match="If you have"):
        load_images(name, "train", data_dir=tmp_path, mirror="http://127.0.0.1:9")


@pytest.mark.parametrize(("name", "split"), DIGESTS)
def test_drawn_alike_everywhere(name, split):
    images = load_images(name, split)
    count = {"train": 12_000, "test": 2_000}[split]
    assert images.images.shape == (count, *SHAPES[name])
    assert (images.images.dtype, images.labels.dtype) == (torch.uint8, torch.int64)
    assert images.labels.bincount().tolist() == [count // 10] * 10
    assert images.labels[:100].bincount().min() > 0
    assert (len(images), len(images.classes), images.kind) == (count, 10, "stand-in")
    assert f"drawn on the spot: {count:,} images" in images.source
    assert images.digest == DIGESTS[name, split]


@pytest.mark.parametrize("name", SHAPES)
def test_no_image_comes_twice(name):
    seen = {image.numpy().tobytes() for split in ("train", "test") for image in load_images(name, split).images}
    assert len(seen) == 14_000


def test_a_drawn_set_needs_neither_torchvision_nor_files(tmp_path):
    program = (
        "import sys; sys.modules['torchvision'] = None\n"
        "from course_data.images import image_sets, load_images\n"
        "assert 'torch' not in sys.modules\n"
        "assert len(load_images('textures', 'test')) == 2_000"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def accuracies(name, epochs):
    """Shares of the test images that a linear model and a small MLP get right, after a few epochs."""
    train, test = load_images(name, "train"), load_images(name, "test")
    mean, deviation = train.images.numpy().mean(), train.images.numpy().std()
    x, y = (train.images.flatten(1).float() - mean) / deviation, train.labels
    found = []
    for hidden in (0, 128):
        torch.manual_seed(0)
        model = nn.Linear(x.shape[1], 10)
        if hidden:
            model = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, 10))
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        for chosen in (part for _ in range(epochs) for part in torch.randperm(len(x)).split(128)):
            optimizer.zero_grad()
            F.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
        guesses = model((test.images.flatten(1).float() - mean) / deviation).argmax(1)
        found.append((guesses == test.labels).float().mean().item())
    return found


@pytest.fixture
def one_thread():
    """Layers as small as these only wait for each other on several threads, for minutes if the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "epochs", "linear", "mlp"),
    [("digits", 4, (0.84, 0.93), (0.95, 1.0)), ("textures", 4, (0.12, 0.35), (0.5, 0.9))],
)
def test_how_hard_they_are(one_thread, name, epochs, linear, mlp):
    found = accuracies(name, epochs)
    assert linear[0] < found[0] < linear[1]
    assert mlp[0] < found[1] < mlp[1]


def test_show(tmp_path, capsys):
    assert main(["show", "digits", "--picture", str(tmp_path / "digits.png")]) == 0
    said = capsys.readouterr().out
    assert "digits, test: 2,000 images, 28 × 28, grey (stand-in)" in said
    assert f"sha256: {DIGESTS['digits', 'test']}" in said
    assert "classes: 0 (200), 1 (200)" in said
    assert f"picture: {tmp_path / 'digits.png'}" in said
    assert imread(tmp_path / "digits.png").shape[:2] == (10 * 28 * 2, 10 * 28 * 2)


def test_a_contact_sheet_has_a_row_for_each_class(tmp_path):
    images = load_images("textures", "test")
    sheet = contact_sheet(images)
    bricks = images.images[images.labels == 6]
    assert np.array_equal(sheet[6 * 64 : 7 * 64 : 2, 3 * 64 : 4 * 64 : 2], bricks[3].permute(1, 2, 0).numpy())
    with pytest.raises(ValueError, match=r"name it .*sheet\.png"):
        write_contact_sheet(images, tmp_path / "sheet.jpg")
    with pytest.raises(CourseDataError, match=r"sheet\.png cannot be written: No such file"):
        write_contact_sheet(images, tmp_path / "nowhere" / "sheet.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "mnits"], "Did you mean 'mnist'?"),
        (["show", "mnist", "--split", "validation"], "hold a part of train back"),
        (["show", "mnist", "--data-dir", "nowhere"], "does not exist"),
        (["show", "cifar10", "--mirror", "http://127.0.0.1:9"], "COURSE_DATA="),
        (["show", "digits", "--picture", "digits.gif"], "name it digits.png"),
        (["show", "encyclopedia", "--picture", "a.png"], "--picture is for images"),
        (["baseline", "mnist"], "is a set of images, not a text"),
    ],
)
def test_errors_are_one_sentence_and_exit_with_1(arguments, said, capsys):
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert said in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
