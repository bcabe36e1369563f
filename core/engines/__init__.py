"""The engines: what keeps accepted events, runs turns over them and delivers the answers. One file an engine."""
