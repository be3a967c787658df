"""Processes that find each other, add up their numbers and pass a letter round.

python -m curriculum.day06_ddp.say_hello                                          one process
python -m torch.distributed.run --nproc-per-node 2 -m curriculum.day06_ddp.say_hello     two (also called torchrun)
"""

import argparse
import os

import torch

from .hello_ddp import ring_of_hellos, start, stop, sum_over_ranks


def main() -> None:
    parser = argparse.ArgumentParser(description="Say hello from every process.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs a GPU for each process")
    arguments = parser.parse_args()
    world = start(arguments.device)
    try:
        device = torch.device("cuda", world.local_rank) if arguments.device == "cuda" else torch.device("cpu")
        print(f"Hello from rank {world.rank} of {world.size}, process {os.getpid()}, on {device}.", flush=True)
        letter = ring_of_hellos(torch.tensor(os.getpid(), device=device))
        total = sum_over_ranks(torch.tensor(float(world.rank + 1), device=device))
        if world.main:
            print(f"The letter came back with the process numbers {letter.tolist()}.")
            print(f"1 + … + {world.size} = {total.item():g}: every rank has it, one prints it.")
    finally:
        stop()


if __name__ == "__main__":
    main()
