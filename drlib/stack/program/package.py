"""The functions' archive: their code and the libraries that it needs, the same bytes on every build.

Lambda's runtime brings boto3; the rest is taken from the installed packages, which are pure Python, so that
one archive serves any architecture. The archive's hash is what the engine compares: it must change with its
content and with nothing else.
"""

from __future__ import annotations

import importlib.metadata
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from drlib.core.errors import PreflightFailed

LIBRARY = "aws-lambda-powertools"
IN_THE_RUNTIME = frozenset({"boto3", "botocore"})
OLDEST_TIME = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644
UNIX = 3
FUNCTIONS = Path(__file__).resolve().parents[3] / "lambda"


def build(folder: Path, *, functions: Path = FUNCTIONS) -> Path:
    """Write `functions.zip` into `folder` and return its path. A file that is the same already is left alone.

    Raises:
        PreflightFailed: a library is not installed, or is not pure Python.
    """
    content = archive(functions)
    path = folder / "functions.zip"
    if not path.exists() or path.read_bytes() != content:
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(content)
        draft.replace(path)
    return path


def archive(functions: Path = FUNCTIONS) -> bytes:
    """Return the archive: sorted names, one date, one mode."""
    files = dict(_handlers(functions))
    for distribution in libraries():
        files.update(_modules(distribution))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, OLDEST_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = UNIX
            entry.external_attr = FILE_MODE << 16
            made.writestr(entry, files[name].read_bytes())
    return buffer.getvalue()


def libraries() -> list[importlib.metadata.Distribution]:
    """Return the library and what it needs at run time, extras left out, sorted by name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = [LIBRARY]
    while wanted:
        name = wanted.pop()
        if name in found or name in IN_THE_RUNTIME:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            raise PreflightFailed(
                f"The library {name}, which the functions need, is not installed.",
                remedy="Run `make setup`.",
            ) from error
        for requirement in found[name].requires or []:
            head, _, marker = requirement.partition(";")
            if "extra" not in marker:
                wanted.append(_normal(re.split(r"[^A-Za-z0-9._-]", head.strip(), maxsplit=1)[0]))
    return [found[name] for name in sorted(found)]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _handlers(functions: Path) -> Iterator[tuple[str, Path]]:
    for path in functions.glob("*/*.py"):
        yield path.relative_to(functions).as_posix(), path


def _modules(distribution: importlib.metadata.Distribution) -> Iterator[tuple[str, Path]]:
    """Yield a library's files by their place in the archive; metadata, scripts and bytecode stay out."""
    for file in distribution.files or []:
        name = file.as_posix()
        top = file.parts[0]
        if file.suffix == ".pyc" or top == ".." or top.endswith(".dist-info"):
            continue
        if file.suffix in (".so", ".pyd"):
            raise PreflightFailed(
                f"{distribution.name} holds compiled code ({name}), which fits one kind of machine only.",
                remedy="Install its pure Python variant.",
            )
        yield name, Path(str(distribution.locate_file(file)))
