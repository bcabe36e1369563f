"""Markdown as text: its blocks and inline constructs, where it may be cut, how others' words are set into it."""
