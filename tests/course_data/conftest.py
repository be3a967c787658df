"""Every test here works in folders of its own, with no variable of the user's, and never reaches the network."""

import os
from pathlib import Path

import pytest

REAL_DATA = os.environ.get("COURSE_DATA")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache, no data folder, no mirror, and a Hub at an address where nothing listens."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


@pytest.fixture
def real_data() -> Path:
    """The folder with the real files, where there is one."""
    if not REAL_DATA or not Path(REAL_DATA).is_dir():
        pytest.skip("real data: set COURSE_DATA to a folder that has it")
    return Path(REAL_DATA)
