"""Prices: a dated book, quantity rules and the cost of a call. Decimal throughout; unknown is never 0."""

from __future__ import annotations

from broker.pricing.bill import Bill, BillLine
from broker.pricing.book import PriceBook
from broker.pricing.cost import Charge, charge
from broker.pricing.quantity import billing_units

__all__ = ["Bill", "BillLine", "Charge", "PriceBook", "billing_units", "charge"]
