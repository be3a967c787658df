"""CIFAR-10 over loopback, and disks that take no more."""

from contextlib import contextmanager

import pytest

from course_data import CourseDataError, DataCorrupt, DataMissing, cifar
from course_data.images import load_images

from .server import kept, serving
from .tiny_images import FOLDER, archive, cifar_files, let_be_official, write_all

FILES = cifar_files()
PACKED = archive(FILES)
WRONG = {**FILES, "data_batch_2": FILES["data_batch_3"]}


@pytest.fixture(autouse=True)
def official(monkeypatch):
    let_be_official(monkeypatch, FILES)


@pytest.fixture
def server():
    with serving({"/cifar10/cifar-10-python.tar.gz": PACKED}) as running:
        yield running


def labels_of_test(**where):
    """Load the test split; its labels."""
    return load_images("cifar10", "test", **where).labels.tolist()


def test_fetched_once_then_from_the_cache(server, cache):
    server.cuts, server.chunk = 1, 10_000
    first = load_images("cifar10", "test", mirror=server.address)
    assert f"from {server.address}/cifar10/cifar-10-python.tar.gz, the official images" in first.source
    assert load_images("cifar10", "test").digest == first.digest
    assert [range for _, range in server.asked] == [None, "bytes=10000-"]
    assert kept(cache) == sorted(FILES)


@pytest.mark.parametrize("path", ["/cifar10/cifar-10-python.tar.xz", "/cifar-10-python.tar.gz"])
def test_other_names_on_a_mirror(server, path):
    server.files = {path: archive(FILES, path[-2:])}
    assert labels_of_test(mirror=server.address) == [0, 1, 2, 3]


def test_a_damaged_archive_from_a_mirror_is_thrown_away(server, cache):
    server.files = {"/cifar10/cifar-10-python.tar.gz": archive(WRONG)}
    with pytest.raises(DataCorrupt, match=rf"^{server.address}/cifar10/cifar-10-python\.tar\.gz is damaged"):
        labels_of_test(mirror=server.address)
    assert kept(cache) == []


def test_the_official_address(server, monkeypatch):
    from torchvision.datasets import CIFAR10

    monkeypatch.setattr(CIFAR10, "url", f"{server.address}/cifar10/cifar-10-python.tar.gz")
    assert labels_of_test() == [0, 1, 2, 3]


def test_a_folder_as_a_mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    with pytest.raises(DataMissing, match="is a folder without it"):
        labels_of_test()
    write_all(tmp_path / "cifar10" / FOLDER, FILES)
    assert labels_of_test() == [0, 1, 2, 3]


@contextmanager
def largest_file(size):
    """The system refuses files beyond this size, much as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_sentence_and_the_download_is_not_lost(server, cache):
    server.tells_sizes = True
    with largest_file(30_000), pytest.raises(CourseDataError, match=r"cannot be written: .*COURSE_CACHE="):
        labels_of_test(mirror=server.address)
    assert [path.stat().st_size for path in cache.rglob("part-*") if path.suffix == ".gz"] == [30_000]
    assert labels_of_test(mirror=server.address) == [0, 1, 2, 3]
    assert [range for _, range in server.asked] == [None, "bytes=30000-"]


def test_an_interruption_while_unpacking_keeps_the_archive(server, cache, monkeypatch):
    def full(archive, called, folder):
        raise CourseDataError("The disk is full.")

    server.tells_sizes = True
    with monkeypatch.context() as patch, pytest.raises(CourseDataError, match="full"):
        patch.setattr(cifar, "unpack", full)
        labels_of_test(mirror=server.address)
    assert len(kept(cache)) == 1
    server.asked.clear()
    assert labels_of_test(mirror=server.address) == [0, 1, 2, 3]
    assert server.asked == [("/cifar10/cifar-10-python.tar.gz", f"bytes={len(PACKED)}-")]
    assert kept(cache) == sorted(FILES)


def test_a_full_disk_while_unpacking(tmp_path, cache):
    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    with largest_file(5_000), pytest.raises(CourseDataError, match="data_batch_1 cannot be written"):
        labels_of_test(data_dir=tmp_path)
    assert kept(cache) == []


def test_a_cache_that_is_no_folder(tmp_path, cache, server):
    cache.write_text("in the way")
    write_all(tmp_path / "data", {"cifar-10-python.tar.gz": PACKED})
    for where in ({"data_dir": tmp_path / "data"}, {"mirror": server.address}):
        with pytest.raises(CourseDataError, match="cannot be written: "):
            labels_of_test(**where)
