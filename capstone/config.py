"""Everything that decides a run, on one screen."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal


@dataclass(frozen=True)
class Config:
    """One line of meaning a field; every field is an option, and a key in a file for --config."""

    # The run
    name: str = "run"  # its folder is runs/NAME; where that is taken, runs/NAME-2 and so on
    runs: str = "runs"  # the folder that the runs are in
    pieces: Literal["finished", "mine", "reference"] = "finished"  # whose pieces: yours where their checks passed, …
    seed: int = 1  # of the first weights, of the order of the text, and of dropout
    # The text
    text: str = "encyclopedia"  # encyclopedia, wikitext2-tokens, wikitext2-raw, or the path of a text file
    data_dir: str = ""  # a folder that has the data already (empty: COURSE_DATA, or where course_data keeps it)
    tokenizer: str = ""  # the tokenizer.json to use (empty: train one on the train split)
    vocab_size: int = 2048  # V: how many tokens the tokenizer that is trained here has
    # The model
    block_size: int = 128  # T: how far back it sees, in tokens
    n_layer: int = 2  # blocks
    n_head: int = 4  # H: attention heads in each block
    n_embd: int = 128  # C: numbers per token
    dropout: float = 0.0  # probability, while training
    noise: float = 0.0  # share of the tokens that are read in training which are swapped for others of the batch
    positions: Literal["learned", "sinusoidal", "rotary"] = "learned"  # how the model knows where a token stands
    attention: Literal["day02", "day03"] = "day02"  # whose attention: day 2's with its mask, or day 3's
    kernels: Literal["fast", "pieces"] = "fast"  # fast: the same mathematics in faster operations; pieces: as written
    # The training
    steps: int = 1300  # how many; the learning rate depends on it
    batch_size: int = 8  # B: sequences in a step, of all processes together
    accumulate: int = 1  # parts in which each process takes its share of a step, one after the other: less memory
    lr: float = 4e-3  # the highest learning rate
    floor_lr: float = 0.0  # the learning rate of the last step
    warmup_fraction: float = 0.1  # the share of the steps in which the learning rate rises
    optimizer: Literal["adamw", "muon"] = "adamw"  # day 5's; muon: Muon for the hidden matrices, day 5's for the rest
    beta2: float = 0.99  # how slowly AdamW's mean of squared gradients moves
    weight_decay: float = 0.1  # on matrices only
    max_norm: float = 1.0  # the gradient is clipped to this norm
    average: float = 0.0  # decay of the running mean of the weights that is validated and kept as best.pt; 0: none
    guard: Literal["skip", "stop", "off"] = "skip"  # a step with NaN or a spike is left out, ends the run, or is taken
    # What is shown and kept
    log_every: int = 10  # steps between two looks at the loss
    eval_every: int = 150  # steps between two validations; best.pt is the best of them
    save_every: int = 150  # steps between two checkpoints; a run that is killed goes on from the newest
    keep: int = 2  # how many checkpoints are kept beside best.pt
    board: Literal["tensorboard", "wandb", "none"] = "tensorboard"  # draws the curves while it runs
    profile: int = 0  # steps that torch.profiler looks at, after the first ten (0: none): see profile.txt
    prompt: str = ""  # what the sample at the end begins with
    sample_tokens: int = 120  # how long the sample at the end is
    # The machine
    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  # auto: bfloat16 where it is faster
    compile: Literal["off", "on"] = "off"  # torch.compile for the blocks: minutes at first, faster steps on a GPU
    threads: int = 0  # of the processor (0: as many as PyTorch takes)
    workers: int = 0  # processes that load the text
    timeout: float = 600.0  # seconds for which the processes of a run wait for one that does not answer

    def faults(self, processes: int = 1) -> list[str]:
        """Every value that cannot be (in a run of so many processes), each by the name of its option."""
        at_least = {
            1: "block_size n_layer n_head n_embd steps batch_size accumulate log_every eval_every save_every keep",
            0: "seed threads workers sample_tokens profile",
            257: "vocab_size",
        }
        found = [
            f"{flag(name)} is {getattr(self, name)}: it must be at least {least}"
            for least, names in at_least.items()
            for name in names.split()
            if getattr(self, name) < least
        ]
        found += self._faults_of_size(processes)
        for name in ("dropout", "noise", "beta2", "average"):
            if not 0 <= getattr(self, name) < 1:
                found.append(f"{flag(name)} is {getattr(self, name)}: it must be from 0 up to, but not including, 1")
        if not 0 <= self.warmup_fraction <= 1:
            found.append(f"--warmup-fraction is {self.warmup_fraction}: it must be from 0 to 1")
        for name in ("lr", "max_norm", "timeout"):
            if not getattr(self, name) > 0:
                found.append(f"{flag(name)} is {getattr(self, name)}: it must be above 0")
        if not self.floor_lr >= 0 or self.floor_lr > self.lr > 0:
            found.append(f"--floor-lr is {self.floor_lr}: it must be from 0 to --lr, {self.lr}")
        if not self.weight_decay >= 0:
            found.append(f"--weight-decay is {self.weight_decay}: it must be at least 0")
        if self.precision == "float16" and self.kernels == "pieces":
            found.append("--precision float16 needs its gradients scaled, which --kernels fast does, and pieces do not")
        if self.board != "none" and find_spec(self.board) is None:
            found.append(f"--board is {self.board}, which is not installed: pip install {self.board}, or --board none")
        if self.profile and self.profile > self.steps - 10:
            found.append(
                f"--profile is {self.profile}: after the first ten there must be so many of --steps, {self.steps}"
            )
        if not self.name or self.name != self.name.strip() or any(c in self.name for c in '/\\:*?"<>|'):
            found.append(f"--name is {self.name!r}: it must be the name of a folder, without / and the like")
        return found

    def _faults_of_size(self, processes: int) -> list[str]:
        """Sizes that do not divide one another."""
        found = []
        if self.n_embd > 0 and self.n_head > 0 and self.n_embd % self.n_head:
            found.append(f"--n-embd is {self.n_embd}: it must be a multiple of --n-head, {self.n_head}")
        parts = processes * self.accumulate
        if self.batch_size > 0 and self.accumulate > 0 and self.batch_size % parts:
            many = f"the number of processes, {processes}, times " if processes > 1 else ""
            found.append(
                f"--batch-size is {self.batch_size}: it must be a multiple of {many}--accumulate, {self.accumulate}"
            )
        if self.positions == "rotary" and self.n_head > 0 and self.n_embd // self.n_head % 2:
            found.append(
                f"--positions rotary turns pairs: --n-embd / --n-head, {self.n_embd // self.n_head}, must be even"
            )
        return found


def flag(name: str) -> str:
    """The option of a field: n_embd is --n-embd."""
    return "--" + name.replace("_", "-")
