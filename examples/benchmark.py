"""Which provider for these texts? A benchmark from Python: the local provider beside answers that were recorded elsewhere.

``mlbroker bench`` does the same from a plan; with a cloud's credentials add ``[[provider]] provider = "aws"``.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from broker import Broker
from broker.bench.api import run_plan

REVIEWS = [
    ("Wonderful, I would buy it again", "positive", "positive"),
    ("It broke on the second day", "negative", "negative"),
    ("The parcel came on Monday", "neutral", "neutral"),
    ("Lovely people and great food", "positive", "positive"),
    ("Never again, a waste of money", "negative", "neutral"),
    ("Surprisingly good for the price", "positive", "neutral"),
]
"""Text, what it is, and what a provider that was asked last year said of it (made up for this example)."""
PLAN = """
operations = "text.sentiment"
[data]
path = "reviews.csv"
[[provider]]
provider = "local"
monthly_cost = "20"
[[replay]]
name = "last-year"
answers = "recorded.csv"
made_up = true
tiers = [{ price = "0.001" }]
"""

with tempfile.TemporaryDirectory() as name, Broker() as broker:
    folder = Path(name)
    with (
        open(folder / "reviews.csv", "w", newline="") as data,
        open(folder / "recorded.csv", "w", newline="") as said,
    ):
        csv.writer(data).writerows(
            [
                ("id", "text", "truth"),
                *((number, text, truth) for number, (text, truth, _) in enumerate(REVIEWS)),
            ]
        )
        csv.writer(said).writerows(
            [("item", "answer"), *((number, answer) for number, (_, _, answer) in enumerate(REVIEWS))]
        )
    (folder / "plan.toml").write_text(PLAN)
    result = run_plan(broker, str(folder / "plan.toml"))
    for lane in result.lanes:
        quality = next(each.delivered for each in lane.quality if each.metric == "accuracy")
        if quality.low is not None:
            print(f"{lane.lane.name}: accuracy {quality.point:.2f} [{quality.low:.2f}, {quality.high:.2f}]")
    for pair in result.pairings:
        print(f"{pair.first} against {pair.second} by {pair.metric}: {pair.comparison.verdict.value}")
    for point in result.break_evens:
        print(f"from {point.calls:,} calls a month on {point.above} is the cheaper one")
