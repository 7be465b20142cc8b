"""``mlbroker jobs`` and ``mlbroker transcribe`` of what takes long: ids to copy, states, and what to type next."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.cli import jobs as command
from broker.cli import main
from broker.client import Broker
from broker.errors import Outcome, ProviderFault, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.types.job import JobState
from jobs.job_vendor import Tape, Vendor, tape
from speech.speech_support import said, wav

ID = re.compile(r"b1-[0-9a-f]{32}")


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    """The only provider; time passes when somebody waits."""
    made = Vendor(polls=2)
    monkeypatch.setattr(
        main,
        "make_broker",
        lambda **options: Broker(adapters=[tape(made)], provider="tape", runtime=VirtualRuntime(), **options),
    )
    (home / "talk.wav").write_bytes(wav(4.0, rate=8000))
    (home / "other.wav").write_bytes(wav(2.0, rate=8000))
    return made


def started(cli: Any, *files: str) -> list[str]:
    return [each["job"] for each in cli.json("transcribe", "--start", *files)["started"]]


def states(cli: Any) -> list[str]:
    return [each["state"] for each in cli.json("jobs", "list", "--all")["jobs"]]


def test_a_long_recording_is_started_listed_and_resumed(cli: Any, vendor: Vendor) -> None:
    out = cli("transcribe", "--start", "talk.wav", "other.wav").stdout
    first, second = ID.findall(out)
    assert f"{first}  talk.wav (tape)" in out
    assert "mlbroker jobs resume ID" in out
    assert len(vendor.made) == 2
    shown = cli("jobs").stdout
    assert shown.index(second) < shown.index(first), "the newest first"
    assert f"{first}  running" in shown
    assert "talk.wav, 0:00:04, tape; begun 2026-01-01 00:00" in shown
    text = cli("jobs", "resume", first).stdout
    assert text.startswith("talk.wav\ntape Tape batch")
    assert "$0.004" in text, "whoever is first given the result is told what it cost"
    assert first not in cli("jobs", "list").stdout
    assert states(cli) == ["running", "removed"], "a result that was shown is removed, as the settings say"
    assert len(vendor.made) == 2
    assert "handed out before" in cli("jobs", "resume", first, code=1).stderr


def test_starting_the_same_again_takes_the_job_up(cli: Any, vendor: Vendor) -> None:
    assert started(cli, "talk.wav") == started(cli, "talk.wav")
    assert len(vendor.made) == 1
    found = cli.json("transcribe", "talk.wav")
    assert found["files"][0]["text"] == "well done"
    assert found["jobs"] == []
    assert found["summary"]["cost"][0]["amount"] == "0.004"
    assert len(vendor.made) == 1


def test_start_tells_of_each_file(cli: Any, vendor: Vendor, home: Path) -> None:
    (home / "text.wav").write_text("no sound")
    found = cli.json("transcribe", "--start", "text.wav", "talk.wav", "no such.wav", code=1)
    bad, good, gone = found["started"]
    assert (bad["ok"], good["ok"], gone["ok"]) == (False, True, False)
    assert "no known audio format" in bad["error"]["message"]
    handle = json.loads(good["handle"])
    assert (handle["id"], good["provider"]) == (good["job"], "tape")
    assert found["jobs"] == []
    result = cli.json("jobs", "resume", good["handle"])
    assert (result["job"], result["text"], result["cost"]["amount"]) == (good["job"], "well done", "0.004")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--srt"], "jobs resume ID --srt"),
        (["--vtt"], "jobs resume ID --vtt"),
        (["--dry-run"], "leave --start out"),
        (["--jobs", "4"], "one after another"),
    ],
)
def test_what_start_cannot_do_is_wrong_usage(cli: Any, vendor: Vendor, option: list[str], said: str) -> None:
    assert said in cli("transcribe", "--start", "talk.wav", *option, code=2).stderr
    assert not vendor.steps


def test_status_asks_the_provider(cli: Any, vendor: Vendor) -> None:
    (job,) = started(cli, "talk.wav")
    assert f"{job}  running (winding) 10 %" in cli("jobs", "status", job).stdout
    found = cli.json("jobs", "status", job)["job"]
    assert (found["state"], found["provider_state"], found["percent"]) == ("running", "winding", 20)
    assert (found["name"], found["seconds"], found["worked_on"]) == ("talk.wav", 4.0, False)
    (listed,) = cli.json("jobs", "list")["jobs"]
    assert listed == {**found, "provider_state": None, "percent": None}, "a list asks nobody"


@pytest.fixture
def timeless(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The provider gives no times."""
    answered = Tape.fetch

    def fetch(self: Tape, *given: Any) -> Any:
        reply = answered(self, *given)
        return replace(reply, payload=replace(reply.payload, segments=(said("well done"),)))

    with monkeypatch.context() as patch:
        patch.setattr(Tape, "fetch", fetch)
        yield patch


def test_resume_writes_subtitles(
    cli: Any, vendor: Vendor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Tape.fetch

    def fetch(self: Tape, *given: Any) -> Any:
        reply = answered(self, *given)
        return replace(reply, payload=replace(reply.payload, segments=(said("well done", 0, 900),)))

    monkeypatch.setattr(Tape, "fetch", fetch)
    first, second = started(cli, "talk.wav", "other.wav")
    srt = "1\n00:00:00,000 --> 00:00:00,900\nwell done\n"
    assert cli("jobs", "resume", first, "--srt").stdout == srt
    out = cli("jobs", "resume", second, "--srt", "--out", "subs").stdout
    assert "subtitles: subs/other.srt" in out
    assert (home / "subs" / "other.srt").read_text() == srt
    (third,) = started(cli, "talk.wav")
    assert third == f"{first}-2", "what was handed out is done again when it is asked for again"
    assert cli.json("jobs", "resume", third, "--srt")["subtitles"] == srt


def test_what_could_not_be_shown_stays_at_the_provider(
    cli: Any, vendor: Vendor, timeless: pytest.MonkeyPatch
) -> None:
    (job,) = started(cli, "talk.wav")
    assert "one of --srt and --vtt" in cli("jobs", "resume", job, "--srt", "--vtt", code=2).stderr
    assert "pass --srt or --vtt too" in cli("jobs", "resume", job, "--out", "x", code=2).stderr
    assert "no time" in cli("jobs", "resume", job, "--srt", code=1).stderr
    assert states(cli) == ["done"], "what was not shown stays at the provider"
    assert "well done" in cli("jobs", "resume", job).stdout
    assert states(cli) == ["removed"]


def test_results_that_are_kept_are_cleaned_by_hand(
    cli: Any, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLBROKER_JOBS__REMOVE", "recording")
    (job,) = started(cli, "talk.wav")
    for _ in range(2):
        assert cli.json("jobs", "resume", job)["text"] == "well done"
        assert states(cli) == ["collected"]
    assert "mlbroker jobs clean" in cli("jobs", "--all").stdout
    assert cli.json("jobs", "clean") == {"command": "jobs clean", "removed": 1, "left": [], "exit_code": 0}
    assert states(cli) == ["removed"]
    assert vendor.jobs == {}


def test_a_deadline_that_is_too_short_says_how_to_go_on(cli: Any, vendor: Vendor) -> None:
    vendor.polls = 1000
    (job,) = started(cli, "talk.wav")
    told = cli("jobs", "resume", job, "--deadline", "5", code=1).stderr
    assert "still winding at tape" in told
    assert f"mlbroker jobs resume {job}" in told
    assert "above 0" in cli("jobs", "resume", job, "--deadline", "0", code=2).stderr
    assert states(cli) == ["running"]


def test_a_failed_job_says_why_now_and_later(cli: Any, vendor: Vendor) -> None:
    vendor.fails = ProviderFault("the tape tore", outcome=Outcome.REJECTED)
    (job,) = started(cli, "talk.wav")
    assert "the tape tore" in cli("jobs", "resume", job, code=1).stderr
    assert "the tape tore" in cli("jobs", "resume", job, code=1).stderr
    (found,) = cli.json("jobs", "list", "--all")["jobs"]
    assert (found["state"], found["error"]) == ("failed", "ProviderFault: the tape tore")
    assert "the tape tore" in cli("jobs", "list", "--all").stdout
    assert cli.json("jobs", "resume", job, code=1)["error"]["type"] == "ProviderFault"


def test_cancel_stops_it_once(cli: Any, vendor: Vendor) -> None:
    (job,) = started(cli, "talk.wav")
    out = cli("jobs", "cancel", job).stdout
    assert f"{job} is cancelled" in out
    assert "mlbroker settle" in out
    assert vendor.jobs == {}
    assert vendor.recordings == {}
    assert "it is cancelled" in cli("jobs", "cancel", job, code=1).stderr
    found = cli.json("jobs", "cancel", job, code=1)
    assert (found["cancelled"], found["job"]["state"]) == (False, "cancelled")
    assert len(cli.json("settle")["attempts"]) == 1


def test_a_job_that_cannot_be_stopped_runs_on(
    cli: Any, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.job_vendor.Tape.cancel", lambda *_: False)
    (job,) = started(cli, "talk.wav")
    told = cli("jobs", "cancel", job, code=1).stderr
    assert "tape cannot stop it" in told
    assert f"mlbroker jobs resume {job}" in told
    assert states(cli) == ["running"]


def test_what_cannot_be_cleaned_is_named(cli: Any, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_JOBS__REMOVE", "recording")
    (job,) = started(cli, "talk.wav")
    cli("jobs", "resume", job)

    def stuck(step: str) -> None:
        if step == "remove_job<":
            raise Unavailable("later", provider="tape", outcome=Outcome.NOT_SENT)

    vendor.trouble = stuck
    assert f"{job} could not be removed" in cli("jobs", "clean", code=1).stderr
    assert cli.json("jobs", "clean", code=1)["left"] == [job]


def test_a_recording_that_could_not_be_removed_is_cleaned_later(cli: Any, vendor: Vendor) -> None:
    vendor.fails = ProviderFault("the tape tore", outcome=Outcome.REJECTED)

    def stuck(step: str) -> None:
        if step == "remove_recording<":
            raise Unavailable("later", provider="tape", outcome=Outcome.NOT_SENT)

    vendor.trouble = stuck
    (job,) = started(cli, "talk.wav")
    cli("jobs", "resume", job, code=1)
    assert len(vendor.recordings) == 1
    vendor.trouble = lambda _step: None
    assert cli.json("jobs", "clean")["left"] == []
    assert vendor.recordings == {}
    assert states(cli) == ["failed"]


@pytest.mark.parametrize("name", ["resume", "cancel", "status"])
def test_an_unknown_job_is_wrong_usage_and_makes_no_ledger(
    cli: Any, vendor: Vendor, home: Path, name: str
) -> None:
    assert "nothing is recorded yet" in cli("jobs", name, "b1-0", code=2).stderr
    assert cli.json("jobs")["recorded"] is False
    assert cli.json("jobs", "clean")["removed"] == 0
    assert "nothing recorded yet" in cli("jobs").stdout
    assert not (home / "ledger.db").exists()
    started(cli, "talk.wav")
    assert "mlbroker jobs list --all" in cli("jobs", name, "b1-0", code=2).stderr
    assert "no handle" in cli("jobs", name, "{", code=2).stderr


def test_options_before_a_jobs_command_say_where_they_stand(cli: Any, vendor: Vendor) -> None:
    assert "it stands behind: mlbroker jobs list --json" in cli("jobs", "--json", "list", code=2).stderr
    assert "it stands behind: mlbroker jobs clean --all" in cli("jobs", "--all", "clean", code=2).stderr
    assert "no job is open" in cli("jobs", "list").stdout or "nothing recorded" in cli("jobs", "list").stdout


def _pressing(vendor: Vendor, step: str) -> Callable[[str], None]:
    def press(at: str) -> None:
        if at == step:
            vendor.trouble = lambda _step: None
            signal.raise_signal(signal.SIGINT)

    return press


def test_ctrl_c_says_how_to_go_on_and_ends_with_130(cli: Any, vendor: Vendor) -> None:
    vendor.trouble = _pressing(vendor, "poll<")
    result = cli("transcribe", "talk.wav", "other.wav", code=130)
    (job,) = set(ID.findall(result.stderr))
    assert (
        f"note: talk.wav: it goes on at tape; for its transcript type: mlbroker jobs resume {job}"
        in result.stderr
    )
    assert "2 not finished, interrupted" in result.stdout
    assert states(cli) == ["running"]
    assert "$0.004" in cli("jobs", "resume", job).stdout
    assert len(vendor.made) == 1


def test_ctrl_c_before_anything_was_asked_for_says_so(cli: Any, vendor: Vendor) -> None:
    vendor.trouble = _pressing(vendor, "stage<")
    found = cli.json("transcribe", "talk.wav", code=130)
    (left,) = found["jobs"]
    assert (left["name"], left["provider"], left["state"]) == ("talk.wav", "tape", "staging")
    told = cli("jobs", "resume", left["id"], code=1).stderr
    assert "was never submitted, and nothing was billed" in told
    assert "mlbroker jobs cancel ID" in cli("jobs").stdout
    assert cli.json("transcribe", "talk.wav")["files"][0]["text"] == "well done"
    assert len(vendor.made) == 1


def test_ctrl_c_ends_what_threads_wait_for(cli: Any, vendor: Vendor) -> None:
    vendor.stuck = True
    vendor.trouble = _pressing_main(vendor)
    result = cli("transcribe", "talk.wav", "other.wav", "--jobs", "2", code=130)
    assert set(vendor.made) <= set(ID.findall(result.stderr)), "each is named"
    assert vendor.made
    assert "running" in states(cli)


def _pressing_main(vendor: Vendor) -> Callable[[str], None]:
    """The key is pressed when a job is first looked at; signals arrive in the main thread."""
    import os

    def press(at: str) -> None:
        if at == "poll<":
            vendor.trouble = lambda _step: None
            os.kill(os.getpid(), signal.SIGINT)

    return press


def test_ctrl_c_while_starting_names_what_was_begun(cli: Any, vendor: Vendor) -> None:
    vendor.trouble = _pressing(vendor, "submit>")
    found = cli.json("transcribe", "--start", "talk.wav", code=130)
    assert found["interrupted"] is True
    (left,) = found["jobs"]
    assert left["state"] == "submitting"
    assert cli.json("jobs", "resume", left["id"])["text"] == "well done"
    assert len(vendor.made) == 1


def test_a_job_in_every_state_says_what_to_type() -> None:
    from datetime import UTC, datetime

    from broker.types.job import JobStatus

    at = datetime(2026, 1, 1, tzinfo=UTC)

    def told(state: JobState, *, worked_on: bool = False) -> str:
        return command._next(
            JobStatus(
                id="b1-0",
                provider="tape",
                profile=None,
                operation="transcription.transcribe",
                state=state,
                name="talk.wav",
                milliseconds=1,
                made=at,
                changed=at,
                worked_on=worked_on,
            )
        )

    said = {state: told(state) for state in JobState}
    quiet = {state for state, words in said.items() if not words}
    assert quiet == {JobState.REMOVED, JobState.FAILED}
    assert all("mlbroker" in words for words in said.values() if words)
    assert not any(told(state, worked_on=True) for state in JobState)


def test_init_writes_what_jobs_and_staging_may_be(cli: Any, home: Path) -> None:
    cli("init")
    text = (home / "mlbroker.toml").read_text()
    assert "#[jobs]\n# What is removed at the provider" in text
    assert '#remove = "all"' in text
    sections = {part.split("]")[0]: part for part in text.split("#[providers.")[1:]}
    for provider, example in (("aws", "s3://"), ("gcp", "gs://"), ("azure", "blob.core.windows.net")):
        (line,) = (each for each in sections[provider].splitlines() if each.startswith("#staging = "))
        assert example in line
    assert "#staging" not in sections["local"]
