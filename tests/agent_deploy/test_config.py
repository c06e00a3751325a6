"""Settings: flag over variable over file over default; every mistake is one line naming file and key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.config import Config, EvalSettings, load_config
from agent_deploy.errors import BadConfig
from tests.agent_deploy.conftest import AgentDeploy

_FULL = """\
database = "sqlite:///state/registry.db"
store = "state"
default_environment = "staging"
[environments.staging]
[environments.production]
[workflows.support-triage]
source = "workflows/triage"
"""


def _load(here: Path, text: str | None = None, environ: dict[str, str] | None = None, **flags: Any) -> Config:
    if text is not None:
        (here / "agent-deploy.toml").write_text(text)
    return load_config(environ=environ or {}, cwd=here, **flags)


def test_without_a_file_everything_lies_in_the_working_directory(here: Path) -> None:
    assert _load(here) == Config(
        database=f"sqlite:///{here}/.agent-deploy/registry.db", store=f"{here}/.agent-deploy",
        default_environment="production", environments=(), sources={}, file=None, state=here / ".agent-deploy",
    )  # fmt: skip


def test_an_empty_file_says_the_same_from_its_own_folder(here: Path) -> None:
    (here / "below" / "further").mkdir(parents=True)
    (here / "agent-deploy.toml").write_text("")
    assert load_config(environ={}, cwd=here / "below" / "further") == Config(
        database=f"sqlite:///{here}/.agent-deploy/registry.db", store=f"{here}/.agent-deploy",
        file=here / "agent-deploy.toml", state=here / ".agent-deploy",
    )  # fmt: skip


def test_the_file_is_found_upward_and_its_paths_are_relative_to_it(here: Path) -> None:
    (here / "below").mkdir()
    (here / "agent-deploy.toml").write_text(_FULL)
    assert load_config(environ={}, cwd=here / "below") == Config(
        database=f"sqlite:///{here}/state/registry.db", store=f"{here}/state", default_environment="staging",
        environments=("production", "staging"), sources={"support-triage": here / "workflows/triage"},
        file=here / "agent-deploy.toml", state=here / ".agent-deploy",
        evals={"support-triage": EvalSettings(folder=here)},
    )  # fmt: skip


_EVALS = """prices = "prices.toml"
[workflows.support-triage]
cases = "evals/triage.yaml"
agent = "triage.agent:answer"
[workflows.support-triage.eval]
repeats = 3
timeout_s = 2.5
max_cost_usd = 1.10
"""


def test_how_a_workflow_is_evaluated_has_a_default_for_every_key(here: Path) -> None:
    config = _load(here, _EVALS)
    assert config.eval_settings("support-triage") == EvalSettings(
        folder=here, cases=here / "evals/triage.yaml", agent="triage.agent:answer", repeats=3, timeout_s=2.5,
        max_cost_usd=Decimal("1.1"),
    )  # fmt: skip
    assert config.eval_settings("other") == EvalSettings(folder=here)
    assert config.prices == here / "prices.toml"


_GATES = """[environments.production.gate]
min_pass_rate = 0.9
max_regression = 0.05
[workflows.support-triage.environments.production.gate]
min_pass_rate = 0.95
"""


def test_a_workflows_own_gate_goes_key_by_key_over_the_environments(here: Path) -> None:
    config = _load(here, _GATES)
    assert config.gate_table("support-triage", "production") == {"min_pass_rate": 0.95, "max_regression": 0.05}
    assert config.gate_table("other", "production") == {"min_pass_rate": 0.9, "max_regression": 0.05}
    assert config.gate_table("support-triage", "staging") == {}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[workflows.a.eval]\nrepeats = 0", "'workflows.a.eval.repeats' must be more than 0, not 0"),
        ("[workflows.a.eval]\nrepeats = true", "'workflows.a.eval.repeats' must be a whole number, not True"),
        ("[workflows.a.eval]\nrepeat = 3", "unknown key 'workflows.a.eval.repeat'; did you mean 'repeats'?"),
        ("[environments.production.gate]\nmin_passrate = 1",
         "unknown key 'environments.production.gate.min_passrate'; did you mean 'min_pass_rate'?"),
        ("[workflows.a.environments.Prod.gate]",
         "[workflows.a.environments.Prod]: 'Prod' is not an environment name: lower-case letters, digits and dashes, "
         "a letter first, 63 at most"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_eval_or_gate_table_names_its_key(here: Path, line: str, fault: str) -> None:
    with pytest.raises(BadConfig) as refused:
        _load(here, line)
    assert refused.value.message == f"{here / 'agent-deploy.toml'}: {fault}"


def test_the_nearest_file_wins(here: Path) -> None:
    (here / "below").mkdir()
    (here / "agent-deploy.toml").write_text(_FULL)
    (here / "below" / "agent-deploy.toml").write_text("")
    assert load_config(environ={}, cwd=here / "below").file == here / "below" / "agent-deploy.toml"


def test_a_file_can_be_named_by_flag_or_variable_and_the_flag_wins(here: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (here / name).write_text("")
    environ = {"AGENT_DEPLOY_CONFIG": "a.toml"}
    assert _load(here, _FULL, environ).file == here / "a.toml"
    assert _load(here, _FULL, environ, file="b.toml").file == here / "b.toml"
    with pytest.raises(BadConfig) as refused:
        _load(here, file="c.toml")
    assert (refused.value.message, refused.value.next_command) == (
        "there is no configuration file c.toml",
        "agent-deploy init",
    )


@pytest.mark.parametrize(
    ("flag", "variable", "file", "expected"),
    [
        (None, None, None, "default"),
        (None, None, "file", "file"),
        (None, "variable", "file", "variable"),
        ("flag", "variable", "file", "flag"),
        ("flag", None, None, "flag"),
        (None, "", "file", "file"),
    ],
)
def test_flag_beats_variable_beats_file_beats_default(
    here: Path, flag: str | None, variable: str | None, file: str | None, expected: str
) -> None:
    folder = {"default": ".agent-deploy"}.get(expected, expected)
    text = f'database = "sqlite:///{file}/registry.db"\nstore = "{file}"\n' if file else ""
    environ = {}
    if variable is not None:
        environ = {"AGENT_DEPLOY_DATABASE": f"sqlite:///{variable}/registry.db", "AGENT_DEPLOY_STORE": variable}
        environ = environ if variable else {"AGENT_DEPLOY_DATABASE": "", "AGENT_DEPLOY_STORE": ""}
    config = _load(here, text, environ, database=flag and f"sqlite:///{flag}/registry.db", store=flag)
    assert (config.database, config.store) == (f"sqlite:///{here}/{folder}/registry.db", f"{here}/{folder}")


def test_the_default_environment_comes_from_variable_file_or_default(here: Path) -> None:
    assert _load(here).default_environment == "production"
    assert _load(here, 'default_environment = "staging"').default_environment == "staging"
    environ = {"AGENT_DEPLOY_ENVIRONMENT": "canary"}
    assert _load(here, 'default_environment = "staging"', environ).default_environment == "canary"


def test_paths_that_a_flag_or_variable_gives_are_relative_to_the_working_directory(here: Path) -> None:
    (here / "below").mkdir()
    (here / "agent-deploy.toml").write_text(_FULL)
    environ = {"AGENT_DEPLOY_DATABASE": "sqlite:///mine.db"}
    config = load_config(environ=environ, cwd=here / "below", store="mine")
    assert (config.database, config.store) == (f"sqlite:///{here}/below/mine.db", f"{here}/below/mine")


@pytest.mark.parametrize(
    ("database", "store"),
    [
        ("postgresql://ann@db/registry", "s3://bucket/prefix"),
        ("sqlite:////srv/registry.db", "/srv/store"),
        ("sqlite:////srv/registry.db", "file:///srv/store"),
    ],
)
def test_urls_and_absolute_paths_stay_as_they_are(here: Path, database: str, store: str) -> None:
    config = _load(here, f'database = "{database}"\nstore = "{store}"\n')
    assert (config.database, config.store) == (database, store)


_NO_ENVIRONMENT = "is not an environment name: lower-case letters, digits and dashes, a letter first, 63 at most"
_NO_WORKFLOW = "is not a workflow name: lower-case letters, digits and dashes, 63 at most"
MISTAKES = [
    ('databse = "x"', "unknown key 'databse'; did you mean 'database'?"),
    ("zebra = 1", "unknown key 'zebra'"),
    ("database = 5", "'database' must be text in quotes, not 5"),
    ("store = true", "'store' must be text in quotes, not True"),
    ("default_environment = []", "'default_environment' must be text in quotes, not []"),
    ('default_environment = "Prod"', f"'default_environment': 'Prod' {_NO_ENVIRONMENT}"),
    ('environments = ["staging"]', "'environments' must be tables, [environments.<name>], not ['staging']"),
    ("[environments]\nstaging = 1", "'environments.staging' must be a table, [environments.staging], not 1"),
    ("[environments.Prod]", f"[environments.Prod]: 'Prod' {_NO_ENVIRONMENT}"),
    ("[environments.staging]\ncolour = 1", "unknown key 'environments.staging.colour'"),
    ("[workflows.Triage]", f"[workflows.Triage]: 'Triage' {_NO_WORKFLOW}"),
    ('[workflows.triage]\nsorce = "x"', "unknown key 'workflows.triage.sorce'; did you mean 'source'?"),
    ("[workflows.triage]\nsource = 1", "'workflows.triage.source' must be text in quotes, not 1"),
    ("database = \n", "not TOML: Invalid value (at line 1, column 12)"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_mistake_in_the_file_is_named_with_file_and_key(here: Path, text: str, message: str) -> None:
    with pytest.raises(BadConfig) as refused:
        _load(here, text)
    assert refused.value.message == f"{here}/agent-deploy.toml: {message}"


def test_a_file_that_is_not_text_is_refused(here: Path) -> None:
    (here / "agent-deploy.toml").write_bytes(b"\xff")
    with pytest.raises(BadConfig, match=r"agent-deploy\.toml: not TOML: 'utf-8' codec"):
        _load(here)


def test_a_mistake_in_a_variable_or_flag_is_not_laid_on_the_file(here: Path) -> None:
    with pytest.raises(BadConfig) as refused:
        _load(here, _FULL, {"AGENT_DEPLOY_ENVIRONMENT": "Prod"})
    assert refused.value.message == f"AGENT_DEPLOY_ENVIRONMENT: 'Prod' {_NO_ENVIRONMENT}"
    with pytest.raises(BadConfig) as refused:
        _load(here, _FULL, database="registry.db")
    assert refused.value.message == "database 'registry.db' is not a URL; for a file write sqlite:///registry.db"
    with pytest.raises(BadConfig) as refused:
        _load(here, _FULL, store="s3:///prefix")
    assert refused.value.message == "store 's3:///prefix' names no bucket: s3://bucket/prefix"


def test_an_environment_is_checked_against_those_that_the_file_names(here: Path) -> None:
    config = _load(here, _FULL.replace('default_environment = "staging"', 'default_environment = "canary"'))
    assert [config.check_environment(name) for name in ("staging", "production", "canary")] == [
        "staging",
        "production",
        "canary",
    ]
    with pytest.raises(BadConfig) as refused:
        config.check_environment("stagin")
    assert refused.value.message == (
        f"environment 'stagin' is not in {here}/agent-deploy.toml; did you mean 'staging'? "
        "(there: canary, production, staging)"
    )
    assert refused.value.next_command == f"add [environments.stagin] to {here}/agent-deploy.toml"
    assert _load(here, "").check_environment("anything") == "anything"


def test_commands_obey_the_configuration(here: Path, agent_deploy: AgentDeploy) -> None:
    agent_deploy("init")
    text = (here / "agent-deploy.toml").read_text()
    (here / "agent-deploy.toml").write_text(
        text.replace(".agent-deploy", "state").replace('"production"', '"staging"')
    )  # where no gate is
    agent_deploy("register", "support-triage")
    assert agent_deploy("promote", "support-triage", "--version", "1", "--json").document["environment"] == "staging"
    assert (here / "state/live/staging/support-triage.json").is_file()
    assert (here / "state/registry.db").is_file()
    assert not (here / ".agent-deploy").exists()
