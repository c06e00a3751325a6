"""Looking at the store, and what follows from what is found there: serve it, refuse it, or keep what there is."""

from __future__ import annotations

import logging

from agent_deploy.client.bundle import Bundle, Source
from agent_deploy.client.clocks import Clocks
from agent_deploy.client.errors import NotServed
from agent_deploy.client.fallback import fallback_content
from agent_deploy.client.last_good import LastGood
from agent_deploy.client.library import Library
from agent_deploy.client.served import Served, Serving, Slot, objection
from agent_deploy.client.settings import Settings
from registry.errors import RegistryError, Unavailable
from registry.models import Pointer, Target
from registry.pointers import decode, pointer_key

_log = logging.getLogger("agent_deploy.client")


class CannotLoad(RegistryError):
    """A release was found whose bundle is not whole in the store."""


class Watch:
    """Brings what is served up to date. A slot is `busy` meanwhile, so that each is asked about once at a time."""

    def __init__(self, settings: Settings, served: Served, clocks: Clocks) -> None:
        self.last_good = LastGood(settings.cache) if settings.cache is not None else None
        self.library = Library(settings.store, self.last_good)
        self._settings = settings
        self._served = served
        self._clocks = clocks

    def first(self, slot: Slot) -> None:
        """Serve a workflow for the first time: from the store, else from disk, else the fallback, else NotServed."""
        with slot.busy:
            if slot.serving is not None:
                return
            if self._clocks.monotonic() < slot.ask_again_at:
                raise self._not_served(slot)
            if self.last_good is not None:
                slot.seen = self.last_good.pointer(self._settings.environment, slot.workflow)
            trouble = self.look(slot)
            if slot.serving is None:
                self._serve_last_good(slot)
            if slot.serving is None:
                self._serve_fallback(slot)
            if slot.serving is None:
                if isinstance(trouble, Unavailable):  # a store that is away costs time-outs: not at every call
                    slot.ask_again_at = self._clocks.monotonic() + self._settings.poll_s
                raise self._not_served(slot) from trouble

    def look(self, slot: Slot) -> Exception | None:
        """Ask the store what is live, and follow it; what went wrong, which the slot then says too.

        The caller holds `slot.busy`.
        """
        try:
            refused = self._follow_store(slot)
        except (RegistryError, OSError) as error:
            self._note(slot, error=str(error))
            return error
        self._note(slot, refused=refused)
        return None

    def keep(self, slot: Slot) -> None:
        """Have the disk hold what is served. The caller holds `slot.busy`."""
        serving, reading = slot.serving, self._clocks.monotonic()
        if self.last_good is None or serving is None or serving.pointer is None or serving.bundle.source != "store":
            return
        new = serving.pointer != slot.kept
        if reading < slot.keep_at and (slot.keep_failed or not new):
            return
        if not new and self._settings.max_staleness_s is None:
            return
        slot.keep_failed = not (self._kept(serving, serving.pointer) if new else True)
        slot.keep_at = reading + self._settings.heartbeat_s
        if not slot.keep_failed:
            slot.kept = serving.pointer
            self._keep_confirmation(slot, self.last_good)

    def _follow_store(self, slot: Slot) -> str:
        """Serve what the store says is live; why it must not be, else an empty text. Raises what went wrong."""
        key = pointer_key(self._settings.environment, slot.workflow)
        reading = self._clocks.monotonic()
        slot.announceable = False
        stored = self._settings.store.get(key, unless=slot.serving.token if slot.serving else None)
        slot.announceable = True
        if stored is None:
            self._served.confirm(slot, reading)
            return ""
        pointer = decode(stored.data, f"{key} in {self._settings.store.url}")
        refused = objection(pointer, self._settings.environment, slot.workflow, slot.seen)
        if refused:
            return refused + self._advice()
        serving, lacking = self._prepared(slot, pointer, stored.token, "store")
        self._log_move(slot, self._served.serve(slot, serving))
        self._served.confirm(slot, reading)
        if lacking is not None:
            raise lacking
        return ""

    def _prepared(
        self, slot: Slot, pointer: Pointer, token: str | None, source: Source
    ) -> tuple[Serving, CannotLoad | None]:
        """What serving this pointer takes, all of it loaded; and why what it reverts to could not be, if so.

        Raises CannotLoad when what has to be served now is not whole.
        """
        before, moment = slot.serving, self._clocks.wall()
        back, at = pointer.revert_to, pointer.revert_at
        reverted = back is not None and at is not None and moment >= at
        head = Target(pointer.version, pointer.tag, pointer.digest)
        bundle = self._bundle(pointer, back if back is not None and reverted else head, source)
        reverts, lacking = None, None
        if back is not None and not reverted:
            try:
                reverts = self._bundle(pointer, back, source)
            except CannotLoad as error:
                token, lacking = None, error  # without a token the next look tries again
        same = before is not None and (before.bundle.generation, before.bundle.digest) == (
            bundle.generation,
            bundle.digest,
        )
        since = before.since if before is not None and same else moment
        return Serving(bundle, pointer, token, since, reverts, reverted), lacking

    def _bundle(self, pointer: Pointer, target: Target, source: Source) -> Bundle:
        name = f"generation {pointer.generation} (version {target.version})"
        try:
            content = self.library.content(target.digest)
        except (RegistryError, OSError) as error:
            raise CannotLoad(f"{name} cannot be loaded: {error}") from error
        if content.workflow != pointer.workflow:
            raise CannotLoad(f"{name} cannot be served: {target.digest} is a bundle of {content.workflow}")
        return Bundle(
            workflow=pointer.workflow,
            environment=pointer.environment,
            generation=pointer.generation,
            version=target.version,
            tag=target.tag,
            digest=target.digest,
            source=source,
            content=content,
        )

    def _serve_last_good(self, slot: Slot) -> None:
        if slot.seen is None or self.last_good is None:
            slot.lacking = "no last known good bundle on disk"
            return
        try:
            serving, _ = self._prepared(slot, slot.seen, None, "disk")
        except CannotLoad as error:
            slot.lacking = f"on disk: {error}"
            return
        self._log_move(slot, self._served.serve(slot, serving))
        confirmed_at = self.last_good.confirmed_at(self._settings.environment, slot.workflow)
        if confirmed_at is not None:
            self._served.confirm(slot, self._clocks.reading_at(confirmed_at))

    def _serve_fallback(self, slot: Slot) -> None:
        try:
            content = fallback_content(self._settings.fallback, slot.workflow)
        except (RegistryError, OSError) as error:
            slot.lacking += f"; the fallback folder: {error}"
            return
        if content is None:
            slot.lacking += "; no fallback folder for it"
            return
        bundle = Bundle(slot.workflow, self._settings.environment, 0, 0, "", content.digest, "fallback", content)
        self._log_move(slot, self._served.serve(slot, Serving(bundle, None, None, self._clocks.wall())))

    def _kept(self, serving: Serving, pointer: Pointer) -> bool:
        """Whether the disk now holds the pointer, and all that it needs."""
        contents = [bundle.content for bundle in (serving.bundle, serving.reverts) if bundle is not None]
        if self.last_good is None:
            return False
        try:
            whole = all(self.library.keep(content) for content in contents)
        except (RegistryError, OSError) as error:
            _log.warning("%s: generation %d is not kept on disk: %s", pointer.workflow, pointer.generation, error)
            return False
        return whole and self.last_good.keep(pointer)

    def _keep_confirmation(self, slot: Slot, last_good: LastGood) -> None:
        if slot.confirmed is not None and not (slot.last_error or slot.rejected):
            last_good.confirmed(self._settings.environment, slot.workflow, self._clocks.moment_at(slot.confirmed))

    def _note(self, slot: Slot, *, error: str = "", refused: str = "") -> None:
        """Remember how the look went; log only what is new."""
        if (error, refused) == (slot.last_error, slot.rejected):
            return
        slot.last_error, slot.rejected = error, refused
        where = f"{slot.workflow} in {self._settings.environment}"
        if error or refused:
            _log.warning("%s: %s%s", where, error or refused, "; what is served stays" if slot.serving else "")
        else:
            _log.info("%s: the store confirms what is served", where)

    def _log_move(self, slot: Slot, before: Serving | None) -> None:
        now = slot.serving
        if now is not None and (before is None or before.bundle != now.bundle):
            _log.info("serving %r, before: %r", now.bundle, before and before.bundle)

    def _advice(self) -> str:
        first = f"delete {self._settings.cache} and " if self._settings.cache is not None else ""
        return f" (was the registry rebuilt on purpose? then {first}restart this process)"

    def _not_served(self, slot: Slot) -> NotServed:
        environment = self._settings.environment
        return NotServed(
            f"{slot.workflow} is not served in {environment} from {self._settings.store.url}: "
            f"{slot.last_error or slot.rejected}; {slot.lacking}",
            next_step=f"run: agent-deploy promote {slot.workflow} --version REF --env {environment}",
        )
