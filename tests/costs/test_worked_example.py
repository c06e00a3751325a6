"""The worked example of docs/costs.md, worked out."""

from __future__ import annotations

from pathlib import Path

from agent_deploy.costs.drivers import drivers
from agent_deploy.costs.mix import Amounts, Cell, match

_DOC = (Path(__file__).parents[2] / "docs" / "costs.md").read_text(encoding="utf-8")


def _cell(side: str, tenant: str, calls: int, each_usd: float) -> Cell:
    usd = calls * each_usd
    return Cell("to" if side == "to" else "from", "production", tenant, 0, 8, "small", calls,
                Amounts(calls, fresh_usd=usd, paid_usd=usd))  # fmt: skip


def test_the_mix_is_as_the_document_has_it() -> None:
    mix = match(
        [
            _cell("from", "acme", 800, 0.0020), _cell("from", "birch", 200, 0.0100),
            _cell("to", "acme", 200, 0.0018), _cell("to", "birch", 800, 0.0092),
        ]
    )  # fmt: skip
    assert mix.raw_from is not None
    assert mix.raw_to is not None
    raw, fair = (mix.raw_from.cost_usd, mix.raw_to.cost_usd), (mix.from_.cost_usd, mix.to.cost_usd)
    assert f"| as it was | ${raw[0]:.4f} | ${raw[1]:.4f} | {raw[1] / raw[0]:.3f} |" in _DOC
    assert f"| same mix | ${fair[0]:.4f} | ${fair[1]:.4f} | {fair[1] / fair[0]:.3f} |" in _DOC


def test_the_drivers_are_as_the_document_has_them() -> None:
    old = Amounts(1.0, 2000, 400, 0, 100, 0.0016, 0.00004, 0, 0.001)
    new = Amounts(1.2, 2400, 1200, 0, 156, 0.0012, 0.00012, 0, 0.00156)
    for driver in drivers(old, new):
        assert f"| `{driver.name}` | {driver.ratio:.3f} |" in _DOC
    assert f"$0.00264 → $0.00288, ratio {new.cost_usd / old.cost_usd:.3f}" in _DOC
