"""A run with the fast kernels: the same losses as with the pieces, and resumable like any other."""

import json
import os
import signal
from types import SimpleNamespace

import pytest
import torch

from capstone import fast
from capstone import pieces as choosing
from capstone.averaging import Average
from capstone.build import build_model, build_optimizer, take_step, trainable
from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.optimizers import Together
from capstone.preflight import preflight
from capstone.train import main as train
from solutions.day02_attention.layer_norm import LayerNorm
from solutions.day11_generation import gpt_of_run
from solutions.day11_generation.kv_cache import KVCache

CPU = torch.device("cpu")
EVERYTHING = ["--kernels", "fast", "--positions", "rotary", "--optimizer", "muon", "--average", "0.9", "--noise", "0.1"]
TINY = {"vocab_size": 65, "block_size": 16, "n_layer": 2, "n_head": 2, "n_embd": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def reference():
    """Every piece of the reference that a run of one process needs."""
    return choosing.load(choosing.choose("reference"))


def losses(folder):
    """(step, loss) of every step and (step, loss) of every validation, as written."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(r["step"], r.get("loss", r.get("val_loss"))) for r in records]


def some_batches(count: int):
    generator = torch.Generator().manual_seed(0)
    return [tuple(torch.randint(65, (2, 4, 16), generator=generator)) for _ in range(count)]


def trained_for(pieces, config: Config, batches, accumulate: int = 1):
    """The losses and norms of some steps, and the weights after them."""
    torch.manual_seed(0)
    model = build_model(pieces, config, 65)
    optimizer = build_optimizer(pieces, config, model)
    ready = trainable(pieces, config, model, CPU).train()
    results = [take_step(pieces, ready, batch, optimizer, 1e-3, 1.0, accumulate) for batch in batches]
    numbers = torch.tensor([[float(r.loss), float(r.grad_norm)] for r in results])
    return numbers, model.state_dict()


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary"])
@pytest.mark.parametrize("attention", ["day02", "day03"])
def test_same_losses_norms_and_weights_as_the_pieces(reference, positions, attention):
    ways = [
        trained_for(
            reference, Config(**TINY, positions=positions, attention=attention, kernels=kernels), some_batches(20)
        )
        for kernels in ("pieces", "fast")
    ]
    torch.testing.assert_close(ways[0][0], ways[1][0], rtol=1e-4, atol=1e-5)
    assert ways[0][1].keys() == ways[1][1].keys()
    for name, weight in ways[0][1].items():
        torch.testing.assert_close(weight, ways[1][1][name], rtol=1e-3, atol=2e-4)


def test_parts_of_a_batch_are_the_batch(reference):
    config = Config(**TINY)
    whole, parts = (trained_for(reference, config, some_batches(5), accumulate) for accumulate in (1, 4))
    torch.testing.assert_close(whole[0], parts[0], rtol=1e-4, atol=1e-5)


def test_step_that_is_not_inspected_well_is_left_out(reference):
    config = Config(**TINY)
    model = build_model(reference, config, 65)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    ready, seen = trainable(reference, config, model, CPU), []
    optimizer = build_optimizer(reference, config, model)
    options = {"inspect": lambda loss, norm: seen.append((float(loss), float(norm)))}
    result = take_step(reference, ready, some_batches(1)[0], optimizer, 0.1, **options)
    assert seen == [(float(result.loss), float(result.grad_norm))]
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_head_is_itself_again_after_a_step(reference):
    model = build_model(reference, Config(**TINY), 65)
    called = fast.WithLoss(model, reference.chunked_cross_entropy, "float32")
    called(*some_batches(1)[0])
    assert model(some_batches(1)[0][0])[0].shape == (4, 16, 65)


def test_gpt_without_a_tied_head_says_what_to_do(reference):
    model = build_model(reference, Config(**TINY), 65)
    model.head = torch.nn.Linear(16, 65, bias=False)
    with pytest.raises(CapstoneError, match="--kernels pieces"):
        fast.WithLoss(model, reference.chunked_cross_entropy, "float32")


def test_piece_that_the_kernels_do_not_match_is_told(reference):
    class Norm(LayerNorm):
        def __init__(self, channels):
            super().__init__(channels, eps=0.1)

    pieces = SimpleNamespace(**{**vars(reference), "LayerNorm": Norm})
    with pytest.raises(CapstoneError, match="--kernels pieces") as error:
        preflight(pieces, Config(), CPU)
    assert "LayerNorm (day 2, task 2.4" in str(error.value)
    preflight(pieces, Config(kernels="pieces"), CPU)


def test_muon_takes_the_hidden_matrices_and_adamw_the_rest(reference):
    model = build_model(reference, Config(**TINY), 65)
    both = build_optimizer(reference, Config(**TINY, optimizer="muon", weight_decay=0.3), model)
    assert isinstance(both, Together)
    adamw, muon = ({id(p) for group in part.param_groups for p in group["params"]} for part in both.parts)
    names = {id(p): name for name, p in model.named_parameters()}
    assert {names[p] for p in muon} == {
        name for name, p in model.named_parameters() if "blocks" in name and p.dim() == 2
    }
    assert adamw | muon == set(names)
    assert not adamw & muon
    assert both.parts[1].param_groups[0]["weight_decay"] == 0.3


def test_average_of_weights():
    layer = torch.nn.Linear(1, 1, bias=False)
    average, values = Average(layer, 0.9), [5.0, 1.0, 3.0]
    mean, decays = 0.0, [0.0, 1 / 11, 2 / 12]
    for value, decay in zip(values, decays, strict=True):
        layer.weight.data.fill_(value)
        average.update()
        mean = decay * mean + (1 - decay) * value
    with average.in_place():
        assert layer.weight.item() == pytest.approx(mean)
    assert layer.weight.item() == 3.0


def test_average_of_nothing_is_the_model_itself():
    layer = torch.nn.Linear(1, 1)
    average, before = Average(layer, 0.0), layer.weight.clone()
    average.update()
    with average.in_place():
        assert torch.equal(layer.weight, before)


def test_resumed_run_is_the_same_bit_for_bit(options, tmp_path, monkeypatch):
    options = [*options, *EVERYTHING]
    assert train([*options, "--name", "whole"]) == 0
    original, seen = fast.fast_step, [0]

    def counting(*arguments, **named):
        seen[0] += "inspect" in named  # not the preflight's
        if seen[0] == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr("capstone.build.fast_step", counting)
        assert train([*options, "--name", "parts"]) == 130
    runs = tmp_path / "runs"
    assert train(["--resume", str(runs / "parts"), "--runs", str(runs)]) == 0
    assert losses(runs / "parts") == losses(runs / "whole")
    whole, resumed = (torch.load(runs / name / "best.pt", weights_only=True) for name in ("whole", "parts"))
    assert all(torch.equal(whole["model"][name], resumed["model"][name]) for name in whole["model"])


def test_a_whole_run_has_the_losses_of_one_with_the_pieces(options, tmp_path):
    for kernels in ("pieces", "fast"):
        assert train([*options, "--dropout", "0", "--kernels", kernels, "--name", kernels]) == 0
    runs = [losses(tmp_path / "runs" / kernels) for kernels in ("pieces", "fast")]
    for (step, one), (other_step, other) in zip(*runs, strict=True):
        assert step == other_step
        assert one == pytest.approx(other, abs=1e-4)
    evaluation = json.loads((tmp_path / "runs" / "fast" / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["steps"] == 12


def test_float16_needs_a_gpu(options):
    with pytest.raises(CapstoneError, match="float16 is for GPUs"):
        train([*options, "--kernels", "fast", "--precision", "float16", "--device", "cpu"])


def test_day_11_opens_a_run_with_rotary_positions(reference):
    torch.manual_seed(0)
    sizes = {"block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 8}
    model = build_model(reference, Config(**sizes, positions="rotary"), 23).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    mine = gpt_of_run.GPT(gpt_of_run.Sizes(23, 8, 2, 2, 8, rotary=True)).eval()
    gpt_of_run.take_over(mine, model.state_dict())
    idx = torch.randint(23, (3, 8), generator=torch.Generator().manual_seed(3))
    places, cache = torch.arange(8).expand(3, 8), KVCache(8)
    torch.testing.assert_close(mine(idx)[0], model(idx)[0])
    parts = [mine(idx[:, part], places[:, part], cache)[0] for part in (slice(0, 5), slice(5, 8))]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(idx)[0])
