"""mlbroker: one typed client for the ML APIs of AWS, Google Cloud, Azure and an embedded local provider.

    import broker
    broker.vision.label("cat.jpg")

``broker.vision`` belongs to a default :class:`Broker` made from the settings on first use. Importing
this module loads nothing heavy: names are resolved when they are first asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from broker.client import AsyncBroker as AsyncBroker
    from broker.client import Broker as Broker
    from broker.errors import AllProvidersFailed as AllProvidersFailed
    from broker.errors import AuthFailed as AuthFailed
    from broker.errors import BadInput as BadInput
    from broker.errors import BrokerClosed as BrokerClosed
    from broker.errors import BrokerError as BrokerError
    from broker.errors import BudgetExceeded as BudgetExceeded
    from broker.errors import ContentRefused as ContentRefused
    from broker.errors import DeadlineExceeded as DeadlineExceeded
    from broker.errors import LedgerUnavailable as LedgerUnavailable
    from broker.errors import MalformedReply as MalformedReply
    from broker.errors import NotConfigured as NotConfigured
    from broker.errors import ProviderError as ProviderError
    from broker.errors import ProviderFault as ProviderFault
    from broker.errors import QuotaExhausted as QuotaExhausted
    from broker.errors import StillIndexing as StillIndexing
    from broker.errors import SwitchedOff as SwitchedOff
    from broker.errors import Throttled as Throttled
    from broker.errors import Unavailable as Unavailable
    from broker.errors import Unsupported as Unsupported
    from broker.facades.estimate import Estimates
    from broker.facades.jobs import Jobs
    from broker.facades.search import Search
    from broker.facades.text import Text
    from broker.facades.transcription import Transcription
    from broker.facades.vision import Vision
    from broker.guard.health import Health

    estimate: Estimates
    health: Health
    jobs: Jobs
    search: Search
    text: Text
    transcription: Transcription
    vision: Vision
    __version__: str

__all__ = [
    "AllProvidersFailed",
    "AsyncBroker",
    "AuthFailed",
    "BadInput",
    "Broker",
    "BrokerClosed",
    "BrokerError",
    "BudgetExceeded",
    "ContentRefused",
    "DeadlineExceeded",
    "LedgerUnavailable",
    "MalformedReply",
    "NotConfigured",
    "ProviderError",
    "ProviderFault",
    "QuotaExhausted",
    "StillIndexing",
    "SwitchedOff",
    "Throttled",
    "Unavailable",
    "Unsupported",
    "__version__",
    "estimate",
    "health",
    "jobs",
    "search",
    "text",
    "transcription",
    "vision",
]

if not TYPE_CHECKING:  # hidden, else type checkers would let any name pass

    def __getattr__(name):
        from broker._lazy import resolve  # not "from broker import": that would ask here again

        return resolve(name)

    def __dir__():
        return __all__
