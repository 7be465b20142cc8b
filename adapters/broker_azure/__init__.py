"""Microsoft Azure: Image Analysis 4.0, Content Safety, Speech and Blob by REST, Language by its SDK, tokens by azure-identity.

Other Azure SDK clients can be put over the broker's network by
:class:`broker_azure.transport.BrokerTransport`; that module imports azure-core.
"""

from __future__ import annotations

from broker_azure.adapter import AzureAdapter
from broker_azure.settings import AzureSettings

__all__ = ["AzureAdapter", "AzureSettings"]
