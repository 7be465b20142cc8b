"""A benchmark's result made by hand, with real estimates, for the tests of the report."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from broker.bench.result import (
    BenchProvenance,
    BenchResult,
    DataSetFacts,
    Failure,
    Lane,
    LaneResult,
    ModelSeen,
    Money,
    Origin,
    Pairing,
    Quality,
    Reliability,
    RunFacts,
    Speed,
    Timing,
    UnitUse,
    Workload,
)
from broker.bench.volume import Tariff, UnitLine, break_evens, curve
from broker.pricing.load import shipped
from broker.quality.choose import estimate_delivery
from broker.quality.intervals import share_interval
from broker.quality.kpi import latency
from broker.quality.metrics.metric import ACCURACY, right_or_wrong
from broker.quality.paired import compare_all
from broker.report.model import Cell, Sample
from broker.types.geometry import Box, Frame
from broker.types.view import Row, View

DAY = date(2026, 11, 21)
EVIL = "<script>alert(1)</script>\"'&\u202egnp.exe\x1b[31m\ud800"
"""Markup, quotes, a bidi override, an escape sequence and half a character."""
SKUS = {"aws": "aws.rekognition.group2", "gcp": "gcp.vision.label", "azure": "azure.vision.group1"}
REGIONS = {"aws": "us-east-1", "gcp": "global", "azure": "eastus"}
SHARES = {"aws": 0.86, "gcp": 0.85, "azure": 0.80, "local": 0.62}


def lane(name: str, operation: str = "vision.label", **more: object) -> Lane:
    origin = Origin.ASKED if name == "local" else Origin.REPLAYED
    note = "" if name == "local" else "answers recorded by somebody in 2023"
    known = {
        "recorded": None if name == "local" else DAY,
        "name": name,
        "provider": name,
        "operation": operation,
        "origin": origin,
        "note": note,
        **more,
    }
    return Lane(**known)  # type: ignore[arg-type]


def scores(items: int, seed: int = 7) -> dict[str, list]:
    source = random.Random(seed)
    hard = [source.random() for _ in range(items)]
    return {
        name: [right_or_wrong(f"i{n}", 0.6 * hard[n] + 0.4 * source.random() < share) for n in range(items)]
        for name, share in SHARES.items()
    }


def tariff(name: str) -> Tariff:
    if name == "local":
        return Tariff(lines=(), currency="USD", standing=Decimal(60), carries=Decimal(20_000_000))
    row = shipped().find(SKUS[name], REGIONS[name], _unit(name), DAY)
    return Tariff(lines=(UnitLine(price=row, per_call=Decimal(1)),), currency="USD")


def _unit(name: str):
    return next(row.unit for row in shipped().of(SKUS[name]))


def timing(middle: float, n: int, seed: int = 3) -> Timing:
    source = random.Random(seed)
    seconds = [middle * source.lognormvariate(0, 0.4) for _ in range(n)]
    quantiles = [latency(seconds, share) for share in (0.5, 0.95, 0.99)]
    return Timing(n=n, mean=sum(seconds) / n, p50=quantiles[0], p95=quantiles[1], p99=quantiles[2])  # type: ignore[arg-type]


def lane_result(name: str, given: list, items: int, operation: str = "vision.label") -> LaneResult:
    delivered = estimate_delivery(ACCURACY, given)
    asked = name == "local"
    right = Decimal(str(delivered.delivered.point or 0)) if delivered.delivered.point else None
    per_1000 = {"aws": Decimal(1), "gcp": Decimal("1.5"), "azure": Decimal(1), "local": Decimal(0)}[name]
    return LaneResult(
        lane=lane(name, operation),
        quality=(
            Quality(
                metric=ACCURACY.id,
                version=ACCURACY.version,
                primary=True,
                higher_is_better=True,
                best=1.0,
                delivered=delivered.delivered,
                conditional=delivered.conditional,
            ),
        ),
        reliability=Reliability(
            questions=items,
            answered=items - (2 if asked else 0),
            failed=2 if asked else 0,
            unsettled=0,
            left=0,
            success=share_interval(items - (2 if asked else 0), items, estimand="success"),
            failures=(Failure(kind="BadInput", calls=2, example="the picture has 3 sides"),) if asked else (),
            attempts=items if asked else None,
            errors=2 if asked else None,
            throttled=0 if asked else None,
        ),
        speed=Speed(
            attempt=timing(0.03 if asked else 0.4, items),
            call=timing(0.03, items) if asked else None,
            waited=0.0 if asked else None,
            throughput=31.5 if asked else None,
            concurrency=2 if asked else None,
            least_in_flight=2 if asked else None,
        ),
        money=Money(
            currency="USD",
            known=per_1000 * items / 1000,
            at_risk=Decimal(0),
            unpriced=0,
            per_1000=per_1000,
            per_correct=None if right is None else per_1000 / 1000 / right,
            per_correct_low=None,
            per_correct_high=None,
            correct_of=ACCURACY.id,
            source="ledger" if asked else "list price",
            uses=()
            if asked
            else (
                UnitUse(
                    sku=SKUS[name],
                    unit="image",
                    per_call=Decimal(1),
                    price_id=f"{SKUS[name]}@x",
                    price_source="https://example.org/prices",
                    checked_on=DAY,
                ),
            ),
        ),
    )


def _dated(each: LaneResult, ended: datetime | None) -> LaneResult:
    """A recording of the run's own day."""
    day = DAY if ended is None else ended.date()
    return replace(each, lane=replace(each.lane, recorded=day if each.lane.recorded else None))


def result(
    items: int = 300, *, workload: Workload | None = None, ended: datetime | None = None
) -> BenchResult:
    given = scores(items)
    tariffs = [(name, tariff(name)) for name in SHARES]
    load = workload or Workload(
        calls_per_month=2_000_000, p95_limit=1.0, budget=Decimal(2500), currency="USD", peak_per_second=10
    )
    compared = compare_all(ACCURACY, given, delta=0.02)
    return BenchResult(
        run=RunFacts(
            id="20261121-abc",
            name="Clouds in pictures",
            folder="bench-runs/20261121-abc",
            started=datetime(2026, 11, 21, 10, tzinfo=UTC),
            ended=ended or datetime(2026, 11, 21, 11, tzinfo=UTC),
            finished=True,
            sittings=1,
            seconds=42.0,
            seed=1,
            concurrency=2,
            warm_up=3,
            repetitions=1,
            plan_digest="9" * 64,
            cost_cap=Decimal(5),
        ),
        provenance=BenchProvenance(
            mlbroker="0.1.0",
            python="3.11",
            platform="Linux",
            data=DataSetFacts(
                name="clouds",
                source="pictures",
                snapshot="clouds@0123456789ab",
                kind="image",
                items=items,
                with_truth=items,
            ),
            price_book="a" * 64,
            prices_day=DAY,
            prices_oldest=date(2026, 9, 11),
            prices_stale=("gcp.vision.label",),
            models=(
                ModelSeen(
                    lane="local",
                    version="efficientnet-lite0",
                    answers=items,
                    first=datetime(2026, 11, 21, 10, tzinfo=UTC),
                    last=datetime(2026, 11, 21, 11, tzinfo=UTC),
                ),
            ),
            scorers=("accuracy/1",),
            command="mlbroker bench plan.toml",
        ),
        workload=load,
        delta=0.02,
        level=0.95,
        lanes=tuple(_dated(lane_result(name, given[name], items), ended) for name in SHARES),
        pairings=tuple(
            Pairing(operation="vision.label", metric=ACCURACY.id, first=first, second=second, comparison=each)
            for (first, second), each in compared.items()
        ),
        curves=tuple(
            curve(name, "vision.label", each, also=(load.calls_per_month or 1000,)) for name, each in tariffs
        ),
        break_evens=break_evens("vision.label", tariffs),
        notes=("answers of aws, gcp and azure are replayed",),
    )


def boxed(*names: str, frame: tuple[int, int] = (320, 240)) -> View:
    rows = tuple(
        Row(what=name, sure=f"{90 - 7 * n} %", box=Box(left=0.1 + 0.2 * n, top=0.2, width=0.3, height=0.5))
        for n, name in enumerate(names)
    )
    return View(noun="object", rows=rows, frame=Frame(width=frame[0], height=frame[1]))


def cells(
    views: dict[str, View | None], operation: str = "vision.detect_objects", error: str = ""
) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            lane=name,
            operation=operation,
            view=view,
            error="" if view else error or "BadInput: the picture has 3 sides",
            latency=0.412,
            score=0.75,
            model="v1",
            mark="" if name == "local" else "replayed",
        )
        for name, view in views.items()
    )


def samples(picture: str = "absent.png") -> tuple[Sample, ...]:
    """A picture with boxes, a text with differences, a recording that is not there, a hostile one."""
    spoken = {
        "aws": "the quick brown fox jumped over lazy dog",
        "gcp": "The quick brown fox jumps over the lazy dog.",
        "local": "a quick brown box jumps over the crazy dog",
    }
    return (
        Sample(
            id="cat.png",
            kind="image",
            input=picture,
            truth=["cat", "sofa"],
            cells=cells(
                {
                    "aws": boxed("Cat", "Couch"),
                    "gcp": boxed("Cat"),
                    "azure": None,
                    "local": boxed("tabby cat", "sofa", "cup"),
                }
            ),
        ),
        Sample(
            id="speech-1",
            kind="audio",
            input="absent.wav",
            truth={"text": "The quick brown fox jumps over the lazy dog."},
            cells=cells(
                {
                    n: View(noun="segment", rows=(Row(what=t, detail="0:00"),), text=t)
                    for n, t in spoken.items()
                },
                "transcription.transcribe",
            ),
        ),
        Sample(
            id=f"evil {EVIL}",
            kind="text",
            input=f"input {EVIL}",
            truth=f"truth {EVIL}",
            cells=cells(
                {
                    "aws": View(
                        noun="mention",
                        rows=(Row(what=f"what {EVIL}", detail=f"detail {EVIL}", sure=f"sure {EVIL}"),),
                    ),
                    "gcp": View(noun="mention", rows=(), text=f"said {EVIL}"),
                    "azure": None,
                },
                "text.entities",
                error=f"error {EVIL}",
            ),
        ),
    )
