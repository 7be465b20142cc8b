"""The main job on real photos, with the local provider through the whole broker: no key, no network.

It types what a user would type: ``mlbroker label PHOTO…`` and then ``mlbroker spend``.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

from photos import PHOTOS, sample_photos

from broker.cli.main import app


def run(*arguments: str) -> None:
    """One command, shown and run."""
    print("\n$ mlbroker " + shlex.join(arguments), flush=True)
    try:
        app(list(arguments), prog_name="mlbroker")
    except SystemExit as end:
        if end.code:
            sys.exit(end.code)


def main() -> None:
    """Label, then show what it cost, in a ledger of the demo's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLBROKER_LEDGER__PATH"] = str(Path(folder, "demo-ledger.db"))
        photos = [os.path.relpath(path) for path in sample_photos()]
        run("label", *photos, "--provider", "local", "--tag", "project=demo")
        run("spend", "--by", "provider,operation,tag:project")
    credits = "; ".join(f"{photo.path.rpartition('/')[2]}: {photo.licence}" for photo in PHOTOS)
    print(f"\nPhotos: {credits}.")
    print("Next: 'mlbroker init' writes the settings, 'mlbroker doctor' says what a cloud still needs.")


if __name__ == "__main__":
    main()
