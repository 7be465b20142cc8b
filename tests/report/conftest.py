"""Reports made of a result by hand, and the page of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_support import DAY, result, samples

from broker.config import load_settings
from broker.contract import Manifest
from broker.maturity.load import checklist, quotas
from broker.registry import Registry
from broker.report.build import build
from broker.report.model import Report


@pytest.fixture(scope="session")
def manifests() -> list[Manifest]:
    registry = Registry(load_settings(None))
    try:
        return [registry.manifest(name) for name in ("aws", "gcp", "azure", "local")]
    finally:
        registry.close()


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> str:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    pillow.effect_noise((320, 240), 60).convert("RGB").save(path)
    return str(path)


@pytest.fixture(scope="session")
def report(manifests: list[Manifest], picture: str) -> Report:
    return build(
        result(),
        manifests,
        checklist(),
        quotas(),
        DAY,
        samples=samples(picture),
        samples_of=300,
        command="mlbroker report",
    )


@pytest.fixture(scope="session")
def page(report: Report) -> str:
    pytest.importorskip("altair", reason="needs the extra report")
    pytest.importorskip("vl_convert", reason="needs the extra report")
    from broker.report.page import html

    return html(report)


@pytest.fixture(scope="session")
def page_file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, "utf-8")
    return path
