"""In the project's own tests, and while they are collected, a deprecation warning is an error. In a learner's checks it
is not: this file is loaded only by `pytest tests`.
"""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for category in ("DeprecationWarning", "FutureWarning", "pytest.PytestDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"error::{category}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (-n 2 --dist loadgroup) a file stays together: its tests share what took long to make. The
    proof is the longest; it is divided by units.
    """
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        entry = parameters.get("entry")
        unit = parameters.get("unit", getattr(entry, "unit", ""))
        by_unit = item.path.name == "test_proof.py" and isinstance(unit, str)
        item.add_marker(pytest.mark.xdist_group(f"{item.path.name} {unit}" if by_unit else str(item.path)))
