"""The folders that runs leave behind."""

import json

import pytest
from matplotlib.figure import Figure

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder


def test_no_run_overwrites_another(tmp_path):
    names = [new_run_folder("day01-mnist", tmp_path / "runs").path.name for _ in range(3)]
    assert names == ["day01-mnist", "day01-mnist-2", "day01-mnist-3"]


def test_a_finished_run_has_everything(tmp_path):
    run = new_run_folder("a", tmp_path)
    run.finish(config={"lr": 0.1}, metrics={"loss": 1 / 3, "losses": [2.0, 1.0]}, figure=Figure(), texts={"s.txt": "é"})
    metrics = json.loads((run.path / "metrics.json").read_text("utf-8"))
    assert metrics["loss"] == 1 / 3 and {"machine", "torch", "command"} <= metrics.keys()
    assert sorted(file.name for file in run.path.iterdir()) == [
        "README.md", "config.json", "curve.png", "metrics.json", "s.txt",
    ]  # fmt: skip
    readme = (run.path / "README.md").read_text("utf-8")
    assert "| loss | 0.3333 |" in readme and "losses" not in readme and metrics["command"] in readme


def test_a_run_that_was_stopped_can_be_discarded_and_a_finished_one_cannot(tmp_path):
    run = new_run_folder("a", tmp_path)
    run.discard()
    assert not run.path.exists()
    run = new_run_folder("a", tmp_path)
    run.finish(config={}, metrics={})
    run.discard()
    assert (run.path / "metrics.json").is_file()


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(CourseDataError, match="runs"):
        new_run_folder("a", tmp_path / "runs")


def test_a_folder_that_vanished_is_told(tmp_path):
    run = new_run_folder("a", tmp_path)
    run.path.rmdir()
    with pytest.raises(CourseDataError, match="could not be written"):
        run.finish(config={}, metrics={})
