"""Figures over many runs, from their seals. Reading them is apart from computing."""
