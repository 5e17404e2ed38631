"""Decisions: read them again, replay them, hand them to an auditor."""
