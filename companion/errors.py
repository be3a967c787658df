"""The error that a verb raises for people."""


class CompanionError(Exception):
    """Something that a person can put right: the message is a sentence, or a few, that says what to do.

    Args:
        code: the exit code: 1, or 2 if the command line itself cannot be understood.
    """

    def __init__(self, message: str, code: int = 1):
        super().__init__(message)
        self.code = code
