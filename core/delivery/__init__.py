"""Delivery: what was committed to be said reaches its chat, within the budget that chat has."""
