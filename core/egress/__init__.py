"""The egress gate: the one way to fetch what people, pages and models name."""
