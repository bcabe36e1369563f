"""People: who is let in."""
