"""Checks of task 5.7, trainer.py."""

import io
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from grader import raised
from grader.devices import DeviceWatch, Readings

pytestmark = pytest.mark.time_limit(40)  # the first optimizer that is made imports PyTorch's compiler: seconds

TABLE = torch.tensor([[0.5, -1.0, 0.2], [0.0, 0.8, -0.3], [1.5, 0.1, -0.6]])
A = torch.tensor([[0, 1, 2], [2, 0, 1]]), torch.tensor([[1, 2, 0], [0, -100, 2]])
B = torch.tensor([[1, 2, 1]]), torch.tensor([[-100, 2, -100]])  # its gradient is larger than 1
C = torch.tensor([[2, 0, 2], [1, 2, 0], [0, 0, 1]]), torch.tensor([[1, 1, 0], [2, 1, 1], [2, 2, -100]])
EPOCHS = [[A, B, C], [C, A, B]]
VALIDATION = [A, (torch.tensor([[2, 1, 1]]), torch.tensor([[0, -100, -100]]))]
SETTINGS = {
    "epochs": 2,
    "peak_lr": 0.4,
    "floor_lr": 0.1,
    "warmup_fraction": 0.34,
    "betas": (0.8, 0.95),
    "weight_decay": 0.5,
    "max_norm": 0.3,
    "log_every": 2,
}
LRS = [0.4 / 3, 0.8 / 3, 0.4, 0.1 + 0.3 * 0.75, 0.1 + 0.3 * 0.25, 0.1]  # two steps of warm-up, then a cosine of three
LOGGED = [0, 2, 4, 5]
SEEN = ["train 2", "train 1", "train 3", "eval 2", "eval 1", "train 3", "train 2", "train 1", "eval 2", "eval 1"]


class Clock:
    """A second goes by in every training step, ten in every batch of a validation."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Bigram(nn.Module):
    """Logits for the next token from this one alone. It notes how it is called."""

    def __init__(self, clock=None):
        super().__init__()
        self.table, self.bias = nn.Parameter(TABLE.clone()), nn.Parameter(torch.zeros(3))
        self.clock = clock or Clock()
        self.calls = []

    def forward(self, x):
        self.calls.append(f"{'train' if self.training else 'eval'} {x.size(0)}")
        self.clock.now += 1 if self.training else 10
        return self.table[x] + self.bias, "not the loss"


def fitted(trainer, model, **more):
    epochs_asked = []

    def loader_of_epoch(epoch):
        epochs_asked.append(epoch)
        return EPOCHS[epoch]

    config = trainer.TrainConfig(**SETTINGS)
    history = trainer.fit(model, loader_of_epoch, VALIDATION, config, file=io.StringIO(), **more)
    return history, sorted(set(epochs_asked))


def whole_run(trainer):
    model = Bigram().eval()
    history, epochs = fitted(trainer, model, clock=model.clock)
    column = lambda name: torch.tensor([float(entry[name]) for entry in history.logged])  # noqa: E731
    return {
        "batches that the model saw": model.calls,
        "epochs": epochs,
        "logged steps": [int(entry["step"]) for entry in history.logged],
        "lr": column("lr"),
        "loss": column("loss"),
        "grad_norm": column("grad_norm"),
        "mean_loss": column("mean_loss"),
        "tokens_per_second": column("tokens_per_second"),
        "validation losses": torch.tensor([validation.loss for validation in history.validations]),
        "validation perplexities": torch.tensor([validation.perplexity for validation in history.validations]),
        "table": model.table,
        "bias": model.bias,
    }


def mean_loss_of(table, bias, batches):
    """PyTorch's own mean over all scored tokens of all batches."""
    x, y = (torch.cat([batch[i].flatten() for batch in batches]) for i in (0, 1))
    return F.cross_entropy(table[x] + bias, y)


def written_out():
    """The same run with PyTorch's own AdamW, the learning rates from the table above, and one line for each thing."""
    table, bias = nn.Parameter(TABLE.clone()), nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.AdamW(
        [{"params": [table], "weight_decay": 0.5}, {"params": [bias], "weight_decay": 0.0}], betas=(0.8, 0.95)
    )
    losses, norms, validations = [], [], []
    for step, batch in enumerate(EPOCHS[0] + EPOCHS[1]):
        loss = mean_loss_of(table, bias, [batch])
        for_table, for_bias = torch.autograd.grad(loss, (table, bias))
        norm = torch.cat([for_table.flatten(), for_bias]).norm()
        scale = (0.3 / norm).clamp(max=1.0)
        table.grad, bias.grad = scale * for_table, scale * for_bias
        for group in optimizer.param_groups:
            group["lr"] = LRS[step]
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
        if step in (2, 5):
            validations.append(mean_loss_of(table, bias, VALIDATION).item())
    means = [
        sum(0.98 ** (n - i) * losses[i] for i in range(n + 1)) / sum(0.98**i for i in range(n + 1)) for n in LOGGED
    ]
    return {
        "batches that the model saw": SEEN,
        "epochs": [0, 1],
        "logged steps": LOGGED,
        "lr": torch.tensor([LRS[step] for step in LOGGED]),
        "loss": torch.tensor([losses[step] for step in LOGGED]),
        "grad_norm": torch.tensor([norms[step] for step in LOGGED]),
        "mean_loss": torch.tensor(means),
        "tokens_per_second": torch.tensor([6.0, (3 + 9) / 2, (9 + 6) / 2, 3.0]),
        "validation losses": torch.tensor(validations),
        "validation perplexities": torch.tensor(validations).exp(),
        "table": table,
        "bias": bias,
    }


def test_whole_run(lesson, compare):
    """Two epochs of three batches, against the same run written out with PyTorch's own AdamW."""
    compare(whole_run, lesson("trainer"), expected=written_out)


ENTRY = ["grad_norm", "loss", "lr", "mean_loss", "step", "tokens_per_second"]
VALIDATED = ["val_loss", "val_perplexity"]
KNOWN = {*ENTRY, *VALIDATED}  # whoever logs more may do so


def what_is_logged(trainer):
    calls = []
    fitted(trainer, Bigram(), log=lambda metrics, step: calls.append([step, sorted(KNOWN & set(metrics))]))
    return {"calls of log": calls}


def test_log(lesson, compare):
    """`log` gets every logged step, and the validation after each epoch with the number of steps so far."""
    calls = [[0, ENTRY], [2, ENTRY], [3, VALIDATED], [4, ENTRY], [5, ENTRY], [6, VALIDATED]]
    compare(what_is_logged, lesson("trainer"), expected={"calls of log": calls})


def one_epoch(trainer):
    """Of one epoch there is no loader but the first."""
    model, file = Bigram(), io.StringIO()
    config = trainer.TrainConfig(**{**SETTINGS, "epochs": 1})
    history = trainer.fit(model, [EPOCHS[0]].__getitem__, VALIDATION, config, clock=model.clock, file=file)
    last = history.logged[-1]
    return {
        "steps logged": [int(entry["step"]) for entry in history.logged],
        "validations": len(history.validations),
        "the bar has counted the steps": bool(re.search(r"\b[23]/3", file.getvalue())),
        "it shows the last mean loss": f"loss {last['mean_loss']:.3f} " in file.getvalue(),
        "it shows the last learning rate": f"lr {last['lr']:.2e} " in file.getvalue(),
        "it shows the last tokens per second": f" {last['tokens_per_second']:,.0f} tokens/s" in file.getvalue(),
    }


def test_one_epoch(lesson, compare):
    """A single epoch, and its progress bar: three steps, and beside them what was logged last."""
    expected = {
        "steps logged": [0, 2],
        "validations": 1,
        "the bar has counted the steps": True,
        "it shows the last mean loss": True,
        "it shows the last learning rate": True,
        "it shows the last tokens per second": True,
    }
    compare(one_epoch, lesson("trainer"), expected=expected)


class Watch(DeviceWatch):
    """Of a model on a second device: what is taken there is a copy, and so is what `.cpu()` brings back."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ == "cpu":
            return func(*args, **(kwargs or {})).clone()
        if func.__name__ == "to" and not self.is_home(args[0]):
            args = (args[0].clone(), *args[1:])
        return super().__torch_function__(func, types, args, kwargs)


class Travelling(Bigram):
    """It knows whether it was taken to a device."""

    taken = False

    def to(self, *where, **how):
        self.taken = True
        return super().to(*where, **how)


def where_all_goes(trainer):
    model = Travelling()
    learned, scored = ([part for batch in split for part in batch] for split in ([A, B, C], VALIDATION))
    with Watch(*model.parameters(), *scored) as training:
        fitted(trainer, model, device="cpu")
    with Watch(*model.parameters(), *learned) as validation:
        fitted(trainer, model, device="cpu")
    return {
        "the model is taken to the device": model.taken,
        "training: a batch from elsewhere meets it": training.mixed,
        "validation: a batch from elsewhere meets it": validation.mixed,
    }


def test_device(lesson, compare):
    """The model is taken to the device, and every batch too."""
    expected = {
        "the model is taken to the device": True,
        "training: a batch from elsewhere meets it": False,
        "validation: a batch from elsewhere meets it": False,
    }
    compare(where_all_goes, lesson("trainer"), expected=expected)


def when_values_are_read(trainer):
    model = Bigram()
    with Readings(lambda: sum("train" in call for call in model.calls) - 1 if model.training else None) as readings:
        fitted(trainer, model)
    return {"values read at steps 1 and 3": [readings.counts[1], readings.counts[3]]}


def test_reads_only_what_it_logs(lesson, compare):
    """Nothing is read from the device at a step that is not logged."""
    compare(when_values_are_read, lesson("trainer"), expected={"values read at steps 1 and 3": [0, 0]})


class Breaks(Bigram):
    """Its third training batch gives NaN."""

    def forward(self, x):
        logits, other = super().forward(x)
        return logits * (float("nan") if self.calls.count("train 3") else 1.0), other


def stopped_by_nan(trainer):
    model = Breaks()
    message = "nothing raised"
    try:
        fitted(trainer, model)
    except FloatingPointError as error:
        message = str(error)
    return {
        "batches that the model saw": model.calls,
        "it names the gradient": "gradient of table" in message,
        "table": model.table,
        "bias": model.bias,
    }


def before_the_third_step():
    table, bias = nn.Parameter(TABLE.clone()), nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.AdamW(
        [{"params": [table], "weight_decay": 0.5}, {"params": [bias], "weight_decay": 0.0}], betas=(0.8, 0.95)
    )
    for step, batch in enumerate(EPOCHS[0][:2]):
        optimizer.zero_grad()
        mean_loss_of(table, bias, [batch]).backward()
        nn.utils.clip_grad_norm_((table, bias), 0.3)
        for group in optimizer.param_groups:
            group["lr"] = LRS[step]
        optimizer.step()
    return {
        "batches that the model saw": ["train 2", "train 1", "train 3"],
        "it names the gradient": True,
        "table": table,
        "bias": bias,
    }


def test_nan_stops_it(lesson, compare):
    """A NaN in a logged step stops the run, names the gradient, and leaves the parameters as they were before."""
    compare(stopped_by_nan, lesson("trainer"), expected=before_the_third_step)


def no_batches(trainer):
    config = trainer.TrainConfig()
    return {"raised": raised(lambda: trainer.fit(Bigram(), lambda epoch: [], VALIDATION, config, file=io.StringIO()))}


def test_no_batches(lesson, compare):
    """A loader without a batch is an error, not a run that is over at once."""
    compare(no_batches, lesson("trainer"), expected={"raised": "ValueError"})
