"""The cache of function archives: unpacked once, linked to each process."""

from __future__ import annotations

import json
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drlib.sandbox.services.lambda_.archives import ArchiveCache, CachedZipfile

REGION = "us-west-2"
WHERE = """
import os
def handler(event, context):
    return {"file": os.path.realpath(__file__), "root": os.environ["LAMBDA_TASK_ROOT"]}
"""


def archive(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(zipfile.ZipInfo(name.replace("__", "/") + ".py"), text)
    return path


def test_the_same_content_is_unpacked_once(tmp_path: Path) -> None:
    archives = ArchiveCache(tmp_path / "code")
    first = archives.unpacked(archive(tmp_path / "1.zip", main="a = 1"))
    (first / "mark").touch()
    again = archives.unpacked(Path(tmp_path / "1.zip").rename(tmp_path / "2.zip"))
    assert again == first
    assert (again / "mark").exists()


def test_other_content_is_elsewhere(tmp_path: Path) -> None:
    archives = ArchiveCache(tmp_path / "code")
    old = archives.unpacked(archive(tmp_path / "1.zip", main="a = 1"))
    new = archives.unpacked(archive(tmp_path / "2.zip", main="a = 2"))
    assert (old / "main.py").read_text() == "a = 1"
    assert (new / "main.py").read_text() == "a = 2"


def test_what_is_no_archive_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no zip at all")
    with pytest.raises(zipfile.BadZipFile):
        ArchiveCache(tmp_path / "code").unpacked(broken)
    assert list((tmp_path / "code").iterdir()) == []


def test_processes_that_start_at_once_share_one_folder(tmp_path: Path) -> None:
    source = archive(tmp_path / "1.zip", **{f"module{number}": "a = 1" for number in range(200)})
    archives = ArchiveCache(tmp_path / "code")
    start = threading.Barrier(4)
    found: list[Path] = []

    def unpack() -> None:
        start.wait()
        found.append(archives.unpacked(source))

    threads = [threading.Thread(target=unpack) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert list((tmp_path / "code").iterdir()) == [found[0]]
    assert len(list(found[0].glob("*.py"))) == 200


def test_a_process_gets_links_and_removing_them_spares_the_code(tmp_path: Path) -> None:
    archives = ArchiveCache(tmp_path / "code")
    source = archive(tmp_path / "1.zip", main="a = 1", package__inner="b = 2")
    process = tmp_path / "process"
    process.mkdir()
    with CachedZipfile(archives).ZipFile(source) as file:
        file.extractall(process)
    assert (process / "main.py").is_symlink()
    assert (process / "package" / "inner.py").read_text() == "b = 2"
    shutil.rmtree(process)
    assert (archives.unpacked(source) / "package" / "inner.py").exists()


def test_chosen_members_are_extracted_as_ever(tmp_path: Path) -> None:
    source = archive(tmp_path / "1.zip", main="a = 1", other="b = 2")
    with CachedZipfile(ArchiveCache(tmp_path / "code")).ZipFile(source) as file:
        file.extractall(tmp_path / "out", members=["other.py"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["other.py"]
    assert not (tmp_path / "out" / "other.py").is_symlink()


def test_two_functions_with_one_archive_run_the_same_files(
    aws: Callable[..., Any], make_function: Callable[..., str]
) -> None:
    functions = aws("lambda", REGION)
    answers = []
    for name in ("where-one", "where-two"):
        make_function(name, REGION, WHERE)
        answers.append(json.load(functions.invoke(FunctionName=name)["Payload"]))
    one, two = answers
    assert one["file"] == two["file"]
    assert one["root"] != two["root"]
    # The second process uses the bytecode of the first.
    assert list((Path(one["file"]).parent / "__pycache__").glob("main.*.pyc"))
