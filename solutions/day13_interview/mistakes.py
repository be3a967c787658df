"""The wrong ways of day 13: each is the reference with one thing changed."""

import re

from grader.catalogue import change, mistake
from grader.written import usual_mistakes, with_answer

# 13.2 whiteboard: rotate


@mistake(
    "whiteboard",
    says="The first half of the features is paired with the second half, and not neighbours with each other.",
    why="Both ways exist, and weights that were trained with one are useless with the other. The docstring says which.",
    read="#rotary-positions",
    seen="huggingface/transformers issue 25199; Lightning-AI/litgpt issue 1860; karpathy/nanochat issue 264",
)
def halves_are_paired(source):
    source = change(
        source,
        "first, second = x[..., 0::2].float(), x[..., 1::2].float()",
        "first, second = x.float().chunk(2, dim=-1)",
    )
    return change(
        source,
        "turned = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)  # (..., T, D/2, 2)",
        "turned = torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1).unsqueeze(-1)",
    )


@mistake(
    "whiteboard",
    says="The pairs turn clockwise.",
    why="Scores would be the same, as long as queries and keys turn alike; but it is not what the contract says.",
    read="#rotary-positions",
    seen="karpathy/nanochat pull request 489; skyzh/tiny-llm pull request 25",
)
def turned_clockwise(source):
    return change(
        source,
        "(first * cos - second * sin, first * sin + second * cos)",
        "(first * cos + second * sin, second * cos - first * sin)",
    )


@mistake(
    "whiteboard",
    says="Both features of a turned pair are computed as differences.",
    why="Then it is no turn any more: lengths change with the position, and with them the scores.",
    read="#rotary-positions",
)
def both_with_a_minus(source):
    return change(source, "first * sin + second * cos)", "first * sin - second * cos)")


@mistake(
    "whiteboard",
    says="The turned pairs are put one after another: all first features, then all second ones.",
    why="Query and key are shuffled alike, so scores come out right; the next to read the cache is puzzled.",
    read="#rotary-positions",
)
def pairs_not_put_back(source):
    return change(source, "second * cos), dim=-1)  # (..., T, D/2, 2)", "second * cos), dim=-2)  # (..., T, D/2, 2)")


@mistake(
    "whiteboard",
    says="The exponent of the frequencies is positive.",
    why="They then rise from 1 to nearly 10,000 radians a position: neighbours look unrelated.",
    read="#rotary-positions",
    seen="labmlai/annotated_deep_learning_paper_implementations issue 313; xlite-dev/LeetCUDA issue 289",
)
def frequencies_rise(source):
    return change(source, "base ** (-torch.arange(", "base ** (torch.arange(")


@mistake(
    "whiteboard",
    says="The frequencies fall half as fast as they should: the exponent is i/D, not 2i/D.",
    why="The slowest pair then turns about a hundred times faster than in the paper: far apart looks like near.",
    read="#rotary-positions",
    seen="rasbt/LLMs-from-scratch issue 410: RoPE inv_freq code",
)
def exponent_halved(source):
    return change(source, "float() / size)", "float() / (2 * size))")


@mistake(
    "whiteboard",
    says="Positions begin at 1.",
    why="Differences of positions are the same; but a cache that was filled by somebody else begins at 0.",
    read="#rotary-positions",
)
def positions_from_1(source):
    return change(source, "angles = positions[:, None].float()", "angles = (positions[:, None].float() + 1)")


@mistake(
    "whiteboard",
    says="The angles are computed in the dtype of x.",
    why="bfloat16 cannot tell position 1001 from 1000, and an angle of 1000 is off by whole turns.",
    read="#rotary-positions",
    seen="EleutherAI/gpt-neox issue 1003; huggingface/transformers issue 25681",
)
def angles_in_16_bits(source):
    return change(
        source,
        "angles = positions[:, None].float() * frequencies",
        "angles = positions[:, None].to(x.dtype) * frequencies.to(x.dtype)",
    )


@mistake(
    "whiteboard",
    says="The positions are rounded to the dtype of x, and only then are angles computed in float32.",
    why="bfloat16 cannot tell position 1001 from 1000. What was lost there, no later precision brings back.",
    read="#rotary-positions",
)
def positions_in_16_bits(source):
    return change(source, "angles = positions[:, None].float()", "angles = positions[:, None].to(x.dtype).float()")


@mistake(
    "whiteboard",
    says="The result is float32, whatever x was.",
    why="Queries and keys of two dtypes cannot be multiplied, or the whole of attention becomes float32.",
    read="#rotary-positions",
    seen="huggingface/transformers pull request 24262: return float16 values in float16 precision mode",
)
def dtype_lost(source):
    return change(source, "turned.flatten(-2).to(x.dtype)", "turned.flatten(-2)")


@mistake(
    "whiteboard",
    says="An odd number of features is not refused.",
    why="The last one has no partner; what comes out depends on luck, or fails somewhere else.",
    read="#rotary-positions",
)
def odd_heads_accepted(source):
    return change(
        source,
        """    if size % 2:
        raise ValueError(f"a head of {size} features cannot be cut into pairs")
""",
        """    if size % 2:
        return rotate(x[..., :-1], positions, base)
""",
    )


@mistake(
    "whiteboard",
    says="The frequencies are made on the CPU, wherever x is.",
    why="On a GPU the two cannot be multiplied. It runs on your machine, and stops on the interviewer's.",
    read="#132-mock-interview-and-a-look-back",
)
def frequencies_on_the_cpu(source):
    return change(source, "torch.arange(0, size, 2, device=x.device)", "torch.arange(0, size, 2)")


# grouped_query_attention


@mistake(
    "whiteboard",
    says="The mask is made on the CPU, wherever the scores are.",
    why="On a GPU the two cannot meet. It runs on your machine, and stops on the interviewer's.",
    read="#132-mock-interview-and-a-look-back",
)
def mask_on_the_cpu(source):
    return change(source, "torch.arange(keys, device=q.device)", "torch.arange(keys)")


@mistake(
    "whiteboard",
    says="Query heads take the groups in turn, instead of neighbours sharing one.",
    why="Trained weights expect each head beside the keys that it was trained with.",
    read="#fewer-keys-than-queries",
    seen="onnx/onnx pull request 7274: Update attention gqa to use repeat interleave within repeat kv",
)
def heads_in_turn(source):
    source = change(
        source,
        "k = k.repeat_interleave(heads // groups, dim=1)",
        "k = k.repeat(1, heads // groups, 1, 1)",
    )
    return change(
        source,
        "v = v.repeat_interleave(heads // groups, dim=1)",
        "v = v.repeat(1, heads // groups, 1, 1)",
    )


@mistake(
    "whiteboard",
    says="Keys are shared by neighbouring heads, values in turn.",
    why="Each head then mixes values that belong to another head's keys.",
    read="#fewer-keys-than-queries",
)
def values_in_turn(source):
    return change(
        source,
        "v = v.repeat_interleave(heads // groups, dim=1)",
        "v = v.repeat(1, heads // groups, 1, 1)",
    )


@mistake(
    "whiteboard",
    says="The queries are taken for the first T positions, and not for the last.",
    why="With a cache the newest query must see everything. So do is_causal=True and tril() when T and S differ.",
    read="#fewer-keys-than-queries",
    seen="pytorch/pytorch issue 108108; pytorch/executorch pull request 21749",
)
def mask_from_the_top_left(source):
    return change(source, "places <= places[keys - queries :, None]", "places <= places[:queries, None]")


@mistake(
    "whiteboard",
    says="There is no causal mask.",
    why="Every query sees the future.",
    read="#fewer-keys-than-queries",
)
def no_mask(source):
    return change(source, 'scores.masked_fill(~visible, float("-inf")).softmax', "scores.softmax")


@mistake(
    "whiteboard",
    says="A query does not see its own position.",
    why="The first one then sees nothing at all, and its softmax is NaN.",
    read="#fewer-keys-than-queries",
)
def own_position_hidden(source):
    return change(source, "visible = places <= ", "visible = places < ")


@mistake(
    "whiteboard",
    says="The scores are not divided by √D.",
    why="They grow with D, softmax saturates, and its gradient vanishes.",
    read="#fewer-keys-than-queries",
    seen="delzac/cntkx issue 10: ScaledDotProductAttention doesn't apply C.sqrt?",
)
def not_scaled(source):
    return change(source, "k.transpose(-2, -1) / math.sqrt(q.size(-1))", "k.transpose(-2, -1)")


@mistake(
    "whiteboard",
    says="Numbers of heads that do not fit are accepted.",
    why="Six query heads on four heads of keys: somebody has misread a configuration, and should be told.",
    read="#fewer-keys-than-queries",
    seen="keras-team/keras pull request 23081, review: the heads must divide",
)
def any_heads_accepted(source):
    source = change(source, "if heads % groups or queries > keys:", "if queries > keys:")
    return change(source, "    scores = q @", "    k, v, q = k, v, q[:, : k.size(1)]\n    scores = q @")


@mistake(
    "whiteboard",
    says="More queries than keys are accepted.",
    why="Then the first queries stand before the first key, and see nothing.",
    read="#fewer-keys-than-queries",
)
def more_queries_than_keys(source):
    source = change(source, "if heads % groups or queries > keys:", "if heads % groups:")
    return change(
        source, "places[keys - queries :, None]", "places[max(keys - queries, 0) :, None].expand(-1, keys)[:1]"
    )


# attend_in_parts


@mistake(
    "whiteboard",
    says="The sum is not rescaled when the maximum rises.",
    why="Its terms are relative to the maximum of before: old and new cannot be added as they are.",
    read="#softmax-in-one-pass",
)
def sum_not_rescaled(source):
    return change(source, "total = total * shrink + weights.sum()", "total = total + weights.sum()")


@mistake(
    "whiteboard",
    says="The mixture of values is not rescaled when the maximum rises.",
    why="Old values keep the weight that they had before something more important came.",
    read="#softmax-in-one-pass",
)
def mixture_not_rescaled(source):
    return change(source, "mixed = mixed * shrink + weights @ v", "mixed = mixed + weights @ v")


@mistake(
    "whiteboard",
    says="Old terms are rescaled the wrong way round: when the maximum rises, they grow.",
    why="They are relative to a lower maximum. To stand beside the new ones they have to shrink, and must never grow.",
    read="#softmax-in-one-pass",
)
def rescaled_upwards(source):
    return change(
        source,
        "shrink = (highest - new).exp()",
        "shrink = (new - highest).exp() if highest > -math.inf else torch.tensor(0.0)",
    )


@mistake(
    "whiteboard",
    says="The maximum is that of the newest part alone.",
    why="If an earlier part had a higher score, old terms are multiplied by something large, and may overflow.",
    read="#softmax-in-one-pass",
)
def maximum_of_the_part(source):
    return change(source, "new = torch.maximum(highest, scores.max())", "new = scores.max()")


@mistake(
    "whiteboard",
    says="The highest score so far begins at 0.",
    why="If all scores are far below 0, every exp of a difference is 0, and the sum with it: 0/0 is NaN.",
    read="#softmax-in-one-pass",
    seen="Dao-AILab/flash-attention issue 2082; flashinfer-ai/flashinfer issue 4267",
)
def maximum_begins_at_0(source):
    return change(source, 'highest = torch.tensor(float("-inf"))', "highest = torch.tensor(0.0)")


@mistake(
    "whiteboard",
    says="No maximum is taken off the scores.",
    why="exp(1000) is infinite, and infinite over infinite is NaN.",
    read="#softmax-in-one-pass",
)
def no_maximum(source):
    return change(source, "new = torch.maximum(highest, scores.max())", "new = torch.tensor(0.0)")


@mistake(
    "whiteboard",
    says="The mixture is not divided by the sum at the end.",
    why="The weights do not sum to 1 yet: each is relative to the highest score.",
    read="#softmax-in-one-pass",
)
def sum_not_divided(source):
    return change(source, "return mixed / total", "return mixed")


@mistake(
    "whiteboard",
    says="Each part gets a softmax of its own, and the results are averaged.",
    why="A part with low scores then counts as much as one with high scores: a mean of means.",
    read="#softmax-in-one-pass",
)
def mean_of_parts(source):
    source = change(source, "new = torch.maximum(highest, scores.max())", "new = scores.max()")
    source = change(source, "total = total * shrink + weights.sum()", "total = total + 1")
    source = change(source, "mixed = mixed * shrink + weights @ v", "mixed = mixed + weights @ v / weights.sum()")
    return change(source, "    shrink = (highest - new).exp()\n", "")


@mistake(
    "whiteboard",
    says="The parts are kept, and used when they are gone.",
    why="On a GPU a tile's place is taken by the next one: what is not added up at once is lost.",
    read="#softmax-in-one-pass",
)
def parts_kept(source):
    return change(source, "for k, v in parts:", "for k, v in list(parts):")


@mistake(
    "whiteboard",
    says="The scores of the parts are not divided by √D.",
    why="It is attention: the parts change the order of the sums, and nothing else.",
    read="#softmax-in-one-pass",
)
def parts_not_scaled(source):
    return change(source, "scores = k @ q / math.sqrt(q.size(-1))", "scores = k @ q")


# verify_draft


@mistake(
    "whiteboard",
    says="After a rejection the next token comes from p, and not from what p has more than q.",
    why="Tokens that both models like were already accepted often enough. They would come up too often.",
    read="#guess-then-check",
)
def replaced_from_p(source):
    return change(source, "left = (p[i] - q[i]).clamp(min=0)", "left = p[i]")


@mistake(
    "whiteboard",
    says="After a rejection the next token comes from |p - q|: what q has more is counted as well.",
    why="A token that was rejected because it came up too often would get another chance.",
    read="#guess-then-check",
)
def replaced_from_the_distance(source):
    return change(source, ".clamp(min=0)", ".abs()")


@mistake(
    "whiteboard",
    says="What p has more than q is not made to sum to 1.",
    why="It is a part of a distribution, and whoever draws from it needs a whole one.",
    read="#guess-then-check",
)
def left_not_normalised(source):
    return change(source, "return i, left / left.sum()", "return i, left")


@mistake(
    "whiteboard",
    says="The ratio is upside down: q / p.",
    why="Then exactly those tokens stay that the small model overrates.",
    read="#guess-then-check",
)
def ratio_upside_down(source):
    return change(source, "uniforms[i] * q[i, token] >= p[i, token]", "uniforms[i] * p[i, token] >= q[i, token]")


@mistake(
    "whiteboard",
    says="A uniform number that equals the ratio counts as accepted.",
    why="Then a token with p = 0 is accepted whenever the number is 0.",
    read="#guess-then-check",
)
def equality_accepts(source):
    return change(source, "q[i, token] >= p[i, token]", "q[i, token] > p[i, token]")


@mistake(
    "whiteboard",
    says="A drafted token is accepted if the large model likes it at least as well as the small one, never by chance.",
    why="Without chance, tokens that the small model overrates a little never come through at all.",
    read="#guess-then-check",
)
def never_by_chance(source):
    return change(source, "uniforms[i] * q[i, token] >= p[i, token]", "q[i, token] > p[i, token]")


@mistake(
    "whiteboard",
    says="A drafted token is accepted only if the large model likes no other one better.",
    why="That is right for greedy decoding. Who samples gets another distribution, and more rejections than needed.",
    read="#guess-then-check",
    seen="lablup/mlxcel issue 902: the draft is compared with the target model's argmax",
)
def favourite_only(source):
    return change(source, "uniforms[i] * q[i, token] >= p[i, token]", "token != p[i].argmax()")


@mistake(
    "whiteboard",
    says="A rejected token does not end the draft.",
    why="What follows was drafted after a token that is not there: it continues another text.",
    read="#guess-then-check",
)
def rejection_skipped(source):
    return change(
        source,
        """            left = (p[i] - q[i]).clamp(min=0)
            return i, left / left.sum()
    return len(drafted), p[-1]""",
        """            left = (p[i] - q[i]).clamp(min=0)
            rejected = rejected or (left / left.sum(),)
        else:
            accepted += 1
    return accepted, rejected[0] if rejected else p[-1]""",
    ).replace(
        "    for i, token in enumerate(drafted", "    accepted, rejected = 0, ()\n    for i, token in enumerate(drafted"
    )


@mistake(
    "whiteboard",
    says="All tokens that pass are counted, those behind a rejected one too.",
    why="They were drafted after a token that is no longer there. The first rejection ends the draft.",
    read="#guess-then-check",
)
def counted_behind_a_rejection(source):
    return change(
        source,
        """    for i, token in enumerate(drafted.tolist()):
        if uniforms[i] * q[i, token] >= p[i, token]:
            left = (p[i] - q[i]).clamp(min=0)
            return i, left / left.sum()
    return""",
        """    tokens = list(enumerate(drafted.tolist()))
    i = sum(bool(uniforms[i] * q[i, token] < p[i, token]) for i, token in tokens)
    if i < len(drafted):
        left = (p[i] - q[i]).clamp(min=0)
        return i, left / left.sum()
    return""",
    )


@mistake(
    "whiteboard",
    says="The rejected token itself is counted as accepted.",
    why="It was refused: the text goes on with its replacement.",
    read="#guess-then-check",
)
def rejected_one_counted(source):
    return change(source, "return i, left / left.sum()", "return i + 1, left / left.sum()")


@mistake(
    "whiteboard",
    says="When the whole draft stays, the next token comes from the draft's last position, not from the one after it.",
    why="The large model has scored one position more: that token is free, and the next one of the text.",
    read="#guess-then-check",
)
def last_row_missed(source):
    return change(source, "return len(drafted), p[-1]", "return len(drafted), p[-2]")


# zero_bytes


@mistake(
    "whiteboard",
    says="The optimizer state has 8 bytes a parameter: the weights' float32 copy is missing.",
    why="In 16 bits a weight of 1 does not move under a small update. So the optimizer keeps its own, in float32.",
    read="#sharing-the-state-zero-and-fsdp",
)
def no_float32_copy(source):
    return change(source, "state = 12 /", "state = 8 /")


@mistake(
    "whiteboard",
    says="Stage 1 shares out the gradients as well.",
    why="That is stage 2. Stage 1 leaves the gradients whole, as DDP does.",
    read="#sharing-the-state-zero-and-fsdp",
)
def stage_1_shares_gradients(source):
    return change(source, "if stage >= 2 else 1", "if stage >= 1 else 1")


@mistake(
    "whiteboard",
    says="Stage 2 shares out the weights as well.",
    why="That is stage 3, and the one that needs more communication.",
    read="#sharing-the-state-zero-and-fsdp",
)
def stage_2_shares_weights(source):
    return change(source, "if stage == 3 else 1", "if stage >= 2 else 1")


@mistake(
    "whiteboard",
    says="Stage 3 leaves the gradients whole.",
    why="Each stage adds to the one before.",
    read="#sharing-the-state-zero-and-fsdp",
)
def stage_3_forgets_gradients(source):
    return change(source, "if stage >= 2 else 1", "if stage == 2 else 1")


@mistake(
    "whiteboard",
    says="Stages that do not exist are accepted.",
    why="A stage of 4 is a misreading, and the answer would look plausible.",
    read="#sharing-the-state-zero-and-fsdp",
)
def any_stage_accepted(source):
    return change(
        source,
        """    if stage not in (0, 1, 2, 3):
        raise ValueError(f"there is no stage {stage}")
""",
        "",
    )


@mistake(
    "whiteboard",
    says="A stage below 0 is accepted.",
    why="It goes unnoticed where a table of stages is read from its end: Python takes -1 for the last.",
    read="#sharing-the-state-zero-and-fsdp",
)
def negative_stage_accepted(source):
    return change(source, "if stage not in (0, 1, 2, 3):", "if stage > 3:")


@mistake(
    "whiteboard",
    says="The bytes are cut to whole numbers when they are shared out.",
    why="The sum of what the ranks keep would be less than all of it.",
    read="#sharing-the-state-zero-and-fsdp",
)
def cut_to_whole_bytes(source):
    return change(
        source,
        "return parameters * (weight + gradient + state)",
        "return float(int(parameters * (weight + gradient + state)))",
    )


# 13.2 interview.md

USUAL = usual_mistakes(
    "interview.md",
    "A choice that I would defend",
    other="Something that went wrong",
    question="Which setting, method or piece did you choose, instead of what? By what evidence?",
    read="#your-own-project",
    figures=True,
)


@mistake(
    "interview.md",
    says="The numbers of the run are filled in, but the answer does not speak of them.",
    why="An interviewer asks what your numbers mean. Take two of the table, with their units, and explain them.",
    read="#your-own-project",
)
def numbers_not_spoken_of(source):
    return with_answer(
        source,
        "What my numbers say",
        re.search(r"<!-- figures: interview run -->.*?<!-- end of figures -->", source, re.DOTALL)[0]
        + "\n\nThey are rather good for a model of this size, and better than those of an ordinary trigram. The one "
        "per word is larger than the other, because a word is made of several pieces, and surprise grows with each of "
        "them. With more time it would have become better still, since neither curve was flat when the schedule came "
        "to its end; and a longer context would perhaps have helped as well.",
    )
