"""The gate of a pipeline: is the latest drill within the limits, and not worse than earlier drills?

    judged = pipeline.judge(history.read(), pipeline.Limits(max_rto_seconds=120, worsening=0.2))
    judged.require()

A drill is compared with the median of the earlier passed drills of its kind (`history.Kind`). If there is no
such drill, the gate compares nothing, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from drlib.core.errors import BadParameters, VerdictRed
from drlib.evidence import history
from drlib.evidence.history import History, PastRun
from drlib.faults.scenario import names

TARGETS = ("sandbox", "aws")
CHANCE_SECONDS = 5.0
"""Two good drills can differ by this by chance: the pause between two payments, in modelled seconds."""


@dataclass(frozen=True)
class Limits:
    """The limits for the latest drill. `None`: no limit.

    Attributes:
        max_rto_seconds: longest recovery time, modelled.
        max_rpo_seconds: longest loss, modelled.
        worsening: share by which RTO and RPO may exceed the median of earlier drills, such as 0.2.
    """

    max_rto_seconds: float | None = None
    max_rpo_seconds: float | None = None
    worsening: float | None = None


@dataclass(frozen=True)
class GateResult:
    """The drill, the compared figures, and every reason why the gate is shut."""

    run: PastRun
    figures: tuple[str, ...]
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.run.run_id}: {'; '.join(self.figures)}."

    def require(self) -> GateResult:
        """Return itself. Raises VerdictRed, with the reasons, if the gate is shut."""
        if self.reasons:
            raise VerdictRed(
                f"The drill {self.run.run_id} does not pass the gate: {'; '.join(self.reasons)}.",
                resource=self.run.run_id,
            )
        return self


def limits(max_rto: float | None, max_rpo: float | None, worsening: str | None) -> Limits:
    """Return the limits from the options of the command line. Raises BadParameters."""
    for name, value in (("--max-rto", max_rto), ("--max-rpo", max_rpo)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise BadParameters(f"{name} must be a number of seconds, 0 or more, not {value:g}.")
    if max_rto is None and max_rpo is None and worsening is None:
        raise BadParameters("A gate needs --max-rto, --max-rpo or --worsening.")
    return Limits(max_rto, max_rpo, None if worsening is None else _share(worsening))


def judge(past: History, limits: Limits, *, scenario: str = "", target: str = "") -> GateResult:
    """Judge the latest drill, or the latest of a scenario or target.

    Raises:
        BadParameters: there is no such scenario or target.
        VerdictRed: there is no such drill. A gate without a drill is shut.
    """
    _known("--scenario", scenario, {*names(), *(run.kind.scenario for run in past.drills)})
    _known("--target", target, set(TARGETS))
    found = [
        run
        for run in past.drills
        if (not scenario or run.kind.scenario == scenario) and (not target or run.kind.target == target)
    ]
    if not found:
        which = " ".join(filter(None, (scenario, f"on {target}" if target else "")))
        raise VerdictRed(
            f"There is no drill{f' of {which}' if which else ''} to judge.", remedy="Run one: `make drill`."
        )
    latest = found[-1]
    earlier = [run for run in found[:-1] if run.kind == latest.kind and run.passed]
    figures = [f"{latest.kind}", f"RTO {_seconds(latest.rto_seconds)}", f"RPO {_seconds(latest.rpo_seconds)}"]
    reasons = list(_verdict(latest)) + list(_over(latest, limits))
    if limits.worsening is not None:
        figures.append(_compared(earlier))
        reasons += _worse(latest, earlier, limits.worsening)
    return GateResult(latest, tuple(figures), tuple(reasons))


def _known(option: str, value: str, names: set[str]) -> None:
    if value and value not in names:
        raise BadParameters(f"{option} must be one of {', '.join(sorted(names))}, and is {value!r}.")


def _verdict(run: PastRun) -> Iterator[str]:
    if not run.passed:
        why = f" ({run.reasons[0].rstrip('.')})" if run.reasons else ""
        yield f"its verdict is {run.verdict}{why}"


def _over(run: PastRun, limits: Limits) -> Iterator[str]:
    for name, value, limit in (
        ("RTO", run.rto_seconds, limits.max_rto_seconds),
        ("RPO", run.rpo_seconds, limits.max_rpo_seconds),
    ):
        if limit is not None and value is not None and value > limit:
            yield f"its {name} was {value:.1f} s; the limit is {limit:g} s"


def _worse(run: PastRun, earlier: list[PastRun], share: float) -> Iterator[str]:
    for name, attribute in (("RTO", "rto_seconds"), ("RPO", "rpo_seconds")):
        value = getattr(run, attribute)
        usual = _median(earlier, attribute)
        if value is None or usual is None:
            continue
        if value > usual * (1 + share) and value - usual > CHANCE_SECONDS:
            stage = f", most of it in {_slowest_stage(run, earlier)}" if name == "RTO" and run.stages else ""
            yield (
                f"its {name} was {value:.1f} s, more than {share:.0%} above the median of "
                f"{len(earlier)} earlier drills, {usual:.1f} s{stage}"
            )


def _slowest_stage(run: PastRun, earlier: list[PastRun]) -> str:
    """Return the stage that exceeds its median most."""

    def growth(stage: str) -> float:
        before = history.median(one.stages[stage] for one in earlier if stage in one.stages)
        return run.stages[stage] - (before or 0.0)

    return max(run.stages, key=growth)


def _compared(earlier: list[PastRun]) -> str:
    if not earlier:
        return "no earlier passed drill of this kind to compare with"
    counted = "1 earlier passed drill" if len(earlier) == 1 else f"{len(earlier)} earlier passed drills"
    usual = [
        f"{name} {_seconds(_median(earlier, attribute))}"
        for name, attribute in (("RTO", "rto_seconds"), ("RPO", "rpo_seconds"))
    ]
    return f"median of {counted}: {', '.join(usual)}"


def _median(runs: list[PastRun], attribute: str) -> float | None:
    return history.median(value for run in runs if (value := getattr(run, attribute)) is not None)


def _share(text: str) -> float:
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = math.nan
    if not text.strip().endswith("%") or not math.isfinite(share) or share < 0:
        raise BadParameters(f"--worsening must be a share such as 20%, and is {text!r}.")
    return share


def _seconds(seconds: float | None) -> str:
    return "not measured" if seconds is None else f"{seconds:.1f} s"
