"""The engines: what keeps accepted events, runs turns over them and delivers the answers.

``tables/`` is shared by all of them; each has a folder for its own connections.
"""
