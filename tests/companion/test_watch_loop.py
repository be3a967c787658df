"""The watcher's decisions, with checks that say what the test wants: what is run when, and where it stays."""

import queue
import threading
from types import SimpleNamespace

import pytest

from companion.course import the_course
from companion.errors import CompanionError
from companion.records import load
from companion.warm import STOPPED, Ended, Judged, Said
from companion.watch_loop import Pressed, Saved, Watcher
from grader.units import task_by_id

SUMS = "curriculum/week01_sums"


class Script:
    """Stands in for Warm: notes the orders, and tells what the test puts into `news`."""

    def __init__(self):
        self.orders, self.news, self.ordered = [], queue.SimpleQueue(), queue.SimpleQueue()
        self.stops = 0
        self.ready = threading.Event()
        self.ready.set()

    def prepare(self, ranks):
        pass

    def stop(self):
        self.stops += 1
        self.news.put(Ended(STOPPED))

    def run(self, order):
        assert self.ready.wait(60)
        self.orders.append(order())
        self.ordered.put(None)
        while True:
            event = self.news.get(timeout=60)
            if isinstance(event, Exception):
                raise event
            yield event
            if isinstance(event, Ended):
                return

    @property
    def targets(self):
        return [[target.rpartition("/")[2] for target in order.arguments] for order in self.orders]


@pytest.fixture
def watcher(course, monkeypatch):
    """A watcher at task 1.2 with a terminal, whose first run has ended: nothing is started."""
    monkeypatch.setattr("companion.watch_loop.Warm", Script)
    here = the_course()
    made = Watcher(here, task_by_id(here.units, "1.2"), poll=False)
    made.keys = SimpleNamespace(there=True)
    made.shown = []
    made.display = SimpleNamespace(
        paints=True, size=(80, 24), colour=False, show=lambda rows, kept: made.shown.append([text for text, _ in rows])
    )
    made.check(made.wish)
    made.warm.ordered.get(timeout=60)
    end(made, judged(made, "1.2", "not started", unwritten="1.2 rows"))
    return made


def judged(watcher, task, state, file="test_rows.py", **more):
    return Judged(task, watcher.course.root / SUMS / file, "A check", state, **more)


def end(watcher, *events, passed=()):
    """Let the run that goes on tell this, and end."""
    for event in (*events, Ended(1, passed)):
        watcher.warm.news.put(event)
    while watcher.running:
        watcher.take()


def happens(watcher, thing):
    """If it starts a run, that run has its order when this returns."""
    was_running = watcher.running
    watcher.happened.put(thing)
    watcher.take()
    if watcher.running and not was_running and watcher.warm.ready.is_set():
        watcher.warm.ordered.get(timeout=60)


def save(watcher, *names):
    happens(watcher, Saved(frozenset(watcher.course.root / SUMS / name for name in names)))


def press(watcher, key):
    happens(watcher, Pressed(key))
    return watcher.shown[-1]


def test_it_checks_the_task_of_the_file_that_was_saved(watcher):
    assert watcher.warm.targets == [["test_rows.py", "test_length.py", "test_shift.py"]]
    save(watcher, "shift.py")
    assert watcher.warm.targets[1] == watcher.warm.targets[0]
    assert watcher.warm.orders[1].first == ("test_shift.py",)
    end(watcher, judged(watcher, "1.2", "passed"))
    save(watcher, "no_file_of_the_course.txt")
    save(watcher)
    assert len(watcher.warm.orders) == 3  # the first of these two was saved in the current unit


def test_it_does_not_go_on_by_itself(watcher):
    save(watcher, "rows.py")
    end(watcher, judged(watcher, "1.2", "passed"), passed=("1.2",))
    assert watcher.board.task.id == "1.2" and len(watcher.warm.orders) == 2
    assert "Next: 1.3 Two at once · press n" in watcher.shown[-1]
    press(watcher, "n")
    assert watcher.board.task.id == "1.3" and watcher.warm.targets[2] == ["test_both.py"]


def test_n_waits_until_the_task_has_passed(watcher):
    assert "1.2 has not passed yet: n goes on when it has." in press(watcher, "n")
    assert watcher.board.task.id == "1.2" and len(watcher.warm.orders) == 1


def test_it_follows_the_learner_to_another_task(watcher):
    save(watcher, "both.py")
    assert watcher.board.task.id == "1.3"
    end(watcher, judged(watcher, "1.3", "passed", "test_both.py"), passed=("1.3",))
    assert watcher.shown[-1][0].startswith("✔ 1.3 Two at once · 1 of 1 checks pass")


def test_a_save_during_a_run_gives_that_run_up(watcher):
    save(watcher, "rows.py")
    save(watcher, "length.py")
    save(watcher, "both.py")
    assert watcher.warm.stops == 2
    watcher.warm.news.get()  # one stop is enough for a real run
    while len(watcher.warm.orders) < 3:
        watcher.take()
    assert watcher.warm.targets[2] == ["test_both.py"]
    end(watcher, judged(watcher, "1.3", "wrong values", "test_both.py"))
    assert watcher.board.task.id == "1.3" and watcher.shown[-1][0].startswith("✘ 1.3 Two at once · 0 of 1")


def test_a_save_while_a_process_gets_ready_does_not_start_over(watcher):
    watcher.warm.ready.clear()
    save(watcher, "rows.py")
    save(watcher, "both.py")
    watcher.warm.ready.set()
    end(watcher, judged(watcher, "1.3", "passed", "test_both.py"), passed=("1.3",))
    assert watcher.warm.stops == 0 and watcher.warm.targets[1:] == [["test_both.py"]]
    assert watcher.shown[-1][0].startswith("✔ 1.3 Two at once · 1 of 1 checks pass")


def test_what_a_run_says_that_was_given_up_is_not_shown(watcher):
    save(watcher, "rows.py")
    watcher.warm.stop = lambda: watcher.warm.news.put(Judged("1.2", watcher.course.root, "Stale", "crashed"))
    save(watcher, "rows.py")
    watcher.warm.news.put(Ended(STOPPED))
    while len(watcher.warm.orders) < 3:
        watcher.take()
    end(watcher, judged(watcher, "1.2", "passed"))
    assert "Stale" not in str(watcher.shown)


def test_the_first_failure_is_shown_at_once(watcher):
    save(watcher, "rows.py")
    watcher.warm.news.put(judged(watcher, "1.2", "wrong values"))
    watcher.take()
    assert "✘ A check · wrong values" in watcher.shown[-1] and watcher.running
    end(watcher)


def test_the_keys_that_run_checks(watcher):
    press(watcher, "a")
    unit = ["test_scale.py", "test_rows.py", "test_length.py", "test_shift.py", "test_both.py"]
    assert watcher.warm.targets[1] == unit
    end(watcher, judged(watcher, "1.1", "not started", "test_scale.py"), judged(watcher, "1.2", "passed"))
    assert watcher.board.task.id == "1.2"
    assert "✘ 1.1 A check · not started" not in watcher.shown[-1] and "○ 1.1 A check · not started" in watcher.shown[-1]
    press(watcher, "r")
    assert watcher.warm.targets[2] == unit
    end(watcher)
    assert press(watcher, "x") == watcher.shown[-1]  # a key without a meaning
    watcher.happened.put(Pressed("q"))
    assert watcher.take() is False


def test_hints_go_one_step_at_a_time_and_are_remembered(watcher):
    watcher.course.root.joinpath(SUMS, "hints.md").write_text("## 1.2 rows\n\n1. Lines.\n2. Add.\n", encoding="utf-8")
    first = press(watcher, "h")
    assert "Hint 1 of 2 for rows: Lines." in first and "Hint 2 of 2 for rows: Add." not in first
    assert load(watcher.course, "hints") == {"1.2 rows": 1}
    for _ in range(2):
        assert {"Hint 1 of 2 for rows: Lines.", "Hint 2 of 2 for rows: Add."} < set(press(watcher, "h"))
    assert load(watcher.course, "hints") == {"1.2 rows": 2}
    watcher.course.root.joinpath(SUMS, "hints.md").unlink()
    save(watcher, "rows.py")
    end(watcher, judged(watcher, "1.2", "wrong values"))
    assert any("There are no hints" in line for line in press(watcher, "h"))


def test_help_lists_every_key(watcher):
    text = "\n".join(press(watcher, "?"))
    assert all(f"  {key}  " in text for key in "hlnarvq?")


def test_the_lesson_opens_where_the_mistake_points_to(watcher, monkeypatch):
    pages = []
    monkeypatch.setattr(watcher, "_page", lambda page: pages.append(page.markup))
    lesson = "# Week\n\n## Scale\n\ntwice\n\n## 1.2 Adding up\n\n![rows](a.png)\n\n"
    lesson += "### Step\n\n```\n# no heading\n```\n\n## Last\n"
    watcher.course.root.joinpath(SUMS, "README.md").write_text(lesson, encoding="utf-8")
    press(watcher, "l")
    save(watcher, "rows.py")
    read = (("    Read: curriculum/week01_sums/README.md#scale", "dim"),)
    end(watcher, judged(watcher, "1.2", "wrong values", advice=read))
    press(watcher, "l")
    assert pages == [
        "## 1.2 Adding up\n\n*Figure: rows*\n\n### Step\n\n```\n# no heading\n```\n",
        "## Scale\n\ntwice\n",
    ]
    watcher.course.root.joinpath(SUMS, "README.md").unlink()
    assert "There is no section about this in the lesson." in press(watcher, "l")


def test_everything_that_pytest_said_is_kept(watcher, monkeypatch):
    pages = []
    monkeypatch.setattr(watcher, "_page", lambda page: pages.append(page.plain))
    save(watcher, "rows.py")
    end(watcher, Said("✔ one\n"), judged(watcher, "1.2", "passed"), Said("1 passed\n"))
    press(watcher, "v")
    assert pages == ["✔ one\n1 passed\n"]


def test_a_process_that_is_lost_leaves_the_watcher_alive(watcher):
    save(watcher, "rows.py")
    watcher.warm.news.put(CompanionError("The process ended by itself."))
    while watcher.running:
        watcher.take()
    assert "The process ended by itself." in watcher.shown[-1]
    press(watcher, "r")
    end(watcher, judged(watcher, "1.2", "passed"))
    assert watcher.shown[-1][0].startswith("✔ 1.2")


def test_an_error_of_the_grader_is_told(watcher):
    save(watcher, "rows.py")
    watcher.warm.news.put(Ended(3, broken="Traceback"))
    while watcher.running:
        watcher.take()
    assert any("The grader itself failed, which is not your fault." in line for line in watcher.shown[-1])


def test_where_to_begin(course, run):
    from companion.watch import where_to_begin

    here = the_course()
    assert where_to_begin(here, "").id == "1.1"
    assert where_to_begin(here, "Week 2").id == "2.1"
    assert where_to_begin(here, "length.py").id == "1.2"
    text = course.read("curriculum/days.toml").replace('checks = ["test_scale.py"]', "checks = []")
    course.write({"curriculum/days.toml": text})
    done = run("watch", "1.1")
    assert done.code == 1 and done.words.strip() == "1.1 Scaling has no checks, so there is nothing to watch."
