"""Jobs: the queue's worker thread, its heartbeat, recovery after a crash."""
