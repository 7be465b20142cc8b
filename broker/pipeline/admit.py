"""Check the input against what this provider takes, before anything is sent: a refused request costs time."""

from __future__ import annotations

from typing import Any

from broker.contract.context import Reply
from broker.errors import BadInput, BrokerError, Unsupported
from broker.pipeline.call import Call, Next, Services, Target


async def admit(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Limits of the picture, language, vendor-only options."""
    check(call, target_of(call), services)
    return await next_stage(call)


def check(call: Call, target: Target, services: Services) -> None:
    """Whether this target takes the request. Raises :class:`BadInput`, :class:`Unsupported`.

    An error that names a provider is that provider's; one that names none holds for all.
    """
    if target.spec.limits is not None:
        target.spec.limits.check(call.request.image, target.candidate.provider, target.spec.operation)
    if call.request.language is not None:
        _check_language(call.request.language, target)
    if call.request.extensions:
        _check_extensions(call, target, services)


def target_of(call: Call) -> Target:
    """The chosen target. Raises :class:`BrokerError` if the order of stages is broken."""
    if call.target is None:
        raise BrokerError("this stage must come behind 'route'")
    return call.target


def _check_language(language: str, target: Target) -> None:
    taken = target.spec.languages
    wanted = language.lower()
    if any(wanted == tag.lower() for tag in taken):
        return
    primary = wanted.partition("-")[0]
    if any(primary == tag.lower() for tag in taken):
        return
    choice = f"it takes {', '.join(taken)}" if taken else "it has no language option; leave language out"
    raise Unsupported(
        f"language {language!r} is not offered: {choice}",
        provider=target.candidate.provider,
        operation=target.spec.operation,
    )


def _check_extensions(call: Call, target: Target, services: Services) -> None:
    known = services.registry.names()
    mine = target.candidate.provider
    for name in call.request.extensions:
        # acme_eu_speed belongs to acme_eu, not to acme
        owner = max((each for each in known if name.startswith(f"{each}_")), key=len, default=None)
        if owner == mine:
            if name not in target.spec.extensions:
                offered = ", ".join(target.spec.extensions) or "none"
                raise Unsupported(
                    f"there is no extension {name!r} (offered: {offered})",
                    provider=target.candidate.provider,
                    operation=target.spec.operation,
                )
        elif owner is None:
            raise BadInput(
                f"the extension {name!r} must begin with a provider's name and an underscore, as {mine}_…"
            )
