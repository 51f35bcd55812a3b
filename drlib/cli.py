"""The command line: parse, call, print, exit. Exit codes are those of `drlib.errors`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drlib import redaction
from drlib.errors import HANDBOOK, BadParameters, DrError

if TYPE_CHECKING:
    from drlib.sandbox import Status
    from drlib.target import Target

INTERRUPTED = 5
KMS_ARN_PARTS = 6
TYPER_INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    help="Rehearse, measure and prove the disaster recovery of a two-region payments API.\n\n"
    "Exit codes: 0 passed, 1 the verdict is red, 2 bad parameters, 3 preflight failed, "
    "4 approval missing, 5 a step failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sandbox_app = typer.Typer(help="Two AWS regions in one local process.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")

File = Annotated[
    Path | None, typer.Option("-f", "--file", metavar="FILE", help="Parameters, such as params/sandbox.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Runs = Annotated[
    Path | None, typer.Option("--runs", metavar="DIR", help="Folder of runs; by default, this machine's.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A run's folder, such as runs/RUN_ID.")]


@app.command()
def drill(
    file: File = None,
    scenario: Annotated[str | None, typer.Option(help="What happens; `drlib scenarios` lists them.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN_ID", help="Go on with a run that stopped, with its parameters.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack and the sandbox up.")] = False,
) -> None:
    """Run all runbooks of a drill in order: deploy, verify, fail over, fail back, report, tear down."""
    from drlib import drill as drills

    if (file is None) == (resume is None):
        raise BadParameters("A drill needs either -f FILE or --resume RUN_ID.")
    if resume and scenario:
        raise BadParameters("--scenario cannot change a run that is resumed.")
    raise typer.Exit(drills.drill(file, scenario=scenario, resume=resume, keep=keep, say=_say))


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="A runbook's name, number or path.")],
    file: File = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="One parameter; wins over the file."),
    ] = None,
) -> None:
    """Run one runbook headless, with strict parameters, in the open run or a new one."""
    from drlib import runner, settings

    values = settings.read(file) if file else {}
    _say(f"Executed: {_short(runner.run(notebook, values, _pairs(parameter or []), say=_say))}")


@sandbox_app.command("up")
def sandbox_up(file: File = None, as_json: AsJson = False) -> None:
    """Start the sandbox, or find the one that runs. It stops by itself after an idle hour."""
    from drlib import sandbox, settings

    chosen = settings.load(file) if file else settings.make({})
    status = sandbox.up(
        time_scale=chosen.time_scale,
        seed=chosen.seed,
        replication_lag_seconds=chosen.replication_lag_seconds,
    )
    _show_status(status, as_json=as_json)


@sandbox_app.command("down")
def sandbox_down() -> None:
    """Stop the sandbox. What was deployed in it is gone with it."""
    from drlib import sandbox

    _say("The sandbox is stopped." if sandbox.down() else "No sandbox was running.")


@sandbox_app.command("status")
def sandbox_status(as_json: AsJson = False) -> None:
    """Show every endpoint of the running sandbox."""
    from drlib import sandbox

    status = sandbox.status()
    if status is None:
        if as_json:
            _say("{}")
        else:
            _say("No sandbox is running. `drlib sandbox up` starts one.")
        return
    _show_status(status, as_json=as_json)


@app.command()
def outputs(file: File = None, as_json: AsJson = False) -> None:
    """Show the deployed stack: its public name, and what is in each region."""
    from drlib import stack

    deployment = stack.current(_here(file))
    _say(json.dumps(deployment.as_json(), indent=1) if as_json else str(deployment))


@app.command()
def scenarios(as_json: AsJson = False) -> None:
    """List what can happen in a drill: where it runs, what is expected, and what the verdict judges."""
    from drlib import faults

    found = faults.scenarios()
    if as_json:
        _say(json.dumps([scenario.as_dict() for scenario in found], indent=1))
        return
    for scenario in found:
        _say(f"{scenario}\n{scenario.judged_by()}\n")


@app.command()
def rules() -> None:
    """List the rules that a plan must satisfy before anything is created, with their sources."""
    from drlib.rules import catalogue

    _say(catalogue())


@app.command()
def explain(
    name: Annotated[
        list[str] | None, typer.Argument(help="An error, a check or a rule, as it is shown; or words.")
    ] = None,
) -> None:
    """Explain an error, a red check or a rule: symptom, cause, test and cure. Without a name, list all."""
    from drlib import troubleshoot

    if not name:
        for group in troubleshoot.groups():
            _say(f"{group.name}: {', '.join(entry.name for entry in group.entries)}")
        return
    _say("\n\n".join(map(str, troubleshoot.explain(" ".join(name)))))


@app.command()
def params(notebook: Annotated[str, typer.Argument(help="A runbook's name, number or path.")]) -> None:
    """Explain the parameters of a runbook."""
    from drlib import runbook
    from drlib.show import Table

    rows = [
        (name, parameter.type.__name__, json.dumps(parameter.default), parameter.help)
        for name, parameter in runbook.declared(runbook.find(notebook)).items()
    ]
    _say(str(Table(("name", "type", "default", "meaning"), rows)))


@app.command()
def verify(
    folder: RunFolder,
    head: Annotated[
        str, typer.Option(metavar="HASH", help="The seal's hash as it was noted: 16 digits of it or more.")
    ] = "",
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The public key that it must be signed with.")
    ] = None,
) -> None:
    """Check a run again: every byte, and all figures from the raw samples. Exit code 1 if one is wrong."""
    from drlib import evidence

    audit = evidence.verify(folder, head=head, public_key=public_key)
    for line in audit.lines():
        _say(line)
    audit.require()
    _say(f"\nThe evidence holds. Its verdict: {evidence.load(folder).verdict}.")


@app.command()
def report(
    folder: RunFolder,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; a sealed run's own page stays as it is.")
    ] = None,
) -> None:
    """Write a run's report.html, from its evidence."""
    from drlib import evidence

    _say(_short(evidence.report(folder, to=to)))


@app.command()
def seal(folder: RunFolder) -> None:
    """Put the hash of every file of a run under its journal's last line, as a drill does at its end."""
    from drlib import evidence

    _say(f"Sealed: {evidence.close(folder)}")


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; not in runs/.")],
) -> None:
    """Make a key to sign runs with. FILE.pub is the half to hand to an auditor."""
    from drlib import signing

    _say(f"Private key: {_short(file)}\nPublic key:  {_short(signing.keygen(file))}")


@app.command()
def sign(
    folder: RunFolder,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="A key of `drlib keygen`.")] = None,
    kms: Annotated[str | None, typer.Option(metavar="ARN", help="An asymmetric KMS key for signing.")] = None,
) -> None:
    """Sign a run's seal, with a local key or with one in KMS. `drlib verify --public-key` checks it."""
    from drlib import clients, evidence, signing

    if (key is None) == (kms is None):
        raise BadParameters("A signature needs either --key FILE or --kms ARN.")
    evidence.load(folder)
    if key is not None:
        signer = signing.local(key)
    else:
        arn = str(kms).split(":")
        if len(arn) != KMS_ARN_PARTS or arn[2] != "kms":
            raise BadParameters("--kms must be the ARN of a key, such as arn:aws:kms:REGION:ACCOUNT:key/ID.")
        client = clients.account_session().client("kms", region_name=arn[3], **clients.account_options())
        signer = signing.kms(client, str(kms))
    written = signing.sign(folder, signer)
    _say(f"Signed: {_short(written)}\nKey:    {signing.fingerprint(signer.public_key)}")


@app.command()
def export(
    folder: Annotated[Path | None, typer.Argument(metavar="RUN_DIR", help="A run's folder.")] = None,
    scenario: Annotated[str, typer.Option(help="Export this scenario as an experiment instead.")] = "",
    form: Annotated[str, typer.Option("--format", help="There is one: chaostoolkit.")] = "chaostoolkit",
    file: File = None,
) -> None:
    """Print a run as a Chaos Toolkit journal, or a scenario as an experiment that `chaos run` can run."""
    from drlib import interchange
    from drlib import scenario as scenarios

    if form != "chaostoolkit":
        raise BadParameters(f"--format must be chaostoolkit, and is {form!r}.")
    if (folder is None) == (not scenario):
        raise BadParameters("An export needs either RUN_DIR or --scenario NAME.")
    if folder is not None:
        _say(interchange.dumps(interchange.journal(folder)))
        return
    _say(interchange.dumps(interchange.experiment(scenarios.load(scenario), file=str(file or ""))))


@app.command()
def history(runs: Runs = None, as_json: AsJson = False) -> None:
    """Show all runs, and how many days ago each scenario was last drilled on each target."""
    from drlib import history as records

    past = records.read(_folder(runs))
    if as_json:
        _say(json.dumps(past.as_dict(), indent=1))
        return
    for table in (past.listing(), past.last().whole()):
        _say(f"{table}\n")
    _say(f"{past.never().text}: {past.never().detail}")
    for name in past.unreadable:
        _say(f"{name} holds evidence that cannot be read.")


@app.command()
def gate(
    max_rto: Annotated[float | None, typer.Option(metavar="SECONDS", help="Longest recovery time.")] = None,
    max_rpo: Annotated[float | None, typer.Option(metavar="SECONDS", help="Longest loss.")] = None,
    worsening: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Above the earlier drills' median, such as 20%.")
    ] = None,
    runs: Runs = None,
    scenario: Annotated[str, typer.Option(help="Judge the latest drill of this scenario.")] = "",
    target: Annotated[str, typer.Option(help="Judge the latest drill on this target.")] = "",
) -> None:
    """Judge the latest drill: exit code 1, with the reason, if it is over a limit or worse than before."""
    from drlib import gate as gates
    from drlib import history as records

    limits = gates.limits(max_rto, max_rpo, worsening)
    judged = gates.judge(records.read(_folder(runs)), limits, scenario=scenario, target=target)
    _say(str(judged))
    judged.require()


@app.command()
def inject(
    scenario: Annotated[str, typer.Argument(help="What breaks; `drlib scenarios` lists them.")],
    file: File = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=86_400.0,
            metavar="SECONDS",
            help="Heal after so long, instead of the scenario's own.",
        ),
    ] = None,
) -> None:
    """Break something from outside the runbooks, for a game day. `drlib restore` mends it.

    It heals by itself at its deadline (modelled seconds), whatever becomes of this terminal.
    """
    from drlib import faults, journal, settings, stack, target

    planned = faults.scenario(scenario)
    chosen = settings.make(_values(file) | {"scenario": planned.name})
    planned.require_target(chosen.target)
    approval = journal.approve(chosen, f"the fault {scenario}")
    here = target.open(chosen, start=False)
    entry = journal.join(chosen, "game-day", here, unfinished=True)
    _say(str(faults.inject(here, stack.current(here), entry, approval, deadline_seconds=deadline)))


@app.command()
def approve(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run that has shown the plan.")],
    plan: Annotated[str, typer.Option(metavar="HASH", help="The plan, as the runbook printed it.")],
    minutes: Annotated[int, typer.Option(help="For how long the approval is good.")] = 60,
) -> None:
    """Approve the plan that a runbook has shown, for a while. It stands in the run's journal."""
    from drlib import approval, journal, target

    run = journal.find(run_id, runbook="approval")
    here = target.open(run.settings, start=False)
    _say(approval.give(here, run, plan, minutes=minutes))


@app.command()
def restore(file: File = None) -> None:
    """End every fault that is in force. Works whatever became of the runbook that injected it.

    A fault's own file says where it is and how it is undone; FILE is for what no such file names.
    """
    from drlib import faults, journal, runner
    from drlib.errors import SandboxError

    for fault in faults.restore_all(journal.current()):
        _say(f"Restored: {fault.region} ({fault.scenario})")
    try:
        here = _here(file)
    except SandboxError as error:
        _say(f"{error.message} No fault is in force.")
        return
    for line in runner.restore(here, journal.current()):
        _say(line)


def main() -> None:
    """Run the command line. Every error is one plain sentence on stderr, and its exit code."""
    sys.excepthook = redaction.excepthook
    try:
        code = app(standalone_mode=False, prog_name="drlib", args=_paired(sys.argv[1:]))
        if code == TYPER_INTERRUPTED:
            raise KeyboardInterrupt
    except DrError as error:
        sys.stderr.write(f"{error}{_more(error)}\n")
        code = error.exit_code
    except typer.TyperException as error:
        text = error.format_message()
        hint = "" if "\n" in text else " `drlib --help` shows what there is."
        sys.stderr.write(redaction.mask(f"{text}{hint}\n"))
        code = BadParameters.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("Interrupted. If a fault was in force, `drlib restore` ends it.\n")
        code = INTERRUPTED
    sys.exit(code)


def _more(error: DrError) -> str:
    """Say where more is written on an error, unless it says so itself."""
    return "" if HANDBOOK in str(error) else f" See {error.see}."


def _paired(arguments: list[str]) -> list[str]:
    """Join `-p NAME VALUE` to one argument, so that an option of two values can be given many times."""
    joined: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        joined.append(argument)
        if argument in ("-p", "--parameter"):
            joined.append(
                "\0".join(text for text in (next(rest, None), next(rest, None)) if text is not None)
            )
    return joined


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, separator, value = text.partition("\0")
        if not separator:
            raise BadParameters("-p needs a name and a value.")
        pairs.append((name, value))
    return pairs


def _values(file: Path | None) -> dict[str, Any]:
    """Return a file's values; without a file, those of the open run, or the defaults."""
    from drlib import journal, settings

    if file:
        return settings.read(file)
    run = journal.current()
    return run.settings.values() if run else {}


def _folder(runs: Path | None) -> Path | None:
    """Return a folder of runs that was named. Raises BadParameters if there is none."""
    if runs is not None and not runs.is_dir():
        raise BadParameters(f"There is no folder {runs}.")
    return runs


def _here(file: Path | None) -> Target:
    """Return the target that a file, the open run or the defaults name; no sandbox is started for it."""
    from drlib import settings, target

    return target.open(settings.make(_values(file)), start=False)


def _show_status(status: Status, *, as_json: bool) -> None:
    facts = status.as_json()
    if as_json:
        _say(json.dumps(facts, indent=1))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            for key, item in value.items():
                _say(f"{name + ' ' + key:<24}  {item}")
        else:
            _say(f"{name:<24}  {value}")


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _say(line: str) -> None:
    print(line, flush=True)
