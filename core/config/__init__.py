"""The configuration: where it is written, what it may say, and what is wrong with it."""
