"""What eval and calibrate share: a version and an eval set made ready to be tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.client.bundle import Bundle, content_of
from agent_deploy.config import Config, EvalSettings
from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import EvalSet
from agent_deploy.evals.running.progress import Progress
from agent_deploy.evals.runs import RunStarted
from registry.content import read_files
from registry.errors import BadInput
from registry.models import Version
from registry.registry import Registry

if TYPE_CHECKING:
    from agent_deploy.costs.prices import Prices
    from agent_deploy.evals.ports import Agent
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.providers.cache import ResponseCache
    from agent_deploy.evals.scorers.assembly import CaseScorers

# Where a run comes from, when it asks an agent.
EVAL, CALIBRATE = "eval", "calibrate"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; None where it leaves it to the configuration."""

    cases: str | None = None
    agent: str | None = None
    repeats: int | None = None
    concurrency: int | None = None
    max_cost_usd: Decimal | None = None
    cache: bool | None = None

    def over(self, settings: EvalSettings) -> EvalSettings:
        """The settings with what is asked for in place of theirs."""
        names = ("agent", "repeats", "concurrency", "max_cost_usd", "cache")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return replace(settings, **given)


@dataclass(frozen=True, slots=True)
class Talk:
    """Where a run talks to whoever waits for it. say: a line, before it begins. watch: how far it is."""

    say: Callable[[str], None] = lambda _: None
    watch: Callable[[Progress], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Trial:
    """A version about to be tried on a set. set_folder: what the scorers' files are relative to."""

    version: Version
    eval_set: EvalSet
    set_folder: Path
    settings: EvalSettings
    started: RunStarted


@dataclass(frozen=True, slots=True)
class Tools:
    """What a trial is carried out with, open; `close` ends its processes and connections."""

    agent: Agent
    scorers: CaseScorers
    prices: Prices
    providers: Providers
    cache: ResponseCache | None

    async def close(self) -> None:
        """May be called more than once."""
        await self.agent.close()
        await self.providers.close()


def is_own_agent(config: Config, workflow: str, agent: str) -> bool:
    """Whether it is the agent that the configuration names for the workflow; any is where it names none."""
    named = config.document.get("workflows", {}).get(workflow, {}).get("agent")
    return named in (None, agent)


def find_cases(config: Config, workflow: str, cases: str | None) -> tuple[Path, str, bool]:
    """The path of the eval set, its name for people, and whether it is the one on record for the workflow.

    cases: as typed, relative to the working directory; None for the configuration's. Raises BadInput without either.
    """
    settings = config.eval_settings(workflow)
    if cases is not None:
        return Path(cases), cases, settings.cases is None or settings.cases.resolve() == Path(cases).resolve()
    if settings.cases is None:
        where = config.file or "agent-deploy.toml"
        raise BadInput(
            f"there is no eval set for {workflow}: {where} names no 'cases' under [workflows.{workflow}]",
            next_command=f"agent-deploy eval {workflow}@1 --cases evals/{workflow}.yaml",
        )
    return settings.cases, _relative(settings.cases, settings.folder), True


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def bundle_of(registry: Registry, version: Version, environment: str) -> Bundle:
    """The version as applications are served it, every byte checked. Raises Damaged."""
    config, files = read_files(registry.store, version)
    content = content_of(version.digest, config, files)
    return Bundle(version.workflow, environment, 0, version.number, version.tag, version.digest, "store", content)


async def open_tools(registry: Registry, config: Config, trial: Trial) -> Tools:
    """Agent, scorers and prices. Raises BadInput for what is wrong with any of them: before anything is spent."""
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.evals.agents import open_agent
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.providers.cache import ResponseCache
    from agent_deploy.evals.scorers.assembly import scorers_for

    settings = trial.settings
    bundle = bundle_of(registry, trial.version, trial.started.environment)
    prices, providers = open_prices(config.prices), Providers()
    cache = ResponseCache(config.state / "responses") if settings.cache else None
    scorers = scorers_for(
        trial.eval_set, output_schema=bundle.output_schema, providers=providers.get, folder=trial.set_folder,
        modules=settings.folder,
    )  # fmt: skip
    if settings.max_cost_usd is not None and settings.agent.partition(":")[0] == "bundle":
        _check_priced(bundle, prices, trial.started.started_at)
    agent = await open_agent(
        settings.agent, bundle, timeout_s=settings.timeout_s, concurrency=settings.concurrency, folder=settings.folder,
        memory_limit_mb=settings.memory_limit_mb, providers=providers, cache=cache,
    )  # fmt: skip
    return Tools(agent, scorers, prices, providers, cache)


def _check_priced(bundle: Bundle, prices: Prices, at: datetime) -> None:
    from agent_deploy.evals.agents.protocol import main_model

    provider, model = main_model(bundle)
    if prices.price(ModelCall(provider, model, Usage(input=1, output=1)), at) is None:
        raise BadInput(
            f"model {provider}/{model} has no price: --max-cost-usd could not hold",
            unchanged="Nothing was asked.",
            next_command="add a [[price]] for it to the file that `prices` names in agent-deploy.toml",
        )
