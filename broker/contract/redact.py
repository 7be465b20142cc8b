"""Make a vendor's text safe to show and to store: no secrets, no control characters, bounded.

Secrets are known in two ways. What looks like one (keys, tokens, signatures, passwords in addresses) is
replaced wherever it stands. And the very values that this process was configured with are replaced even
where they look like nothing: adapters' settings hand in theirs (:func:`protect`), a vendor may echo them.
"""

from __future__ import annotations

import json
import os
import re
import threading
from base64 import b64encode
from urllib.parse import quote, quote_plus

_SECRETS = re.compile(
    r"""(?ix)
    \b(?:AKIA|ASIA)[A-Z0-9]{12,}                       # AWS access key ids
    | \bAIza[A-Za-z0-9_\-]{20,}                        # Google API keys
    | \b(?:ya29\.|eyJ)[A-Za-z0-9_.\-]{16,}             # OAuth tokens and JWTs
    | \b[A-Fa-f0-9]{32,}\b                             # Azure keys, signatures
    | (?<![A-Za-z0-9+/._-])(?=[A-Za-z0-9+/]*[0-9+])[A-Za-z0-9+/]{40,}={0,2}   # base64 secrets and content
    | (?<=://)[^/\s@]+(?=@) | [^\s/:@]+:[^\s/@]+(?=@)    # user and password in an address
    | (?<=key=)[^&\s"']+ | (?<=token=)[^&\s"']+ | (?<=Signature=)[^&\s"']+
    | (?<=Bearer\s)[^\s"']+
    """
)
# Headers and members that hold a secret by their name: X-Amz-Security-Token: …, "access_token": "…".
_NAMED = re.compile(
    r"""(?ix)
    (\b(?: x-amz-security-token | (?:proxy-)?authorization | ocp-apim-subscription-key | x-goog-api-key | api-key
      | set-cookie | cookie | (?:access|refresh|id|session|security)_?token | secret_?access_?key | client_secret
      | client_assertion | secretkey | sessiontoken | password
    )["']?\s*[:=]\s*(?:b(?=["']))?["']?)
    (?: (?:bearer|basic)\s+ | AWS4-HMAC-SHA256\s[^"'\r\n]{0,400} )?
    [^\s"',;&}]+
    """
)
# C0 and C1 controls, and the bidirectional overrides that can reorder a terminal line.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_HIDDEN = "[redacted]"

SHORTEST_SECRET = 8
"""Shorter values are not looked for: a password of three letters would turn every message into holes."""
_MOST_SECRETS = 256

_lock = threading.Lock()
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
_known: dict[str, None] = {}
_known_pattern: re.Pattern[str] | None = None


def protect(*secrets: str | None) -> None:
    """From now on :func:`redact` replaces these values wherever they stand, also quoted or in base64.

    For adapters, of what they send as a credential: settings of the type ``SecretStr`` are handed in by
    :class:`~broker.contract.AdapterSettings` itself, fetched tokens by the adapter. The last 256 are kept.
    """
    global _known_pattern  # noqa: PLW0603 # one process, one set of secrets: a vendor's text may hold any of them
    fresh = [each for each in secrets if each and len(each) >= SHORTEST_SECRET and each not in _known]
    if not fresh:
        return
    with _lock:
        for secret in fresh:
            _known[secret] = None
            while len(_known) > _MOST_SECRETS:
                del _known[next(iter(_known))]
        forms = {form for secret in _known for form in _forms(secret)}
        _known_pattern = re.compile(
            "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        )


def _forms(secret: str) -> set[str]:
    """A secret as it may be repeated: as it is, in an address, in JSON, in base64, without its controls."""
    encoded = b64encode(secret.encode("utf-8", "surrogatepass")).decode("ascii")
    quoted = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        plain(secret),
        quote(quoted, safe=""),
        quote_plus(quoted),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        encoded,
    }


def plain(text: str) -> str:
    """Without control, bidi-override and surrogate characters: safe for a terminal line."""
    return _CONTROLS.sub(" ", text)


def redact(text: str, limit: int = 300) -> str:
    """Plain, with every known secret and anything that looks like one replaced, at most ``limit`` characters."""
    text = plain(text[: 8 * limit + 4096])
    if _known_pattern is not None:
        text = _known_pattern.sub(_HIDDEN, text)
    text = _NAMED.sub(rf"\g<1>{_HIDDEN}", text[: 8 * limit])
    text = _SECRETS.sub(_HIDDEN, text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
