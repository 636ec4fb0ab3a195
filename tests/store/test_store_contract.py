"""The contract of the store, on every backend of ``conftest.py``."""

from __future__ import annotations

from tests.store.store_experiments_contract import ExperimentsContract
from tests.store.store_queue_contract import QueueContract
from tests.store.store_recovery_contract import RecoveryContract
from tests.store.store_stages_contract import StagesContract
from tests.store.store_studies_contract import StudiesContract


class TestStoreContract(
    ExperimentsContract, StagesContract, QueueContract, RecoveryContract, StudiesContract
):
    """All contracts; the fixture ``store`` is parametrised by backend."""
