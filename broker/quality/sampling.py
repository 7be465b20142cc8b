"""Which calls are looked at, and with what probability: the same answer for the same call, wherever it is asked.

``p = min(1, share * max(floor, p of the design))``; a call is taken when ``u < p``, where ``u`` comes out of the call's
id and a secret seed alone (keyed BLAKE2b), so that every process and every replay decides alike. ``p`` belongs into the
record of every call, taken or not: it is what makes later weighting honest. ``p = 0`` says that the call could not have
been taken; such calls are not part of what an estimate speaks for and count as uncovered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

from broker.quality.stratified import Stratum

FLOOR_OF_MEAN = 0.25
"""No stratum gets less than a quarter of the mean rate: unanimous answers are wrong in up to 12 %, too."""
_SCALE = 1 << 53  # as many bits as a float has, so that none rounds up to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is known of a call when it is over, without its content.

    :param confidence: of the first answer, on its provider's scale; None: unknown.
    :param agreeing: how many other providers gave the same answer; None: none was asked.
    :param group: of labels, languages or inputs, as the user sorts them.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    confidence: float | None = None
    agreeing: int | None = None
    group: str | None = None


NOTHING_KNOWN = Features()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What was decided on one call.

    :param taken: it is looked at.
    :param probability: with which calls like this one are taken; 0: it could not have been.
    :param u: where in 0..1 the call's own number lies; taken where it is below ``probability``.
    :param stratum: of the design; None: it has none.
    :param design: which design decided, with its version.
    """

    taken: bool
    probability: float
    u: float
    stratum: str | None
    design: str


class Design(Protocol):
    """How a probability follows from what is known of a call. Frozen: a changed design has another ``id``."""

    @property
    def id(self) -> str:
        """Name and version of its settings: ``rate/1``."""
        ...

    def rate(self, features: Features) -> tuple[str | None, float]:
        """The stratum of such a call, and its probability."""
        ...


def number_of(seed: bytes, call_id: str, purpose: str = "") -> float:
    """A call's own number in [0, 1), with 53 bits. Other purposes give independent numbers.

    Keyed BLAKE2b of ``PURPOSE NUL CALL_ID`` in 8 bytes (RFC 7693, section 2.9: a MAC as it is). HMAC-SHA256 does as well,
    but OpenSSL's two contexts cost a call 6 us more, behind a request, when nothing of them is in the caches.
    """
    digest = blake2b(f"{purpose}\0{call_id}".encode(), digest_size=8, key=_key(seed)).digest()
    return (int.from_bytes(digest, "big") >> 11) / _SCALE


@lru_cache(maxsize=16)
def _key(seed: bytes) -> bytes:
    """As much as BLAKE2b takes."""
    return seed if len(seed) <= blake2b.MAX_KEY_SIZE else blake2b(seed).digest()


def decide(
    design: Design,
    call_id: str,
    features: Features = NOTHING_KNOWN,
    *,
    seed: bytes,
    floor: float = 0.0,
    share: float = 1.0,
) -> Draw:
    """Whether this call is looked at.

    :param seed: secret, of at least 16 bytes; calls could else be made so that they are never looked at.
    :param floor: no call's rate is below this.
    :param share: what the sampling budget has left for it, 0..1; must not depend on this call.
    """
    if len(seed) < 16:
        raise ValueError("the seed of sampling has at least 16 bytes")
    stratum, rate = design.rate(features)
    probability = min(1.0, _checked(share) * max(_checked(floor), rate))
    u = number_of(seed, call_id)
    return Draw(taken=u < probability, probability=probability, u=u, stratum=stratum, design=design.id)


def _checked(rate: float) -> float:
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"a rate of sampling lies in 0..1; got {rate}")
    return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The same rate for every call."""

    per_call: float
    version: int = 1

    def __post_init__(self) -> None:
        _checked(self.per_call)

    @property
    def id(self) -> str:
        """``rate/VERSION``."""
        return f"rate/{self.version}"

    def rate(self, features: Features) -> tuple[str | None, float]:
        """One stratum, one rate."""
        del features
        return None, self.per_call


@dataclass(frozen=True, slots=True, kw_only=True)
class PerTag:
    """A rate for each value of one tag; its values are the strata."""

    tag: str
    rates: Mapping[str, float]
    otherwise: float = 0.0
    version: int = 1

    def __post_init__(self) -> None:
        for rate in (*self.rates.values(), self.otherwise):
            _checked(rate)

    @property
    def id(self) -> str:
        """``per-tag:TAG/VERSION``."""
        return f"per-tag:{self.tag}/{self.version}"

    def rate(self, features: Features) -> tuple[str | None, float]:
        """The rate of the call's value; ``otherwise`` for values that are not named."""
        value = features.tags.get(self.tag)
        if value is None or value not in self.rates:
            return f"{self.tag}=other", self.otherwise
        return f"{self.tag}={value}", self.rates[value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """How calls are sorted: how many others agree, how sure the provider is, which group.

    :param confidence_cuts: ascending confidences at which a new class begins, from past windows only (see
        :func:`terciles`); none: confidence is left out.
    """

    confidence_cuts: tuple[float, ...] = ()
    by_agreement: bool = True
    by_group: bool = False

    def name(self, features: Features) -> str:
        """The stratum of such a call. What is unknown is a class of its own."""
        parts = []
        if self.by_agreement:
            parts.append(f"agree={'?' if features.agreeing is None else features.agreeing}")
        if self.confidence_cuts:
            place = (
                "?"
                if features.confidence is None or features.confidence != features.confidence  # NaN
                else bisect_right(self.confidence_cuts, features.confidence)
            )
            parts.append(f"sure={place}")
        if self.by_group:
            parts.append(f"group={features.group or '?'}")
        return "|".join(parts) or "all"


def terciles(confidences: Sequence[float]) -> tuple[float, ...]:
    """Where the upper and the middle third of past confidences begin; fewer cuts where many are the same."""
    ordered = sorted(confidences)
    if len(ordered) < 3:
        return ()
    cuts = (ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3])
    return tuple(sorted({cut for cut in cuts if cut > ordered[0]}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratified:
    """A rate for each stratum. Rates come from past windows (:func:`neyman_rates`), so that weighting stays unbiased.

    :param otherwise: the rate of strata that the past did not have.
    """

    strata: Strata
    rates: Mapping[str, float]
    otherwise: float
    version: int = 1

    def __post_init__(self) -> None:
        for rate in (*self.rates.values(), self.otherwise):
            _checked(rate)

    @property
    def id(self) -> str:
        """``stratified/VERSION``."""
        return f"stratified/{self.version}"

    def rate(self, features: Features) -> tuple[str | None, float]:
        """The stratum and its rate."""
        name = self.strata.name(features)
        return name, self.rates.get(name, self.otherwise)


def neyman_rates(
    past: Sequence[Stratum], mean_rate: float, *, floor: float = FLOOR_OF_MEAN
) -> dict[str, float]:
    """The rates that tell most for the same number of items: in proportion to each stratum's spread.

    :param past: strata of past windows; their weights are shares of calls. Spreads are smoothed, a stratum without items
        has the largest.
    :param mean_rate: over all calls, kept exactly unless the caps at 1 forbid it.
    :param floor: the least rate, as a share of the mean one.
    """
    _checked(mean_rate)
    if not 0 <= floor <= 1:
        raise ValueError("the floor is a share of the mean rate, 0..1")
    whole = sum(stratum.weight for stratum in past)
    if not whole:
        raise ValueError("no stratum has any calls")
    weights = {stratum.name: stratum.weight / whole for stratum in past}
    spreads = {stratum.name: stratum.spread for stratum in past}
    least = floor * mean_rate

    def filled(scale: float) -> dict[str, float]:
        return {name: min(1.0, max(least, scale * spread)) for name, spread in spreads.items()}

    low, high = 0.0, 1.0 / min(spreads.values())
    for _ in range(100):
        middle = (low + high) / 2
        rates = filled(middle)
        if sum(weights[name] * rates[name] for name in rates) < mean_rate:
            low = middle
        else:
            high = middle
    return filled(high)


def proportional_rates(past: Sequence[Stratum], mean_rate: float) -> dict[str, float]:
    """The same rate for all strata."""
    return {stratum.name: _checked(mean_rate) for stratum in past}


@dataclass(frozen=True, slots=True, kw_only=True)
class DisagreementTriggered:
    """Two steps: some calls are mirrored to a second provider, and of those more where the two differ.

    :param mirror: share of calls that a second provider answers as well.
    :param differ: share of mirrored calls that go on to a reference where the two differ.
    :param agree: the same where they agree; never below a quarter of the mean (:meth:`balanced` keeps that).
    """

    mirror: float
    differ: float
    agree: float
    version: int = 1

    def __post_init__(self) -> None:
        for rate in (self.mirror, self.differ, self.agree):
            _checked(rate)
        if self.differ > 0 and self.agree <= 0:
            raise ValueError(
                "calls on which two providers agree must be looked at, too: both can be wrong; set a rate above 0"
            )

    @classmethod
    def balanced(
        cls, agreeing: Stratum, differing: Stratum, *, mirror: float, mean_rate: float, version: int = 1
    ) -> DisagreementTriggered:
        """With the second step's rates by Neyman from past windows, over mirrored calls, and its floor."""
        rates = neyman_rates([agreeing, differing], mean_rate)
        return cls(mirror=mirror, differ=rates[differing.name], agree=rates[agreeing.name], version=version)

    @property
    def id(self) -> str:
        """``disagreement/VERSION``."""
        return f"disagreement/{self.version}"

    def mirrored(self, call_id: str, *, seed: bytes, share: float = 1.0) -> Draw:
        """Step one: whether a second provider is asked."""
        probability = self.mirror * _checked(share)
        u = number_of(seed, call_id, "mirror")
        return Draw(
            taken=u < probability, probability=probability, u=u, stratum=None, design=f"{self.id}:mirror"
        )

    def referred(self, first: Draw, call_id: str, *, agreed: bool, seed: bytes) -> Draw:
        """Step two, for a mirrored call: whether it goes to a reference. ``probability`` is that of both steps."""
        if not first.taken:
            raise ValueError(
                f"call {call_id} was not mirrored, so nobody knows whether two providers agree on it"
            )
        rate = self.agree if agreed else self.differ
        u = number_of(seed, call_id, "refer")
        return Draw(
            taken=u < rate,
            probability=first.probability * rate,
            u=u,
            stratum="agree" if agreed else "differ",
            design=self.id,
        )
