"""Figures out of the store say what all calls were like, though calls were sampled unequally."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from samples_support import AT, SEED, a_drawing, a_sample, a_score, picture, use_case

from broker import Broker
from broker.contract import Context, Reply
from broker.quality.metrics.metric import Drawn
from broker.quality.reference import Reference
from broker.quality.sampling import Features, PerTag, Rate, Stratified, number_of
from broker.samples.designs import Designs, steps_of
from broker.samples.estimates import Asked, Figures, figures, ranks
from broker.samples.plan import Plan
from broker.samples.rows import SampleQuery, SampleState, Shadow
from broker.samples.store import SampleStore
from broker.scoring.settings import DEFAULTS
from broker.sections_quality import SamplingSettings, UseCaseSettings
from broker.testing.fake import fake_provider, labels
from broker.types import LabelRequest, LabelSet

SHOP = SampleQuery(use_case="shop")
DAY = date(2026, 11, 21)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SampleStore]:
    made = SampleStore(str(tmp_path / "quality.db"))
    yield made
    made.close()


def told(store: SampleStore, **changes: Any) -> Figures:
    facts: dict[str, Any] = {
        "use_case": "shop", "operation": "vision.label", "provider": "aws", "since": DAY, "until": DAY
    }  # fmt: skip
    return figures(store, Asked(**{**facts, **changes}), DEFAULTS)


class TestThroughTheClient:
    """Calls through a real broker: easy ones are sampled at 5 %, hard ones at 50 %; the provider errs on hard ones."""

    CALLS = 4000
    HARD = 0.3

    @pytest.fixture(scope="class")
    @classmethod
    def seen(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, list[tuple[float, float]]]:
        """The true share of right answers, and the (score, probability) of the sampled ones."""
        folder = tmp_path_factory.mktemp("client")
        draw = random.Random(7)
        right = {True: labels("Cat"), False: labels("Teapot")}
        truths: list[bool] = []

        def answer(request: LabelRequest, context: Context) -> Reply[LabelSet]:
            return right[truths[-1]]

        gold = folder / "gold"
        gold.mkdir()
        (gold / "cat.png").write_bytes(picture(1))
        (gold / "labels.csv").write_text("path,truth\ncat.png,cat\n")
        sampling = {"design": "per-tag", "tag": "kind", "rates": {"hard": 0.5}, "rate": 0.05}
        quality = {**use_case(gold=str(gold), sampling=sampling), "seed": SEED.decode(), "queue": 100_000}
        quality["store"] = str(folder / "quality.db")
        with Broker(
            adapters=[fake_provider(answer)],
            provider="fake",
            quality=quality,
            ledger={"path": str(folder / "l.db")},
        ) as broker:
            photo = picture(1)
            for _ in range(cls.CALLS):
                hard = draw.random() < cls.HARD
                truths.append(draw.random() < (0.4 if hard else 0.95))
                broker.vision.label(photo, tags={"kind": "hard" if hard else "easy"})
            assert broker.quality.flush(60)
            store = broker.quality.store
            scored = [(each.score.unit or 0.0, each.score.drawn.probability) for each in store.scored(SHOP)]
            counted = sum(each.calls for each in store.drawn("shop"))
            samples = store.samples(SHOP)
        assert counted == cls.CALLS
        assert len(scored) == len(samples)
        assert all(
            (number_of(SEED, each.item) < each.probability) and each.u < each.probability for each in samples
        )
        return sum(truths) / len(truths), scored

    def test_the_weighted_figure_is_right(self, seen: tuple[float, list[tuple[float, float]]]) -> None:
        truth, scored = seen
        right = [unit > 0 for unit, _ in scored]
        weights = [1 / probability for _, probability in scored]
        hajek = sum(w * r for w, r in zip(weights, right, strict=True)) / sum(weights)
        error = _hajek_error(right, weights)
        assert abs(hajek - truth) < 3 * error

    def test_the_plain_mean_is_wrong(self, seen: tuple[float, list[tuple[float, float]]]) -> None:
        """The control: without the probabilities the figure is off by far more than chance."""
        truth, scored = seen
        right = [unit > 0 for unit, _ in scored]
        naive = sum(right) / len(right)
        assert abs(naive - truth) > 6 * (naive * (1 - naive) / len(right)) ** 0.5


def _hajek_error(right: list[bool], weights: list[float]) -> float:
    total = sum(weights)
    mean = sum(w * r for w, r in zip(weights, right, strict=True)) / total
    return sum((w * (r - mean)) ** 2 for w, r in zip(weights, right, strict=True)) ** 0.5 / total


class TestFigures:
    """Out of rows as the sampler writes them."""

    def simulated(self, store: SampleStore, draw: random.Random, item: str = "") -> None:
        """1,000 calls in two strata, 20 % and 5 % of them taken, 60 % and 95 % right."""
        counts: dict[Any, tuple[int, int]] = {}
        rows = []
        for number in range(1000):
            sure = draw.random() < 0.6
            rate, accuracy = (0.1, 0.95) if sure else (0.4, 0.6)
            taken, right = draw.random() < rate, draw.random() < accuracy
            key = a_drawing(design="stratified/2", stratum=f"sure={int(sure)}", probability=rate)
            calls, kept = counts.get(key, (0, 0))
            counts[key] = (calls + 1, kept + taken)
            if taken:
                sample = a_sample(
                    f"{item}{number}",
                    design="stratified/2",
                    stratum=f"sure={int(sure)}",
                    probability=rate,
                    least=0.1,
                )
                rows.append((sample, right))
        ids = store.write(counts, {}, [(sample, ()) for sample, _ in rows])
        store.add_scores(
            [
                a_score(
                    number,
                    right,
                    drawn=Drawn(probability=sample.probability, stratum=f"stratified/2|{sample.stratum}"),
                    least=0.1,
                )
                for number, (sample, right) in zip(ids, rows, strict=True)
            ]
        )

    def test_strata_are_weighted_by_all_calls(self, tmp_path: Path) -> None:
        """60 % at 0.95 and 40 % at 0.6 are 0.81; the samples alone would say about 0.69."""
        draw = random.Random(3)
        points, naive, held = [], [], 0
        for number in range(40):
            store = SampleStore(str(tmp_path / f"{number}.db"))
            self.simulated(store, draw)
            found = told(store).conditional
            assert found.method.startswith("stratified")
            assert found.point is not None
            assert found.low is not None
            assert found.high is not None
            points.append(found.point)
            held += found.low <= 0.81 <= found.high
            units = [each.score.unit or 0.0 for each in store.scored(SHOP)]
            naive.append(statistics.mean(units))
            store.close()
        error = statistics.stdev(points) / 40**0.5
        assert abs(statistics.mean(points) - 0.81) < 3 * error
        assert statistics.mean(naive) < 0.75
        assert held >= 35

    def test_failures_are_apart_from_quality(self, store: SampleStore) -> None:
        store.write({a_drawing(): (80, 8), a_drawing(failed=True): (20, 2)}, {})
        ids = store.write({}, {}, [(a_sample(str(number)), ()) for number in range(8)])
        store.write({}, {}, [(a_sample(f"f{number}", failed=True), ()) for number in range(2)])
        store.add_scores([a_score(number, number != ids[0]) for number in ids])
        found = told(store)
        assert (found.conditional.point, found.success.point) == (7 / 8, 0.8)
        assert found.delivered.point == pytest.approx(0.7)
        assert (found.calls, found.failed, found.sampled, found.scored) == (100, 20, 10, 8)

    def test_what_could_not_be_sampled_is_told(self, store: SampleStore) -> None:
        store.write({a_drawing(): (70, 7), a_drawing(probability=0.0): (30, 0)}, {})
        (number,) = store.write({}, {}, [(a_sample(), ())])
        store.add_scores([a_score(number)])
        found = told(store)
        assert found.uncovered == 30
        assert found.conditional.covered == pytest.approx(0.7)
        assert found.conditional.partial

    def test_nothing_is_not_good(self, store: SampleStore) -> None:
        found = told(store)
        assert not found.conditional.known
        assert not found.delivered.known
        assert found.success.point is None

    def test_waiting_and_lost_truths_are_told(self, store: SampleStore) -> None:
        states = (SampleState.WAITING, SampleState.GIVEN_UP, SampleState.NONE)
        ids = store.write({}, {}, [(a_sample(each.value, state=each), ()) for each in states])
        store.add_scores([a_score(ids[2])])
        found = told(store)
        assert (found.waiting, found.given_up) == (1, 1)
        assert any("wait for their truth" in note for note in found.conditional.notes)
        assert any("no truth in time" in note for note in found.conditional.notes)

    def test_they_are_kept_as_they_were_told(self, store: SampleStore) -> None:
        (number,) = store.write({a_drawing(): (10, 1)}, {}, [(a_sample(), ())])
        store.add_scores([a_score(number)])
        kept = store.add_estimates(told(store).records(AT))
        assert [each.estimand for each in store.estimates("shop")] == [each.estimand for each in kept]
        assert {each.estimand for each in kept} == {"delivered", "conditional", "success"}

    def test_versions_of_a_model_are_told_apart(self, store: SampleStore) -> None:
        store.write({a_drawing(): (10, 1), a_drawing(model_version="4"): (5, 1)}, {})
        ids = store.write({}, {}, [(a_sample("a"), ()), (a_sample("b", model_version="4"), ())])
        store.add_scores([a_score(ids[0], True), a_score(ids[1], False)])
        assert told(store, model_version="4").conditional.point == 0.0
        assert told(store, model_version="3").calls == 10

    def test_agreement_is_no_accuracy(self, store: SampleStore) -> None:
        ids = store.write({a_drawing(): (2, 2)}, {}, [(a_sample("a"), ()), (a_sample("b"), ())])
        for number, same in zip(ids, (True, False), strict=True):
            shadow = Shadow(sample=number, provider="gcp", at=AT, same=same)
            store.add_shadows(number, [shadow], asked=1, agreeing=int(same))
        found = told(store)
        assert found.agreement["gcp"].point == 0.5
        assert "agreement, no accuracy" in found.agreement["gcp"].notes
        assert not found.conditional.known

    def test_ranks_need_three_providers(self, store: SampleStore) -> None:
        with pytest.raises(ValueError, match="need 3 providers"):
            ranks(store, "shop", DAY, DAY)

    def test_ranks_by_tokens_alone(self, store: SampleStore) -> None:
        """Classes are compared without being known."""
        draw = random.Random(5)
        for number in range(80):
            truth = draw.choice("abc")

            def said(rate: float, truth: str = truth) -> str:
                return truth if draw.random() < rate else draw.choice("abc")

            (row,) = store.write({}, {}, [(a_sample(str(number), answer_token=said(0.95)), ())])
            others = [
                Shadow(sample=row, provider=name, at=AT, answer_token=said(rate))
                for name, rate in (("azure", 0.5), ("gcp", 0.8))
            ]
            store.add_shadows(row, others, asked=2, agreeing=0)
        assert ranks(store, "shop", DAY, DAY).order == ("aws", "gcp", "azure")


class TestDesigns:
    """Rates follow the days that are over, never their own."""

    STRATIFIED = SamplingSettings(design="stratified", rate=0.1)

    def history(self, store: SampleStore, days: int = 2) -> None:
        """Unsure answers are often wrong, sure ones hardly ever."""
        draw = random.Random(11)
        for number in range(300):
            sure = draw.random()
            at = AT - timedelta(days=1 + number % days)
            sample = a_sample(str(number), at=at, confidence=sure)
            (row,) = store.write({a_drawing(): (10, 1)}, {}, [(sample, ())])
            store.add_scores([a_score(row, draw.random() < (0.5 if sure < 0.33 else 0.99))])

    def test_without_a_past_all_calls_are_alike(self, store: SampleStore) -> None:
        designs = Designs("shop", self.STRATIFIED)
        designs.refresh(store, AT)
        assert designs.of("aws").first == Rate(per_call=0.1)

    def test_unsure_answers_are_sampled_more(self, store: SampleStore) -> None:
        self.history(store)
        designs = Designs("shop", self.STRATIFIED)
        designs.refresh(store, AT)
        first = designs.of("aws").first
        assert isinstance(first, Stratified)
        unsure, sure = first.rate(Features(confidence=0.1))[1], first.rate(Features(confidence=0.99))[1]
        assert unsure > 1.5 * sure
        assert designs.of("aws").least >= 0.025  # a quarter of the mean
        assert first.id == "stratified/1"
        assert isinstance(designs.of("gcp").first, Rate)  # nothing is known of it

    def test_the_short_cut_of_the_call_path_says_the_same(self, store: SampleStore) -> None:
        self.history(store)
        plan = Plan("shop", UseCaseSettings(operation="vision.label"), self.STRATIFIED, SEED)
        plan.designs.refresh(store, AT)
        first = plan.designs.of("aws").first
        for sure in (None, 0.0, 0.2, *plan.designs.of("aws").cuts, 0.5, 0.9, 1.0):
            answer = labels("Cat", confidence=sure).payload if sure is not None else None
            assert plan.stratum("aws", {}, answer) == first.rate(Features(confidence=sure))

    def test_this_day_decides_nothing(self, store: SampleStore) -> None:
        self.history(store)
        designs = Designs("shop", self.STRATIFIED)
        designs.refresh(store, AT - timedelta(days=2))
        assert isinstance(designs.of("aws").first, Rate)

    def test_a_changed_design_has_another_version_and_others_take_it(self, store: SampleStore) -> None:
        self.history(store)
        one, other = Designs("shop", self.STRATIFIED), Designs("shop", self.STRATIFIED)
        one.refresh(store, AT)
        other.refresh(store, AT)
        assert len(store.designs("shop")) == 1
        assert other.of("aws") == one.of("aws")
        self_later = AT + timedelta(days=1)
        for number in range(100):
            (row,) = store.write({}, {}, [(a_sample(f"new{number}", at=AT, confidence=number / 100), ())])
            store.add_scores([a_score(row, number % 2 == 0)])
        one.refresh(store, self_later)
        assert one.of("aws").first.id == "stratified/2"

    def test_step_two_sends_more_where_providers_differ(self, store: SampleStore) -> None:
        sampling = SamplingSettings(
            design="disagreement", rate=1.0, refer=0.2, second=("gcp",), budget="1.00"
        )
        settings = UseCaseSettings(operation="vision.label", sampling=sampling)
        plan = Plan("shop", settings, sampling, SEED)
        differ = [plan.refer(str(n), "aws", Features(agreeing=0)) for n in range(2000)]
        agree = [plan.refer(str(n), "aws", Features(agreeing=1)) for n in range(2000)]
        assert 0.55 < sum(each[0] for each in differ) / 2000 < 0.65
        assert 0.08 < sum(each[0] for each in agree) / 2000 < 0.12
        assert {each[1] for each in agree} == {0.1}
        assert {each[2] for each in (*differ, *agree)} == {0.1}

    def test_per_tag(self) -> None:
        sampling = SamplingSettings(design="per-tag", tag="kind", rates={"a": 0.5}, rate=0.1)
        steps = steps_of(sampling, None, 0)
        assert isinstance(steps.first, PerTag)
        assert steps.least == 0.1


def test_reviews_carry_the_probability_of_both_steps(store: SampleStore) -> None:
    from broker.samples.label import way_to

    sample = replace(a_sample(), refer_probability=0.5, refer_least=0.25, refer_stratum="differ")
    assert way_to(sample, Reference.GOLD) == (0.1, 0.1, "rate/1|")
    probability, least, stratum = way_to(sample, Reference.REVIEWED)
    assert (probability, least) == (pytest.approx(0.05), pytest.approx(0.025))
    assert stratum == "rate/1||differ"


def test_days_are_those_of_utc() -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert a_sample(at=late).day == "2026-11-21"
