"""Make a vendor's text safe to show and to store: no secrets, no control characters, bounded."""

from __future__ import annotations

import re

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
# C0 and C1 controls, and the bidirectional overrides that can reorder a terminal line.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """Without control, bidi-override and surrogate characters: safe for a terminal line."""
    return _CONTROLS.sub(" ", text)


def redact(text: str, limit: int = 300) -> str:
    """Plain, with anything that looks like a secret replaced, at most ``limit`` characters."""
    text = _SECRETS.sub("[redacted]", plain(text[: 8 * limit])).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
