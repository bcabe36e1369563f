"""The running process: what it opens and keeps going, what it says about itself, and how a command talks with it."""
