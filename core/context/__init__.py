"""Conversations: what is kept of them, and what of them a model is shown."""
