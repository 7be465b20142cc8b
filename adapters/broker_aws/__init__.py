"""Amazon Web Services, through boto3 and the broker's own transport: Rekognition, Textract, Comprehend, Bedrock's knowledge
bases; and Kendra as a provider of its own."""

from __future__ import annotations

from broker_aws.adapter import AwsAdapter
from broker_aws.kendra_adapter import KendraAdapter
from broker_aws.settings import AwsSettings, KendraSettings

__all__ = ["AwsAdapter", "AwsSettings", "KendraAdapter", "KendraSettings"]
