"""A long recording as a job: started by one program, stored as a line of JSON, waited for by another. Runs offline.

With the local provider nothing runs in between: the work is done by whoever waits. With ``provider="aws"`` (or gcp, azure)
and ``staging`` in the settings the same lines start a job there, and the first program may end, or crash, at any point.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

from broker import Broker
from broker.types import TranscriptionProgress


def recording() -> Path:
    """The beginning of an audio book, which comes with the model. Raises SystemExit with the command that installs it."""
    spec = importlib.util.find_spec("moonshine_voice")
    path = Path(spec.origin).parent / "assets" / "two_cities.wav" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise SystemExit("The sample recording is not installed; type: pip install 'mlbroker[local-speech]'")
    return path


def program(ledger: str) -> Broker:
    """Programs that share a ledger share its jobs."""
    return Broker(provider="local", ledger={"path": ledger})


def start(ledger: str, handle: Path) -> None:
    """Stage and submit, and keep the handle."""
    with program(ledger) as broker:
        job = broker.transcription.start(recording(), language="en")
        handle.write_text(job.to_json())
        print(f"started {job.id}")


def told(seen: TranscriptionProgress) -> None:
    """Called now and then by the thread that does the work."""
    if seen.ratio is not None:
        print(f"  {seen.ratio:.0%} of {seen.milliseconds / 1000:.0f} s")


def finish(ledger: str, handle: Path) -> None:
    """Later, elsewhere: what is open, and its result."""
    with program(ledger) as broker:
        for each in broker.jobs.list():
            print(f"open: {each.name}, {each.state.value}")
        result = broker.jobs.get(handle.read_text()).wait(progress=told)
    transcript = result.value
    print("\n".join(transcript.to_srt().splitlines()[:6]))
    print(f"{len(transcript.text.split())} words, {result.cost.shown}")


with tempfile.TemporaryDirectory() as folder:
    start(f"{folder}/ledger.db", Path(folder, "job.json"))
    finish(f"{folder}/ledger.db", Path(folder, "job.json"))
