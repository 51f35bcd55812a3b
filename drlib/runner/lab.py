"""Runbooks in JupyterLab: a stored notebook opens unchanged, and is saved without what varies.

JupyterLab writes the kernel's own description into a notebook as soon as the kernel starts, the version of
Python included, and marks the notebook as unsaved if that differs from the file. The stored form leaves the
version out, since it differs between machines. So the version is added when a notebook is opened, and removed
when it is saved. `.jupyter/jupyter_server_config.py` installs this for `make lab`.
"""

from __future__ import annotations

import platform
from typing import Any

KERNEL = "python3"
VERSION = "version"


def opened(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook as JupyterLab has it once the kernel of this machine runs."""
    info = {**_info(notebook), VERSION: platform.python_version()}
    return _with(notebook, info) if _is_ours(notebook) else notebook


def stored(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook without the version of Python that it was opened with."""
    info = {key: value for key, value in _info(notebook).items() if key != VERSION}
    return _with(notebook, info) if _is_ours(notebook) else notebook


def contents_manager(base: type) -> type:
    """Return Jupyter Server's manager of files, with notebooks opened and saved as above.

    Args:
        base: an asynchronous contents manager of Jupyter Server, which is installed with JupyterLab alone.
    """

    class RunbookManager(base):  # type: ignore[misc]  # known at run time alone
        async def get(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            model: dict[str, Any] = await super().get(*args, **kwargs)
            return _converted(model, opened)

        async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
            saved: dict[str, Any] = await super().save(_converted(model, stored), path)
            return saved

    return RunbookManager


def _converted(model: dict[str, Any], form: Any) -> dict[str, Any]:
    if model.get("type") != "notebook" or not model.get("content"):
        return model
    return {**model, "content": form(model["content"])}


def _is_ours(notebook: dict[str, Any]) -> bool:
    return bool(notebook["metadata"].get("kernelspec", {}).get("name") == KERNEL)


def _info(notebook: dict[str, Any]) -> dict[str, Any]:
    return dict(notebook["metadata"].get("language_info", {}))


def _with(notebook: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    changed = type(notebook)(notebook)  # a NotebookNode stays one
    changed["metadata"] = type(notebook)({**notebook["metadata"], "language_info": info})
    return changed
