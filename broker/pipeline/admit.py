"""Check the input against what this provider takes, before anything is sent: a refused request costs time."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

from broker.contract.context import Reply
from broker.contract.manifest import OperationSpec
from broker.errors import BadInput, BrokerError, Unsupported
from broker.pipeline.call import Call, Next, Services, Target
from broker.types.analysis import AnalyzeRequest
from broker.types.batch import BatchRequest
from broker.types.confidence import Scale
from broker.types.request import Request
from broker.types.search import Page, QueryRequest, SearchResults
from broker.types.speech import SpeechOption, TranscribeRequest
from broker.types.stream import StreamRequest

_RATIOS = (Scale.RATIO, Scale.PERCENT)
_SPOKEN = (TranscribeRequest, StreamRequest)


def admit(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Limits of what was given, language, vendor-only options."""
    target = target_of(call)
    check(call, target, services)
    whole = call.request
    if not isinstance(whole, _SPOKEN) or not (lacking := _lacking(whole, target)):
        return next_stage(call)
    return _without(call, whole, lacking, next_stage)


async def _without(
    call: Call,
    whole: TranscribeRequest | StreamRequest,
    lacking: tuple[SpeechOption, ...],
    next_stage: Next,
) -> Reply[Any]:
    # Only this provider is not asked for what it lacks: the next one may have it.
    call.request, call.ignored = whole.without(lacking), tuple(each.value for each in lacking)
    try:
        reply = await next_stage(call)
        if call.starting:
            return reply  # its transcript will tell
        return replace(reply, payload=reply.payload.ignoring(call.ignored))
    finally:
        call.request, call.ignored = whole, ()


def asked_of(request: Request, target: Target) -> Request:
    """The request as this target is sent it: without what it lacks, where the caller lets that be left out."""
    if not isinstance(request, _SPOKEN):
        return request
    return request.without(_lacking(request, target))


def _lacking(request: TranscribeRequest | StreamRequest, target: Target) -> tuple[SpeechOption, ...]:
    return tuple(each for each in request.asked() if each not in target.spec.options)


def check(call: Call, target: Target, services: Services) -> None:
    """Whether this target takes the request. Raises :class:`BadInput`, :class:`Unsupported`.

    An error that names a provider is that provider's; one that names none holds for all.
    """
    request, spec = call.request, target.spec
    if request.extensions:
        _check_extensions(call, target, services)
    if isinstance(request, QueryRequest) and request.page is not None:
        _check_page(request.page, target)
    if isinstance(request, BatchRequest):
        for item in request.items:
            _check_alone(item, spec, target)
    elif isinstance(request, AnalyzeRequest):
        _check_together(request, target)
        parts = {name: target.adapter.manifest.spec(f"vision.{name}") for name in request.operations}
        # A language is for those parts that have one; where none has, it cannot be meant.
        some = any(part.languages for part in parts.values())
        for name, part in parts.items():
            alone = request.part(name)
            _check_alone(alone if part.languages or not some else replace(alone, language=None), part, target)
    else:
        _check_alone(request, spec, target)


def _check_alone(request: Request, spec: OperationSpec, target: Target) -> None:
    if spec.limits is not None:
        spec.limits.check(request, target.candidate.provider, spec.operation)
    if request.language is not None:
        _check_language(request.language, spec, target)
    elif spec.needs_language and not getattr(request, "candidates", ()):
        otherwise = "" if isinstance(request, _SPOKEN) else ", or ask text.detect_language first"
        raise BadInput(
            "it must be told the language: pass language='en' (or another of "
            f"{', '.join(spec.languages)}){otherwise}",
            provider=target.candidate.provider,
            operation=spec.operation,
        )
    if isinstance(request, _SPOKEN):
        _check_options(request, target)
    if getattr(request, "min_confidence", 0.0) > 0.0 and spec.scale not in _RATIOS:
        gives = "no confidence" if spec.scale is None else f"a {spec.scale.value} and no ratio"
        raise Unsupported(
            f"min_confidence cannot be applied: it gives {gives} here; leave min_confidence out and look at each "
            "confidence yourself",
            provider=target.candidate.provider,
            operation=spec.operation,
        )


def of_account(reply: Reply[SearchResults], call: Call) -> Reply[SearchResults]:
    """With the account in the page that goes on from here: the adapter knows but its provider."""
    page, candidate = reply.payload.page, target_of(call).candidate
    if page is None or candidate.profile is None:
        return reply
    return replace(reply, payload=replace(reply.payload, page=replace(page, provider=str(candidate))))


def _check_page(page: Page, target: Target) -> None:
    """A page goes on where it began: another account has another index, and may take the same token."""
    if page.provider != str(target.candidate):
        raise Unsupported(
            f"this page is one of {page.provider}'s, which alone can go on from it",
            provider=target.candidate.provider,
            operation=target.spec.operation,
        )


def _check_options(request: TranscribeRequest | StreamRequest, target: Target) -> None:
    lacking = _lacking(request, target)
    if lacking and request.on_unsupported == "raise":
        has = ", ".join(sorted(each.value for each in target.spec.options)) or "none of the options"
        raise Unsupported(
            f"{', '.join(each.value for each in lacking)} is not offered (offered: {has}); leave it out, or pass "
            'on_unsupported="ignore"',
            provider=target.candidate.provider,
            operation=target.spec.operation,
        )
    if SpeechOption.CANDIDATES not in lacking:
        for language in request.candidates:
            _check_language(language, target.spec, target)


def _check_together(request: AnalyzeRequest, target: Target) -> None:
    """Refuse what would take more than one request to the vendor."""
    wanted = frozenset(request.operations)
    if any(wanted <= together for together in target.spec.together):
        return
    for name in request.operations:
        target.adapter.manifest.spec(f"vision.{name}")  # not offered at all is the better reason
    sets = " or ".join("{" + ", ".join(sorted(each)) + "}" for each in target.spec.together)
    raise Unsupported(
        f"one request cannot answer {', '.join(request.operations)} together, only operations out of {sets}; call the "
        "others by themselves",
        provider=target.candidate.provider,
        operation=target.spec.operation,
    )


def target_of(call: Call) -> Target:
    """The chosen target. Raises :class:`BrokerError` if the order of stages is broken."""
    if call.target is None:
        raise BrokerError("this stage must come behind 'route'")
    return call.target


def takes_all(languages: Sequence[str], spec: OperationSpec, *, exactly: bool = False) -> bool:
    """Whether an operation takes these languages, or (unless ``exactly``) what they are a form of."""
    taken = {tag.lower() for tag in spec.languages}
    return all(
        each.lower() in taken or (not exactly and each.lower().partition("-")[0] in taken)
        for each in languages
    )


def _check_language(language: str, spec: OperationSpec, target: Target) -> None:
    taken = spec.languages
    if takes_all((language,), spec):
        return
    primary = language.lower().partition("-")[0]
    # A hundred tags hide the one that was meant: en-US, say, where en was asked for.
    near = [tag for tag in taken if tag.lower().partition("-")[0] == primary]
    choice = f"of it {', '.join(near)}" if near else ", ".join(taken)
    choice = f"it takes {choice}" if taken else "it has no language option; leave language out"
    raise Unsupported(
        f"language {language!r} is not offered: {choice}",
        provider=target.candidate.provider,
        operation=spec.operation,
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
