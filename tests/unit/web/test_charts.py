"""Pictures of the console: what stands beside them fits and says what it means."""

import re

import pytest

from backend.console.charts import stacked


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (3, ["0", "1", "2", "3", "4"]),
        (752, ["0", "188", "376", "564", "752"]),
        (1_504, ["0", "376", "752", "1,128", "1,504"]),
        (48_000, ["0", "12k", "24k", "36k", "48k"]),
        (2_000_000, ["0", "500k", "1M", "1.5M", "2M"]),
    ],
)
def test_an_axis_of_counts_is_read_at_a_glance(most: int, shown: list[str]) -> None:
    """`1.5e+03` was cut off on the left, and looked like 5,000."""
    picture = stacked([("now", {"routine": most})], title="t", said="s")
    assert re.findall(r'class="c-text c-end"[^>]*>([^<]+)<', picture) == shown
    assert max(map(len, shown)) <= 6
