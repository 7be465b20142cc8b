"""Model files that other packages carry, known by their digest.

Their packages are young or kept by one person, and only the file is wanted of them, never their code. So the
file is found by its place beside the package's other files, and taken only if it is byte for byte the one
that was measured.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from broker.errors import NotConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """One file in an installed package.

    :param module: the package's folder, which is looked for without importing it.
    :param place: the file's place below that.
    :param sha256: of the file.
    :param command: installs the package in the version that holds this file.
    """

    module: str
    place: tuple[str, ...]
    sha256: str
    command: str

    def read(self) -> bytes:
        """The file. Raises NotConfigured with the command where it is missing or another one."""
        try:
            data = self._path().read_bytes()
        except OSError:
            raise NotConfigured(
                f"{self.place[-1]} of {self.module} is not installed; type: {self.command}"
            ) from None
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise NotConfigured(
                f"the installed {self.module} holds another {self.place[-1]} than the one that was measured; "
                f"type: {self.command} --force-reinstall --no-deps"
            )
        return data

    def present(self) -> bool:
        """Whether the file is there; it is not read."""
        try:
            return self._path().is_file()
        except OSError:
            return False

    def _path(self) -> Path:
        try:
            spec = importlib.util.find_spec(self.module)
        except ValueError:  # imported already, by a loader that leaves no spec
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(self.module)
        return Path(spec.submodule_search_locations[0], *self.place)
