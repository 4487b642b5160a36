"""The 26 combinations of AUs that act on each other, in the order of Appendix J.2 of the paper."""

from __future__ import annotations

COMBINATIONS: tuple[tuple[int, ...], ...] = (
    (6, 12, 15, 17),
    (6, 12, 17, 23),
    (1, 2, 4),
    (10, 15, 17),
    (6, 7, 12),
    (6, 12, 15),
    (12, 15, 17),
    (12, 17, 23),
    (10, 17, 23),
    (1, 4),
    (1, 2),
    (10, 15),
    (10, 17),
    (15, 17),
    (10, 14),
    (14, 17),
    (6, 12),
    (7, 12),
    (12, 17),
    (12, 15),
    (12, 23),
    (12, 24),
    (14, 23),
    (17, 23),
    (17, 24),
    (15, 23),
)
