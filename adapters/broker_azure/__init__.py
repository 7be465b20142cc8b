"""Microsoft Azure: Image Analysis 4.0 by REST, tokens by azure-identity."""

from __future__ import annotations

from broker_azure.adapter import AzureAdapter
from broker_azure.settings import AzureSettings
from broker_azure.transport import BrokerTransport

__all__ = ["AzureAdapter", "AzureSettings", "BrokerTransport"]
