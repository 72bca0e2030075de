"""Renderers: readers of the event stream for people, scripts and CI."""
