"""The service: one API, who may call it, and the ledger of what it answered."""
