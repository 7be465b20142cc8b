"""One request through the SDK; the answer as it came."""

from __future__ import annotations

from typing import Any

from broker.contract import HttpReply, redact
from broker.errors import AuthFailed, BadInput, BrokerError, MalformedReply
from broker_aws import faults
from broker_aws.clients import Account
from broker_aws.wire import CURRENT, Exchange


def ask(account: Account, method: str, wanted: dict[str, Any], exchange: Exchange) -> HttpReply:
    """Call a client's method with arguments of ours.

    Raises the mapped refusals of :mod:`broker_aws.faults`, :class:`MalformedReply` and what the transport raises.
    """
    from botocore.exceptions import ClientError

    token = CURRENT.set(exchange)
    try:
        account.held.ready(exchange.context)
        getattr(account.client, method)(**wanted)
    except BrokerError:
        raise  # the transport's own words
    except ClientError as error:
        if exchange.reply is None:
            raise faults.failure(error) from faults.sanitised(error)
        ours = faults.refusal(error, exchange.reply, service=account.service)
        if isinstance(ours, AuthFailed) and faults.renewable(ours):
            account.held.refuse(exchange.used)
        raise ours from faults.sanitised(error)
    except Exception as error:  # noqa: BLE001 # whatever an SDK raises must not reach the caller as it is
        if exchange.reply is None:
            raise faults.failure(error) from faults.sanitised(error)
        if exchange.reply.status >= 300:
            raise faults.unread_refusal(exchange.reply) from faults.sanitised(error)
        raise MalformedReply(
            f"the SDK could not read the answer: {type(error).__name__}",
            status=exchange.reply.status,
            request_id=faults.request_id(exchange.reply),
        ) from faults.sanitised(error)
    finally:
        CURRENT.reset(token)
    if exchange.reply is None:
        raise MalformedReply("the SDK answered without a request; is boto3 stubbed or patched?")
    return exchange.reply


def validate(account: Account, method: str, wanted: dict[str, Any]) -> None:
    """Check the caller's own options against the service model; the usual call needs no check.

    Raises :class:`BadInput`.
    """
    from botocore.exceptions import ParamValidationError
    from botocore.validate import validate_parameters

    meta = account.client.meta
    shape = meta.service_model.operation_model(meta.method_to_api_mapping[method]).input_shape
    try:
        validate_parameters(wanted, shape)
    except ParamValidationError as error:
        raise BadInput(
            f"the schema of {account.service} does not take these options: {redact(str(error))}"
        ) from None
