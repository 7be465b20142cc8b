"""``mlbroker compare``: several providers on the same pictures, side by side.

Agreement is the share of a provider's names that at least one other provider also gives for the
picture: names are compared without case, among the top ``--max-labels`` of each, and a provider also
gives the parents and aliases of its labels. It says how alike the answers are, never how right.

``--json`` gives ``command``, ``providers`` (asked), ``not_configured`` (``provider``, ``problem``),
``agreement`` (its definition), ``files`` (``file``, and ``error`` or ``answers`` by provider: those of
``label``, plus ``agreement`` 0..1 or null; a failed one has ``error``), ``skipped``, ``summary`` as of
``label`` (``failed`` counts answers) and ``exit_code``. With ``--dry-run`` it is the one of :mod:`broker.cli.dry_run`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

import typer

from broker.cli import exits, options, output
from broker.cli.files import find, shown_skipped
from broker.cli.label import call_options
from broker.cli.run import result_document, who
from broker.errors import BadInput, BrokerError, NotConfigured, Unsupported

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from broker.registry import Registry
    from broker.types.call import Result
    from broker.types.label import Label, LabelSet

Outcome: TypeAlias = Union["Result[LabelSet]", BrokerError]

AGREEMENT = (
    "share of a provider's names that another provider also gives, parents and aliases included, "
    "without case; it is agreement, not accuracy"
)
_NARROWEST = 15
_OPERATION = "vision.label"


def compare(
    context: typer.Context,
    files: options.Files,
    providers: Annotated[
        list[str] | None,
        typer.Option(
            "--providers", "-p", metavar="A,B", help="These; otherwise all that are configured here."
        ),
    ] = None,
    max_labels: options.MaxLabels = 5,
    min_confidence: options.MinConfidence = 0.0,
    language: options.Language = None,
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Show what several providers say of the same pictures. Each call may cost."""
    state = options.begin(context, as_json)
    asked = call_options(max_labels, min_confidence, language, deadline, max_cost, tag)
    named = options.names(providers, "--providers")
    from broker.cli import main
    from broker.cli.tally import Tally
    from broker.types.media import Image

    began = time.monotonic()
    found = find(files)
    tally = Tally()
    errors: list[BaseException] = []
    documents: list[dict[str, Any]] = []
    interrupted = False
    screen = None if as_json else output.console()
    with main.make_broker(config=state.config) as broker:
        if dry_run:
            from broker.cli.dry_run import DryRun

            plan = DryRun("compare", broker, found)
            plan.compare(named or broker.registry.names(), asked, named=named is not None)
            raise typer.Exit(plan.emit() if as_json else plan.show())
        able, unable = _candidates(broker.registry, named)
        if not able:
            reasons = "; ".join(f"{name}: {problem}" for name, problem in unable.items())
            raise NotConfigured(f"no provider can be asked: {reasons}")
        if named:
            errors += [NotConfigured(problem) for problem in unable.values()]

        def lost(path: str, error: BrokerError) -> None:
            errors.append(error)
            documents.append({"file": path, "error": exits.document(error)})
            output.complain(f"{path}: {exits.message(error)}")

        for path, problem in found.failed.items():
            lost(path, problem)
        progress = output.Progress(len(found.files))
        try:
            for path in found.files:
                answers: dict[str, Outcome] = {}
                progress.begin(path)
                try:
                    picture = Image.load(path)  # once for all; a broken file costs nobody anything
                    for name in able:
                        try:
                            answers[name] = broker.vision.label(picture, provider=name, **asked)
                        except BrokerError as error:
                            answers[name] = error
                except BadInput as error:
                    lost(path, error)
                    continue
                except KeyboardInterrupt:
                    interrupted = True
                finally:
                    progress.end()
                for outcome in answers.values():
                    tally.add(outcome)
                    if isinstance(outcome, BrokerError):
                        errors.append(outcome)
                if answers:
                    documents.append({"file": path, "answers": _documents(answers)})
                    if screen is not None:
                        _show(screen, path, answers)
                if interrupted:
                    break
        except KeyboardInterrupt:
            interrupted = True
            screen = output.console() if screen is not None else None  # see label: no half line twice
    codes = [exits.code_of(error) for error in errors]
    code = exits.worst([*codes, exits.INTERRUPTED] if interrupted else codes)
    spent = time.monotonic() - began
    missing = len(found.items) - len(documents)
    if screen is None:
        output.emit(
            {
                "command": "compare",
                "providers": able,
                "not_configured": [{"provider": name, "problem": why} for name, why in unable.items()],
                "agreement": AGREEMENT,
                "files": documents,
                "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped],
                "summary": {
                    "files": len(found.items),
                    "failed": len(errors),
                    "not_tried": missing,
                    "interrupted": interrupted,
                    "seconds": round(spent, 3),
                    **tally.document(),
                },
                "exit_code": code,
            }
        )
    else:
        _foot(screen, able, unable)
        for line in shown_skipped(found.skipped):
            output.complain(line, "note")
        parts = [output.counted(len(found.items), "file"), output.counted(len(able), "provider")]
        parts += [f"{len(errors)} failed"] if errors else []
        left = "not finished" if interrupted else "not tried"
        parts += [f"{missing} {left}"] if missing else []
        parts += ["interrupted"] if interrupted else []
        cost = tally.shown()
        if interrupted and missing:
            cost += " but for what was under way ('mlbroker spend' shows it)"
        line = f"{', '.join(parts)}; cost {cost}; time {output.seconds(spent)}"
        screen.print(output.text(line, "bold"))
    raise typer.Exit(code)


def _candidates(registry: Registry, named: list[str] | None) -> tuple[list[str], dict[str, str]]:
    """Who can be asked, and who cannot with the reason."""
    from broker.pipeline.call import Candidate

    able: list[str] = []
    unable: dict[str, str] = {}
    for name in named if named is not None else registry.names():
        candidate = Candidate.parse(name)
        try:
            registry.manifest(candidate.provider).spec(_OPERATION)
            setup = registry.setup(candidate.provider, candidate.profile)
            if not setup.configured:
                raise NotConfigured(setup.problem or "it is not configured")
        except Unsupported as error:
            if named is not None:
                unable[name] = output.told(str(error))
        except BrokerError as error:
            unable[name] = output.told(str(error))
        else:
            able.append(name)
    return able, unable


def _names(each: Label) -> set[str]:
    return {name.casefold() for name in (each.name, *each.parents, *each.aliases)}


def shared(answers: Mapping[str, Outcome], name: str) -> list[bool] | None:
    """For each label of a provider, whether another provider names it too; None with nobody to compare."""
    mine = answers[name]
    others = [
        outcome
        for other, outcome in answers.items()
        if other != name and not isinstance(outcome, BrokerError)
    ]
    if isinstance(mine, BrokerError) or not others:
        return None
    theirs: set[str] = set()
    for outcome in others:
        theirs.update(*(_names(each) for each in outcome.value.labels))
    return [each.name.casefold() in theirs for each in mine.value.labels]


def _share(found: Sequence[bool] | None) -> float | None:
    return sum(found) / len(found) if found else None


def _documents(answers: Mapping[str, Outcome]) -> dict[str, Any]:
    return {
        name: {"ok": False, "error": exits.document(outcome)}
        if isinstance(outcome, BrokerError)
        else {"ok": True, **result_document(outcome), "agreement": _share(shared(answers, name))}
        for name, outcome in answers.items()
    }


def _show(screen: Console, path: str, answers: Mapping[str, Outcome]) -> None:
    screen.print(output.text(path, "bold"))
    columns = {name: _column(answers, name) for name in answers}
    names = list(answers)
    width = max(1, (screen.width - 12) // (_NARROWEST + 2))
    for start in range(0, len(names), width):  # more providers than fit go below, not off the screen
        part = names[start : start + width]
        table = output.table("", *part)
        height = max(len(columns[name][0]) for name in part)
        for rank in range(height):
            cells = [
                columns[name][0][rank] if rank < len(columns[name][0]) else output.text("") for name in part
            ]
            table.add_row(output.text(str(rank + 1), "dim"), *cells)
        table.add_section()
        for fact in ("agreement", "scale", "latency", "cost"):
            table.add_row(
                output.text(fact, "dim"), *(output.text(columns[name][1].get(fact, "-")) for name in part)
            )
        screen.print(table)
    for name, outcome in answers.items():
        if isinstance(outcome, BrokerError):
            said = exits.message(outcome)
            screen.print(output.text(said if said.startswith(name) else f"{name}: {said}", "red"))
        else:
            screen.print(output.text(who(outcome.provenance), "dim"))
    screen.print()


def _column(answers: Mapping[str, Outcome], name: str) -> tuple[list[Text], dict[str, str]]:
    """A provider's labels and facts."""
    outcome = answers[name]
    if isinstance(outcome, BrokerError):
        return [output.text(f"failed: {type(outcome).__name__}", "red")], {}
    both = shared(answers, name)
    cells = []
    for number, each in enumerate(outcome.value.labels):
        mark = "= " if both is not None and both[number] else ""
        cells.append(output.text(f"{mark}{each.name} {each.confidence.shown}", "bold" if mark else ""))
    scales = sorted({_scale(each.confidence.scale.value) for each in outcome.value.labels})
    facts = {
        "latency": output.seconds(outcome.latency),
        "cost": outcome.cost.shown,
        "scale": ", ".join(scales) or "-",
    }
    if both:
        facts["agreement"] = f"{sum(both)} of {len(both)}"
    return cells or [output.text("no labels")], facts


def _scale(scale: str) -> str:
    return {"ratio": "0 to 1", "percent": "0 to 100"}.get(scale, scale)


def _foot(screen: Console, able: list[str], unable: Mapping[str, str]) -> None:
    if len(able) > 1:
        screen.print(output.text(f"= marks a name that counts as agreement: {AGREEMENT}", "dim"))
    screen.print(output.text("latency: a provider's first call also connects or loads its model", "dim"))
    if unable:
        screen.print(output.text("not asked:"))
        table = output.facts()
        for name, problem in unable.items():
            table.add_row(output.text(f"  {name}"), output.text(problem))
        screen.print(table)
    screen.print()
