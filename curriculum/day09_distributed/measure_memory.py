"""Hold your prediction of memory against measurements, for several models and ways to train them. Given whole.

    python -m curriculum.day09_distributed.measure_memory

Parameters, gradients, optimizer state and activations are counted tensor by tensor (memory_measured.py). The peak of a
step comes from whoever gives the memory out: PyTorch's profiler on the CPU, CUDA's allocator on a GPU.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .memory import PRECISIONS, predict
from .memory_measured import saved_bytes, state_bytes
from .tiny_gpt import TinyConfig, TinyGPT

NAME = "day09-memory"
WIDE = TinyConfig(vocab_size=200, block_size=64, n_layer=6, n_head=4, n_embd=192)
LONG = TinyConfig(vocab_size=200, block_size=512, n_layer=2, n_head=8, n_embd=64)
DEEP = TinyConfig(vocab_size=500, block_size=128, n_layer=6, n_head=4, n_embd=64)
MANY_TOKENS = TinyConfig(vocab_size=5000, block_size=128, n_layer=2, n_head=4, n_embd=64)
LARGER = TinyConfig(vocab_size=50257, block_size=1024, n_layer=6, n_head=12, n_embd=768)
MODELS = {"wide": (WIDE, 2, 16), "long": (LONG, 1, 512), "deep": (DEEP, 4, 128), "many tokens": (MANY_TOKENS, 4, 128)}
MODELS_FOR_GPU = {**MODELS, "half of GPT-2 small": (LARGER, 4, 1024)}  # config, B, T


class Training:
    """A model, its optimizer and one batch, ready for steps."""

    def __init__(self, config: TinyConfig, batch: int, length: int, precision: str, fused: bool, device: str) -> None:
        torch.manual_seed(0)
        self.device, self.half = device, precision == "bfloat16"
        self.model = TinyGPT(config, fused).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.idx = torch.randint(config.vocab_size, (batch, length), device=device)

    def forward(self) -> Tensor:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            return self.model(self.idx, self.idx)[1]

    def step(self) -> None:
        self.forward().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def peak_on_cpu(training: Training) -> int:
    """The most that one step has at a time, by the profiler's list of what was given out and given back."""
    always = state_bytes(training.model, training.optimizer)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        training.step()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return always["parameters"] + always["optimizer"] + most


def peak_on_gpu(training: Training) -> int:
    """The most that one step has at a time, by CUDA's allocator."""
    torch.cuda.reset_peak_memory_stats()
    training.step()
    return torch.cuda.max_memory_allocated()


def measured(training: Training) -> dict[str, int]:
    training.step()
    peak = peak_on_gpu(training) if training.device == "cuda" else peak_on_cpu(training)
    activations = saved_bytes(training.model, training.forward)
    training.forward().backward()
    return {**state_bytes(training.model, training.optimizer), "activations": activations, "peak": peak}


def rows(device: str) -> list[dict[str, Any]]:
    """For each model, precision and way of attention, what was predicted and what was measured."""
    found = []
    for name, (config, batch, length) in (MODELS_FOR_GPU if device == "cuda" else MODELS).items():
        for precision in PRECISIONS:
            for fused in (False, True):
                expected = predict(config, batch, length, precision, fused)
                seen = measured(Training(config, batch, length, precision, fused, device))
                parts = {part: getattr(expected, part) for part in seen if part != "peak"}
                predicted = {**parts, "peak": expected.peak()}
                row = {"model": name, "precision": precision, "fused": fused}
                found.append({**row, "predicted": predicted, "measured": seen})
                print(f"{name}, {precision}, {'fused' if fused else 'formula'}")
                for part, size in seen.items():
                    off = f"{100 * (predicted[part] / size - 1):+.2f} %" if size else ""
                    print(f"    {part:12} predicted {predicted[part]:>14,}  measured {size:>14,}  {off}")
    return found


def worst(found: list[dict[str, Any]], part: str) -> float:
    """The largest error of a part, in per cent of what was measured."""
    return max(100 * abs(row["predicted"][part] / row["measured"][part] - 1) for row in found)


def drawn(found: list[dict[str, Any]]) -> Any:
    """Peaks, predicted and measured."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8.5, 4.8), layout="constrained")
    for offset, key, colour in ((-0.2, "predicted", "#2166ac"), (0.2, "measured", "#999999")):
        heights = [row[key]["peak"] / 1e6 for row in found]
        axis.barh([y + offset for y in range(len(found))], heights, 0.38, color=colour, label=key)
    names = [f"{row['model']}, {row['precision']}, {'fused' if row['fused'] else 'formula'}" for row in found]
    axis.set_yticks(range(len(found)), names)
    axis.invert_yaxis()
    axis.set(xlabel="peak of a step, MB")
    axis.legend(frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold your prediction of memory against measurements.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run's folder is made (default runs)")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here that PyTorch can use: leave --device out")
    try:
        found = rows(given.device)
        parts = ("parameters", "gradients", "optimizer", "activations", "peak")
        metrics = {f"worst_error_percent_{part}": worst(found, part) for part in parts}
        run = new_run_folder(NAME, given.runs)
        run.finish(config={"device": given.device}, metrics={**metrics, "rows": found}, figure=drawn(found))
    except NotImplementedError as error:
        sys.exit(f"memory.py or memory_measured.py is not finished yet: {error}")
    except (CourseDataError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped: nothing was recorded")
    print(f"{run.path}: off by at most {metrics['worst_error_percent_peak']:.1f} % at the peak")


if __name__ == "__main__":
    main()
