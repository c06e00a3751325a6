"""Reading a bundle folder: which files it may hold, and that they are read verbatim."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import BadInput
from registry.source import MAX_BUNDLE_BYTES, MAX_FILE_BYTES, Source, check_source, read_source
from tests.registry.sources import PROMPT, TOML, refusal, write

_NOT_PLAIN = "is not a plain relative path inside the bundle folder"

FULL = (
    TOML
    + """\
temperature = 0.5
[tools]
lookup = "tools/lookup.json"
[inputs]
query = "the customer's message"
[output]
schema = "schemas/triage.json"
[metadata]
owner = "support"
"""
)


def test_a_whole_bundle_is_read_as_it_stands(tmp_path: Path) -> None:
    files = {
        "system.md": "Answer \r\n{{ query }}\t\n",
        "tools/lookup.json": '{ "type":"object" }',
        "schemas/triage.json": "{}",
    }
    source = read_source(write(tmp_path, FULL, files))
    assert source == Source(
        config={
            "workflow": "support-triage",
            "prompts": {"system": "system.md"},
            "models": {"default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.5}},
            "tools": {"lookup": "tools/lookup.json"},
            "inputs": {"query": "the customer's message"},
            "output": {"schema": "schemas/triage.json"},
            "metadata": {"owner": "support"},
        },
        files={path: text.encode() for path, text in files.items()},
    )
    assert source.variables == {"query"}


def test_files_that_the_config_does_not_name_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, files={"README.md": b"\xff not text", ".git/config": "x"})
    assert list(read_source(tmp_path).files) == ["system.md"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("sistem.md", "there is no file 'sistem.md'; did you mean 'system.md'?"),
        ("nowhere/at/all", "there is no file 'nowhere/at/all'"),
        ("system.md/x", "there is no file 'system.md/x'; did you mean 'system.md'?"),
        ("folder", "'folder' is not a file"),
        ("pipe", "'pipe' is not a file"),
        ("link.md", "'link.md' goes through a symbolic link; a bundle holds its own files"),
        ("dangling.md", "'dangling.md' goes through a symbolic link; a bundle holds its own files"),
        ("linked/x.md", "'linked/x.md' goes through a symbolic link; a bundle holds its own files"),
        ("../outside.md", f"'../outside.md' {_NOT_PLAIN}"),
        ("folder/../system.md", f"'folder/../system.md' {_NOT_PLAIN}"),
        ("/etc/hostname", f"'/etc/hostname' {_NOT_PLAIN}"),
        ("./system.md", f"'./system.md' {_NOT_PLAIN}"),
        ("system.md/", f"'system.md/' {_NOT_PLAIN}"),
        ("a//b", f"'a//b' {_NOT_PLAIN}"),
        ("", f"'' {_NOT_PLAIN}"),
        (".", f"'.' {_NOT_PLAIN}"),
        ("bundle.toml", f"'bundle.toml' {_NOT_PLAIN}"),
        ("a\\b.md", f"'a\\\\b.md' {_NOT_PLAIN}"),
        ("a\0b.md", f"'a\\x00b.md' {_NOT_PLAIN}"),
        ("a\u202eb.md", f"'a\\u202eb.md' {_NOT_PLAIN}"),
        ("x" * 300, "'xxxxxxxxxxxx...xxxxxxxxxxxxx' cannot be read: File name too long"),
    ],
)  # fmt: skip
def test_a_prompt_is_a_plain_file_of_the_bundle_itself(tmp_path: Path, path: str, reason: str) -> None:
    folder = write(tmp_path / "bundle", tomli_w.dumps({"workflow": "support-triage", "prompts": {"system": path}}))
    (tmp_path / "outside.md").write_text("secret of another team")
    (folder / "folder").mkdir()
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    (folder / "dangling.md").symlink_to("gone.md")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with (folder / "bundle.toml").open("a") as toml:
        toml.write('[models.default]\nprovider = "openai"\nname = "gpt-5-mini"\n')
    allowed = {"allow_invisible": True}
    assert refusal(folder, **allowed) == f"bundle.toml:4: prompts.system: {reason}"


@pytest.mark.parametrize(("table", "key"), [("tools", "tools.x"), ("output", "output.schema")])
def test_tools_and_output_are_held_to_the_same_rule(tmp_path: Path, table: str, key: str) -> None:
    toml = f'{TOML}[{table}]\n{key.partition(".")[2]} = "../x.json"\n'
    reason = f"'../x.json' {_NOT_PLAIN}"
    assert refusal(write(tmp_path, toml)) == f"bundle.toml:8: {key}: {reason}"


def test_a_folder_that_is_none_is_told_apart_from_one_without_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "missing") == f"{tmp_path}/missing is not a folder"
    assert refusal(tmp_path / "file") == f"{tmp_path}/file is not a folder"
    assert refusal(tmp_path) == f"{tmp_path} holds no bundle.toml"


def test_the_bundle_toml_itself_is_no_link(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "bundle.toml").rename(tmp_path / "real.toml")
    (tmp_path / "bundle.toml").symlink_to("real.toml")
    assert refusal(tmp_path) == f"{tmp_path}/bundle.toml is a symbolic link; a bundle holds its own files"


def test_a_file_of_four_mebibytes_is_the_largest(tmp_path: Path) -> None:
    write(tmp_path, files={"system.md": b"x" * MAX_FILE_BYTES})
    assert len(read_source(tmp_path, allow_secret=True).files["system.md"]) == 4_194_304
    write(tmp_path, files={"system.md": b"x" * (MAX_FILE_BYTES + 1)})
    assert refusal(tmp_path) == "system.md is 4,194,305 bytes; 4,194,304 is the most for one file"


def test_a_bundle_toml_of_more_than_four_mebibytes_is_refused_unread(tmp_path: Path) -> None:
    write(tmp_path, b"\xff" * (MAX_FILE_BYTES + 1))
    assert refusal(tmp_path) == "bundle.toml is 4,194,305 bytes; 4,194,304 is the most for one file"


@pytest.mark.slow
def test_a_bundle_of_thirty_two_mebibytes_is_the_largest(tmp_path: Path) -> None:
    paths = {f"p{number}": f"{number}.md" for number in range(9)}
    toml = tomli_w.dumps(
        {"workflow": "big", "prompts": paths, "models": {"default": {"provider": "openai", "name": "m"}}}
    )
    files: dict[str, str | bytes] = {f"{number}.md": b"x" * (MAX_BUNDLE_BYTES // 8) for number in range(8)}
    write(tmp_path, toml, files | {"8.md": b""})
    assert sum(map(len, read_source(tmp_path, allow_secret=True).files.values())) == 33_554_432
    write(tmp_path, toml, {"8.md": b"x"})
    message = refusal(tmp_path, allow_secret=True)
    assert message == "the bundle's files are 33,554,433 bytes together; 33,554,432 is the most"


def _in_memory(prompts: dict[str, str], files: dict[str, bytes]) -> Source:
    models = {"default": {"provider": "openai", "name": "gpt-5-mini"}}
    return Source({"workflow": "support-triage", "prompts": prompts, "models": models}, files)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_in_memory({"a": "../x"}, {"../x": b""}), f"prompts.a: '../x' {_NOT_PLAIN}"),
        (_in_memory({"a": "a.md"}, {}), "prompts.a: the bundle holds no file 'a.md'"),
        (
            _in_memory({"a": "a.md"}, {"a.md": b"", "../b": b""}),
            "the bundle holds a file '../b' that its config does not name",
        ),
        (_in_memory({"a": "a.md"}, {"a.md": b"\xff"}), "a.md:1: not UTF-8 text (byte 0xff)"),
        (_in_memory({}, {}), "bundle.toml: [prompts] is empty; a bundle needs at least one"),
    ],
    ids=["a path outside", "a file missing", "a file too many", "no text", "no prompt"],
)
def test_a_bundle_from_elsewhere_than_a_folder_keeps_the_same_rules(source: Source, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_source(source)
    assert refused.value.message == message


_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0{}"), max_size=40)
_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bundles(draw: st.DrawFn) -> Source:
    """Any small bundle: odd texts, odd parameters, odd metadata."""
    prompts = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
    parameters = draw(st.dictionaries(_NAMES.map("x_{}".format), _VALUES, max_size=4))
    config = {
        "workflow": draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)),
        "prompts": {name: f"prompts/{number}.md" for number, name in enumerate(prompts)},
        "models": {draw(_NAMES): {"provider": draw(_TEXTS) + "p", "name": draw(_TEXTS) + "n", **parameters}},
        "metadata": draw(st.dictionaries(_TEXTS, _TEXTS, max_size=3)),
    }
    return Source(config, {f"prompts/{number}.md": draw(_TEXTS).encode() for number in range(len(prompts))})


@pytest.mark.slow
@settings(deadline=None)  # the machine may be busy
@given(source=bundles())
def test_whatever_bundle_is_written_out_and_read_again_has_the_same_digest(
    source: Source, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write(tmp_path_factory.mktemp("bundle"), tomli_w.dumps(source.config), dict(source.files))
    again = read_source(folder, allow_invisible=True, allow_secret=True)
    assert (again.digest, again.files) == (source.digest, source.files)


def test_the_prompt_of_these_tests_is_a_good_one(tmp_path: Path) -> None:
    assert read_source(write(tmp_path)).files == {"system.md": PROMPT.encode()}
