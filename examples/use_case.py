"""A use case whose quality is known: calls are scored against gold, and an off switch watches. Offline.

Run it: python examples/use_case.py
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from broker import Broker

REVIEWS = [
    ("I love it, a wonderful phone.", "positive"),
    ("Terrible: it broke after a day.", "negative"),
    ("Great battery and a lovely screen.", "positive"),
    ("The worst purchase of my life.", "negative"),
] * 10


def main() -> None:
    """Forty calls, what they were worth, and how the switch stands."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open(folder / "gold.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "text", "truth"])
            rows.writerows([f"review-{n}", text, truth] for n, (text, truth) in enumerate(REVIEWS))
        use_case = {
            "operation": "text.sentiment",
            "gold": str(folder / "gold.csv"),
            "sampling": {"design": "rate", "rate": 1.0},  # every call: there are few
            "tolerance": {"target": 0.9, "tolerance": 0.1},
        }
        with Broker(
            provider="local",
            ledger={"path": str(folder / "ledger.db")},
            quality={"use_cases": {"reviews": use_case}},
        ) as broker:
            for number, (text, _) in enumerate(REVIEWS):
                broker.text.sentiment(text, tags={"item": f"review-{number}"})
            broker.quality.flush(60)
            found = broker.quality.figures("reviews", "local")
            told = found.delivered
            print(
                f"{found.calls} calls, {found.scored} scored, {found.metric.id if found.metric else 'no metric'}"
            )
            if told.point is not None and told.low is not None and told.high is not None:
                print(f"delivered {told.point:.3f}, between {told.low:.3f} and {told.high:.3f}")
            for row in broker.switches.status():
                print(row.scope, row.switch.state.value if row.switch else "not readable")


if __name__ == "__main__":
    main()
