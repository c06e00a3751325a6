"""How a person names a version, and what is no name for one."""

from __future__ import annotations

import pytest

from registry.errors import BadInput
from registry.names import check_environment, check_workflow, is_environment, nearest
from registry.refs import Ref, parse_ref

_HEX = "ab12cd34" * 8

REFS = [
    ("support-triage@42", Ref("support-triage", "number", "42")),
    ("support-triage@1.4.0", Ref("support-triage", "tag", "1.4.0")),
    ("support-triage@2.0.0-rc.1", Ref("support-triage", "tag", "2.0.0-rc.1")),
    ("support-triage@1.0.0+build.7", Ref("support-triage", "tag", "1.0.0+build.7")),
    ("support-triage@sha256:ab12cd34", Ref("support-triage", "digest", "sha256:ab12cd34")),
    (f"support-triage@sha256:{_HEX}", Ref("support-triage", "digest", f"sha256:{_HEX}")),
    ("support-triage@production", Ref("support-triage", "environment", "production")),
    ("9@eu-west-1", Ref("9", "environment", "eu-west-1")),
]


@pytest.mark.parametrize(("text", "ref"), REFS, ids=[text[:32] for text, _ in REFS])
def test_a_ref_is_a_workflow_and_a_number_tag_digest_or_environment(text: str, ref: Ref) -> None:
    assert parse_ref(text) == ref
    assert parse_ref(text, ref.workflow) == ref
    assert parse_ref(ref.value, ref.workflow) == ref
    assert str(ref) == text


_NO_VERSION = "is no version: give a number (42), a tag (1.4.0), sha256:… or an environment"
_NO_WORKFLOW = "is not a workflow name: lower-case letters, digits and dashes, 63 at most"

REFUSED = [
    ("support-triage", None,
     "'support-triage' names no version: write workflow@version, like support-triage@3, support-triage@1.2.0 "
     "or support-triage@production"),
    ("support-triage@", None, f"'support-triage@' {_NO_VERSION}"),
    ("support-triage@-1", None, f"'support-triage@-1' {_NO_VERSION}"),
    ("support-triage@1.4", None, f"'support-triage@1.4' {_NO_VERSION}"),
    ("support-triage@v1.4.0", None, f"'support-triage@v1.4.0' {_NO_VERSION}"),
    ("support-triage@Production", None, f"'support-triage@Production' {_NO_VERSION}"),
    ("support-triage@٤٢", None, f"'support-triage@٤٢' {_NO_VERSION}"),
    ("support-triage@" + "9" * 5000, None, f"'support-triage@{'9' * 5000}' {_NO_VERSION}"),
    ("support-triage@sha256:ab12cd3", None, "'support-triage@sha256:ab12cd3': give 8 to 64 hex digits of the digest"),
    (f"w@sha256:{_HEX}0", None, f"'w@sha256:{_HEX}0': give 8 to 64 hex digits of the digest"),
    ("w@sha256:AB12CD34", None, f"'w@sha256:AB12CD34' {_NO_VERSION}"),
    ("@1", None, f"'' {_NO_WORKFLOW}"),
    ("a@b@1", None, f"'a@b' {_NO_WORKFLOW}"),
    ("Support@1", None, f"'Support' {_NO_WORKFLOW}"),
    ("other@1", "support-triage", "'other@1' is a version of 'other', not of 'support-triage'"),
    ("", "support-triage", f"'' {_NO_VERSION}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "workflow", "message"), REFUSED, ids=[text[:32] for text, *_ in REFUSED])
def test_what_is_no_ref_is_refused_with_the_forms_there_are(text: str, workflow: str | None, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_ref(text, workflow)
    assert refused.value.message == message


@pytest.mark.parametrize("name", ["a", "9", "support-triage", "a-", "x" * 63])
def test_a_workflow_name_is_lower_case_letters_digits_and_dashes(name: str) -> None:
    assert check_workflow(name) == name


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a.b", "a/b", "..", "a b", "é", "a\n", "x" * 64])
def test_anything_else_is_no_workflow_name(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_workflow(name)
    assert refused.value.message == f"{name!r} {_NO_WORKFLOW}"


@pytest.mark.parametrize("name", ["production", "eu-west-1", "x" * 63])
def test_an_environment_name_starts_with_a_letter(name: str) -> None:
    assert check_environment(name) == name


@pytest.mark.parametrize("name", ["", "1st", "-a", "Production", "a_b", "a/b", "sha256:ab", "1.0.0", "a\n", "x" * 64])
def test_anything_else_is_no_environment_name_so_that_refs_are_never_ambiguous(name: str) -> None:
    assert not is_environment(name)
    with pytest.raises(BadInput) as refused:
        check_environment(name)
    rule = "is not an environment name: lower-case letters, digits and dashes, a letter first, 63 at most"
    assert refused.value.message == f"{name!r} {rule}"


def test_the_nearest_name_is_offered_only_when_it_is_near() -> None:
    assert nearest("prodution", ["staging", "production"]) == "; did you mean 'production'?"
    assert nearest("zebra", ["staging", "production"]) == ""
    assert nearest("zebra", []) == ""
