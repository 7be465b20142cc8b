"""Text and faces on the local provider, and an error that says what to do."""

from __future__ import annotations

from photos import PAGE, PORTRAIT, locate

from broker import Broker, BrokerError

with Broker(provider="local") as broker:
    text = broker.vision.detect_text(locate(PAGE))
    print(text.value.text.splitlines()[0])

    faces = broker.vision.detect_faces(locate(PORTRAIT))
    for face in faces.value.faces:
        box = face.region.box
        print(f"a face at {box.left:.2f}, {box.top:.2f}, {box.width:.2f} x {box.height:.2f} of the picture")

    try:
        broker.vision.label(locate(PORTRAIT), min_confidence=50)
    except BrokerError as error:
        print(error)
