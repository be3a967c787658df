"""What the companion remembers: small files of JSON in .course/, written whole or not at all."""

import json
from typing import Any

from companion.course import Course
from grader.progress import write_whole


def load(course: Course, name: str) -> dict[str, Any]:
    """The object in .course/NAME.json; an empty one if there is none, or none that can be read."""
    try:
        found = json.loads((course.records / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def save(course: Course, name: str, record: dict[str, Any]) -> None:
    """Write the object to .course/NAME.json. Raises OSError if that is not possible."""
    course.records.mkdir(exist_ok=True)
    write_whole(course.records / f"{name}.json", json.dumps(record, ensure_ascii=False, indent=1).encode())
