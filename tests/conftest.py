"""In the project's own tests, and while they are collected, a deprecation warning is an error. In a learner's checks it
is not: this file is loaded only by `pytest tests`.
"""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for category in ("DeprecationWarning", "FutureWarning", "pytest.PytestDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"error::{category}")
