"""The shortest use: one picture, one typed result. Runs offline on the local provider."""

from __future__ import annotations

from photos import sample_photos

import broker

picture = sample_photos()[0]
result = broker.vision.label(picture, max_labels=3, min_confidence=0.5, provider="local")

for label in result.value.labels:
    print(f"{label.name}: {label.confidence.shown}")
print(f"{result.provenance.provider} ({result.provenance.service}), {result.cost.shown}")
