"""One rank of a check that runs on several processes: it waits for calls, and says where it stands when asked."""

import io
import os
import pickle
import re
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

import torch._dynamo  # noqa: F401 (DistributedDataParallel imports it: whoever serves forks of this has it ready)
import torch.distributed as dist

from grader import outcome
from grader.calls import MODULE, Answer, Call, Stand
from grader.differences import snapshot
from grader.limits import limit
from grader.loading import Recipe, Version, load_file
from grader.outcome import PRINTED_LIMIT, Raised, raised_from, seed_everything
from grader.tampering import Kept

PORT = re.compile(r"(?<=[\d\]]):\d{4,5}\b")  # of a peer, in gloo's messages


def serve(calls: Connection, questions: Connection) -> None:
    """Answer calls until the parent closes its end, or is gone."""
    limit()
    _be_silent()
    threading.Thread(target=_tell_where, args=(questions, threading.get_ident()), daemon=True).start()
    calls.send_bytes(b"ready")
    while True:
        try:
            call = pickle.loads(calls.recv_bytes())
        except (EOFError, OSError):
            return
        calls.send_bytes(pickle.dumps(answer(call)))
        calls.recv_bytes()  # the end: if the group went earlier, the others would see a lost connection
        if dist.is_initialized():
            dist.destroy_process_group()


def answer(call: Call) -> Answer:
    """Make the call on a version of its own, in the environment that torchrun would give it."""
    heard = io.StringIO()
    value: object = None
    raised: Raised | None = None
    with ExitStack() as open_until_the_end:
        version = open_until_the_end.enter_context(_version(call.recipe))
        put_back = Kept().put_back
        try:
            try:
                with redirect_stdout(heard), redirect_stderr(heard):
                    os.environ.update(_torchrun(call))
                    arguments = [_argument(kind, value, version) for kind, value in call.arguments]
                    function = getattr(_file(call.file), call.function)
                    if call.group:
                        _join(call)
                    outcome.SEED = call.seed
                    seed_everything()
                    value = snapshot(function(call.rank, *arguments))
            finally:
                put_back()
        except BaseException as error:
            raised = raised_from(error, version)
            raised = replace(raised, message=PORT.sub(":…", raised.message), rank=call.rank)
    return Answer(value, raised, time.monotonic(), heard.getvalue()[:PRINTED_LIMIT])


def _version(recipe: Recipe | None) -> Version:
    return recipe.version(_file) if recipe else Version(Path())


def _argument(kind: str, value: object, version: Version) -> object:
    return version.module(str(value)) if kind == MODULE else value


@cache
def _file(file: str) -> object:
    return load_file(Path(file))


def _torchrun(call: Call) -> Mapping[str, str]:
    """torchrun's own variables; its agent serves the store, as the grader does here."""
    return {
        "RANK": str(call.rank),
        "LOCAL_RANK": str(call.rank),
        "WORLD_SIZE": str(call.size),
        "LOCAL_WORLD_SIZE": str(call.size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(call.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }


def _join(call: Call) -> None:
    store = dist.FileStore(call.meeting, call.size)  # a TCPStore would ask the network for the name of 127.0.0.1
    dist.init_process_group("gloo", store=store, rank=call.rank, world_size=call.size)


def _be_silent() -> None:
    """What gloo and torch write below Python goes nowhere: a check's screen belongs to the grader."""
    with open(os.devnull, "r+b") as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    sys.stdin = io.StringIO()


def _tell_where(questions: Connection, main: int) -> None:
    """Answer each question with the stand of the main thread. When nobody can ask any more, end the process."""
    try:
        while True:
            questions.recv_bytes()
            frame = sys._current_frames().get(main)
            questions.send_bytes(pickle.dumps(Stand(_stack(frame), time.process_time())))
    except (EOFError, OSError):
        os._exit(0)


def _stack(frame: FrameType | None) -> tuple[tuple[str, int, str], ...]:
    frames = traceback.walk_stack(frame) if frame else ()
    return tuple((f.f_code.co_filename, line, f.f_code.co_name) for f, line in frames)[::-1]
