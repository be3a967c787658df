"""The reference, compiled: each public function, and each module's forward, goes through `torch.compile`."""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from grader.loading import Version

RECOMPILED = 4  # shapes of one function; further ones run as they stand


@contextmanager
def compiled(folder: Path, stems: Iterable[str]) -> Iterator[tuple[Version, list[int]]]:
    """A version whose files `stems` are compiled with inductor, and the sizes of the graphs that it makes as it runs.

    What cannot be compiled runs as it stands: a function that makes no graph was not compiled.
    """
    import torch._dynamo
    from torch._inductor.compile_fx import compile_fx

    graphs: list[int] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(len(graph.graph.nodes))
        return compile_fx(graph, inputs)

    settings = torch._dynamo.config.patch(suppress_errors=True, recompile_limit=RECOMPILED)
    logging.disable(logging.ERROR)  # dynamo tells of each function that it gives up
    try:
        with Version(folder) as version, settings:
            for stem in sorted(stems):
                _compile(version.module(stem), lambda function: torch.compile(function, backend=backend))
            yield version, graphs
    finally:
        logging.disable(logging.NOTSET)
        torch._dynamo.reset()


def _compile(module: ModuleType, through: Callable[[Any], Any]) -> None:
    for name, value in list(vars(module).items()):
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(value) and not inspect.isgeneratorfunction(value):
            setattr(module, name, through(value))
        elif inspect.isclass(value) and issubclass(value, nn.Module) and "forward" in vars(value):
            value.forward = through(value.forward)
