"""Day 11's reference, held against transformers' sliding window, its logits processors, generate and cache, and SciPy's
definitions written out.
"""

import importlib
import json
import math
import sys
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation.logits_process import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from solutions.day03_gpt_model.config import GPTConfig
from solutions.day03_gpt_model.gpt import GPT
from solutions.day11_generation import gpt_of_run
from solutions.day11_generation.fine_tuning import replay
from solutions.day11_generation.kv_cache import KVCache, generate_with_cache
from solutions.day11_generation.perplexity import in_every_unit, score, windows
from solutions.day11_generation.samples import rank_correlation
from solutions.day11_generation.sampling import generate, generate_batch, next_token_probabilities

VOCABULARY, CONTEXT = 61, 12


class Adapter(nn.Module):
    """transformers' GPT-2, called as the course calls a model."""

    def __init__(self, gpt2):
        super().__init__()
        self.gpt2 = gpt2
        self.config = SimpleNamespace(block_size=gpt2.config.n_positions)

    def forward(self, idx):
        return self.gpt2(idx).logits, None


@pytest.fixture(scope="module")
def gpt2():
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT + 1, n_embd=16, n_layer=2, n_head=2, initializer_range=0.4
    )
    return GPT2LMHeadModel(config).eval()


def hugging_face(model, tokens, max_length, stride):
    """The loop of the guide: (nats, tokens scored), and its own figure, which weighs windows a little differently."""
    nats, count, weighted, weights, previous = 0.0, 0, 0.0, 0, 0
    for begin in range(0, len(tokens), stride):
        end = min(begin + max_length, len(tokens))
        target_length = end - previous
        ids = tokens[begin:end][None]
        labels = ids.clone()
        labels[:, :-target_length] = -100
        with torch.no_grad():
            loss = model(ids, labels=labels).loss.item()  # shifted inside: labels[:, 1:] against logits[:, :-1]
        scored = int((labels[:, 1:] != -100).sum())
        nats, count = nats + loss * scored, count + scored
        loss_tokens = int((labels != -100).sum()) - 1  # the guide's weight
        weighted, weights = weighted + loss * loss_tokens, weights + loss_tokens
        previous = end
        if end == len(tokens):
            break
    return nats, count, math.exp(weighted / weights)


@pytest.mark.parametrize("stride", [1, 5, 12])
@pytest.mark.parametrize("length", [13, 100, 109])
def test_perplexity_is_that_of_hugging_faces_sliding_window(gpt2, stride, length):
    tokens = torch.randint(VOCABULARY, (length,), generator=torch.Generator().manual_seed(length))
    nats, count, guides = hugging_face(gpt2, tokens, CONTEXT + 1, stride)
    found = score(Adapter(gpt2), tokens, CONTEXT, stride)
    assert found.tokens == count == length - 1
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert math.exp(found.nats / found.tokens) == pytest.approx(guides, rel=0.1)


@pytest.mark.parametrize("length", range(2, 40))
@pytest.mark.parametrize(("context", "stride"), [(1, 1), (5, 1), (5, 3), (5, 5), (16, 7)])
def test_windows_score_each_token_once(length, context, stride):
    cut = windows(length, context, stride)
    scored = [token for _, end, count in cut for token in range(end - count, end)]
    assert scored == list(range(1, length))
    assert all(2 <= end - begin <= context + 1 for begin, end, _ in cut)


def test_units_agree_with_those_of_the_course():
    from capstone.metrics import scores
    from course_data.entropy import count_words

    text = " \n = Zoë = \n Seven words and a line\nlast"
    found = in_every_unit(SimpleNamespace(nats=33.0, tokens=17), text)
    other = scores(33.0 / 17, 17, count_words(text), len(text.encode()))
    assert found == pytest.approx((other.loss, other.ppl_token, other.ppl_word, other.bits_per_byte))


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, None, None), (0.6, 7, None), (1.7, None, 0.9), (0.8, 20, 0.5), (2.0, 3, 0.99), (1.0, None, 0.01)],
)
def test_distributions_are_those_of_transformers(temperature, top_k, top_p):
    logits = 3 * torch.randn(40, VOCABULARY, generator=torch.Generator().manual_seed(1))
    chain = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
    if top_k is not None:
        chain.append(TopKLogitsWarper(top_k))
    if top_p is not None:
        chain.append(TopPLogitsWarper(top_p))
    expected = chain(None, logits.clone()).softmax(dim=-1)
    torch.testing.assert_close(next_token_probabilities(logits, temperature, top_k, top_p), expected)


def test_greedy_text_is_that_of_transformers(gpt2):
    prompts = torch.randint(VOCABULARY, (3, 4), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(prompts)
    expected = gpt2.generate(prompts, attention_mask=mask, max_new_tokens=8, do_sample=False, pad_token_id=0)
    ours = generate(Adapter(gpt2), prompts, 8, temperature=0)
    assert torch.equal(ours[:, : expected.size(1)], expected)


def day_threes(positions="learned", seed=0, block_size=8):
    """Day 3's GPT, and the day's own model with its weights."""
    from solutions.day02_attention.positional import sinusoidal_positions

    torch.manual_seed(seed)
    config = GPTConfig(vocab_size=23, block_size=block_size, n_layer=2, n_head=2, n_embd=8, positions=positions)
    model = GPT(config, sinusoids=sinusoidal_positions).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    mine = gpt_of_run.GPT(gpt_of_run.Sizes(23, block_size, 2, 2, 8)).eval()
    gpt_of_run.take_over(mine, model.state_dict())
    return model, mine


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_a_runs_weights_are_taken_over(positions):
    model, mine = day_threes(positions)
    idx = torch.randint(23, (3, 8), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(mine(idx)[0], model(idx)[0])


def test_a_runs_weights_are_recognised_by_shape_and_order():
    """Three projections instead of one, and other names for everything."""
    model, mine = day_threes()
    state = {}
    for name, value in model.state_dict().items():
        owner, _, kind = name.rpartition(".")
        if "qkv" in owner:
            for letter, part in zip("qkv", value.chunk(3), strict=True):
                state[f"{owner.replace('blocks', 'layers').replace('qkv', letter)}.{kind}"] = part
        else:
            state[f"{owner.replace('blocks', 'layers').replace('embeddings', 'wte')}.{kind}"] = value
    other = gpt_of_run.GPT(mine.config).eval()
    gpt_of_run.take_over(other, state)
    idx = torch.randint(23, (2, 8), generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(other(idx)[0], model(idx)[0])


def test_weights_of_another_model_are_refused():
    _, mine = day_threes()
    with pytest.raises((ValueError, IndexError, KeyError, RuntimeError)):
        gpt_of_run.take_over(mine, nn.Linear(3, 3).state_dict())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_cache_gives_the_tokens_of_no_cache(seed, dtype):
    """Prompts of unequal length, within block_size and beyond it, greedy and drawn."""
    _, mine = day_threes(seed=seed)
    mine.to(dtype)
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 12, (5,), generator=generator).tolist()
    prompts = [torch.randint(23, (length,), generator=generator) for length in lengths]
    for settings in ({"temperature": 0}, {"temperature": 1.5, "top_k": 9, "top_p": 0.9, "stop_token": 5}):
        rows = [
            function(mine, prompts, 11, generator=torch.Generator().manual_seed(seed), **settings)
            for function in (generate_batch, generate_with_cache)
        ]
        assert [row.tolist() for row in rows[0]] == [row.tolist() for row in rows[1]]


def test_unequal_prompts_go_on_as_each_alone():
    _, mine = day_threes(seed=5)
    prompts = [torch.arange(length) + 1 for length in (1, 3, 8, 11)]
    alone = [generate(mine, prompt[None], 6, temperature=0)[0].tolist() for prompt in prompts]
    assert [row.tolist() for row in generate_batch(mine, prompts, 6, temperature=0)] == alone


def test_a_cache_serves_a_second_batch_after_clear():
    cache = KVCache(4)
    k = torch.ones(2, 1, 3, 2)
    cache.extend(0, k, k, torch.arange(3).expand(2, 3))
    cache.clear()
    keys, _ = cache.extend(0, k[:1, :, :1], k[:1, :, :1], torch.tensor([[0]]))
    assert keys.shape == (1, 1, 1, 2)


@pytest.mark.parametrize("share", [k / 100 for k in range(101)])
def test_replay_takes_exactly_the_share(share):
    assert sum(replay(100, share)) == round(100 * share)


def test_rank_correlation_is_pearsons_of_the_ranks():
    generator = torch.Generator().manual_seed(6)
    x, y = torch.rand(2, 9, generator=generator)
    ranks = torch.stack([values.argsort().argsort().double() for values in (x, y)])
    assert rank_correlation(x.tolist(), y.tolist()) == pytest.approx(torch.corrcoef(ranks)[0, 1].item())


def tiny_run(folder):
    """A run as the capstone leaves it, of an untrained model, with a tokenizer of bytes."""
    from solutions.day04_data.tokenizer import save, train_bpe

    text = folder / "some.txt"
    text.write_text("the cat sat on the mat .\n" * 900, encoding="utf-8")
    run = folder / "tiny"
    run.mkdir()
    tokenizer = train_bpe([text.read_text(encoding="utf-8")], 270, ["<|endoftext|>"])
    save(tokenizer, run / "tokenizer.json")
    sizes = GPTConfig(vocab_size=tokenizer.get_vocab_size(), block_size=16, n_layer=1, n_head=2, n_embd=8)
    torch.manual_seed(0)
    torch.save({"model": GPT(sizes).state_dict()}, run / "best.pt")
    config = {**asdict(sizes), "text": str(text), "lr": 0.01}
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    lines = [{"step": step, "lr": 0.01, "loss": 5.0 - step / 100} for step in range(10, 101, 10)]
    lines += [{"step": step, "val_loss": 5.1 - step / 100} for step in (25, 50, 75, 100)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return run


@pytest.fixture
def script(monkeypatch, capsys):
    """Runs a script of the day as if it were typed; gives back what it says, on stderr if it fails."""

    def run(name, *arguments, fails=False):
        module = importlib.import_module(f"solutions.day11_generation.{name}")
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        code = module.main()
        said = capsys.readouterr()
        assert (code != 0) == fails, said
        return said.err if fails else said.out

    return run


def test_the_scripts_write_their_records(tmp_path, script):
    run, runs, new = tiny_run(tmp_path), tmp_path / "runs", tmp_path / "new.txt"
    new.write_text("a dog ran past .\n" * 900, encoding="utf-8")

    def metrics(name):
        return json.loads((runs / name / "metrics.json").read_text(encoding="utf-8"))

    script("converged", run, "--runs", runs, "--because", "why")
    assert metrics("day11-converged")["state"] == "improving"
    script("evaluate_run", run, "--runs", runs)
    assert metrics("day11-perplexity")["tokens"] == metrics("day11-perplexity")["tokens_of_text"]
    script("finetune", run, "--runs", runs, "--steps", 3, "--text", new)
    assert len(metrics("day11-finetune")["trials"]) == 3
    samples = tmp_path / "samples.md"
    script("generate_samples", "--file", samples, "write", run, "--tokens", 20)
    said = script("generate_samples", "--file", samples, "report", "--runs", runs, fails=True)
    assert "sample 1: grammar (1 to 5) is no number from 1 to 5" in said
    text = samples.read_text(encoding="utf-8")
    for question, answer in (
        ("grammar (1 to 5):", " 2"),
        ("sense (1 to 5):", " 1"),
        ("what struck you:", " it says a b"),
    ):
        text = text.replace(question, question + answer)
    samples.write_text(text, encoding="utf-8")
    script("generate_samples", "--file", samples, "report", "--runs", runs)
    assert [row["grammar"] for row in metrics("day11-samples")["samples"]] == [2] * 5


@pytest.mark.parametrize("name", ["converged", "evaluate_run", "finetune"])
def test_no_run_is_one_sentence(name, tmp_path, script):
    said = script(name, tmp_path / "nothing", "--runs", tmp_path, fails=True)
    assert "capstone.train" in said


def test_a_text_that_is_not_there_is_one_sentence(tmp_path, script):
    said = script("finetune", tiny_run(tmp_path), "--text", "nosuch", "--runs", tmp_path, fails=True)
    assert said.startswith("There is no text 'nosuch'")
