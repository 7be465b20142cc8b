"""Bedrock's and Kendra's filters as their documentation reads, evaluated plainly; nothing of the adapter is used."""

from __future__ import annotations

from typing import Any

ORDER: dict[str, Any] = {
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanOrEquals": lambda a, b: a >= b,
    "LessThan": lambda a, b: a < b,
    "LessThanOrEquals": lambda a, b: a <= b,
}


def one_of(tree: dict[str, Any]) -> tuple[str, Any]:
    """The only member of a union."""
    ((name, value),) = tree.items()
    return name, value


def same(a: Any, b: Any) -> bool:
    """JSON's equality: a number is no truth value and no text."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    numbers = isinstance(a, (int, float)), isinstance(b, (int, float))
    return a == b if numbers[0] == numbers[1] else False


def retrieval_holds(tree: dict[str, Any], attributes: dict[str, Any]) -> bool:
    """Of Bedrock: ``attributes`` as JSON values by name."""
    operator, said = one_of(tree)
    if operator in ("andAll", "orAll"):
        assert len(said) >= 2
        return (all if operator == "andAll" else any)(retrieval_holds(each, attributes) for each in said)
    key, value = said["key"], said["value"]
    assert set(said) == {"key", "value"}
    assert 1 <= len(key) <= 100
    found = attributes.get(key)
    if operator == "notEquals":
        return found is None or not same(found, value)
    if found is None:
        return False
    if operator == "equals":
        return same(found, value)
    if operator == "in":
        return any(same(found, each) for each in value)
    if operator == "listContains":
        return isinstance(found, list) and value in found
    plain = (
        not isinstance(found, bool) and isinstance(found, (int, float)) and isinstance(value, (int, float))
    )
    return plain and ORDER[operator[0].upper() + operator[1:]](found, value)


def kendra_layers(tree: dict[str, Any]) -> int:
    """Lists within lists."""
    operator, said = one_of(tree)
    if operator in ("AndAllFilters", "OrAllFilters"):
        assert 1 <= len(said) <= 10
        return 1 + max(kendra_layers(each) for each in said)
    return kendra_layers(said) if operator == "NotFilter" else 0


def kendra_holds(tree: dict[str, Any], attributes: dict[str, dict[str, Any]]) -> bool:
    """Of Kendra: ``attributes`` as values of its union (``{"LongValue": 3}``) by name."""
    operator, said = one_of(tree)
    if operator == "AndAllFilters":
        return all(kendra_holds(each, attributes) for each in said)
    if operator == "OrAllFilters":
        return any(kendra_holds(each, attributes) for each in said)
    if operator == "NotFilter":
        return not kendra_holds(said, attributes)
    kind, value = one_of(said["Value"])
    found = attributes.get(said["Key"], {}).get(kind)
    if found is None:
        return False
    if operator == "EqualsTo":
        return bool(found == value)
    if operator == "ContainsAny":
        assert kind == "StringListValue"
        return bool(set(found) & set(value))
    assert kind in ("LongValue", "DateValue"), "texts have no order"
    return bool(ORDER[operator](found, value))
