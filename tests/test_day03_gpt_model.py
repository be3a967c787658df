"""Day 3's reference held against transformers' GPT-2, PyTorch's own attention and the published sizes."""

import math

import pytest
import torch
import torch.nn.functional as F

from solutions.day03_gpt_model import broken_gpts, checks_of_mine
from solutions.day03_gpt_model.anatomy import count_parameters
from solutions.day03_gpt_model.block import Block, CausalSelfAttention, causal_attention
from solutions.day03_gpt_model.config import GPT2_SIZES, GPTConfig
from solutions.day03_gpt_model.gpt import GPT

PUBLISHED = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200}
SMALL = GPTConfig(vocab_size=101, block_size=24, n_layer=3, n_head=4, n_embd=32, dropout=0.1)

# Our names and those of transformers' GPT2LMHeadModel, in which {} is the number of the block. Its Conv1D layers keep
# their matrices as (in, out): ours, (out, in), are their transposes.
NAMES = {
    "embeddings.token.weight": "transformer.wte.weight",
    "embeddings.position.weight": "transformer.wpe.weight",
    "blocks.{}.norm_1": "transformer.h.{}.ln_1",
    "blocks.{}.attention.qkv": "transformer.h.{}.attn.c_attn",
    "blocks.{}.attention.project": "transformer.h.{}.attn.c_proj",
    "blocks.{}.norm_2": "transformer.h.{}.ln_2",
    "blocks.{}.feed_forward.expand": "transformer.h.{}.mlp.c_fc",
    "blocks.{}.feed_forward.project": "transformer.h.{}.mlp.c_proj",
    "norm": "transformer.ln_f",
}


def theirs_for_ours(n_layer):
    """Our parameter's name → (their parameter's name, whether it is transposed)."""
    pairs = {}
    for mine, theirs in NAMES.items():
        for layer in range(n_layer) if "{}" in mine else [0]:
            for kind in ("",) if mine.endswith("weight") else (".weight", ".bias"):
                turned = kind == ".weight" and ("attention" in mine or "feed_forward" in mine)
                pairs[mine.format(layer) + kind] = (theirs.format(layer) + kind, turned)
    return pairs


@pytest.fixture(scope="module")
def pair():
    """Our GPT and a random GPT2LMHeadModel with the same weights; every weight is random, norms and biases too."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=SMALL.vocab_size,
            n_positions=SMALL.block_size,
            n_layer=SMALL.n_layer,
            n_head=SMALL.n_head,
            n_embd=SMALL.n_embd,
            attn_implementation="eager",
        )
    ).eval()
    mine = GPT(SMALL).eval()
    with torch.no_grad():
        given = dict(theirs.named_parameters())
        for parameter in given.values():
            parameter.add_(torch.randn_like(parameter) * 0.1)
        own = dict(mine.named_parameters())
        assert own.keys() == theirs_for_ours(SMALL.n_layer).keys()
        for name, (their_name, turned) in theirs_for_ours(SMALL.n_layer).items():
            own[name].copy_(given[their_name].T if turned else given[their_name])
    return mine, theirs


@pytest.mark.parametrize("length", [1, 7, 24])
def test_logits_are_transformers(pair, length):
    mine, theirs = pair
    idx = torch.randint(101, (3, length))
    torch.testing.assert_close(mine(idx)[0], theirs(idx).logits, rtol=1e-5, atol=2e-5)


def test_loss_and_gradients_are_transformers(pair):
    mine, theirs = pair
    mine.zero_grad()
    theirs.zero_grad()
    tokens = torch.randint(101, (3, 17))
    targets = tokens[:, 1:].clone()
    targets[0, :5] = -100
    _, loss = mine(tokens[:, :-1], targets)
    loss.backward()
    # transformers shifts by itself: its labels are the tokens, and the first one is no target.
    labels = torch.cat([tokens[:, :1], targets], dim=1)
    their_loss = theirs(tokens, labels=labels).loss
    their_loss.backward()
    torch.testing.assert_close(loss, their_loss, rtol=1e-6, atol=0)
    given = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in mine.named_parameters():
        their_name, turned = theirs_for_ours(SMALL.n_layer)[name]
        expected = given[their_name].T if turned else given[their_name]
        torch.testing.assert_close(
            parameter.grad, expected, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("name", GPT2_SIZES)
def test_counts_are_the_published_ones_and_transformers(name):
    config = GPTConfig(**GPT2_SIZES[name])
    assert count_parameters(config)["total"] == PUBLISHED[name]
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        theirs = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_layer=config.n_layer, n_head=config.n_head, n_embd=config.n_embd)
        )
    assert sum(parameter.numel() for parameter in theirs.parameters()) == PUBLISHED[name]


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
@pytest.mark.parametrize("name", ["small", "xl", "tiny"])
def test_counts_are_those_of_the_model(name, positions):
    sizes = {"vocab_size": 11, "block_size": 5, "n_layer": 3, "n_head": 2, "n_embd": 6}
    config = GPTConfig(**GPT2_SIZES.get(name, sizes), positions=positions)
    with torch.device("meta"):
        model = GPT(config, sinusoids=lambda length, channels: torch.zeros(length, channels))
    groups = {
        "token_embedding": model.embeddings.token,
        "attention": [block.attention for block in model.blocks],
        "feed_forward": [block.feed_forward for block in model.blocks],
        "norms": [model.norm, *(norm for block in model.blocks for norm in (block.norm_1, block.norm_2))],
    }
    counts = count_parameters(config)
    for part, modules in groups.items():
        modules = modules if isinstance(modules, list) else [modules]
        assert counts[part] == sum(parameter.numel() for module in modules for parameter in module.parameters()), part
    assert counts["total"] == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6), (torch.bfloat16, 2e-2)]
)
def test_causal_attention_is_pytorchs(dtype, tolerance):
    q, k, v = (torch.randn(2, 3, 9, 8).to(dtype).requires_grad_() for _ in range(3))
    mine, theirs = causal_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)
    mixture = torch.randn_like(mine)
    for one, other in zip(
        torch.autograd.grad(mine, (q, k, v), mixture), torch.autograd.grad(theirs, (q, k, v), mixture), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=4 * tolerance)


def test_attention_is_nn_multihead_attention():
    mine = CausalSelfAttention(SMALL).eval()
    theirs = torch.nn.MultiheadAttention(SMALL.n_embd, SMALL.n_head, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(mine.qkv.weight)
        theirs.in_proj_bias.copy_(mine.qkv.bias)
        theirs.out_proj.load_state_dict(mine.project.state_dict())
    x = torch.randn(2, 7, SMALL.n_embd)
    hidden = torch.ones(7, 7, dtype=torch.bool).triu(1)
    torch.testing.assert_close(mine(x), theirs(x, x, x, attn_mask=hidden)[0], rtol=1e-5, atol=1e-6)


def test_block_is_nn_transformer_layer():
    """PyTorch's encoder layer with a causal mask, norm first, is a GPT-2 block (in evaluation)."""
    mine = Block(SMALL).eval()
    theirs = torch.nn.TransformerEncoderLayer(
        SMALL.n_embd,
        SMALL.n_head,
        4 * SMALL.n_embd,
        activation=lambda x: F.gelu(x, approximate="tanh"),
        batch_first=True,
        norm_first=True,
    ).eval()
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(mine.attention.qkv.weight)
        theirs.self_attn.in_proj_bias.copy_(mine.attention.qkv.bias)
        theirs.self_attn.out_proj.load_state_dict(mine.attention.project.state_dict())
        theirs.linear1.load_state_dict(mine.feed_forward.expand.state_dict())
        theirs.linear2.load_state_dict(mine.feed_forward.project.state_dict())
    x = torch.randn(2, 7, SMALL.n_embd)
    hidden = torch.ones(7, 7, dtype=torch.bool).triu(1)
    torch.testing.assert_close(mine(x), theirs(x, src_mask=hidden), rtol=1e-5, atol=1e-5)


def test_first_weights_keep_the_stream_small():
    """Twelve blocks do not double the stream (unscaled, it grows eight times as large), and the loss starts at ln V."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=512, block_size=16, n_layer=12, n_head=4, n_embd=128, dropout=0.0))
    idx = torch.randint(512, (4, 16))
    stream = model.embeddings(idx)
    start = stream.std()
    for block in model.blocks:
        stream = block(stream)
    assert stream.std() / start < 2
    assert abs(model(idx, torch.randint(512, (4, 16)))[1].item() - math.log(512)) < 0.1


def test_one_batch_is_learned():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=29, block_size=12, n_layer=2, n_head=2, n_embd=32, dropout=0.0))
    tokens = torch.randint(29, (4, 13))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        _, loss = model(tokens[:, :-1], tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1


def test_bfloat16_autocast():
    model = GPT(SMALL).eval()
    idx = torch.randint(101, (2, 24))
    exact, loss = model(idx, idx)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, rounded_loss = model(idx, idx)
    assert rounded.dtype == torch.bfloat16
    assert rounded_loss.dtype == torch.float32
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.02)
    assert abs(rounded_loss - loss) < 0.01


def written_tests():
    return [value for name, value in vars(checks_of_mine).items() if name.startswith("test_")]


@pytest.mark.parametrize("seed", range(5))
def test_right_gpts_pass_the_references_tests_whatever_the_seed(seed):
    for model_class in (*broken_gpts.RIGHT.values(), GPT):
        for test in written_tests():
            torch.manual_seed(seed)
            test(model_class)


@pytest.mark.parametrize("group", broken_gpts.BROKEN)
def test_broken_gpts_fail_whatever_the_seed(group):
    def notices(test, model_class):
        try:
            test(model_class)
        except Exception:
            return True
        return False

    for name, model_class in broken_gpts.BROKEN[group].items():
        for seed in range(3):
            torch.manual_seed(seed)
            assert any(notices(test, model_class) for test in written_tests()), name


def test_right_gpts_are_the_reference():
    """The right GPTs that are given for task 3.6 compute what the reference computes, given its weights."""
    torch.manual_seed(0)
    mine = GPT(SMALL).eval()
    order = ["attention.qkv", "attention.project", "feed_forward.expand", "feed_forward.project"]
    for model_class in broken_gpts.RIGHT.values():
        other = model_class(SMALL).eval()
        other.what.weight.data = mine.embeddings.token.weight.data
        other.where.weight.data = mine.embeddings.position.weight.data
        for layer, block in zip(other.layers, mine.blocks, strict=True):
            for part, name in zip((layer.ask_offer_give, layer.gather, layer.widen, layer.narrow), order, strict=True):
                part.load_state_dict(block.get_submodule(name).state_dict())
        idx = torch.randint(101, (2, 24))
        torch.testing.assert_close(other(idx, idx), mine(idx, idx), rtol=1e-5, atol=1e-6)
