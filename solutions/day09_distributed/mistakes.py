"""The wrong ways of day 9: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 9.1 ring_all_reduce


# 9.4 broken on purpose


# 9.5 accumulate_ddp


@mistake(
    "accumulate_ddp",
    says="Each rank divides by its own tokens: the mean of the ranks' means, not the mean over all tokens.",
    why="A token on a rank with few of them then weighs more than one on a rank with many.",
    read="#95-gradient-accumulation-with-ddp",
    seen="https://github.com/huggingface/transformers/issues/34191",
)
def own_tokens_only(source):
    return change(source, "    if dist.is_initialized():\n        dist.all_reduce(count)\n", "")


# --- part: 9.2, 9.3, 9.6 ---
