"""What torch says of itself, as JSON on the standard output: `python -m companion.doctor.probe [gloo RANK PORT]`.

It runs in a process of its own. Where a question cannot be answered, {"error": "…"} stands in place of the answer.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any


def main() -> None:
    """Answer every question, or, as one of two processes, meet the other."""
    if sys.argv[1:2] == ["gloo"]:
        answers = {"gloo": _asked(lambda: meet(int(sys.argv[2]), int(sys.argv[3])))}
    else:
        questions = (versions, vision, cuda, processor, compiler_headers)
        answers = {question.__name__: _asked(question) for question in questions}
    print(json.dumps(answers))


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception as error:  # whatever it is, it is the answer
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}


def versions() -> dict[str, Any]:
    """torch's version, and what it was built for."""
    import torch

    return {"torch": torch.__version__, "cuda": torch.version.cuda, "hip": torch.version.hip, "file": torch.__file__}


def vision() -> str:
    """torchvision's version, once it could be imported and its operators were found."""
    import torch
    import torchvision

    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    return torchvision.__version__


def cuda() -> dict[str, Any]:
    """The GPUs, and whether the first one can add."""
    import torch

    if not torch.cuda.is_available():
        mps = torch.backends.mps.is_available()
        return {"devices": [], "mps": mps}
    many = range(torch.cuda.device_count())
    gigabytes = [round(torch.cuda.get_device_properties(number).total_memory / 1e9) for number in many]
    (torch.zeros(1, device="cuda") + 1).item()
    names = [torch.cuda.get_device_name(number) for number in many]
    return {"devices": names, "gigabytes": gigabytes, "bf16": torch.cuda.is_bf16_supported(), "mps": False}


def processor() -> dict[str, Any]:
    """What this processor has for bfloat16, and how many threads torch takes."""
    import torch

    flags = {name: getattr(torch.cpu, f"_is_{name}_supported", lambda: False)() for name in ("amx_tile", "avx512_bf16")}
    return {**flags, "threads": torch.get_num_threads()}


def compiler_headers() -> bool:
    """Whether Python.h is there, which torch.compile includes."""
    import sysconfig

    return os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))


def meet(rank: int, port: int) -> int:
    """Sum 1 and 2 over two processes with gloo."""
    import torch
    import torch.distributed as dist

    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2, timeout=timedelta(seconds=20))
    number = torch.tensor([rank + 1])
    dist.all_reduce(number)
    dist.destroy_process_group()
    return int(number.item())


if __name__ == "__main__":
    main()
