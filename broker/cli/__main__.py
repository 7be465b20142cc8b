"""``python -m broker.cli``"""

from __future__ import annotations

from broker.cli.main import main

main()
