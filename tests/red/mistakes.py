"""Mistakes that are put back into the program: a line differs, and all else is the real path."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pulumi
import pytest

from drlib.stack.program import package, program
from drlib.target.base import Target
from tests.red.stage import Told

Inputs = dict[str, Any]


@dataclass
class Program:
    """The real program, to which changes are made. A change that meets nothing is an error of the test."""

    here: Target
    patch: pytest.MonkeyPatch
    folder: Path
    afterwards: ExitStack = field(default_factory=ExitStack)
    _inputs: list[tuple[str, Callable[[Inputs], None]]] = field(default_factory=list)
    _met: set[str] = field(default_factory=set)

    def inputs(self, names: str, change: Callable[[Inputs], None]) -> None:
        """Change the inputs of the resources whose logical name fits `names`, a shell pattern."""
        self._inputs.append((names, change))

    def replace(self, where: Any, name: str, instead: Any) -> None:
        """Build a component's part in another way."""
        assert callable(getattr(where, name))
        self.patch.setattr(where, name, instead)

    def source(self, function: str, old: str, new: str) -> None:
        """Change one place of a function's source."""
        copy = self.folder / "lambda"
        if not copy.exists():
            shutil.copytree(package.FUNCTIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
            build = package.build
            self.patch.setattr(package, "build", lambda folder: build(self.folder, functions=copy))
        file = copy / function / "handler.py"
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {function}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let `drlib.stack.stack` build this program while the block lasts."""
        build = program.build

        def changed(*args: Any, **options: Any) -> Callable[[], None]:
            program = build(*args, **options)

            def run() -> None:
                pulumi.runtime.register_stack_transformation(self._transform)
                program()

            return run

        self.patch.setattr(program, "build", changed)
        with self.afterwards:
            yield
        assert self._met == {names for names, _ in self._inputs}, "a change met nothing"

    def _transform(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        props = dict(args.props)
        for names, change in self._inputs:
            if fnmatchcase(args.name, names) and not isinstance(args.resource, pulumi.ComponentResource):
                change(props)
                self._met.add(names)
        return pulumi.ResourceTransformationResult(props, args.opts)


@dataclass(frozen=True)
class Mistake(Told):
    """A mistake of the first design, or of its corrections, and what tells it.

    Attributes:
        what: the mistake, in words.
        put_back: changes the program.
        rules: the rules that the plan breaks, each of them and no other; empty if a plan cannot show it.
        refused: words of the refusal; the engine, or the sandbox in AWS's place, does not make it. What is
            refused may be the mistake itself, a call, and not the deployment.
    """

    what: str
    put_back: Callable[[Program], None] = field(repr=False)
    rules: tuple[str, ...] = ()
    refused: str = ""
    red: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the function that puts it back."""
        return self.put_back.__name__


class Mistakes(list[Mistake]):
    """The cases of one file, in order."""

    def case(self, what: str, **told: Any) -> Callable[[Callable[[Program], None]], None]:
        """Register a function that puts the mistake back. `told` are the fields of `Mistake`."""
        return lambda put_back: self.append(Mistake(what, put_back, **told))
