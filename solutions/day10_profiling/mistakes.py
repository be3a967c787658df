"""The wrong ways of day 10: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# 10.1 precision


@mistake(
    "precision",
    says="Values that are 0 are counted, too: as lost, and among those that the shares are taken of.",
    why="A zero is held exactly. Gradients are often zero for good reason, and would hide what is really lost.",
    read="#what-sixteen-bits-hold",
)
def zeros_counted(source):
    return change(source, "there = values[values != 0].double()", "there = values.double()")


@mistake(
    "precision",
    says="The product with the scale is computed in float32, and is inf or 0 there already.",
    why="What is asked is what the 16-bit format loses, not what is lost on the way to it.",
    read="#what-sixteen-bits-hold",
)
def product_in_float32(source):
    return change(source, "values[values != 0].double()", "values[values != 0]")


@mistake(
    "precision",
    says="The scale comes after the rounding: values are stored first and multiplied then.",
    why="A value that has become 0 stays 0, whatever it is multiplied by. Scaling helps only beforehand.",
    read="#bring-the-gradients-into-range",
)
def scaled_after_rounding(source):
    return change(source, "(there * scale).to(dtype)", "(there.to(dtype) * scale).to(dtype)")


@mistake(
    "precision",
    says="What is lost to zero is judged by the smallest normal number.",
    why="Below it there are subnormal numbers, 1023 of them in float16: less exact, and not lost.",
    read="#what-sixteen-bits-hold",
)
def subnormals_lost(source):
    return change(source, "(stored == 0).sum()", "(stored.abs() < torch.finfo(dtype).tiny).sum()")


@mistake(
    "precision",
    says="The largest number of the format itself is counted as an overflow.",
    why="65504 is a float16 like any other; only what is rounded beyond it is infinite.",
    read="#what-sixteen-bits-hold",
)
def largest_is_overflow(source):
    return change(source, "stored.isinf().sum()", "(stored.abs() >= torch.finfo(dtype).max).sum()")


@mistake(
    "precision",
    says="Only +inf is counted as an overflow, and not -inf.",
    why="Half of all gradients are negative.",
    read="#what-sixteen-bits-hold",
)
def positive_overflow_only(source):
    return change(source, "stored.isinf().sum()", "stored.isposinf().sum()")


@mistake(
    "precision",
    says="Counts are given back, and not shares.",
    why="A model has millions of gradients: only a share can be compared from tensor to tensor.",
    read="#what-sixteen-bits-hold",
)
def counts_not_shares(source):
    return change(source, "count = max(there.numel(), 1)", "count = 1")


@mistake(
    "precision",
    says="The shares are 0-dimensional tensors, and not plain numbers.",
    why="They are to be printed, compared and written down; a tensor on a GPU makes each of these wait.",
    read="#what-sixteen-bits-hold",
)
def shares_are_tensors(source):
    return change(
        source,
        "Lost((stored == 0).sum().item() / count, stored.isinf().sum().item() / count)",
        "Lost((stored == 0).sum().double() / count, stored.isinf().sum().double() / count)",
    )


@mistake(
    "precision",
    says="The largest gradient is looked for without its sign being taken away.",
    why="The largest in absolute value may be negative: it overflows, and nobody expected it.",
    read="#bring-the-gradients-into-range",
)
def sign_kept(source):
    return change(source, "gradient.abs().max().item()", "gradient.max().item()")


@mistake(
    "precision",
    says="The scale is exactly what fits, and no power of two.",
    why="Multiplying by anything else rounds every gradient, twice: once there, once back.",
    read="#bring-the-gradients-into-range",
)
def no_power_of_two(source):
    return change(source, "return 2.0 ** (exponent - 1)", "return torch.finfo(dtype).max / largest")


@mistake(
    "precision",
    says="The power of two is the next one above what fits.",
    why="The largest gradient overflows, and with it the step is lost.",
    read="#bring-the-gradients-into-range",
)
def rounded_up(source):
    return change(source, "2.0 ** (exponent - 1)", "2.0**exponent")


@mistake(
    "precision",
    says="The power of two is smaller than it need be, by a factor of 2.",
    why="Each factor of 2 that is given away is a bit of the smallest gradients.",
    read="#bring-the-gradients-into-range",
)
def half_as_large(source):
    return change(source, "2.0 ** (exponent - 1)", "2.0 ** (exponent - 2)")


@mistake(
    "precision",
    says="The scale is never below 1.",
    why="Gradients can be too large as they are. Then only a scale below 1 keeps them.",
    read="#bring-the-gradients-into-range",
)
def never_below_one(source):
    return change(source, "return 2.0 ** (exponent - 1)", "return max(2.0 ** (exponent - 1), 1.0)")


@mistake(
    "precision",
    says="The first gradient alone decides about the scale.",
    why="One scale serves all parameters: the largest of all gradients is the one that overflows.",
    read="#bring-the-gradients-into-range",
)
def first_gradient_decides(source):
    return change(
        source,
        "max((gradient.abs().max().item() for gradient in gradients if gradient.numel()), default=0.0)",
        "next((gradient.abs().max().item() for gradient in gradients if gradient.numel()), 0.0)",
    )


@mistake(
    "precision",
    says="A gradient that is inf or NaN is no error.",
    why="No scale brings it back. The number that comes out means nothing, and looks like any other.",
    read="#bring-the-gradients-into-range",
)
def infinite_gradient_accepted(source):
    return change(source, "if not math.isfinite(largest):", "if largest < 0:")


@mistake(
    "precision",
    says="Gradients of zeros alone give another scale than 1.",
    why="Nothing is known about a range when there is nothing to bring into it.",
    read="#bring-the-gradients-into-range",
)
def largest_scale_for_zeros(source):
    return change(source, "        return 1.0\n", "        return torch.finfo(dtype).max\n")


@mistake(
    "precision",
    says="The squares are computed in the dtype of x.",
    why="In float16 the square of 256 is infinite already, and that of 0.0001 is 0. The norm is 0, or it is eps.",
    read="#which-operations-stay-in-float32",
    seen="NVIDIA/apex issue 1271 (why T5 averages in float32); tinygrad pull request 2932",
)
def squares_in_half(source):
    return change(source, "wide.square().mean(dim=-1, keepdim=True)", "x.square().mean(dim=-1, keepdim=True)")


@mistake(
    "precision",
    says="Everything in the norm is computed in the dtype of x.",
    why="Squares overflow, sums lose their last digits, and eps is rounded away.",
    read="#which-operations-stay-in-float32",
)
def norm_in_half(source):
    return change(change(source, "wide = x.float()", "wide = x"), "(normed * gain)", "(normed * gain.to(x.dtype))")


@mistake(
    "precision",
    says="The normed values are rounded to the dtype of x before the gain, and again after it.",
    why="Each rounding to 16 bits costs half a digit. One is needed, two are not.",
    read="#which-operations-stay-in-float32",
    seen="google/gemma_pytorch pull request 67; huggingface/transformers pull request 29402",
)
def rounded_before_the_gain(source):
    return change(source, "(normed * gain).to(x.dtype)", "normed.to(x.dtype) * gain.to(x.dtype)")


@mistake(
    "precision",
    says="The result is float32, whatever came in.",
    why="What follows gets twice the bytes, and a matrix product with 16-bit weights refuses it.",
    read="#which-operations-stay-in-float32",
    seen="huggingface/transformers issue 30236: LlamaRMSNorm() Dtype Casting Error",
)
def norm_stays_wide(source):
    return change(source, "(normed * gain).to(x.dtype)", "normed * gain")


@mistake(
    "precision",
    says="eps is added to the root, and not to the mean of the squares under it.",
    why="It is another number: sqrt(1e-5) is 0.003. A model that was trained with the one does not fit the other.",
    read="#which-operations-stay-in-float32",
    seen="The Annotated Transformer: its LayerNorm divides by std + eps",
)
def eps_outside_the_root(source):
    return change(
        source,
        "torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + eps)",
        "(wide.square().mean(dim=-1, keepdim=True).sqrt() + eps).reciprocal()",
    )


@mistake(
    "precision",
    says="The squares are added up over the last axis, and not averaged.",
    why="The norm then depends on how many channels there are.",
    read="#which-operations-stay-in-float32",
)
def sum_for_mean(source):
    return change(source, "wide.square().mean(", "wide.square().sum(")


@mistake(
    "precision",
    says="The mean is taken over all positions at once, and not for each of them alone.",
    why="What a position becomes then depends on its neighbours, later ones included.",
    read="#which-operations-stay-in-float32",
)
def mean_over_positions(source):
    return change(source, "wide.square().mean(dim=-1, keepdim=True)", "wide.square().mean(dim=(-2, -1), keepdim=True)")


@mistake(
    "precision",
    says="The mean is taken away first: that is a layer norm's variance.",
    why="The root mean square leaves the mean where it is: that is what it saves.",
    read="#which-operations-stay-in-float32",
)
def mean_taken_away(source):
    return change(source, "wide = x.float()", "wide = x.float() - x.float().mean(dim=-1, keepdim=True)")


@mistake(
    "precision",
    says="The input is made float32, and autocast is left on.",
    why="Autocast looks at the operation, not at the wish: a linear layer's inputs go back to 16 bits.",
    read="#which-operations-stay-in-float32",
    seen="unslothai/unsloth-zoo pull request 729, review: a float32 projection under autocast",
)
def autocast_left_on(source):
    return change(source, "enabled=False", "enabled=torch.is_autocast_enabled(x.device.type)")


@mistake(
    "precision",
    says="Autocast is switched off, and the input stays as it came.",
    why="Without autocast nobody brings the two dtypes together: a 16-bit input meets a float32 weight.",
    read="#which-operations-stay-in-float32",
)
def input_left_in_half(source):
    return change(source, "F.linear(x.float(), weight, bias)", "F.linear(x, weight, bias)")


@mistake(
    "precision",
    says="The product is computed in 16 bits, and its result is made float32.",
    why="The digits are gone by then. A wide box does not bring them back.",
    read="#which-operations-stay-in-float32",
)
def widened_too_late(source):
    return change(
        source,
        "    with torch.autocast(x.device.type, enabled=False):\n        return F.linear(x.float(), weight, bias)",
        "    bias = None if bias is None else bias.bfloat16()\n"
        "    return F.linear(x.bfloat16(), weight.bfloat16(), bias).float()",
    )


@mistake(
    "precision",
    says="Autocast is off from then on, for everything that follows.",
    why="All layers after this one compute in float32: right, and half as fast. Nobody sees it in the numbers.",
    read="#which-operations-stay-in-float32",
)
def autocast_off_for_good(source):
    return change(
        source,
        "    with torch.autocast(x.device.type, enabled=False):\n        return F.linear(x.float(), weight, bias)",
        "    torch.set_autocast_enabled(x.device.type, False)\n    return F.linear(x.float(), weight, bias)",
    )


# 10.1 loss_scaler


@mistake(
    "loss_scaler",
    says="The scaled loss keeps its dtype: a float16 loss times 65536 is float16, and infinite.",
    why="The very first thing that is scaled overflows, and every step is skipped until the scale is tiny.",
    read="#bring-the-gradients-into-range",
)
def scaled_in_half(source):
    return change(source, "loss.to(torch.promote_types(loss.dtype, torch.float32)) * self._scale", "loss * self._scale")


@mistake(
    "loss_scaler",
    says="The scaled loss is always float32, also where the loss is float64.",
    why="Whoever trains in float64 has a reason, and loses half of the digits.",
    read="#bring-the-gradients-into-range",
)
def scaled_in_float32(source):
    return change(source, "loss.to(torch.promote_types(loss.dtype, torch.float32))", "loss.float()")


@mistake(
    "loss_scaler",
    says="The loss is scaled in place: the caller's loss is changed.",
    why="What is logged afterwards is 65536 times too large.",
    read="#bring-the-gradients-into-range",
)
def loss_scaled_in_place(source):
    return change(
        source,
        "return loss.to(torch.promote_types(loss.dtype, torch.float32)) * self._scale",
        "loss.data = loss.data.to(torch.promote_types(loss.dtype, torch.float32)) * self._scale\n"
        "        return loss * 1",
    )


@mistake(
    "loss_scaler",
    says="The gradients are not divided by the scale.",
    why="The optimizer takes steps that are 65536 times too long.",
    read="#in-which-order",
    seen="nerfstudio-project/nerfacc issue 307: Gradient Scaler in sample",
)
def never_divided(source):
    return change(source, "gradient.mul_(1 / self._scale)", "gradient.mul_(1)")


@mistake(
    "loss_scaler",
    says="The gradients are multiplied by the scale, and not divided.",
    why="They were multiplied once already, by way of the loss.",
    read="#in-which-order",
)
def multiplied_again(source):
    return change(source, "gradient.mul_(1 / self._scale)", "gradient.mul_(self._scale)")


@mistake(
    "loss_scaler",
    says="Only the first group's parameters are unscaled and looked at.",
    why="The others, biases and norms for example, step by the scaled gradient.",
    read="#in-which-order",
    seen="openai/guided-diffusion issue 44: gradient scaling in fp16 training",
)
def first_group_only(source):
    return change(
        source,
        '[parameter for group in optimizer.param_groups for parameter in group["params"]]',
        'optimizer.param_groups[0]["params"]',
    )


@mistake(
    "loss_scaler",
    says="A parameter without a gradient is not passed over.",
    why="A layer that this batch did not use, or that is frozen, has none.",
    read="#in-which-order",
)
def missing_gradient_not_passed_over(source):
    return change(source, " if parameter.grad is not None]", "]")


@mistake(
    "loss_scaler",
    says="NaN is not taken for an overflow: only inf is looked for.",
    why="inf - inf and 0 · inf are NaN: after an overflow, most of what a backward gives is NaN.",
    read="#a-scale-that-learns",
)
def nan_overlooked(source):
    return change(source, "gradient.isfinite().all()", "(~gradient.isinf()).all()")


@mistake(
    "loss_scaler",
    says="inf is not taken for an overflow: only NaN is looked for.",
    why="A gradient of inf makes a weight of inf, and the model is lost.",
    read="#a-scale-that-learns",
)
def inf_overlooked(source):
    return change(source, "gradient.isfinite().all()", "(~gradient.isnan()).all()")


@mistake(
    "loss_scaler",
    says="Only the first parameter's gradient is looked at.",
    why="An overflow sits where values are large: in one layer, now in this one, now in that.",
    read="#a-scale-that-learns",
)
def first_gradient_looked_at(source):
    return change(
        source,
        "torch.stack([gradient.isfinite().all() for gradient in gradients])",
        "gradients[0].isfinite().all()",
    )


@mistake(
    "loss_scaler",
    says="A step counts as overflowed only if every gradient has overflowed.",
    why="One value that is inf is enough to spoil its parameter.",
    read="#a-scale-that-learns",
)
def all_must_overflow(source):
    return change(source, "~finite.all()", "~finite.any()")


@mistake(
    "loss_scaler",
    says="The optimizer steps although a gradient has overflowed.",
    why="The weights become inf or NaN, and no later step brings them back.",
    read="#a-scale-that-learns",
)
def steps_all_the_same(source):
    return change(
        source,
        "return None if overflowed else optimizer.step(*args, **kwargs)",
        "return optimizer.step(*args, **kwargs)",
    )


@mistake(
    "loss_scaler",
    says="Instead of being skipped, the step is taken with the overflowed gradients set to 0.",
    why="Where the largest gradients were, there is nothing now: it is a step in another direction.",
    read="#a-scale-that-learns",
    seen="AI-Hypercomputer/maxtext pull request 3721: Remove undocumented fp8 NaN sanitization",
)
def overflow_set_to_zero(source):
    return change(
        source,
        "return None if overflowed else optimizer.step(*args, **kwargs)",
        'for group in optimizer.param_groups if overflowed else []:\n            for parameter in group["params"]:\n'
        "                if parameter.grad is not None:\n"
        "                    parameter.grad.nan_to_num_(0.0, 0.0, 0.0)\n"
        "        return optimizer.step(*args, **kwargs)",
    )


@mistake(
    "loss_scaler",
    says="step() does not unscale where nobody has done it before.",
    why="unscale_ may be left out: whoever does not clip calls step at once.",
    read="#in-which-order",
)
def step_does_not_unscale(source):
    return change(
        source,
        "            self.unscale_(optimizer)\n        self._overflowed",
        "            self._overflowed[id(optimizer)] = False\n        self._overflowed",
    )


@mistake(
    "loss_scaler",
    says="step() keeps for itself what it is given for the optimizer.",
    why="Some optimizers take arguments, and they miss them.",
    read="#in-which-order",
)
def arguments_not_passed_on(source):
    return change(source, "optimizer.step(*args, **kwargs)", "optimizer.step()")


@mistake(
    "loss_scaler",
    says="step() does not give back what the optimizer's step gives.",
    why="GradScaler does, and code that was written for it uses it.",
    read="#in-which-order",
)
def nothing_given_back(source):
    return change(
        source,
        "        return None if overflowed else optimizer.step(*args, **kwargs)",
        "        if not overflowed:\n            optimizer.step(*args, **kwargs)",
    )


@mistake(
    "loss_scaler",
    says="An overflow of one optimizer makes all those that step after it skip, too.",
    why="Each optimizer has gradients of its own. What the others have may be fine.",
    read="#a-scale-that-learns",
)
def all_optimizers_skip(source):
    return change(source, "return None if overflowed else", "return None if any(self._overflowed.values()) else")


@mistake(
    "loss_scaler",
    says="The last optimizer alone decides about the next scale.",
    why="They share one loss and one scale: if any of them overflows, it was too large.",
    read="#a-scale-that-learns",
)
def last_optimizer_decides(source):
    return change(
        source,
        "if any(self._overflowed.values()):",
        "if bool(list(self._overflowed.values())[-1]):",
    )


@mistake(
    "loss_scaler",
    says="The scale is lowered once for every optimizer that overflowed, and counted once for every one that did not.",
    why="An iteration is one trial of one scale, however many optimizers there are.",
    read="#a-scale-that-learns",
)
def every_optimizer_updates(source):
    source = change(
        source,
        "        if any(self._overflowed.values()):\n"
        "            self._scale *= self._backoff_factor\n            self._growth_tracker = 0\n        else:\n"
        "            self._growth_tracker += 1\n"
        "            if self._growth_tracker == self._growth_interval:\n"
        "                grown = self._scale * self._growth_factor\n"
        "                self._scale = grown if grown <= LARGEST else self._scale\n"
        "                self._growth_tracker = 0\n",
        "        for overflowed in self._overflowed.values():\n            self._judge(bool(overflowed))\n",
    )
    return source + (
        "\n    def _judge(self, overflowed):\n        if overflowed:\n            self._scale *= self._backoff_factor\n"
        "            self._growth_tracker = 0\n            return\n        self._growth_tracker += 1\n"
        "        if self._growth_tracker == self._growth_interval:\n"
        "            grown = self._scale * self._growth_factor\n"
        "            self._scale = grown if grown <= LARGEST else self._scale\n"
        "            self._growth_tracker = 0\n"
    )


@mistake(
    "loss_scaler",
    says="After an overflow the scale stays as it is.",
    why="The next step overflows again, and the one after it: nothing is learned any more.",
    read="#a-scale-that-learns",
)
def never_backs_off(source):
    return change(source, "            self._scale *= self._backoff_factor\n", "")


@mistake(
    "loss_scaler",
    says="After an overflow the scale is divided by the growth factor.",
    why="The two factors are settings of their own: quickly down, slowly up, for example.",
    read="#a-scale-that-learns",
)
def backs_off_by_the_growth_factor(source):
    return change(source, "self._scale *= self._backoff_factor", "self._scale /= self._growth_factor")


@mistake(
    "loss_scaler",
    says="The scale never grows.",
    why="It can only fall: after an unlucky start all small gradients are lost for the rest of the run.",
    read="#a-scale-that-learns",
)
def never_grows(source):
    return change(source, "self._growth_tracker == self._growth_interval", "False")


@mistake(
    "loss_scaler",
    says="The scale grows one iteration too late.",
    why="It is asked for after growth_interval iterations without overflow, not after one more.",
    read="#a-scale-that-learns",
)
def grows_one_too_late(source):
    return change(
        source, "self._growth_tracker == self._growth_interval", "self._growth_tracker > self._growth_interval"
    )


@mistake(
    "loss_scaler",
    says="The scale grows one iteration too early.",
    why="It is asked for after growth_interval iterations without overflow; this one has to be counted first.",
    read="#a-scale-that-learns",
)
def grows_one_too_early(source):
    return change(
        source,
        "self._growth_tracker == self._growth_interval",
        "self._growth_tracker >= max(self._growth_interval - 1, 1)",
    )


@mistake(
    "loss_scaler",
    says="The count goes on after an overflow: iterations need not be in a row.",
    why="A scale that overflows now and then is large enough. It grows, and overflows the more.",
    read="#a-scale-that-learns",
)
def not_in_a_row(source):
    return change(
        source, "*= self._backoff_factor\n            self._growth_tracker = 0\n", "*= self._backoff_factor\n"
    )


@mistake(
    "loss_scaler",
    says="The count is not set back when the scale grows.",
    why="It has passed the interval then, and never meets it again: the scale grows once.",
    read="#a-scale-that-learns",
)
def count_not_set_back(source):
    return change(
        source,
        "                self._scale = grown if grown <= LARGEST else self._scale\n"
        "                self._growth_tracker = 0\n",
        "                self._scale = grown if grown <= LARGEST else self._scale\n",
    )


@mistake(
    "loss_scaler",
    says="An iteration that overflowed is counted as the first one of the next row.",
    why="The count begins at 0 after an overflow: it counts iterations without one.",
    read="#a-scale-that-learns",
)
def overflow_counted(source):
    return change(
        source,
        "*= self._backoff_factor\n            self._growth_tracker = 0\n",
        "*= self._backoff_factor\n            self._growth_tracker = 1\n",
    )


@mistake(
    "loss_scaler",
    says="The scale grows beyond what float32 can hold.",
    why="A scale of inf makes every gradient inf, and half of inf is inf: it never comes back.",
    read="#a-scale-that-learns",
    seen="pytorch/pytorch issue 98828: torch.cuda.amp.GradScaler._scale can overflow",
)
def grows_beyond_float32(source):
    return change(source, "grown if grown <= LARGEST else self._scale", "grown")


@mistake(
    "loss_scaler",
    says="At the limit of float32 the count goes on, and is not begun anew.",
    why="GradScaler begins anew whether or not the scale could grow; a checkpoint of the one is read by the other.",
    read="#a-scale-that-learns",
)
def counts_on_at_the_limit(source):
    return change(
        source,
        "                self._scale = grown if grown <= LARGEST else self._scale\n"
        "                self._growth_tracker = 0\n",
        "                if grown <= LARGEST:\n                    self._scale, self._growth_tracker = grown, 0\n",
    )


@mistake(
    "loss_scaler",
    says="The scale never falls below 1.",
    why="Gradients can be too large without any scaling; a scale below 1 is what helps then.",
    read="#a-scale-that-learns",
)
def scale_held_at_one(source):
    return change(
        source,
        "self._scale *= self._backoff_factor",
        "self._scale = max(self._scale * self._backoff_factor, 1.0)",
    )


@mistake(
    "loss_scaler",
    says="Another growth interval than GradScaler's 2000 if nobody sets one.",
    why="A short interval tries a larger scale all the time, and each trial that fails costs a step.",
    read="#a-scale-that-learns",
)
def another_interval(source):
    return change(source, "growth_interval: int = 2000,", "growth_interval: int = 200,")


@mistake(
    "loss_scaler",
    says="update() does not give the optimizers a new turn: the second iteration is refused.",
    why="Once for each optimizer means once in every iteration.",
    read="#in-which-order",
)
def no_new_turn(source):
    return change(source, "        self._overflowed.clear()\n        self._stepped.clear()\n", "")


@mistake(
    "loss_scaler",
    says="unscale_ may be called twice: the gradients are divided twice.",
    why="They are then 65536 times too small, and nothing says so.",
    read="#in-which-order",
    seen="huggingface/transformers issues 23935 and 24449: unscale_() has already been called",
)
def unscaled_twice_accepted(source):
    return change(
        source,
        "if id(optimizer) in self._overflowed:\n            raise",
        "if id(optimizer) in self._stepped:\n            raise",
    )


@mistake(
    "loss_scaler",
    says="step may be called twice for one optimizer: one backward makes two steps.",
    why="The second one steps again with the same gradient: twice the learning rate.",
    read="#in-which-order",
)
def stepped_twice_accepted(source):
    return change(
        source,
        '        if id(optimizer) in self._stepped:\n            raise RuntimeError("step() comes once',
        '        if self._scale < 0:\n            raise RuntimeError("step() comes once',
    )


@mistake(
    "loss_scaler",
    says="update() before any step is taken for an iteration without overflow.",
    why="Nobody has looked at a gradient: the scale would grow by calling update() often enough.",
    read="#in-which-order",
    seen="huggingface/accelerate issue 357: No inf checks were recorded prior to update",
)
def update_for_nothing(source):
    return change(
        source, "        if not self._overflowed:\n            raise", "        if self._scale < 0:\n            raise"
    )


@mistake(
    "loss_scaler",
    says="An optimizer without any gradient is taken for one without overflow.",
    why="A backward that reached no parameter is a fault in the program, and would go on unnoticed.",
    read="#in-which-order",
    seen="SheldonTsui/GOF_NeurIPS2021 issue 2: the check taken out, and nothing was learned",
)
def no_gradient_is_fine(source):
    source = change(
        source,
        "        if not gradients:\n            raise RuntimeError",
        "        if self._scale < 0:\n            raise RuntimeError",
    )
    return change(
        source,
        "torch.stack([gradient.isfinite().all() for gradient in gradients])",
        "torch.stack([torch.tensor(True), *(gradient.isfinite().all() for gradient in gradients)])",
    )


@mistake(
    "loss_scaler",
    says="Gradients in float16 are unscaled like any others.",
    why="Divided by 65536 in float16, most of them become 0: that is what the scale was to prevent.",
    read="#in-which-order",
    seen="Lightning-AI/pytorch-lightning issue 5140; pytorch/pytorch issue 74739",
)
def half_gradients_accepted(source):
    return change(source, "if any(gradient.dtype == torch.float16 for gradient in gradients):", "if self._scale < 0:")


@mistake(
    "loss_scaler",
    says="Gradients in bfloat16 are refused, too.",
    why="bfloat16 has the range of float32: nothing is lost in dividing.",
    read="#in-which-order",
)
def bfloat16_gradients_refused(source):
    return change(source, "gradient.dtype == torch.float16 for", "gradient.dtype != torch.float32 for")


@mistake(
    "loss_scaler",
    says="Some gradients are divided before a float16 one is refused.",
    why="Who catches the error goes on with gradients of which one half is scaled and the other is not.",
    read="#in-which-order",
)
def refused_too_late(source):
    source = change(source, "            gradient.mul_(1 / self._scale)\n", "            pass\n")
    return change(
        source,
        "        if any(gradient.dtype == torch.float16 for gradient in gradients):\n            raise",
        "        for gradient in gradients:\n            if gradient.dtype == torch.float16:\n                break\n"
        "            gradient.mul_(1 / self._scale)\n        else:\n            gradient = gradients[0]\n"
        "        if gradient.dtype == torch.float16:\n            raise",
    )


@mistake(
    "loss_scaler",
    says="Whether something overflowed is read from the device in unscale_.",
    why="On a GPU, the CPU waits there until the whole backward is done, before clipping is even handed out.",
    read="#a-scale-that-learns",
    seen="huggingface/accelerate issue 1714: asking the scaler makes CPU and GPU wait for each other",
)
def read_in_unscale(source):
    return change(
        source,
        "self._overflowed[id(optimizer)] = ~finite.all()",
        "self._overflowed[id(optimizer)] = not finite.all().item()",
    )


@mistake(
    "loss_scaler",
    says="Whether a gradient is finite is read for each one on its own.",
    why="A model has hundreds of tensors, and on a GPU each reading waits.",
    read="#a-scale-that-learns",
    seen="Koratahiu/Advanced_Optimizers pull request 5: a wait for every parameter",
)
def every_gradient_read(source):
    return change(
        source,
        "torch.stack([gradient.isfinite().all() for gradient in gradients])",
        "torch.tensor([gradient.isfinite().all().item() for gradient in gradients])",
    )


@mistake(
    "loss_scaler",
    says="The count of iterations without overflow is not in the state.",
    why="A run that is resumed more often than every 2000 steps never lets its scale grow.",
    read="#in-which-order",
    seen="facebookresearch/metaseq issue 3: Dynamic loss scaler does not fully checkpoint state",
)
def count_not_saved(source):
    return change(
        source,
        "getattr(self, f\"_{key.removeprefix('_')}\") for key in SETTINGS",
        '(0 if key == "_growth_tracker" else getattr(self, f"_{key.removeprefix(\'_\')}")) for key in SETTINGS',
    )


@mistake(
    "loss_scaler",
    says="load_state_dict takes over the scale alone.",
    why="The settings belong to the run: it goes on with others, and nobody has chosen them.",
    read="#in-which-order",
    seen="mosaicml/composer pull request 1376: the growth factor is not resumed",
)
def scale_alone_loaded(source):
    return change(
        source,
        "        for key in SETTINGS:\n            setattr(",
        '        for key in ("scale",):\n            setattr(',
    )


@mistake(
    "loss_scaler",
    says="load_state_dict does not take over the count of iterations without overflow.",
    why="It begins anew with every resume: in a run that is often resumed, the scale never grows.",
    read="#in-which-order",
    seen="huggingface/accelerate issue 4289: load_state() does not round-trip the GradScaler state",
)
def count_not_loaded(source):
    return change(
        source,
        """        for key in SETTINGS:
            setattr(""",
        """        for key in SETTINGS[:-1]:
            setattr(""",
    )


@mistake(
    "loss_scaler",
    says="load_state_dict passes over what is missing, without an error.",
    why="A checkpoint of a run without scaling would be loaded as if nothing were the matter.",
    read="#in-which-order",
)
def missing_keys_passed_over(source):
    source = change(source, "if missing := [key for key in SETTINGS if key not in state]:", "if missing := []:")
    return change(
        source, "        for key in SETTINGS:\n            setattr(", "        for key in state:\n            setattr("
    )


@mistake(
    "loss_scaler",
    says="load_state_dict has changed something before it finds that a key is missing.",
    why="Who catches the error goes on with a mixture of two states.",
    read="#in-which-order",
)
def half_loaded(source):
    return change(
        source,
        "        if missing := [",
        '        self._scale = state.get("scale", self._scale)\n        if missing := [',
    )


@mistake(
    "loss_scaler",
    says="The keys of the state are not GradScaler's.",
    why="A checkpoint of yours cannot be read by anybody else, and theirs not by you.",
    read="#in-which-order",
)
def other_keys(source):
    return change(source, '"growth_interval", "_growth_tracker")', '"growth_interval", "growth_tracker")')


@mistake(
    "loss_scaler",
    says="Settings that make no sense are accepted.",
    why="A growth factor of 1 or a backoff factor of 0 is a typing error, and is noticed after hours.",
    read="#a-scale-that-learns",
)
def settings_not_looked_at(source):
    return change(
        source,
        "if init_scale <= 0 or growth_factor <= 1 or not 0 < backoff_factor < 1 or growth_interval < 1:",
        "if init_scale < 0:",
    )


# 10.2 amp_accumulate


@mistake(
    "amp_accumulate",
    says="Each micro-batch is unscaled after its backward.",
    why="What was added up before is divided again with every micro-batch, and GradScaler refuses the second time.",
    read="#once-in-a-step",
    seen="microsoft/Swin-Transformer issue 311; huggingface/accelerate issue 641",
)
def unscaled_every_time(source):
    return change(
        source,
        "            scaler.scale(share).backward()\n",
        "            scaler.scale(share).backward()\n            scaler.unscale_(optimizer)\n",
    )


@mistake(
    "amp_accumulate",
    says="The scale is updated after each micro-batch.",
    why="Gradients of two scales are added up, and no number divides both of them right.",
    read="#once-in-a-step",
    seen="pytorch/pytorch pull request 36601: Amp gradient accumulation example",
)
def updated_every_time(source):
    return change(
        source,
        "        loss += share.detach()\n",
        "        loss += share.detach()\n        scaler.unscale_(optimizer)\n        scaler.update()\n",
    )


@mistake(
    "amp_accumulate",
    says="The optimizer steps with every micro-batch.",
    why="It is small batches again, with a fraction of the learning rate each.",
    read="#once-in-a-step",
)
def stepped_every_time(source):
    return change(
        source,
        "        loss += share.detach()\n",
        "        loss += share.detach()\n        if number < len(micro_batches):\n            scaler.step(optimizer)\n"
        "            scaler.update()\n            optimizer.zero_grad()\n",
    )


@mistake(
    "amp_accumulate",
    says="Only the last micro-batch's loss is scaled.",
    why="The others' gradients are so small that many become 0, and are divided by the scale on top of that.",
    read="#once-in-a-step",
)
def last_one_scaled(source):
    return change(
        source,
        "scaler.scale(share).backward()",
        "(share if number < len(micro_batches) else scaler.scale(share)).backward()",
    )


@mistake(
    "amp_accumulate",
    says="The loss is not scaled.",
    why="Many gradients are 0 in float16, and the others are divided by a scale that they never had.",
    read="#once-in-a-step",
)
def loss_not_scaled(source):
    return change(source, "scaler.scale(share).backward()", "(scaler.scale(share.detach()), share.backward())")


@mistake(
    "amp_accumulate",
    says="The gradients are clipped while they are still scaled.",
    why="Their norm is a thousand times too large: all but nothing is left, and then it is divided once more.",
    read="#once-in-a-step",
    seen="Lightning-AI/pytorch-lightning issue 9599; pytorch/examples issue 1196",
)
def clipped_before_unscaling(source):
    return change(
        source,
        "    scaler.unscale_(optimizer)\n    grad_norm = nn.utils.clip_grad_norm_(parameters, max_norm)\n",
        "    grad_norm = nn.utils.clip_grad_norm_(parameters, max_norm)\n    scaler.unscale_(optimizer)\n",
    )


@mistake(
    "amp_accumulate",
    says="The gradients are not clipped.",
    why="One bad batch moves the weights as far as it likes.",
    read="#once-in-a-step",
)
def not_clipped(source):
    return change(source, "clip_grad_norm_(parameters, max_norm)", "clip_grad_norm_(parameters, float('inf'))")


@mistake(
    "amp_accumulate",
    says="The optimizer steps by itself, and the scaler is not asked.",
    why="It steps with gradients of inf, too.",
    read="#once-in-a-step",
)
def optimizer_steps_alone(source):
    return change(source, "    scaler.step(optimizer)\n", "    optimizer.step()\n")


@mistake(
    "amp_accumulate",
    says="The scale is never updated.",
    why="After an overflow it stays too large, and the scaler refuses the next step.",
    read="#once-in-a-step",
    seen="Azure/MS-AMP pull request 45: add scaler.update() in MNIST examples",
)
def never_updated(source):
    return change(source, "    scaler.update()\n", "")


@mistake(
    "amp_accumulate",
    says="The gradients of the step before are not forgotten.",
    why="They were unscaled and clipped: the new ones are a thousand times larger. And inf stays inf for ever.",
    read="#once-in-a-step",
)
def old_gradients_kept(source):
    return change(source, "    optimizer.zero_grad()\n", "")


@mistake(
    "amp_accumulate",
    says="The gradients travel in every backward.",
    why="They wait for each other as often as there are micro-batches; for ever, if one has more of them.",
    read="#once-in-a-step",
    seen="pytorch/pytorch issue 43201: We Need Acceleration for Gradient Accumulation in DDP mode",
)
def travels_every_time(source):
    return change(source, "_silent(model, number < len(micro_batches))", "_silent(model, False)")


@mistake(
    "amp_accumulate",
    says="The gradients never travel: the last micro-batch is silent, too.",
    why="Each rank steps by its own gradients, and the copies drift apart.",
    read="#once-in-a-step",
)
def never_travels(source):
    return change(source, "_silent(model, number < len(micro_batches))", "_silent(model, True)")


@mistake(
    "amp_accumulate",
    says="Only the backward is silent, and not the forward.",
    why="DDP decides in the forward: the gradients travel all the same.",
    read="#once-in-a-step",
    seen="KellerJordan/modded-nanogpt pull request 31; facebookresearch/ClassyVision pull request 706",
)
def forward_not_silent(source):
    return change(
        source,
        """        with _silent(model, number < len(micro_batches)):
            with torch.autocast(x.device.type, dtype=dtype):
                logits, _ = model(x)
            share = _summed_loss(logits, y) * weight
            scaler.scale(share).backward()
""",
        """        with torch.autocast(x.device.type, dtype=dtype):
            logits, _ = model(x)
        share = _summed_loss(logits, y) * weight
        with _silent(model, number < len(micro_batches)):
            scaler.scale(share).backward()
""",
    )


@mistake(
    "amp_accumulate",
    says="Autocast is left out: the forward is float32.",
    why="It is right, and there is nothing mixed about it: no memory and no time is saved.",
    read="#once-in-a-step",
)
def no_autocast(source):
    return change(source, "with torch.autocast(x.device.type, dtype=dtype):", "with nullcontext():")


@mistake(
    "amp_accumulate",
    says="The backward runs under autocast.",
    why="It takes the dtypes of the forward by itself. PyTorch advises against it: some numbers are rounded twice.",
    read="#once-in-a-step",
    seen="PyTorch's page on torch.amp, Autocasting; pytorch/pytorch pull request 175241",
)
def backward_under_autocast(source):
    return change(
        source,
        "            scaler.scale(share).backward()\n",
        "            with torch.autocast(x.device.type, dtype=dtype):\n"
        "                scaler.scale(share).backward()\n",
    )


@mistake(
    "amp_accumulate",
    says="The dtype is float16, whatever was asked for.",
    why="Who asks for bfloat16 wants its range, and gets overflows.",
    read="#once-in-a-step",
)
def always_float16(source):
    return change(source, "dtype=dtype", "dtype=torch.float16")


@mistake(
    "amp_accumulate",
    says="The ranks' number is left out: DDP's mean divides once more.",
    why="All gradients are too small, by a factor that depends on the machine.",
    read="#once-in-a-step",
)
def mean_of_ddp_forgotten(source):
    return change(source, "weight = ranks / tokens.clamp(min=1)", "weight = 1 / tokens.clamp(min=1)")


@mistake(
    "amp_accumulate",
    says="Each micro-batch counts alike, however many tokens it scores.",
    why="A token in a short micro-batch then weighs more than one in a long one.",
    read="#once-in-a-step",
    seen="huggingface/transformers issues 34191 and 35203",
)
def micro_batches_alike(source):
    return change(
        source,
        "            share = _summed_loss(logits, y) * weight\n",
        "            share = _summed_loss(logits, y) / (y != -100).sum().clamp(min=1) / len(micro_batches)\n",
    )


@mistake(
    "amp_accumulate",
    says="A step in which nothing is scored divides by 0.",
    why="0/0 is NaN: the scaler takes it for an overflow, and lowers its scale.",
    read="#once-in-a-step",
    seen="NVIDIA-NeMo/Automodel pull request 3797: return zero, not NaN",
)
def divided_by_no_tokens(source):
    return change(source, "ranks / tokens.clamp(min=1)", "ranks / tokens")


@mistake(
    "amp_accumulate",
    says="What is given back is the scaled loss.",
    why="A curve of scaled losses jumps whenever the scale changes.",
    read="#once-in-a-step",
    seen="facebookresearch/fairchem pull request 617: Fix amp scale factor for loss",
)
def scaled_loss_given_back(source):
    return change(source, "        loss += share.detach()\n", "        loss += share.detach() * scaler.get_scale()\n")


@mistake(
    "amp_accumulate",
    says="What is given back is the last micro-batch's share alone.",
    why="The step was taken for all of them.",
    read="#once-in-a-step",
)
def last_share_given_back(source):
    return change(source, "        loss += share.detach()\n", "        loss = share.detach()\n")


@mistake(
    "amp_accumulate",
    says="The loss keeps its graph.",
    why="All activations of all micro-batches stay in memory until the loss is let go.",
    read="#once-in-a-step",
)
def keeps_the_graph(source):
    return change(source, "loss += share.detach()", "loss = loss + share")


@mistake(
    "amp_accumulate",
    says="A skipped step is said to be taken.",
    why="The schedule goes on, and learning rates are used up by steps that never were.",
    read="#all-ranks-judge-alike",
    seen="pytorch/pytorch issues 44511 and 55585",
)
def always_stepped(source):
    return change(source, "scaler.get_scale() >= scale)", "True)")


@mistake(
    "amp_accumulate",
    says="A step is said to be taken only if the scale is the same as before.",
    why="Every 2000 steps the scale grows: that step was taken, and is said to be skipped.",
    read="#all-ranks-judge-alike",
    seen="huggingface/transformers pull request 11144: any change of the scale is taken for a skip",
)
def grown_is_skipped(source):
    return change(
        source,
        "    scale = scaler.get_scale()\n    scaler.step(optimizer)\n    scaler.update()\n"
        "    return AmpStep(loss, grad_norm, scaler.get_scale() >= scale)",
        "    scaler.step(optimizer)\n    scale = scaler.get_scale()\n    scaler.update()\n"
        "    return AmpStep(loss, grad_norm, scaler.get_scale() > scale)",
    )


@mistake(
    "amp_accumulate",
    says="Whether the step was taken is judged by the loss.",
    why="The loss can be finite where a gradient is not: it is the scaled gradient that overflows.",
    read="#all-ranks-judge-alike",
    seen="paiml/entrenar issue 112: NaN is looked for in the loss, not in the gradients",
)
def judged_by_the_loss(source):
    return change(source, "scaler.get_scale() >= scale)", "bool(loss.isfinite()))")


@mistake(
    "amp_accumulate",
    says="The ranks do not agree about an overflow: each judges by the gradients that it holds.",
    why="A gradient that no all-reduce reaches overflows on one rank: it skips, the others step, and the scales part.",
    read="#all-ranks-judge-alike",
    seen="facebookresearch/fairscale issue 180: each rank looks at its own gradients",
)
def not_agreed(source):
    return change(source, "    share_overflow(parameters)\n    scaler", "    scaler")


@mistake(
    "amp_accumulate",
    says="The ranks agree after the gradients were looked at.",
    why="unscale_ has noted by then that all is well; what becomes inf afterwards goes into the weights.",
    read="#all-ranks-judge-alike",
    seen="pytorch/pytorch pull request 115710: found_inf copied before the ranks have agreed",
)
def agreed_too_late(source):
    return change(
        source,
        "    share_overflow(parameters)\n    scaler.unscale_(optimizer)\n",
        "    scaler.unscale_(optimizer)\n    share_overflow(parameters)\n",
    )


@mistake(
    "amp_accumulate",
    says="An empty list of micro-batches is not refused: there is an error from the depths, or a step of nothing.",
    why="A rank whose data has run out ought to be told so.",
    read="#once-in-a-step",
)
def no_micro_batch_accepted(source):
    return change(source, "    if not micro_batches:\n", "    if micro_batches is None:\n")


@mistake(
    "amp_accumulate",
    says="A rank whose own gradients are finite does not take part.",
    why="The others wait for it in the all-reduce.",
    read="#all-ranks-judge-alike",
    seen="hpcaitech/ColossalAI pull request 1175: different overflow status, communication stuck",
    hangs=True,
)
def finite_rank_stays_away(source):
    return change(
        source,
        "    if dist.is_initialized():\n        dist.all_reduce(overflow",
        "    if dist.is_initialized() and overflow > 0:\n        dist.all_reduce(overflow",
    )


@mistake(
    "amp_accumulate",
    says="A rank that has no gradient does not take part.",
    why="The others wait for it in the all-reduce.",
    read="#all-ranks-judge-alike",
    hangs=True,
)
def rank_without_gradients_stays_away(source):
    return change(
        source,
        "    overflow = torch.zeros((), device=device)\n",
        "    if not gradients:\n        return\n    overflow = torch.zeros((), device=device)\n",
    )


@mistake(
    "amp_accumulate",
    says="The smallest of the ranks' answers counts: all must have overflowed.",
    why="One rank's overflow is everybody's.",
    read="#all-ranks-judge-alike",
)
def minimum_of_ranks(source):
    return change(source, "dist.ReduceOp.MAX", "dist.ReduceOp.MIN")


@mistake(
    "amp_accumulate",
    says="Only the rank that overflowed makes its gradients inf: the ranks do not exchange anything.",
    why="The other ranks step, and the copies part.",
    read="#all-ranks-judge-alike",
)
def nothing_exchanged(source):
    return change(
        source, "    if dist.is_initialized():\n        dist.all_reduce(overflow, op=dist.ReduceOp.MAX)\n", ""
    )


@mistake(
    "amp_accumulate",
    says="Only inf is taken for an overflow, and not NaN.",
    why="Most of what a backward gives after an overflow is NaN.",
    read="#all-ranks-judge-alike",
)
def nan_not_shared(source):
    return change(source, "(~gradient.isfinite()).any()", "gradient.isinf().any()")


@mistake(
    "amp_accumulate",
    says="Whether a gradient is finite is judged by its sum.",
    why="Large values that are finite may have an infinite sum.",
    read="#all-ranks-judge-alike",
)
def judged_by_the_sum(source):
    return change(source, "(~gradient.isfinite()).any()", "(~gradient.sum().isfinite())")


@mistake(
    "amp_accumulate",
    says="Only the last gradient is looked at.",
    why="Any of them can overflow.",
    read="#all-ranks-judge-alike",
)
def last_gradient_decides(source):
    return change(
        source, "torch.maximum(overflow, (~gradient.isfinite()).any().float())", "(~gradient.isfinite()).any().float()"
    )


@mistake(
    "amp_accumulate",
    says="After an overflow the gradients are set to 0, and not to inf.",
    why="The scaler sees fine gradients: it takes a step with zeros, and raises its scale.",
    read="#all-ranks-judge-alike",
)
def zero_for_inf(source):
    return change(
        source, 'gradient.masked_fill_(overflow > 0, float("inf"))', "gradient.masked_fill_(overflow > 0, 0.0)"
    )


@mistake(
    "amp_accumulate",
    says="Whether any rank overflowed is read from the device.",
    why="The CPU waits for the whole backward of all ranks, before it has handed out the step.",
    read="#all-ranks-judge-alike",
    seen="huggingface/accelerate issue 1714: self.scaler.get_scale() forces cpu and gpu to synchronize",
)
def overflow_read(source):
    return change(
        source, "gradient.masked_fill_(overflow > 0, ", "gradient.masked_fill_(torch.tensor(overflow.item() > 0), "
    )


@mistake(
    "amp_accumulate",
    says="The number that the ranks exchange is made on the CPU.",
    why="On GPUs a rank that has no gradient brings a number of the wrong device, and the all-reduce breaks off.",
    read="#all-ranks-judge-alike",
)
def exchanged_on_the_cpu(source):
    return change(source, "overflow = torch.zeros((), device=device)", "overflow = torch.zeros(())")


@mistake(
    "amp_accumulate",
    says="The loss is added up in float16, as the logits are.",
    why="4,096 tokens with a loss of 32 each are more than 65,504. And before that, the last digits are gone.",
    read="#which-operations-stay-in-float32",
)
def loss_in_float16(source):
    return change(source, "F.cross_entropy(logits.float().flatten", "F.cross_entropy(logits.flatten")


# 10.2 scaler_health


@mistake(
    "scaler_health",
    says="A step counts as skipped whenever the scale has changed.",
    why="The scale also grows, and then the step was taken.",
    read="#what-the-scale-tells",
    seen="huggingface/transformers pull request 11144: any change of the scale is taken for a skip",
)
def growth_is_a_skip(source):
    return change(source, "scales[step + 1] < scales[step]", "scales[step + 1] != scales[step]")


@mistake(
    "scaler_health",
    says="The skipped steps are numbered from 1.",
    why="Steps are numbered from 0 everywhere else; the next one would be looked at in the log.",
    read="#what-the-scale-tells",
)
def numbered_from_one(source):
    return change(source, "return [step for step in", "return [step + 1 for step in")


@mistake(
    "scaler_health",
    says="A history without a step is accepted.",
    why="It says nothing, and would be called healthy.",
    read="#what-the-scale-tells",
)
def no_step_accepted(source):
    return change(source, "if len(scales) < 2:", "if len(scales) < 0:")


@mistake(
    "scaler_health",
    says="The last steps are said to be diverged if one of them was skipped.",
    why="A step that is skipped now and then is how a scaler works. Only if all are, nothing is learned.",
    read="#what-the-scale-tells",
    seen="kenziyuliu/MS-G3D issue 9: a skip every few steps is taken for a failure",
)
def any_of_the_last(source):
    return change(
        source, "skipped.issuperset(range(steps - patience, steps))", "skipped & set(range(steps - patience, steps))"
    )


@mistake(
    "scaler_health",
    says="One skipped step fewer is enough for diverged.",
    why="`patience` steps are asked for, and they are counted from the end.",
    read="#what-the-scale-tells",
)
def patience_off_by_one(source):
    return change(source, "range(steps - patience, steps))", "range(steps - patience + 1, steps))")


@mistake(
    "scaler_health",
    says="As many skipped steps as `patience`, anywhere in the run, are called diverged.",
    why="A long search at the beginning is over and done with.",
    read="#what-the-scale-tells",
)
def skips_anywhere(source):
    return change(source, "skipped.issuperset(range(steps - patience, steps))", "len(skipped) >= patience")


@mistake(
    "scaler_health",
    says="A short history in which all was skipped is called diverged.",
    why="At the beginning the scaler looks for its scale, and that takes some steps.",
    read="#what-the-scale-tells",
    seen="deepspeedai/DeepSpeed issue 931: overflow in the first steps, is it harmless?",
)
def short_history_diverged(source):
    return change(
        source,
        "if skipped.issuperset(range(steps - patience, steps))",
        "if skipped.issuperset(range(max(steps - patience, 0), steps))",
    )


@mistake(
    "scaler_health",
    says="That the scale is below 1 is looked at first.",
    why="A scale that falls with every step passes 1 sooner or later: what is wrong is that every step is skipped.",
    read="#what-the-scale-tells",
)
def below_one_first(source):
    return change(
        source, '        return "diverged"\n', '        return "below one" if scales[-1] < 1 else "diverged"\n'
    )


@mistake(
    "scaler_health",
    says="A scale of exactly 1 is called below one.",
    why="At 1 the gradients are what they are: nothing is made smaller.",
    read="#what-the-scale-tells",
)
def one_is_below_one(source):
    return change(source, "if scales[-1] < 1:", "if scales[-1] <= 1:")


@mistake(
    "scaler_health",
    says="The run is judged by the lowest scale that it ever had, and not by the last.",
    why="It has recovered since.",
    read="#what-the-scale-tells",
)
def lowest_scale_decides(source):
    return change(source, "if scales[-1] < 1:", "if min(scales) < 1:")


@mistake(
    "scaler_health",
    says="The search for the first scale counts as restless.",
    why="A start at 65536 skips the first steps of nearly every run.",
    read="#what-the-scale-tells",
    seen="LEEYOONHYUNG/BVAE-TTS issue 3: the scale goes to 32768, what is the reason for this problem?",
)
def search_counts(source):
    return change(source, "sum(step > first for step in skipped)", "len(skipped)")


@mistake(
    "scaler_health",
    says="The share of skipped steps is one of all steps, those of the search included.",
    why="A long search would hide that the rest of the run is restless.",
    read="#what-the-scale-tells",
)
def share_of_all_steps(source):
    return change(source, "most * (steps - first)", "most * steps")


@mistake(
    "scaler_health",
    says="Exactly the share `most` is called restless.",
    why="More than that is asked for.",
    read="#what-the-scale-tells",
)
def most_is_too_much(source):
    return change(source, 'return "restless" if late > most', 'return "restless" if late and late >= most')


# 10.3 profile_steps


@mistake(
    "profile_steps",
    says="There is no schedule: every step is recorded, the first one too.",
    why="The first step allocates, chooses kernels and compiles: it takes many times as long as any other.",
    read="#not-the-first-step",
    seen="pytorch/kineto issue 328: a first step that looked 20 times as long",
)
def no_schedule(source):
    return change(source, "schedule=plan, record", "record")


@mistake(
    "profile_steps",
    says="The profiler is never told that a step is over.",
    why="The schedule counts what it is told: it waits for ever, and nothing is recorded.",
    read="#not-the-first-step",
    seen="pytorch/pytorch issues 91682 and 121141",
)
def step_not_told(source):
    return change(source, "            profiler.step()\n", "")


@mistake(
    "profile_steps",
    says="The profiler does not wait: the first step that is recorded comes too early.",
    why="What has to happen once, at the beginning, is in the profile.",
    read="#not-the-first-step",
)
def does_not_wait(source):
    return change(source, "schedule(wait=wait, warmup=warmup", "schedule(wait=0, warmup=warmup")


@mistake(
    "profile_steps",
    says="The profiler does not warm up.",
    why="The first step in which it is on has its own setting up in it.",
    read="#not-the-first-step",
)
def does_not_warm_up(source):
    return change(source, "schedule(wait=wait, warmup=warmup", "schedule(wait=wait + warmup, warmup=0")


@mistake(
    "profile_steps",
    says="Only `active` steps are run altogether.",
    why="They are over before the profiler has waited and warmed up.",
    read="#not-the-first-step",
)
def too_few_steps(source):
    return change(
        source,
        "        for number in range(wait + warmup + active):",
        "        for number in range(active):",
    )


@mistake(
    "profile_steps",
    says="One step too many is run.",
    why="A batch is taken and trained on that nobody records; in a small set of data it is missing later.",
    read="#not-the-first-step",
)
def one_step_more(source):
    return change(
        source,
        "        for number in range(wait + warmup + active):",
        "        for number in range(wait + warmup + active + 1):",
    )


@mistake(
    "profile_steps",
    says='What waits for the next batch does not stand in a range named "data".',
    why="Loading happens outside of PyTorch's operations: without a name it is a gap that nobody can explain.",
    read="#shares-of-a-step",
)
def data_without_a_name(source):
    return change(
        source,
        '            with record_function("data"):\n                batch = next(batches, None)\n',
        "            batch = next(batches, None)\n",
    )


@mistake(
    "profile_steps",
    says='The training step stands in the range named "data", too.',
    why="Then all of the time is said to be spent waiting for data.",
    read="#shares-of-a-step",
)
def step_within_data(source):
    return change(
        source,
        """                batch = next(batches, None)
            if batch is None:
                raise ValueError(f"the batches ran out after {number} steps of {wait + warmup + active}")
            step(batch)
""",
        """                batch = next(batches, None)
                if batch is None:
                    raise ValueError(f"the batches ran out after {number} steps of {wait + warmup + active}")
                step(batch)
""",
    )


@mistake(
    "profile_steps",
    says="The batches are all fetched before the first step.",
    why="The steps then wait for nothing, and the profile says that loading is free.",
    read="#shares-of-a-step",
)
def fetched_beforehand(source):
    source = change(
        source,
        "    with profile(schedule",
        "    ready = iter([batch for _, batch in zip(range(wait + warmup + active), batches)])\n"
        "    with profile(schedule",
    )
    return change(source, "next(batches, None)", "next(ready, None)")


@mistake(
    "profile_steps",
    says="The operations' dtypes are not recorded.",
    why="That something is computed in float64 shows in nothing else.",
    read="#seven-suspects",
)
def dtypes_not_recorded(source):
    return change(source, ", record_shapes=True)", ")")


@mistake(
    "profile_steps",
    says="Batches that run out are no error: a shorter profile, or none, is made of them.",
    why="Whoever reads it takes the steps that are missing for steps that took no time.",
    read="#not-the-first-step",
)
def runs_out_silently(source):
    return change(
        source,
        'raise ValueError(f"the batches ran out after {number} steps of {wait + warmup + active}")',
        "break",
    )


@mistake(
    "profile_steps",
    says="Batches that run out are a StopIteration.",
    why="In a generator or a loop, StopIteration is no error: it ends something quietly, somewhere else.",
    read="#not-the-first-step",
)
def runs_out_with_stop_iteration(source):
    return change(source, "batch = next(batches, None)", "batch = next(batches)")


@mistake(
    "profile_steps",
    says="The trace file's folder is not made.",
    why="After minutes of training the profile is lost, because a folder was missing.",
    read="#not-the-first-step",
)
def folder_not_made(source):
    return change(source, "    trace.parent.mkdir(parents=True, exist_ok=True)\n", "")


@mistake(
    "profile_steps",
    says="The schedule begins again after one round.",
    why="What is recorded in a second round takes the place of the first; with unlucky numbers it is cut off.",
    read="#not-the-first-step",
)
def begins_another_round(source):
    source = change(source, "active=active, repeat=1)", "active=active, repeat=2)")
    return change(
        source,
        "        for number in range(wait + warmup + active):",
        "        for number in range(wait + warmup + 2 * active):",
    )


# 10.3 hotspots


@mistake(
    "hotspots",
    says="The whole duration is taken for an event's own time.",
    why="An operation that calls others is as long as all of them: the same time is counted at every level.",
    read="#own-time-and-total-time",
    seen="pytorch/pytorch pull request 45209: add self cuda time to avoid double/quadruple counting",
)
def total_for_own(source):
    return change(source, "own[around[-1]] -= event.duration", "own[around[-1]] -= 0")


@mistake(
    "hotspots",
    says="All events around an event lose its duration, and not only the innermost.",
    why="The innermost is within the others already: they lose the same time again and again, and end below zero.",
    read="#own-time-and-total-time",
)
def taken_from_all_around(source):
    return change(
        source,
        "        if around:\n            own[around[-1]] -= event.duration\n",
        "        for one in around:\n            own[one] -= event.duration\n",
    )


@mistake(
    "hotspots",
    says="Threads are not told apart.",
    why="What the autograd thread does while the main thread waits is no part of the main thread's operation.",
    read="#own-time-and-total-time",
)
def threads_mixed(source):
    return change(source, "around = open_on[event.thread]", "around = open_on[0]")


@mistake(
    "hotspots",
    says="Kernels are taken for part of the operation during which they happen to run.",
    why="A GPU works on its own: what runs now was handed out by some operation long ago.",
    read="#two-timelines",
)
def kernels_lie_within(source):
    return change(source, '        if event.kind == "kernel":\n            continue\n', "")


@mistake(
    "hotspots",
    says="An event that begins exactly when another one ends is taken for a part of it.",
    why="They follow each other; the first one loses time that it never had.",
    read="#own-time-and-total-time",
)
def touching_is_within(source):
    return change(source, "events[around[-1]].end <= event.start", "events[around[-1]].end < event.start")


@mistake(
    "hotspots",
    says="Ranges are left out: what they contain is not taken from them.",
    why="A range's own time is what happened in it outside of any operation: Python, mostly.",
    read="#own-time-and-total-time",
)
def ranges_left_out(source):
    return change(source, '        if event.kind == "kernel":', '        if event.kind in ("kernel", "range"):')


@mistake(
    "hotspots",
    says="An event is closed as soon as one within it has ended.",
    why="Most operations call several others, one after another: all but the first are forgotten.",
    read="#own-time-and-total-time",
)
def closed_by_its_first_child(source):
    return change(
        source,
        "            own[around[-1]] -= event.duration\n",
        "            own[around.pop()] -= event.duration\n",
    )


@mistake(
    "hotspots",
    says="All kinds of events are in one table.",
    why="The CPU's and the GPU's time run side by side; a sum of the two is no time at all.",
    read="#two-timelines",
    seen="awwong1/torchprof issue 5: CPU total and CUDA total, added up",
)
def kinds_in_one_table(source):
    return change(source, "        if event.kind == kind:\n", '        if event.kind != "range":\n')


@mistake(
    "hotspots",
    says="The CPU's operations are shown where the GPU's kernels are asked for.",
    why="On a GPU, an operation on the CPU takes as long as handing out work takes. What costs time are the kernels.",
    read="#two-timelines",
    seen="pytorch/pytorch issue 44784: Unreliable CPU times when using CUDA",
)
def cpu_for_gpu(source):
    return change(source, "        if event.kind == kind:\n", '        if event.kind == "operation":\n')


@mistake(
    "hotspots",
    says="The table is sorted by the number of calls.",
    why="A thousand short calls may cost less than ten long ones.",
    read="#own-time-and-total-time",
)
def sorted_by_calls(source):
    return change(source, "key=lambda row: (-row.time, row.name)", "key=lambda row: (-row.calls, row.name)")


@mistake(
    "hotspots",
    says="The table is sorted by the mean time of a call.",
    why="One long call may cost less than a thousand short ones.",
    read="#own-time-and-total-time",
)
def sorted_by_mean(source):
    return change(source, "key=lambda row: (-row.time, row.name)", "key=lambda row: (-row.time / row.calls, row.name)")


@mistake(
    "hotspots",
    says="The cheapest come first.",
    why="The costliest are what you look for, and are cut off.",
    read="#own-time-and-total-time",
)
def cheapest_first(source):
    return change(source, "key=lambda row: (-row.time, row.name)", "key=lambda row: (row.time, row.name)")


@mistake(
    "hotspots",
    says="At the same time, lines stand in the order in which they happened, and not by name.",
    why="Two tables of the same program then differ, and nothing has changed.",
    read="#own-time-and-total-time",
)
def ties_as_they_come(source):
    return change(source, "key=lambda row: (-row.time, row.name)", "key=lambda row: -row.time")


@mistake(
    "hotspots",
    says="The shares are those of the lines that are shown, and not of everything.",
    why="Three lines then always make 100 %, however little they are.",
    read="#own-time-and-total-time",
)
def shares_of_what_is_shown(source):
    return change(
        source,
        "    return sorted(rows, key=lambda row: (-row.time, row.name))[:count]",
        "    rows = sorted(rows, key=lambda row: (-row.time, row.name))[:count]\n"
        "    return [row._replace(share=row.time / sum(one.time for one in rows)) for row in rows]",
    )


@mistake(
    "hotspots",
    says="Only the longest call of each name counts, and not all of them together.",
    why="An operation that is called a thousand times costs a thousand times its call.",
    read="#own-time-and-total-time",
)
def longest_call(source):
    return change(
        source,
        "Row(name, len(own), sum(own), sum(own) / everything)",
        "Row(name, len(own), max(own), max(own) / everything)",
    )


@mistake(
    "hotspots",
    says="Where intervals overlap, their time is counted several times.",
    why="Two kernels at the same time keep a GPU busy once. The shares can be above 100 %.",
    read="#shares-of-a-step",
)
def overlaps_counted_twice(source):
    return change(source, "total += max(end - max(start, until), 0.0)", "total += end - start")


@mistake(
    "hotspots",
    says="The time from the first start to the last end is given: gaps count, too.",
    why="Gaps are what you look for.",
    read="#shares-of-a-step",
)
def gaps_counted(source):
    return change(
        source,
        """    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total
""",
        """    intervals = list(intervals)
    return max((end for _, end in intervals), default=0.0) - min((start for start, _ in intervals), default=0.0)
""",
    )


@mistake(
    "hotspots",
    says="The intervals are taken as they come, and not by their start.",
    why="An early interval that comes late is passed over.",
    read="#shares-of-a-step",
)
def intervals_not_sorted(source):
    return change(source, "in sorted(intervals):", "in intervals:")


@mistake(
    "hotspots",
    says="A short interval within a long one ends what is covered.",
    why="What follows within the long one is counted again.",
    read="#shares-of-a-step",
)
def last_end_counts(source):
    return change(source, "until = max(until, end)", "until = end")


@mistake(
    "hotspots",
    says="Time begins at 0: what lies before it is not counted.",
    why="A profile's clock begins anywhere.",
    read="#shares-of-a-step",
)
def time_begins_at_zero(source):
    return change(source, 'total, until = 0.0, float("-inf")', "total, until = 0.0, 0.0")


@mistake(
    "hotspots",
    says="What reaches beyond a step counts as a whole.",
    why="A kernel still runs when its step is over; the share can be above 100 %.",
    read="#shares-of-a-step",
)
def not_cut_off(source):
    return change(source, "(max(event.start, step.start), min(event.end, step.end))", "(event.start, event.end)")


@mistake(
    "hotspots",
    says="Only what lies wholly within a step counts.",
    why="A kernel that reaches over a step's end was at work in it, too.",
    read="#shares-of-a-step",
)
def wholly_within(source):
    return change(
        source,
        "if event.start < step.end and step.start < event.end",
        "if step.start <= event.start and event.end <= step.end",
    )


@mistake(
    "hotspots",
    says="The time is divided by that from the first step's start to the last one's end.",
    why="Between steps a profiler does its own work.",
    read="#shares-of-a-step",
)
def divided_by_the_span(source):
    return change(
        source,
        "covered(inside) / sum(step.duration for step in steps)",
        "covered(inside) / (max(step.end for step in steps) - min(step.start for step in steps))",
    )


@mistake(
    "hotspots",
    says="Each step's share is computed, and the shares are averaged.",
    why="A short step then counts as much as a long one.",
    read="#shares-of-a-step",
)
def mean_of_shares(source):
    return change(
        source,
        "    return covered(inside) / sum(step.duration for step in steps)",
        "    parts = [[(a, b) for a, b in inside if step.start <= a <= step.end] for step in steps]\n"
        "    whole = [covered(part) / step.duration for part, step in zip(parts, steps, strict=True)]\n"
        "    return sum(whole) / len(whole)",
    )


@mistake(
    "hotspots",
    says="Only the first step is looked at.",
    why="One step proves little: the next one may wait for data, and this one did not.",
    read="#shares-of-a-step",
)
def first_step_only(source):
    return change(source, "    steps = steps_of(events)\n    counted", "    steps = steps_of(events)[:1]\n    counted")


@mistake(
    "hotspots",
    says="The sum of the durations is taken: what lies within another event of this kind counts twice.",
    why="A wait within an operation that waits is one wait.",
    read="#shares-of-a-step",
    seen="pytorch/pytorch issue 60783: double counting CUDA wrapper self-cuda-time",
)
def durations_added_up(source):
    return change(
        source,
        "    return covered(inside) / sum(step.duration for step in steps)",
        "    return sum(end - start for start, end in inside) / sum(step.duration for step in steps)",
    )


@mistake(
    "hotspots",
    says="A profile without a step gives 0, and no error.",
    why="0 % is good news. This is none: nothing was recorded.",
    read="#shares-of-a-step",
)
def no_step_is_zero(source):
    source = change(source, "    if not steps:\n        raise", "    if steps is None:\n        raise")
    return change(
        source,
        "    return covered(inside) / sum(step.duration for step in steps)",
        "    return covered(inside) / (sum(step.duration for step in steps) or 1.0)",
    )


@mistake(
    "hotspots",
    says="Anything that is called like a step is taken for one, whatever kind of event it is.",
    why="On a GPU, a step's name also stands over what the GPU did for it: all time would count twice.",
    read="#shares-of-a-step",
    seen="pytorch/pytorch issue 130730: a total with the GPU's own annotations in it",
)
def any_kind_of_step(source):
    return change(source, 'if event.kind == "range" and event.name.startswith(STEP)', "if event.name.startswith(STEP)")


@mistake(
    "hotspots",
    says='Only the first step\'s name is known: "ProfilerStep#2".',
    why="The number depends on how long the profiler waited, and each step has another.",
    read="#shares-of-a-step",
)
def one_name_of_a_step(source):
    return change(source, "event.name.startswith(STEP)", 'event.name == STEP + "2"')


# 10.3 bottleneck


@mistake(
    "bottleneck",
    says="The first forward counts as a repeated one.",
    why="One forward for each batch has to be.",
    read="#seven-suspects",
)
def first_forward_counts(source):
    return change(source, "for one in of_a_step[1:]", "for one in of_a_step")


@mistake(
    "bottleneck",
    says="All forwards but the first of the whole profile count as repeated.",
    why="Each step has a batch of its own, and needs a forward of its own.",
    read="#seven-suspects",
)
def first_of_the_profile(source):
    return change(
        source,
        "sorted((one for of_a_step in in_steps for one in of_a_step[1:]), key=lambda event: event.start)",
        "[one for of_a_step in in_steps for one in of_a_step][1:]",
    )


@mistake(
    "bottleneck",
    says="The last forward of a step is taken for the needed one, and not the first.",
    why="They may differ in length: what has to be is the first, what comes again is the rest.",
    read="#seven-suspects",
)
def last_forward_is_needed(source):
    return change(source, "for one in of_a_step[1:]", "for one in of_a_step[:-1]")


@mistake(
    "bottleneck",
    says="Forwards are taken in the order of the list, and not by their start.",
    why="Which one is the first is a question of time.",
    read="#seven-suspects",
)
def forwards_in_order_of_the_list(source):
    return change(
        source, 'sorted(_ranges(events, "forward"), key=lambda event: event.start)', '_ranges(events, "forward")'
    )


@mistake(
    "bottleneck",
    says="Only a forward that ends within its step counts.",
    why="A range belongs to the step in which it begins.",
    read="#seven-suspects",
)
def forward_must_end_in_its_step(source):
    return change(
        source,
        "if _begins_in(one, [step])]",
        "if _begins_in(one, [step]) and one.end <= step.end]",
    )


@mistake(
    "bottleneck",
    says="Every operation is taken to be worth its call, however short.",
    why="A microsecond of work costs ten to call: a loop over positions looks like honest work.",
    read="#seven-suspects",
)
def small_ones_are_worth_it(source):
    return change(source, "own >= SMALL and", "own >= 0 and")


@mistake(
    "bottleneck",
    says="An operation of exactly SMALL is taken for small.",
    why="At least SMALL is asked for.",
    read="#seven-suspects",
)
def exactly_small(source):
    return change(source, "own >= SMALL and", "own > SMALL and")


@mistake(
    "bottleneck",
    says="Whether an operation is small is judged by its whole duration, and not by its own time.",
    why="One that only calls others does nothing itself, and their time is counted a second time.",
    read="#seven-suspects",
)
def duration_for_own_time(source):
    return change(source, "        own\n        for event, own", "        event.duration\n        for event, own")


@mistake(
    "bottleneck",
    says="Operations outside of the steps count.",
    why="A profile begins and ends somewhere; what lies outside of its steps is not theirs.",
    read="#seven-suspects",
)
def outside_of_steps(source):
    return change(source, "own >= SMALL and _begins_in(event, steps) and not", "own >= SMALL and not")


@mistake(
    "bottleneck",
    says='Operations in the range named "data" count as work, and their time as waiting as well.',
    why="The same time is taken away twice.",
    read="#seven-suspects",
)
def work_of_the_data(source):
    return change(source, " and not _begins_in(event, data)", "")


@mistake(
    "bottleneck",
    says='Time in the range named "data" is taken for overhead.',
    why="It has a name of its own among the suspects: it would count in two of them.",
    read="#seven-suspects",
)
def waiting_is_overhead(source):
    return change(source, "return 1 - waiting - worth", "return 1 - worth")


@mistake(
    "bottleneck",
    says="The share of what was worth its call is given, and not what is left.",
    why="A program that computes all the time would be the worst.",
    read="#seven-suspects",
)
def work_for_overhead(source):
    return change(source, "return 1 - waiting - worth / sum", "return worth / sum")


@mistake(
    "bottleneck",
    says="With a GPU, too, the operations on the CPU are looked at.",
    why="They only hand out work. Whether there is enough of it shows on the GPU: does it ever stand still?",
    read="#two-timelines",
)
def gpu_like_cpu(source):
    return change(source, 'if any(event.kind == "kernel" for event in events):', "if not events:")


@mistake(
    "bottleneck",
    says="All the time in which no kernel runs is taken for overhead.",
    why="While it waits for data, or for a value to be read, the GPU stands still for another reason.",
    read="#two-timelines",
)
def idle_is_overhead(source):
    return change(source, 'event.kind == "kernel" or _is_data(event) or _is_read(event))', 'event.kind == "kernel")')


@mistake(
    "bottleneck",
    says="A single double among an operation's dtypes is enough for float64.",
    why="A number of Python is a double, too: `x * 0.1` would be float64.",
    read="#seven-suspects",
)
def any_double(source):
    return change(source, ' and "float" not in event.dtypes', "")


@mistake(
    "bottleneck",
    says="Operations without any dtype are taken for float64.",
    why="Nothing is known about them.",
    read="#seven-suspects",
)
def no_float_is_double(source):
    return change(source, '"double" in event.dtypes and "float" not in event.dtypes', '"float" not in event.dtypes')


@mistake(
    "bottleneck",
    says="Reads are looked for among the operations only, and not among the runtime calls.",
    why="The wait itself is a call of CUDA's runtime, and not always within aten::item.",
    read="#seven-suspects",
)
def runtime_overlooked(source):
    return change(
        source,
        'event.kind in ("operation", "runtime") and event.name in READS',
        'event.kind == "operation" and event.name in READS',
    )


@mistake(
    "bottleneck",
    says="Reads are looked for among the runtime calls only.",
    why="On a CPU there is no runtime, and reading is aten::item.",
    read="#seven-suspects",
)
def operations_overlooked(source):
    return change(
        source,
        'event.kind in ("operation", "runtime") and event.name in READS',
        'event.kind == "runtime" and event.name in READS',
    )


@mistake(
    "bottleneck",
    says="What comes from the optimizer is looked for by the names of operations, and not by its range.",
    why="An optimizer written by hand is made of the same operations as everything else.",
    read="#seven-suspects",
)
def optimizer_by_operations(source):
    return change(
        source,
        'event.kind == "range" and event.name == "optimizer"',
        'event.kind == "operation" and "adam" in event.name',
    )


@mistake(
    "bottleneck",
    says="Only those copies count that are called .clone.",
    why="`.to`, `.contiguous` and `.clone` all end in aten::copy_: that is where the time is.",
    read="#seven-suspects",
)
def clones_only(source):
    return change(source, 'event.name == "aten::copy_"', 'event.name == "aten::clone"')


@mistake(
    "bottleneck",
    says="The smallest suspect is named.",
    why="What costs least is not what makes a program slow.",
    read="#seven-suspects",
)
def smallest_named(source):
    return change(source, "worst = max(shares", "worst = min(shares")


@mistake(
    "bottleneck",
    says="The worst suspect is named, however small its share.",
    why="There is always a worst. Below a third of a step there is nothing much to win.",
    read="#seven-suspects",
)
def always_one(source):
    return change(source, 'return worst if shares[worst] >= least else "none"', "return worst")


@mistake(
    "bottleneck",
    says="A suspect with exactly the share `least` is let go.",
    why="At least that much is asked for.",
    read="#seven-suspects",
)
def exactly_least_let_go(source):
    return change(source, "shares[worst] >= least", "shares[worst] > least")


@mistake(
    "bottleneck",
    says="The first suspect that is large enough is named, and not the largest.",
    why="In which order they stand in the table says nothing about the program.",
    read="#seven-suspects",
)
def first_large_enough(source):
    return change(
        source,
        "    worst = max(shares, key=lambda name: shares[name])\n"
        '    return worst if shares[worst] >= least else "none"',
        '    return next((name for name, share in shares.items() if share >= min(least, 0.1)), "none")',
    )


# 10.4 prefetch


@mistake(
    "prefetch",
    says="The number of workers is rounded down.",
    why="Two workers give a batch every 0.125 s where one is needed every 0.1 s: the model waits for the rest.",
    read="#how-many-workers",
)
def workers_rounded_down(source):
    return change(source, "math.ceil(load_seconds / step_seconds)", "int(load_seconds / step_seconds)")


@mistake(
    "prefetch",
    says="There is one worker more than needed.",
    why="It takes memory and a core, and the queue is full all the same.",
    read="#how-many-workers",
)
def one_worker_more(source):
    return change(source, "math.ceil(load_seconds / step_seconds)", "int(load_seconds / step_seconds) + 1")


@mistake(
    "prefetch",
    says="Every core gets a worker, and none is left for the training.",
    why="They take turns with the process that hands out the work, and that one is always late.",
    read="#how-many-workers",
    seen="mmcdermott/MEDS_EIC_AR issue 36: workers should not default to the full cores available",
)
def a_worker_for_every_core(source):
    return change(source, "cores - 1)", "cores)")


@mistake(
    "prefetch",
    says="The number of cores is not asked for.",
    why="More workers than cores only share the same time among more processes.",
    read="#how-many-workers",
    seen="pytorch/pytorch pull request 46867; AILab-CVC/YOLO-World issue 413",
)
def cores_not_asked(source):
    return change(
        source,
        "max(min(math.ceil(load_seconds / step_seconds), cores - 1), 1)",
        "max(math.ceil(load_seconds / step_seconds), 1)",
    )


@mistake(
    "prefetch",
    says="On a machine with one core there is no worker, however long loading takes.",
    why="Loading often waits for a disk: a process that waits needs no core.",
    read="#how-many-workers",
)
def no_worker_on_one_core(source):
    return change(
        source,
        "return max(min(math.ceil(load_seconds / step_seconds), cores - 1), 1)",
        "return min(math.ceil(load_seconds / step_seconds), cores - 1)",
    )


@mistake(
    "prefetch",
    says="There is a worker although loading takes next to no time.",
    why="What a worker loads has to travel to another process. That costs more than it saves.",
    read="#how-many-workers",
)
def always_a_worker(source):
    return change(source, "if load_seconds < step_seconds / 100:", "if load_seconds <= 0:")


@mistake(
    "prefetch",
    says="Exactly a hundredth of a step is not worth a worker.",
    why="Less than that is asked for.",
    read="#how-many-workers",
)
def exactly_a_hundredth(source):
    return change(source, "if load_seconds < step_seconds / 100:", "if load_seconds <= step_seconds / 100:")


@mistake(
    "prefetch",
    says="The ratio is upside down: steps are divided by loading.",
    why="The slower the loading, the fewer workers there would be.",
    read="#how-many-workers",
)
def ratio_upside_down(source):
    return change(source, "math.ceil(load_seconds / step_seconds)", "math.ceil(step_seconds / load_seconds)")


@mistake(
    "prefetch",
    says="Nothing is started early: each batch is started when it is asked for.",
    why="Then everybody waits for it, and nothing is gained.",
    read="#start-early",
)
def nothing_early(source):
    return change(source, "if len(started) > depth:", "if started:")


@mistake(
    "prefetch",
    says="One batch fewer is ahead than asked for.",
    why="With a depth of 1 nothing is early at all.",
    read="#start-early",
)
def one_fewer_ahead(source):
    return change(source, "if len(started) > depth:", "if len(started) >= max(depth, 1):")


@mistake(
    "prefetch",
    says="One batch more is ahead than asked for.",
    why="Each batch that is ahead takes memory on the GPU.",
    read="#start-early",
)
def one_more_ahead(source):
    return change(source, "if len(started) > depth:", "if len(started) > depth + 1:")


@mistake(
    "prefetch",
    says="All batches are started before the first one is given out.",
    why="A whole epoch stands in memory, and the first step waits for the last batch.",
    read="#start-early",
)
def all_started_first(source):
    return change(source, "        if len(started) > depth:\n            yield started.popleft()\n", "")


@mistake(
    "prefetch",
    says="The last batches are never given out.",
    why="`depth` batches of every epoch are loaded and thrown away.",
    read="#start-early",
    seen="meta-pytorch/data issue 899: Prefetcher drops remaining samples at the end; ray-project/ray issue 18266",
)
def tail_lost(source):
    return change(source, "    yield from started\n", "")


@mistake(
    "prefetch",
    says="The newest batch is given out first.",
    why="Runs can be compared only if they see the same batches in the same order.",
    read="#start-early",
)
def newest_first(source):
    return change(source, "yield started.popleft()", "yield started.pop()")


@mistake(
    "prefetch",
    says="The batches are given out as they came, and not what was made of them.",
    why="The copy on the GPU is made, and then nobody uses it.",
    read="#start-early",
)
def result_thrown_away(source):
    return change(
        source, "        started.append(start(batch))\n", "        start(batch)\n        started.append(batch)\n"
    )


@mistake(
    "prefetch",
    says="A batch that is None ends everything.",
    why="What a batch is, is nobody's business here. Only StopIteration is the end.",
    read="#start-early",
)
def none_is_the_end(source):
    return change(
        source,
        "        if len(started) > depth:",
        "        if batch is None:\n            break\n        if len(started) > depth:",
    )


@mistake(
    "prefetch",
    says="The first batches are started by the call itself, before anybody asks for one.",
    why="Who calls it and does not ask for a batch yet has memory on the GPU taken already.",
    read="#start-early",
)
def begun_by_the_call(source):
    return change(
        source,
        "    return _ahead(batches, start, depth)",
        "    batches = iter(batches)\n    first = [one for _, one in zip(range(1), batches)]\n"
        "    return _ahead(itertools.chain(first, batches), start, depth)",
    ).replace("import math\n", "import itertools\nimport math\n")


@mistake(
    "prefetch",
    says="A negative depth is found out by the first batch, or never.",
    why="A function with `yield` in it runs nothing when it is called; an error ought to come where the mistake is.",
    read="#start-early",
)
def depth_found_out_late(source):
    source = change(
        source,
        '    if depth < 0:\n        raise ValueError(f"depth says how many batches are started early: not {depth}")\n',
        "",
    )
    return change(
        source,
        "    started: deque = deque()\n",
        '    if depth < 0:\n        raise ValueError("depth")\n    started: deque = deque()\n',
    )


@mistake(
    "prefetch",
    says="There is no thread: each batch is loaded when it is asked for.",
    why="The model waits for every one of them, as before.",
    read="#a-thread-that-loads",
)
def no_thread(source):
    source = change(source, "        self._thread.start()\n", "        self._iterator = iter(self._batches)\n")
    return change(
        source,
        """        if self._finished:
            raise StopIteration
        batch, error = self._ready.get()
        if error is not None:
            self._finished = True
            raise error
        return batch
""",
        """        if self._finished:
            raise StopIteration
        try:
            return next(self._iterator)
        except BaseException:
            self._finished = True
            raise
""",
    )


@mistake(
    "prefetch",
    says="The thread begins when the object is made, and not when `with` is entered.",
    why="If `with` is never reached, for an error in between, nobody ends the thread.",
    read="#a-thread-that-loads",
)
def begins_too_early(source):
    source = change(source, "        self._thread.start()\n", "")
    return change(
        source,
        "target=self._fill, daemon=True)\n",
        "target=self._fill, daemon=True)\n        self._thread.start()\n",
    )


@mistake(
    "prefetch",
    says="There is no limit: the thread loads as fast as it can, as much as there is.",
    why="Loading is faster than training in every good program: in the end all of the data is in memory.",
    read="#a-thread-that-loads",
)
def no_limit(source):
    return change(source, "queue.Queue(depth)", "queue.Queue()")


@mistake(
    "prefetch",
    says="depth is not looked at: one batch is ready, and no more.",
    why="One batch that takes long to load, and the model waits: a few in reserve even that out.",
    read="#a-thread-that-loads",
)
def always_one_ready(source):
    return change(source, "queue.Queue(depth)", "queue.Queue(1)")


@mistake(
    "prefetch",
    says="The last batch is lost: the end is announced in its place.",
    why="Every epoch is a batch short.",
    read="#a-thread-that-loads",
    seen="antonioterpin/synthpix issue 121: Prefetcher throws away last batch",
)
def last_batch_lost(source):
    return change(
        source,
        """            for batch in self._batches:
                self._ready.put((batch, None))
                if self._closed.is_set():
                    return
""",
        """            waiting = []
            for batch in self._batches:
                for one in waiting:
                    self._ready.put((one, None))
                waiting = [batch]
                if self._closed.is_set():
                    return
""",
    )


@mistake(
    "prefetch",
    says="After the end it waits for ever for another batch.",
    why="A second `for`, or a `next` too many, stands still without a word.",
    read="#a-thread-that-loads",
)
def waits_after_the_end(source):
    return change(source, "            self._finished = True\n", "")


@mistake(
    "prefetch",
    says="An error in the thread ends the batches quietly.",
    why="The epoch looks shorter, the training goes on, and what is wrong with the data nobody learns.",
    read="#a-thread-that-loads",
    seen="Stack Overflow: Catch a thread's exception in the caller thread?",
)
def error_is_the_end(source):
    return change(
        source, "            self._ready.put((None, error))\n", "            self._ready.put((None, StopIteration()))\n"
    )


@mistake(
    "prefetch",
    says="An error in the thread is not handed on: the user waits for ever.",
    why="The thread has died, and nobody else will put anything into the queue.",
    read="#a-thread-that-loads",
    seen="RadarML/red-rover issue 23: Prefetch hangs forever if the iterator raises an exception",
)
def error_swallowed(source):
    return change(source, "            self._ready.put((None, error))\n", "            self._failed = error\n")


@mistake(
    "prefetch",
    says="An error reaches the user at once, before the batches that were loaded before it.",
    why="Good batches are thrown away, how many is a matter of chance.",
    read="#a-thread-that-loads",
)
def error_jumps_the_queue(source):
    return change(
        source,
        "            self._ready.put((None, error))\n",
        "            self._make_room()\n            self._ready.put((None, error))\n",
    )


@mistake(
    "prefetch",
    says="Who leaves early leaves the thread behind.",
    why="It keeps its batches, its file and its memory, until the process ends.",
    read="#a-thread-that-loads",
    seen="allenai/OLMo-core pull request 721: Fix thread leak when consumers exit early",
)
def thread_left_behind(source):
    return change(
        source,
        """        self._closed.set()
        while self._thread.is_alive():
            self._make_room()
            self._thread.join(0.01)
""",
        "        self._closed.set()\n",
    )


@mistake(
    "prefetch",
    says="Who leaves early waits for a thread that waits for a place.",
    why="Nobody takes anything from the queue any more: both wait for ever.",
    read="#a-thread-that-loads",
    seen="apache/maven-indexer pull request 314: the producer blocks on the queue for ever",
)
def no_room_made(source):
    return change(
        source,
        "        while self._thread.is_alive():\n            self._make_room()\n            self._thread.join(0.01)\n",
        "        self._thread.join()\n",
    )


@mistake(
    "prefetch",
    says="On leaving, room is made, but the thread is not told that it is over: it goes on loading.",
    why="It loads all that is left, for nobody; of an endless source there is always something left.",
    read="#a-thread-that-loads",
)
def not_told_to_end(source):
    return change(source, "        self._closed.set()\n", "")


@mistake(
    "prefetch",
    says="Two threads load from the same iterable.",
    why="Which of them is first is a matter of chance, and so is the order; and iterables are not made for two.",
    read="#a-thread-that-loads",
)
def two_threads(source):
    return change(
        source,
        "        self._thread.start()\n",
        "        self._batches = iter(self._batches)\n        first = next(self._batches, None)\n"
        "        if first is not None:\n            self._ready.put((first, None))\n        self._thread.start()\n",
    )


@mistake(
    "prefetch",
    says="A depth below 1 is accepted.",
    why="A queue of size 0 has no limit at all: the opposite of what was meant.",
    read="#a-thread-that-loads",
)
def depth_zero_accepted(source):
    return change(
        source,
        '        if depth < 1:\n            raise ValueError(f"depth says how many batches are kept',
        '        if depth is None:\n            raise ValueError(f"depth says how many batches are kept',
    )


# 10.5 fast_attention


@mistake(
    "fast_attention",
    says="Nobody is told that the mask is causal: every position sees all others.",
    why="The loss falls wonderfully, and the model has learned to look ahead.",
    read="#attention-without-its-table",
)
def not_causal(source):
    return change(source, ", is_causal=True", "")


@mistake(
    "fast_attention",
    says="A mask of your own is handed over.",
    why="It is right, and makes the T by T table that was to be avoided; the fastest kernels take no mask.",
    read="#attention-without-its-table",
)
def mask_handed_over(source):
    source = change(source, "import torch.nn.functional as F\n", "import torch\nimport torch.nn.functional as F\n")
    return change(
        source,
        "is_causal=True",
        "attn_mask=torch.ones(q.size(-2), q.size(-2), dtype=torch.bool, device=q.device).tril()",
    )


@mistake(
    "fast_attention",
    says="The mask is the wrong way round: True stands for what is hidden.",
    why="In scaled_dot_product_attention True means: may look. In nn.MultiheadAttention it means the opposite.",
    read="#attention-without-its-table",
    seen="rasbt/LLMs-from-scratch issue 1061; pytorch/pytorch pull request 120668",
)
def mask_inverted(source):
    source = change(source, "import torch.nn.functional as F\n", "import torch\nimport torch.nn.functional as F\n")
    return change(
        source,
        "is_causal=True",
        "attn_mask=torch.ones(q.size(-2), q.size(-2), dtype=torch.bool, device=q.device).triu()",
    )


@mistake(
    "fast_attention",
    says="The scores are divided by √D twice.",
    why="The fused operation does it already.",
    read="#attention-without-its-table",
)
def divided_twice(source):
    return change(source, "attention(q, k, v, dropout", "attention(q / q.size(-1) ** 0.5, k, v, dropout")


@mistake(
    "fast_attention",
    says="The scores are not divided at all.",
    why="scale=1.0 switches off what stands in the name of the operation.",
    read="#attention-without-its-table",
)
def not_divided(source):
    return change(source, "is_causal=True", "is_causal=True, scale=1.0")


@mistake(
    "fast_attention",
    says="The dropout is left out.",
    why="The model trains without what kept it from learning its text by heart, and overfits earlier.",
    read="#attention-without-its-table",
)
def dropout_left_out(source):
    return change(source, "dropout_p=dropout", "dropout_p=0.0")


@mistake(
    "fast_attention",
    says="The dropout acts on the result, and not on the weights.",
    why="There are other numbers to drop: a channel is lost, where a position was to be overlooked.",
    read="#attention-without-its-table",
)
def dropout_on_the_result(source):
    return change(
        source,
        "F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)",
        "F.dropout(F.scaled_dot_product_attention(q, k, v, is_causal=True), dropout)",
    )


@mistake(
    "fast_attention",
    says="The probability to keep is handed over for the one to drop.",
    why="With a dropout of 0.1, nine of ten weights are gone.",
    read="#attention-without-its-table",
    seen="TensorFlow: dropout took keep_prob in version 1, and takes the rate since",
)
def probability_to_keep(source):
    return change(source, "dropout_p=dropout", "dropout_p=1 - dropout if dropout else 0.0")


@mistake(
    "fast_attention",
    says="Heads and time are exchanged before the call.",
    why="The operation attends over the last axis but one: now the heads attend to each other.",
    read="#attention-without-its-table",
    seen="flash-attn's own function wants (B, T, H, D), PyTorch's (B, H, T, D)",
)
def heads_for_time(source):
    return change(
        source,
        "F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)",
        "F.scaled_dot_product_attention(\n"
        "        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), dropout_p=dropout, is_causal=True\n"
        "    ).transpose(1, 2)",
    )


@mistake(
    "fast_attention",
    says="Attention is written out by hand again.",
    why="It is right. It also makes four tables of T by T numbers, and keeps some of them for backward.",
    read="#attention-without-its-table",
)
def written_out(source):
    source = change(source, "import torch.nn.functional as F\n", "import torch\nimport torch.nn.functional as F\n")
    return change(
        source,
        "    return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)",
        "    may_look = torch.ones(q.size(-2), q.size(-2), dtype=torch.bool, device=q.device).tril()\n"
        "    scores = (q @ k.transpose(-2, -1) / q.size(-1) ** 0.5).masked_fill(~may_look, float('-inf'))\n"
        "    return F.dropout(scores.softmax(dim=-1), dropout) @ v",
    )


@mistake(
    "fast_attention",
    says="The result is always float32.",
    why="What follows gets twice the bytes, and bfloat16 weights refuse it.",
    read="#attention-without-its-table",
)
def always_float32(source):
    return change(source, "is_causal=True)", "is_causal=True).float()")


# 10.5 chunked_loss


@mistake(
    "chunked_loss",
    says="The mean of the chunks' means is taken.",
    why="A chunk in which little is scored counts as much as a full one.",
    read="#a-loss-without-its-logits",
    seen="NVIDIA-NeMo/Automodel pull request 3804: reductions independent of chunk_len",
)
def mean_of_chunk_means(source):
    source = change(
        source,
        'total += F.nll_loss(log_p, y, ignore_index=ignore_index, reduction="sum")',
        "scored = (y != ignore_index).sum().clamp(min=1)\n"
        '                total += F.nll_loss(log_p, y, ignore_index=ignore_index, reduction="sum") / scored',
    )
    source = change(
        source,
        "_slope(log_p, y, ignore_index).to(slope_dtype)",
        "(_slope(log_p, y, ignore_index) / scored).to(slope_dtype)",
    )
    return change(source, "(targets != ignore_index).sum().clamp(min=1)", "len(range(0, targets.numel(), chunk))")


@mistake(
    "chunked_loss",
    says="The last chunk is lost if it is not full.",
    why="The last tokens of every batch are neither scored nor learned.",
    read="#a-loss-without-its-logits",
)
def last_chunk_lost(source):
    return change(source, "range(0, len(hidden), chunk)", "range(0, max(len(hidden) - chunk + 1, 1), chunk)")


@mistake(
    "chunked_loss",
    says="The sum of the losses is divided by all tokens, those that are not scored included.",
    why="A batch with much padding has a smaller loss, and teaches less.",
    read="#a-loss-without-its-logits",
)
def divided_by_all(source):
    return change(source, "(targets != ignore_index).sum().clamp(min=1)", "targets.numel()")


@mistake(
    "chunked_loss",
    says="The sum is given, and not the mean.",
    why="The gradients grow with the batch, and so does the step.",
    read="#a-loss-without-its-logits",
)
def sum_given(source):
    return change(source, "return total / (targets != ignore_index).sum().clamp(min=1)", "return total / 1")


@mistake(
    "chunked_loss",
    says="If nothing is scored, the loss is NaN.",
    why="0/0. One batch of padding, and the weights are NaN, too.",
    read="#a-loss-without-its-logits",
    seen="pytorch/pytorch issues 75181 and 116349",
)
def nan_for_nothing(source):
    return change(source, ".sum().clamp(min=1)", ".sum()")


@mistake(
    "chunked_loss",
    says="-100 is always what does not count, whatever ignore_index says.",
    why="Other data marks its padding otherwise.",
    read="#a-loss-without-its-logits",
)
def ignore_index_ignored(source):
    source = change(source, "targets.reshape(-1), chunk, ignore_index)", "targets.reshape(-1), chunk, -100)")
    return change(source, "(targets != ignore_index).sum()", "(targets != -100).sum()")


@mistake(
    "chunked_loss",
    says="Tokens that are not scored have gradients all the same.",
    why="Their target is the mark -100: whatever is learned from it is wrong.",
    read="#a-loss-without-its-logits",
)
def unscored_have_gradients(source):
    return change(source, "return p.mul_(scored[:, None])", "return p")


@mistake(
    "chunked_loss",
    says="The gradient is p, and the one of the right token is missing.",
    why="Every token's logit is pushed down, and none up: the model learns to expect nothing.",
    read="#a-loss-without-its-logits",
)
def onehot_missing(source):
    return change(source, "y.where(scored, 0)] -= 1", "y.where(scored, 0)] -= 0")


@mistake(
    "chunked_loss",
    says="The gradient has the wrong sign: onehot - p.",
    why="The loss goes up.",
    read="#a-loss-without-its-logits",
)
def wrong_sign(source):
    return change(source, "return p.mul_(scored[:, None])", "return p.mul_(scored[:, None]).neg_()")


@mistake(
    "chunked_loss",
    says="The gradient that comes into backward is left out.",
    why="A loss scale, a weight, or the division by the number of tokens is lost: they all arrive there.",
    read="#a-loss-without-its-logits",
)
def incoming_gradient_left_out(source):
    return change(source, "one * at_total for one", "one for one")


@mistake(
    "chunked_loss",
    says="The weight's gradient is that of the last chunk alone.",
    why="Every chunk has its part in it: they add up.",
    read="#a-loss-without-its-logits",
)
def last_chunk_s_weight(source):
    return change(source, "for_weight += slope.T", "for_weight[:] = slope.T")


@mistake(
    "chunked_loss",
    says="The head has no gradient.",
    why="It stays as it was drawn. If it is the embedding as well, half of what it should learn is missing.",
    read="#a-loss-without-its-logits",
)
def head_without_gradient(source):
    return change(source, "(flat, weight, targets.reshape(-1)", "(flat, weight.detach(), targets.reshape(-1)")


@mistake(
    "chunked_loss",
    says="The hidden states have no gradient.",
    why="The model in front of the head learns nothing.",
    read="#a-loss-without-its-logits",
)
def hidden_without_gradient(source):
    return change(source, "_SummedLoss.apply(flat, weight", "_SummedLoss.apply(flat.detach(), weight")


@mistake(
    "chunked_loss",
    says="The logits of all tokens are made at once, and only then cut into chunks.",
    why="They are what was too large.",
    read="#a-loss-without-its-logits",
)
def all_logits_at_once(source):
    source = change(
        source,
        "        with torch.autocast(device, enabled=False):\n",
        "        everything = hidden.to(dtype) @ head.T\n        with torch.autocast(device, enabled=False):\n",
    )
    return change(source, "F.linear(x.to(dtype), head).float()", "everything[rows].float()")


@mistake(
    "chunked_loss",
    says="Autograd keeps every chunk's logits until backward.",
    why="A loop alone saves nothing: what autograd needs for backward stays, of all chunks together.",
    read="#a-loss-without-its-logits",
)
def autograd_keeps_them(source):
    return change(
        source,
        "    total = _SummedLoss.apply(flat, weight, targets.reshape(-1), chunk, ignore_index)\n",
        "    total = sum(\n"
        "        F.cross_entropy(F.linear(x, weight).float(), y, ignore_index=ignore_index, reduction='sum')\n"
        "        for x, y, _ in _chunks(flat, targets.reshape(-1), chunk)\n    )\n",
    )


@mistake(
    "chunked_loss",
    says="In float16 the gradients on the way are float16, too.",
    why="They are computed before the loss scale comes in: too small without it, they are gone when it comes.",
    read="#a-loss-without-its-logits",
)
def slopes_in_half(source):
    return change(source, "slope_dtype = torch.float32 if dtype == torch.float16 else dtype", "slope_dtype = dtype")


@mistake(
    "chunked_loss",
    says="The weight's gradient is added up in the dtype of the weight.",
    why="In float16, 1024 + 0.5 is 1024: what the later chunks have to say is lost.",
    read="#which-operations-stay-in-float32",
)
def added_up_in_half(source):
    return change(source, "torch.zeros_like(weight, dtype=torch.float32)", "torch.zeros_like(weight)")


@mistake(
    "chunked_loss",
    says="Softmax and loss are computed in the dtype of the logits.",
    why="A sum over the whole vocabulary in 16 bits: the loss has two digits.",
    read="#which-operations-stay-in-float32",
)
def loss_in_half(source):
    return change(
        source,
        "F.linear(x.to(dtype), head).float().log_softmax(dim=-1)",
        "F.linear(x.to(dtype), head).log_softmax(dim=-1).float()",
    )


@mistake(
    "chunked_loss",
    says="The product is always float32: autocast is switched off, and nothing comes in its place.",
    why="It is more exact, and the largest product of the whole model is as slow as before.",
    read="#a-loss-without-its-logits",
)
def product_in_float32_always(source):
    return change(
        source,
        "dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype",
        "dtype = torch.float32",
    )


@mistake(
    "chunked_loss",
    says="The loss has the dtype of the hidden states.",
    why="A bfloat16 has two to three digits: a curve of it is a staircase.",
    read="#which-operations-stay-in-float32",
)
def loss_rounded(source):
    return change(
        source,
        "total = hidden.new_zeros((), dtype=torch.float32)",
        "total = hidden.new_zeros((), dtype=dtype)",
    )


@mistake(
    "chunked_loss",
    says="Targets of another shape than the hidden states are accepted, if only their number is right.",
    why="(T, B) for (B, T): every token is held against another one's target.",
    read="#a-loss-without-its-logits",
)
def any_shape_of_targets(source):
    return change(source, "if hidden.shape[:-1] != targets.shape:", "if hidden[..., 0].numel() != targets.numel():")


@mistake(
    "chunked_loss",
    says="A chunk below 1 is accepted.",
    why="With 0 Python's range complains, about something else; with a negative number nothing is scored at all.",
    read="#a-loss-without-its-logits",
)
def any_chunk(source):
    return change(source, "    if chunk < 1:\n", "    if chunk == 0:\n")


@mistake(
    "chunked_loss",
    says="The targets are shifted once more.",
    why="They were shifted when the data was made: each position is now held against the token after the next.",
    read="#a-loss-without-its-logits",
)
def shifted_again(source):
    return change(
        source,
        "    flat = hidden.reshape(-1, hidden.size(-1))  # (B·T, C)\n",
        "    hidden, targets = hidden[:, :-1], targets[:, 1:]\n"
        "    flat = hidden.reshape(-1, hidden.size(-1))  # (B·T, C)\n",
    )


# 10.5 merged_linear


@mistake(
    "merged_linear",
    says="The weights stand side by side, and not below one another.",
    why="nn.Linear keeps (out, in): more outputs are more rows.",
    read="#fewer-and-larger",
    seen="bytedance/lightseq issue 160",
)
def weights_side_by_side(source):
    return change(
        source,
        "torch.cat([layer.weight for layer in layers])",
        "torch.cat([layer.weight.T for layer in layers], dim=1)",
    )


@mistake(
    "merged_linear",
    says="The layers come in the wrong order.",
    why="Who cuts the output into q, k and v gets v, k and q.",
    read="#fewer-and-larger",
)
def wrong_order(source):
    source = change(source, "[layer.weight for layer in layers]", "[layer.weight for layer in reversed(layers)]")
    return change(source, "[layer.bias for layer in layers]", "[layer.bias for layer in reversed(layers)]")


@mistake(
    "merged_linear",
    says="The biases are left as they were drawn.",
    why="The output is off by a random number in every channel.",
    read="#fewer-and-larger",
)
def biases_not_copied(source):
    return change(
        source, "        if has_bias:\n            merged.bias.copy_(torch.cat([layer.bias for layer in layers]))\n", ""
    )


@mistake(
    "merged_linear",
    says="There is a bias although the layers have none.",
    why="It begins with random numbers, and is trained: another model.",
    read="#fewer-and-larger",
)
def bias_from_nowhere(source):
    return change(
        source, "layer.out_features for layer in layers), has_bias,", "layer.out_features for layer in layers), True,"
    )


@mistake(
    "merged_linear",
    says="All layers are taken to be as wide as the first.",
    why="With grouped heads, k and v are narrower than q.",
    read="#fewer-and-larger",
)
def all_as_wide_as_the_first(source):
    return change(source, "sum(layer.out_features for layer in layers)", "len(layers) * layers[0].out_features")


@mistake(
    "merged_linear",
    says="The new weights still hang on the old ones by a graph: training goes through to them.",
    why="The optimizer is given a tensor that is no parameter, or the old layers get gradients.",
    read="#fewer-and-larger",
)
def graph_to_the_old_layers(source):
    return change(
        source,
        "    return merged\n",
        "    del merged.weight\n    merged.weight = torch.cat([layer.weight for layer in layers])\n    return merged\n",
    )


@mistake(
    "merged_linear",
    says="The dtype of the layers is not taken over.",
    why="A float64 or bfloat16 model meets a float32 layer, and refuses.",
    read="#fewer-and-larger",
)
def dtype_not_taken_over(source):
    return change(source, "has_bias, first.device, first.dtype)", "has_bias, first.device)")


@mistake(
    "merged_linear",
    says="Layers that do not fit together are not refused with a sentence.",
    why="Some of them are accepted, and a bias is lost; others end in an error about sizes.",
    read="#fewer-and-larger",
)
def not_looked_at(source):
    return change(source, "    if len(kinds) != 1:\n", "    if len(kinds) > 9:\n")


@mistake(
    "merged_linear",
    says="The layers themselves are changed by training the new one.",
    why="It is to be a copy: two models with one weight learn from each other.",
    read="#fewer-and-larger",
)
def shares_memory(source):
    return change(
        source,
        "    return merged\n",
        "    done = 0\n    for layer in layers:\n"
        "        layer.weight.data = merged.weight.data[done : done + layer.out_features]\n"
        "        done += layer.out_features\n    return merged\n",
    )


# 10.6 gains


@mistake(
    "gains",
    says="The ratio of the medians is taken, and not the median of the ratios.",
    why="What was measured in the same round belongs together: only then is a busy minute the same for both.",
    read="#round-by-round",
)
def ratio_of_medians(source):
    return change(
        source,
        "statistics.median(old / new for old, new in zip(before, after, strict=True))",
        "statistics.median(before) / statistics.median(after)",
    )


@mistake(
    "gains",
    says="The mean of the ratios is taken, and not their median.",
    why="One round in which something else ran decides about the result.",
    read="#round-by-round",
    seen="Fleming and Wallace 1986, How not to lie with statistics",
)
def mean_of_ratios(source):
    return change(source, "return statistics.median(old / new", "return statistics.mean(old / new")


@mistake(
    "gains",
    says="The ratio of all seconds together is taken.",
    why="The slowest round, in which the machine was busy, weighs most.",
    read="#round-by-round",
)
def ratio_of_sums(source):
    return change(
        source,
        "statistics.median(old / new for old, new in zip(before, after, strict=True))",
        "sum(before) / sum(after)",
    )


@mistake(
    "gains",
    says="The best of all rounds are compared.",
    why="They need not be of the same round; and the best is the luckiest.",
    read="#round-by-round",
    seen="Georges and others 2007, Statistically rigorous Java performance evaluation",
)
def best_of_all(source):
    return change(
        source,
        "statistics.median(old / new for old, new in zip(before, after, strict=True))",
        "min(before) / min(after)",
    )


@mistake(
    "gains",
    says="The ratio is upside down: a version that is twice as fast gets 0.5.",
    why="Seconds fall when speed rises.",
    read="#round-by-round",
)
def upside_down(source):
    return change(source, "statistics.median(old / new for", "statistics.median(new / old for")


@mistake(
    "gains",
    says="Rounds that are missing on one side are passed over.",
    why="Round 3 of the one is held against round 4 of the other.",
    read="#round-by-round",
)
def missing_rounds_passed_over(source):
    source = change(source, "if not before or len(before) != len(after):", "if not before or not after:")
    return change(source, "in zip(before, after, strict=True)", "in zip(before, after, strict=False)")


@mistake(
    "gains",
    says="The mean difference of the losses is given, and not the largest.",
    why="A single step that went wrong disappears among many that did not.",
    read="#the-same-losses",
)
def mean_difference(source):
    return change(source, "return max(gaps) if", "return sum(gaps) / len(gaps) if")


@mistake(
    "gains",
    says="Only the last loss is compared.",
    why="Two runs may meet at the end, and have gone different ways.",
    read="#the-same-losses",
)
def last_loss_only(source):
    return change(source, "return max(gaps) if", "return gaps[-1] if")


@mistake(
    "gains",
    says="The mean losses of both runs are compared.",
    why="Differences up and down cancel.",
    read="#the-same-losses",
)
def means_compared(source):
    return change(source, "return max(gaps) if", "return abs(sum(losses) - sum(others)) / len(gaps) if")


@mistake(
    "gains",
    says="The sign of the differences is kept: what is below does not count.",
    why="A loss that is too low is as wrong as one that is too high. Lower, it is more tempting.",
    read="#the-same-losses",
)
def sign_of_the_difference(source):
    return change(source, "[abs(a - b) for a, b", "[b - a for a, b")


@mistake(
    "gains",
    says="NaN is passed over, or it is taken for the same.",
    why="Every comparison with NaN is false, also this one: a run that broke down looks like a perfect copy.",
    read="#the-same-losses",
)
def nan_is_the_same(source):
    return change(
        source,
        "max(gaps) if all(map(math.isfinite, gaps)) else math.inf",
        "max((gap for gap in gaps if math.isfinite(gap)), default=0.0)",
    )


@mistake(
    "gains",
    says="Losses that are missing on one side are passed over.",
    why="A run that ended early proves nothing about the steps that it did not take.",
    read="#the-same-losses",
)
def missing_losses_passed_over(source):
    source = change(source, "if not losses or len(losses) != len(others):", "if not losses:")
    return change(source, "in zip(losses, others, strict=True)]", "in zip(losses, others, strict=False)]")


@mistake(
    "gains",
    says="Every version is held against the first one only: what the last change brought is not to be seen.",
    why="A change that made it slower hides behind those before it.",
    read="#round-by-round",
)
def gain_over_the_first(source):
    return change(source, "speed_ratio(seconds[before], seconds[name])", "speed_ratio(seconds[first], seconds[name])")


@mistake(
    "gains",
    says="The gain over the first version is the product of the single gains.",
    why="Each of them has an error of measurement, and their product has them all. Both were measured: divide them.",
    read="#round-by-round",
)
def product_of_gains(source):
    return change(
        source,
        "                speed_ratio(seconds[first], seconds[name]),\n",
        "                speed_ratio(seconds[before], seconds[name]) * (rows[-1].total if rows else 1.0),\n",
    )


@mistake(
    "gains",
    says="Losses are compared with the version before, and not with the first.",
    why="Many small steps away make a long way, and each of them is within its tolerance.",
    read="#the-same-losses",
)
def losses_of_the_one_before(source):
    return change(
        source, "largest_difference(losses[first], losses[name])", "largest_difference(losses[before], losses[name])"
    )


@mistake(
    "gains",
    says="One tolerance is used for all versions.",
    why="bfloat16 may differ by more than another order of adding up. Allowed to all, an error fits in, too.",
    read="#the-same-losses",
)
def one_tolerance(source):
    return change(source, "difference <= tolerances[name]", "difference <= max(tolerances.values())")


@mistake(
    "gains",
    says="A difference of exactly the tolerance is too large.",
    why="The first version differs from itself by 0, and its tolerance is 0.",
    read="#the-same-losses",
)
def exactly_the_tolerance(source):
    return change(source, "difference <= tolerances[name]", "difference < tolerances[name]")


@mistake(
    "gains",
    says="The tokens per second come from the fastest round.",
    why="It is what the machine can do once. The median is what it does.",
    read="#round-by-round",
    seen="Georges and others 2007, Statistically rigorous Java performance evaluation",
)
def fastest_round(source):
    return change(source, "tokens / statistics.median(seconds[name])", "tokens / min(seconds[name])")


@mistake(
    "gains",
    says="The tokens per second are those of all rounds together, for the time of one.",
    why="The number grows with the number of rounds.",
    read="#round-by-round",
)
def tokens_of_all_rounds(source):
    return change(
        source,
        "tokens / statistics.median(seconds[name])",
        "tokens * len(seconds[name]) / statistics.median(seconds[name])",
    )
