"""Errors that the course's data loaders raise for people: each message is a sentence that says what to do."""


class CourseDataError(Exception):
    """Something about the data is not as it should be; the message says what, and what to do."""


class DataMissing(CourseDataError):
    """A set is in none of the places where it was looked for, and could not be fetched."""


class DataCorrupt(CourseDataError):
    """A file is there but cannot be what it claims to be: truncated, altered or not text."""
