"""Four months of a use case, on a clock that is put forward: calls, samples, people's labels, a provider that gets worse
without a word, the alarm, the off switch and whom it degrades to. Offline; the three providers are made up.

Run it: python examples/months.py FOLDER
Then, in FOLDER, look at it as at your own: mlbroker quality status, quality alarms, switch log, kpi, and, with any run of
mlbroker bench, mlbroker report --history 120.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from broker import Broker, BrokerError
from broker.contract import Context, Reply
from broker.errors import AllProvidersFailed, Outcome, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.samples.rows import SampleQuery, SampleState
from broker.testing.fake import FakeAdapter, fake_price, fake_provider, labels
from broker.types import LabelRequest, LabelSet

KINDS = ("cat", "dog", "car", "tree")
PICTURES = 400
SETTINGS = """
provider = "cloud"
max_attempts = 1

[ledger]
path = "{folder}/ledger.db"

[quality]
seed = "drawn from this, so that the example is always the same"

# The shop knows what its test pictures show, and lets the off switch act.
[quality.use_cases.shop]
operation = "vision.label"
gold = "gold"
sampling = {{ design = "rate", rate = 1.0, second = ["second"], budget = "0.10" }}
tolerance = {{ target = 0.92, tolerance = 0.07 }}
switch = {{ mode = "enforce", on_unknown = "closed", degrade_to = ["spare"], first_cooldown = "1d" }}

[quality.use_cases.shop.value]
right = "0.004"
wrong = "0.006"
failed = "0.001"
planned_per_month = "0.90"
required = 50
windows = 2

# At the desk people say what was right, once a week.
[quality.use_cases.desk]
operation = "vision.label"
content = "inputs"
consent = true
retention_days = 120
sampling = {{ design = "rate", rate = 0.6 }}
switch = {{ window = "7d" }}
tolerance = {{ target = 0.9, tolerance = 0.1 }}
"""
PRICES = {"cloud": "0.0015", "second": "0.001", "spare": "0.002"}
RIGHT = {"cloud": 0.96, "second": 0.94, "spare": 0.9}
WORSE = 0.7
"""How often ``cloud`` is right after it changed."""
FAILS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call that was made, and what really became of it."""

    day: datetime
    call_id: str
    use_case: str
    picture: int
    provider: str
    failed: bool
    right: bool
    cost: Decimal


def picture(number: int) -> bytes:
    """A small bitmap that carries its number."""
    size = 54 + 8 * 8 * 3
    head = b"BM" + size.to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    shape = (40).to_bytes(4, "little") + (8).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24)
    return head + shape + number.to_bytes(3, "little") * 64


def number_in(data: bytes) -> int:
    """The other way."""
    return int.from_bytes(data[54:57], "little")


def shown(number: int) -> str:
    """What is really in a picture."""
    return KINDS[number % len(KINDS)]


def u(*words: object) -> float:
    """Between 0 and 1, always the same for the same words."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:6], "big") / 2**48


class World:
    """Three providers. From ``worse`` on, ``cloud`` is right less often."""

    def __init__(self, clock: VirtualRuntime, worse: datetime) -> None:
        self.clock = clock
        self.worse = worse

    def said(self, provider: str, number: int, at: datetime) -> str:
        """What a provider takes a picture for."""
        share = WORSE if provider == "cloud" and at >= self.worse else RIGHT[provider]
        return shown(number) if u(provider, number) < share else KINDS[(number + 1) % len(KINDS)]

    def adapters(self) -> list[type[FakeAdapter]]:
        """A provider each, as any adapter is handed to a broker."""

        def play(name: str) -> Callable[[LabelRequest, Context], Reply[LabelSet]]:
            def answer(request: LabelRequest, _: Context) -> Reply[LabelSet]:
                if threading.current_thread() is threading.main_thread():
                    self.clock.advance(0.2 + 0.3 * u(name, self.clock.now()))
                    if u("fails", name, self.clock.now()) < FAILS:
                        raise Unavailable("busy", outcome=Outcome.SERVER)
                return labels(self.said(name, number_in(request.image.data), self.clock.now()).title())

            return answer

        return [
            fake_provider(play(name), provider=name, price=fake_price(price, sku=f"{name}.vision.label"))
            for name, price in PRICES.items()
        ]


def prepare(folder: Path) -> None:
    """The settings, and the pictures whose content is known."""
    (folder / "gold").mkdir(parents=True)
    (folder / "mlbroker.toml").write_text(SETTINGS.format(folder=folder.as_posix()))
    rows = ["path,truth"]
    for number in range(PICTURES):
        (folder / "gold" / f"{number}.bmp").write_bytes(picture(number))
        rows.append(f"{number}.bmp,{shown(number)}")
    (folder / "gold" / "labels.csv").write_text("\n".join(rows))


def labelled(broker: Broker) -> None:
    """What waits at the desk is looked at by someone. By hand: mlbroker review."""
    store = broker.quality.store
    for sample in store.samples(SampleQuery(use_case="desk", state=SampleState.WAITING)):
        content = store.content(sample.id, "input")
        if content is not None:
            broker.quality.label(sample.item, shown(number_in(content.value)), by="ann")


def live(
    folder: Path,
    until: datetime,
    *,
    days: int = 120,
    a_day: int = 24,
    worse: int = 70,
    weekly: Callable[[Broker], None] = labelled,
) -> list[Called]:
    """Make the calls of these days; ``cloud`` changes on day ``worse``. Returns what was really called.

    The program is started anew every 30 days.
    """
    clock = VirtualRuntime(start=until - timedelta(days=days))
    begun = clock.now()
    world = World(clock, begun + timedelta(days=worse))
    made: list[Called] = []
    for first in range(0, days, 30):
        with Broker(config=str(folder / "mlbroker.toml"), adapters=world.adapters(), runtime=clock) as broker:
            for day in range(first, min(first + 30, days)):
                clock.advance((begun + timedelta(days=day, hours=8) - clock.now()).total_seconds())
                for turn in range(a_day):
                    made.append(call(broker, world, day * a_day + turn))
                    clock.advance(600)
                broker.quality.flush(60)
                if day % 7 == 6:
                    weekly(broker)
                    broker.quality.flush(60)
    return made


def call(broker: Broker, world: World, turn: int) -> Called:
    """One call, of the shop or (each fourth) of the desk."""
    use_case = "desk" if turn % 4 == 3 else "shop"
    number = int(u("picture", turn) * PICTURES)
    at = world.clock.now()
    facts = {"day": at, "use_case": use_case, "picture": number}
    try:
        found = broker.vision.label(picture(number), tags={"use_case": use_case})
    except BrokerError as error:
        # While one is switched off, and the other busy, the error holds both.
        last = error.exceptions[-1] if isinstance(error, AllProvidersFailed) else error
        asked = getattr(last, "provider", None) or ""
        lost = {"provider": asked, "failed": True, "right": False, "cost": Decimal(0)}
        return Called(call_id=error.call_id or "", **facts, **lost)  # type: ignore[arg-type] # of these names
    right = found.value.labels[0].name.lower() == shown(number)
    told = {"provider": found.provenance.provider, "failed": False, "right": right}
    return Called(call_id=found.call_id, cost=found.cost.amount or Decimal(0), **facts, **told)  # type: ignore[arg-type] # of these names


def main() -> None:
    """Into the folder that is named, else into one that is gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        asked = sys.argv[1:]
        folder = Path(asked[0] if asked else name).resolve()
        days = 120 if asked else 35  # the whole of it takes a minute
        prepare(folder)
        made = live(folder, datetime.now(UTC), days=days, worse=days * 7 // 12)
        for provider in PRICES:
            mine = [each for each in made if each.provider == provider]
            if mine:
                print(
                    f"{provider}: {len(mine)} calls, {sum(each.right for each in mine) / len(mine):.1%} right"
                )
        with Broker(config=str(folder / "mlbroker.toml")) as broker:
            for event in reversed(broker.switches.log()):
                with suppress(BrokerError):
                    print(
                        f"{event.transition.at:%d %b %H:%M}  {event.scope}  {event.transition.after.value}  {event.transition.text}"
                    )


if __name__ == "__main__":
    main()
