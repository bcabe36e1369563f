"""Anthropic's Messages API: what is said in its words, and what its events say."""
