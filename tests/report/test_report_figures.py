"""What the report says, recomputed from the result: intervals, verdicts, costs, readiness, who is grey and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from report_support import DAY, SHARES, result, scores, tariff

from broker.bench.result import Origin, Workload
from broker.bench.volume import monthly
from broker.maturity.load import checklist, quotas
from broker.quality.intervals import share_interval
from broker.quality.paired import Verdict
from broker.report.blocks import Figure
from broker.report.build import build
from broker.report.document import document
from broker.report.markdown import markdown
from broker.report.model import Report, Standing
from broker.report.sections import sections


def _tables(report: Report) -> dict[str, list[tuple[str, ...]]]:
    found = {}
    for section in sections(report):
        for part in (section, *section.parts):
            for block in part.blocks:
                if hasattr(block, "caption") and hasattr(block, "rows"):
                    rows = [
                        tuple(cell if isinstance(cell, str) else cell.text for cell in row)
                        for row in block.rows
                    ]
                    found[block.caption] = [block.headers, *rows]
    return found


def test_quality_and_its_interval_are_those_of_the_counts(report: Report) -> None:
    given = scores(300)
    rows = {row[0].partition(" ")[0]: row for row in _tables(report)["vision.label: quality"][1:]}
    for name in SHARES:
        right = sum(each.parts[0] for each in given[name])
        expected = share_interval(int(right), 300)
        said = rows[name][2]
        assert said == f"{right / 300:.3f} ({expected.low:.3f} to {expected.high:.3f})"
        assert rows[name][4] == "300"


def test_verdicts_are_mcnemars(report: Report) -> None:
    """By hand: discordant pairs and the exact binomial test at 0.05 over six comparisons."""
    from math import comb

    given = scores(300)
    rows = {
        row[0]: row
        for title, table in _tables(report).items()
        if "paired verdicts" in title
        for row in table[1:]
    }
    for pairing in report.result.pairings:
        one = [each.parts[0] for each in given[pairing.first]]
        other = [each.parts[0] for each in given[pairing.second]]
        wins = sum(a > b for a, b in zip(one, other, strict=True))
        losses = sum(a < b for a, b in zip(one, other, strict=True))
        n, k = wins + losses, min(wins, losses)
        p = min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
        said = rows[f"{pairing.first} against {pairing.second}"]
        assert f"{(wins - losses) / 300:+.3f}" in said[3]
        if "better" in said[2]:
            assert p < 0.05 / 6
        if p < 0.0001:
            assert said[2] == f"{pairing.first if wins > losses else pairing.second} is better"


def test_standings_follow_from_the_verdicts(report: Report) -> None:
    places = {place.name: place for place in report.operations[0].places}
    for name, place in places.items():
        lost_to = set()
        for each in report.result.pairings:
            if each.comparison.verdict is Verdict.WORSE and each.first == name:
                lost_to.add(each.second)
            if each.comparison.verdict is Verdict.BETTER and each.second == name:
                lost_to.add(each.first)
        assert set(place.beaten_by) == lost_to
        assert place.standing is (Standing.BEATEN if lost_to else Standing.UNBEATEN)
    assert places["local"].standing is Standing.BEATEN


def test_cost_curves_are_the_tariffs(report: Report) -> None:
    table = _tables(report)["vision.label: cost of a month by calls a month"]
    volumes = [int(each.replace(",", "")) for each in table[0][1:]]
    assert 2_000_000 in volumes
    for row in table[1:]:
        name = row[0].partition(" ")[0]
        for volume, said in zip(volumes, row[1:], strict=True):
            assert said == f"${monthly(tariff(name), volume):,.2f}"


def test_break_even_points_are_where_the_cheaper_one_changes(report: Report) -> None:
    rows = _tables(report)["vision.label: break-even points"][1:]
    assert rows
    for pair, calls, below, above in rows:
        first, second = pair.split(" and ")
        at = int(calls.replace(",", ""))
        for volume, said in ((at - 2, below), (at, above)):  # at the point itself they may cost the same
            costs = {name: monthly(tariff(name), volume) for name in (first, second)}
            least = min(costs, key=lambda name: (costs[name], name))
            assert said == (least if costs[first] != costs[second] else "the same")


def test_readiness_recomputed(report: Report) -> None:
    for place in report.operations[0].places:
        low = high = 1.0
        for fit in place.readiness.fits:
            low *= fit.value.low**0.25
            high *= fit.value.high**0.25
        assert place.area.readiness.low == pytest.approx(100 * low)
        assert place.area.readiness.high == pytest.approx(100 * high)
    local = next(each for each in report.operations[0].places if each.name == "local")
    fits = {fit.ratio.value: fit for fit in local.readiness.fits}
    success = local.lane.reliability.success
    assert fits["success"].value.low == max(0.0, (success.low - 0.99) / 0.0099)
    assert fits["success"].value.high == pytest.approx((success.high - 0.99) / 0.0099)
    assert fits["cost fit"].fact.low == 60.0
    assert fits["quota headroom"].fact.kind.value == "assumed"  # it was not throttled: at least so much


def test_recordings_tell_nothing_of_success(report: Report) -> None:
    aws = next(each for each in report.operations[0].places if each.name == "aws")
    assert aws.mark == "replayed"
    assert "success" in [each.value for each in aws.readiness.unknown]
    assert _tables(report)["vision.label: who stands how"][1][6] == "not in a recording"


def test_documented_quotas_are_taken_where_nothing_was_throttled(report: Report) -> None:
    gcp = next(each for each in report.operations[0].places if each.name == "gcp")
    fit = gcp.readiness.fits[0]
    assert (fit.fact.kind.value, fit.fact.low, fit.value.low) == ("documented", 30.0, 1.0)


def test_being_throttled_measures_the_quota(manifests) -> None:
    base = result()
    lane = base.lanes[3]
    slow = replace(
        lane, reliability=replace(lane.reliability, throttled=12), speed=replace(lane.speed, throughput=4.0)
    )
    made = build(replace(base, lanes=(*base.lanes[:3], slow)), manifests, checklist(), quotas(), DAY)
    fit = made.operations[0].places[3].readiness.fits[0]
    assert (fit.fact.kind.value, fit.value.low, fit.value.high) == ("measured", 0.4, 0.4)


def test_a_run_that_held_itself_back_has_seen_the_least_of_a_quota(manifests) -> None:
    base = result()
    lane = base.lanes[3]
    timing = lane.speed.attempt
    assert timing is not None
    speed = replace(lane.speed, throughput=4.0, waited=0.9, attempt=replace(timing, mean=0.4), concurrency=2)
    slow = replace(lane, reliability=replace(lane.reliability, throttled=12), speed=speed)
    made = build(replace(base, lanes=(*base.lanes[:3], slow)), manifests, checklist(), quotas(), DAY)
    fit = made.operations[0].places[3].readiness.fits[0]
    assert (fit.fact.kind.value, fit.fact.low, fit.fact.high) == (
        "measured",
        4.0,
        5.0,
    )  # 2 at once, 0.4 s each


@pytest.mark.parametrize(
    ("items", "age", "said"),
    [(99, 0, "99 items, fewer than 100"), (100, 90, ""), (100, 91, "over 90 days ago")],
)
def test_grey(manifests, items: int, age: int, said: str) -> None:
    ended = datetime(2026, 11, 21, tzinfo=UTC) - timedelta(days=age)
    made = build(result(items, ended=ended), manifests, checklist(), quotas(), DAY)
    for place in made.operations[0].places:
        assert (said in place.grey) if said else place.grey == ""


def test_an_item_that_is_asked_again_is_still_one_item(manifests) -> None:
    """A hundred and twenty answers to forty items are no hundred items."""
    made = result(items=120)
    three = replace(made, run=replace(made.run, repetitions=3))
    places = {
        each.lane.lane.name: each
        for each in build(three, manifests, checklist(), quotas(), DAY).operations[0].places
    }
    assert (places["local"].items, places["aws"].items) == (40, 120)  # a recording has one answer to each
    assert "40 items, fewer than 100" in places["local"].grey
    assert places["aws"].grey == ""


@pytest.mark.parametrize(
    ("recorded", "said"),
    [(None, "recorded on no known day"), (date(2017, 3, 1), "over 90 days ago"), (DAY, "")],
)
def test_a_recording_is_as_old_as_itself_and_not_as_the_run(
    manifests, recorded: date | None, said: str
) -> None:
    base = result()
    old = replace(base.lanes[0], lane=replace(base.lanes[0].lane, recorded=recorded))
    made = build(replace(base, lanes=(old, *base.lanes[1:])), manifests, checklist(), quotas(), DAY)
    place = made.operations[0].places[0]
    assert place.measured_on == recorded
    assert (said in place.grey) if said else place.grey == ""
    latency = next(fit.fact for fit in place.readiness.fits if fit.ratio.value == "latency fit")
    assert latency is not None
    assert latency.dated == recorded
    assert _tables(made)["vision.label: who stands how"][1][-1].endswith(
        "on no known day" if recorded is None else f"\u00a0{recorded.year}"
    )
    captions = [block.caption for block in sections(made)[1].parts[0].blocks if hasattr(block, "kind")] + [
        block.caption for block in sections(made)[1].blocks if hasattr(block, "kind")
    ]
    assert any("aws (replayed) on no known day" in each for each in captions) is (recorded is None)
    document(made)


def test_made_up_answers_are_grey_and_measure_nothing(manifests) -> None:
    base = result()
    lanes = tuple(replace(each, lane=replace(each.lane, origin=Origin.MADE_UP)) for each in base.lanes)
    made = build(replace(base, lanes=lanes, notes=()), manifests, checklist(), quotas(), DAY)
    for place in made.operations[0].places:
        assert place.grey.startswith("made up")
        assert "measured" not in {fit.fact.kind.value for fit in place.readiness.fits if fit.fact}
    short = sections(made)[0]
    assert any(getattr(block, "warns", False) and "made up" in block.text for block in short.blocks)


def test_a_workload_that_is_not_stated_leaves_readiness_open(manifests) -> None:
    made = build(result(workload=Workload()), manifests, checklist(), quotas(), DAY)
    for place in made.operations[0].places:
        assert (place.area.readiness.low, place.area.readiness.high > 90) == (0.0, True)
    assert made.operations[0].by_readiness is None
    assert "No workload was stated" in sections(made)[1].blocks[0].text


def test_a_lane_whose_adapter_is_not_here_has_no_maturity(manifests) -> None:
    made = build(result(), [each for each in manifests if each.provider != "gcp"], checklist(), quotas(), DAY)
    gcp = next(each for each in made.operations[0].places if each.name == "gcp")
    assert gcp.maturity is None
    assert (gcp.area.maturity.low, gcp.area.maturity.high) == (0.0, 100.0)


def test_json_has_the_same_figures(report: Report) -> None:
    found = json.loads(json.dumps(document(report)))
    places = found["operations"][0]["places"]
    for place, said in zip(report.operations[0].places, places, strict=True):
        assert said["readiness"] == [place.area.readiness.low, place.area.readiness.high]
        assert said["maturity"] == [place.maturity.score.low, place.maturity.score.high]
        assert said["standing"] == place.standing.value
    assert found["result"]["run"]["id"] == "20261121-abc"
    assert Decimal(found["result"]["lanes"][1]["money"]["per_1000"]) == Decimal("1.5")
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("size", [(620, 480), (270, 300)])
def test_names_in_the_chart_of_areas_do_not_cover_each_other(report: Report, size: tuple[int, int]) -> None:

    from broker.report.areas import _labels

    places = [
        replace(place, area=replace(place.area, name=f"lane {number}"))
        for number, place in enumerate(report.operations[0].places * 3)
    ]
    letters = {620: 6.5, 270: 5.5}[size[0]]  # in pixels, narrower than the chart reckons
    boxes = [(e.x * size[0] / 100, e.y * size[1] / 100, len(e.text) * letters) for e in _labels(places, size)]
    for number, (x, y, width) in enumerate(boxes):
        assert 0 <= x <= x + width <= size[0]
        for a, b, w in boxes[:number]:
            assert abs(y - b) >= 12 or x + width <= a or a + w <= x


def test_areas_of_which_no_two_are_separated_stand_beside_each_other(report: Report) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    from broker.report.areas import areas

    (one, *_) = report.operations
    alike = replace(one, pairs=tuple(replace(each, readiness=0, maturity=0) for each in one.pairs))
    apart = replace(one, pairs=(replace(one.pairs[0], readiness=1), *one.pairs[1:]))
    assert (alike.all_overlap, apart.all_overlap) == (True, False)
    panels, overlay = areas(alike, "a"), areas(apart, "b")
    for name in [place.name for place in one.places]:
        assert name in panels.wide
        assert name in panels.narrow
    assert panels.said == overlay.said
    assert panels.wide.count(">scale readiness<") == len(one.places)  # four of them stand in one row
    assert overlay.wide.count(">scale readiness<") == 0
    replaced = replace(report, operations=(alike,))
    assert "a panel each" in "".join(
        block.caption for section in sections(replaced) for part in section.parts for block in part.blocks if isinstance(block, Figure)
    )  # fmt: skip


def test_a_machine_of_one_s_own_is_not_free(report: Report) -> None:
    """Without monthly_cost its month costs what is not known, so that it is not the cheapest."""
    from broker.bench.tariffs import NOT_STATED

    given = report.result
    bare = tuple(
        replace(each, points=tuple(replace(point, cost=None, per_1000=None) for point in each.points), unknown=NOT_STATED)
        if each.lane == "local"
        else each
        for each in given.curves
    )  # fmt: skip
    text = markdown(replace(report, result=replace(given, curves=bare)))
    said = next(line for line in text.splitlines() if "least with" in line)
    assert "local" not in said
    assert "of those whose cost is known" in said
    assert "monthly\\_cost" in text
