"""What the Tab key offers: days, tasks and files."""

from companion.course import the_course
from companion.errors import CompanionError
from companion.find import files_of
from grader.units import UnitsError


def complete_places(incomplete: str) -> list[tuple[str, str]]:
    """Days, tasks and files that begin like that, each with its title. Outside of a course, nothing."""
    try:
        course = the_course()
    except (CompanionError, UnitsError, OSError):
        return []
    offers = []
    for unit in course.units:
        offers.append((unit.id.partition("_")[0], unit.title))
        for task in unit.tasks:
            offers.append((task.id, task.title))
            offers += [(file, f"{task.id} {task.title}") for file in files_of(task)]
    return [offer for offer in dict(offers).items() if offer[0].startswith(incomplete)]
