"""What the documents say is true: every example runs, tables are those the code makes, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OFFLINE = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in DOCUMENTS
    for number, code in enumerate(
        re.findall(r"<!-- example: offline -->\n```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    )
]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.name != "photos.py")


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def needs_local() -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra local-vision")
    pytest.importorskip("skimage", reason="needs the extra demo")
    pytest.importorskip("rapidocr", reason="needs the extra local-vision")


@pytest.mark.local_models
@pytest.mark.parametrize("code", OFFLINE)
def test_the_documents_examples_run(code: str, tmp_path: Path, needs_local: None) -> None:
    import skimage

    pillow = pytest.importorskip("PIL.Image")
    pillow.open(Path(skimage.__file__).parent / "data" / "chelsea.png").save(tmp_path / "cat.jpg")
    (tmp_path / "example.py").write_text(code)
    assert "Animal" in run(["example.py"], tmp_path)


@pytest.mark.local_models
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_run(path: Path, needs_local: None) -> None:
    if path.name in ("long_recording.py", "live_sound.py"):
        pytest.importorskip("moonshine_voice", reason="needs the extra local-speech, on Linux on x86-64")
    assert run([str(path)], path.parent)


def test_the_support_tables_are_the_codes() -> None:
    # An English spaCy model that is installed here adds a cell; the documents show what the extras bring.
    code = "import sys; sys.modules['spacy'] = None; from broker.cli.main import main; main()"
    made = run(["-c", code, "providers", "--markdown"], ROOT)
    page = (ROOT / "docs" / "providers.md").read_text("utf-8")
    assert page.endswith(made), "type: mlbroker providers --markdown, and put it into docs/providers.md"
    inside = (
        README.partition("<!-- providers:begin")[2].partition("-->\n")[2].partition("<!-- providers:end")[0]
    )
    assert inside.strip() == made.partition("\n\n")[0].strip(), (
        "README.md shows the first table of docs/providers.md"
    )


def test_the_readmes_settings_are_settings(tmp_path: Path) -> None:
    from broker.config import load_settings

    (text,) = re.findall(r"```toml\n(provider = .*?)```", README, re.DOTALL)
    file = tmp_path / "mlbroker.toml"
    file.write_text(text)
    settings = load_settings(str(file))
    assert settings.provider == ("aws", "local")
    assert settings.section("aws", "prod-eu") == {"region": "eu-central-1", "profile": "prod"}


SETTINGS = [
    pytest.param(text, id=f"{page}-{number}")
    for page in ("README.md", "docs/budgets.md", "docs/limits.md", "docs/standing.md")
    for number, text in enumerate(
        re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("text", SETTINGS)
def test_every_piece_of_settings_shown_is_settings(text: str, tmp_path: Path) -> None:
    from broker.config import load_settings
    from broker.contract import AdapterSettings

    file = tmp_path / "mlbroker.toml"
    file.write_text(text)
    settings = load_settings(str(file))
    for name in settings.providers:
        given = {key: each for key, each in settings.section(name, None).items() if key != "profile"}
        AdapterSettings.model_validate(given)


def test_links_between_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text("utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_first_screen_names_exactly_two_commands() -> None:
    (block,) = re.findall(r"```\n(make .*?)```", README, re.DOTALL)
    assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make demo", "make test"]
    assert README.index(block) < 1200


def test_every_dependency_has_both_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [
        *project["project"]["dependencies"],
        *(each for group in project["project"]["optional-dependencies"].values() for each in group),
        *(each for group in project["dependency-groups"].values() for each in group),
    ]
    for each in named:
        if not each.startswith("mlbroker["):
            assert ">=" in each, each
            assert "<" in each, each


def test_every_adapter_of_ours_has_its_extra() -> None:
    from broker.config import Settings
    from broker.registry import Registry

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    registry = Registry(Settings())
    for name in ("aws", "gcp", "azure", "local"):
        extra = registry.manifest(name).extra
        assert extra.removeprefix("mlbroker[").removesuffix("]") in extras, f"{name}: {extra}"
