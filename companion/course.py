"""The course that a verb works on: its root, its list of units, and where a task's files stand."""

from dataclasses import dataclass
from pathlib import Path

from companion.errors import CompanionError
from grader.units import Task, Unit, all_tasks, load_units

LIST = Path("curriculum", "days.toml")


@dataclass(frozen=True)
class Course:
    """A course on disk. `root` is absolute."""

    root: Path
    units: tuple[Unit, ...]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task of every unit, in the order of the list."""
        return tuple(all_tasks(self.units))

    @property
    def records(self) -> Path:
        """The folder .course/, where the companion keeps what it must remember."""
        return self.root / ".course"

    def unit(self, task: Task) -> Unit:
        """The unit that a task belongs to."""
        return next(unit for unit in self.units if unit.id == task.unit)

    def mine(self, task: Task, file: str) -> Path:
        """The learner's file of a task."""
        return self.root / "curriculum" / task.unit / file

    def reference(self, task: Task, file: str) -> Path:
        """The same file of the solutions."""
        return self.root / "solutions" / task.unit / file

    def shown(self, path: Path) -> str:
        """A path as a person types it from the course's root, with slashes; one that leads elsewhere, whole."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def the_course(start: Path | None = None) -> Course:
    """The course around a folder, by default the current one; or else the one that this package stands in.

    Raises:
        CompanionError: there is none. grader.units.UnitsError: its list of units has faults.
    """
    root = find_root(start)
    return Course(root, load_units(root / LIST))


def find_root(start: Path | None = None) -> Path:
    """The root of that course. Raises CompanionError if there is none."""
    here = (start or Path.cwd()).resolve()
    for root in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (root / LIST).is_file():
            return root
    raise CompanionError(f"There is no course here: go into its folder, the one that has {LIST.as_posix()}.")
