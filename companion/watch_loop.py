"""The watcher: it waits for whatever happens, a save, a key, news of the checks, and puts it on the screen."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.console import RenderableType
from rich.text import Text

from companion.console import console
from companion.course import Course
from companion.errors import CompanionError
from companion.keys import Keys
from companion.warm import PATIENCE, Begun, Ended, Event, Judged, Order, Said, Warm
from companion.watch_display import Display, signals
from companion.watch_files import POLL, Files, checks_of, tasks_touched, uses_ranks, watched_folders
from companion.watch_help import hint_rows, section_of
from companion.watch_screen import Board, Row, help_rows, rows
from grader.limits import ctrl_c_ignored
from grader.units import Task

TICK = 0.25  # seconds: how often the screen is painted while checks run


@dataclass(frozen=True)
class Pressed:
    key: str


@dataclass(frozen=True)
class Saved:
    files: frozenset[Path]


@dataclass(frozen=True)
class Told:
    """News of the run; a text is why there will be no more."""

    event: Event | str


@dataclass(frozen=True)
class Trouble:
    text: str


@dataclass(frozen=True)
class Resized:
    pass


@dataclass(frozen=True)
class Wish:
    """What to check, and since when that is known."""

    tasks: Sequence[Task]
    since: float
    saved: frozenset[str] = frozenset()  # names of files
    every: bool = False  # the whole unit was asked for


class Watcher:
    """Watches the course's files from a task on. `poll` is that of Files."""

    def __init__(self, course: Course, task: Task, poll: bool | None = None):
        self.course = course
        self.happened: SimpleQueue[Pressed | Saved | Told | Trouble | Resized] = SimpleQueue()
        self.wish = Wish([task], time.monotonic())
        self.board = self._board(task)
        self.running = self.is_away = False
        self.sent = False  # whether the run has its order, and may have read the files
        self.lock = threading.Lock()
        self.following: threading.Thread | None = None
        self.again = False  # whether the wish came while checks ran, which are being ended for it
        self.warm, self.display = Warm(), Display()
        self.keys = Keys(lambda key: self.happened.put(Pressed(key)))
        self.files = Files(
            watched_folders(course),
            lambda files: self.happened.put(Saved(files)),
            lambda text: self.happened.put(Trouble(text)),
            poll,
        )
        self.actions = {
            "h": self._hint,
            "l": self._lesson,
            "n": self._next,
            "a": lambda: self.check(Wish(self._written_in_unit(), time.monotonic(), every=True)),
            "r": lambda: self.check(Wish(self.wish.tasks, time.monotonic(), self.wish.saved, self.wish.every)),
            "v": lambda: self._page(Text.from_ansi("".join(self.board.said))),
            "?": lambda: self._panel([*help_rows(self.board.label), *self._polling()]),
        }

    def run(self) -> None:
        """Watch until q is pressed."""
        with contextlib.ExitStack() as open_until_the_end:
            open_until_the_end.callback(self._end)
            signalled = signals(lambda: self.happened.put(Resized()), self._away)
            for part in (self.files, signalled, self.display, self.keys):
                open_until_the_end.enter_context(part)
            self.check(self.wish)
            self.board.panel = self._polling()
            self._tick()
            while self.take():
                pass

    def take(self) -> bool:
        """Take in the next thing that happens. False if it was q."""
        try:
            thing = self.happened.get(timeout=TICK)
        except Empty:
            self._tick()
            return True
        match thing:
            case Pressed("q" | "Q"):
                return False
            case Pressed(key):
                self.actions.get(key.lower(), self._paint)()
            case Saved(files):
                self._saved(files)
            case Told(event):
                self._told(event)
            case Trouble(text):
                self._panel([(text, "advice")])
            case Resized():
                self._paint()
        return True

    def _tick(self) -> None:
        if self.running and self.sent:
            self._prepare()  # the next process, in case that this run has to be given up
        if self.running and self.display.paints:
            self.board.seconds = time.monotonic() - self.wish.since
            self._paint()

    # What is to be checked

    def _saved(self, files: frozenset[Path]) -> None:
        """Check what was saved: the current task and those above it, or else the task to which the learner went."""
        since = time.monotonic()
        touched: list[Task] = []
        for file in sorted(files):
            touched += [task for task in tasks_touched(self.course, file, self.board.task) if task not in touched]
        if touched and self.board.task not in touched:
            self.board = self._board(touched[0])
        here = [task for task in touched if task.unit == self.board.task.unit]
        if here:
            self.check(Wish(here, since, frozenset(file.name for file in files)))

    def _next(self) -> None:
        board = self.board
        if board.task.id not in board.passed:
            self._panel([(f"{board.task.id} has not passed yet: n goes on when it has.", "advice")])
        elif board.upcoming is None:
            self._panel([("This was the last task that has checks. Well done!", "good")])
        else:
            self.board = self._board(board.upcoming)
            self.check(Wish([self.board.task], time.monotonic()))

    def _board(self, task: Task) -> Board:
        tasks = [other for other in self.course.tasks if other.checks]
        upcoming = next(iter(tasks[tasks.index(task) + 1 :]), None)
        return Board(task, self.course.unit(task).label, upcoming)

    def _written_in_unit(self) -> list[Task]:
        return [task for task in self.course.unit(self.board.task).tasks if task.checks]

    # Runs

    def check(self, wish: Wish) -> None:
        """Carry out a wish. A run that goes on is given up for it; one that waits for its process takes it over."""
        with self.lock:
            self.wish = wish
            self.again = self.running and self.sent
            waits = self.running and not self.sent
        if self.again:
            self.warm.stop()
            return
        self.board = self._board(self.board.task)
        self.board.every, self.board.checking = wish.every, "getting ready"
        if not waits:
            self.running, self.sent = True, False
            self._prepare()
            self.following = threading.Thread(target=self._follow, daemon=True)
            self.following.start()

    def _order(self) -> Order:
        """The order for the wish of the moment in which a process is ready for it."""
        with self.lock:
            wish, self.sent = self.wish, True
        targets = tuple(target for task in wish.tasks for target in checks_of(task, wish.saved))
        first = tuple(f"test_{name.removeprefix('test_')}" for name in wish.saved)  # what is being written
        return Order(self.course.root, targets, first, self.display.size[0], self.display.colour)

    def _prepare(self) -> None:
        self.warm.prepare(uses_ranks(self.course, self.board.task))

    def _follow(self) -> None:
        """Pass on what a run tells, in a thread of its own."""
        try:
            for event in self.warm.run(self._order):
                self.happened.put(Told(event))
        except CompanionError as error:
            self.happened.put(Told(str(error)))

    def _told(self, event: Event | str) -> None:
        board = self.board
        match event:
            case Ended() | str():
                self.running = False
                self._prepare()
                if self.again:
                    self.check(self.wish)
                else:
                    self._ended(event)
            case _ if self.again:
                pass  # of a run that was given up
            case Begun(check):
                board.checking = f"checking {check.rpartition('/')[2]}"
            case Judged():
                before, done = board.story(), board.judged and board.judged[-1].task == board.task.id != event.task
                board.judged.append(event)
                if self.display.paints and (done or board.story() is not before):
                    self._paint()  # at once: this is what the learner waits for
            case Said(text):
                board.said.append(text)

    def _end(self) -> None:
        """End all processes, and let what they have made go."""
        self.warm.close()
        if self.following is not None:
            self.following.join(PATIENCE)

    def _ended(self, event: Ended | str) -> None:
        board = self.board
        board.checking, board.seconds = "", time.monotonic() - self.wish.since
        if isinstance(event, str):
            board.troubles = [event, "Press r to try again; course check runs the checks without the watcher's help."]
        else:
            board.passed, board.troubles = event.passed, list(event.troubles)
            board.said.append(event.broken)
            if event.broken:
                board.troubles += ["The grader itself failed, which is not your fault. v shows how; please report it."]
        self._paint()

    # What is shown

    def _hint(self) -> None:
        try:
            self._panel(hint_rows(self.course, self.board.task, self.board.story()))
        except CompanionError as error:
            self._panel([(str(error), "advice")])

    def _lesson(self) -> None:
        from rich.markdown import Markdown

        told = self.board.story()
        advice = "\n".join(text for text, _ in told.advice) if told else ""
        text = section_of(self.course, self.board.task, advice)
        if text:
            self._page(Markdown(text, hyperlinks=False))
        else:
            self._panel([("There is no section about this in the lesson.", "advice")])

    def _page(self, text: RenderableType) -> None:
        """Show something that may be longer than the screen, in the pager."""
        if not self.keys.there:
            return
        with self._away(), ctrl_c_ignored(), console().pager(styles=self.display.colour):
            console().print(text)
        self._paint()

    def _polling(self) -> list[Row]:
        why = self.files.polls_because
        return [(f"Saves are noticed by looking at the files every {POLL / 1000:g} s ({why}).", "dim")] if why else []

    def _panel(self, lines: Sequence[Row]) -> None:
        self.board.panel = lines
        self._paint()

    def _paint(self) -> None:
        width, height = self.display.size
        found = rows(self.board, width, height, self.keys.there)
        self.display.show(found, rows(self.board, width))

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        """Leave the terminal to the pager, or to the shell."""
        if self.is_away:
            yield
            return
        self.is_away = True
        try:
            with self.keys.away(), self.display.away():
                yield
        finally:
            self.is_away = False
