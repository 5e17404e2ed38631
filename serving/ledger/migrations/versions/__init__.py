"""One file a step, `v<revision>.py`; the last by name is the newest."""
