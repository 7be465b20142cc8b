"""How documents are split into requests: within every limit, in their order, none left out, none twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.contract import Reply, WriteLimits
from broker.errors import BadInput, BrokerError, Outcome, Unavailable
from broker.many_documents import Upserts
from broker.pipeline.writes import portions_of
from broker.types import DeleteRequest, Document, DocumentState, UpsertRequest, WriteReport
from search_support import Engine, engine_adapter, make

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=40)
LIMITS = st.builds(
    lambda items, whole, one: WriteLimits(max_items=items, max_bytes=whole, max_item=one),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 120)),
    st.one_of(st.none(), st.integers(1, 60)),
)


@given(SIZES, LIMITS)
def test_every_request_keeps_every_limit_and_no_document_is_lost(
    sizes: list[int], limits: WriteLimits
) -> None:
    request = UpsertRequest(
        documents=tuple(Document(id=str(number), content="x" * size) for number, size in enumerate(sizes))
    )
    weights = request.sizes
    portions = portions_of(request, limits)
    sent = [place for portion in portions.sent for place in portion]
    assert sent == sorted(sent)
    assert sorted([*sent, *portions.refused]) == list(range(len(sizes)))
    most = min((each for each in (limits.max_item, limits.max_bytes) if each is not None), default=None)
    for portion in portions.sent:
        assert 1 <= len(portion) <= limits.max_items
        assert limits.max_bytes is None or sum(weights[place] for place in portion) <= limits.max_bytes
    for place, why in portions.refused.items():
        assert most is not None
        assert weights[place] > most
        assert why
    # Two neighbours are never smaller than one request could be.
    for one, other in zip(portions.sent, portions.sent[1:], strict=False):
        together = sum(weights[place] for place in one) + weights[other[0]]
        assert len(one) == limits.max_items or (limits.max_bytes is not None and together > limits.max_bytes)


@given(st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=20, unique=True), LIMITS)
def test_ids_are_split_alike(keys: list[str], limits: WriteLimits) -> None:
    portions = portions_of(DeleteRequest(ids=tuple(keys)), limits)
    assert sorted([*(p for portion in portions.sent for p in portion), *portions.refused]) == list(
        range(len(keys))
    )


@given(SIZES, st.sets(st.integers(0, 39)), st.sampled_from(["refused", "lost", "each"]), st.integers(1, 12))
def test_whatever_fails_each_document_has_one_status_and_the_kept_are_those_acknowledged(
    sizes: list[int], bad: set[int], how: str, most: int
) -> None:
    wrong = {str(place) for place in bad}

    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport] | None:
        if how == "each" or not wrong & set(request.keys):
            return None
        if how == "refused":
            raise BadInput("one of them is bad")
        raise Unavailable("it broke off", outcome=Outcome.AMBIGUOUS)

    engine = Engine(wrote)
    given_ones = [{"id": str(number), "content": "x" * size} for number, size in enumerate(sizes)]
    with make(engine_adapter(engine, write_limits=WriteLimits(max_items=most))) as broker:
        try:
            report = broker.search.upsert(given_ones).value
        except BrokerError:
            assert not engine.kept.get("main")
            return
    kept = set(engine.kept["main"])
    assert [each.id for each in report.statuses] == [each["id"] for each in given_ones]
    assert set(report.acknowledged) == kept
    if how == "lost":
        assert all(each.may_retry for each in report.problems)
        assert {each.state for each in report.problems} <= {DocumentState.UNKNOWN, DocumentState.NOT_SENT}
    if how == "refused":
        assert {each.id for each in report.problems} >= wrong & {each["id"] for each in given_ones}


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50)), max_size=30),
    st.integers(1, 5),
    st.integers(40, 90),
)
def test_packs_of_many_hold_no_id_twice_and_lose_none(
    given_ones: list[tuple[int, int]], most: int, whole: int
) -> None:
    limits = WriteLimits(max_items=most, max_bytes=whole)
    with make(engine_adapter(Engine(), write_limits=limits)) as broker:
        packs: list[Any] = list(
            Upserts(broker._core, {}).packs(
                {"id": str(key), "content": "x" * size} for key, size in given_ones
            )
        )
    assert [place.number for pack in packs for place in pack] == list(range(len(given_ones)))
    for pack in packs:
        keys = [place.document.id for place in pack]
        assert len(set(keys)) == len(keys) <= most
        assert len(pack) == 1 or sum(place.document.size for place in pack) <= whole
