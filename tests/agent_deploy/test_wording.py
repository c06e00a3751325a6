"""How values and figures read in one line."""

from __future__ import annotations

from decimal import Decimal

from agent_deploy.wording import change, milliseconds, p_value, percent, shown, usd


def test_values_are_shown_on_one_line_of_bounded_length() -> None:
    assert [shown(value, 10) for value in (None, "", "a\nb\x1b", {"a": 1}, "x" * 11, " " * 50)] == [
        "-", "(empty)", "a b", '{"a": 1}', "x" * 9 + "…", "…",
    ]  # fmt: skip


def test_figures_are_told_with_as_many_digits_as_say_something() -> None:
    assert [usd(amount) for amount in (None, Decimal(0), Decimal("0.031249"), Decimal("0.00012"), Decimal(12))] == [
        "unknown", "$0.0000", "$0.0312", "$0.00012", "$12.0000",
    ]  # fmt: skip
    assert [milliseconds(value) for value in (None, 1234.5, 10, 9.96, 0.1234)] == [
        "unknown", "1,234 ms", "10 ms", "10 ms", "0.12 ms",
    ]  # fmt: skip
    assert [percent(0.9333), percent(1)] == ["93.3 %", "100.0 %"]
    assert [change(2, 3), change(None, 3), change(0, 3), change(4, 3)] == ["+50 %", "", "", "-25 %"]
    assert [p_value(0.0003), p_value(0.0312)] == ["p < 0.001", "p = 0.031"]
