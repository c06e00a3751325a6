"""Everything that the racing commands import, loaded once for all of them."""

from agent_deploy.cli import deliver, gc, promote, register, rollback
from agent_deploy.operations import gc as gc_operation
from agent_deploy.operations import promote as promote_operation
from agent_deploy.operations import register as register_operation
from agent_deploy.operations import rollback as rollback_operation
from registry import database, screening, source
from tests import commands

LOADED = (
    deliver, gc, promote, register, rollback,
    gc_operation, promote_operation, register_operation, rollback_operation,
    database, screening, source, commands,
)  # fmt: skip
