"""One input of a data set, with what is right for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import Enum

from broker.errors import BadDataset
from broker.types.json import JsonValue

_BLOCK = 1 << 20


class Kind(str, Enum):
    """What the inputs of a data set are."""

    IMAGE = "image"
    AUDIO = "audio"
    TEXT = "text"
    QUERY = "query"

    @property
    def is_file(self) -> bool:
        """An input is the path of a file; else it is the text itself."""
        return self in (Kind.IMAGE, Kind.AUDIO)

    @classmethod
    def of(cls, operation: str) -> Kind | None:
        """What an operation takes, by its name (``vision.label``); None: nothing that a data set holds."""
        if operation in ("search.query", "search.suggest"):
            return cls.QUERY
        return {"vision": cls.IMAGE, "transcription": cls.AUDIO, "text": cls.TEXT}.get(
            operation.partition(".")[0]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One input.

    :param id: names it within its data set, always the same for the same data.
    :param input: the path of a picture or recording, or the text or query itself: what a facade's method takes.
    :param truth: what is right, as it was read; None: nobody has said. ``broker.scoring.parse_truth`` makes it typed.
    :param stratum: the group it was drawn from; ``cluster``: what belongs together (speaker, document).
    :param tags: further columns that were asked for, by name.
    :param where: file and line that it is from, for messages.
    """

    id: str
    kind: Kind
    input: str = field(repr=False)
    truth: JsonValue = field(default=None, repr=False)
    stratum: str | None = None
    cluster: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    where: str = ""

    def digest(self) -> str:
        """SHA-256 of the input's content, in hex. Raises :class:`BadDataset` where its file cannot be read."""
        if not self.kind.is_file:
            return hashlib.sha256(self.input.encode("utf-8", "surrogatepass")).hexdigest()
        found = hashlib.sha256()
        try:
            with open(self.input, "rb") as file:
                while block := file.read(_BLOCK):
                    found.update(block)
        except OSError as error:
            raise BadDataset(f"it cannot be read ({error.strerror})", path=self.input) from None
        return found.hexdigest()

    def truth_digest(self) -> str:
        """SHA-256 of the truth as JSON with sorted names, in hex; of nothing where there is none."""
        if self.truth is None:
            return hashlib.sha256(b"").hexdigest()
        text = json.dumps(self.truth, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
