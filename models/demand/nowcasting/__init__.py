"""The running period from the orders known so far."""
