"""Configurations to begin with."""

from .config import Config

PRESETS = {
    # About a minute on two cores: a text that is made on the spot, and whose entropy is known exactly.
    "default": Config(name="default", prompt=" \n = Town of"),
    # About 40 minutes on two cores. `<unk>` is in the text as a word; the tokenizer has it as one symbol. Not four
    # epochs: too few to learn by heart, so there is no dropout. Small steps, many of them, and a high learning rate.
    "wikitext2-cpu": Config(
        name="wikitext2-cpu",
        text="wikitext2-tokens",
        vocab_size=4096,
        block_size=256,
        n_layer=4,
        n_head=4,
        n_embd=256,
        attention="day03",
        steps=7500,
        batch_size=6,
        lr=1.5e-3,
        warmup_fraction=0.03,
        floor_lr=1.5e-5,
        weight_decay=0.1,
        log_every=20,
        eval_every=750,
        save_every=250,
        prompt=" \n = Robert",
        sample_tokens=200,
    ),
    # A few minutes on one GPU: larger, so it needs more dropout and more decay against learning by heart.
    "wikitext2-gpu": Config(
        name="wikitext2-gpu",
        text="wikitext2-tokens",
        vocab_size=8192,
        block_size=512,
        n_layer=8,
        n_head=8,
        n_embd=512,
        dropout=0.3,
        attention="day03",
        steps=5000,
        batch_size=32,
        lr=1e-3,
        warmup_fraction=0.05,
        floor_lr=1e-5,
        weight_decay=0.3,
        eval_every=250,
        save_every=1000,  # 350 MB each: on a fast GPU more of them would cost more than they save
        prompt=" \n = Robert",
        sample_tokens=200,
        precision="bfloat16",
    ),
    # The plan's model, 124 million parameters with GPT-2's own tokenizer's size: for a large GPU.
    "gpt2-small": Config(
        name="gpt2-small",
        text="wikitext2-tokens",
        vocab_size=50257,
        block_size=1024,
        n_layer=12,
        n_head=12,
        n_embd=768,
        dropout=0.3,
        attention="day03",
        steps=3000,
        batch_size=16,
        lr=6e-4,
        weight_decay=0.1,
        beta2=0.95,
        eval_every=200,
        save_every=1000,  # 1.5 GB each
        prompt=" \n = Robert",
        sample_tokens=200,
        precision="bfloat16",
    ),
}
