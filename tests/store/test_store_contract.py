"""The contract of the store, kept by every backend; see ``conftest.py`` for which there are."""

from __future__ import annotations

from store_experiments_contract import ExperimentsContract
from store_queue_contract import QueueContract
from store_recovery_contract import RecoveryContract
from store_stages_contract import StagesContract


class TestStoreContract(ExperimentsContract, StagesContract, QueueContract, RecoveryContract):
    """One class, as the store is one; its ``store`` is each backend in turn."""
