"""Checks of task 1.1, mnist_mlp.py, and of the run on MNIST."""

import torch
import torch.nn.functional as F
from torch import nn

from grader import raised
from grader.devices import DeviceWatch

IMAGES = torch.tensor([[[0.0, 1.0], [2.0, -1.0]], [[1.0, 1.0], [-2.0, 0.5]], [[-1.0, 0.5], [0.0, 3.0]]])[:, None]
W1 = torch.tensor([[1.0, -1.0, 0.5, 0.0], [0.0, 2.0, 1.0, 1.0], [-1.0, 0.0, 0.5, 1.0]])
B1 = torch.tensor([0.5, -1.0, 0.25])
W2 = torch.tensor([[1.0, -0.5, 2.0], [-1.0, 0.25, 0.0]])
B2 = torch.tensor([0.1, -0.3])


def classifier(mnist_mlp):
    model = mnist_mlp.Classifier(inputs=4, hidden=3, classes=2)
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), (W1, B1, W2, B2), strict=False):
            parameter.copy_(values)
    return model


def logits_of_three_images(mnist_mlp):
    plain = mnist_mlp.Classifier(inputs=4, hidden=3, classes=2)
    shapes = [list(parameter.shape) for parameter in plain.parameters()]
    return {"shapes of the parameters": shapes, "logits": classifier(mnist_mlp)(IMAGES)}


def logits_by_hand():
    rows = IMAGES.reshape(3, 4)
    hidden = (rows @ W1.T + B1).clamp(min=0)
    return {"shapes of the parameters": [[3, 4], [3], [2, 3], [2]], "logits": hidden @ W2.T + B2}


def test_classifier(lesson, compare):
    """Linear, ReLU, linear: the logits of three small images"""
    compare(logits_of_three_images, lesson("mnist_mlp"), expected=logits_by_hand, shapes={"logits": "B K"})


def parameters_for_mnist(mnist_mlp):
    return {"parameters": sum(parameter.numel() for parameter in mnist_mlp.Classifier().parameters())}


def test_size(lesson, compare):
    """784 inputs, 256 hidden units, 10 classes: 203,530 parameters"""
    compare(parameters_for_mnist, lesson("mnist_mlp"), expected={"parameters": 784 * 256 + 256 + 256 * 10 + 10})


class Plain(nn.Module):
    """A linear layer that is easy to follow by hand; it notes how it is called."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.5, -1.0], [0.0, 0.25], [-0.5, 1.0]]))
        self.modes, self.graphs = [], []

    def forward(self, images):
        self.modes.append(self.training)
        self.graphs.append(torch.is_grad_enabled())
        return images.flatten(1) @ self.weight.T


BATCHES = [  # (images (B, 2), labels): the last batch is smaller
    (torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]]), torch.tensor([0, 2, 2])),
    (torch.tensor([[2.0, 1.0], [1.0, -1.0], [0.5, 0.5]]), torch.tensor([1, 0, 1])),
    (torch.tensor([[0.0, -1.0]]), torch.tensor([2])),
]


def an_epoch(mnist_mlp):
    model = Plain().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    F.cross_entropy(model(BATCHES[2][0]), BATCHES[2][1]).backward()  # an old gradient that must not count
    model.modes.clear()
    losses = mnist_mlp.train_one_epoch(model, BATCHES, optimizer)
    return {
        "loss of each batch": [value.detach() if isinstance(value, torch.Tensor) else value for value in losses],
        "weights afterwards": model.weight,
        "train mode in each batch": model.modes,
    }


def an_epoch_by_hand():
    weight, losses = Plain().weight.detach(), []
    for images, labels in BATCHES:
        p = torch.softmax(images @ weight.T, dim=1)
        right = torch.eye(3)[labels]
        losses.append(-(p * right).sum(1).log().mean().item())
        weight = weight - 0.5 * ((p - right) / len(labels)).T @ images
    return {"loss of each batch": losses, "weights afterwards": weight, "train mode in each batch": [True] * 3}


def test_one_epoch(lesson, compare):
    """Three steps of plain descent: the losses, and the weights that come out"""
    compare(an_epoch, lesson("mnist_mlp"), expected=an_epoch_by_hand)


def what_losses_are(mnist_mlp):
    model = Plain()
    losses = mnist_mlp.train_one_epoch(model, BATCHES, torch.optim.SGD(model.parameters(), lr=0.5))
    return {"type of each entry": [type(value).__name__ for value in losses]}


def test_losses_are_numbers(lesson, compare):
    """What is kept of a step is a plain float"""
    compare(what_losses_are, lesson("mnist_mlp"), expected={"type of each entry": ["float"] * 3})


def shares(mnist_mlp):
    model = Plain()
    batches = [(images, labels) for images, labels in BATCHES]
    return {
        "share of the seven images": mnist_mlp.accuracy(model, batches),
        "share of the last image": mnist_mlp.accuracy(model, batches[2:]),
        "share of one image of the second batch": mnist_mlp.accuracy(model, [(BATCHES[1][0][1:2], BATCHES[1][1][1:2])]),
    }


def test_accuracy(lesson, compare):
    """Seven images in three batches of different size: every image counts the same"""
    expected = {  # by hand: logits (x/2 - y, y/4, y - x/2) of each image (x, y), and the largest of them
        "share of the seven images": 5 / 7,
        "share of the last image": 0.0,
        "share of one image of the second batch": 1.0,
    }
    compare(shares, lesson("mnist_mlp"), expected=expected)


def how_it_is_asked(mnist_mlp):
    model = Plain().train()
    mnist_mlp.accuracy(model, BATCHES)
    observed = {
        "train mode": list(model.modes),
        "builds a graph": list(model.graphs),
        "mode afterwards": model.training,
    }
    model.eval()
    mnist_mlp.accuracy(model, BATCHES)
    return observed | {
        "mode afterwards, if it was eval": model.training,
        "graphs can be built afterwards": torch.is_grad_enabled(),
    }


def test_accuracy_leaves_the_model_alone(lesson, compare):
    """Eval mode and no graph while it counts; afterwards everything is as it was"""
    expected = {
        "train mode": [False] * 3,
        "builds a graph": [False] * 3,
        "mode afterwards": True,
        "mode afterwards, if it was eval": False,
        "graphs can be built afterwards": True,
    }
    compare(how_it_is_asked, lesson("mnist_mlp"), expected=expected)


def nothing_to_count(mnist_mlp):
    return {"raised": raised(lambda: mnist_mlp.accuracy(Plain(), []))}


def test_no_images(lesson, compare):
    """A loader without images is an error, not a share"""
    compare(nothing_to_count, lesson("mnist_mlp"), expected={"raised": "ValueError"})


class Watch(DeviceWatch):
    """Of a model on a second device; `.cpu()` brings a result back from there."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ == "cpu":
            return func(*args, **(kwargs or {})).clone()
        return super().__torch_function__(func, types, args, kwargs)


def where_the_batches_go(mnist_mlp):
    model = Plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watch(model.weight) as training:
        mnist_mlp.train_one_epoch(model, BATCHES, optimizer, torch.device("cpu"))
    with Watch(model.weight) as evaluating:
        mnist_mlp.accuracy(model, BATCHES, torch.device("cpu"))
    return {
        "training: a batch from elsewhere meets the model": training.mixed,
        "accuracy: a batch from elsewhere meets the model": evaluating.mixed,
    }


def test_batches_go_to_the_device(lesson, compare):
    """Images and labels are taken to the model's device"""
    expected = {
        "training: a batch from elsewhere meets the model": False,
        "accuracy: a batch from elsewhere meets the model": False,
    }
    compare(where_the_batches_go, lesson("mnist_mlp"), expected=expected)


def what_the_run_says(run):
    return {"data": run["data"]["kind"], "at least 97 % of the test images": run["test_accuracy"] >= 0.97}


def test_the_run_on_mnist(record, compare):
    """Your run on MNIST: at least 97 % of the test images are right"""
    compare(
        what_the_run_says,
        record("day01-mnist", command="python -m curriculum.day01_pytorch_basics.train_mnist"),
        expected={"data": "real", "at least 97 % of the test images": True},
    )
