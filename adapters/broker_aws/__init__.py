"""Amazon Web Services: Rekognition, Textract and Comprehend, through boto3 and the broker's own transport."""

from __future__ import annotations

from broker_aws.adapter import AwsAdapter
from broker_aws.settings import AwsSettings

__all__ = ["AwsAdapter", "AwsSettings"]
