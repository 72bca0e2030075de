"""Telling others how a run ended. Each module makes what one kind of reader takes; `post` sends."""
