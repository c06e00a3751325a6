"""The last known good bundles on disk: shared, bounded, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_deploy.client.last_good import LastGood
from agent_deploy.client.library import Library
from registry.blobs import list_blobs
from registry.models import Pointer
from tests.client.releases import NOON, WORKFLOW, Releases


def keep(last_good: LastGood, library: Library, releases: Releases, *pointers: Pointer) -> None:
    for pointer in pointers:
        for digest in (pointer.digest, *([pointer.revert_to.digest] if pointer.revert_to else [])):
            assert library.keep(library.content(digest))
        assert last_good.keep(pointer)


def digests(last_good: LastGood) -> set[str]:
    return {digest for digest, _ in list_blobs(last_good.store)}


def test_what_no_kept_pointer_needs_is_removed_once_there_is_too_much(releases: Releases, cache: Path) -> None:
    billing = Releases(releases.store, "billing")
    last_good = LastGood(cache, max_bytes=10_000)
    library = Library(releases.store, last_good)
    keep(last_good, library, releases, billing.release(1))
    theirs = digests(last_good)
    keep(last_good, library, releases, releases.release(1), releases.release(2))
    assert len(digests(last_good)) == 3 * 6 - 4  # of the same version, both workflows have the same four files
    for version in range(3, 12):
        keep(last_good, library, releases, releases.release(version))
    needed = set(library.content(releases.digests[11]).blobs) | theirs
    assert needed <= digests(last_good)
    assert sum(entry.size for _, entry in list_blobs(last_good.store)) <= 10_000
    assert Library(releases.store, LastGood(cache)).content(releases.digests[11]).workflow == WORKFLOW


def test_what_a_drill_reverts_to_is_needed_too(releases: Releases, cache: Path) -> None:
    last_good = LastGood(cache, max_bytes=1)
    library = Library(releases.store, last_good)
    keep(last_good, library, releases, releases.release(2, revert_to=1, revert_at=NOON))
    both = {*library.content(releases.digests[1]).blobs, *library.content(releases.digests[2]).blobs}
    assert digests(last_good) == both


def test_a_kept_pointer_never_goes_back(releases: Releases, cache: Path) -> None:
    last_good = LastGood(cache)
    first, second = releases.release(1), releases.release(2)
    assert last_good.keep(second)
    assert last_good.keep(first)
    assert last_good.pointer("production", WORKFLOW) == second


def test_content_that_is_gone_from_disk_is_fetched_again_before_its_pointer_is_kept(
    releases: Releases, cache: Path
) -> None:
    releases.release(1)
    last_good = LastGood(cache)
    library = Library(releases.store, last_good)
    content = library.content(releases.digests[1])
    for digest, entry in list(list_blobs(last_good.store)):
        last_good.store.delete(entry.key)
        assert last_good.blob(digest) is None
    assert library.keep(content)
    assert digests(last_good) == set(content.blobs)


def test_trouble_is_logged_once_until_it_is_over(
    releases: Releases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    last_good = LastGood(tmp_path / "file")
    assert [last_good.add([b"x"]), last_good.add([b"x"]), last_good.keep(releases.release(1))] == [False] * 3
    assert last_good.pointer("production", WORKFLOW) is None
    assert caplog.text.count("nothing can be kept on disk") == 1
    (tmp_path / "file").unlink()
    assert last_good.add([b"x"])
