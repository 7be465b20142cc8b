"""A number with its interval, and how it was reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is known of one quantity.

    :param estimand: what it is about: a metric's id, ``accuracy``, ``cost_per_correct``.
    :param method: the estimator with its version (``wilson/1``).
    :param point: the best single number; None: it cannot be told.
    :param low: lower end of the interval, ``high``: upper end; None: cannot be told.
    :param level: of confidence, 0..1.
    :param n: items with truth that it rests on.
    :param effective_n: how many items drawn alike would tell as much, ``(sum w)^2 / sum w^2``.
    :param always_valid: the interval holds however often one looks; others hold for one look planned beforehand.
    :param covered: share of the calls meant that the sample speaks for. Below 0.9 the figure is ``partial``.
    :param notes: what a reader must know: few clusters, no spread seen, a gate that was not passed.
    """

    estimand: str
    method: str
    point: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    effective_n: float
    always_valid: bool = False
    covered: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """There is a point and an interval."""
        return self.point is not None and self.low is not None and self.high is not None

    @property
    def partial(self) -> bool:
        """More than a tenth of the calls could not have been sampled, so that this speaks for the others only."""
        return self.covered < COVERED_ENOUGH

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width."""
        return (self.high - self.low) / 2 if self.low is not None and self.high is not None else None

    def _repr_html_(self) -> str:
        """For notebooks."""
        from broker.types.markup import facts

        point, low, high = (
            "not known" if end is None else f"{end:.4g}" for end in (self.point, self.low, self.high)
        )
        return facts(
            self.estimand,
            [
                ("point", point),
                (f"interval at {self.level:.0%}", f"{low} to {high}"),
                ("items", f"{self.n:,}"),
                ("method", self.method),
                *(("note", each) for each in self.notes),
            ],
        )


COVERED_ENOUGH = 0.9


def unknown(
    estimand: str, method: str, level: float, n: int, note: str, *, point: float | None = None
) -> Estimate:
    """No interval, and why."""
    return Estimate(
        estimand=estimand,
        method=method,
        point=point,
        low=None,
        high=None,
        level=level,
        n=n,
        effective_n=float(n),
        notes=(note,),
    )
