"""A plan for somebody's data, written from what is found there and on this machine; with every setting explained."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence

from broker.bench.plan import NOT_ASKED
from broker.contract.operations import OPERATIONS
from broker.datasets import Dataset, Kind, open_dataset
from broker.datasets.tables import is_table, rows
from broker.errors import BadDataset, BrokerError
from broker.registry import Registry
from broker.scoring import no_metric, parse_truth
from broker.types.json import JsonValue

_LOOKED_AT = 20
"""Items whose truth is tried."""
_TAKES_ANY_WORDS = ("text.key_phrases", "vision.detect_text")
"""Their truths are any words, so that a class that is misspelt would be one."""


_STANDS = '# monthly_cost = "0.00"    # what stands for it whether called or not'
_OWN_MACHINE = '# monthly_cost = "60.00"   # of the machine it runs on: until that is said its cost is not known, for it is not free'


def written_plan(source: str, registry: Registry, folder: str) -> str:
    """The text of a plan that stands in ``folder``. Raises :class:`~broker.errors.BadDataset` for what is no data set."""
    dataset = open_dataset(source)
    fitting, told = _fitting(dataset)
    possible = [name for name in OPERATIONS if Kind.of(name) is dataset.kind and name not in NOT_ASKED]
    chosen = fitting or possible[:1]
    others = [name for name in possible if name not in chosen]
    path = os.path.relpath(dataset.path, folder)
    lines = [
        f"# A benchmark of {dataset.kind.value} data, written by 'mlbroker bench --init'. Read it, then type:",
        "#   mlbroker bench THIS_FILE --dry-run      what it would cost; nothing is sent",
        "#   mlbroker bench THIS_FILE                interrupted, the same command goes on and pays nothing twice",
        "",
        f"operations = {json.dumps(chosen)}" + (f"  # also: {', '.join(others)}" if others else ""),
        'keep = "bench-runs"       # each run gets a folder of its own in it',
        "delta = 0.03              # the smallest difference in quality that matters to you",
        "level = 0.95              # of all intervals",
        "",
        "[data]",
        f"path = {json.dumps(path)}",
        f"# {told}",
        "# limit = 200             # only the first items",
        '# truth = "truth.csv"     # a column, a file, "folder-name", "beside" or "none"',
        "",
        *_providers(registry, chosen),
        "# Answers that were recorded elsewhere can stand beside them (docs/bench.md):",
        "# [[replay]]",
        '# name = "recorded"',
        '# answers = "answers.csv"',
        "",
        "[run]",
        'cost_cap = "1.00"         # the most that the whole run may spend',
        "concurrency = 4           # calls on their way at once; fewer while a provider throttles",
        "warm_up = 1               # first calls whose time does not count; their answers do",
        "repetitions = 1           # how often each item is asked, to see whether answers differ",
        '# unpriced = "0.01"       # what a call without a known price counts for; without it such calls are refused',
        "# deadline = 30           # seconds of a call, retries included",
        "raw = true                # keep the vendors' whole answers too",
        "",
        "# What you mean to run: cost curves and the report's scale readiness rest on it.",
        "[workload]",
        "# calls_per_month = 100000",
        "# p95_limit = 2.0         # seconds",
        '# budget = "200.00"       # a month',
        "# peak_per_second = 2.0   # calls; without it nobody's quota can be judged",
        "",
    ]
    return "\n".join(lines)


def _fitting(dataset: Dataset) -> tuple[list[str], str]:
    """The operation that can use the truths, and a sentence on the truths."""
    truths = []
    for number, item in enumerate(dataset.items()):
        if number >= _LOOKED_AT:
            break
        if item.truth is not None:
            truths.append((item.truth, item.where))
    if not truths:
        return (
            [],
            f"no truth was found{_columns(dataset)}: agreement, speed and cost will be told, quality will not",
        )
    slips = {name: _slips(name, truths) for name in OPERATIONS if _scored(name, dataset.kind)}
    found = [name for name, slip in slips.items() if not slip]
    closed = [name for name in slips if name not in _TAKES_ANY_WORDS]
    nearest = min(closed, key=lambda name: len(slips[name]), default=None)
    if (
        nearest is not None
        and slips[nearest]
        and all(name in _TAKES_ANY_WORDS for name in found)
        and 2 * len(slips[nearest]) <= len(truths)
    ):
        bad = slips[nearest]
        return [nearest], (
            f"{len(bad)} of the first {len(truths)} truths {'does' if len(bad) == 1 else 'do'} not fit {nearest}: {bad[0]}"
        )
    if not found:
        return [], "the truths that were found fit no operation as they are; docs/datasets.md has the forms"
    fits = f"; they fit {', '.join(found)}" if len(found) > 1 else ""
    return found[:1], f"truths were found{fits}"


def _scored(operation: str, kind: Kind) -> bool:
    return Kind.of(operation) is kind and operation not in NOT_ASKED and no_metric(operation) is None


def _slips(operation: str, truths: Sequence[tuple[JsonValue, str]]) -> list[str]:
    """Why truths do not fit, one of each that does not."""
    found = []
    for truth, where in truths:
        try:
            parse_truth(operation, truth, where=where)
        except BadDataset as error:
            found.append(" ".join(str(error).split()))
    return found


def _columns(dataset: Dataset) -> str:
    """A table's columns, for one may be the truth under a name of its own."""
    if not is_table(dataset.path):
        return ""
    row = next((each for _, each in rows(dataset.path)), {})
    names = ", ".join(" ".join(name.split())[:40] for name in row)
    return f" (columns: {names}; name one as truth)" if row else ""


def _providers(registry: Registry, operations: list[str]) -> Iterator[str]:
    """Who offers them: those set up here, and those that are not as a comment with the reason."""
    for name in registry.names():
        try:
            manifest = registry.manifest(name)
            for operation in operations:
                manifest.spec(operation)
            setup = registry.setup(name)
        except BrokerError:
            continue
        if all(setup.takes(operation) for operation in operations):
            yield from ("[[provider]]", f'provider = "{name}"')
        else:
            why = " ".join((setup.problem or "it is not set up here").split())
            yield from (f"# [[provider]]             # {why}", f'# provider = "{name}"')
        yield "# options = { }"
        yield _OWN_MACHINE if name == "local" else _STANDS
        yield ""
