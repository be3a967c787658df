"""Kill a tiny run again and again, and let it go on from your checkpoints: half a minute.

    python -m curriculum.day08_checkpoints.killed_run

A process trains the run of tiny_trainer.py, saves every few steps, and is killed (kill -9: it cannot even say goodbye)
at moments that nobody knows before. The next one takes up the newest whole checkpoint. At the end all losses are held
against those of a run that was never stopped: they must be the same, to the last bit.
"""

import argparse
import random
import subprocess
import sys
import tempfile

import torch

from .checkpoint_folder import CheckpointFolder
from .tiny_trainer import new_run, train
from .training_state import collect, put_back

SAVE_EVERY = 7


def child(folder: str, steps: int) -> None:
    """Go on from the newest checkpoint; print each step and its loss, every bit of it."""
    checkpoints = CheckpointFolder(folder)
    run = new_run()
    found = checkpoints.newest()
    if found is not None:
        put_back(run, found[1])
    for path, reason in checkpoints.damaged:
        print(f"passed over {path.name}: {reason}", file=sys.stderr)
    while run.step < steps:
        loss = train(run, 1)[0]
        print(run.step, loss.hex(), flush=True)
        if run.step % SAVE_EVERY == 0:
            checkpoints.save(run.step, collect(run))


def killed(folder: str, steps: int, lives: int) -> tuple[dict[int, set[str]], list[int]]:
    """What the losses of each step were, in all lives together; and the steps at which the process was killed."""
    losses: dict[int, set[str]] = {}
    deaths = []
    command = [sys.executable, "-m", f"{__package__}.killed_run", "--child", folder, "--steps", str(steps)]
    for life in range(1, lives + 1):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        end = random.randint(1, max(1, steps // lives)) if life < lives else steps + 1
        for number, line in enumerate(process.stdout or [], 1):
            step, loss = line.split()
            losses.setdefault(int(step), set()).add(loss)
            if number == end:
                process.kill()
                deaths.append(int(step))
                break
        process.communicate()
        if len(deaths) < life:  # it came to its end by itself, or has said what is wrong
            break
    return losses, deaths


def report(steps: int, kills: int) -> int:
    expected = dict(enumerate((loss.hex() for loss in train(new_run(), steps)), 1))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        losses, deaths = killed(folder, steps, kills + 1)
    if not losses:
        return 1
    different = [step for step in expected if losses.get(step) != {expected[step]}]
    print(f"killed after steps {', '.join(map(str, deaths))}")
    print(f"the same as in the run that was not killed: {steps - len(different)} of {steps} losses")
    if different:
        step = different[0]
        seen = ", ".join(f"{float.fromhex(loss):.6f}" for loss in sorted(losses.get(step, set()))) or "nothing"
        print(f"the first that is not: step {step}, {seen} instead of {float.fromhex(expected[step]):.6f}")
    return 1 if different else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="killed_run", description="Killed and resumed, to the last bit (task 8.5).")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)  # so small a model only waits for the others
    try:
        if args.child:
            child(args.child, args.steps)
            return 0
        return report(args.steps, args.kills)
    except KeyboardInterrupt:
        return 130
    except NotImplementedError as error:
        print(f"not written yet: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
