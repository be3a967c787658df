"""Checks of the machine: processor, memory, GPU, processes that talk to each other, ports, disk, terminal."""

import tempfile
from pathlib import Path

from companion.course import Course
from companion.doctor.finding import Finding, fault, ok, warning
from companion.doctor.machine import TORCHRUN, Machine

SIGNS = "✔ ○ ✘ √ █ →"
GB = 1e9


def processor(machine: Machine, course: Course) -> Finding:
    """Cores, memory, and whether bfloat16 is computed or imitated."""
    said = machine.probe("processor")
    have = f"{machine.cores} core{'s' * (machine.cores > 1)}"
    have += f", {machine.memory / GB:.0f} GB of memory" if machine.memory else ""
    if 0 < machine.memory < 3.5 * GB:
        return warning(
            "processor", f"{have}: too little for the larger models.", "Close other programs; take small presets."
        )
    if "error" in said:
        return ok("processor", have)
    fast = "with AMX" if said["amx_tile"] else "with AVX-512" if said["avx512_bf16"] else ""
    bf16 = f"bfloat16 computed {fast}" if fast else "bfloat16 in software: right, but no faster than float32"
    return ok("processor", f"{have}, {bf16}")


def gpu(machine: Machine, course: Course) -> Finding:
    """A GPU, if there is one, can be used."""
    said, versions = machine.probe("cuda"), machine.probe("versions")
    card = machine.said("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").splitlines()
    if "error" in versions:
        return ok("GPU", "not asked: torch cannot be imported")
    if "error" in said:
        return fault(
            "GPU",
            f"There is one, and it cannot add two numbers: {said['error']}.",
            "Install a torch built for it: pytorch.org.",
        )
    if said["devices"]:
        names = ", ".join(f"{name}, {size} GB" for name, size in zip(said["devices"], said["gigabytes"], strict=True))
        return ok("GPU", names + (", with bfloat16" if said["bf16"] else ", without bfloat16: take float16"))
    if card and not versions["cuda"]:
        return warning(
            "GPU", f"{card[0]}: torch is the build for processors.", "Choose CUDA on pytorch.org, and install that."
        )
    if card:
        return warning(
            "GPU",
            f"{card[0]}: the driver is too old for CUDA {versions['cuda']}.",
            "Update the driver, or take an older torch.",
        )
    return ok("GPU", "Apple's, through mps" if said["mps"] else "none, and the course needs none")


def gloo(machine: Machine, course: Course) -> Finding:
    """Two processes find each other and add up a number."""
    said = machine.probe("gloo")
    if said == 3:
        return ok("gloo", "two processes found each other")
    if "error" in machine.probe("versions"):
        return ok("gloo", "not asked: torch cannot be imported")
    reason = said["error"] if isinstance(said, dict) else f"1 + 2 gave {said}"
    card = "lo0" if machine.system == "Darwin" else "lo"
    do = (
        "Let Python through the firewall."
        if machine.system == "Windows"
        else f"GLOO_SOCKET_IFNAME={card}, and try again."
    )
    return fault("gloo", f"Two processes cannot talk to each other (days 6 and 9): {reason}.", do)


def ports(machine: Machine, course: Course) -> Finding:
    """The port that torchrun takes by default is free."""
    if machine.port_is_free(TORCHRUN):
        return ok("ports", f"{TORCHRUN} is free for torchrun")
    return warning(
        "ports",
        f"Something listens on {TORCHRUN}, which torchrun takes by default.",
        "torchrun --standalone takes another.",
    )


def disk(machine: Machine, course: Course) -> Finding:
    """There is room for data, checkpoints and temporary files."""
    from course_data.cache import cache_folder

    folders = {
        "the course": course.root,
        "the cache of data": cache_folder(),
        "temporary files": Path(tempfile.gettempdir()),
    }
    free = {name: machine.free_bytes(folder) for name, folder in folders.items()}
    name, least = min(free.items(), key=lambda item: item[1])
    if least < 0.3 * GB:
        return fault("disk", f"{least / 1e6:.0f} MB are left for {name}, at {folders[name]}.", "Make room there.")
    if least < 2 * GB:
        return warning(
            "disk",
            f"{least / GB:.1f} GB are left for {name}, at {folders[name]}.",
            "Checkpoints and CIFAR-10 want 2 GB.",
        )
    return ok("disk", f"{least / GB:.0f} GB free")


def shared_memory(machine: Machine, course: Course) -> Finding:
    """On Linux, workers of a DataLoader hand their batches over in /dev/shm, which is tiny in many containers."""
    folder = Path("/dev/shm")
    if machine.system != "Linux" or not folder.is_dir():
        return ok("shared memory", "as much as there is memory")
    free = machine.free_bytes(folder)
    if free < 0.2 * GB:
        return warning(
            "shared memory",
            f"/dev/shm has {free / 1e6:.0f} MB: DataLoader workers will crash.",
            "docker run --shm-size=1g",
        )
    return ok("shared memory", f"{free / GB:.0f} GB in /dev/shm")


def terminal(machine: Machine, course: Course) -> Finding:
    """The terminal can show the grader's signs."""
    try:
        SIGNS.encode(machine.encoding)
    except (UnicodeEncodeError, LookupError):
        do = "$env:PYTHONUTF8 = 1" if machine.system == "Windows" else "export PYTHONUTF8=1, and a locale with UTF-8"
        return warning("terminal", f"Its encoding, {machine.encoding}, lacks ✔ and √; plain signs stand for them.", do)
    return ok("terminal", machine.encoding)


CHECKS = (processor, gpu, gloo, ports, disk, shared_memory, terminal)
