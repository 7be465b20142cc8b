"""The shipped price book covers every operation we say we have."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest

from broker.config import load_settings
from broker.contract.manifest import OperationSpec, Support
from broker.pricing.book import STALE_AFTER
from broker.pricing.cost import charge
from broker.pricing.load import PROVIDERS, shipped
from broker.registry import Registry

CELLS = [
    (provider, spec)
    for provider in PROVIDERS
    for spec in Registry(load_settings()).manifest(provider).operations
    if spec.support is Support.YES
]


@pytest.mark.parametrize(("provider", "spec"), CELLS, ids=lambda each: getattr(each, "operation", each))
def test_every_operation_we_offer_has_a_price_or_says_why_not(provider: str, spec: OperationSpec) -> None:
    sku = spec.sku or f"{provider}.{spec.operation}"
    rows = [row for row in shipped().rows() if row.sku == sku]
    assert rows, f"{sku} has no row"
    for row in rows:
        assert row.tiers or row.free or row.unpriced
        if not row.unpriced:
            found = charge(row, Decimal(1))
            assert found.amount is not None
            assert found.upper_bound is not None


def test_at_least_one_operation_of_each_provider_is_held_to_that() -> None:
    assert {provider for provider, _ in CELLS} == set(PROVIDERS)


def test_only_what_is_marked_free_costs_nothing() -> None:
    for row in shipped().rows():
        assert row.unpriced or (charge(row, Decimal(1)).amount == 0) is (row.free is not None), row.id


def test_every_row_names_its_source_and_a_day_it_was_read() -> None:
    for row in shipped().rows():
        assert len(row.source) > 20
        assert row.valid_from <= row.checked_on
        assert row.checked_on < date.max - STALE_AFTER
    assert timedelta(days=90) == STALE_AFTER


def test_manifests_are_read_without_any_vendor_sdk() -> None:
    code = """
import sys
BANNED = ("boto3", "botocore", "google", "grpc", "azure", "onnxruntime", "cv2", "rapidocr")

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BANNED:
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, Refuse())
for name in [each for each in sys.modules if each.partition(".")[0] in BANNED]:
    del sys.modules[name]
from broker.config import load_settings
from broker.registry import Registry
registry = Registry(load_settings())
print(*(registry.manifest(name).provider for name in ("aws", "gcp", "azure", "local")))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["aws", "gcp", "azure", "local"], found.stderr
