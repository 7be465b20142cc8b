"""What a program may do with quality: give a label, wait for what is under way, look at figures, erase content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from broker.errors import BadInput, QualityUnavailable
from broker.quality.reference import Reference
from broker.samples.content import Erased
from broker.samples.rows import Sample, SampleQuery, SampleState
from broker.samples.sampler import CLOSE_SECONDS, Sampler
from broker.samples.store import SampleStore

if TYPE_CHECKING:
    from broker.samples.estimates import Figures
    from broker.samples.plan import Plan
    from broker.samples.recorded import Records

WINDOW = timedelta(days=30)


class Quality:
    """Sampled calls of this broker's use cases, and what was found.

    :param sampler: None: no use case is sampled, or its store could not be opened when the broker was made.
    :param records: compares the draws with the ledger.
    """

    def __init__(self, sampler: Sampler | None, *, level: float, records: Records | None = None) -> None:
        self._sampler = sampler
        self._level = level
        self._records = records

    @property
    def store(self) -> SampleStore:
        """Everything that was kept. Raises :class:`~broker.errors.QualityUnavailable`."""
        return self._known().store

    def _known(self) -> Sampler:
        if self._sampler is None:
            raise QualityUnavailable(
                "nothing is sampled here: no use case of the settings has [quality.use_cases.NAME.sampling], or its store "
                "could not be opened when the broker was made; see docs/sampling.md"
            )
        return self._sampler

    def _plan(self, use_case: str) -> Plan:
        plans = self._known().plans
        if use_case not in plans:
            raise BadInput(
                f"the use case {use_case!r:.80} is not sampled; sampled are: {', '.join(plans) or 'none'}"
            )
        return plans[use_case]

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until all that was taken so far is looked at, and shadow calls are answered; whether that was in time."""
        return self._sampler is None or self._sampler.flush(seconds)

    def label(self, call_id: str, truth: Any, *, by: str = "") -> list[Sample]:
        """Say what was right for a call that was taken: the truth, as data sets have it (docs/datasets.md).

        It counts as reviewed by a person. Only calls that were drawn for a label take one: labels of others, chosen by
        whoever gives them, would say nothing of all calls. Returns the samples that it scored.

        :param call_id: of the result, or ``call_id#index`` for an item of a batch.
        :param by: who says so, for the record.

        Raises :class:`~broker.errors.BadInput` saying why it cannot be taken, :class:`~broker.errors.BadTruth`,
        :class:`~broker.errors.QualityUnavailable`.
        """
        from broker.samples.label import decide

        sampler = self._known()
        sampler.flush()
        found = sampler.store.samples(SampleQuery(item=call_id))
        if not found:
            raise BadInput(
                f"the call {call_id!r:.80} was not taken for sampling (or it ran in another program that has not written it "
                "yet), so a label of it cannot enter a figure"
            )
        due = [each for each in found if each.refer_probability and each.state is not SampleState.NONE]
        if not due:
            raise BadInput(
                "this call was taken, but not drawn for a label; set label_days (and refer) for its use case, or see its "
                "gold"
            )
        now, scored = sampler.now(), []
        for sample in due:
            decide(
                sampler.store,
                self._plan(sample.use_case),
                sample,
                truth,
                reference=Reference.REVIEWED,
                at=now,
                source=by or "label",
            )
            scored.append(replace(sample, state=SampleState.SCORED, until=None))
        for sample in scored:
            sampler.touch(sample.use_case, sample.provider)
        return scored

    def figures(
        self, use_case: str, provider: str, *, since: date | None = None, until: date | None = None
    ) -> Figures:
        """What is known of a use case at one provider on these days (UTC, both inclusive; else the last 30).

        Raises :class:`~broker.errors.BadInput`, :class:`~broker.errors.QualityUnavailable`.
        """
        from broker.samples.estimates import Asked, figures

        now = self._known().now()
        plan, last = self._plan(use_case), until or now.date()
        asked = Asked(
            use_case=use_case,
            operation=plan.settings.operation,
            provider=provider,
            since=since or last - WINDOW,
            until=last,
            level=self._level,
        )
        drawn = {} if self._records is None else self._records.of(use_case, asked.since, last, now)
        return figures(self.store, asked, plan.scoring, drawn.get(provider))

    def erase(
        self,
        *,
        call_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        before: date | None = None,
        use_case: str | None = None,
    ) -> Erased:
        """Erase kept content of the calls that meet all of these. Digests, features and scores stay.

        Raises :class:`~broker.errors.BadInput` where nothing is named, :class:`~broker.errors.QualityUnavailable`.
        """
        if call_id is None and not tags and before is None and use_case is None:
            raise BadInput("name whose content is to be erased: call_id, tags, before or use_case")
        self.flush()
        return self.store.erase(call_id=call_id, tags=tags, before=before, use_case=use_case)
