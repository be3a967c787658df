"""The GPT that reads one token at a time is the GPT that was trained, or is not used."""

import itertools
import sys

import pytest
import torch
from torch import nn

from capstone import pieces as choosing
from capstone.blocks import scripted, through
from capstone.build import build_model
from capstone.cached import Cached, cached
from capstone.config import Config

V, T = 61, 12


@pytest.fixture(scope="module")
def pieces():
    return choosing.load(choosing.choose("reference"))


def made(pieces, **settings):
    """A small model whose every parameter matters."""
    torch.manual_seed(3)
    config = Config(**{"block_size": T, "n_layer": 2, "n_head": 2, "n_embd": 16, "dropout": 0.1, **settings})
    model = build_model(pieces, config, V).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def prompts(*sizes):
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(V, (size,), generator=generator) for size in sizes]


WAYS = list(itertools.product(("learned", "sinusoidal", "rotary"), ("fast", "pieces")))


@pytest.mark.parametrize(("positions", "kernels"), WAYS)
@pytest.mark.parametrize(
    "settings",
    [{"temperature": 0}, {"temperature": 1.3, "top_k": 20, "top_p": 0.9}, {"stop_token": 7}],
    ids=["greedy", "drawn", "stopped"],
)
def test_the_tokens_are_those_without_a_cache(pieces, positions, kernels, settings):
    model = made(pieces, positions=positions, kernels=kernels)
    ours = cached(pieces, model, fast=kernels == "fast")
    for sizes in ((3, 1, 7, 5), (4,), (T + 4, 2)):  # unequal; one alone; beyond block_size from the beginning
        each = [
            generate(model, prompts(*sizes), 15, generator=torch.Generator().manual_seed(9), **settings)
            for generate, model in ((pieces.generate_with_cache, ours), (pieces.generate_batch, model))
        ]
        assert [row.tolist() for row in each[0]] == [row.tolist() for row in each[1]]


def test_only_the_newest_token_is_read_within_the_context(pieces):
    ours = cached(pieces, made(pieces))
    read = []
    ours.register_forward_pre_hook(lambda module, args: read.append(tuple(args[0].shape)))
    pieces.generate_with_cache(ours, prompts(3, 5), 9)
    assert read == [(2, 5), *[(2, 1)] * 7, (2, T)]


def test_each_cache_keeps_its_own_text(pieces):
    model = made(pieces)
    ours, texts = cached(pieces, model), torch.randint(V, (2, T), generator=torch.Generator().manual_seed(6))
    caches = [pieces.KVCache(T), pieces.KVCache(T)]
    expected = model(texts)[0]  # (2, T, V)
    for place in range(T):  # a token of one, a token of the other
        for row, cache in enumerate(caches):
            found = ours(texts[row : row + 1, place : place + 1], torch.tensor([[place]]), cache)[0]  # (1, 1, V)
            torch.testing.assert_close(found[0, 0], expected[row, place], atol=1e-4, rtol=1e-4)


def test_a_cache_that_was_cleared_takes_other_rows(pieces):
    model = made(pieces)
    ours, cache = cached(pieces, model), pieces.KVCache(T)
    for rows in (3, 1, 2):
        idx, positions = torch.full((rows, 4), rows), torch.arange(4).expand(rows, 4)
        cache.clear()
        torch.testing.assert_close(ours(idx, positions, cache)[0][:, -1], model(idx)[0][:, -1], atol=1e-4, rtol=1e-4)


def test_without_torchscript_it_is_the_same(pieces, monkeypatch):
    model = made(pieces, positions="rotary")
    scripted.cache_clear()
    with monkeypatch.context() as patch:
        patch.delattr(torch.jit, "script")
        plain = cached(pieces, model)
    scripted.cache_clear()
    quick = cached(pieces, model)
    assert plain.through is through
    if sys.version_info < (3, 14):  # PyTorch supports it up to there
        assert isinstance(quick.through, torch.jit.ScriptFunction)
    for sizes in ((3,), (3, 5)):
        rows = [pieces.generate_with_cache(ours, prompts(*sizes), T, temperature=0) for ours in (plain, quick)]
        assert [row.tolist() for row in rows[0]] == [row.tolist() for row in rows[1]]


def test_half_precision_is_near(pieces):
    model, idx = made(pieces), torch.randint(V, (3, T), generator=torch.Generator().manual_seed(2))
    positions = torch.arange(T).expand(3, T)
    found = cached(pieces, model, torch.bfloat16)(idx, positions, pieces.KVCache(T))[0]
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), model(idx)[0], atol=0.1, rtol=0.05)


class ThreeLayers(nn.Module):
    """Attention with three projections, under names of its own."""

    def __init__(self, like, n_head):
        super().__init__()
        self.one, self.two, self.three, self.project = (nn.Linear(16, 16) for _ in range(4))
        self.attend, self.n_head = like.attend, n_head
        with torch.no_grad():
            for layer, weight, bias in zip(
                (self.one, self.two, self.three), like.qkv.weight.chunk(3), like.qkv.bias.chunk(3), strict=True
            ):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
        self.project.load_state_dict(like.project.state_dict())

    def forward(self, x):
        q, k, v = (f(x).view(*x.shape[:2], self.n_head, -1).transpose(1, 2) for f in (self.one, self.two, self.three))
        return self.project(self.attend(q, k, v).transpose(1, 2).flatten(2))


def test_three_projections_under_other_names(pieces):
    model = made(pieces)
    for block in model.blocks:
        block.attention = ThreeLayers(block.attention, 2)
    ours = cached(pieces, model)
    rows = [
        f(m, prompts(3, 5), 6, temperature=0)
        for f, m in zip((pieces.generate_with_cache, pieces.generate_batch), (ours, model), strict=True)
    ]
    assert [row.tolist() for row in rows[0]] == [row.tolist() for row in rows[1]]


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary"])
def test_as_many_channels_as_positions(pieces, positions):
    model = made(pieces, positions=positions, block_size=16)  # a product of a block then has the shape of their table
    assert cached(pieces, model) is not None


def test_another_model_is_not_mistaken_for_it(pieces):
    model = made(pieces)
    for block in model.blocks:
        block.feed_forward.gelu = nn.ReLU()
    assert cached(pieces, model) is None
    model = made(pieces)
    model.blocks[0].norm_1 = nn.Identity()
    with pytest.raises(LookupError):
        Cached(model)
    assert cached(pieces, model) is None
    model = made(pieces)
    model.norm = nn.RMSNorm(16)
    assert cached(pieces, model) is None


def test_modes_stay_as_they_were(pieces):
    model = made(pieces).train()
    model.blocks[0].eval()
    before = [module.training for module in model.modules()]
    cached(pieces, model)
    assert [module.training for module in model.modules()] == before
