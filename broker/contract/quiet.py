"""A guard on the loggers of vendors' SDKs: at DEBUG boto3 logs session tokens, signatures and whole requests.

Their loggers are the program's too, so the guard is small: a filter that redacts, and a level. A root logger at DEBUG alone does not switch an SDK's DEBUG on; naming its
logger does (``logging.getLogger("botocore").setLevel(logging.DEBUG)``), and then the texts come redacted.
"""

from __future__ import annotations

import logging

from broker.contract.redact import redact

LONGEST_LINE = 600
"""Characters that are left of a record: an SDK at DEBUG logs requests whole, and they hold the content."""


class RedactingFilter(logging.Filter):
    """Replaces a record's text by its redacted form and drops its arguments, traceback texts included."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 # an SDK's own slip in its format must not end the call
            text = str(record.msg)
        record.msg, record.args = redact(text, LONGEST_LINE), None
        if record.exc_info:
            kind = record.exc_info[0]
            record.msg += f" ({kind.__name__})" if kind is not None else ""
            record.exc_info = record.exc_text = None
        return True


_FILTER = RedactingFilter()


def guard_loggers(*names: str) -> None:
    """Guard these loggers and all below them. Call it when the SDK has been loaded, and again when more of it was.

    Below them: a filter holds for the one logger it hangs on, so those that exist get theirs; one made later
    is held by the level of the named one, INFO unless the program has set another.
    """
    loggers = logging.Logger.manager.loggerDict
    for name in names:
        top = logging.getLogger(name)
        if top.level == logging.NOTSET:
            top.setLevel(logging.INFO)
        top.addFilter(_FILTER)  # a filter that hangs there already is not added twice
        below = f"{name}."
        for other, logger in list(loggers.items()):
            if other.startswith(below) and isinstance(logger, logging.Logger):
                logger.addFilter(_FILTER)
