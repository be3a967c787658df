"""What a check of the doctor says."""

from dataclasses import dataclass

OK, WARNING, FAULT = "ok", "warning", "fault"


@dataclass(frozen=True)
class Finding:
    """One thing: a fault keeps the course from working; a warning takes something away, or will one day."""

    name: str
    state: str
    says: str
    do: str = ""


def ok(name: str, says: str) -> Finding:
    """All is well."""
    return Finding(name, OK, says)


def warning(name: str, says: str, do: str) -> Finding:
    """The course works, but for something."""
    return Finding(name, WARNING, says, do)


def fault(name: str, says: str, do: str) -> Finding:
    """The course does not work like that."""
    return Finding(name, FAULT, says, do)
