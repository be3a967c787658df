"""Checks of task 3.1, anatomy.py."""

from types import SimpleNamespace

PARTS = ("token_embedding", "position_embedding", "attention", "feed_forward", "norms", "head", "total")


def sizes(**changes):
    """GPT-2 small's configuration, with changes; without task 3.2's class, so that this task can come first."""
    gpt2_small = {
        "vocab_size": 50257,
        "block_size": 1024,
        "n_layer": 12,
        "n_head": 12,
        "n_embd": 768,
        "dropout": 0.1,
        "positions": "learned",
    }
    return SimpleNamespace(**{**gpt2_small, **changes})


def parts_of(anatomy, config):
    counts = anatomy.count_parameters(config)
    return {"names": sorted(counts), **{part: counts.get(part) for part in PARTS}}


def worked_out(*numbers):
    return {"names": sorted(PARTS), **dict(zip(PARTS, numbers, strict=True))}


def small_part_by_part(anatomy):
    return parts_of(anatomy, sizes())


def test_gpt2_small_part_by_part(lesson, compare):
    """GPT-2 small has 124,439,808 parameters, and each part has its share."""
    by_hand = worked_out(38_597_376, 786_432, 28_348_416, 56_669_184, 38_400, 0, 124_439_808)
    compare(small_part_by_part, lesson("anatomy"), expected=by_hand)


def totals_of_larger_ones(anatomy):
    return {
        "medium": anatomy.count_parameters(sizes(n_layer=24, n_head=16, n_embd=1024)).get("total"),
        "large": anatomy.count_parameters(sizes(n_layer=36, n_head=20, n_embd=1280)).get("total"),
        "xl": anatomy.count_parameters(sizes(n_layer=48, n_head=25, n_embd=1600)).get("total"),
    }


def test_larger_gpt2_models(lesson, compare):
    """GPT-2 medium, large and XL have the numbers of parameters that their files hold."""
    published = {"medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200}
    compare(totals_of_larger_ones, lesson("anatomy"), expected=published)


def sinusoidal_part_by_part(anatomy):
    tiny = sizes(vocab_size=7, block_size=5, n_layer=3, n_head=2, n_embd=4, positions="sinusoidal")
    return parts_of(anatomy, tiny)


def test_sinusoidal_positions(lesson, compare):
    """A tiny model with sinusoidal positions, which are no parameters."""
    by_hand = worked_out(7 * 4, 0, 3 * 4 * (16 + 4), 3 * (64 + 16 + 64 + 4), (2 * 3 + 1) * 8, 0, 28 + 240 + 444 + 56)
    compare(sinusoidal_part_by_part, lesson("anatomy"), expected=by_hand)
