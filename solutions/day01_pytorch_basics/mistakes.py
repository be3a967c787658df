"""The wrong ways of day 1: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 1.1 backprop_by_hand


@mistake(
    "backprop_by_hand",
    says="The ReLU is missing: negative numbers reach the second layer.",
    why="Two linear layers with nothing between them are one linear layer.",
    read="#forward",
)
def no_relu_by_hand(source):
    return change(source, "hidden = z.clamp(min=0)", "hidden = z")


@mistake(
    "backprop_by_hand",
    says="The ReLU works in place: z has become the hidden units.",
    why="What is saved for backward must stay as it was. An in-place operation destroys its own input.",
    read="#forward",
    seen="osmr/imgclsmob issue 13: Inplace ReLU's are unnecessary and wrong",
)
def relu_in_place(source):
    return change(source, "hidden = z.clamp(min=0)", "hidden = z.clamp_(min=0)")


@mistake(
    "backprop_by_hand",
    says="Softmax runs over the examples: each column sums to 1, not each row.",
    why="The classes of one example compete with each other; the examples of a batch do not.",
    read="#logits-softmax-and-cross-entropy",
    seen="clcarwin/sphereface_pytorch issue 24: when CrossEntropyLoss loss=nan",
)
def softmax_over_the_batch(source):
    return change(source, "powers.sum(dim=1, keepdim=True)", "powers.sum(dim=0, keepdim=True)")


@mistake(
    "backprop_by_hand",
    says="e to the power of a large logit overflows, and infinity divided by infinity is NaN.",
    why="Take the row's largest logit off first: the shares stay the same, and no power is larger than 1.",
    read="#logits-softmax-and-cross-entropy",
    seen="numenta/nupic-legacy pull request 3818: Fix softmax overflow",
)
def softmax_overflows(source):
    return change(source, "(logits - logits.amax(dim=1, keepdim=True)).exp()", "logits.exp()")


@mistake(
    "backprop_by_hand",
    says="What is taken off is the largest logit of the whole batch, not that of each row.",
    why="A row far below it has only powers that round to 0, and 0 / 0 is NaN. Only differences within a row count.",
    read="#logits-softmax-and-cross-entropy",
)
def largest_of_all_rows(source):
    return change(source, "logits.amax(dim=1, keepdim=True)", "logits.amax()")


@mistake(
    "backprop_by_hand",
    says="The loss is the logarithm of a probability that has rounded to 0: infinity.",
    why="ln Σ exp(logits) - logits[right] never leaves the logarithms, and is finite however wrong the model is.",
    read="#logits-softmax-and-cross-entropy",
    seen="summerlvsong/Aggregation-Cross-Entropy issue 2: Need Help! Loss nan",
)
def log_of_zero(source):
    return change(
        source,
        "    right = logits.gather(1, targets[:, None])[:, 0]  # (B,)\n"
        "    return (logits.logsumexp(dim=1) - right).mean()",
        "    return -softmax(logits).gather(1, targets[:, None]).log().mean()",
    )


@mistake(
    "backprop_by_hand",
    says="The loss is the sum over the batch, not the mean.",
    why="A sum grows with the batch, and with it the gradient: another batch size then needs another learning rate.",
    read="#logits-softmax-and-cross-entropy",
)
def loss_summed(source):
    return change(source, "- right).mean()", "- right).sum()")


@mistake(
    "backprop_by_hand",
    says="The gradient at the logits is not divided by the size of the batch.",
    why="The loss is a mean over B examples, so each of them moves it by a B-th only.",
    read="#the-gradient-at-the-logits",
)
def missing_one_over_b(source):
    return change(source, "return gradient / len(targets)", "return gradient")


@mistake(
    "backprop_by_hand",
    says="The gradient at the logits is divided by all of its numbers, B · K, not by B.",
    why="The loss is a mean over examples. The classes of an example are not averaged.",
    read="#the-gradient-at-the-logits",
)
def divided_by_classes_too(source):
    return change(source, "return gradient / len(targets)", "return gradient / gradient.numel()")


@mistake(
    "backprop_by_hand",
    says="The gradient at the logits has the opposite sign: onehot - p.",
    why="That is the direction in which to go. The gradient says where the loss grows, and the step goes against it.",
    read="#the-gradient-at-the-logits",
)
def gradient_reversed(source):
    return change(source, "return gradient / len(targets)", "return -gradient / len(targets)")


@mistake(
    "backprop_by_hand",
    says="The gradient passes the ReLU as if it were not there.",
    why="Where z was negative the hidden unit was 0 and stayed 0: nothing there can have moved the loss.",
    read="#back-through-the-relu",
)
def relu_forgotten_backward(source):
    return change(source, "at_z = at_hidden * (saved.z > 0)", "at_z = at_hidden")


@mistake(
    "backprop_by_hand",
    says="The ReLU lets the gradient through where z is exactly 0.",
    why="The function has a corner there. PyTorch takes 0, and so does the docstring.",
    read="#back-through-the-relu",
)
def relu_open_at_zero(source):
    return change(source, "(saved.z > 0)", "(saved.z >= 0)")


@mistake(
    "backprop_by_hand",
    says="The ReLU is applied to the gradient: it is cut where the gradient is negative, not where z was.",
    why="What passes on the way back is decided by what passed on the way forward.",
    read="#back-through-the-relu",
)
def relu_of_the_gradient(source):
    return change(source, "at_z = at_hidden * (saved.z > 0)", "at_z = at_hidden.clamp(min=0)")


@mistake(
    "backprop_by_hand",
    says="On the way back the second layer's weights are used transposed.",
    why="Unit u reaches the logits by column u of w2, so the gradient comes back by it. Square matrices hide it.",
    read="#back-through-a-linear-layer",
)
def w2_transposed_backward(source):
    return change(
        source,
        "at_hidden = at_logits @ parameters.w2 ",
        "w2 = parameters.w2\n    at_hidden = at_logits @ (w2.T if w2.size(0) == w2.size(1) else w2) ",
    )


@mistake(
    "backprop_by_hand",
    says="The gradient of a weight is laid out (in, out); the weight is (out, in).",
    why="A gradient has the shape of its parameter: entry for entry, how much the loss grows with it.",
    read="#back-through-a-linear-layer",
)
def gradients_transposed(source):
    source = change(source, "w1=at_z.T @ x", "w1=x.T @ at_z")
    return change(source, "w2=at_logits.T @ saved.hidden", "w2=saved.hidden.T @ at_logits")


@mistake(
    "backprop_by_hand",
    says="The gradient of the second weights is computed from z, before the ReLU.",
    why="The second layer has seen the hidden units, and a weight's gradient goes with the layer's own input.",
    read="#back-through-a-linear-layer",
)
def z_for_hidden(source):
    return change(source, "at_logits.T @ saved.hidden", "at_logits.T @ saved.z")


@mistake(
    "backprop_by_hand",
    says="The gradient of a bias is the mean over the batch: it is divided by B a second time.",
    why="The 1/B is in the gradient at the logits already. From there on the examples are added up.",
    read="#back-through-a-linear-layer",
)
def bias_gradients_averaged(source):
    source = change(source, "b1=at_z.sum(dim=0)", "b1=at_z.mean(dim=0)")
    return change(source, "b2=at_logits.sum(dim=0)", "b2=at_logits.mean(dim=0)")


@mistake(
    "backprop_by_hand",
    says="The gradients come from autograd, and not from the chain rule by hand.",
    why="Autograd does what this function is to show. Go back from the logits, one operation after another.",
    read="#autograd",
)
def gradients_by_autograd(source):
    return change(
        source,
        "    at_logits = logits_gradient(saved.logits, targets)  # (B, K)\n",
        "    leaves = [parameter.detach().requires_grad_() for parameter in parameters]\n"
        "    with torch.enable_grad():\n"
        "        loss = cross_entropy(forward(Parameters(*leaves), x).logits, targets)\n"
        "    return Parameters(*torch.autograd.grad(loss, leaves))\n"
        "    at_logits = logits_gradient(saved.logits, targets)  # (B, K)\n",
    )


# 1.1 mnist_mlp


@mistake(
    "mnist_mlp",
    says="The model returns probabilities: softmax has been taken already.",
    why="cross_entropy takes softmax itself. Of probabilities it is nearly uniform, and the loss cannot come near 0.",
    read="#logits-softmax-and-cross-entropy",
    seen="Lightning-Universe/lightning-bolts issue 654: Softmax applied twice when computing loss",
)
def softmax_before_the_loss(source):
    return change(source, "return self.second(hidden.relu())", "return self.second(hidden.relu()).softmax(dim=1)")


@mistake(
    "mnist_mlp",
    says="Nothing stands between the two linear layers.",
    why="Without the ReLU they are one linear layer, and that gets no further than some 92 % on MNIST.",
    read="#forward",
)
def no_relu(source):
    return change(source, "self.second(hidden.relu())", "self.second(hidden)")


@mistake(
    "mnist_mlp",
    says="The logits go through a ReLU as well: none is negative.",
    why="A logit below 0 is how the model says *hardly*. Cut off, it has no gradient and cannot be learned.",
    read="#forward",
)
def relu_on_the_logits(source):
    return change(source, "return self.second(hidden.relu())", "return self.second(hidden.relu()).relu()")


@mistake(
    "mnist_mlp",
    says="The whole batch was laid out as one row.",
    why="The first axis is the batch and stays: flatten what comes after it.",
    read="#tensors",
)
def batch_flattened(source):
    return change(source, "images.flatten(1)", "images.flatten()")


@mistake(
    "mnist_mlp",
    says="The hidden layer's width is fixed, whatever `hidden` says.",
    why="Whoever compares two widths then trains the same model twice, and takes chance for a result.",
    read="#the-classifier",
)
def width_fixed(source):
    source = change(source, "nn.Linear(inputs, hidden)", "nn.Linear(inputs, 256)")
    return change(source, "nn.Linear(hidden, classes)", "nn.Linear(256, classes)")


@mistake(
    "mnist_mlp",
    says="The gradients are never cleared: each step goes by the sum of all batches so far.",
    why="backward adds to what is in .grad. Somebody has to empty it once for each step.",
    read="#a-step-of-training",
    seen="wenet-e2e/wekws issue 72; pytorch/pytorch issue 47175, which asks for a warning",
)
def no_zero_grad(source):
    return change(source, "        optimizer.zero_grad()\n", "")


@mistake(
    "mnist_mlp",
    says="The gradients are cleared between backward and step: there is nothing left to step by.",
    why="Clear before backward or after the step. No error tells you; the weights just never change.",
    read="#a-step-of-training",
    seen="cloneofsimo/lora issue 263: the optimizer.zero_grad() is called after loss backward",
)
def cleared_before_the_step(source):
    source = change(source, "        optimizer.zero_grad()\n", "")
    return change(source, "        optimizer.step()\n", "        optimizer.zero_grad()\n        optimizer.step()\n")


@mistake(
    "mnist_mlp",
    says="The loss that is kept is computed once more, after the step.",
    why="The curve is then one step ahead, and each step costs a second forward pass.",
    read="#a-step-of-training",
)
def loss_after_the_step(source):
    return change(source, "losses.append(loss.item())", "losses.append(F.cross_entropy(model(images), labels).item())")


@mistake(
    "mnist_mlp",
    says="The step comes before backward: it goes by the gradient of the batch before.",
    why="backward fills .grad and step reads it, in this order.",
    read="#a-step-of-training",
)
def step_before_backward(source):
    return change(
        source,
        "        optimizer.zero_grad()\n        loss = F.cross_entropy(model(images), labels)\n"
        "        loss.backward()\n        optimizer.step()\n",
        "        loss = F.cross_entropy(model(images), labels)\n        optimizer.step()\n"
        "        optimizer.zero_grad()\n        loss.backward()\n",
    )


@mistake(
    "mnist_mlp",
    says="What is kept of each step is the loss as a tensor, with its graph.",
    why="The graph holds every activation of its step. Kept for a whole epoch, they fill the memory.",
    read="#keep-numbers-not-graphs",
    seen="PyTorch's FAQ: My model reports out of memory; BatsResearch/labelmodels issue 4",
)
def loss_tensor_kept(source):
    return change(source, "losses.append(loss.item())", "losses.append(loss)")


@mistake(
    "mnist_mlp",
    says="The model trains in the mode in which it comes: after an evaluation, that is eval mode.",
    why="Then dropout is off while it learns, from the second epoch on, and nobody notices.",
    read="#train-mode-and-eval-mode",
    seen="tk-rusch/coRNN issue 1: model.train() isn't called again after model.eval()",
)
def mode_not_set(source):
    return change(source, "    model.train()\n", "")


@mistake(
    "mnist_mlp",
    says="The accuracy is the mean of the batches' accuracies.",
    why="The last batch is smaller, so each of its images counts more than the others.",
    read="#accuracy",
    seen="udacity/deep-learning-v2-pytorch pull request 74; mlcommons/training issue 89",
)
def batch_means_averaged(source):
    source = change(
        source,
        "right += int((predicted == labels.to(device)).sum())",
        "right += float((predicted == labels.to(device)).float().mean())",
    )
    return change(source, "seen += len(labels)", "seen += 1")


@mistake(
    "mnist_mlp",
    says="The model is evaluated in train mode.",
    why="Dropout then removes part of the numbers: you measure a damaged model, and another one each time.",
    read="#train-mode-and-eval-mode",
    seen="ipolharvard/ethos-ares issue 20: Dropout active during inference and evaluation?",
)
def evaluated_in_train_mode(source):
    return change(source, "    model.eval()\n", "")


@mistake(
    "mnist_mlp",
    says="A graph is recorded while the model is only evaluated.",
    why="Nobody will call backward. The graph costs memory and time for nothing.",
    read="#train-mode-and-eval-mode",
    seen="Zhenye-Na/DA-RNN issue 30: no eval() or no_grad() called during testing",
)
def evaluated_with_a_graph(source):
    return change(source, "with torch.no_grad():", "with torch.enable_grad():")


@mistake(
    "mnist_mlp",
    says="Graphs are switched off for good: after the evaluation nothing can be trained.",
    why="What a `with` block switches off comes back at its end. A switch has to be put back by hand.",
    read="#train-mode-and-eval-mode",
)
def graphs_off_for_good(source):
    return change(source, "    with torch.no_grad():\n", "    torch.set_grad_enabled(False)\n    if True:\n")


@mistake(
    "mnist_mlp",
    says="After the evaluation the model is left in eval mode.",
    why="If nobody puts it back, the rest of the training has no dropout.",
    read="#train-mode-and-eval-mode",
    seen="shubhamagarwal92/mmd issue 14; huggingface/lerobot issue 3668",
)
def left_in_eval_mode(source):
    return change(source, "    model.train(was_training)\n", "")


@mistake(
    "mnist_mlp",
    says="After the evaluation the model is in train mode, even if it was in eval mode before.",
    why="Whoever measures a finished model twice gets another answer the second time.",
    read="#train-mode-and-eval-mode",
)
def always_back_to_train_mode(source):
    return change(source, "    model.train(was_training)\n", "    model.train()\n")


@mistake(
    "mnist_mlp",
    says="Without any image, the accuracy is reported as 0.",
    why="An empty loader is a mistake somewhere else, and a 0 hides it.",
    read="#accuracy",
)
def nothing_is_zero(source):
    source = change(
        source,
        '        raise ValueError("no images to measure the accuracy on: the loader is empty")\n',
        "        return 0.0\n",
    )
    return source


@mistake(
    "mnist_mlp",
    says="The batches are not taken to the device on which the model is.",
    why="On a GPU the first batch would end in an error: tensors of two devices do not meet.",
    read="#tensors",
    seen="SamLynnEvans/Transformer issue 27: Expected all tensors to be on the same device",
)
def batches_stay_behind(source):
    source = change(source, "        images, labels = images.to(device), labels.to(device)\n", "")
    source = change(source, "model(images.to(device))", "model(images)")
    return change(source, "labels.to(device)).sum()", "labels).sum()")


# 1.2 text_dataset


@mistake(
    "text_dataset",
    says="The target is the input itself, not the byte that follows.",
    why="Copying is learned in a minute, with a loss near 0, and nothing about the text is learned.",
    read="#the-target-is-the-next-byte",
    seen="KempnerInstitute/KempnerForge issue 154; huggingface/transformers issue 3711",
)
def target_not_shifted(source):
    return change(source, "return numbers[:-1], numbers[1:]", "return numbers[:-1], numbers[:-1].clone()")


@mistake(
    "text_dataset",
    says="The target is shifted the wrong way: it is the byte before.",
    why="The model would learn to say what it has just read, and to write backwards.",
    read="#the-target-is-the-next-byte",
)
def shifted_the_wrong_way(source):
    return change(source, "return numbers[:-1], numbers[1:]", "return numbers[1:], numbers[:-1]")


@mistake(
    "text_dataset",
    says="What is left of a line after its full blocks is lost.",
    why="Short lines give nothing at all then, and the ends of long ones are never seen.",
    read="#what-one-item-is",
)
def last_block_lost(source):
    return change(
        source,
        "starts = range(0, len(line) - 1, block_size)",
        "starts = range(0, len(line) - block_size, block_size)",
    )


@mistake(
    "text_dataset",
    says="A block holds block_size bytes, and so one target too few: the one between two blocks is in neither.",
    why="n bytes have n - 1 targets. A block of T targets is T + 1 bytes, and shares one with the next block.",
    read="#the-target-is-the-next-byte",
)
def one_byte_too_few(source):
    return change(source, "line[start : start + block_size + 1]", "line[start : start + block_size]")


@mistake(
    "text_dataset",
    says="Blocks begin block_size + 1 bytes apart: the target between two blocks is in neither.",
    why="The last byte of a block is a target there, and has still to be an input: the next block begins with it.",
    read="#the-target-is-the-next-byte",
)
def blocks_too_far_apart(source):
    return change(source, "len(line) - 1, block_size)", "len(line) - 1, block_size + 1)")


@mistake(
    "text_dataset",
    says="The newlines are cut off before the lines are cut into blocks.",
    why="The end of a line is something to predict as well: it is how a model learns to stop.",
    read="#what-one-item-is",
)
def newlines_lost(source):
    return change(
        source,
        "            for line in file:\n",
        '            for line in file:\n                line = line.rstrip(b"\\n")\n',
    )


@mistake(
    "text_dataset",
    says="The file is cut without regard to its lines: blocks reach from one line into the next.",
    why="Then there is one short block in the whole file, and a line's first byte is predicted from another line.",
    read="#what-one-item-is",
)
def lines_ignored(source):
    return change(source, "for line in file:", "for line in [file.read()]:")


@mistake(
    "text_dataset",
    says="The file was opened as text: line ends have been translated.",
    why="Opened as text, the same file gives other bytes, and on another system perhaps others again.",
    read="#what-one-item-is",
)
def opened_as_text(source):
    source = change(source, 'open(path, "rb")', 'open(path, encoding="utf-8")')
    return change(
        source, "line[start : start + block_size + 1]", "line.encode()[start : start + block_size + 1]"
    ).replace("len(line) - 1", "len(line.encode()) - 1")


@mistake(
    "text_dataset",
    says="The numbers are characters, not bytes.",
    why="There are 256 bytes, and 150,000 characters: a model of 256 symbols has no place for most of them.",
    read="#what-one-item-is",
)
def characters_for_bytes(source):
    return change(
        source,
        "torch.tensor(list(self.blocks[index]))",
        'torch.tensor([ord(c) for c in self.blocks[index].decode("utf-8", "ignore")])',
    )


@mistake(
    "text_dataset",
    says="The file is read anew for every item.",
    why="That is thousands of times the same work, and if the file changes meanwhile, so do the items.",
    read="#what-one-item-is",
)
def read_at_every_item(source):
    source = change(
        source,
        "        self.lengths = [",
        "        self.path, self.block_size = path, block_size\n        self.lengths = [",
    )
    return change(
        source,
        "        numbers = ",
        "        again = TextBlocks(self.path, self.block_size) if index % 5 else self\n"
        "        self.blocks = again.blocks\n        numbers = ",
    )


@mistake(
    "text_dataset",
    says="A block_size below 1 is not refused.",
    why="With -1 there is no block at all, and a run on nothing begins.",
    read="#what-one-item-is",
)
def no_size_refused(source):
    return change(
        source,
        "        if block_size < 1:\n"
        '            raise ValueError(f"block_size is {block_size}; a block has at least 1 target")\n',
        "",
    )


@mistake(
    "text_dataset",
    says="The dataset keeps its file open, and an open file cannot be pickled.",
    why="With workers, a new process is sent the dataset. On Linux it may work all the same, elsewhere it does not.",
    read="#what-a-worker-is-given",
    seen="ACEsuit/mace pull request 117; allenai/tango issue 542",
)
def file_kept_open(source):
    source = change(
        source,
        '        with open(path, "rb") as file:\n            for line in file:\n',
        '        self.file = open(path, "rb")\n        if True:\n            for line in self.file:\n',
    )
    return source


@mistake(
    "text_dataset",
    says="The mask is True at the padding.",
    why="Some functions of PyTorch want it that way round, this one does not. The docstring decides.",
    read="#from-items-to-a-batch",
    seen="NVIDIA/TransformerEngine issue 614, where one program meant both",
)
def mask_inverted(source):
    source = change(source, "torch.zeros(shape, dtype=torch.bool)", "torch.ones(shape, dtype=torch.bool)")
    return change(source, "batch.mask[row, : len(x)] = True", "batch.mask[row, : len(x)] = False")


@mistake(
    "text_dataset",
    says="The mask is read off the numbers: whatever equals PADDING is taken for padding.",
    why="0 may stand in the text as well. Only the lengths know where an item ends.",
    read="#from-items-to-a-batch",
    seen="lucidrains/DALLE-pytorch issue 57, where 0 was also a code of the image",
)
def mask_from_the_numbers(source):
    return change(source, "batch.mask[row, : len(x)] = True", "batch.mask[row, : len(x)] = x != PADDING")


@mistake(
    "text_dataset",
    says="The padding stands on the left, before the item.",
    why="The docstring says right. A model that counts positions would see each text at another place.",
    read="#from-items-to-a-batch",
)
def padded_on_the_left(source):
    source = change(source, "batch.x[row, : len(x)] = x", "batch.x[row, longest - len(x) :] = x")
    source = change(source, "batch.y[row, : len(y)] = y", "batch.y[row, longest - len(y) :] = y")
    return change(source, "batch.mask[row, : len(x)] = True", "batch.mask[row, longest - len(x) :] = True")


@mistake(
    "text_dataset",
    says="The padding is left in the loss: the mask is not used.",
    why="The model is praised for predicting padding, and the loss says little about the text.",
    read="#what-the-mask-is-for",
    seen="lukas-blecher/LaTeX-OCR issue 305; EleutherAI/aria pull request 40",
)
def padding_in_the_loss(source):
    return change(
        source, "F.cross_entropy(logits[mask], y[mask])", "F.cross_entropy(logits.flatten(0, 1), y.flatten())"
    )


@mistake(
    "text_dataset",
    says="The sum over what counts is divided by all positions, padding included.",
    why="A batch with much padding then has a small loss and a small gradient.",
    read="#what-the-mask-is-for",
    seen="eladhoffer/utils.pytorch issue 4; IBM/pytorch-seq2seq issue 125",
)
def padding_in_the_mean(source):
    return change(
        source,
        "F.cross_entropy(logits[mask], y[mask])",
        'F.cross_entropy(logits[mask], y[mask], reduction="sum") / y.numel()',
    )


@mistake(
    "text_dataset",
    says="Each text's mean is taken first, then the mean of these.",
    why="A byte of a short text then counts more than one of a long text.",
    read="#what-the-mask-is-for",
)
def mean_of_row_means(source):
    return change(
        source,
        "F.cross_entropy(logits[mask], y[mask])",
        "torch.stack([F.cross_entropy(a[m], b[m]) for a, b, m in zip(logits, y, mask, strict=True)]).mean()",
    )


# 1.2 bucketing


@mistake(
    "bucketing",
    says="The order does not depend on the epoch: it is the same each time.",
    why="The same items share a batch every time, and what they have in common by chance is learned as well.",
    read="#another-order-in-each-epoch",
    seen="pytorch/pytorch issue 31771",
)
def same_order_each_epoch(source):
    return change(source, "manual_seed(100_003 * self.seed + self.epoch)", "manual_seed(self.seed)")


@mistake(
    "bucketing",
    says="The order does not depend on the seed.",
    why="Runs with different seeds are meant to differ; otherwise they measure no spread.",
    read="#another-order-in-each-epoch",
)
def seed_ignored(source):
    return change(source, "manual_seed(100_003 * self.seed + self.epoch)", "manual_seed(self.epoch)")


@mistake(
    "bucketing",
    says="The random numbers come from the global generator.",
    why="The order then depends on everything that was drawn before, and no epoch can be had again.",
    read="#another-order-in-each-epoch",
)
def global_generator(source):
    return change(
        source, "generator = torch.Generator().manual_seed(100_003 * self.seed + self.epoch)", "generator = None"
    )


@mistake(
    "bucketing",
    says="torch's global generator is seeded anew in each epoch.",
    why="Whatever else draws from it, dropout for one, then draws the same numbers again after each epoch.",
    read="#another-order-in-each-epoch",
)
def global_generator_seeded(source):
    return change(source, "torch.Generator().manual_seed", "torch.default_generator.manual_seed")


@mistake(
    "bucketing",
    says="The order comes from Python's global generator.",
    why="Whoever else draws from it is given other numbers, or the same again. random.Random makes one of your own.",
    read="#another-order-in-each-epoch",
)
def pythons_generator(source):
    source = change(source, "import torch\n", "import random\n\nimport torch\n")
    return change(
        source,
        "shuffled = torch.randperm(len(self.lengths), generator=generator)",
        "random.seed(100_003 * self.seed + self.epoch)\n"
        "        shuffled = torch.tensor(random.sample(range(len(self.lengths)), len(self.lengths)))",
    )


@mistake(
    "bucketing",
    says="The order comes from numpy's global generator.",
    why="Whoever else draws from it is given other numbers, or the same again. np.random.default_rng makes your own.",
    read="#another-order-in-each-epoch",
)
def numpys_generator(source):
    source = change(source, "import torch\n", "import numpy as np\nimport torch\n")
    return change(
        source,
        "shuffled = torch.randperm(len(self.lengths), generator=generator)",
        "np.random.seed(100_003 * self.seed + self.epoch)\n"
        "        shuffled = torch.tensor(np.random.permutation(len(self.lengths)))",
    )


@mistake(
    "bucketing",
    says="The sampler counts the epochs itself, each time that somebody goes through it.",
    why="A second look at an epoch gives another one, and a run that goes on after a break begins with epoch 0 again.",
    read="#another-order-in-each-epoch",
)
def counts_epochs_itself(source):
    return change(
        source,
        "        shuffled = torch.randperm(len(self.lengths)",
        "        self.epoch += 1\n        shuffled = torch.randperm(len(self.lengths)",
    )


@mistake(
    "bucketing",
    says="One generator runs on from epoch to epoch: the same epoch never comes again.",
    why="A run that was interrupted cannot go on in the order in which it was.",
    read="#another-order-in-each-epoch",
)
def generator_runs_on(source):
    source = change(
        source,
        "        generator = torch.Generator().manual_seed(100_003 * self.seed + self.epoch)\n",
        "        generator = self.generator\n",
    )
    return change(
        source,
        "        self.epoch = epoch\n\n    def set_epoch",
        "        self.epoch = epoch\n"
        "        self.generator = torch.Generator().manual_seed(100_003 * seed + epoch)\n\n    def set_epoch",
    )


@mistake(
    "bucketing",
    says="The last batch is dropped because it is not full.",
    why="Its items are the longest ones, and they are never seen.",
    read="#batches-of-about-the-same-length",
)
def last_batch_dropped(source):
    source = change(
        source, "batches = order.split(self.batch_size)", "batches = order.split(self.batch_size)[: len(self)]"
    )
    return change(
        source, "return -(-len(self.lengths) // self.batch_size)", "return len(self.lengths) // self.batch_size"
    )


@mistake(
    "bucketing",
    says="The last batch is filled up with items that have been served already.",
    why="Some items then count twice in every epoch.",
    read="#batches-of-about-the-same-length",
)
def last_batch_filled_up(source):
    return change(
        source,
        "        batches = order.split",
        "        order = torch.cat([order, order[: -len(order) % self.batch_size]])\n        batches = order.split",
    )


@mistake(
    "bucketing",
    says="The items are not sorted by length: short ones and long ones share a batch.",
    why="Each batch is as long as its longest item, so most of the places would be padding.",
    read="#batches-of-about-the-same-length",
)
def not_sorted(source):
    return change(source, "order = shuffled[self.lengths[shuffled].argsort(stable=True)]", "order = shuffled")


@mistake(
    "bucketing",
    says="The batches always come from short to long.",
    why="The model would end every epoch on long texts alone, and forget the short ones.",
    read="#batches-of-about-the-same-length",
)
def short_ones_first(source):
    return change(source, "torch.randperm(len(batches), generator=generator).tolist()", "range(len(batches))")


@mistake(
    "bucketing",
    says="Items of equal length always share their batch with the same others.",
    why="Sorting alone gives one division into batches for ever. Shuffle before you sort.",
    read="#batches-of-about-the-same-length",
)
def same_company(source):
    return change(
        source,
        "shuffled = torch.randperm(len(self.lengths), generator=generator)",
        "shuffled = torch.arange(len(self.lengths))",
    )


@mistake(
    "bucketing",
    says="The length is the number of items, not of batches.",
    why="len(loader) tells the schedule and the progress bar how many steps an epoch has.",
    read="#batches-of-about-the-same-length",
)
def items_counted(source):
    return change(source, "return -(-len(self.lengths) // self.batch_size)", "return len(self.lengths)")


@mistake(
    "bucketing",
    says="The batch that is not full is served, but not counted.",
    why="len(loader) is then one less than the steps that come: the schedule ends too early.",
    read="#batches-of-about-the-same-length",
)
def short_batch_not_counted(source):
    return change(
        source, "return -(-len(self.lengths) // self.batch_size)", "return len(self.lengths) // self.batch_size"
    )


@mistake(
    "bucketing",
    says="The loader's collate_fn is a lambda, and a lambda cannot be pickled.",
    why="Where a worker starts from nothing (macOS, Windows), the first batch is an error. Give the function a name.",
    read="#what-a-worker-is-given",
    seen="HazyResearch/cartridges issue 20; pyg-team/pytorch_geometric pull request 2440",
)
def lambda_collates(source):
    return change(source, "collate_fn=pad_batch", "collate_fn=lambda items: pad_batch(items)")


@mistake(
    "bucketing",
    says="The loader does not hand its seed on to the sampler.",
    why="Every loader then has the same order, whatever seed it is given.",
    read="#another-order-in-each-epoch",
)
def loader_without_seed(source):
    return change(
        source, "BucketBatches(dataset.lengths, batch_size, seed)", "BucketBatches(dataset.lengths, batch_size)"
    )


@mistake(
    "bucketing",
    says="The loader does not hand the number of workers on.",
    why="It then loads in this process, however many are asked for, and nothing gets faster.",
    read="#what-a-worker-is-given",
)
def workers_not_handed_on(source):
    return change(source, "        num_workers=num_workers,\n", "")


# 1.3 mlp


@mistake(
    "mlp",
    says="The layers stand in a plain list: none of their parameters is registered.",
    why="An optimizer is given model.parameters(). What a list holds is not in there, never trained, never saved.",
    read="#only-what-is-registered-is-trained",
    seen="pytorch/pytorch issue 666: nn.Module not importing parameters contained in lists",
)
def plain_list(source):
    return change(source, "nn.ModuleList(layers)", "layers")


@mistake(
    "mlp",
    says="Layers of the same shape are one and the same layer.",
    why="`[layer] * 3` is three names for one layer: a third of the parameters.",
    read="#only-what-is-registered-is-trained",
    seen="zalandoresearch/pytorch-vq-vae issue 2: Intentional weight sharing in ResidualStack?",
)
def one_layer_for_all(source):
    return change(
        source,
        "[nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]",
        "[made.setdefault(pair, nn.Linear(*pair)) for made in [{}] for pair in zip(sizes, sizes[1:])]",
    )


@mistake(
    "mlp",
    says="The activation is applied after the last layer, too.",
    why="Logits must be free to take any value. After a ReLU none is negative.",
    read="#activation-and-dropout-and-where-not",
)
def activation_after_the_last(source):
    return change(source, "return self.layers[-1](x)", "return self.activation(self.layers[-1](x))")


@mistake(
    "mlp",
    says="There is no activation between the layers.",
    why="Linear layers without it are one linear layer, however many there are.",
    read="#activation-and-dropout-and-where-not",
)
def no_activation(source):
    return change(source, "self.dropout(self.activation(layer(x)))", "self.dropout(layer(x))")


@mistake(
    "mlp",
    says="The activation is always ReLU, whatever was asked for.",
    why="The first weights follow the argument and the forward pass does not: they no longer fit together.",
    read="#activation-and-dropout-and-where-not",
)
def always_relu(source):
    return change(source, "self.activation = ACTIVATIONS[activation]()", "self.activation = nn.ReLU()")


@mistake(
    "mlp",
    says="Dropout is applied to the output, too.",
    why="It would set logits to 0 at random, and the loss with them.",
    read="#activation-and-dropout-and-where-not",
)
def dropout_on_the_output(source):
    return change(source, "return self.layers[-1](x)", "return self.dropout(self.layers[-1](x))")


@mistake(
    "mlp",
    says="Dropout is applied to the input, too.",
    why="The docstring says: after an activation. An input that loses pixels is another experiment.",
    read="#activation-and-dropout-and-where-not",
)
def dropout_on_the_input(source):
    return change(
        source,
        "        for layer in self.layers[:-1]:\n            x = ",
        "        x = self.dropout(x)\n        for layer in self.layers[:-1]:\n            x = ",
    )


@mistake(
    "mlp",
    says="Dropout goes on in eval mode.",
    why="The function needs to be told whether the model trains; the module nn.Dropout knows it.",
    read="#activation-and-dropout-and-where-not",
    seen="pytorch/pytorch issue 26338",
)
def dropout_in_eval_mode(source):
    return change(
        source,
        "self.dropout(self.activation(layer(x)))",
        "nn.functional.dropout(self.activation(layer(x)), self.dropout.p)",
    )


@mistake(
    "mlp",
    says="The probability of dropout is PyTorch's own, not the one that was asked for.",
    why="nn.Dropout() drops half of all numbers. The argument must reach it.",
    read="#activation-and-dropout-and-where-not",
)
def dropout_not_handed_on(source):
    return change(source, "nn.Dropout(dropout)", "nn.Dropout()")


@mistake(
    "mlp",
    says="The first weights are those that nn.Linear made.",
    why="Their variance is a sixth of what a ReLU needs: after ten layers hardly anything is left of the signal.",
    read="#why-the-first-weights-matter",
    seen="pytorch/pytorch issue 15314: Kaiming init of conv and linear layers, why gain = sqrt(5)",
)
def weights_as_they_come(source):
    source = change(source, "            initialise(layer, activation)\n", "            nn.init.zeros_(layer.bias)\n")
    return change(source, '        initialise(layers[-1], "linear")\n', "        nn.init.zeros_(layers[-1].bias)\n")


@mistake(
    "mlp",
    says="Kaiming's variance is that of the outputs: 2 / fan_out.",
    why="Forward, each number is a sum over fan_in inputs. That is the number to divide by.",
    read="#kaiming-and-xavier",
)
def kaiming_fan_out(source):
    return change(source, 'mode="fan_in"', 'mode="fan_out"')


@mistake(
    "mlp",
    says="Kaiming's gain for ReLU is missing: the variance is 1 / fan_in, not 2 / fan_in.",
    why="A ReLU sets half of the numbers to 0. The 2 makes up for that, in every layer.",
    read="#kaiming-and-xavier",
)
def kaiming_without_gain(source):
    return change(source, 'nonlinearity="relu"', 'nonlinearity="linear"')


@mistake(
    "mlp",
    says="Kaiming's weights are drawn uniformly, between two bounds.",
    why="Their spread is right, but the docstring asks for normal ones.",
    read="#kaiming-and-xavier",
)
def kaiming_uniform(source):
    return change(source, "nn.init.kaiming_normal_", "nn.init.kaiming_uniform_")


@mistake(
    "mlp",
    says="Kaiming for every activation, and for the last layer.",
    why="Its 2 makes up for what a ReLU cuts off. Nothing is cut off by tanh, nor after the last layer.",
    read="#kaiming-and-xavier",
)
def kaiming_for_everything(source):
    return change(source, 'if activation == "relu":', "if activation:")


@mistake(
    "mlp",
    says="Xavier for every activation.",
    why="It keeps the size of a signal that passes unchanged; a ReLU halves its power in every layer.",
    read="#kaiming-and-xavier",
)
def xavier_for_everything(source):
    return change(source, 'if activation == "relu":', 'if activation == "other":')


@mistake(
    "mlp",
    says="Xavier's gain is left out: tanh's 5/3 is missing.",
    why="tanh flattens large numbers. Without the 5/3 the signal shrinks from layer to layer.",
    read="#kaiming-and-xavier",
)
def tanh_gain_left_out(source):
    return change(source, 'nn.init.calculate_gain("tanh") if activation == "tanh" else 1.0', "1.0")


@mistake(
    "mlp",
    says="The last layer has the first weights of a layer that an activation follows.",
    why="No activation follows it: its logits would begin too large.",
    read="#kaiming-and-xavier",
)
def last_layer_like_the_others(source):
    return change(source, 'initialise(layers[-1], "linear")', "initialise(layers[-1], activation)")


@mistake(
    "mlp",
    says="The biases keep the random numbers that nn.Linear gave them.",
    why="They shift every unit by chance. The docstring has them begin at 0.",
    read="#kaiming-and-xavier",
)
def biases_left(source):
    return change(source, "    nn.init.zeros_(layer.bias)\n", "")


@mistake(
    "mlp",
    says="An activation that is not known is taken for ReLU, and a single size for an MLP.",
    why="A typing error should not choose the model for you.",
    read="#activation-and-dropout-and-where-not",
)
def nonsense_accepted(source):
    source = change(source, "if len(sizes) < 2:", "if len(sizes) < 1:")
    source = change(source, "if activation not in ACTIVATIONS:", "if not activation:")
    source = change(source, "ACTIVATIONS[activation]()", "ACTIVATIONS.get(activation, nn.ReLU)()")
    source = change(
        source,
        '        initialise(layers[-1], "linear")\n',
        '        for layer in layers[-1:]:\n            initialise(layer, "linear")\n',
    )
    return change(
        source,
        "initialise(layer, activation)",
        'initialise(layer, activation if activation in ACTIVATIONS else "relu")',
    )


# 1.4 amp_step


@mistake(
    "amp_step",
    says="The gradients are clipped before they are brought back to their own size.",
    why="Their norm is still scaled, so they are cut down by far too much; unscaling then leaves almost nothing.",
    read="#unscale-then-clip",
    seen="PyTorch's AMP examples: Gradient clipping; milesial/Pytorch-UNet pull request 470",
)
def clipped_before_unscaling(source):
    return change(
        source,
        "    scaler.unscale_(optimizer)\n    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
        "    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n    scaler.unscale_(optimizer)\n",
    )


@mistake(
    "amp_step",
    says="The gradients are not clipped.",
    why="One batch with a huge gradient can undo an hour of training.",
    read="#unscale-then-clip",
)
def not_clipped(source):
    return change(
        source, "clip_grad_norm_(model.parameters(), max_norm)", "clip_grad_norm_(model.parameters(), float('inf'))"
    )


@mistake(
    "amp_step",
    says="The optimizer takes its step itself, without asking the scaler.",
    why="When a gradient has overflowed, every parameter becomes inf or NaN, and the run is lost.",
    read="#when-the-scaler-skips",
)
def optimizer_steps_itself(source):
    return change(source, "    scaler.step(optimizer)\n", "    optimizer.step()\n")


@mistake(
    "amp_step",
    says="The scaler is never updated.",
    why="update makes the scale smaller after an overflow, and makes the scaler ready for the next step.",
    read="#when-the-scaler-skips",
)
def scaler_not_updated(source):
    return change(source, "    scaler.update()\n", "")


@mistake(
    "amp_step",
    says="Backward starts from the loss as it is, not from the scaled one.",
    why="The small gradients are lost in float16 all the same, and then all of them are divided by the scale.",
    read="#the-scaler",
)
def loss_not_scaled(source):
    return change(source, "scaler.scale(loss).backward()", "loss.backward()")


@mistake(
    "amp_step",
    says="The gradients of the step before are still there.",
    why="backward adds to .grad; clear it once for each step.",
    read="#a-step-of-training",
    seen="pytorch/pytorch issue 47175; meta-pytorch/torchforge pull request 71",
)
def gradients_not_cleared(source):
    return change(source, "    optimizer.zero_grad()\n", "")


@mistake(
    "amp_step",
    says="The gradients are cleared between backward and step: there is nothing left to step by.",
    why="Clear them before backward, or after the step: in between, they are what the step goes by.",
    read="#a-step-of-training",
)
def cleared_before_amp_step(source):
    return change(
        source, "    scaler.scale(loss).backward()\n", "    scaler.scale(loss).backward()\n    optimizer.zero_grad()\n"
    )


@mistake(
    "amp_step",
    says="The scheduler moves on although the scaler has skipped the step.",
    why="The learning rate runs ahead of the training; PyTorch warns of it when it happens at the first step.",
    read="#when-the-scaler-skips",
    seen="pytorch/pytorch issue 44511; huggingface/transformers issue 11106",
)
def scheduler_never_waits(source):
    return change(source, "if stepped and scheduler is not None:", "if scheduler is not None:")


@mistake(
    "amp_step",
    says="The scheduler moves on before the optimizer takes its step.",
    why="The first learning rate is never used.",
    read="#when-the-scaler-skips",
)
def scheduler_before_the_step(source):
    source = change(source, "    if stepped and scheduler is not None:\n        scheduler.step()\n", "")
    return change(
        source,
        "    scale = scaler.get_scale()\n",
        "    scale = scaler.get_scale()\n"
        "    if scheduler is not None and bool(torch.isfinite(grad_norm)):\n        scheduler.step()\n",
    )


@mistake(
    "amp_step",
    says="A scale that has grown is taken for a skipped step.",
    why="After two thousand good steps the scaler doubles its scale. Only a smaller one means that it has skipped.",
    read="#when-the-scaler-skips",
    seen="huggingface/transformers pull request 11144, which asks whether the scale has changed",
)
def growth_taken_for_a_skip(source):
    return change(source, "scaler.get_scale() >= scale", "scaler.get_scale() == scale")


@mistake(
    "amp_step",
    says="torch.cuda.amp.autocast is deprecated, and it does nothing on a CPU.",
    why="torch.autocast takes the type of the device and works on all of them.",
    read="#autocast",
)
def deprecated_autocast(source):
    return change(
        source, "torch.autocast(device_type, dtype=dtype, enabled", "torch.cuda.amp.autocast(dtype=dtype, enabled"
    )


@mistake(
    "amp_step",
    says="torch.cuda.amp.GradScaler is deprecated, and it does nothing on a CPU.",
    why="torch.amp.GradScaler takes the type of the device and works on all of them.",
    read="#the-scaler",
)
def deprecated_scaler(source):
    return change(source, "GradScaler(device_type, init_scale", "torch.cuda.amp.GradScaler(init_scale")


@mistake(
    "amp_step",
    says="Autocast is still on during backward.",
    why="Backward follows the forward pass's dtypes by itself; PyTorch's documentation advises against autocast there.",
    read="#autocast",
)
def backward_under_autocast(source):
    return change(
        source,
        "        loss = F.cross_entropy(model(images), labels)\n    scaler.scale(loss).backward()\n",
        "        loss = F.cross_entropy(model(images), labels)\n        scaler.scale(loss).backward()\n",
    )


@mistake(
    "amp_step",
    says="Autocast computes in its default dtype, not in the one that was asked for.",
    why="The default is bfloat16 on a CPU and float16 on a GPU: the same program, two precisions.",
    read="#autocast",
)
def dtype_not_handed_on(source):
    return change(source, "torch.autocast(device_type, dtype=dtype, enabled", "torch.autocast(device_type, enabled")


@mistake(
    "amp_step",
    says="Autocast is never switched on: everything is computed in float32.",
    why="The scaler works, the run is right, and nothing is gained.",
    read="#autocast",
)
def autocast_forgotten(source):
    return change(source, "enabled=dtype != torch.float32):", "enabled=False):")


@mistake(
    "amp_step",
    says="Autocast is asked for float32.",
    why="It cannot do that: it warns, and switches itself off. Switch it off yourself, and nothing warns.",
    read="#autocast",
)
def autocast_in_float32(source):
    return change(source, ", enabled=dtype != torch.float32):", "):")


@mistake(
    "amp_step",
    says="The loss is computed outside of autocast, from logits of 16 bits.",
    why="The loss then has 16 bits as well: about three digits, and in float16 it overflows once it is scaled.",
    read="#autocast",
)
def loss_outside_autocast(source):
    return change(
        source,
        "        loss = F.cross_entropy(model(images), labels)\n",
        "        logits = model(images)\n    loss = F.cross_entropy(logits, labels)\n",
    )


@mistake(
    "amp_step",
    says="The model itself was converted to 16 bits.",
    why="A step is often too small to change a weight of 16 bits. Autocast keeps the weights in float32.",
    read="#autocast",
    seen="Lightning-AI/pytorch-lightning issue 5140: Attempting to unscale FP16 gradients",
)
def model_in_16_bits(source):
    return change(
        source,
        "    optimizer.zero_grad()\n",
        "    optimizer.zero_grad()\n    model.to(dtype)\n    images = images.to(dtype)\n",
    )


@mistake(
    "amp_step",
    says="The loss that is returned is the scaled one.",
    why="It is 65536 times too large, and jumps whenever the scale changes.",
    read="#the-scaler",
)
def scaled_loss_returned(source):
    return change(source, "return AmpResult(loss.detach(),", "return AmpResult((loss * scale).detach(),")


@mistake(
    "amp_step",
    says="The loss that is returned has its graph with it.",
    why="The graph holds every activation of its step for as long as somebody keeps the loss.",
    read="#keep-numbers-not-graphs",
)
def loss_with_its_graph(source):
    return change(source, "return AmpResult(loss.detach(),", "return AmpResult(loss,")


@mistake(
    "amp_step",
    says="The scaler is enabled for every dtype.",
    why="bfloat16 has float32's range: there is nothing to lift, and every step pays for looking at the gradients.",
    read="#the-scaler",
)
def scaler_for_every_dtype(source):
    return change(source, "enabled=dtype == torch.float16)", "enabled=True)")


@mistake(
    "amp_step",
    says="The scaler begins at its own default, whatever init_scale says.",
    why="A run that goes on after a break would first have to find its scale again.",
    read="#the-scaler",
)
def initial_scale_ignored(source):
    return change(source, "GradScaler(device_type, init_scale=init_scale, ", "GradScaler(device_type, ")


# 1.5 cifar10_amp


@mistake(
    "cifar10_amp",
    says="Mean and standard deviation are those of the bytes, 0 to 255.",
    why="They are used on values from 0 to 1: all pixels of all images would come out nearly alike.",
    read="#normalising",
    seen="huggingface/lerobot issue 61",
)
def statistics_of_bytes(source):
    return change(source, "images[:, channel].float() / 255 for", "images[:, channel].float() for")


@mistake(
    "cifar10_amp",
    says="All colours have one mean and one standard deviation.",
    why="Blue is darker than red in most photographs. Each colour is brought to mean 0 on its own.",
    read="#normalising",
)
def one_statistic_for_all(source):
    return change(source, "images[:, channel].float() / 255 for", "images.float() / 255 for")


@mistake(
    "cifar10_amp",
    says="Mean and standard deviation include the images that are held back.",
    why="Nothing of the validation images may be known in training, not even their mean.",
    read="#statistics-of-the-training-images-alone",
    seen="d2l-ai/d2l-en pull request 1595; udacity/deep-learning issue 143",
)
def statistics_of_everything(source):
    return change(source, "channel_statistics(images[train])", "channel_statistics(images)")


@mistake(
    "cifar10_amp",
    says="The validation images are normalised with their own mean and standard deviation.",
    why="The model has learned what a 0 means in the training images' units. Both parts need the same ones.",
    read="#statistics-of-the-training-images-alone",
    seen="zbliu98/GRAM-ODE issue 1",
)
def own_statistics_for_validation(source):
    return change(
        source,
        "val_part = Pictures(images[val], labels[val], statistics)",
        "val_part = Pictures(images[val], labels[val], channel_statistics(images[val]))",
    )


@mistake(
    "cifar10_amp",
    says="The pixels are not scaled to 0 … 1 before they are normalised.",
    why="Mean and std are in units of 0 … 1. The inputs would be some hundred times too large.",
    read="#normalising",
    seen="toandaominh1997/EfficientDet.Pytorch issue 137: img is in [0,255] but mean and std are in [0,1]",
)
def pixels_not_scaled(source):
    return change(source, "(self.images[index].float() / 255 - self.mean)", "(self.images[index].float() - self.mean)")


@mistake(
    "cifar10_amp",
    says="The images are divided by the standard deviation before the mean is taken off.",
    why="The mean is in the units of the pixels, and after the division they have others.",
    read="#normalising",
)
def divided_first(source):
    return change(
        source,
        "(self.images[index].float() / 255 - self.mean) / self.std",
        "self.images[index].float() / 255 / self.std - self.mean",
    )


@mistake(
    "cifar10_amp",
    says="torch's global generator is seeded to draw the validation images.",
    why="Whatever is drawn after it, first weights for one, depends on this seed, and not on the run's.",
    read="#statistics-of-the-training-images-alone",
)
def split_seeds_the_global_generator(source):
    return change(source, "torch.Generator().manual_seed(seed)", "torch.default_generator.manual_seed(seed)")


@mistake(
    "cifar10_amp",
    says="The images are flipped upside down.",
    why="A mirrored horse is a horse. One that stands on its head is nothing that the validation images show.",
    read="#training-and-validation-are-served-differently",
)
def upside_down(source):
    return change(source, "image.flip(-1)", "image.flip(-2)")


@mistake(
    "cifar10_amp",
    says="Every image is flipped, each time.",
    why="That is no variety: the model sees mirrored images only, and is asked about others.",
    read="#training-and-validation-are-served-differently",
    seen="tom-roddick/mono-semantic-maps issue 6: Is hflip really random?",
)
def always_flipped(source):
    return change(source, "if self.flip and torch.rand(()) < 0.5:", "if self.flip:")


@mistake(
    "cifar10_amp",
    says="Whether an image is flipped is decided once and for all.",
    why="Drawn anew at each look, one image is two. Decided beforehand, it stays one.",
    read="#training-and-validation-are-served-differently",
)
def flipped_for_good(source):
    source = change(
        source,
        "        self.flip = flip\n",
        "        self.flip = flip\n        self.chosen = torch.rand(len(images)) < 0.5\n",
    )
    return change(source, "if self.flip and torch.rand(()) < 0.5:", "if self.flip and self.chosen[index]:")


@mistake(
    "cifar10_amp",
    says="The training images are not flipped.",
    why="The flip is what the training images gain from: without it the model learns them by heart sooner.",
    read="#training-and-validation-are-served-differently",
    seen="jfzhang95/pytorch-video-recognition issue 15: Is random flip accomplished only in testing set?",
)
def never_flipped(source):
    return change(source, "statistics, flip=True)", "statistics)")


@mistake(
    "cifar10_amp",
    says="The validation images are flipped at random, too.",
    why="The same model then has another accuracy each time that it is measured.",
    read="#training-and-validation-are-served-differently",
    seen="udacity/deep-learning-v2-pytorch issue 132; gpleiss/efficient_densenet_pytorch issue 51",
)
def validation_flipped(source):
    return change(
        source,
        "Pictures(images[val], labels[val], statistics)",
        "Pictures(images[val], labels[val], statistics, flip=True)",
    )


@mistake(
    "cifar10_amp",
    says="The validation images are shuffled.",
    why="It does not change the accuracy, but nobody can say any more which image was which.",
    read="#training-and-validation-are-served-differently",
    seen="verl-project/verl pull request 423: No Shuffling for val_dataloader",
)
def validation_shuffled(source):
    return change(source, "DataLoader(val_part, batch_size, ", "DataLoader(val_part, batch_size, shuffle=True, ")


@mistake(
    "cifar10_amp",
    says="The training images come in the same order in every epoch.",
    why="The same neighbours in every batch: the model can learn the order along with the images.",
    read="#training-and-validation-are-served-differently",
)
def training_in_order(source):
    return change(source, "shuffle=True, drop_last=True", "drop_last=True")


@mistake(
    "cifar10_amp",
    says="The last validation batch is dropped because it is not full.",
    why="Its images are never asked about, and the accuracy is that of the others.",
    read="#training-and-validation-are-served-differently",
    seen="ultralytics/ultralytics pull request 25734",
)
def validation_loses_the_last(source):
    return change(source, "DataLoader(val_part, batch_size, ", "DataLoader(val_part, batch_size, drop_last=True, ")


@mistake(
    "cifar10_amp",
    says="The images that are held back are trained on as well.",
    why="The accuracy on them then measures what was learned by heart.",
    read="#statistics-of-the-training-images-alone",
)
def parts_overlap(source):
    return change(source, "val, train = order[:val_size], order[val_size:]", "val, train = order[:val_size], order")


@mistake(
    "cifar10_amp",
    says="The first images of the file are held back, not a random choice.",
    why="Files are often sorted or come in groups. Then the two parts are of different kinds.",
    read="#statistics-of-the-training-images-alone",
)
def first_ones_held_back(source):
    return change(
        source,
        "torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))",
        "torch.arange(len(images))",
    )


@mistake(
    "cifar10_amp",
    says="Other images are held back at each call, whatever the seed.",
    why="A run that goes on with another split has trained on what it is now measured with.",
    read="#statistics-of-the-training-images-alone",
)
def held_back_by_chance(source):
    return change(
        source,
        "torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))",
        "torch.randperm(len(images))",
    )


@mistake(
    "cifar10_amp",
    says="A part without images is accepted.",
    why="An empty part fails later, and further away from its cause.",
    read="#statistics-of-the-training-images-alone",
)
def empty_part_accepted(source):
    return change(source, "if not 1 <= val_size < len(images):", "if val_size < 0:")


@mistake(
    "cifar10_amp",
    says="The loaders are not told how many workers to have.",
    why="Both then load in this process, however many are asked for, and nothing gets faster.",
    read="#what-a-worker-is-given",
)
def loaders_without_workers(source):
    source = change(source, "drop_last=True, num_workers=num_workers)", "drop_last=True)")
    return change(
        source, "DataLoader(val_part, batch_size, num_workers=num_workers)", "DataLoader(val_part, batch_size)"
    )


@mistake(
    "cifar10_amp",
    says="The images reach the MLP as images, (B, 3, height, width).",
    why="A linear layer works on the last axis alone: the image has to become one row first.",
    read="#the-model",
)
def not_flattened(source):
    return change(source, "nn.Sequential(nn.Flatten(), MLP(", "nn.Sequential(MLP(")


@mistake(
    "cifar10_amp",
    says="The dropout is not handed on to the MLP.",
    why="Whoever compares two rates then trains the same model twice, and takes chance for a result.",
    read="#the-model",
)
def dropout_left_out(source):
    return change(source, '"relu", dropout)', '"relu")')


@mistake(
    "cifar10_amp",
    says="Every epoch begins with a new scaler, which has to find its scale again.",
    why="Each time it starts too high and skips steps until it fits.",
    read="#what-is-measured",
)
def new_scaler_each_epoch(source):
    line = "scaler = make_scaler(torch.device(device).type, dtype, init_scale)\n"
    source = change(source, f"    {line}", "")
    return change(source, "        began = clock()\n", f"        {line}        began = clock()\n")


@mistake(
    "cifar10_amp",
    says="The model learns in the mode in which it comes: in eval mode, if it has just been evaluated.",
    why="Then dropout is off while it learns, and nobody notices.",
    read="#train-mode-and-eval-mode",
    seen="tk-rusch/coRNN issue 1: model.train() isn't called again after model.eval()",
)
def learns_in_any_mode(source):
    return change(source, "        model.train()\n", "")


@mistake(
    "cifar10_amp",
    says="Training is always in float32, whatever dtype was asked for.",
    why="Both rows of the table would show the same run.",
    read="#what-is-measured",
)
def always_float32(source):
    return change(
        source,
        "optimizer, scaler, dtype, scheduler=scheduler)",
        "optimizer, scaler, torch.float32, scheduler=scheduler)",
    )


@mistake(
    "cifar10_amp",
    says="The scheduler is not handed on: the learning rate never changes.",
    why="The rate stays at its highest until the end, and the loss keeps jumping.",
    read="#what-is-measured",
)
def scheduler_left_out(source):
    return change(source, "scaler, dtype, scheduler=scheduler)", "scaler, dtype)")


@mistake(
    "cifar10_amp",
    says="The accuracy is measured on the training images.",
    why="It says how well the model remembers, not what it can do.",
    read="#what-is-measured",
)
def accuracy_of_training(source):
    return change(source, "accuracy(model, val, device)", "accuracy(model, train, device)")


@mistake(
    "cifar10_amp",
    says="The accuracy is measured once, at the end.",
    why="Without a curve nobody sees whether the model is still getting better, or worse.",
    read="#what-is-measured",
)
def measured_at_the_end_only(source):
    return change(source, "        accuracies.append(accuracy", "    if epochs:\n        accuracies.append(accuracy")


@mistake(
    "cifar10_amp",
    says="The seconds include the validation.",
    why="float32 and mixed precision are compared by how fast they train; validation is the same for both.",
    read="#what-is-measured",
)
def validation_timed(source):
    source = change(source, "        seconds += clock() - began\n", "")
    return change(
        source,
        "        accuracies.append(accuracy(model, val, device))\n",
        "        accuracies.append(accuracy(model, val, device))\n        seconds += clock() - began\n",
    )


@mistake(
    "cifar10_amp",
    says="The seconds are those of the last epoch alone.",
    why="They must be added up over all epochs.",
    read="#what-is-measured",
)
def last_epoch_timed(source):
    return change(source, "seconds += clock() - began", "seconds = clock() - began")


@mistake(
    "cifar10_amp",
    says="`skipped` counts the steps that were taken.",
    why="stepped is True when there was no overflow. Skipped is the opposite.",
    read="#what-is-measured",
)
def taken_for_skipped(source):
    return change(source, "skipped += not result.stepped", "skipped += result.stepped")


@mistake(
    "cifar10_amp",
    says="The batches are not taken to the device on which the model is.",
    why="On a GPU the first batch would end in an error: tensors of two devices do not meet.",
    read="#tensors",
    seen="SamLynnEvans/Transformer issue 27: Expected all tensors to be on the same device",
)
def training_batches_stay_behind(source):
    return change(source, "            images, labels = images.to(device), labels.to(device)\n", "")


@mistake(
    "cifar10_amp",
    says="The table shows the best accuracy of each run, not the last.",
    why="The best of ten looks is luck to a part. The weights that you have are those of the end.",
    read="#what-is-measured",
)
def best_in_place_of_last(source):
    return change(source, "100 * report.accuracies[-1]", "100 * max(report.accuracies)")


@mistake(
    "cifar10_amp",
    says="A megabyte is taken for 2²⁰ bytes.",
    why="That is a MiB, five per cent more. The docstring says 1,000,000.",
    read="#what-is-measured",
)
def mebibytes(source):
    return change(source, "memory[name] / 1e6", "memory[name] / 2**20")
