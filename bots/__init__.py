"""Adapters, one a messenger: each turns its platform's events into inbound values and puts replies back."""
