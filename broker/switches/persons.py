"""What a person may do with off switches: look, switch off, switch on again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from broker.contract.operations import OPERATIONS
from broker.errors import BadInput
from broker.ledger.switch_rows import SwitchEvent, SwitchRow
from broker.quality.scope import Scope
from broker.quality.switch import Refused
from broker.quality.switch_state import Release, State, Switch, SwitchOff
from broker.switches.board import Board


class Switches:
    """The off switches of a ledger, for all programs that use it.

    :param providers: names that a scope may have; None: any.
    """

    def __init__(self, board: Board, *, providers: Callable[[], Collection[str]] | None = None) -> None:
        self._board = board
        self._providers = providers

    def status(self) -> tuple[SwitchRow, ...]:
        """Every switch that anything has happened to. Raises :class:`~broker.errors.LedgerUnavailable`."""
        return tuple(sorted(self._board.rows(), key=lambda row: str(row.scope)))

    def log(self, limit: int = 100) -> Sequence[SwitchEvent]:
        """The last lines of the audit trail, newest first. Raises :class:`~broker.errors.LedgerUnavailable`."""
        return self._board.events(limit)

    def off(self, scope: Scope, *, by: str, reason: str) -> Switch:
        """Hold such calls back, here at once and within a second in every program that uses this ledger.

        It holds in ``observe`` too, until a person ends it. Raises :class:`~broker.errors.BadInput`,
        :class:`~broker.errors.LedgerUnavailable`.
        """
        self._check(scope)
        try:
            return self._board.report(scope, SwitchOff(actor=by, reason=reason))[0]
        except Refused as refused:
            raise BadInput(str(refused)) from None

    def on(
        self, scope: Scope, *, by: str, reason: str, close: bool = False, second: str | None = None
    ) -> Switch:
        """Let calls out again. What only a person had switched off is closed; what a rule had opened goes half open.

        :param close: close what a rule had opened, too, without waiting for probes to show that it is good again.
        :param second: who confirms it, where the settings ask for two.

        Raises :class:`~broker.errors.BadInput` for what the rules do not allow, with what they would;
        :class:`~broker.errors.LedgerUnavailable`.
        """
        row = next((row for row in self._board.rows() if row.scope == scope), None)
        if row is None:
            others = [str(each.scope) for each in self.status() if _is_off(each)]
            raise BadInput(f"{scope} is not switched off; switched off: {'; '.join(others) or 'nothing'}")
        switch = row.switch or Switch()
        steps = [
            close or (row.switch is not None and not switch.causes)
        ]  # nothing but a person's word to undo
        if switch.state is State.FORCED_OPEN:
            steps = [False, True] if steps == [True] else [False]
        releases = [Release(actor=by, reason=reason, close=closing, second=second) for closing in steps]
        try:
            return self._board.report(scope, *releases)[0]
        except Refused as refused:
            raise BadInput(str(refused)) from None

    def _check(self, scope: Scope) -> None:
        known = self._board.use_cases.settings
        if scope.use_case is not None and scope.use_case not in known:
            raise BadInput(
                f"there is no use case {scope.use_case!r} in the settings (known: {', '.join(known) or 'none'}), "
                "so no call would be held back"
            )
        if scope.use_case is not None and scope.operation not in (None, known[scope.use_case].operation):
            raise BadInput(f"the use case {scope.use_case!r} is of {known[scope.use_case].operation}")
        if scope.operation is not None and scope.operation not in OPERATIONS:
            raise BadInput(f"there is no operation {scope.operation!r}, so no call would be held back")
        name = (scope.provider or "").partition(":")[0]
        names = () if self._providers is None else self._providers()
        if name and self._providers is not None and name not in names:
            raise BadInput(
                f"there is no provider {name!r} (known: {', '.join(names)}), so no call would be held back"
            )


def _is_off(row: SwitchRow) -> bool:
    return row.switch is None or row.switch.state not in (State.CLOSED, State.WARN)
