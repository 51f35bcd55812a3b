"""The functions' archive: what is in it, and that it is the same on every build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from drlib.core.errors import PreflightFailed
from drlib.stack.program import package


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """A copy of the sources, with other times and modes, gives the same archive."""
    first = package.build(tmp_path / "one")
    copied = tmp_path / "functions"
    shutil.copytree(package.FUNCTIONS, copied)
    for path in copied.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    second = package.build(tmp_path / "two", functions=copied)
    assert first.read_bytes() == second.read_bytes()


def test_a_build_that_changes_nothing_leaves_the_file_alone(tmp_path: Path) -> None:
    path = package.build(tmp_path)
    os.utime(path, (1, 1))
    assert package.build(tmp_path).stat().st_mtime == 1
    path.write_bytes(b"broken")
    assert package.build(tmp_path).read_bytes() == package.archive()


def test_a_changed_handler_changes_the_archive(tmp_path: Path) -> None:
    copied = tmp_path / "functions"
    shutil.copytree(package.FUNCTIONS, copied)
    handler = copied / "latch" / "handler.py"
    handler.write_text(handler.read_text() + "\n# changed\n")
    assert package.archive(copied) != package.archive()


def test_the_archive_holds_code_and_libraries_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(package.build(tmp_path)) as made:
        names = made.namelist()
        entries = made.infolist()
    assert names == sorted(names)
    assert {"payments/handler.py", "settlement/handler.py", "latch/handler.py"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {
        "aws_lambda_powertools",
        "jmespath",
        "latch",
        "payments",
        "settlement",
        "typing_extensions.py",
    }
    assert not [name for name in names if name.endswith((".pyc", ".so")) or name.startswith("boto")]
    assert {entry.date_time for entry in entries} == {package.OLDEST_TIME}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


@pytest.mark.parametrize("name", ["payments", "settlement", "latch"])
def test_a_function_starts_from_the_archive_alone(tmp_path: Path, name: str) -> None:
    """Its libraries come from the archive, boto3 from the runtime; without its environment it says so."""
    with zipfile.ZipFile(package.build(tmp_path)) as made:
        made.extractall(tmp_path / "code")
    code = (
        "import sys, aws_lambda_powertools\n"
        f"assert aws_lambda_powertools.__file__.startswith({str(tmp_path)!r})\n"
        f"import {name}.handler"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "code",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "missing environment variables: TABLE_NAME" in ran.stderr


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LIBRARY", "no-such-library")
    with pytest.raises(PreflightFailed, match="no-such-library"):
        package.libraries()
