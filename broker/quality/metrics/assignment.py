"""Who belongs to whom at the least cost: the assignment problem, by the Hungarian method (Kuhn; Munkres)."""

from __future__ import annotations

from collections.abc import Sequence


def cheapest_assignment(costs: Sequence[Sequence[float]]) -> list[int]:
    """For each row the column it gets, all different, so that the sum of costs is least.

    Rows are not more than columns; costs may be of any sign. Time: rows^2 times columns. Of several cheapest ones it
    is always the same.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if rows > columns:
        raise ValueError("there are more rows than columns to give out")
    # Dual prices of rows and columns; taken[j]: the row that has column j. Index 0 is a helping row and column.
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    taken, before = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        taken[0], column = row, 0
        slack, seen = [float("inf")] * (columns + 1), [False] * (columns + 1)
        while taken[column]:
            seen[column] = True
            current, step, nearest = taken[column], float("inf"), 0
            for j in range(1, columns + 1):
                if not seen[j]:
                    left = costs[current - 1][j - 1] - row_price[current] - column_price[j]
                    if left < slack[j]:
                        slack[j], before[j] = left, column
                    if slack[j] < step:
                        step, nearest = slack[j], j
            for j in range(columns + 1):
                if seen[j]:
                    row_price[taken[j]] += step
                    column_price[j] -= step
                else:
                    slack[j] -= step
            column = nearest
        while column:
            taken[column] = taken[before[column]]
            column = before[column]
    found = [0] * rows
    for j in range(1, columns + 1):
        if taken[j]:
            found[taken[j] - 1] = j - 1
    return found
