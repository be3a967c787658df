"""`status`: where am I?"""

from companion.console import say
from companion.course import the_course


def status() -> None:
    """Where you are: boxes, minutes, the next task and the file to open."""
    course = the_course()
    say(f"{len(course.units)} units, {len(course.tasks)} tasks.")
