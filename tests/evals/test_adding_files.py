"""What happens to the file when a case cannot be put into it: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_deploy.evals import adding
from agent_deploy.evals.adding import add_case
from agent_deploy.evals.adding.naming import Draft
from registry.errors import BadInput, Conflict


def test_a_file_that_somebody_else_wrote_meanwhile_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "set.yaml"
    path.write_text("- input: a\n")
    appended = adding._appended

    def slowly(*words: object) -> str:
        path.write_text("- input: theirs\n")
        return appended(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(adding, "_appended", slowly)
    with pytest.raises(Conflict, match=r"set\.yaml was changed meanwhile"):
        add_case(path, Draft("b"), "set.yaml")
    assert ([p.name for p in tmp_path.iterdir()], path.read_text()) == (["set.yaml"], "- input: theirs\n")


def test_a_text_whose_last_line_end_is_missing_would_change_and_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text("- input: |\n    two")
    with pytest.raises(BadInput) as raised:
        add_case(path, Draft("b"), "set.yaml")
    assert (raised.value.message, raised.value.next_command, path.read_text()) == (
        "set.yaml: the case cannot be added without changing what the file says",
        "write the case by hand, then: agent-deploy evals check set.yaml",
        "- input: |\n    two",
    )
