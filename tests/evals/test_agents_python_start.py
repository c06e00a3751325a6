"""How a Python agent is loaded, started and closed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from agent_deploy.evals.agents import open_agent
from registry.errors import BadInput
from tests.evals.asking import Asking, bundle_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("agents:answer", "agent 'agents:answer' did not start: there is no module 'agents' in {folder}, "
         "and none is installed"),
        ("agent:reply", "agent 'agent:reply' did not start: agent ({folder}/agent.py) has no 'reply'"),
        ("agent:number", "agent 'agent:number' did not start: agent:number is no function but int"),
        ("agent:alone", "agent 'agent:alone' did not start: agent:alone cannot be called as function(bundle, input): "
         "too many positional arguments"),
        ("broken:answer", "agent 'broken:answer' did not start: broken cannot be imported: ZeroDivisionError: "
         "division by zero (broken.py:1 in <module>)"),
        ("lacking:answer", "agent 'lacking:answer' did not start: lacking cannot be imported: "
         "No module named 'no_such_package' (lacking.py:1 in <module>)"),
        ("leaving:answer", "agent 'leaving:answer' did not start: leaving cannot be imported: SystemExit: 3 "
         "(leaving.py:1 in <module>)"),
        ("dying:answer", "agent 'dying:answer' did not start: the agent's process ended (exit code 5: bye)"),
        ("answer", "'answer' is no agent: module:function, 'cmd: words…', 'lines: words…', "
         "an http:// or https:// URL, bundle, or bundle:prompt"),
    ],
)  # fmt: skip
def test_one_that_cannot_be_loaded_is_refused_before_it_is_asked(folder: Path, spec: str, message: str) -> None:
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "lacking.py").write_text("import no_such_package\n")
    (folder / "leaving.py").write_text("raise SystemExit(3)\n")
    (folder / "dying.py").write_text("import os; os.write(2, b'bye\\n'); os._exit(5)\n")
    with pytest.raises(BadInput) as raised:
        Asking(spec, folder).ask("a")
    assert raised.value.message == message.format(folder=folder)


def test_one_that_takes_too_long_to_start_is_refused(folder: Path) -> None:
    (folder / "slow.py").write_text("import time; time.sleep(60)\n")
    with pytest.raises(BadInput) as raised:
        Asking("slow:answer", folder, settings={"start_s": 0.5}).ask("a")
    assert raised.value.message == "agent 'slow:answer' did not start: not ready within 0.5 s"


def test_a_slow_start_is_no_part_of_an_answer_s_time(folder: Path) -> None:
    (folder / "slow.py").write_text("import time; time.sleep(1)\ndef answer(bundle, text): return text\n")
    assert Asking("slow:answer", folder, timeout_s=0.8).outputs("a") == ["a"]


def test_no_module_of_the_folder_stands_in_for_one_of_ours(folder: Path) -> None:
    for name in ("json", "registry", "agent_deploy"):
        (folder / f"{name}.py").write_text("raise RuntimeError\n")
    assert Asking("agent:answer", folder).outputs("a") == ["a"]


def test_a_closed_one_may_be_closed_again(folder: Path) -> None:
    async def close_twice() -> None:
        agent = await open_agent(
            "agent:answer", bundle_of(), timeout_s=1.0, concurrency=1, folder=folder, environ=os.environ
        )
        await agent.close()
        await agent.close()

    asyncio.run(close_twice())
