"""``--dry-run``: what the command would cost. Nothing is sent, nothing is recorded.

Each call is estimated as following the ones before, so the sum is right where the files cross a price tier.

``--json`` gives ``command``, ``dry_run`` (true), ``providers`` (a list: ``provider``, ``region``, ``configured``,
``calls``, ``units`` (numbers by unit), ``amount``, ``upper_bound`` (one attempt a call), ``worst_case`` (every retry
billed), ``currency``, ``unknown_calls`` (their amount is in no sum), ``unpriced_calls`` (nothing of theirs is), ``notes``),
``files`` (``file``, ``ok``, and ``error`` or ``provider``, ``amount``, ``currency``), ``skipped``, ``summary``
(``files``, ``failed``, ``not_tried``, ``interrupted``, ``calls``, ``cost``: a list by currency of ``amount`` and
``at_most``; ``unknown_calls``, ``unpriced_calls``) and ``exit_code``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from broker.cli import exits, output
from broker.cli.files import Found, shown_skipped
from broker.errors import BadInput, BrokerError, BudgetExceeded, NotConfigured, SwitchedOff, Unsupported
from broker.types.money import EXACT, shown_amount

if TYPE_CHECKING:
    from broker.client import Broker
    from broker.types.estimate import CandidateEstimate, Estimate

_KINDS: dict[str | None, type[BrokerError]] = {
    "NotConfigured": NotConfigured,
    "SwitchedOff": SwitchedOff,
    "Unsupported": Unsupported,
}


@dataclass(slots=True)
class _Row:
    """One provider: what its calls come to."""

    region: str | None = None
    configured: bool = True
    calls: int = 0
    units: dict[str, Decimal] = field(default_factory=dict)
    currency: str = "USD"
    amount: Decimal = Decimal(0)
    upper_bound: Decimal = Decimal(0)
    worst_case: Decimal = Decimal(0)
    unknown: int = 0
    unpriced: int = 0
    notes: dict[str, str] = field(default_factory=dict)
    """A few words, and the whole story where there is one."""

    def add(self, made: CandidateEstimate) -> None:
        self.calls += 1
        self.currency = made.currency
        for line in made.lines:
            before = self.units.get(line.unit.value, Decimal(0))
            self.units[line.unit.value] = EXACT.add(before, line.units)
        if made.upper_bound is None or made.worst_case is None:
            self.unpriced += 1
            return
        self.upper_bound = EXACT.add(self.upper_bound, made.upper_bound)
        self.worst_case = EXACT.add(self.worst_case, made.worst_case)
        if made.amount is None:
            self.unknown += 1
        else:
            self.amount = EXACT.add(self.amount, made.amount)

    def note(self, made: CandidateEstimate, *, later: bool) -> None:
        self.region, self.configured = made.region, made.configured
        found: dict[str, str] = {}
        if made.problem is not None:
            found["not configured" if not made.configured else "would refuse"] = made.problem
        for name in made.refused_by:
            found[f"refused by {name}"] = ""
        if made.unpriced:
            found["no price"] = made.unpriced
        if made.unknown:
            found["amount unknown"] = made.unknown
        for line in made.lines:
            if line.stale:
                found["old price"] = f"the price of {line.sku} was checked {line.age_days} days ago"
        for rate in made.standing:
            if rate.hourly is None:
                found["stands, cost unknown"] = f"{rate.name or rate.sku}: {rate.unpriced}"
            else:
                cost = shown_amount(rate.hourly, rate.currency)
                found[f"stands at {cost} an hour"] = (
                    f"{rate.name} ({rate.sku}), called or not; in no amount here"
                )
        if made.free:
            found["free"] = ""
        if later and not found:
            found["if others fail"] = ""
        for name, story in found.items():
            self.notes.setdefault(name, story)

    def shown(self) -> tuple[str, str]:
        """Cost, and the most it can be."""
        if not self.calls:
            return "-", "-"
        if self.unpriced == self.calls:
            return "unknown", "unknown"
        more = " + unknown" if self.unpriced else ""
        known = shown_amount(self.amount, self.currency)
        cost = known + more if not self.unknown else f"{known} + unknown" if self.amount else "unknown"
        return cost, shown_amount(self.worst_case, self.currency) + more


class DryRun:
    """The files of one command, estimated one after the other."""

    def __init__(self, command: str, broker: Broker, found: Found) -> None:
        self._command = command
        self._plan = broker.estimate.plan()
        self._attempts = broker.settings.max_attempts
        self._found = found
        self._rows: dict[str, _Row] = {}
        self._files: list[dict[str, Any]] = []
        self._errors: list[BaseException] = []
        self._failed = 0
        self._calls = 0
        self._at_most: dict[str, Decimal] = {}
        self._open_end = False
        self._interrupted = False

    def ask(self, operation: Callable[[str], str], asked: dict[str, Any]) -> None:
        """As the command itself would ask: each input once, in the order of preference."""
        options = {name: value for name, value in asked.items() if name != "raw"}

        def one(name: str) -> list[Estimate]:
            capability, method = operation(name).split(".")
            estimate = getattr(getattr(self._plan, capability), method)
            return [estimate(self._found.value(name), **options)]

        self._each(one)

    def compare(self, names: Sequence[str], asked: dict[str, Any], *, named: bool) -> None:
        """As ``mlbroker compare`` would ask: each file of each provider that can."""
        from broker.types.media import Image

        def ask(path: str) -> list[Estimate]:
            picture = Image.load(path)
            found = [self._plan.vision.label(picture, provider=name, **asked) for name in names]
            return [each for each in found if named or each.candidates[0].problem_kind != "Unsupported"]

        self._each(ask, quiet=None if named else NotConfigured)
        if not named and self._files and not self._calls and not self._failed:
            self._errors.append(NotConfigured("no provider can be asked"))

    def _each(self, ask: Callable[[str], list[Estimate]], *, quiet: type[BrokerError] | None = None) -> None:
        for path, problem in self._found.failed.items():
            self._lost(path, problem)
        progress = output.Progress(len(self._found.files))
        try:
            for path in self._found.files:
                progress.begin(path)
                try:
                    estimates = ask(path)
                except BrokerError as error:
                    self._lost(path, error)
                    continue
                finally:
                    progress.end()
                for each in estimates:
                    self._add(path, each, quiet)
        except KeyboardInterrupt:
            self._interrupted = True

    def _lost(self, path: str, error: BrokerError) -> None:
        self._errors.append(error)
        self._failed += 1
        self._files.append({"file": path, "ok": False, "error": exits.document(error)})
        output.complain(f"{path}: {exits.message(error)}")

    def _add(self, path: str, made: Estimate, quiet: type[BrokerError] | None) -> None:
        counted = made.counted
        for number, each in enumerate(made.candidates):
            row = self._rows.setdefault(each.name, _Row())
            row.note(each, later=number > 0 and each is not counted)
            if each is counted:
                row.add(each)
        document: dict[str, Any] = {"file": path, "ok": made.first is not None}
        if counted is not None:
            document |= {
                "provider": counted.name,
                "amount": output.decimal(counted.amount),
                "currency": counted.currency,
            }
        if made.first is not None:
            self._calls += 1
            if made.worst_case is None:
                self._open_end = True
            else:
                before = self._at_most.get(made.currency, Decimal(0))
                self._at_most[made.currency] = EXACT.add(before, made.worst_case)
        else:
            error = _why(made)
            document["error"] = exits.document(error)
            if quiet is None or not isinstance(error, quiet):
                self._errors.append(error)
                self._failed += not isinstance(error, NotConfigured)
                if not isinstance(error, NotConfigured):  # that is said once, below the table
                    output.complain(f"{path}: {exits.message(error)}")
        self._files.append(document)

    def code(self) -> int:
        """The exit code."""
        codes = [exits.code_of(error) for error in self._errors]
        return exits.worst([*codes, exits.INTERRUPTED] if self._interrupted else codes)

    def _not_tried(self) -> int:
        return len({*self._found.items} - {each["file"] for each in self._files})

    def _sums(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for row in self._rows.values():
            if row.calls and row.configured and row.unpriced < row.calls:
                found[row.currency] = EXACT.add(found.get(row.currency, Decimal(0)), row.amount)
        return found

    def emit(self) -> int:
        """The one JSON object; returns the exit code."""
        code = self.code()
        sent = [row for row in self._rows.values() if row.configured]
        output.emit(
            {
                "command": self._command,
                "dry_run": True,
                "providers": [_document(name, row) for name, row in self._rows.items()],
                "files": self._files,
                "skipped": [{"path": path, "reason": reason} for path, reason in self._found.skipped],
                "summary": {
                    "files": len(self._found.items),
                    "failed": self._failed,
                    "not_tried": self._not_tried(),
                    "interrupted": self._interrupted,
                    "calls": self._calls,
                    "cost": [
                        {
                            "currency": currency,
                            "amount": output.decimal(amount),
                            "at_most": None
                            if self._open_end
                            else output.decimal(self._at_most.get(currency, Decimal(0))),
                        }
                        for currency, amount in sorted(self._sums().items())
                    ],
                    "unknown_calls": sum(row.unknown for row in sent),
                    "unpriced_calls": sum(row.unpriced for row in sent),
                },
                "exit_code": code,
            }
        )
        return code

    def show(self) -> int:
        """The table; returns the exit code."""
        screen = output.console()
        if self._rows:
            table = output.table(
                "provider", "calls", "units", "cost", "at most", "notes", right=("calls", "cost", "at most")
            )
            for name, row in self._rows.items():
                units = ", ".join(_counted(number, unit) for unit, number in row.units.items()) or "-"
                cells = (name, f"{row.calls:,}", units, *row.shown(), ", ".join(row.notes))
                table.add_row(*(output.text(cell) for cell in cells))
            screen.print(table)
            stories = output.facts()
            for name, row in self._rows.items():
                for story in dict.fromkeys(filter(None, row.notes.values())):
                    stories.add_row(output.text(name), output.text(output.told(story)))
            if stories.row_count:
                screen.print(stories)
            screen.print(
                output.text(
                    f"at most: every attempt (max_attempts {self._attempts}) billed at the dearest tier",
                    "dim",
                )
            )
        for line in shown_skipped(self._found.skipped):
            output.complain(line, "note")
        parts = [
            output.counted(len(self._found.items), self._found.noun),
            output.counted(self._calls, "call"),
        ]
        parts += [f"{self._failed} failed"] if self._failed else []
        parts += [f"{self._not_tried()} not tried"] if self._not_tried() else []
        parts += ["interrupted"] if self._interrupted else []
        screen.print(output.text(f"dry run, nothing was sent: {', '.join(parts)}; {self._total()}", "bold"))
        return self.code()

    def _total(self) -> str:
        if not self._calls:  # a sum of nothing would read as if it were free
            return "no call can be made"
        sums = self._sums()
        cost = " + ".join(shown_amount(amount, currency) for currency, amount in sorted(sums.items()))
        sent = [row for row in self._rows.values() if row.configured]
        vague = sum(row.unknown + row.unpriced for row in sent)
        parts = [f"cost {cost}"] if cost else [] if vague else ["cost $0.00"]
        parts += [f"{output.counted(vague, 'call')} of unknown cost"] if vague else []
        if self._open_end:
            parts.append("at most unknown")
        elif self._at_most:
            most = (shown_amount(amount, currency) for currency, amount in sorted(self._at_most.items()))
            parts.append(f"at most {' + '.join(most)}")
        return ", ".join(parts)


def _why(made: Estimate) -> BrokerError:
    """The error the real call would end with, near enough for its exit code and its words."""
    from broker.pipeline.estimate import MAX_COST

    found: list[BrokerError] = []
    for each in made.candidates:
        if each.problem is not None:
            found.append(_KINDS.get(each.problem_kind, BadInput)(f"{each.name}: {each.problem}"))
        else:
            budgets = ", ".join(each.refused_by)
            found.append(
                BudgetExceeded(
                    f"{each.name}: refused by {budgets}, as it may cost {_most(each)}"
                    + ("" if budgets == MAX_COST else "; 'mlbroker budget' shows how budgets stand")
                )
            )
    codes = {exits.code_of(each): each for each in found}
    text = "; ".join(str(each) for each in found)
    if exits.REFUSED in codes:
        return BudgetExceeded(text)
    kind = type(found[0]) if len(codes) == 1 else BadInput
    return kind(text)


def _most(made: CandidateEstimate) -> str:
    return "an unknown amount" if made.upper_bound is None else shown_amount(made.upper_bound, made.currency)


def _counted(number: Decimal, unit: str) -> str:
    text = f"{number.normalize():,f}" if number else "0"
    return f"{text} {unit}" if number == 1 else f"{text} {'queries' if unit == 'query' else unit + 's'}"


def _document(name: str, row: _Row) -> dict[str, Any]:
    known = row.calls > row.unpriced
    return {
        "provider": name,
        "region": row.region,
        "configured": row.configured,
        "calls": row.calls,
        "units": {unit: output.decimal(number) for unit, number in row.units.items()},
        "amount": output.decimal(row.amount) if known and row.calls > row.unknown + row.unpriced else None,
        "upper_bound": output.decimal(row.upper_bound) if known else None,
        "worst_case": output.decimal(row.worst_case) if known else None,
        "currency": row.currency,
        "unknown_calls": row.unknown,
        "unpriced_calls": row.unpriced,
        "notes": [f"{name}: {output.told(story)}" if story else name for name, story in row.notes.items()],
    }
