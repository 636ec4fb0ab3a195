"""The contract of the store, kept by every backend; see ``conftest.py`` for which there are."""

from __future__ import annotations

from tests.store.store_experiments_contract import ExperimentsContract
from tests.store.store_queue_contract import QueueContract
from tests.store.store_recovery_contract import RecoveryContract
from tests.store.store_stages_contract import StagesContract
from tests.store.store_studies_contract import StudiesContract


class TestStoreContract(
    ExperimentsContract, StagesContract, QueueContract, RecoveryContract, StudiesContract
):
    """One class, as the store is one; its ``store`` is each backend in turn."""
