"""Jobs: the worker thread of the queue, heartbeats, recovery after a crash."""
