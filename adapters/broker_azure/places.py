"""Addresses in Azure Blob Storage: the folder of the settings, and the recordings that we put there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from broker.contract import protect
from broker.contract.loopback import is_loopback
from broker.errors import NotConfigured

WANTED = "https://<account>.blob.core.windows.net/<container>/<folder>"
# Blob endpoints of the public cloud, of those by zone (account.z1.blob.storage.azure.net), and of the sovereign ones.
_HOSTS = (
    ".blob.core.windows.net",
    ".blob.storage.azure.net",
    ".blob.core.chinacloudapi.cn",
    ".blob.core.usgovcloudapi.net",
)
# Containers by Azure's rules; folders without anything that would have to be escaped, or that leads elsewhere.
_CONTAINER = re.compile(r"(?!.*--)[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])")
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.~-]+")
_KEY = re.compile(r"[0-9a-z-]{1,64}")
_PERMISSIONS = (("read", "r"), ("write", "w"), ("delete", "d"))


def checked_staging(text: str) -> str:
    """The address without a slash at its end. Raises ValueError with what is wrong, and never with the address.

    On loopback the account is the first part of the path, as with the storage emulator.
    """
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"staging is no address; it must be {WANTED}") from None
    if parts.query or parts.fragment or parts.username:
        raise ValueError(f"staging must be a plain address, {WANTED}; a signature belongs into staging_sas")
    local = is_loopback(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError(f"staging must be {WANTED}")
    if not local and (not host.endswith(_HOSTS) or host.startswith(".")):
        raise ValueError(f"staging is no address of a Blob container; it must be {WANTED}")
    path = parts.path.strip("/").split("/")
    container, folder = (path[1:2], path[2:]) if local else (path[:1], path[1:])
    if not container or not _CONTAINER.fullmatch(container[0]):
        raise ValueError(f"staging names no container (3 to 63 of a-z, 0-9 and -); it must be {WANTED}")
    if not all(_SEGMENT.fullmatch(each) for each in folder):
        raise ValueError("the folder of staging may hold letters, digits, and - _ . ~ only")
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(path)}"


def checked_sas(text: str) -> str:
    """The signature without a question mark before it, kept out of all messages from now on. Raises ValueError."""
    sas = text.strip().lstrip("?")
    parts = dict(parse_qsl(sas))
    signature = parts.get("sig")
    if not signature or any(each in sas for each in "#/ \r\n\t") or not sas.isascii():
        raise ValueError(
            "staging_sas must be the signature alone, as 'sv=…&sp=rcwd&…&sig=…': what stands behind the question mark"
        )
    protect(sas, signature)
    # One that names a stored access policy (si) may leave its permissions to that.
    lacking = [name for name, letter in _PERMISSIONS if letter not in parts.get("sp", "rwd")]
    if lacking:
        raise ValueError(
            f"staging_sas lacks the permission to {' and '.join(lacking)}; make one with sp=rcwd for the container of staging"
        )
    if parts.get("sr") == "b":
        raise ValueError("staging_sas is for one blob; make one for the whole container of staging (sr=c)")
    return sas


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """The folder of the settings, and where recordings of ours are in it.

    :param folder: :func:`checked_staging` of it.
    """

    folder: str

    def place(self, key: str, format: str) -> str:
        """Where the recording of a job is put."""
        if not _KEY.fullmatch(key):
            raise ValueError("a job's key must be of 0-9, a-z and -")
        return f"{self.folder}/{key}.{format}"

    def owned(self, place: str) -> str:
        """The address, if it is one that :meth:`place` makes; else :class:`NotConfigured`: nothing else is written or deleted."""
        folder, _, name = place.rpartition("/")
        key, _, format = name.rpartition(".")
        if folder != self.folder or not _KEY.fullmatch(key) or not format.isalnum():
            raise NotConfigured(
                "the recording of this job is not in the folder that staging names now; set staging in the settings of "
                "provider azure to what it was, or delete the recording by hand"
            )
        return place
