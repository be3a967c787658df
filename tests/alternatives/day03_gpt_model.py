"""Right answers of day 3, written another way."""

import importlib
import math

import torch
import torch.nn.functional as F
from torch import nn

from grader.catalogue import alternative

DAY = "day03_gpt_model"


def sibling(config, stem):
    """Another file of the version under test: the one that the configuration comes from."""
    return importlib.import_module(f"{type(config).__module__.rpartition('.')[0]}.{stem}")


def fused(q, k, v, dropout=0.0):
    return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)


# 3.1


@alternative(DAY, "anatomy", "count_parameters")
def counted_layer_by_layer(config):
    def linear(inputs, outputs):
        return inputs * outputs + outputs

    width = config.n_embd
    counts = dict.fromkeys(("attention", "feed_forward", "norms", "head"), 0)
    for _ in range(config.n_layer):
        counts["attention"] += linear(width, 3 * width) + linear(width, width)
        counts["feed_forward"] += linear(width, 4 * width) + linear(4 * width, width)
        counts["norms"] += 4 * width
    counts["norms"] += 2 * width
    counts["token_embedding"] = config.vocab_size * width
    counts["position_embedding"] = {"learned": config.block_size * width, "sinusoidal": 0}[config.positions]
    counts["total"] = sum(counts.values())
    return counts


# 3.2


@alternative(DAY, "config", "GPTConfig")
class PlainConfig:
    """Not a dataclass, and worded in another way."""

    def __init__(
        self, vocab_size=50257, block_size=1024, n_layer=12, n_head=12, n_embd=768, dropout=0.1, positions="learned"
    ):
        sizes = {
            "vocab_size": vocab_size,
            "block_size": block_size,
            "n_layer": n_layer,
            "n_head": n_head,
            "n_embd": n_embd,
        }
        self.__dict__.update(sizes, dropout=dropout, positions=positions)
        wrong = [f"bad {name}" for name, size in sizes.items() if type(size) is not int or size <= 0]
        if "bad n_head" not in wrong and "bad n_embd" not in wrong and n_embd / n_head != n_embd // n_head:
            wrong.append("n_head does not divide n_embd")
        try:
            fine = math.isfinite(dropout) and 0 <= dropout < 1
        except TypeError:
            fine = False
        wrong += [] if fine else ["bad dropout"]
        wrong += [] if positions in {"learned", "sinusoidal"} else ["bad positions"]
        if wrong:
            raise ValueError("; ".join(wrong))


# 3.3


@alternative(DAY, "embeddings", "Embeddings")
class PositionsAsParameter(nn.Module):
    """The position table is a bare parameter, the sinusoids a buffer; both are cut with a slice."""

    def __init__(self, config, sinusoids=None):
        super().__init__()
        if config.positions == "sinusoidal" and sinusoids is None:
            raise ValueError("sinusoids is missing")
        shape = config.block_size, config.n_embd
        if config.positions == "learned":
            self.where = nn.Parameter(torch.randn(shape) * 0.02)
        else:
            self.register_buffer("where", sinusoids(*shape))
        self.token = nn.Embedding(config.vocab_size, config.n_embd)
        self.rate = config.dropout

    def forward(self, idx):
        length = idx.shape[1]
        longest = len(self.where)
        if length > longest:
            raise ValueError(f"{length} tokens are more than {longest}")
        x = self.where[None, :length] + F.embedding(idx, self.token.weight)
        return F.dropout(x, self.rate, training=self.training)


@alternative(DAY, "embeddings", "Embeddings")
class SinusoidsOnDemand(nn.Module):
    """The sinusoids are made anew for every input, and sent to its device."""

    def __init__(self, config, sinusoids=None):
        super().__init__()
        self.config, self.sinusoids = config, sinusoids
        self.token = nn.Embedding(config.vocab_size, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        if config.positions == "learned":
            self.position = nn.Embedding(config.block_size, config.n_embd)
        elif not callable(sinusoids):
            raise ValueError("sinusoids must be a function")

    def forward(self, idx):
        length = idx.shape[-1]
        if length > self.config.block_size:
            raise ValueError(f"got {length}, at most {self.config.block_size}")
        if self.config.positions == "learned":
            where = self.position(torch.arange(length).to(idx.device).expand_as(idx))
        else:
            where = self.sinusoids(length, self.config.n_embd).to(idx.device)
        return self.drop(self.token(idx).add(where))


# 3.4


@alternative(DAY, "block", "causal_attention")
def attention_by_pytorch(q, k, v, dropout=0.0):
    return fused(q, k, v, dropout)


@alternative(DAY, "block", "causal_attention")
def attention_with_einsum(q, k, v, dropout=0.0):
    time = torch.arange(q.size(2), device=q.device)
    scores = torch.einsum("bhqd,bhkd->bhqk", q * q.size(-1) ** -0.5, k)
    scores = scores.masked_fill(time[:, None] < time, torch.finfo(scores.dtype).min)
    return torch.einsum("bhqk,bhkd->bhqd", F.dropout(F.softmax(scores, -1), p=dropout), v)


@alternative(DAY, "block", "causal_attention")
def attention_with_minus_a_billion(q, k, v, dropout=0.0):
    mask = torch.triu(q.new_full((q.size(2), q.size(2)), -1e9), diagonal=1)
    weights = torch.softmax(torch.matmul(q, k.mT) / q.size(-1) ** 0.5 + mask, dim=3)
    return torch.matmul(nn.functional.dropout(weights, dropout, training=dropout > 0), v)


@alternative(DAY, "block", "causal_attention")
def attention_position_by_position(q, k, v, dropout=0.0):
    rows = []
    for t in range(q.size(2)):
        scores = (q[:, :, t : t + 1] * k[:, :, : t + 1]).sum(-1) / math.sqrt(q.size(-1))  # (B, H, t + 1)
        weights = F.dropout(scores.softmax(-1), dropout)
        rows.append((weights[..., None] * v[:, :, : t + 1]).sum(2))
    return torch.stack(rows, dim=2)


@alternative(DAY, "block", "CausalSelfAttention")
class ThreeProjections(nn.Module):
    """Separate projections, heads split with unflatten, and a mask kept as a buffer that attend does not need."""

    def __init__(self, config, attend=fused):
        super().__init__()
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.project = nn.Linear(config.n_embd, config.n_embd)
        self.register_buffer("mask", torch.ones(config.block_size, config.block_size).tril())
        self.heads, self.rate, self.attend = config.n_head, config.dropout, attend

    def forward(self, x):
        q, k, v = (
            linear(x).unflatten(-1, (self.heads, -1)).permute(0, 2, 1, 3)  # (B, H, T, D)
            for linear in (self.query, self.key, self.value)
        )
        mixed = self.attend(q, k, v, dropout=self.rate * self.training)
        return F.dropout(self.project(mixed.movedim(1, 2).flatten(2)), self.rate, self.training)  # (B, T, C)


@alternative(DAY, "block", "CausalSelfAttention")
class HeadsCutByHand(nn.Module):
    """The heads are slices, stacked before attend and laid side by side after it. Its own mask is a buffer."""

    def __init__(self, config, attend=None):
        super().__init__()
        self.all_three = nn.Linear(config.n_embd, config.n_embd * 3)
        self.project = nn.Linear(config.n_embd, config.n_embd)
        self.weights_dropout, self.output_dropout = nn.Dropout(config.dropout), nn.Dropout(config.dropout)
        self.size, self.attend = config.n_embd // config.n_head, attend or self.own
        self.register_buffer("hidden", torch.full((config.block_size,) * 2, -math.inf).triu(1), persistent=False)

    def own(self, q, k, v, dropout):
        hidden = self.hidden[: q.size(2), : q.size(2)]
        return F.dropout((q @ k.mT / math.sqrt(self.size) + hidden).softmax(-1), dropout) @ v

    def forward(self, x):
        q, k, v = (
            torch.stack(part.split(self.size, dim=-1), dim=1) for part in self.all_three(x).chunk(3, dim=-1)
        )  # (B, H, T, D)
        mixed = self.attend(q, k, v, dropout=self.weights_dropout.p if self.weights_dropout.training else 0.0)
        return self.output_dropout(self.project(torch.cat(mixed.unbind(dim=1), dim=-1)))  # (B, T, C)


@alternative(DAY, "block", "FeedForward")
class FeedForwardAsSequence(nn.Sequential):
    def __init__(self, config):
        super().__init__()
        self.add_module("expand", nn.Linear(config.n_embd, 4 * config.n_embd))
        self.add_module("bend", nn.GELU("tanh"))
        self.add_module("project", nn.Linear(4 * config.n_embd, config.n_embd))
        self.add_module("drop", nn.Dropout(config.dropout))


@alternative(DAY, "block", "FeedForward")
class GeluFromItsFormula(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.rate = config.dropout
        self.widen, self.project = (
            nn.Linear(config.n_embd, 4 * config.n_embd),
            nn.Linear(4 * config.n_embd, config.n_embd),
        )

    def forward(self, x):
        x = self.widen(x)
        x = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return F.dropout(self.project(x), self.rate, self.training)


@alternative(DAY, "block", "Block")
class FeedForwardDefinedFirst(nn.Module):
    """The parts are made in another order, and the branches are added in place of a sum written out."""

    def __init__(self, config, attend=fused, norm=nn.LayerNorm):
        super().__init__()
        block = sibling(config, "block")
        self.mlp = block.FeedForward(config)
        self.attn = block.CausalSelfAttention(config, attend)
        self.ln_1, self.ln_2 = norm(config.n_embd), norm(config.n_embd)

    def forward(self, x):
        for norm, branch in ((self.ln_1, self.attn), (self.ln_2, self.mlp)):
            x = torch.add(x, branch(norm(x)))
        return x


# 3.5


@alternative(DAY, "gpt", "GPT")
class HeadWithoutModule(nn.Module):
    """No head module at all: the table itself scores. The blocks are a Sequential; the final norm is made first."""

    def __init__(self, config, attend=fused, norm=nn.LayerNorm, sinusoids=None):
        super().__init__()
        self.config = config
        block, gpt, embeddings = (sibling(config, stem) for stem in ("block", "gpt", "embeddings"))
        self.last = norm(config.n_embd)
        self.stack = nn.Sequential(*[block.Block(config, attend, norm) for _ in range(config.n_layer)])
        self.embed = embeddings.Embeddings(config, sinusoids)
        gpt.initialise(self, config.n_layer)

    def forward(self, idx, targets=None):
        logits = self.last(self.stack(self.embed(idx))) @ self.embed.token.weight.mT
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.transpose(1, 2), targets)


@alternative(DAY, "gpt", "GPT")
class TiedTheOtherWay(nn.Module):
    """The table takes the head's matrix, and the loss is a mean over what a mask selects."""

    def __init__(self, config, attend=fused, norm=nn.LayerNorm, sinusoids=None):
        super().__init__()
        self.config = config
        block, gpt, embeddings = (sibling(config, stem) for stem in ("block", "gpt", "embeddings"))
        self.wte = embeddings.Embeddings(config, sinusoids)
        self.h = nn.ModuleDict({f"block {i}": block.Block(config, attend, norm) for i in range(config.n_layer)})
        self.ln_f = norm(config.n_embd)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.wte.token.weight = self.lm_head.weight
        gpt.initialise(self, config.n_layer)

    def forward(self, idx, targets=None):
        x = self.wte(idx)
        for block in self.h.values():
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        if targets is None:
            return logits, None
        scored = targets != -100
        return logits, -logits[scored].log_softmax(-1).gather(-1, targets[scored][:, None]).mean()


@alternative(DAY, "gpt", "initialise")
def initialise_in_two_walks(model, n_layer):
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(0.0, 0.02)
            if getattr(module, "bias", None) is not None:
                module.bias.data.zero_()
    for name, parameter in model.named_parameters():
        if name.endswith("project.weight"):
            torch.nn.init.normal_(parameter, 0.0, 0.02 * (2 * n_layer) ** -0.5)


# 3.6


@alternative(DAY, "checks_of_mine", "test_too_long_is_refused")
def too_long_with_pytest(GPT):
    import pytest

    from solutions.day03_gpt_model.config import GPTConfig

    model = GPT(GPTConfig(vocab_size=9, block_size=4, n_layer=1, n_head=1, n_embd=4))
    model(torch.zeros(2, 4, dtype=torch.long))
    with pytest.raises(ValueError):
        model(torch.zeros(2, 5, dtype=torch.long))


@alternative(DAY, "checks_of_mine", "test_first_loss")
def first_loss_over_many_tokens(GPT):
    from solutions.day03_gpt_model.config import GPTConfig

    model = GPT(GPTConfig(vocab_size=300, block_size=16, n_layer=1, n_head=2, n_embd=16, dropout=0.0))
    idx = torch.randint(300, (8, 17))
    loss = model(idx[:, :-1], idx[:, 1:])[1]
    torch.testing.assert_close(loss.item(), math.log(300), rtol=0.05, atol=0)


@alternative(DAY, "checks_of_mine", "test_rows_are_independent")
def rows_of_whole_blocks(GPT):
    from solutions.day03_gpt_model.config import GPTConfig

    model = GPT(GPTConfig(vocab_size=11, block_size=6, n_layer=1, n_head=2, n_embd=8, dropout=0.0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
        idx = torch.randint(11, (4, 6))
        alone = torch.cat([model(row[None])[0] for row in idx])
        torch.testing.assert_close(model(idx)[0], alone, rtol=1e-3, atol=1e-4)
