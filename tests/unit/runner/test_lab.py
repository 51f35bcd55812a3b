"""Notebooks in JupyterLab: opened with this machine's version of Python, saved without it."""

from __future__ import annotations

import asyncio
import runpy
import sys
import types
from typing import Any

import nbformat
import pytest

from drlib.runner import lab
from tests.notebooks import normalise, stage


class Files:
    """Stands in for Jupyter Server's manager of files, which only JupyterLab brings along."""

    def __init__(self, content: Any) -> None:
        self.kept = content

    async def get(self, path: str, content: bool = True, **rest: Any) -> dict[str, Any]:
        return {"type": "notebook", "content": self.kept if content else None, **rest}

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        self.kept = model.get("content")
        return {**model, "content": None}


def runbook() -> Any:
    return normalise.load(stage.NOTEBOOKS / "90-troubleshoot.ipynb")


def test_a_notebook_is_opened_with_what_the_kernel_will_say() -> None:
    from ipykernel.ipkernel import IPythonKernel

    files = lab.contents_manager(Files)(runbook())
    metadata = asyncio.run(files.get("x.ipynb"))["content"]["metadata"]
    assert metadata["language_info"] == IPythonKernel.language_info
    assert "version" not in files.kept["metadata"]["language_info"], "the file itself is not changed"


def test_a_notebook_that_was_opened_is_saved_as_it_was() -> None:
    files = lab.contents_manager(Files)(runbook())
    model = asyncio.run(files.get("x.ipynb"))
    asyncio.run(files.save(model, "x.ipynb"))
    assert isinstance(files.kept, nbformat.NotebookNode)
    assert normalise.dumps(files.kept) == normalise.dumps(runbook())


def test_the_configuration_of_make_lab_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "jupyter_server.services.contents.largefilemanager"
    server = types.SimpleNamespace(AsyncLargeFileManager=Files)
    for end in range(1, len(name.split(".")) + 1):
        monkeypatch.setitem(sys.modules, ".".join(name.split(".")[:end]), server)
    config = types.SimpleNamespace(ServerApp=types.SimpleNamespace())
    file = stage.ROOT / ".jupyter" / "jupyter_server_config.py"
    runpy.run_path(str(file), init_globals={"get_config": lambda: config})
    assert issubclass(config.ServerApp.contents_manager_class, Files)
    assert config.ServerApp.contents_manager_class is not Files


def test_other_kernels_and_other_files_are_left_alone() -> None:
    foreign = {"metadata": {"kernelspec": {"name": "ir"}, "language_info": {"name": "R", "version": "4.4"}}}
    bare: dict[str, Any] = {"metadata": {}}
    assert lab.opened(foreign) == lab.stored(foreign) == foreign
    assert lab.opened(bare) == lab.stored(bare) == bare
    files = lab.contents_manager(Files)(foreign)
    assert asyncio.run(files.get("x.ipynb", content=False))["content"] is None
    text = {"type": "file", "content": "version"}
    asyncio.run(files.save(text, "x.txt"))
    assert files.kept == "version"
