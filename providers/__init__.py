"""Providers, one a lab or protocol: each turns a model's stream into the core's events."""
