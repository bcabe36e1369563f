"""The chat-completions protocol, apart from any connection: prompts out, answers in, complaints and lists of models.

Everything here is pure and knows no SDK, so that a server over HTTP and an engine in this process can share it.
"""
