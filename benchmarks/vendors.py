"""The vendors' stand-in in a process of its own, so that its CPU is not counted; prints where it listens."""

from __future__ import annotations

import sys

from google.cloud.vision_v1.types import BatchAnnotateImagesResponse
from google.protobuf.json_format import ParseDict

from broker.testing.grpc_stub import GrpcBytes, VisionGrpcStub
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

LABELS = 30
NAMES = [f"Label number {number}" for number in range(LABELS)]
AWS = {
    "LabelModelVersion": "3.0",
    "Labels": [
        {
            "Name": name,
            "Confidence": 99.0 - 2 * number,
            "Instances": [],
            "Parents": [{"Name": "Animal"}, {"Name": "Mammal"}],
            "Aliases": [{"Name": "Thing"}],
            "Categories": [{"Name": "Animals and Pets"}],
        }
        for number, name in enumerate(NAMES)
    ],
}
AZURE = {
    "modelVersion": "2023-10-01",
    "metadata": {"width": 640, "height": 480},
    "tagsResult": {
        "values": [{"name": name, "confidence": 0.99 - number / 50} for number, name in enumerate(NAMES)]
    },
}
GCP = {
    "responses": [
        {
            "labelAnnotations": [
                {"mid": f"/m/{number}", "description": name, "score": 0.99 - number / 50, "topicality": 0.9}
                for number, name in enumerate(NAMES)
            ]
        }
    ]
}


def main() -> None:
    """Serve until standard input closes."""
    with VendorStub() as stub, VisionGrpcStub() as grpc_stub:
        stub.on("RekognitionService.DetectLabels", default=Answer(json=AWS))
        stub.on("/computervision/imageanalysis:analyze", default=Answer(json=AZURE))
        # Encoded once: a vendor's own work is far away, and here it would take caches and the other core from both sides.
        answer = ParseDict(GCP, BatchAnnotateImagesResponse.pb()())
        grpc_stub.script([GrpcBytes(answer.SerializeToString())])
        print(stub.url, grpc_stub.target, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
