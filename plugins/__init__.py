"""Plugins: the tools a model may call and the commands a person may give."""
